"""Distances to the nearest pixel that is neither 0 nor masked, computed on the requested grid."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.kernel import Kernel, pixel_size
from localearth.values.pixel_type import DOUBLE, FLOAT

Floats = NDArray[np.float64]
Metric = Callable[[Floats, float], Floats]

METRICS: dict[str, Metric] = {
    "squared_euclidean": lambda along, down: along * along + down * down,
    "manhattan": lambda along, down: along + down,
    "chebyshev": lambda along, down: np.maximum(along, down),
}


def _along(hit: NDArray[np.bool_]) -> Floats:
    """The distance to the nearest true pixel of the same row; infinite without one."""
    at = np.arange(hit.shape[1], dtype=np.float64)
    before = np.maximum.accumulate(np.where(hit, at, -np.inf), axis=1)
    after = np.minimum.accumulate(np.where(hit, at, np.inf)[:, ::-1], axis=1)[:, ::-1]
    return np.minimum(at - before, after - at)


def nearest(band: ImageBand, grid: Grid, pull: Pull, reach: int, metric: Metric) -> Floats:
    """The distance of each pixel to the nearest hit at most `reach` rows and columns away; infinite without one."""
    band.numbers_only()
    values, mask = pull(band.source, grid.around(reach))
    along = _along(mask & (values != 0))[:, reach : reach + grid.width]
    along[along > reach] = np.inf
    best = np.full(grid.shape, np.inf)
    for down in range(-reach, reach + 1):
        np.minimum(best, metric(along[reach + down : reach + down + grid.height], abs(down)), out=best)
    return best


@function(
    "Image.fastDistanceTransform",
    note="A pixel that is further than `neighborhood` from any that is not 0 is infinitely far (assumed; Google's "
    "value is not known, but larger than the neighborhood too).",
)
def fast_distance_transform(image: Image, neighborhood: int, units: str, metric: str) -> Image:
    """The distance in pixels, squared by default."""
    if units != "pixels":
        raise refuse("units", units, "use 'pixels'")
    if metric not in METRICS:
        raise refuse("metric", metric, f"use one of {', '.join(METRICS)}")
    if neighborhood < 0:
        raise refuse("neighborhood", neighborhood, "it must not be negative")
    furthest = neighborhood**2 if metric == "squared_euclidean" else neighborhood

    band = image.single()

    def source(grid: Grid, pull: Pull) -> Sampled:
        found = nearest(band, grid, pull, neighborhood, METRICS[metric])
        # Not masked: Google's guide (best practices) erodes with them, and geedim calls them far from clouds.
        return np.where(found > furthest, np.inf, found), np.ones(grid.shape, bool)

    return image.with_bands([ImageBand("distance", DOUBLE, band.projection, source)])


@function(
    "Image.distance",
    note="Kernels `euclidean`, `manhattan` and `chebyshev` without `normalize` and `magnitude`. Pixels further away "
    "than the kernel's radius are masked.",
)
def distance(image: Image, kernel: Kernel | None, skip: bool) -> Image:
    """The distance by a kernel, in its units."""
    if kernel is None or kernel.distance is None:
        raise EarthEngineError(
            "argument 'kernel': the local Earth Engine supports Kernel.euclidean, Kernel.manhattan and "
            "Kernel.chebyshev, without normalize and magnitude."
        )
    name, radius, metres = kernel.distance
    metric = METRICS["squared_euclidean" if name == "euclidean" else name]

    def one(band: ImageBand) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            unit = pixel_size(grid) if metres else 1.0
            found = nearest(band, grid, pull, int(radius / unit + 1e-9), metric)
            found = (np.sqrt(found) if name == "euclidean" else found) * unit
            good = found <= radius * (1 + 1e-12)
            if skip:
                good &= pull(band.source, grid)[1]
            return np.where(good, found, 0), good

        return ImageBand(band.name, DOUBLE, band.projection, source)

    return image.with_bands(map(one, image.bands))


@function(
    "Image.directionalDistanceTransform",
    note="Without `labelBand`. The angle is counterclockwise from the direction of the columns; the search "
    "steps one pixel along the longer axis; distances are in pixels (assumed). Pixels for which nothing is found are "
    "masked.",
)
def directional_distance(image: Image, angle: float, furthest: int, label: str | None) -> Image:
    """The distance to the nearest pixel that is not 0, in a direction.

    For shadows, programs search towards the sun: by 90 - azimuth on a grid whose rows go south (Google's tutorial on
    s2cloudless), and by azimuth - 90 on one whose rows go north (an older geedim). Both fit this direction only.
    """
    if label is not None:
        raise refuse("labelBand", label, "leave it out")
    if furthest < 0:
        raise refuse("maxDistance", furthest, "it must not be negative")
    band = image.single()
    right, down = math.cos(math.radians(angle)), -math.sin(math.radians(angle))
    fastest = max(abs(right), abs(down))
    places = [(round(step * down / fastest), round(step * right / fastest)) for step in range(furthest + 1)]
    places = [place for place in places if math.hypot(*place) <= furthest + 1e-9]
    rows, cols = zip(*places, strict=True)
    top, left = min(rows), min(cols)

    def source(grid: Grid, pull: Pull) -> Sampled:
        wide = grid.window(top, left, grid.height + max(rows) - top, grid.width + max(cols) - left)
        values, mask = pull(band.source, wide)
        hit = mask & (values != 0)
        found = np.full(grid.shape, np.inf)
        for row, col in reversed(places):
            part = slice(row - top, row - top + grid.height), slice(col - left, col - left + grid.width)
            found[hit[part]] = math.hypot(row, col)
        good = np.isfinite(found)
        return np.where(good, found, 0).astype(FLOAT.dtype), good

    return image.with_bands([ImageBand("distance", FLOAT, band.projection, source)])
