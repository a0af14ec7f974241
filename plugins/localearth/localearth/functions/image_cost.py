"""`Image.cumulativeCost`: the cheapest path from each pixel to a source, with steps to the eight neighbours.

A step between two pixels costs its length times the mean of both pixels' costs. This follows from a program that fills
gaps, based on code by Matt Hancher of Google: it subtracts two such images to get the half step in a source pixel.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid, step_ends
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import DOUBLE
from localearth.values.projection import metres_per_unit

Floats = NDArray[np.float64]

_RADIUS = 6_378_137.0
"""Radius of the sphere on which steps are measured, metres (documented)."""

_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


def _lengths(grid: Grid, geodetic: bool) -> Iterator[Floats]:
    """The metres of each step, of `_STEPS` in order."""
    x, y = grid.centres_in("EPSG:4326") if geodetic else grid.centres()
    lon, lat = np.radians(x), np.radians(y)
    unit = metres_per_unit(grid.crs)
    for step in _STEPS:
        one, two = step_ends(grid.shape, *step)
        if geodetic:
            across, along = np.sin((lon[two] - lon[one]) / 2), np.sin((lat[two] - lat[one]) / 2)
            half = along**2 + np.cos(lat[one]) * np.cos(lat[two]) * across**2
            yield 2 * _RADIUS * np.arcsin(np.sqrt(half))
        else:
            yield np.hypot(x[two] - x[one], y[two] - y[one]) * unit


def _cheapest(cost: Floats, source: NDArray[np.bool_], lengths: Iterator[Floats], most: int) -> Floats:
    """The minimum cost over paths of at most `most` steps; infinite if there is no path."""
    ends = [step_ends(source.shape, *step) for step in _STEPS]
    steps = [length * (cost[one] + cost[two]) / 2 for length, (one, two) in zip(lengths, ends, strict=True)]
    best = np.where(source, 0.0, np.inf)
    for _ in range(most):
        new = best.copy()
        for step, (one, two) in zip(steps, ends, strict=True):
            np.minimum(new[two], best[one] + step, out=new[two])
            np.minimum(new[one], best[two] + step, out=new[one])
        if np.array_equal(new, best):
            break
        best = new
    return best


@function(
    "Image.cumulativeCost",
    note="Computed on the requested grid. One band, whose name is kept (assumed). Paths have at most maxDistance / "
    "scale steps; pixels without a path are masked (assumed).",
)
def cumulative_cost(costs: Image, sources: Image, furthest: float, geodetic: bool) -> Image:
    """The cost per metre, summed over the cheapest path to a pixel of the sources that is not 0."""
    band, source = costs.single("cost image"), sources.single("source image")
    band.numbers_only()
    source.numbers_only()
    if not furthest >= 0:
        raise EarthEngineError(f"argument 'maxDistance': must not be negative, not {furthest:g}.")

    def compute(grid: Grid, pull: Pull) -> Sampled:
        most = int(furthest / grid.projection.nominal_scale + 1e-9)
        wide = grid.around(most)
        values, valid = pull(band.source, wide)
        if (values[valid] < 0).any():
            raise EarthEngineError("Image.cumulativeCost: costs must not be negative.", placed=True)
        start, known = pull(source.source, wide)
        # No path crosses a NaN, which would otherwise spread to its neighbours.
        valid = valid & ~np.isnan(values)
        cost = np.where(valid, values.astype(np.float64), np.inf)
        found = _cheapest(cost, known & (start != 0) & valid, _lengths(wide, geodetic), most)
        found = found[grid.inner(most)]
        good = np.isfinite(found)
        return np.where(good, found, 0), good

    return costs.with_bands([ImageBand(band.name, DOUBLE, band.projection, compute)])
