"""Random points in a region.

The method is that of `mmearth-core tiles --source FILE`, with separate code, so the points of a seed never change.
"""

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.functions.support import check_count, generator
from localearth.registry import function
from localearth.values.collection import Collection, of_elements
from localearth.values.ellipsoid import E2, equal_area
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry

Floats = NDArray[np.float64]

_LOOSE, _BOXES = 4.0, 512
"""A cover is refined while its area exceeds that of the region by this factor, up to about this number of boxes."""

_VERY_LOOSE, _MANY_BOXES = 40.0, 8192
"""The same limits for thin or scattered regions, in which few points of a coarse cover would fall."""

_LEVELS = 16
"""Maximum number of refinements."""

_CHUNK = 500_000
"""Maximum number of points that are tested at once; bounds the memory."""


@function(
    "FeatureCollection.randomPoints",
    note="Polygons only, uniform by area on the ellipsoid; not the same points as Google's for a seed. `maxError` is "
    "ignored.",
)
def random_points(region: Geometry, points: int, seed: int, _margin: object) -> Collection:
    """A collection of random points, indexed from 0."""
    if points < 0:
        raise EarthEngineError("points may not be negative.")
    check_count(points, "points", 1_000_000)
    shape = region.lonlat
    if not shape.area > 0:
        raise EarthEngineError("argument 'region': the local Earth Engine needs a polygon with an area.")
    lon, lat = uniform_points(shape, points, generator(seed))
    return of_elements([Feature(Geometry(Point(x, y))) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)], False)


def uniform_points(shape: BaseGeometry, count: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Draws points uniformly in a polygon or multipolygon with an area.

    Rejection sampling: points are drawn uniformly in boxes that cover the shape (in longitude and equal-area
    latitude), and those outside the shape are dropped. The rest is uniform, whatever the shape.

    Args:
        shape: longitude and latitude, degrees.
        count: number of points.
        random: the only source of randomness; its numbers are used in order.

    Returns:
        Longitudes and latitudes, (count,).
    """
    shapely.prepare(shape)
    west, south, east, north = _cover(shape).T
    low = equal_area(south)
    rise = equal_area(north) - low
    ends = np.cumsum((east - west) * rise)
    parts = [np.empty((2, 0))]
    accepted, tried = 0, 0
    while accepted < count:
        share = max(accepted / tried, 1e-3) if tried else 0.3
        # 5 % more than the acceptance rate so far suggests, so that another round is rarely needed.
        number = min(_CHUNK, math.ceil((count - accepted) / share * 1.05) + 16)
        which, across, up = random.random((3, number))
        box = np.minimum(np.searchsorted(ends, which * ends[-1], side="right"), len(ends) - 1)
        lon = west[box] + across * (east[box] - west[box])
        lat = _latitude(low[box] + up * rise[box])
        inside = shapely.contains_xy(shape, lon, lat)
        parts.append(np.stack([lon[inside], lat[inside]]))
        accepted += int(inside.sum())
        tried += number
    lon, lat = np.concatenate(parts, axis=1)[:, :count]
    return lon, lat


def _cover(shape: BaseGeometry) -> Floats:
    """Boxes that cover a prepared shape without overlaps, by repeatedly splitting its bounds into quarters.

    Returns:
        West, south, east, north, (boxes, 4).
    """
    boxes = np.asarray([shape.bounds])
    for _ in range(_LEVELS):
        loose = float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum()) / shape.area
        if loose <= _LOOSE or 4 * len(boxes) > (_MANY_BOXES if loose > _VERY_LOOSE else _BOXES):
            break
        west, south, east, north = boxes.T
        x, y = (west + east) / 2, (south + north) / 2
        quarters = [(west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north)]
        boxes = np.concatenate([np.column_stack(quarter) for quarter in quarters])
        boxes = boxes[shapely.intersects(shape, shapely.box(*boxes.T))]
    return boxes


def _latitude(height: Floats) -> Floats:
    """The inverse of `equal_area`: the latitude in degrees, to about 1 cm (the usual series, Snyder 1987, 3-18)."""
    beta = np.arcsin(np.clip(height, -1.0, 1.0))
    e4, e6 = E2 * E2, E2 * E2 * E2
    phi = (
        beta
        + (E2 / 3 + 31 * e4 / 180 + 517 * e6 / 5040) * np.sin(2 * beta)
        + (23 * e4 / 360 + 251 * e6 / 3780) * np.sin(4 * beta)
        + (761 * e6 / 45360) * np.sin(6 * beta)
    )
    return np.asarray(np.degrees(phi))
