"""Dynamic World: the most frequent label of the anchor's year."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mmearth_core import Band, ClassLabel, Kind, Layer, Modality, Preview, Scene

if TYPE_CHECKING:
    import ee

# Source: the Earth Engine catalogue page of GOOGLE/DYNAMICWORLD/V1; each value is the catalogue's plus one.
CLASSES = (
    ClassLabel(1, "water", "#419bdf"),
    ClassLabel(2, "trees", "#397d49"),
    ClassLabel(3, "grass", "#88b053"),
    ClassLabel(4, "flooded_vegetation", "#7a87c6"),
    ClassLabel(5, "crops", "#e49635"),
    ClassLabel(6, "shrub_and_scrub", "#dfc35a"),
    ClassLabel(7, "built", "#c4281b"),
    ClassLabel(8, "bare", "#a59b8f"),
    ClassLabel(9, "snow_and_ice", "#b39fe1"),
)

LAND_COVER = Layer(
    "dynamic_world",
    [
        Band(
            "landcover",
            "uint8",
            0,
            description="most frequent land cover of the year, 10 m",
            classes=CLASSES,
            pixel_size=10,
        )
    ],
    kind=Kind.CLASSES,
    description="land cover of the anchor's year",
    preview=Preview(("landcover",), low=0, high=9),
)


@frozen
class DynamicWorldOptions:
    """`[modalities.dynamic_world]`. The defaults are the published dataset's."""

    collection: str = field(
        default="GOOGLE/DYNAMICWORLD/V1", metadata={"help": "collection of images with the band `label`"}
    )
    last_day: bool = field(
        default=False, metadata={"help": "also take 31 December, which the published dataset leaves out"}
    )


class DynamicWorld(Modality):
    """The most frequent label of each pixel in the anchor's year, plus one; 0 where there is none.

    `located` describes the composite: `{"collection", "start", "end", "count"}`, with the number of images.
    """

    name = "dynamic_world"
    api_version = 1
    layers = (LAND_COVER,)
    # The composite has no grid, as the year's images may be of several UTM zones: larger pixels count pixels of 10 m in
    # the zone of the tile.
    resampled = True
    Options = DynamicWorldOptions
    assets = ("GOOGLE/DYNAMICWORLD/V1",)
    licence = "CC BY 4.0"
    attribution = (
        "This dataset is produced for the Dynamic World Project by Google in partnership with National Geographic "
        "Society and the World Resources Institute. Contains modified Copernicus Sentinel data [Year]."
    )
    citation = (
        "Brown, C. F., Brumby, S. P., Guzder-Williams, B. et al. (2022): Dynamic World, Near real-time global 10 m "
        "land use land cover mapping. Scientific Data 9, 251. doi:10.1038/s41597-022-01307-4"
    )
    source = "https://developers.google.com/earth-engine/datasets/catalog/GOOGLE_DYNAMICWORLD_V1"

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """Counts the year's images at the tile."""
        import ee

        start, end = self._window(scene)
        return ee.Dictionary(
            {
                "collection": self.options.collection,
                "start": start,
                "end": end,
                "count": self._labels(scene).size(),
            }
        )

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """The composite."""
        return self._labels(scene).mode().add(1).rename("landcover")

    def present(self, located: Any) -> Collection[str] | None:
        """Nothing in a year without an image."""
        return None if located["count"] else ()

    def info(self, located: Any) -> Mapping[str, Any]:
        """The band and how it was made, or why there is none."""
        if not located["count"]:
            why = f"{located['collection']} has no image at the tile from {located['start']} to before {located['end']}"
            return {"BANDS": {"dynamic_world": []}, "MISSING": {"dynamic_world": why}}
        return {"BANDS": {"dynamic_world": ["label"]}, "DW_IMAGES": located["count"]}

    def _window(self, scene: Scene) -> tuple[str, str]:
        year = scene.date.year
        end = dt.date(year + 1, 1, 1) if self.options.last_day else dt.date(year, 12, 31)
        return dt.date(year, 1, 1).isoformat(), end.isoformat()

    def _labels(self, scene: Scene) -> "ee.ImageCollection":
        import ee

        here = ee.ImageCollection(self.options.collection).filterBounds(scene.geometry)
        labels: ee.ImageCollection = here.filterDate(*self._window(scene)).select(["label"])
        return labels
