"""Edges of geometries: long ones get points, so that straight lines between the points follow them.

An edge is a geodesic, the shortest path on the ground, or straight in its projection (documented in the guide "Geodesic
vs. Planar Geometries"). Shapely only knows straight edges. Pieces of 5 km are within a metre of a geodesic up to a
latitude of 60 degrees.
"""

import math
from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.values.ellipsoid import GEOD

PIECE = 5_000.0
"""Maximum length of an edge without further points, metres."""

_MOST = 5_000
"""Maximum number of pieces of an edge."""

Points = NDArray[np.float64]


def with_points(shape: BaseGeometry, geodesic: bool, unit: float) -> BaseGeometry:
    """A shape with points on its long edges.

    Args:
        shape: a shape, in degrees if `geodesic`.
        geodesic: whether edges are geodesics, which also cross 180 degrees where that is shorter.
        unit: the length of a unit of its coordinates, metres.
    """

    def dense(points: Points) -> Points:
        if (np.abs(np.diff(points, axis=0)) * unit <= PIECE).all():
            return points
        return _geodesic(points) if geodesic else _straight(points, unit)

    return _lines(shape, dense, geodesic)


def unrolled(shape: BaseGeometry) -> BaseGeometry:
    """A shape in degrees whose lines jump between -180 and 180, with longitudes that go on beyond them instead."""
    return _lines(shape, lambda points: _continuous(points, _near(np.diff(points[:, 0]))), True)


def _lines(shape: BaseGeometry, change: Callable[[Points], Points], holes_turn: bool) -> BaseGeometry:
    """A shape with other points on each of its lines and rings."""
    if shape.is_empty or shape.geom_type.endswith("Point"):
        return shape
    if hasattr(shape, "geoms"):
        return type(shape)([_lines(part, change, holes_turn) for part in shape.geoms])
    if shape.geom_type != "Polygon":
        return type(shape)(change(shapely.get_coordinates(shape)))
    shell, *holes = (_lines(ring, change, holes_turn) for ring in (shape.exterior, *shape.interiors))
    if holes_turn:
        # Holes are on the same turn around the globe as the shell.
        holes = [turned(hole, middle(shell)) for hole in holes]
    return shapely.Polygon(shell, holes)


def _continuous(points: Points, steps: Points) -> Points:
    """Points with longitudes moved by whole turns, so that they take these steps from one to the next."""
    lon = points[:, 0]
    x = lon[0] + np.concatenate([[0.0], np.cumsum(steps)])
    x = lon + 360 * np.round((x - lon) / 360)
    if (points[0] == points[-1]).all() and x[0] != x[-1]:
        raise EarthEngineError("the local Earth Engine does not support geometries around a pole.")
    return np.column_stack([x, points[:, 1]])


def _near(steps: Points) -> Points:
    """Steps in longitude without whole turns."""
    return np.asarray(steps - 360 * np.round(steps / 360))


def _straight(points: Points, unit: float) -> Points:
    first, last = points[:-1], points[1:]
    count = _pieces(np.hypot(*(last - first).T) * unit)
    edge, share = _shares(count)
    return np.concatenate([first[edge] + (last - first)[edge] * share[:, None], points[-1:]])


def _geodesic(points: Points) -> Points:
    lon, lat = points.T
    azimuth, _, length = GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    turn = np.abs(np.diff(lon))
    pole = (np.abs(lat[:-1]) == 90) & (np.abs(lat[1:]) == 90)
    if ((np.isclose(turn, 180) | (turn >= 360)) & ~pole).any():
        raise EarthEngineError(
            "the local Earth Engine does not support geodesic edges over half a turn around the globe, or over a whole "
            "one: there the shortest path is over a pole, or is a point. Use geodesic=False for straight edges."
        )
    count = np.where(pole, 1, _pieces(length))
    edge, share = _shares(count)
    x, y, _ = GEOD.fwd(lon[:-1][edge], lat[:-1][edge], azimuth[edge], (length[edge] * share))
    x, y = np.append(x, lon[-1]), np.append(y, lat[-1])
    starts = np.append(share == 0, True)
    x[starts], y[starts] = lon, lat
    steps = np.diff(x)
    near = _near(steps)
    if (np.abs(near[count[edge] > 1]) > 90).any():
        raise EarthEngineError("the local Earth Engine does not support geodesic edges that pass near a pole.")
    return _continuous(np.column_stack([x, y]), np.where(pole[edge], steps, near))


def _pieces(length: Points) -> NDArray[np.int64]:
    return np.clip(np.ceil(length / PIECE), 1, _MOST).astype(np.int64)


def _shares(count: NDArray[np.int64]) -> tuple[NDArray[np.int64], Points]:
    """The edge of each piece, and the share of the edge before it."""
    edge = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    return edge, number / count[edge]


def middle(shape: BaseGeometry) -> float:
    """The longitude in the middle of a shape's bounds; 0 for an empty one."""
    west, _, east, _ = shape.bounds
    return 0.0 if math.isnan(west) else float(west + east) / 2


def turned(shape: BaseGeometry, to: float) -> BaseGeometry:
    """A shape in degrees moved by whole turns, so that its middle is nearest to a longitude."""
    turns = round((to - middle(shape)) / 360)
    return translate(shape, 360 * turns) if turns else shape


def wrapped(shape: BaseGeometry) -> BaseGeometry:
    """A shape in degrees whose parts beyond 180 degrees are moved by a turn to their place between -180 and 180."""
    west, _, east, _ = shape.bounds
    if math.isnan(west) or (west >= -180 and east <= 180):
        return shape
    first = math.floor((west + 180) / 360)
    # A shape that ends at the edge of a turn has only a line of no width in the next one.
    turns = range(first, max(first, math.ceil((east - 180) / 360)) + 1)
    world = [shape.intersection(box(360 * turn - 180, -90, 360 * turn + 180, 90)) for turn in turns]
    return shapely.union_all([translate(part, -360 * turn) for part, turn in zip(world, turns, strict=True)])
