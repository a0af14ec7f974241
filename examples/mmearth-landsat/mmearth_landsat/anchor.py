"""Landsat 8 and 9 as an anchor: one image per tile, which sets the day and the 30 m grid of the dataset."""

import datetime as dt
import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen, validators

from mmearth_core import Anchor, Band, ClassLabel, Kind, Layer, Modality, Preview, Scene, Skip

if TYPE_CHECKING:
    import ee

REFLECTANCE = {
    "SR_B1": "coastal",
    "SR_B2": "blue",
    "SR_B3": "green",
    "SR_B4": "red",
    "SR_B5": "nir",
    "SR_B6": "swir1",
    "SR_B7": "swir2",
}
"""Bands of Collection 2 Level 2, and their names here."""

# Scales and offsets of Level 2: https://www.usgs.gov/landsat-missions/landsat-collection-2-level-2-science-products
SR_SCALE, SR_OFFSET = 0.0000275, -0.2
ST_SCALE, ST_OFFSET = 0.00341802, 149.0

# The bit of QA_PIXEL of each class. Where several bits are set, the last one counts, so clouds hide what is below.
CLASSES = (
    (None, ClassLabel(0, "clear land", "#c8b98c")),
    (7, ClassLabel(1, "water", "#2b6cb0")),
    (5, ClassLabel(2, "snow or ice", "#52fff9")),
    (4, ClassLabel(3, "cloud shadow", "#774b0a")),
    (1, ClassLabel(4, "within some pixels of a cloud", "#c0c0c0")),
    (2, ClassLabel(5, "cirrus", "#bac5eb")),
    (3, ClassLabel(6, "cloud", "#ffffff")),
)

LAYERS = (
    Layer(
        "landsat_sr",
        [
            Band(
                name,
                "int16",
                -32768,
                unit="1e-4",
                description=f"surface reflectance times 10,000, {name}",
                pixel_size=30,
            )
            for name in REFLECTANCE.values()
        ],
        description="surface reflectance of Landsat 8 or 9",
        preview=Preview(("red", "green", "blue"), low=0, high=2400, gamma=1.6),
    ),
    Layer(
        "landsat_st",
        [
            Band(
                "temperature",
                "float32",
                math.nan,
                unit="K",
                description="surface temperature, measured at 100 m and delivered at 30 m",
                pixel_size=30,
            )
        ],
        description="surface temperature of Landsat 8 or 9",
        preview=Preview(("temperature",), low=260, high=320, colormap="inferno"),
    ),
    Layer(
        "landsat_qa",
        [
            Band(
                "qa",
                "uint8",
                255,
                description="clouds, their shadows, snow and water, from QA_PIXEL",
                classes=[label for _, label in CLASSES],
                pixel_size=30,
            )
        ],
        kind=Kind.CLASSES,
        description="what covers the surface in the image of Landsat 8 or 9",
        preview=Preview(("qa",), low=0, high=6),
    ),
)


def _are_years(_options: object, _attribute: Any, years: tuple[int, ...]) -> None:
    if not years or not all(2013 <= year <= 2100 for year in years):
        raise ValueError("give at least one year from 2013, the first one of Landsat 8, to 2100, e.g. [2019, 2020]")


def _are_months(_options: object, _attribute: Any, months: tuple[int, ...]) -> None:
    if not months or not all(1 <= month <= 12 for month in months):
        raise ValueError("give at least one month from 1 to 12, e.g. [6, 7, 8]")


@frozen
class AnchorOptions:
    """`[modalities.landsat_anchor]`."""

    collections: tuple[str, ...] = field(
        default=("LANDSAT/LC08/C02/T1_L2", "LANDSAT/LC09/C02/T1_L2"),
        metadata={"help": "collections of Level 2; an image of any of them is chosen"},
    )
    years: tuple[int, ...] = field(
        default=(2018, 2019, 2020), validator=_are_years, metadata={"help": "years of the images"}
    )
    months: tuple[int, ...] = field(
        default=tuple(range(1, 13)), validator=_are_months, metadata={"help": "months of the images, 1 to 12"}
    )
    cloud_cover: float = field(
        default=10.0,
        validator=[validators.ge(0), validators.le(100)],
        metadata={"help": "maximum cloud cover of the image in percent"},
    )
    margin: float = field(
        default=200.0,
        validator=[validators.ge(0), validators.le(100_000)],
        metadata={"help": "metres by which the footprint of the image must extend beyond the tile"},
    )


