"""Sampling: positions of a grid's pixel centres in another raster, and nearest and bilinear values there.

Rules and their sources:
- Nearest takes the native pixel [i, i + 1) that contains the output centre (documented).
- Bilinear weights the four native centres around the output centre, in the native projection (documented). It
  agrees with GDAL inside an image. A neighbour that is masked or beyond the edge masks the result, unless its weight
  is zero (assumed; GDAL would renormalise the other weights).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.raster.mask import Mask, both
from localearth.values.projection import Projection, apply, compose, invert

Sampled = tuple[NDArray[Any], Mask]
"""Values and a mask, (height, width) each."""
Centres = Callable[[Grid, str], tuple[NDArray[Any], NDArray[Any]]]
Read = Callable[[int, int, int, int], Sampled]
"""Reads the window (row, col, rows, cols) of the native raster."""

_EDGE = 1e-7
"""Fractions of a native pixel below this are rounding errors of the coordinates."""

MAX_WINDOW = 64_000_000
"""Maximum of native pixels that one band reads for one request; Google would use an image pyramid."""


@frozen(eq=False)
class Positions:
    """Positions of output centres in native columns and rows (fractional; centres at i + 0.5).

    Attributes:
        cols: (width,) when the axes are parallel, else (height, width).
        rows: (height,) or (height, width).
        separable: whether there is one position per column and one per row.
    """

    cols: NDArray[np.float64]
    rows: NDArray[np.float64]
    separable: bool

    @property
    def shape(self) -> tuple[int, int]:
        """The output's (height, width)."""
        return (self.rows.shape[0], self.cols.shape[0]) if self.separable else self.cols.shape


def positions(grid: Grid, native: Projection, centres: Centres = Grid.centres_in) -> Positions:
    """Locates the grid's pixel centres in a native raster.

    In the same CRS this is an affine transform, computed per axis when the axes are parallel; otherwise PROJ
    transforms every centre exactly.

    Args:
        grid: the output grid.
        native: the projection of the raster.
        centres: returns the coordinates of a grid's centres in another CRS; a caching function saves time.
    """
    if grid.crs == native.crs:
        a, b, c, d, e, f = compose(invert(native.transform), grid.transform)
        col = np.arange(grid.width) + 0.5
        row = np.arange(grid.height) + 0.5
        if abs(b) < 1e-12 and abs(d) < 1e-12:
            return Positions(_snap(a * col + c), _snap(e * row + f), True)
        return Positions(a * col + b * row[:, None] + c, d * col + e * row[:, None] + f, False)
    x, y = centres(grid, native.crs)
    # Points without coordinates in the native CRS are infinite, and 0 times infinity is NaN: both are masked.
    with np.errstate(invalid="ignore"):
        return Positions(*apply(invert(native.transform), x, y), False)


def around_globe(at: Positions, native: Projection, width: int) -> Positions:
    """Positions beside a raster in EPSG:4326 moved by a turn around the globe, where they may be in it."""
    a, b, _, d, _, _ = native.transform
    if native.crs != "EPSG:4326" or b or d or a <= 0:
        return at
    turn, cols = 360 / a, at.cols
    if ((cols >= 0) & (cols <= width)).all():
        return at
    moved = np.where(cols < 0, cols + turn, np.where(cols >= width, cols - turn, cols))
    return evolve(at, cols=moved)


def _snap(at: NDArray[Any]) -> NDArray[np.float64]:
    """Removes the rounding error of the affine transform from positions at halves of a pixel."""
    half = np.round(at * 2) / 2
    return np.where(np.abs(at - half) < _EDGE, half, at)


def _span(indices: NDArray[np.int64], good: NDArray[np.bool_]) -> tuple[int, int]:
    chosen = indices[good]
    return (int(chosen.min()), int(chosen.max()) + 1) if chosen.size else (0, 0)


