"""Colour spaces and mixtures: HSV, and fractions of end members."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.raster.mask import both
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import DOUBLE, FLOAT, PixelType, cast

Floats = NDArray[np.float64]
_HSV = "Expects values from 0 to 1. The bands are floats, or doubles if one of the image's is (assumed)."


def _mixed(image: Image, names: Iterable[str], kind: PixelType, run: Callable[[Floats], Sequence[Floats]]) -> Image:
    """New bands that are computed from all bands together, (bands, height, width), where all are valid."""
    for band in image.bands:
        band.numbers_only()

    def every(grid: Grid, pull: Pull) -> Sampled:
        pulled = [pull.weighted(band.source, grid) for band in image.bands]
        mask = reduce(both, [mask for _, mask in pulled])
        return np.stack(run(np.stack([np.where(mask, values, 0).astype(np.float64) for values, _ in pulled]))), mask

    def one(number: int, name: str) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull.weighted(every, grid)
            return cast(values[number], kind), mask

        fractional = any(band.fractional for band in image.bands)
        return evolve(image.bands[0], name=name, type=kind, source=source, fractional=fractional)

    return image.with_bands(one(number, name) for number, name in enumerate(names))


def _colour(image: Image, names: Iterable[str], run: Callable[[Floats], Sequence[Floats]]) -> Image:
    if len(image.bands) != 3:
        raise EarthEngineError(f"The image must have 3 bands, not {len(image.bands)}.")
    double = any(band.type.precision == "double" for band in image.bands)
    return _mixed(image, names, DOUBLE if double else FLOAT, run)


def _to_hsv(rgb: Floats) -> list[Floats]:
    red, green, blue = rgb
    value = rgb.max(axis=0)
    spread = value - rgb.min(axis=0)
    step = np.where(spread == 0, 1, spread)
    sector = np.select(
        [spread == 0, value == red, value == green],
        [np.zeros_like(value), ((green - blue) / step) % 6, (blue - red) / step + 2],
        (red - green) / step + 4,
    )
    return [sector / 6, np.where(value == 0, 0, spread / np.where(value == 0, 1, value)), value]


def _to_rgb(hsv: Floats) -> list[Floats]:
    hue, saturation, value = hsv
    found = []
    for offset in (5, 3, 1):
        at = (offset + hue * 6) % 6
        found.append(value - value * saturation * np.clip(np.minimum(at, 4 - at), 0, 1))
    return found


@function("Image.rgbToHsv", note=_HSV)
def rgb_to_hsv(image: Image) -> Image:
    """The hexcone model: hue, saturation and value; the hue of grey is 0."""
    return _colour(image, ("hue", "saturation", "value"), _to_hsv)


@function("Image.hsvToRgb", note=_HSV)
def hsv_to_rgb(image: Image) -> Image:
    """Red, green and blue of the hexcone model."""
    return _colour(image, ("red", "green", "blue"), _to_rgb)


@function("Image.unmix", note="Without `sumToOne` and `nonNegative`. Bands are named band_0, band_1 ... (assumed).")
def unmix(image: Image, members: list[list[float]], sum_to_one: bool, non_negative: bool) -> Image:
    """The fractions of end members: the pseudo-inverse of their matrix times each pixel."""
    for name, value in (("sumToOne", sum_to_one), ("nonNegative", non_negative)):
        if value:
            raise EarthEngineError(
                f"argument '{name}': the local Earth Engine supports false; how Google constrains is not documented."
            )
    if not members or any(len(member) != len(image.bands) for member in members):
        raise EarthEngineError(f"argument 'endmembers': each must have {len(image.bands)} values, one for each band.")
    inverse = np.linalg.pinv(np.asarray(members, float).T)
    names = [f"band_{i}" for i in range(len(members))]
    return _mixed(image, names, DOUBLE, lambda pixels: list(np.tensordot(inverse, pixels, 1)))
