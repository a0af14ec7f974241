"""Images of random numbers, and random colours. They are hashes, so that they are the same in every request."""

import math
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull, of_bands
from localearth.values.pixel_type import DOUBLE, LIMITS, PixelType
from localearth.values.projection import WGS84

_COLOURS = ("viz-red", "viz-green", "viz-blue")
"""Public programs select the bands of `randomVisualizer` by these names."""


def _mixed(values: NDArray[Any], salt: int) -> NDArray[np.uint64]:
    """Hashes of integers: a step of the generator SplitMix64."""
    found = values.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        found = (found ^ (found >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(found ^ (found >> np.uint64(31)))


def _uniform(grid: Grid, salt: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each pixel, from its column and row from the origin of the CRS."""
    a, _, c, _, e, f = grid.transform
    cols = math.floor(c / a + 1e-6) + np.arange(grid.width)[None, :]
    rows = math.floor(f / e + 1e-6) + np.arange(grid.height)[:, None]
    hashed = _mixed(_mixed(cols, salt) ^ rows.astype(np.uint64), salt + 1)
    return np.asarray((hashed >> np.uint64(11)) * 2.0**-53, np.float64)


@function("Image.random", note="The numbers differ from Google's. They depend on the pixels of the requested grid.")
def random(seed: int, distribution: str) -> Image:
    """A random number at each pixel: the same for equal seeds, places and pixel sizes."""
    if distribution not in ("uniform", "normal"):
        raise EarthEngineError(f"argument 'distribution': must be 'uniform' or 'normal', not '{distribution}'.")

    def source(grid: Grid, _pull: Pull) -> Sampled:
        found = _uniform(grid, 4 * seed)
        if distribution == "normal":
            # The method of Box and Muller.
            found = np.sqrt(-2 * np.log(1 - found)) * np.cos(2 * np.pi * _uniform(grid, 4 * seed + 2))
        return found, np.ones(grid.shape, bool)

    kind = PixelType("double", 0, 1) if distribution == "uniform" else DOUBLE
    return of_bands([ImageBand("random", kind, WGS84, source)])


@function(
    "Image.randomVisualizer", note="The colours differ from Google's. Bands viz-red, viz-green and viz-blue (assumed)."
)
def random_visualizer(image: Image) -> Image:
    """A random colour for each value of the first band, and then all bands."""
    band = image.first_band
    band.numbers_only()

    def colour(place: int) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(band.source, grid)
            # The bits of equal numbers are equal, except for 0 and -0.
            bits = (values.astype(np.float64) + 0.0).view(np.uint64)
            return (_mixed(bits, place) >> np.uint64(56)).astype(np.uint8), mask

        return evolve(band, name=_COLOURS[place], type=LIMITS["uint8"], source=source)

    return image.with_bands([*map(colour, range(3)), *image.bands])
