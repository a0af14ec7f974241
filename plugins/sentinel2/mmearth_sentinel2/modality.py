"""Sentinel-2, the anchor: finds the image of each tile and says which bands it has."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from mmearth_core import Anchor, Modality, Scene, Skip
from mmearth_sentinel2.draw import TABLE, Draw, draw
from mmearth_sentinel2.layers import CLOUD_CLASSES, CLOUD_MASK, LAYERS
from mmearth_sentinel2.options import Sentinel2Options

if TYPE_CHECKING:
    import ee

# Source: the Earth Engine catalogue pages of both collections. ESA's polygons, from which QA60 was made, ended with the
# first date; since the second one it is made from the new bands.
_GAP = dt.date(2022, 1, 25), dt.date(2024, 2, 28)


class Sentinel2(Modality):
    """One image per tile, drawn reproducibly, of level 1C or 2A.

    `located` is `{"variant", "count", "images": [] or [{"index", "date", "bands", "crs", "cloud"}]}`.
    """

    name = "sentinel2"
    api_version = 1
    layers = LAYERS
    variants = ("l1c", "l2a")
    variant_key = "S2_type"
    Options = Sentinel2Options
    assets = ("COPERNICUS/S2_HARMONIZED", "COPERNICUS/S2_SR_HARMONIZED")
    licence = (
        "Copernicus Sentinel data: free, full and open, with attribution "
        "(Commission Delegated Regulation (EU) No 1159/2013)"
    )
    attribution = "Contains modified Copernicus Sentinel data [Year]."
    citation = "European Space Agency: Copernicus Sentinel-2 data [Year], levels 1C and 2A, from Google Earth Engine."
    source = "https://developers.google.com/earth-engine/datasets/catalog/COPERNICUS_S2_SR_HARMONIZED"

    def __init__(self, options: Sentinel2Options | None = None) -> None:
        super().__init__(options)
        if self.options.cloud_classes:
            self.layers = (*LAYERS, CLOUD_CLASSES)

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """Filters both collections by place, date and cloud, and selects the drawn image."""
        import ee

        drawn = self._draw(scene)
        l1c = self._candidates(scene, drawn, "l1c")
        if drawn.l1c_only:
            return self._chosen(scene, l1c, "l1c", drawn.table())
        l2a = self._candidates(scene, drawn, "l2a")
        # The product is decided before the footprint is tested, as in the published dataset.
        has_l2a = l2a.size().gt(0)
        collection = ee.ImageCollection(ee.Algorithms.If(has_l2a, l2a, l1c))
        return self._chosen(scene, collection, ee.Algorithms.If(has_l2a, "l2a", "l1c"), drawn.table())

    def relocate(self, scene: Scene, located: Any) -> "ee.Dictionary | None":
        """A second question where there are more images than the first request's table of draws covers."""
        count, variant = located["count"], located["variant"]
        if count <= TABLE:
            return None
        drawn = self._draw(scene)
        return self._chosen(scene, self._candidates(scene, drawn, variant), variant, drawn.pick(count))

    def anchor(self, scene: Scene, located: Any) -> Anchor | Skip:
        """The image's day and UTM zone; skipped where no image covers the tile."""
        if not located["images"]:
            year = self._draw(scene).year
            return Skip(
                f"no {located['variant']} image with less than {self.options.cloud_percentage:g} % "
                "cloud covers the tile "
                f"and {self.options.margin:g} m around it in the window of {year}"
            )
        image = located["images"][0]
        return Anchor(date=dt.date.fromisoformat(image["date"]), crs=image["crs"], variant=located["variant"])

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """The drawn image."""
        import ee

        return ee.Image(self._id(located))

    def present(self, located: Any) -> Collection[str]:
        """The bands of that image: level 2A has no B10, and not always the cloud probability."""
        declared = {band.name for layer in self.layers for band in layer.bands}
        return declared & set(located["images"][0]["bands"])

    def info(self, located: Any) -> Mapping[str, Any]:
        """Date, product and bands under the published dataset's keys, the image's id, and why masks are empty."""
        present, date = self.present(located), located["images"][0]["date"]
        bands = {layer.name: [band.name for band in layer.bands if band.name in present] for layer in self.layers}
        empty = _empty_masks(dt.date.fromisoformat(date))
        without = {layer.name for layer in self.layers if not present & {band.name for band in layer.bands}}
        absent = {name: why for name, why in empty.items() if name in without}
        return {
            "S2_DATE": date,
            "S2_type": located["variant"],
            "S2_ID": self._id(located),
            "BANDS": bands,
            **({"MASKED": empty} if empty else {}),
            **({"MISSING": absent} if absent else {}),
        }

    def _draw(self, scene: Scene) -> Draw:
        return draw(scene.lat, scene.lon, [int(year) for year in self.options.windows])

    def _id(self, located: Any) -> str:
        return f"{getattr(self.options, located['variant'])}/{located['images'][0]['index']}"

    def _candidates(self, scene: Scene, drawn: Draw, variant: str) -> "ee.ImageCollection":
        """The images of a product by bounds, date and cloud; not yet by footprint."""
        import ee

        start, end = self.options.windows[str(drawn.year)]
        return (
            ee.ImageCollection(getattr(self.options, variant))
            .filterBounds(scene.geometry)
            .filterDate(start.isoformat(), end.isoformat())
            .filter(ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", self.options.cloud_percentage))
        )

    def _chosen(
        self, scene: Scene, collection: "ee.ImageCollection", variant: Any, picks: list[int] | int
    ) -> "ee.Dictionary":
        """Of the images that contain the tile and its margin, the drawn one; [] where there is none."""
        import ee

        around = scene.geometry.buffer(self.options.margin)
        covering = collection.filter(ee.Filter.contains(leftField=".geo", rightValue=around))
        count = covering.size()
        pick = ee.List(picks).get(count.min(TABLE)) if isinstance(picks, list) else picks
        return ee.Dictionary({"variant": variant, "count": count, "images": covering.toList(1, pick).map(_describe)})


def _empty_masks(date: dt.date) -> dict[str, str]:
    """The layers that Earth Engine has no data for in images of a day, each with the reason."""
    found = {}
    if _GAP[0] <= date <= _GAP[1]:
        found[CLOUD_MASK.name] = f"QA60 is masked in Earth Engine in images from {_GAP[0]} to {_GAP[1]}"
    if date <= _GAP[1]:
        found[CLOUD_CLASSES.name] = "Earth Engine has MSK_CLASSI_* in images from February 2024 on"
    return found


def _describe(element: Any) -> "ee.Dictionary":
    import ee

    image = ee.Image(element)
    return ee.Dictionary(
        {
            "index": image.get("system:index"),
            "date": image.date().format("YYYY-MM-dd"),
            "bands": image.bandNames(),
            # Any band of 10 m: an image has no single projection.
            "crs": image.select("B2").projection().crs(),
            "cloud": image.get("CLOUDY_PIXEL_PERCENTAGE"),
        }
    )
