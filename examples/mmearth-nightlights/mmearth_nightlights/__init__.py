"""Night lights for mmearth-core: how bright a tile and its surroundings are at night, as numbers."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mmearth_core import Band, Kind, Layer, Modality, Scene, hookimpl

if TYPE_CHECKING:
    import ee

BANDS = {"tile": "in the tile", "around": "in the tile and around it"}

RADIANCE = Layer(
    "nightlights",
    [
        Band(name, "float32", math.nan, unit="nW cm-2 sr-1", description=f"mean radiance of the year before, {where}")
        for name, where in BANDS.items()
    ],
    kind=Kind.VECTOR,
    description="light at night, from the day/night band of VIIRS",
)


@frozen
class Options:
    """`[modalities.nightlights]`."""

    collection: str = field(
        default="NOAA/VIIRS/DNB/MONTHLY_V1/VCMSLCFG", metadata={"help": "monthly images with the band `avg_rad`"}
    )
    around: float = field(default=5000.0, metadata={"help": "width of the surroundings in metres"})
    scale: float = field(default=100.0, metadata={"help": "metres between the averaged points"})


class Nightlights(Modality):
    """Two numbers per tile; no pixels are downloaded, so a tile costs no request of its own.

    `located` is `{"months": number of images, "means": {"tile": number or None, "around": number or None}}`.
    """

    name = "nightlights"
    api_version = 1
    layers = (RADIANCE,)
    Options = Options
    licence = "public domain (Earth Observation Group, Colorado School of Mines)"
    attribution = "none required"
    citation = (
        "Elvidge, C. D. et al. (2017): VIIRS night-time lights. International Journal of Remote Sensing 38, 5860-5879. "
        "doi:10.1080/01431161.2017.1342050"
    )
    source = "https://developers.google.com/earth-engine/datasets/catalog/NOAA_VIIRS_DNB_MONTHLY_V1_VCMSLCFG"

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """The mean of the twelve months before the anchor's, over the tile and over its surroundings."""
        import ee

        end = scene.date.replace(day=1)
        start = dt.date(end.year - 1, end.month, 1)
        months = ee.ImageCollection(self.options.collection).filterDate(start.isoformat(), end.isoformat())
        # A masked image does not change the mean, but the mean of no images at all has a band because of it.
        blank = ee.Image.constant(0.0).rename("avg_rad").updateMask(0)
        light = months.select(["avg_rad"]).merge(ee.ImageCollection([blank])).mean()

        def mean(where: "ee.Geometry") -> Any:
            return light.reduceRegion(ee.Reducer.mean(), where, self.options.scale).get("avg_rad")

        wide = scene.geometry.buffer(self.options.around)
        return ee.Dictionary({"months": months.size(), "means": {"tile": mean(scene.geometry), "around": mean(wide)}})

    def values(self, located: Any) -> Mapping[str, list[float | None]]:
        """The numbers in the order of the bands; None for a missing number."""
        return {"nightlights": [located["means"].get(name) for name in BANDS]}

    def info(self, located: Any) -> Mapping[str, Any]:
        """How many months there were, and why a number is missing."""
        why = {} if located["months"] else {"MISSING": {"nightlights": f"{self.options.collection} has no image"}}
        return {"NIGHTLIGHTS_MONTHS": located["months"], **why}


@hookimpl
def mmearth_modalities() -> list[type[Modality]]:
    """The modality `nightlights`."""
    return [Nightlights]
