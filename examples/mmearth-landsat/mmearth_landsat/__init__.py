"""Landsat 8 and 9 for mmearth-core: the image nearest to the anchor's day."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mmearth_core import Band, Layer, Modality, Preview, Resampling, Scene, hookimpl
from mmearth_landsat.anchor import LandsatAnchor

if TYPE_CHECKING:
    import ee

SOURCES = {"SR_B2": "blue", "SR_B3": "green", "SR_B4": "red", "SR_B5": "nir", "SR_B6": "swir1", "SR_B7": "swir2"}
"""Bands of Collection 2 Level 2, and their names here."""

# Scale and offset of Level 2: https://www.usgs.gov/landsat-missions/landsat-collection-2-level-2-science-products
SCALE, OFFSET = 0.0000275, -0.2

REFLECTANCE = Layer(
    "landsat",
    [
        Band(
            name,
            "int16",
            -32768,
            unit="1e-4",
            description=f"surface reflectance times 10,000, {name}, 30 m",
            resampling=Resampling.BILINEAR,
            pixel_size=30,
        )
        for name in SOURCES.values()
    ],
    description="surface reflectance of Landsat 8 or 9",
    preview=Preview(("red", "green", "blue"), low=0, high=2400, gamma=1.6),
)


@frozen
class Options:
    """`[modalities.landsat]`."""

    collections: tuple[str, ...] = field(
        default=("LANDSAT/LC08/C02/T1_L2", "LANDSAT/LC09/C02/T1_L2"),
        metadata={"help": "collections of Level 2; the nearest image of all of them is used"},
    )
    days: int = field(default=90, metadata={"help": "maximum number of days between the image and the anchor"})
    cloud_cover: float = field(default=30.0, metadata={"help": "maximum cloud cover of the image in percent"})


class Landsat(Modality):
    """Six bands of one image.

    `located` is [] or `[{"index", "collection", "date"}]`.
    """

    name = "landsat"
    api_version = 1
    layers = (REFLECTANCE,)
    Options = Options
    licence = "public domain (U.S. Geological Survey)"
    attribution = "Landsat 8/9 image courtesy of the U.S. Geological Survey."
    citation = "U.S. Geological Survey: Landsat 8 and 9 Collection 2 Level 2. doi:10.5066/P9OGBGM6"
    source = "https://developers.google.com/earth-engine/datasets/catalog/LANDSAT_LC08_C02_T1_L2"

    def locate(self, scene: Scene) -> "ee.List":
        """The nearest image that covers the tile; the earlier of two that are equally near."""
        import ee

        def measured(name: str) -> "ee.ImageCollection":
            images = (
                ee.ImageCollection(name)
                .filterBounds(scene.geometry)
                .filterDate((scene.date - days).isoformat(), (scene.date + days + dt.timedelta(1)).isoformat())
                .filter(ee.Filter.lte("CLOUD_COVER", self.options.cloud_cover))
                .filter(ee.Filter.contains(leftField=".geo", rightValue=scene.geometry))
            )
            found: ee.ImageCollection = images.map(lambda image: image.set("from", name, "away", away(image)))
            return found

        def away(image: Any) -> Any:
            return ee.Number(image.get("system:time_start")).subtract(noon).add(0.25).abs()

        def described(element: Any) -> Any:
            image = ee.Image(element)
            record = {"index": image.get("system:index"), "collection": image.get("from")}
            return ee.Dictionary({**record, "date": image.date().format("YYYY-MM-dd")})

        days = dt.timedelta(self.options.days)
        noon = dt.datetime(scene.date.year, scene.date.month, scene.date.day, 12, tzinfo=dt.UTC).timestamp() * 1000
        nearest = [measured(name).sort("away").toList(1) for name in self.options.collections]
        records: ee.List = ee.ImageCollection(ee.List(nearest).flatten()).sort("away").toList(1).map(described)
        return records

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """Its bands as reflectance times 10,000; the core resamples 30 m pixels to the tile's grid."""
        import ee

        source = ee.Image(self._id(located)).select(list(SOURCES), list(SOURCES.values()))
        scaled: ee.Image = source.multiply(SCALE * 1e4).add(OFFSET * 1e4).round()
        return scaled

    def present(self, located: Any) -> Collection[str] | None:
        """Nothing where there is no image."""
        return None if located else ()

    def info(self, located: Any) -> Mapping[str, Any]:
        """The image and its day, or why there is none."""
        if located:
            return {"LANDSAT_ID": self._id(located), "LANDSAT_DATE": located[0]["date"]}
        why = f"no image with at most {self.options.cloud_cover:g} % cloud within {self.options.days} days"
        return {"MISSING": {"landsat": why}}

    def _id(self, located: Any) -> str:
        return f"{located[0]['collection']}/{located[0]['index']}"


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """The modalities `landsat` and `landsat_anchor`."""
    return [Landsat, LandsatAnchor]
