"""Landsat: calibration by a scene's metadata, cloud scores and simple composites."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.by_place import by_place
from localearth.promote import is_number
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.image import Image, ImageBand, Pull, Source, of_bands
from localearth.values.pixel_type import FLOAT, LIMITS, cast
from localearth.values.projection import WGS84
from localearth.values.reducer import percentiles

Floats = NDArray[np.float64]

_CALIBRATED = re.compile(r"B(\d+(?:_VCID_\d)?)")
"""The bands with coefficients in the metadata, by their number; others, such as QA_PIXEL, have none."""

_KEPT = "Bands without a number, as QA_PIXEL, are not changed (assumed). Coefficients are read from the metadata only."

_SENSORS = {
    "OLI_TIRS": ("B2", "B3", "B4", "B5", "B6", "B7", "B10"),
    "ETM": ("B1", "B2", "B3", "B4", "B5", "B7", "B6_VCID_1"),
    "TM": ("B1", "B2", "B3", "B4", "B5", "B7", "B6"),
}
"""By SENSOR_ID: the bands blue, green, red, nir, swir1, swir2 and temperature."""


def _property(image: Image, name: str) -> float:
    found: Any = image.properties.get(name)
    if not is_number(found):
        raise EarthEngineError(f"The image must have the numeric property '{name}', as the raw Landsat scenes have.")
    return float(found)


def _calibrated(band: ImageBand, convert: Callable[[Floats], Floats]) -> ImageBand:
    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = pull(band.source, grid)
        with np.errstate(all="ignore"):
            found = convert(values.astype(np.float64))
        good = mask & np.isfinite(found)
        return cast(np.where(good, found, 0), FLOAT), good

    return evolve(band, type=FLOAT, source=source)


def _linear(image: Image, quantity: str, number: str) -> Callable[[Floats], Floats]:
    factor = _property(image, f"{quantity}_MULT_BAND_{number}")
    offset = _property(image, f"{quantity}_ADD_BAND_{number}")
    return lambda counts: factor * counts + offset


def _each(image: Image, convert: Callable[[str], Callable[[Floats], Floats]]) -> Image:
    bands = []
    for band in image.bands:
        match = _CALIBRATED.fullmatch(band.name)
        bands.append(_calibrated(band, convert(match[1])) if match else band)
    return image.with_bands(bands)


@function("Landsat.calibratedRadiance", note=_KEPT)
def calibrated_radiance(image: Image) -> Image:
    """Radiance at the sensor."""
    return _each(image, lambda number: _linear(image, "RADIANCE", number))


def _is_thermal(image: Image, number: str) -> bool:
    return f"K1_CONSTANT_BAND_{number}" in image.properties


@function("Landsat.TOA", note=_KEPT + " Reflectance is divided by the sine of SUN_ELEVATION, as USGS describes it.")
def toa(image: Image) -> Image:
    """Reflectance, and brightness temperature in Kelvin, at the top of the atmosphere."""

    def convert(number: str) -> Callable[[Floats], Floats]:
        if not _is_thermal(image, number):
            linear, high = _linear(image, "REFLECTANCE", number), math.radians(_property(image, "SUN_ELEVATION"))
            return lambda counts: linear(counts) / math.sin(high)
        radiance = _linear(image, "RADIANCE", number)
        k1, k2 = (_property(image, f"K{i}_CONSTANT_BAND_{number}") for i in (1, 2))
        return lambda counts: k2 / np.log(k1 / radiance(counts) + 1)

    return _each(image, convert)


def _rescaled(values: Floats, low: float, high: float) -> Floats:
    """Values as shares of a range: 0 at `low`, 1 at `high`, which may be the smaller one."""
    return (values - low) / (high - low)


def _score(image: Image) -> Source:
    """The cloud score, 0 to 100, by the script SimpleCloudScore to which Google's guide on Landsat refers."""
    sensor = image.properties.get("SENSOR_ID")
    names = _SENSORS.get(str(sensor).rstrip("+"))
    if names is None:
        raise EarthEngineError(f"The image must have a property 'SENSOR_ID': {', '.join(_SENSORS)}; not {sensor!r}.")
    bands = [image.band(name) for name in names]

    def source(grid: Grid, pull: Pull) -> Sampled:
        pulled = [pull(band.source, grid) for band in bands]
        blue, green, red, nir, swir1, swir2, kelvin = (values.astype(np.float64) for values, _ in pulled)
        both = green + swir1
        snow = np.divide(green - swir1, both, out=np.zeros_like(both), where=both != 0)
        indicators = [
            _rescaled(blue, 0.1, 0.3),
            _rescaled(red + green + blue, 0.2, 0.8),
            _rescaled(nir + swir1 + swir2, 0.3, 0.8),
            _rescaled(kelvin, 300, 290),
            _rescaled(snow, 0.8, 0.6),
        ]
        score = np.clip(np.min(indicators, axis=0), 0, 1)
        return np.round(100 * score).astype(np.uint8), np.logical_and.reduce([mask for _, mask in pulled])

    return source


