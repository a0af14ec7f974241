"""Bands of the synthetic world: grids whose pixels are computed when they are read."""

from collections.abc import Callable, Sequence
from typing import overload

import numpy as np
from attrs import define, field

from localearth.planet.hashing import Floats
from localearth.planet.lattice import Window
from localearth.raster.grid import Grid
from localearth.values.projection import Affine
from localearth.worlds.base import BandSource, Mask, Pixels

Make = Callable[[Window], tuple[Pixels, Mask | None]]

BLOCK = 768
"""Side of a block, pixels: larger windows are computed block by block, to save memory."""


@define(eq=False)
class MadeBand:
    """A band that is computed on demand; see `BandSource`.

    Attributes:
        make: computes a window of the grid; returns values and a mask (None: everything is valid).
        block: side of the blocks that are computed at once, pixels.
    """

    name: str
    dtype: str
    grid: Grid
    make: Make
    block: int = BLOCK
    crs: str = field(init=False)
    transform: Affine = field(init=False)
    width: int = field(init=False)
    height: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.crs, self.transform = self.grid.crs, self.grid.transform
        self.width, self.height = self.grid.width, self.grid.height

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """Computes a window: values and mask, (rows, cols) each.

        Raises:
            ValueError: when the window is not inside the band.
        """
        if row < 0 or col < 0 or rows < 0 or cols < 0 or row + rows > self.height or col + cols > self.width:
            raise ValueError(
                f"band {self.name!r}: rows {row} to {row + rows}, columns {col} to {col + cols} are not inside its "
                f"{self.height} x {self.width} pixels; read a window inside."
            )
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


class LazyBands(Sequence[BandSource]):
    """The bands of an image, created on first use: most images of a collection are only filtered."""

    def __init__(self, make: Callable[[], Sequence[BandSource]]) -> None:
        self._make = make
        self._bands: Sequence[BandSource] | None = None

    def _all(self) -> Sequence[BandSource]:
        if self._bands is None:
            self._bands = tuple(self._make())
        return self._bands

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> BandSource: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[BandSource]: ...

    def __getitem__(self, index: int | slice) -> BandSource | Sequence[BandSource]:
        return self._all()[index]


def axes(grid: Grid, window: Window) -> tuple[Floats, Floats]:
    """The x of a window's columns and the y of its rows, at the centres of square pixels of a grid that is north up."""
    size, _, left, _, _, top = grid.transform
    rows, cols = window.indices()
    return left + (cols[0] + 0.5) * size, top - (rows[:, 0] + 0.5) * size


def rounded(values: Pixels, dtype: str) -> Pixels:
    """Rounds values to an integer type and clamps them to its range."""
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
