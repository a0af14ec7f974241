"""Time series of Sentinel-2: images or composites of months, seasons or years around the anchor's year."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen, validators

from mmearth_core import Layer, Modality, Resampling, Scene, resample
from mmearth_sentinel2.layers import REFLECTANCE
from mmearth_sentinel2.modality import Sentinel2

if TYPE_CHECKING:
    import ee

MOST_STEPS = 60
"""Maximum number of steps: with all bands of level 1C, still less than the 1,024 bands that one request may have."""

_MONTHS = {"month": 1, "season": 3, "year": 12}
"""The length of an interval."""

_BANDS = {band.name: band for band in REFLECTANCE.bands}
_CLOUDS = 1 << 10 | 1 << 11
"""The bits of QA60 for opaque and cirrus clouds."""

_INDEX = re.compile(r"(?P<sensing>\d{8}T\d{6})_\d{8}T\d{6}_T(?P<zone>\d\d)(?P<square>[A-Z]{3})")
"""An image's index in Earth Engine: start of sensing, time of processing, and granule."""

Interval = tuple[dt.date, dt.date]
"""The first day, and the day after the last one."""


def _check_bands(options: "SeriesOptions", _attribute: Any, bands: tuple[str, ...]) -> None:
    known = [name for name in _BANDS if name != "B10" or options.level == "l1c"]
    unknown = [name for name in bands if name not in known]
    if unknown or not bands or len(set(bands)) < len(bands):
        raise ValueError(f"name some of the bands of {options.level}, each once: {', '.join(known)}")


def _check_mask(options: "SeriesOptions", _attribute: Any, mask: str) -> None:
    if mask == "scl" and options.level == "l1c":
        raise ValueError('level 1C has no scene classification: choose "qa60", "cloud_score" or "none"')


def _check_per_interval(options: "SeriesOptions", _attribute: Any, number: int) -> None:
    if number > 1 and options.method != "images":
        raise ValueError('a composite has one step per interval: set method = "images" for several images')


def _check_years(options: "SeriesOptions", _attribute: Any, years: tuple[int, int]) -> None:
    if not -20 <= years[0] <= years[1] <= 20:
        raise ValueError("give the first and the last year relative to the anchor's, such as [-1, 1], at most 20 apart")
    if options.steps > MOST_STEPS:
        raise ValueError(
            f"these are {options.steps} steps, years x intervals x per_interval; at most {MOST_STEPS} are possible"
        )


@frozen
class SeriesOptions:
    """The keys of the table."""

    interval: Literal["month", "season", "year"] = field(
        default="season",
        metadata={"help": "months, seasons (from December of the year before), or calendar years"},
    )
    years: tuple[int, int] = field(
        default=(0, 0),
        validator=_check_years,
        metadata={"help": "the first and the last year, relative to that of the anchor's day"},
    )
    method: Literal["median", "least_cloudy", "images"] = field(
        default="median",
        metadata={
            "help": "of each interval: the median of all clear pixels; each pixel of the least cloudy image that is "
            "clear there; or whole images that cover the tile, the least cloudy ones"
        },
    )
    per_interval: int = field(
        default=1,
        validator=[validators.ge(1), _check_per_interval],
        metadata={"help": 'images of each interval, with method = "images"; in the order of time'},
    )
    mask: Literal["scl", "qa60", "cloud_score", "none"] = field(
        default="scl",
        validator=_check_mask,
        metadata={"help": "what says which pixels are clear: scene classification, QA60, Cloud Score+, or nothing"},
    )
    clear_classes: tuple[int, ...] = field(
        default=(4, 5, 6, 7, 11),
        validator=[validators.min_len(1), validators.deep_iterable(validators.in_(range(12)))],
        metadata={"help": 'the clear classes of the scene classification, with mask = "scl"'},
    )
    clear_score: float = field(
        default=0.6,
        validator=[validators.ge(0), validators.le(1)],
        metadata={"help": 'least score of a clear pixel, with mask = "cloud_score"'},
    )
    score_band: Literal["cs_cdf", "cs"] = field(default="cs_cdf", metadata={"help": "which of the two scores"})
    level: Literal["l2a", "l1c"] = field(default="l2a", metadata={"help": "surface, or top of the atmosphere"})
    bands: tuple[str, ...] = field(
        default=("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12"),
        validator=_check_bands,
        metadata={"help": "the bands, in order"},
    )
    cloud_percentage: float = field(
        default=60.0,
        validator=[validators.gt(0), validators.le(100)],
        metadata={"help": "CLOUDY_PIXEL_PERCENTAGE of an image must be below this"},
    )
    most_images: int = field(
        default=30,
        validator=[validators.ge(1), validators.le(500)],
        metadata={"help": "a composite takes at most so many images, the least cloudy ones"},
    )
    margin: float = field(
        default=200.0,
        validator=[validators.ge(0), validators.le(100_000)],
        metadata={"help": 'metres by which an image must extend beyond the tile, with method = "images"'},
    )
    l1c: str = field(default=Sentinel2.assets[0], metadata={"help": "collection of level 1C"})
    l2a: str = field(default=Sentinel2.assets[1], metadata={"help": "collection of level 2A"})
    cloud_score: str = field(
        default="GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED", metadata={"help": "collection of Cloud Score+"}
    )

    @property
    def steps(self) -> int:
        """The number of time steps."""
        return (self.years[1] - self.years[0] + 1) * 12 // _MONTHS[self.interval] * self.per_interval

    @property
    def collection(self) -> str:
        """The collection of the level."""
        return self.l2a if self.level == "l2a" else self.l1c


