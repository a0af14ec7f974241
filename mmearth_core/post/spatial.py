"""Distances on the globe for spatial splits: blocks of equal size, and tiles too near to one another."""

import numpy as np
from numpy.typing import NDArray

RADIUS_KM = 6371.0088
"""Mean radius of the Earth (IUGG)."""

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_ROWS, _PAIRS = 1024, 1 << 21
"""Tiles taken at once, and pairs of tiles compared at once; they bound the memory."""


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

    The others are sorted by latitude, so that only those of a strip as wide as the horizon are compared.
    """
    found = np.full(len(rows), np.inf)
    if not len(rows) or not len(others) or horizon_km <= 0:
        return found
    others = others[np.argsort(lat[others], kind="stable")]
    points, latitudes = _points(lon[others], lat[others]), lat[others]
    order = np.argsort(lat[rows], kind="stable")
    margin = np.degrees(horizon_km / RADIUS_KM) * (1 + 1e-9) + 1e-9
    sorted_latitudes = lat[rows[order]]
    lows = np.searchsorted(latitudes, sorted_latitudes - margin)
    highs = np.searchsorted(latitudes, sorted_latitudes + margin)
    start = 0
    while start < len(rows):
        end = min(start + _ROWS, len(rows))
        while end > start + 1 and (end - start) * (highs[end - 1] - lows[start]) > _PAIRS:
            end = (start + end + 1) // 2
        chosen, low, high = order[start:end], lows[start], highs[end - 1]
        own = sorted_latitudes[start:end]
        start = end
        if low == high:
            continue
        mine = _points(lon[rows[chosen]], own)
        # By the chord, which unlike the cosine is exact for near points.
        chords = np.sqrt(((mine[:, None, :] - points[None, low:high, :]) ** 2).sum(axis=2).min(axis=1))
        distance = 2 * RADIUS_KM * np.arcsin(np.minimum(chords / 2, 1.0))
        found[chosen] = np.where(distance <= horizon_km, distance, np.inf)
    return found


def _points(lon: Floats, lat: Floats) -> NDArray[np.float64]:
    a, b = np.radians(lon), np.radians(lat)
    return np.column_stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])
