"""The grid that pixels are computed on."""

from functools import lru_cache
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.values.projection import Affine, Projection, apply, reproject


@frozen
class Grid:
    """A raster without values.

    Attributes:
        crs: the CRS of its coordinates.
        transform: affine (a, b, c, d, e, f) from (col, row) to coordinates; pixel (i, j) covers [i, i + 1).
        width: number of columns.
        height: number of rows.
    """

    crs: str
    transform: Affine
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def projection(self) -> Projection:
        """Its CRS and transform."""
        return Projection(self.crs, self.transform)

    def window(self, row: int, col: int, rows: int, cols: int) -> "Grid":
        """The grid that starts at (row, col) of this one, which may lie outside it."""
        a, b, c, d, e, f = self.transform
        return Grid(self.crs, (a, b, c + a * col + b * row, d, e, f + d * col + e * row), cols, rows)

    def around(self, margin: int) -> "Grid":
        """The grid extended by `margin` pixels on each side."""
        return self.window(-margin, -margin, self.height + 2 * margin, self.width + 2 * margin)

    def inner(self, margin: int) -> tuple[slice, slice]:
        """The rows and columns of this grid within `around(margin)`."""
        return slice(margin, margin + self.height), slice(margin, margin + self.width)

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The x and y of the pixel centres, both (height, width)."""
        return apply(self.transform, np.arange(self.width)[None, :] + 0.5, np.arange(self.height)[:, None] + 0.5)

    def centres_in(self, crs: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """The x and y of the pixel centres in another CRS; every centre is transformed exactly."""
        return reproject(self.crs, crs, *self.centres())

    def ring(self, crs: str, steps: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The x and y of points around it in a CRS, `steps` per side, from its first corner; some may be infinite."""
        t = np.linspace(0, 1, steps, endpoint=False)
        zero, one = np.zeros(steps), np.ones(steps)
        col = np.concatenate([t, one, 1 - t, zero]) * self.width
        row = np.concatenate([zero, t, one, 1 - t]) * self.height
        return reproject(self.crs, crs, *apply(self.transform, col, row))

    def outline(self, crs: str, steps: int = 8) -> BaseGeometry:
        """Its outline in a CRS, with `steps` points per side."""
        x, y = self.ring(crs, steps)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return box(-180, -90, 180, 90) if crs == "EPSG:4326" else Polygon()
        return Polygon(np.column_stack([x, y]))


def pixels_of(projection: Projection) -> Grid:
    """An empty grid at a projection's origin, from which windows are taken."""
    return Grid(projection.crs, projection.transform, 0, 0)


def step_ends(shape: tuple[int, ...], down: int, right: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The pixels of a raster from which a step down and to the right or left stays in it, and those where it ends."""
    rows, cols = shape
    start = slice(0, rows - down), slice(max(-right, 0), cols - max(right, 0))
    return start, (slice(down, rows), slice(max(right, 0), cols - max(-right, 0)))


MAX_PIXELS = 100_000_000
"""Pixels of a grid that are computed at once: about a gigabyte per band."""


def check_memory(rows: int, columns: int) -> None:
    """Refuses a grid that would need too much memory, in Google's words.

    Raises:
        EarthEngineError: when it has more than `MAX_PIXELS`.
    """
    if rows * columns > MAX_PIXELS:
        raise EarthEngineError(
            f"User memory limit exceeded: {columns} x {rows} pixels at once, of which the local Earth Engine computes "
            f"at most {MAX_PIXELS}. Use a larger scale, or a smaller region or radius."
        )


@lru_cache(maxsize=64)
def outline_lonlat(grid: Grid) -> BaseGeometry:
    """A grid's outline in EPSG:4326; cached, because every footprint of a request needs it."""
    return grid.outline("EPSG:4326")