def _indices(at: NDArray[np.float64], size: int | None) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Integer native indices, and which of them are in the raster (or finite, when it has no edge)."""
    good = np.isfinite(at)
    index = np.floor(np.where(good, at, 0.0) + _EDGE).astype(np.int64)
    if size is not None:
        good = good & (index >= 0) & (index < size)
    return index, good


def nearest(at: Positions, read: Read, size: tuple[int, int] | None, dtype: np.dtype[Any]) -> Sampled:
    """Nearest-neighbour values at positions.

    Args:
        at: the positions.
        read: reads a native window within `size`.
        size: native (rows, cols); None for a raster without an edge.
        dtype: dtype of the values.
    """
    col, in_col = _indices(at.cols, size[1] if size else None)
    row, in_row = _indices(at.rows, size[0] if size else None)
    if not at.separable:
        in_col = in_row = in_col & in_row
    left, right = _span(col, in_col)
    top, bottom = _span(row, in_row)
    if left == right or top == bottom:
        return np.zeros(at.shape, dtype), np.zeros(at.shape, bool)
    values, mask = read_window(read, top, left, bottom - top, right - left)
    col, row = np.clip(col - left, 0, right - left - 1), np.clip(row - top, 0, bottom - top - 1)
    if not at.separable:
        return values[row, col], both(mask[row, col], in_col)
    if values.shape == at.shape and in_col.all() and in_row.all() and _runs(col) and _runs(row):
        return values, mask
    pick = np.ix_(row, col)
    return values[pick], both(mask[pick], in_row[:, None] & in_col)


def _runs(index: NDArray[np.int64]) -> bool:
    """Whether indices are 0, 1, 2 ..."""
    return bool((index == np.arange(index.size)).all())


def read_window(read: Read, row: int, col: int, rows: int, cols: int) -> Sampled:
    """Reads a native window of a limited size."""
    if rows * cols > MAX_WINDOW:
        raise EarthEngineError(
            f"The request needs {rows} x {cols} native pixels of one band; the local Earth Engine reads at most "
            f"{MAX_WINDOW} and has no image pyramids. Request a smaller region."
        )
    return read(row, col, rows, cols)


def bilinear(at: Positions, read: Read, size: tuple[int, int] | None = None) -> Sampled:
    """Bilinear values at positions, as doubles.

    Args:
        at: the positions.
        read: reads any native window; pixels beyond the raster's edge are masked.
        size: native (rows, cols) if known; positions beyond them are not read.
    """
    in_col, in_row = _near(at.cols, size[1] if size else None), _near(at.rows, size[0] if size else None)
    if not at.separable:
        in_col = in_row = in_col & in_row
    if not in_col.any() or not in_row.any():
        return np.zeros(at.shape), np.zeros(at.shape, bool)
    left, x = _split(_held(at.cols, in_col))
    top, y = _split(_held(at.rows, in_row))
    c0, r0 = int(left.min()), int(top.min())
    # The next pixel is only read if its weight can be above 0.
    over, down = int(x.any()), int(y.any())
    values, mask = read_window(read, r0, c0, int(top.max()) + 1 + down - r0, int(left.max()) + 1 + over - c0)
    whole = bool(mask.all())
    clean = (values if whole else np.where(mask, values, 0)).astype(np.float64, copy=False)
    left, top = left - c0, top - r0
    if at.separable:
        result, valid = _separable(clean, mask, whole, (left, x, over), (top, y, down))
        known = in_col.all() and in_row.all()
        return result, valid if known else valid & in_row[:, None] & in_col
    result = np.zeros(at.shape)
    valid = in_col.copy()
    for below, wy in ((0, 1 - y), (1, y)):
        for beside, wx in ((0, 1 - x), (1, x)):
            weight = wx * wy
            row, col = top + min(below, down), left + min(beside, over)
            result += clean[row, col] * weight
            if not whole:
                valid &= mask[row, col] | (weight == 0)
    return result, valid


def _near(at: NDArray[np.float64], size: int | None) -> NDArray[np.bool_]:
    """Whether positions are finite and close enough to the raster to have a valid neighbour."""
    good = np.isfinite(at)
    return good if size is None else good & (at >= 0) & (at <= size)


def _held(at: NDArray[np.float64], good: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Positions in which those that are not `good` are replaced by a good one."""
    return at if good.all() else np.where(good, at, at[good][0])


Axis = tuple[NDArray[np.int64], NDArray[np.float64], int]
"""The pixel before each position, the fraction of the distance to the next, and 1 if any fraction is not 0."""


def _separable(clean: NDArray[Any], mask: NDArray[np.bool_], whole: bool, across: Axis, along: Axis) -> Sampled:
    """Bilinear values, interpolated first along one axis and then along the other."""
    (left, x, over), (top, y, down) = across, along
    if not over and not down and clean.shape == (top.size, left.size) and _runs(left) and _runs(top):
        return clean, mask
    result = clean.take(left, axis=1)
    if over:
        result = result * (1 - x) + clean.take(left + 1, axis=1) * x
    first = result.take(top, axis=0)
    if down:
        first = first * (1 - y)[:, None] + result.take(top + 1, axis=0) * y[:, None]
    if whole:
        return first, np.ones(first.shape, bool)
    good = mask[:, left]
    if over:
        good = good & (mask[:, left + 1] | (x == 0))
    valid = good[top]
    if down:
        valid = valid & (good[top + 1] | (y == 0)[:, None])
    return first, valid


def _split(at: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The native centre before each position, and the fraction of the distance to the next one."""
    start = np.floor(at - 0.5 + _EDGE)
    share = at - 0.5 - start
    return start.astype(np.int64), np.where(np.abs(share) < _EDGE, 0.0, share)