@frozen
class Image:
    """An image that was found.

    Attributes:
        index: its name in the collection.
        date: the day, UTC.
        cloud: its CLOUDY_PIXEL_PERCENTAGE.
    """

    index: str
    date: dt.date
    cloud: float


def layer_of(options: SeriesOptions) -> Layer:
    """The layer that the options ask for."""
    what = {"median": "median of clear pixels", "least_cloudy": "least cloudy clear pixels", "images": "images"}
    preview = REFLECTANCE.preview if options.level == "l2a" else REFLECTANCE.variant_previews["l1c"]
    return Layer(
        "sentinel2_series",
        [_BANDS[name] for name in options.bands],
        description=f"{what[options.method]} of each {options.interval}, level {options.level}, mask {options.mask}",
        preview=preview if preview and {*preview.bands} <= {*options.bands} else None,
        steps=options.steps,
    )


class Sentinel2Series(Modality):
    """A step per image or composite; the layer depends on the options.

    `located` is `{"year", "crs", "index": [...], "time": [...], "cloud": [...]}`, the images of all intervals; with
    Cloud Score+ also `"scored"`, the images that have a score.
    """

    name = "sentinel2_series"
    api_version = 1
    layers = (layer_of(SeriesOptions()),)
    resampled = True
    Options = SeriesOptions
    assets = (*Sentinel2.assets, "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED")
    licence = Sentinel2.licence
    attribution = Sentinel2.attribution
    citation = Sentinel2.citation
    source = Sentinel2.source

    def __init__(self, options: SeriesOptions | None = None) -> None:
        super().__init__(options)
        own = self.options
        if own.mask == "cloud_score":
            self.licence += "; Cloud Score+: CC-BY-4.0"
            self.citation += (
                " Pasquarella, V. J. et al. (2023): Comprehensive quality assessment of optical satellite imagery "
                "using weakly supervised video learning. CVPR Workshops."
            )
        self.layers = (layer_of(own),)

    def locate(self, scene: Scene) -> "ee.Dictionary":
        """The images of all intervals; which of them are used is decided here, not on the server."""
        import ee

        intervals = list(_intervals(scene.date.year, self.options))
        start, end = intervals[0][0].isoformat(), intervals[-1][1].isoformat()

        def around(collection: str) -> "ee.ImageCollection":
            return ee.ImageCollection(collection).filterBounds(scene.geometry).filterDate(start, end)

        images = around(self.options.collection).filter(
            ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", self.options.cloud_percentage)
        )
        if self.options.method == "images":
            tile = scene.geometry.buffer(self.options.margin)
            images = images.filter(ee.Filter.contains(leftField=".geo", rightValue=tile))
        found = {
            "year": scene.date.year,
            "crs": scene.anchor.crs if scene.anchor else "",
            "index": images.aggregate_array("system:index"),
            "time": images.aggregate_array("system:time_start"),
            "cloud": images.aggregate_array("CLOUDY_PIXEL_PERCENTAGE"),
        }
        if self.options.mask == "cloud_score":
            found["scored"] = around(self.options.cloud_score).aggregate_array("system:index")
        return ee.Dictionary(found)

    def image(self, scene: Scene, located: Any) -> "list[ee.Image | None]":
        """One image per step."""
        # Rounded, as interpolated values and medians of two are no whole numbers.
        return [self._combined(images).round() if images else None for images in self._steps(located)]

    def info(self, located: Any) -> Mapping[str, Any]:
        """The days and images of each step, and why all of them are empty if they are."""
        own = self.options
        steps = self._steps(located)
        intervals = [each for each in _intervals(located["year"], own) for _ in range(own.per_interval)]
        reported = [
            _report(own, interval, images) if images else None
            for interval, images in zip(intervals, steps, strict=True)
        ]
        period = f"{intervals[0][0]} to {intervals[-1][1] - dt.timedelta(1)}"
        if not any(steps):
            covers = " covers the tile" if own.method == "images" else ""
            why = f"no {own.level} image with less than {own.cloud_percentage:g} % cloud{covers} from {period}"
            return {"STEPS": {self.name: reported}, "MISSING": {self.name: why}}
        return {
            "STEPS": {self.name: reported},
            "BANDS": {self.name: list(own.bands)},
            "MASKED": {self.name: f"no pixel is clear in any image from {period}"},
        }

    def _steps(self, located: Any) -> list[list[Image]]:
        """The images of each step, the least cloudy ones first."""
        own = self.options
        images = _own_images(located)
        steps: list[list[Image]] = []
        for start, end in _intervals(located["year"], own):
            found = sorted(
                (image for image in images if start <= image.date < end),
                key=lambda image: (image.cloud, image.date, image.index),
            )
            if own.method != "images":
                steps.append(found[: own.most_images])
                continue
            # Several granules of one overpass show the same.
            days = {image.date: image for image in reversed(found)}
            chosen = [image for image in found if days[image.date] is image][: own.per_interval]
            chosen.sort(key=lambda image: image.date)
            steps += [[image] for image in chosen] + [[]] * (own.per_interval - len(chosen))
        return steps

    def _combined(self, images: Sequence[Image]) -> "ee.Image":
        import ee

        prepared = [self._clear_pixels(image.index) for image in images]
        if self.options.method == "images":
            return prepared[0]
        if self.options.method == "median":
            return ee.ImageCollection(prepared).median()
        return ee.ImageCollection(prepared[::-1]).mosaic()  # the last image is on top

    def _clear_pixels(self, index: str) -> "ee.Image":
        """An image's bands, resampled, with all but its clear pixels masked."""
        import ee

        own, source = self.options, ee.Image(f"{self.options.collection}/{index}")
        coarse = [name for name in own.bands if _BANDS[name].resampling is Resampling.BILINEAR]
        fine = [name for name in own.bands if name not in coarse]
        parts = [source.select(fine)] if fine else []
        image = ee.Image.cat([*parts, resample(source.select(coarse))] if coarse else parts)
        # Masked after it was resampled: a cloud must not spread to the pixels beside it.
        if own.mask == "scl":
            clear = list(own.clear_classes)
            return image.updateMask(source.select("SCL").remap(clear, [1] * len(clear), 0))
        if own.mask == "qa60":
            return image.updateMask(source.select("QA60").bitwiseAnd(_CLOUDS).eq(0))
        if own.mask == "cloud_score":
            return image.updateMask(ee.Image(f"{own.cloud_score}/{index}").select(own.score_band).gte(own.clear_score))
        return image


