"""Greenness for mmearth-core: the highest vegetation index of the anchor's year, from Landsat 8 and 9."""

import datetime as dt
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mmearth_core import Band, Layer, Modality, Preview, Resampling, Scene, hookimpl, resample

if TYPE_CHECKING:
    import ee

# Scale and offset of Level 2: https://www.usgs.gov/landsat-missions/landsat-collection-2-level-2-science-products
SCALE, OFFSET = 0.0000275, -0.2

CLOUDS = 0b11110
"""Bits of QA_PIXEL: dilated cloud, cirrus, cloud, cloud shadow."""

GREENNESS = Layer(
    "greenness",
    [
        Band(
            "ndvi",
            "float32",
            math.nan,
            description="highest normalised difference vegetation index of the year, 30 m",
            resampling=Resampling.BILINEAR,
            pixel_size=30,
        )
    ],
    description="greenest state of the vegetation in the anchor's year",
    preview=Preview(("ndvi",), low=0, high=1, colormap="Greens"),
)


@frozen
class Options:
    """`[modalities.greenness]`."""

    collections: tuple[str, ...] = field(
        default=("LANDSAT/LC08/C02/T1_L2", "LANDSAT/LC09/C02/T1_L2"), metadata={"help": "collections of Level 2"}
    )
    cloud_cover: float = field(default=80.0, metadata={"help": "maximum cloud cover of an image in percent"})


class Greenness(Modality):
    """A composite of all images of a year.

    `located` is `{"images": their number}`.
    """

    name = "greenness"
    api_version = 1
    layers = (GREENNESS,)
    # A composite has no grid on which the core could interpolate it: image() resamples what it is made of.
    resampled = True
    Options = Options
    licence = "public domain (U.S. Geological Survey)"
    attribution = "Landsat 8/9 image courtesy of the U.S. Geological Survey."
    citation = "U.S. Geological Survey: Landsat 8 and 9 Collection 2 Level 2. doi:10.5066/P9OGBGM6"
    source = "https://developers.google.com/earth-engine/datasets/catalog/LANDSAT_LC08_C02_T1_L2"

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """Counts the images of the year."""
        import ee

        return ee.Dictionary({"images": self._images(scene).size()})

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """The highest index of the clear pixels."""

        def index(image: Any) -> Any:
            clear = image.select("QA_PIXEL").bitwiseAnd(CLOUDS).eq(0)
            reflectance = image.select(["SR_B5", "SR_B4"]).multiply(SCALE).add(OFFSET)
            return reflectance.normalizedDifference().rename("ndvi").updateMask(clear)

        # Images of neighbouring UTM zones have different grids, so each one is interpolated on its own.
        return resample(self._images(scene).map(index)).max()

    def present(self, located: Any) -> Collection[str] | None:
        """Nothing in a year without an image."""
        return None if located["images"] else ()

    def info(self, located: Any) -> Mapping[str, Any]:
        """How many images there were, or why there is no index."""
        missing = {} if located["images"] else {"MISSING": {"greenness": "no image at the tile in the anchor's year"}}
        return {"GREENNESS_IMAGES": located["images"], **missing}

    def _images(self, scene: Scene) -> "ee.ImageCollection":
        import ee

        start, end = dt.date(scene.date.year, 1, 1), dt.date(scene.date.year + 1, 1, 1)
        eight, *others = [ee.ImageCollection(name).filterBounds(scene.geometry) for name in self.options.collections]
        for other in others:
            eight = eight.merge(other)
        images: ee.ImageCollection = eight.filterDate(start.isoformat(), end.isoformat())
        return images.filter(ee.Filter.lte("CLOUD_COVER", self.options.cloud_cover))


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """The modality `greenness`."""
    return [Greenness]
