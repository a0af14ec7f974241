"""The shares of pixels inside geometries: weights of regions, and masks of clips."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from localearth.raster.grid import Grid, outline_lonlat
from localearth.raster.mask import Mask
from localearth.raster.sampling import Centres
from localearth.values.geometry import Geometry, valid
from localearth.values.projection import apply, invert, reproject

_CHUNK = 200_000
"""Number of pixels whose outlines are created at once."""

_FEW = 64
"""Up to this number of pixels or vertices, each pixel is intersected with the entire shape."""


def shares_of(
    shape: BaseGeometry, window: tuple[int, int, int, int], weighted: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The share of each pixel of a window inside a shape, in 8 bits, and whether its centre is inside."""
    row, col, rows, cols = window
    shapely.prepare(shape)
    share, centre = np.empty((rows, cols)), np.empty((rows, cols), bool)
    chunk = max(_CHUNK // cols, 1)
    for start in range(0, rows, chunk):
        part = slice(start, min(start + chunk, rows))
        left, top = np.meshgrid(np.arange(col, col + cols), np.arange(row + start, row + part.stop))
        share[part], centre[part] = pixel_shares(shape, left, top, weighted)
    # A share of a half has rounding errors, which must not depend on the window.
    return np.minimum(np.floor(share * 256 + 1e-6), 255) / 255, centre


def pixel_shares(
    shape: BaseGeometry, left: NDArray[Any], top: NDArray[Any], weighted: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The share of each pixel inside a shape, and whether its centre is inside."""
    if shape.geom_type.endswith("Point"):
        found = np.zeros(left.shape, bool)
        x, y = np.floor(shapely.get_coordinates(shape)).astype(np.int64).T
        here = (y >= top[0, 0]) & (y <= top[-1, 0]) & (x >= left[0, 0]) & (x <= left[0, -1])
        found[y[here] - top[0, 0], x[here] - left[0, 0]] = True
        return found.astype(np.float64), found
    if not shape.area:
        # A line selects the pixels that it touches.
        touched = shapely.intersects(shape, shapely.box(left, top, left + 1, top + 1))
        return touched.astype(np.float64), touched
    centre = shapely.intersects_xy(shape, left + 0.5, top + 0.5)
    share = centre.astype(np.float64)
    if not weighted:
        return share, centre
    # A pixel that the outline does not cross is inside if its centre is; only the few others are intersected.
    passed = _passed(shape, left, top)
    share[passed] = _areas(shape, np.stack([left[passed], top[passed]]))
    return share, centre


def _areas(shape: BaseGeometry, corners: NDArray[Any]) -> NDArray[Any]:
    """The area of a shape in each of n pixels with these upper left corners, (2, n).

    An intersection looks at all vertices of a shape: of many, only those in the same half of the pixels are used.
    """
    if corners.shape[1] <= _FEW or shapely.get_num_coordinates(shape) <= _FEW:
        return np.asarray(shapely.area(shapely.intersection(shape, shapely.box(*corners, *(corners + 1)))))
    low, high = corners.min(axis=1), corners.max(axis=1)
    axis = int((high - low).argmax())
    first = corners[axis] <= (low[axis] + high[axis]) // 2
    found = np.empty(corners.shape[1])
    for half in (first, ~first):
        part = corners[:, half]
        found[half] = _areas(shapely.intersection(shape, box(*part.min(axis=1), *(part.max(axis=1) + 1))), part)
    return found


def _passed(shape: BaseGeometry, left: NDArray[Any], top: NDArray[Any]) -> NDArray[np.bool_]:
    """The pixels that the outline of a shape crosses, and possibly some of their neighbours."""
    rows, cols = left.shape
    found = np.zeros((rows + 2, cols + 2), bool)
    lines = shapely.get_parts(shapely.segmentize(shape.boundary, 0.5))
    points, line = shapely.get_coordinates(lines, return_index=True)
    starts = np.flatnonzero(line[1:] == line[:-1])
    ends = np.stack([points[starts], points[starts + 1]])
    low, high = np.floor(ends.min(axis=0) - 1e-6), np.floor(ends.max(axis=0) + 1e-6)
    # A segment of half a pixel lies in at most two columns and two rows; those outside the raster go to a border.
    for x in (low[:, 0], high[:, 0]):
        for y in (low[:, 1], high[:, 1]):
            row, col = np.clip(y - top[0, 0], -1, rows), np.clip(x - left[0, 0], -1, cols)
            found[row.astype(np.int64) + 1, col.astype(np.int64) + 1] = True
    return found[1:-1, 1:-1]


def inside(geometry: Geometry, grid: Grid, centres: Centres = Grid.centres_in) -> NDArray[np.bool_]:
    """True at pixels whose centre is in a geometry, (height, width)."""
    shape = geometry.globe
    outline = outline_lonlat(grid)
    # The outline of a grid across 180 degrees is on the wrong side of the globe.
    if shape.geom_type != "Point" and outline.bounds[2] - outline.bounds[0] < 180 and shape.contains(outline):
        return np.ones(grid.shape, bool)
    x, y = centres(grid, "EPSG:4326")
    west, south, east, north = shape.bounds
    with np.errstate(invalid="ignore"):
        x = x - 360 * np.round((x - (west + east) / 2) / 360)
    # Only pixels within the bounds are tested, which is much faster for many small geometries.
    near = (x >= west) & (x <= east) & (y >= south) & (y <= north)
    found = np.zeros(grid.shape, bool)
    found[near] = shapely.intersects_xy(shape, x[near], y[near])
    return found


def clip_mask(geometry: Geometry, grid: Grid) -> Mask:
    """The share of each pixel in a geometry: 1 for the pixels of points and (assumed) those that lines touch."""
    near = _part_around(geometry, grid)
    if near is None:
        return inside(geometry, grid)
    around = box(-1, -1, grid.width + 1, grid.height + 1)
    shape = valid(near.in_pixels(grid.projection)).intersection(around)
    if shape.is_empty:
        return np.zeros(grid.shape, bool)
    share, _ = shares_of(shape, (0, 0, grid.height, grid.width), True)
    return share.astype(np.float32) if ((share > 0) & (share < 1)).any() else share > 0


def _part_around(geometry: Geometry, grid: Grid) -> Geometry | None:
    """The part of a geometry near a grid, as distant parts may have no coordinates in its CRS; None around a pole."""
    outline = outline_lonlat(grid)
    west, south, east, north = outline.bounds
    if geometry.projection.crs == grid.crs != "EPSG:4326":
        return geometry
    turns: tuple[int, ...] = (0,)
    if grid.crs == "EPSG:4326" and east - west > 180:
        around = outline
    elif east - west <= 180:
        margin = (east - west + north - south) / 2
        around = box(west - margin, south - margin, east + margin, north + margin)
        # A grid may extend beyond 180 degrees, where a geometry is a turn away.
        turns = (0,) if max(east, -west) + margin <= 180 else (-360, 0, 360)
    elif _around_pole(grid):
        return None
    else:
        lon, margin = shapely.get_coordinates(outline)[:, 0], north - south
        low, high = south - margin, north + margin
        around = box(lon[lon > 0].min() - margin, low, 180, high) | box(-180, low, lon[lon < 0].max() + margin, high)
    parts = [translate(geometry.globe, turn).intersection(around) for turn in turns]
    return Geometry(shapely.union_all(parts), geodesic=False)


def _around_pole(grid: Grid) -> bool:
    poles = reproject("EPSG:4326", grid.crs, np.zeros(2), np.asarray([90.0, -90.0]))
    with np.errstate(invalid="ignore"):
        col, row = apply(invert(grid.transform), *poles)
    return bool(((col >= 0) & (col <= grid.width) & (row >= 0) & (row <= grid.height)).any())
