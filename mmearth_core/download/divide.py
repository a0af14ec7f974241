"""A tile's pixels in several requests, where one is too large: by bands, then by halves and quarters of the tile.

Every pixel is computed on the tile's own grid whichever request brings it, so the pieces put together are the pixels
that one request would have brought.
"""

import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, evolve, field, frozen
from numpy.typing import NDArray

from mmearth_core.download.finish import StackBand
from mmearth_core.download.pixels import check_pixels
from mmearth_core.earth.client import EarthClient
from mmearth_core.errors import TooLargeError
from mmearth_core.tiles.grid import PIXEL, Grid

if TYPE_CHECKING:
    import ee

USUAL = 3
"""After so many tiles in a row that had to be divided, later ones are divided like them from the start."""


@frozen(eq=False)
class _Piece:
    """What one request asks for.

    Attributes:
        bands: some of the tile's bands.
        top: its first row.
        left: its first column.
        rows: how many.
        columns: how many.
    """

    bands: tuple[StackBand, ...]
    top: int
    left: int
    rows: int
    columns: int

    def halves(self, size: int) -> "tuple[_Piece, _Piece] | None":
        """Two pieces: of half the bands each, or else of half the place; None of one band of a quarter of the tile.

        Args:
            size: rows and columns of the tile.
        """
        if len(self.bands) > 1:
            cut = _cut(self.bands)
            return evolve(self, bands=self.bands[:cut]), evolve(self, bands=self.bands[cut:])
        if self.rows == size > 1:
            cut = size // 2
            return evolve(self, rows=cut), evolve(self, top=cut, rows=size - cut)
        if self.columns == size > 1:
            cut = size // 2
            return evolve(self, columns=cut), evolve(self, left=cut, columns=size - cut)
        return None

    def request(self, grid: Grid) -> dict[str, Any]:
        """The `grid` of the request for this part of the tile's grid."""
        whole = grid.request()
        place = {"translateX": grid.left + self.left * PIXEL, "translateY": grid.top - self.top * PIXEL}
        return {
            **whole,
            "dimensions": {"width": self.columns, "height": self.rows},
            "affineTransform": {**whole["affineTransform"], **place},
        }


@define(eq=False)
class Division:
    """How tiles are divided from the start, as those before them had to be; shared by the threads of a run."""

    _pieces: tuple[_Piece, ...] = ()
    _row: int = 0
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def learn(self, divided: bool, pieces: Sequence[_Piece]) -> None:
        """Takes note of a tile's pieces, and whether they had to be smaller than expected."""
        with self._lock:
            self._row = self._row + 1 if divided else 0
            if divided and (self._pieces or self._row >= USUAL):
                known = {band.name for piece in self._pieces for band in piece.bands}
                self._pieces += tuple(piece for piece in pieces if not known & {band.name for band in piece.bands})

    def pieces(self, asked: Sequence[StackBand], size: int) -> list[_Piece]:
        """What to ask for at first, so that all bands come: the whole tile at once, as long as that does."""
        known = [evolve(one, bands=tuple(band for band in one.bands if band in asked)) for one in self._pieces]
        there = {band.name for one in known for band in one.bands}
        others = tuple(band for band in asked if band.name not in there)
        return [one for one in (*known, _Piece(others, 0, 0, size, size)) if one.bands]


def fetch_pixels(
    client: EarthClient, image: "ee.Image", asked: Sequence[StackBand], grid: Grid, division: Division
) -> NDArray[np.void]:
    """Downloads a tile's pixels, in one request if that is not too large.

    Args:
        client: sends the requests.
        image: the tile's image; has the bands asked for.
        asked: them.
        grid: the tile's grid.
        division: what was learnt of the tiles before.

    Returns:
        A structured array, (rows, columns), a field for each band.

    Raises:
        RequestError: refused for good; a `TooLargeError` when one band of a quarter of the tile is too large.
        NoAnswerError: not answered in all the time allowed.
        RunStoppedError: no request can succeed any more.
    """
    size = grid.size
    waiting = division.pieces(asked, size)[::-1]
    whole: NDArray[np.void] | None = None
    got: list[_Piece] = []
    divided = False
    while waiting:
        piece = waiting.pop()
        all_bands = len(piece.bands) == len(asked)
        part = image if all_bands else image.select([band.name for band in piece.bands])
        check = partial(check_pixels, asked=piece.bands, rows=piece.rows, columns=piece.columns)
        try:
            array = client.pixels(part, piece.request(grid), check)
        except TooLargeError:
            halves = piece.halves(size)
            if halves is None:
                raise
            divided = True
            waiting += reversed(halves)
            continue
        got.append(piece)
        if all_bands and array.shape == (size, size):
            whole = array
            continue
        if whole is None:
            whole = np.empty((size, size), dtype=[(band.name, band.band.dtype) for band in asked])
        for band in piece.bands:
            window = whole[band.name][piece.top : piece.top + piece.rows, piece.left : piece.left + piece.columns]
            window[...] = array[band.name]
    division.learn(divided, got)
    if whole is None:
        raise ValueError("no band is asked for")
    return whole


def _cut(bands: Sequence[StackBand]) -> int:
    """Where to cut bands in two: between two layers if that is not far from the middle."""
    middle = len(bands) / 2
    edges = [index for index in range(1, len(bands)) if bands[index - 1].layer != bands[index].layer]
    nearest = min(edges, key=lambda index: abs(index - middle), default=0)
    return nearest if abs(nearest - middle) <= middle / 2 else len(bands) // 2
