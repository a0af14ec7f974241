"""Lattices: positions of a window's pixels on the sphere, exact at nodes and interpolated in between.

Nodes are at multiples of `STEP` pixels of the lattice, not of a window. Therefore the result for a pixel does not
depend on the window in which it is read.
"""

import math

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from localearth.planet.hashing import Floats
from localearth.planet.lazy import lazy
from localearth.values.projection import reproject

RADIUS = 6371000.0
"""Radius of the sphere on which all noise is computed, metres."""

STEP = 16
"""Pixels from one node to the next."""

MID = 4
"""Pixels from one middle node to the next; every fourth middle node along each axis is a node."""


@frozen
class Lattice:
    """An infinite raster.

    Attributes:
        crs: the CRS of its coordinates.
        left: x of the western edge of pixel 0.
        top: y of the northern edge of pixel 0.
        size: size of a pixel, in units of the CRS.
    """

    crs: str
    left: float
    top: float
    size: float

    @property
    def geographic(self) -> bool:
        """Whether its coordinates are degrees."""
        return self.crs == "EPSG:4326"


@frozen
class Window:
    """A window of rows and columns of a lattice; both may be negative."""

    row: int
    col: int
    rows: int
    cols: int

    def contains(self, other: "Window") -> bool:
        """Whether another window of the lattice is inside."""
        return (
            self.row <= other.row
            and self.col <= other.col
            and other.row + other.rows <= self.row + self.rows
            and other.col + other.cols <= self.col + self.cols
        )

    def grown(self, margin: int, multiple: int = 1) -> "Window":
        """The window with a margin, with edges moved outward to multiples."""
        row = (self.row - margin) // multiple * multiple
        col = (self.col - margin) // multiple * multiple
        bottom = -((-(self.row + self.rows + margin)) // multiple) * multiple
        right = -((-(self.col + self.cols + margin)) // multiple) * multiple
        return Window(row, col, bottom - row, right - col)

    def slices(self, inner: "Window") -> tuple[slice, slice]:
        """The slices of another window in an array of this one."""
        row, col = inner.row - self.row, inner.col - self.col
        return slice(row, row + inner.rows), slice(col, col + inner.cols)

    def indices(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Its row numbers, (rows, 1), and its column numbers, (1, cols)."""
        rows = np.arange(self.row, self.row + self.rows)[:, None]
        cols = np.arange(self.col, self.col + self.cols)[None, :]
        return rows, cols


def on_sphere(lon: Floats, lat: Floats) -> Floats:
    """Points on the sphere in metres, (3, ...).

    Longitudes and latitudes are rounded to 1e-9 degrees (0.1 mm), so that rounding errors of PROJ and differences
    between processors do not matter.
    """
    lam, phi = np.radians(np.round(lon, 9)), np.radians(np.round(lat, 9))
    flat = np.cos(phi)
    points = np.stack([flat * np.cos(lam), flat * np.sin(lam), np.sin(phi)])
    return np.round(points * RADIUS, 4)


@define(slots=False, eq=False)
class Patch:
    """A window of a lattice with its points on the sphere.

    Attributes:
        lattice: the lattice.
        window: the window.
        turned: cached points in rotated axes by their distance in pixels, for the noise.
    """

    lattice: Lattice
    window: Window
    turned: dict[int, Floats] = field(factory=dict)

    @lazy
    def node_lonlat(self) -> tuple[Floats, Floats]:
        """Longitude and latitude of the nodes, degrees; longitudes are continuous."""
        grid = self.lattice
        x = grid.left + (self._nodes(1) * STEP + 0.5) * grid.size
        y = grid.top - (self._nodes(0) * STEP + 0.5) * grid.size
        xs, ys = np.meshgrid(x, y)
        if grid.geographic:
            return xs, ys
        lon, lat = reproject(grid.crs, "EPSG:4326", xs, ys)
        lon = np.where(np.isfinite(lon), lon, 0.0)
        lat = np.where(np.isfinite(lat), lat, 90.0)
        first = lon.flat[0]
        return (lon - first + 180.0) % 360.0 - 180.0 + first, lat

    @lazy
    def nodes(self) -> Floats:
        """The nodes on the sphere, (3, rows, cols) metres."""
        return on_sphere(*self.node_lonlat)

    @lazy
    def mids(self) -> Floats:
        """The middle nodes on the sphere, (3, rows, cols) metres."""
        return self.to_mids(self.nodes)

    @lazy
    def points(self) -> Floats:
        """The pixels on the sphere, (3, rows, cols) metres."""
        return self.spread(self.nodes)

    @lazy
    def lonlat(self) -> tuple[Floats, Floats]:
        """Longitude and latitude of the pixels, degrees."""
        lon, lat = self.node_lonlat
        return self.spread(lon), self.spread(lat)

    @lazy
    def spacing(self) -> tuple[float, Floats]:
        """Distance of pixels to the south, metres, and to the east, metres, (rows, 1)."""
        rows = np.arange(self.window.row, self.window.row + self.window.rows)[:, None]
        if not self.lattice.geographic:
            return self.lattice.size, np.full(rows.shape, self.lattice.size)
        metres = self.lattice.size * math.pi * RADIUS / 180.0
        lat = np.clip(self.lattice.top - (rows + 0.5) * self.lattice.size, -89.0, 89.0)
        return metres, metres * np.cos(np.radians(lat))

    def spread(self, values: Floats) -> Floats:
        """Interpolates values of the nodes (..., rows, cols) at the pixels with a Catmull-Rom spline: smooth slopes."""
        down, across = (self._pixels(axis) for axis in (0, 1))
        return _blown(values, down, across, STEP, self._first(STEP))

    def to_mids(self, values: Floats) -> Floats:
        """Interpolates values of the nodes at the middle nodes, in the same way."""
        down, across = (self._mids(axis) * MID for axis in (0, 1))
        return _blown(values, down, across, STEP, self._first(STEP))

    def from_mids(self, values: Floats) -> Floats:
        """Interpolates values of the middle nodes at the pixels, in the same way."""
        down, across = (self._pixels(axis) for axis in (0, 1))
        return _blown(values, down, across, MID, self._first(MID))

    def straight_from_mids(self, values: Floats) -> Floats:
        """Interpolates values of the middle nodes (rows, cols) at the pixels linearly, so that none overshoots."""
        first = self._first(MID)
        for axis in (1, 0):
            at = self._pixels(axis)
            index = at // MID - first[axis]
            t = ((at % MID) * (1.0 / MID)).astype(values.dtype)
            low, high = values.take(index, axis), values.take(index + 1, axis)
            high -= low
            high *= t if axis else t[:, None]
            low += high
            values = low
        return values

    def _first(self, step: int) -> tuple[int, int]:
        """The number of the first node, or middle node, along each axis."""
        return (self._nodes(0)[0], self._nodes(1)[0]) if step == STEP else (self._mids(0)[0], self._mids(1)[0])

    def _nodes(self, axis: int) -> NDArray[np.int64]:
        start, count = self._span(axis)
        return np.arange(start // STEP - 2, (start + count - 1) // STEP + 4)

    def _mids(self, axis: int) -> NDArray[np.int64]:
        start, count = self._span(axis)
        return np.arange(start // MID - 1, (start + count - 1) // MID + 3)

    def _pixels(self, axis: int) -> NDArray[np.int64]:
        start, count = self._span(axis)
        return np.arange(start, start + count)

    def _span(self, axis: int) -> tuple[int, int]:
        window = self.window
        return (window.row, window.rows) if axis == 0 else (window.col, window.cols)


def _blown(
    values: Floats, down: NDArray[np.int64], across: NDArray[np.int64], step: int, first: tuple[int, int]
) -> Floats:
    """Interpolates values (..., rows, cols) at every `step` pixels at all pixels."""
    # First along the rows, while there are few of them; the longer second pass then copies entire rows.
    for axis, at in ((-1, across), (-2, down)):
        index = at // step - first[axis]
        t = (at % step) * (1.0 / step)
        t2, t3 = t * t, t * t * t
        taps = (-0.5 * t + t2 - 0.5 * t3, 1.0 - 2.5 * t2 + 1.5 * t3, 0.5 * t + 2.0 * t2 - 1.5 * t3, 0.5 * t3 - 0.5 * t2)
        result: Floats | None = None
        for number, tap in enumerate(taps):
            weight = tap.astype(values.dtype)
            term = values.take(index + (number - 1), axis)
            term *= weight if axis == -1 else weight[:, None]
            result = term if result is None else np.add(result, term, out=result)
        assert result is not None
        values = result
    return values
