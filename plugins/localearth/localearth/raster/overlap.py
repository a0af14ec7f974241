"""Overlaps: which pixels of another raster each pixel of a grid covers, and how much of each.

The weight of a native pixel is its area inside the output pixel, as documented for `Image.reduceResolution` ("the
fraction of the output pixel covered by the input pixel"); here in native pixels, so that the weights of whole pixels
are exactly 1. An output pixel is the quadrilateral of its four corners in the native raster; every corner is
transformed exactly. It agrees with GDAL's average in one CRS. Between CRSs GDAL takes the box around the quadrilateral.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from localearth.raster.grid import Grid
from localearth.values.projection import Projection, apply, compose, invert, reproject

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STEPS = 2.0**20
"""Corners are rounded to this part of a native pixel, so that a window of a grid has the weights of the grid."""

CHUNK = 4_000_000
"""Maximum of weights that are computed at once."""

LEAST = 1e-5
"""Smaller areas, in native pixels, are rounding errors and count as 0."""

_STEEP = 1e-5
"""An edge that moves by less than this many columns within a row counts as vertical."""


@frozen(eq=False)
class Chunk:
    """The overlaps of some rows of a grid.

    Attributes:
        rows: the rows of the grid.
        window: (row, col, rows, cols) of the native pixels that are needed.
        row: native rows in that window, (down, 1, pixels); `down` rows per output pixel.
        col: native columns in that window, (1, across, pixels).
        weight: area of each native pixel in the output pixel, in native pixels, (down * across, pixels); 0 outside.
    """

    rows: slice
    window: tuple[int, int, int, int]
    row: Integers
    col: Integers
    weight: Floats


@frozen(eq=False)
class Overlap:
    """The overlaps of a grid with a native raster.

    Attributes:
        shape: the grid's (height, width).
        x: native columns of the corners of the grid's pixels, (height + 1, width + 1).
        y: native rows of them.
        known: whether all corners of each pixel have coordinates, (height, width).
        down: maximum number of native rows that an output pixel touches.
        across: the same for columns.
    """

    shape: tuple[int, int]
    x: Floats
    y: Floats
    known: NDArray[np.bool_]
    down: int
    across: int
    _kept: list[Chunk] = field(factory=list)

    @property
    def count(self) -> int:
        """Maximum number of native pixels per output pixel."""
        return self.down * self.across

    def chunks(self) -> Iterator[Chunk]:
        """The overlaps, some rows of the grid at a time; computed once for all bands if they fit in one chunk."""
        step = max(CHUNK // (self.count * self.shape[1]), 1)
        if self._kept:
            yield self._kept[0]
            return
        for top in range(0, self.shape[0], step):
            chunk = self._chunk(slice(top, min(top + step, self.shape[0])))
            if step >= self.shape[0]:
                self._kept.append(chunk)
            yield chunk

    def _chunk(self, rows: slice) -> Chunk:
        lines = slice(rows.start, rows.stop + 1)
        corners = [_corners(each[lines]).reshape(4, -1) for each in (self.x, self.y)]
        known = self.known[rows].reshape(-1)
        x, y = (np.where(known, each, each[:, known][:, :1] if known.any() else 0.0) for each in corners)
        left, top = np.floor(x.min(axis=0)).astype(np.int64), np.floor(y.min(axis=0)).astype(np.int64)
        weight = _areas(x - left, y - top, self.down, self.across) * known
        weight[weight < LEAST] = 0.0
        west, north = int(left.min()), int(top.min())
        window = north, west, int(top.max()) + self.down - north, int(left.max()) + self.across - west
        row = (top - north) + np.arange(self.down)[:, None, None]
        col = (left - west) + np.arange(self.across)[None, :, None]
        return Chunk(rows, window, row, col, weight.reshape(self.count, -1))


def overlap(grid: Grid, native: Projection) -> Overlap:
    """The overlaps of a grid's pixels with those of a native raster."""
    inverse = invert(native.transform)
    col, row = np.meshgrid(np.arange(grid.width + 1.0), np.arange(grid.height + 1.0))
    if grid.crs == native.crs:
        inverse = compose(inverse, grid.transform)
        x, y = col, row
    else:
        x, y = reproject(grid.crs, native.crs, *apply(grid.transform, col, row))
    # Points without coordinates in the native CRS are infinite, and 0 times infinity is NaN: both are masked.
    with np.errstate(invalid="ignore"):
        x, y = (np.round(each * STEPS) / STEPS for each in apply(inverse, x, y))
    known: NDArray[np.bool_] = np.asarray(np.isfinite(_corners(x + y)).all(axis=0))
    return Overlap(grid.shape, x, y, known, _most(y, known), _most(x, known))


def _corners(values: Floats) -> Floats:
    """The values at the corners of each pixel in their order around it, (4, height, width)."""
    return np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]])


def _most(at: Floats, known: NDArray[np.bool_]) -> int:
    """Maximum number of native rows, or columns, that an output pixel touches; at least 1."""
    corners = _corners(at)[:, known]
    if not corners.size:
        return 1
    return max(int((np.ceil(corners.max(axis=0)) - np.floor(corners.min(axis=0))).max()), 1)


def _areas(x: Floats, y: Floats, down: int, across: int) -> Floats:
    """Areas of quadrilaterals in the unit squares of a raster.

    The area in a square is the integral over the outline of the distance to the square's left side, at most 1.

    Args:
        x: columns of the corners, (4, n).
        y: rows of the corners, (4, n).
        down: rows of the raster.
        across: columns of the raster.

    Returns:
        Areas, (down, across, n).
    """
    total = np.zeros((down, across, x.shape[1]))
    row, col = np.arange(down)[:, None], np.arange(across)[:, None]
    for start in range(4):
        x0, x1, y0, y1 = x[start], x[(start + 1) % 4], y[start], y[(start + 1) % 4]
        # The part of the edge in each row of the raster, (down, n).
        high = np.clip(y1, row, row + 1)
        low = np.clip(y0, row, row + 1)
        slope = (x1 - x0) / np.where(y1 == y0, 1.0, y1 - y0)
        begin, end = x0 + (low - y0) * slope, x0 + (high - y0) * slope
        for line in np.flatnonzero((high != low).any(axis=1)):
            total[line] += (high[line] - low[line]) * _distance(begin[line], end[line], col)
    areas: Floats = np.abs(total)
    return areas


def _distance(begin: Floats, end: Floats, col: NDArray[Any]) -> Floats:
    """The mean distance of an edge to the left side of columns, at most 1 and at least 0; (columns, n)."""
    middle: Floats = np.clip((begin + end) / 2 - col, 0.0, 1.0)
    run = end - begin
    steep = np.abs(run) < _STEEP
    if steep.all():
        return middle
    mean = (_integral(end - col) - _integral(begin - col)) / np.where(steep, 1.0, run)
    found: Floats = np.where(steep, middle, mean)
    return found


def _integral(u: Floats) -> Floats:
    """The integral from 0 to u of a value that is at least 0 and at most 1."""
    inner = np.clip(u, 0.0, 1.0)
    total: Floats = inner * inner / 2 + np.maximum(u - 1.0, 0.0)
    return total