class LandsatAnchor(Modality):
    """One image per tile, drawn reproducibly: the day and the 30 m grid of the tile are those of this image.

    `located` is `{"count", "images": [] or [{"asset", "date", "cloud", "projection": {"crs", "transform"}}]}`.
    """

    name = "landsat_anchor"
    api_version = 1
    layers = LAYERS
    # Landsat's pixels have their centres, and not their corners, at multiples of 30 m.
    pixel_size = 30
    origin = 15
    Options = AnchorOptions
    licence = "public domain (U.S. Geological Survey)"
    attribution = "Landsat 8/9 image courtesy of the U.S. Geological Survey."
    citation = "U.S. Geological Survey: Landsat 8 and 9 Collection 2 Level 2. doi:10.5066/P9OGBGM6"
    source = "https://developers.google.com/earth-engine/datasets/catalog/LANDSAT_LC08_C02_T1_L2"

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """Lists the images that contain the tile and its margin, in order of time, and draws one of them."""
        import ee

        around = scene.geometry.buffer(self.options.margin)
        covering = self._images(scene).filter(ee.Filter.contains(leftField=".geo", rightValue=around))
        count = covering.size()
        # The number of images is known only to the server; the draw, 0 to below 1, only here.
        position = count.multiply(draw(scene.tile_id)).toInt()
        images = covering.sort("system:time_start").toList(1, position).map(_describe)
        return ee.Dictionary({"count": count, "images": images})

    def anchor(self, scene: Scene, located: Any) -> Anchor | Skip:
        """Day and grid of the image; a tile without an image is skipped."""
        if not located["images"]:
            return Skip(
                f"no image with at most {self.options.cloud_cover:g} % cloud contains the tile and "
                f"{self.options.margin:g} m around it in the chosen years and months"
            )
        image = located["images"][0]
        projection = image["projection"]
        # The core compares the transform with the pixel size and origin above.
        return Anchor(dt.date.fromisoformat(image["date"]), projection["crs"], transform=projection["transform"])

    def image(self, scene: Scene, located: Any) -> "ee.Image":
        """The bands of the drawn image in their units; the core resamples and casts."""
        import ee

        source = ee.Image(located["images"][0]["asset"])
        reflectance = source.select(list(REFLECTANCE), list(REFLECTANCE.values()))
        temperature = source.select(["ST_B10"], ["temperature"]).multiply(ST_SCALE).add(ST_OFFSET)
        bits = source.select(["QA_PIXEL"], ["qa"])
        quality = bits.multiply(0)
        for bit, label in CLASSES:
            if bit is not None:
                quality = quality.where(bits.bitwiseAnd(1 << bit).neq(0), label.value)
        scaled = reflectance.multiply(SR_SCALE * 1e4).add(SR_OFFSET * 1e4).round()
        image: ee.Image = scaled.addBands(temperature).addBands(quality)
        return image

    def info(self, located: Any) -> Mapping[str, Any]:
        """The image, its day and its cloud cover."""
        image = located["images"][0]
        found = {"id": image["asset"], "date": image["date"], "cloud_cover": image["cloud"]}
        why = "Earth Engine has no surface temperature of this image here"
        return {"LANDSAT_ANCHOR": found, "MASKED": {"landsat_st": why}}

    def _images(self, scene: Scene) -> "ee.ImageCollection":
        """The images by bounds, date and cloud, each with its id and its collection's."""
        import ee

        years, months = self.options.years, self.options.months
        in_year = ee.Filter.Or(*[ee.Filter.calendarRange(year, year, "year") for year in years])
        in_month = ee.Filter.Or(*[ee.Filter.calendarRange(month, month, "month") for month in months])

        def of(name: str) -> "ee.ImageCollection":
            images = (
                ee.ImageCollection(name)
                .filterBounds(scene.geometry)
                # Earth Engine has an index of dates, but none of years and months.
                .filterDate(f"{min(years)}-01-01", f"{max(years) + 1}-01-01")
                .filter(ee.Filter.And(in_year, in_month, ee.Filter.lte("CLOUD_COVER", self.options.cloud_cover)))
            )
            # Merged collections change `system:index`.
            found: ee.ImageCollection = images.map(
                lambda image: image.set("asset", ee.String(f"{name}/").cat(image.get("system:index")))
            )
            return found

        first, *others = [of(name) for name in self.options.collections]
        for other in others:
            first = first.merge(other)
        return first


def draw(tile_id: str) -> float:
    """A number from 0 to below 1 that depends only on the tile's id, the same on every machine."""
    return int.from_bytes(hashlib.sha256(tile_id.encode()).digest()[:4], "big") / 2**32


def _describe(element: Any) -> "ee.Dictionary":
    import ee

    image = ee.Image(element)
    return ee.Dictionary(
        {
            "asset": image.get("asset"),
            "date": image.date().format("YYYY-MM-dd"),
            "cloud": image.get("CLOUD_COVER"),
            "projection": image.select("SR_B2").projection(),
        }
    )
