"""Covers polygons with tiles on one lattice for the whole globe: rows of equal distance, no tile over another.

The lattice is regular in the sinusoidal projection of the ellipsoid, where y is the distance from the equator along
a meridian and x the distance from Greenwich along a parallel. So neighbouring polygons share it.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from pyproj import Proj
from shapely.geometry.base import BaseGeometry

from mmearth_core.errors import TilesError
from mmearth_core.sampling.own_points import OwnPlaces, further_columns, ids_of, without_places
from mmearth_core.sampling.sphere import Floats, radii
from mmearth_core.sampling.square import has_room
from mmearth_core.sampling.vector import read_polygons

_ALONG = Proj(proj="sinu", lon_0=0, ellps="WGS84")
_CHUNK = 500_000
"""Lattice points that are tested at once, about."""


def read_lattice(path: Path, stride: float, size: float, column: str | None = None) -> OwnPlaces:
    """The lattice's places inside the polygons of a file.

    A polygon in which none lies gets one place within it. A tile's id is its polygon's, `_`, and its number there.

    Args:
        path: any vector file of polygons.
        stride: metres from one place to the next, along and across.
        size: of the tiles, metres.
        column: where the polygons' ids stand; see `ids_of`.

    Raises:
        TilesError: when the file cannot be used.
    """
    frame = read_polygons(path)
    ids = ids_of(frame, path, column)
    columns = further_columns(without_places(frame), path)
    parts = [inside(shape, stride, size) for shape in frame.geometry.values]
    counts = [len(lon) for lon, _ in parts]
    if not sum(counts):
        raise TilesError(f"{path}: no polygon has room for a tile of {size:g} m: all are too near a pole.")
    return OwnPlaces(
        np.concatenate([lon for lon, _ in parts]),
        np.concatenate([lat for _, lat in parts]),
        [f"{name}_{number}" for name, count in zip(ids, counts, strict=True) for number in range(count)],
        columns.loc[np.repeat(np.arange(len(frame)), counts)].reset_index(drop=True),
    )


def inside(shape: BaseGeometry, stride: float, size: float) -> tuple[Floats, Floats]:
    """The lattice's places inside a polygon, from south to north and west to east; or one, if none lies there."""
    shapely.prepare(shape)
    chunks = [np.empty((0, 2))]
    # Part by part: parts on both sides of 180 degrees would make one box around the globe.
    for part in shapely.get_parts(shape):
        for lon, lat in _in_box(part.bounds, stride):
            within = shapely.contains_xy(shape, lon, lat) & has_room(lat, size)
            chunks.append(np.column_stack([lat[within], lon[within]]))
    shapely.destroy_prepared(shape)
    # Boxes of two parts may share places; they are the same to the last bit.
    found = np.unique(np.concatenate(chunks), axis=0)
    if not len(found):
        point = shapely.point_on_surface(shape)
        found = np.array([[point.y, point.x]])
        found = found[has_room(found[:, 0], size)]
    return found[:, 1], found[:, 0]


def _in_box(box: tuple[float, float, float, float], stride: float) -> Iterator[tuple[Floats, Floats]]:
    """The lattice's longitudes and latitudes inside a box of degrees, some rows at a time."""
    west, south, east, north = box
    _, (low, high) = _ALONG([0.0, 0.0], [south, north])
    rows = np.arange(np.ceil(low / stride - 0.5), np.floor(high / stride - 0.5) + 1)
    if not len(rows):
        return
    _, lat = _ALONG(np.zeros(len(rows)), (rows + 0.5) * stride, inverse=True)
    step = np.degrees(stride / (radii(lat)[1] * np.cos(np.radians(lat))))
    # The lattice does not close at 180 degrees: no tile of it lies across, unless the polygon itself goes on there.
    first = np.ceil(np.maximum(west, -180.0 + step / 2 if west >= -180.0 else west) / step - 0.5)
    last = np.floor(np.minimum(east, 180.0 - step / 2 if east <= 180.0 else east) / step - 0.5)
    counts = np.maximum(last - first + 1, 0).astype(np.intp)
    chunk = np.cumsum(counts) // _CHUNK
    for number in np.unique(chunk):
        here = chunk == number
        count = counts[here]
        column = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first[here], count)
        yield (column + 0.5) * np.repeat(step[here], count), np.repeat(lat[here], count)
