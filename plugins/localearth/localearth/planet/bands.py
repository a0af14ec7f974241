"""Bands of the synthetic world: grids whose pixels are computed when they are read."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from attrs import define

from localearth.planet.hashing import Floats
from localearth.planet.lattice import Window
from localearth.planet.lazy import lazy
from localearth.raster.grid import Grid
from localearth.worlds.base import BandSource, GridBand, Mask, Pixels

Make = Callable[[Window], tuple[Pixels, Mask | None]]

BLOCK = 768
"""Side of a block, pixels: larger windows are computed block by block, to save memory."""


@define(eq=False)
class MadeBand(GridBand):
    """A band that is computed on demand.

    Attributes:
        make: computes a window of the grid; returns values and a mask (None: everything is valid).
        block: side of the blocks that are computed at once, pixels.
    """

    make: Make
    block: int

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """Computes a window: values and mask, (rows, cols) each.

        Raises:
            IndexError: when the window is not inside the band.
        """
        self.check(row, col, rows, cols)
        values = np.zeros((rows, cols), self.dtype)
        mask = np.ones((rows, cols), bool)
        for top in range(0, rows, self.block):
            for left in range(0, cols, self.block):
                down, across = min(self.block, rows - top), min(self.block, cols - left)
                part = slice(top, top + down), slice(left, left + across)
                made, valid = self.make(Window(row + top, col + left, down, across))
                values[part] = made
                if valid is not None:
                    mask[part] = valid
        return values, mask


def made_band(name: str, dtype: str, grid: Grid, make: Make, block: int = BLOCK) -> MadeBand:
    """A band on a grid; see `MadeBand`."""
    return MadeBand(name, dtype, grid.crs, grid.transform, grid.width, grid.height, make, block)


@define(slots=False)
class LazyBands(Sequence[BandSource]):
    """The bands of an image, created on first use: most images of a collection are only filtered."""

    make: Callable[[], Sequence[BandSource]]

    @lazy
    def _all(self) -> Sequence[BandSource]:
        return tuple(self.make())

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: Any) -> Any:
        return self._all[index]


def axes(grid: Grid, window: Window) -> tuple[Floats, Floats]:
    """The x of a window's columns and the y of its rows, at the centres of square pixels of a grid that is north up."""
    size, _, left, _, _, top = grid.transform
    rows, cols = window.indices()
    return left + (cols[0] + 0.5) * size, top - (rows[:, 0] + 0.5) * size


def rounded(values: Pixels, dtype: str) -> Pixels:
    """Rounds values to an integer type and clamps them to its range."""
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