@function(
    "Landsat.simpleCloudScore",
    note="OLI_TIRS, ETM and TM. The score is a byte, rounded; ETM's temperature is that of B6_VCID_1 (assumed).",
)
def simple_cloud_score(image: Image) -> Image:
    """The image with a band `cloud`, 0 (clear) to 100."""
    cloud = ImageBand("cloud", LIMITS["uint8"], image.first_band.projection, _score(image))
    return image.with_bands([*(band for band in image.bands if band.name != "cloud"), cloud])


def _best(images: Iterable[Image], each: int, total: int | None = None) -> list[Image]:
    """The images with the least CLOUD_COVER of every path and row, and of all, in their own order."""
    groups = defaultdict(list)
    for order, image in enumerate(images):
        cover = image.properties.get("CLOUD_COVER", math.inf)
        groups[tuple(image.properties.get(name) for name in ("WRS_PATH", "WRS_ROW"))].append((cover, order, image))
    kept = [one for group in groups.values() for one in sorted(group, key=lambda one: one[:2])[:each]]
    kept = sorted(kept, key=lambda one: one[:2])[:total]
    return [image for _, _, image in sorted(kept, key=lambda one: one[1])]


@function(
    "Landsat.pathRowLimit",
    note="The scenes with the least CLOUD_COVER of each WRS_PATH and WRS_ROW, then of all (assumed); not of each tile.",
)
def path_row_limit(collection: Collection, each: int, total: int) -> Collection:
    """The best scenes."""
    return collection.derived(lambda: _best(collection.images, each, total))


@function(
    "Landsat.simpleComposite",
    note="Pixels are accepted up to the lowest score plus `cloudScoreRange`; percentiles are those of "
    "Reducer.percentile; of each path and row the `maxDepth` scenes with the least CLOUD_COVER are used (assumed). "
    "Scenes of one sensor.",
)
@by_place
def simple_composite(collection: Collection, share: int, spread: int, depth: int, as_float: bool) -> Image:
    """Percentiles of the least cloudy pixels, as reflectance and temperature, or as bytes."""
    images = [toa(each) for each in _best(collection.images, depth)]
    scores = [_score(each) for each in images]
    reducer = percentiles([float(share)], ("p",))

    def accepted(grid: Grid, pull: Pull) -> Sampled:
        pulled = [pull(score, grid) for score in scores]
        valid = np.stack([mask for _, mask in pulled])
        found = np.where(valid, np.stack([values for values, _ in pulled]).astype(np.int64), 255)
        return found, valid & (found <= found.min(axis=0) + spread)

    def one(name: str, number: str) -> ImageBand:
        bands = [image.band(name) for image in images]
        kind = FLOAT if as_float else LIMITS["uint8"]
        factor, offset = (1, -100) if _is_thermal(images[0], number) else (255, 0)

        def source(grid: Grid, pull: Pull) -> Sampled:
            pulled = [pull(band.source, grid) for band in bands]
            good = pull(accepted, grid)[1] & np.stack([mask for _, mask in pulled])
            stack = np.stack([values for values, _ in pulled]).astype(np.float64).reshape(len(bands), -1)
            found, mask = reducer.apply(stack, good.reshape(stack.shape), None)[0]
            found = found if as_float else np.round(found * factor + offset)
            return cast(np.where(mask, found, 0), kind).reshape(grid.shape), mask.reshape(grid.shape)

        return ImageBand(name, kind, WGS84, source)

    names = images[0].names if images else []
    return of_bands(one(match[0], match[1]) for name in names if (match := _CALIBRATED.fullmatch(name)))
