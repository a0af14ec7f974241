"""`Image.spectralDistance`: how much the bands of two images differ, as one number per pixel."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.support import of_numbers, pairs, refuse
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import DOUBLE

Stack = NDArray[np.float64]


def _angle(one: Stack, two: Stack) -> Any:
    lengths = np.sqrt((one**2).sum(axis=0) * (two**2).sum(axis=0))
    _needs(lengths > 0, "a pixel whose bands are all 0 has no angle")
    return np.arccos(np.clip((one * two).sum(axis=0) / lengths, -1, 1))


def _divergence(one: Stack, two: Stack) -> Any:
    _needs((one > 0) & (two > 0), "the divergence needs values above 0")
    shares = one / one.sum(axis=0), two / two.sum(axis=0)
    return ((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum(axis=0)


def _needs(good: NDArray[np.bool_], why: str) -> None:
    if not good.all():
        raise EarthEngineError(f"Image.spectralDistance: {why}; the local Earth Engine refuses it.", placed=True)


METRICS: dict[str, Callable[[Stack, Stack], Any]] = {
    "sam": _angle,
    "sid": _divergence,
    "sed": lambda one, two: ((one - two) ** 2).sum(axis=0),
}


@function(
    "Image.spectralDistance",
    note="`metric` sam (radians), sid (natural logarithms, values above 0; assumed) and sed. The band is `distance` "
    "(assumed); masked where a band of either image is.",
)
def spectral_distance(left: Image, right: Image, metric: str) -> Image:
    """The distance of the bands of two images."""
    if metric not in METRICS:
        raise refuse("metric", metric, f"use one of {', '.join(METRICS)}")
    if len(left.bands) != len(right.bands):
        raise EarthEngineError(
            f"The images must have equally many bands, not {len(left.bands)} and {len(right.bands)}."
        )
    matched = pairs(of_numbers(left), of_numbers(right))

    def source(grid: Grid, pull: Pull) -> Sampled:
        ones = [pull(band.source, grid) for _, band, _ in matched]
        twos = [pull(band.source, grid) for _, _, band in matched]
        known = np.logical_and.reduce([mask for _, mask in (*ones, *twos)])
        one, two = (np.stack([values[known].astype(np.float64) for values, _ in each]) for each in (ones, twos))
        found = np.zeros(grid.shape)
        found[known] = METRICS[metric](one, two)
        return found, known

    return left.with_bands([ImageBand("distance", DOUBLE, left.first_band.projection, source)])
