"""Kernels: weights of the pixels around a pixel."""

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.values.projection import metres_per_unit, whole

Size = Callable[[], float]
"""Returns the side of a pixel in metres; fails where that is not known."""


@frozen(eq=False)
class Weights:
    """The weights of a kernel in pixels.

    Attributes:
        values: the weights, (rows, columns).
        x: the column of the focus.
        y: the row of the focus.
    """

    values: NDArray[np.float64]
    x: int
    y: int

    @property
    def cells(self) -> list[tuple[int, int, float]]:
        """Row, column and weight of the cells that are not 0."""
        return [(int(row), int(col), float(self.values[row, col])) for row, col in np.argwhere(self.values)]

    def around(self, grid: Grid) -> Grid:
        """A grid with the margins that the weights cover."""
        rows, cols = self.values.shape
        return grid.window(-self.y, -self.x, grid.height + rows - 1, grid.width + cols - 1)

    def inner(self, grid: Grid) -> tuple[slice, slice]:
        """The rows and columns of a grid among those of `around`."""
        return slice(self.y, self.y + grid.height), slice(self.x, self.x + grid.width)


@frozen(eq=False)
class Kernel:
    """A kernel, in pixels or in metres.

    Attributes:
        name: the function that made it, e.g. `Kernel.circle`.
        make: computes the weights; it asks for the size of a pixel if a radius is in metres.
        distance: the metric, the radius and whether it is in metres, of a kernel of plain distances; otherwise None.
    """

    name: str
    make: Callable[[Size], Weights]
    distance: tuple[str, float, bool] | None = None

    def on(self, grid: Grid) -> Weights:
        """Its weights for the pixels of a grid."""
        return self.make(lambda: pixel_size(grid))

    def in_pixels(self) -> Weights:
        """Its weights, which must not depend on the size of the pixels."""
        return self.make(_unknown)

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it: the weights, row by row."""
        found = self.in_pixels()
        weights = [[whole(float(each)) for each in row] for row in found.values]
        return {"type": self.name, "weights": weights, "center": [found.x, found.y]}


def _unknown() -> float:
    raise EarthEngineError(
        "The weights of a kernel in metres depend on the pixels it is applied to; use units 'pixels'."
    )


def pixel_size(grid: Grid) -> float:
    """The nominal side of a grid's pixels, metres; they must be squares.

    On the ground, those of degrees and of the web map are smaller; but Google documents that kernels in metres resize
    with the zoom level, which has one nominal size of pixels at all latitudes.
    """
    a, b, _, d, e, _ = grid.transform
    if b or d or abs(abs(a) - abs(e)) > 1e-9 * abs(a):
        raise EarthEngineError(
            "the local Earth Engine applies kernels in metres to square pixels only; use units 'pixels', or reproject "
            "the image."
        )
    return abs(a) * metres_per_unit(grid.crs)
