"""Functions of pixel values given by numbers: polynomials and piecewise linear curves."""

import itertools

import numpy as np
from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.arithmetic import Operation, floating
from localearth.functions.image_math import unary
from localearth.functions.support import refuse
from localearth.raster.grid import Grid
from localearth.raster.mask import both
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, Pull
from localearth.values.pixel_type import DOUBLE


@function("Image.polynomial")
def polynomial(image: Image, coefficients: list[float]) -> Image:
    """A polynomial of every band; the constant term comes first."""
    if not coefficients:
        raise EarthEngineError("argument 'coefficients': must have at least one element.")
    curve = Operation(lambda values: np.asarray(np.polynomial.polynomial.polyval(values, coefficients)), floating)
    return image.with_bands(unary(band, curve) for band in image.bands)


@function("Image.interpolate")
def interpolate(image: Image, x: list[float], y: list[float], behavior: str) -> Image:
    """The first band mapped by straight lines between points."""
    if behavior not in ("extrapolate", "clamp", "mask", "input"):
        raise refuse("behavior", behavior, "use 'extrapolate', 'clamp', 'mask' or 'input'")
    if len(x) != len(y) or len(x) < 2 or any(b <= a for a, b in itertools.pairwise(x)):
        raise EarthEngineError("'x' and 'y' must be equally long, at least 2, and 'x' strictly increasing.")
    band = image.first_band
    band.numbers_only()

    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = pull.weighted(band.source, grid)
        at = values.astype(np.float64)
        found = np.interp(at, x, y)
        below, above = at < x[0], at > x[-1]
        if behavior == "input":
            found = np.where(below | above, at, found)
        elif behavior == "mask":
            mask = both(mask, ~below & ~above)
        elif behavior == "extrapolate":
            first, last = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])
            found = np.where(below, y[0] + (at - x[0]) * first, found)
            found = np.where(above, y[-1] + (at - x[-1]) * last, found)
        return found, mask

    return image.with_bands([evolve(band, type=DOUBLE, source=source, dimensions=None)])