def _intervals(year: int, options: SeriesOptions) -> Iterator[Interval]:
    """The intervals of all years, in order; the first season of a year begins in the December before."""
    length = _MONTHS[options.interval]
    for each in range(year + options.years[0], year + options.years[1] + 1):
        for number in range(0, 12, length):
            first = 12 * each + number - (options.interval == "season")
            start, end = (dt.date(month // 12, month % 12 + 1, 1) for month in (first, first + length))
            yield start, end


def _own_images(located: Any) -> list[Image]:
    """The images in the tile's UTM zone, each once.

    Every overpass is cut into granules of all zones that it touches, so those of another zone add nothing, and their
    pixels would have to be moved. If an image was processed twice, the later one is used.
    """
    scored = None if located.get("scored") is None else set(located["scored"])
    found = {}
    for index, time, cloud in sorted(zip(located["index"], located["time"], located["cloud"], strict=True)):
        name = _INDEX.fullmatch(index)
        is_other = name is not None and re.fullmatch(r"EPSG:32[67](?!" + name["zone"] + r")\d\d", located["crs"])
        if is_other or (scored is not None and index not in scored):
            continue
        key = (name["sensing"], name["zone"], name["square"]) if name else index
        found[key] = Image(index, dt.datetime.fromtimestamp(time / 1000, dt.UTC).date(), cloud)
    return list(found.values())


def _report(options: SeriesOptions, interval: Interval, images: Sequence[Image]) -> dict[str, Any]:
    if options.method == "images":
        return {"date": images[0].date.isoformat(), "id": f"{options.collection}/{images[0].index}"}
    first, last = interval[0].isoformat(), (interval[1] - dt.timedelta(1)).isoformat()
    months = {"month": first[:7], "season": f"{first[:7]}/{last[:7]}", "year": first[:4]}
    return {
        "date": months[options.interval],
        "ids": sorted(f"{options.collection}/{image.index}" for image in images),
    }
