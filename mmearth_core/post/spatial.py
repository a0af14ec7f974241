"""Distances on the globe for spatial splits: blocks of equal size, and tiles too near to one another."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_PAIRS = 1 << 20
"""Pairs of tiles compared at once; they bound the memory."""

_LEAST_SIDE = 1e-4
"""Of a cube, in radii of the Earth: with smaller ones, their numbers would not fit 64 bits."""


def blocks_of(lon: Floats, lat: Floats, side_km: float) -> NDArray[np.int64]:
    """A number for each tile: equal within a block of about `side_km` by `side_km`.

    Bands of equal height from pole to pole, each cut into a whole number of blocks, so that the antimeridian cuts none.
    """
    bands = max(1, round(np.pi * RADIUS_KM / side_km))
    band = np.minimum(((lat + 90.0) / 180.0 * bands).astype(np.int64), bands - 1)
    middle = np.radians((band + 0.5) / bands * 180.0 - 90.0)
    columns = np.maximum(1, np.rint(2 * np.pi * RADIUS_KM * np.cos(middle) / side_km)).astype(np.int64)
    column = np.minimum((((lon + 180.0) % 360.0) / 360.0 * columns).astype(np.int64), columns - 1)
    return np.asarray(band * (2 * bands + 2) + column)


def kept_apart(rows: Rows, others: Rows, lon: Floats, lat: Floats, distance_km: float) -> Rows:
    """Those of `rows` that are at least so far, in kilometres along the globe, from all of `others`."""
    return rows[nearest(rows, others, lon, lat, distance_km) >= distance_km]


def least_distance(rows: Rows, others: Rows, lon: Floats, lat: Floats, horizon_km: float) -> float:
    """The least distance between two sets of tiles, kilometres; inf if it is beyond the horizon."""
    return float(np.min(nearest(rows, others, lon, lat, horizon_km), initial=np.inf))


def nearest(rows: Rows, others: Rows, lon: Floats, lat: Floats, horizon_km: float) -> Floats:
    """For each row the distance to the nearest of the others, kilometres; inf if it is beyond the horizon.

    Points lie in cubes whose side is the horizon, so that only those of a row's own cube and of the 26 around it are
    compared.
    """
    found = np.full(len(rows), np.inf)
    if not len(rows) or not len(others) or horizon_km <= 0:
        return found
    side = max(2 * np.sin(min(horizon_km / RADIUS_KM, np.pi) / 2) * (1 + 1e-9), _LEAST_SIDE)
    mine, theirs = _points(lon[rows], lat[rows]), _points(lon[others], lat[others])
    across = int(2 / side) + 4  # cubes along an axis, with one to spare at either end
    strides = np.array([across**2, across, 1])
    cubes = _cubes(theirs, side) @ strides
    order = np.argsort(cubes, kind="stable")
    cubes, theirs, own = cubes[order], theirs[order], _cubes(mine, side)
    squares = np.full(len(rows), np.inf)
    for x, y in product((-1, 0, 1), repeat=2):
        middle = (own + np.array([x, y, 0])) @ strides  # cubes that follow one another have numbers that do
        lows, highs = np.searchsorted(cubes, middle - 1), np.searchsorted(cubes, middle + 1, side="right")
        _compare(mine, theirs, lows, highs, squares)
    # By the chord, which unlike the cosine is exact for near points.
    distances = 2 * RADIUS_KM * np.arcsin(np.minimum(np.sqrt(squares) / 2, 1.0))
    near = distances <= horizon_km
    found[near] = distances[near]
    return found


def _compare(mine: Floats, theirs: Floats, lows: Rows, highs: Rows, squares: Floats) -> None:
    """Lowers each point's `squares` to the squared distance to the nearest of `theirs` from its low to its high."""
    (some,) = np.nonzero(highs > lows)
    ends = np.cumsum((highs - lows)[some])
    start = 0
    while start < len(some):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS, side="right")))
        points = some[start:stop]
        counts = (highs - lows)[points]
        firsts = np.cumsum(counts) - counts
        pairs = np.arange(counts.sum()) + np.repeat(lows[points] - firsts, counts)
        apart = ((np.repeat(mine[points], counts, axis=0) - theirs[pairs]) ** 2).sum(axis=1)
        squares[points] = np.minimum(squares[points], np.minimum.reduceat(apart, firsts))
        start = stop


def _cubes(points: Floats, side: float) -> NDArray[np.int64]:
    """The place of each point's cube along the axes, from 1."""
    return np.floor((points + 1) / side).astype(np.int64) + 1


def _points(lon: Floats, lat: Floats) -> NDArray[np.float64]:
    a, b = np.radians(lon), np.radians(lat)
    return np.column_stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])
