"""The pixels of a tile: fetched, checked and laid out; large requests are split."""

import threading
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import ee
import numpy as np
from attrs import asdict, define, evolve, field, frozen
from numpy.typing import NDArray

from mmearth_core.contract.modality import Modality
from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.download.locate import Left, LocatedTile, PluginCallError, call, is_lasting
from mmearth_core.download.stack import (
    FLOAT_NODATA,
    StackBand,
    encode_stack,
    finish_bands,
    present_bands,
    stack_bands,
    write_stack,
)
from mmearth_core.download.stored_config import Group
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import NoAnswerError, PixelError, RequestError, TilesError, TooLargeError
from mmearth_core.paths import DatasetPaths
from mmearth_core.tiles.grid import PIXEL, Grid, tile_grid

if TYPE_CHECKING:
    import ee


def check_pixels(array: NDArray[np.void], asked: Sequence[StackBand], rows: int, columns: int) -> None:
    """Refuses pixels that are not what was asked for.

    Args:
        array: what arrived.
        asked: the bands asked for.
        rows: asked for.
        columns: asked for.

    Raises:
        PixelError: names the first difference in band names, types or shape.
    """
    names, received = {band.name for band in asked}, set(array.dtype.names or ())
    if names != received:
        raise PixelError(
            f"Asked for {len(names)} bands and received {len(received)}: missing "
            f"{', '.join(sorted(names - received)) or 'none'}, "
            f"unasked {', '.join(sorted(received - names)) or 'none'}."
        )
    for band in asked:
        dtype = array.dtype[band.name]
        if dtype != np.dtype(band.band.dtype):
            raise PixelError(f"Band {band.name}: asked for {band.band.dtype}, received {dtype}.")
    if array.shape != (rows, columns):
        raise PixelError(f"Asked for {rows} x {columns} pixels; received {' x '.join(map(str, array.shape))}.")


def lay_out(array: NDArray[np.void] | None, bands: Collection[StackBand], size: int) -> NDArray[np.float32]:
    """Makes the stack's pixels of what arrived.

    Args:
        array: checked pixels; None when the tile has no image at all.
        bands: all bands of the stack; those that `array` lacks become no-data.
        size: rows and columns.

    Returns:
        (bands, size, size), NaN where no-data.
    """
    stack = np.empty((len(bands), size, size), dtype=np.float32)
    received = set(array.dtype.names or ()) if array is not None else set()
    for row, stack_band in zip(stack, bands, strict=True):
        if array is None or stack_band.name not in received:
            row.fill(np.nan)
            continue
        # A field's values lie far apart: they are read once. float32 holds all values of the integer types.
        np.copyto(row, array[stack_band.name], casting="same_kind")
        row[row == stack_band.band.nodata] = np.nan
        if not stack_band.band.is_integer:
            row[row == np.float32(FLOAT_NODATA)] = np.nan
    return stack


def masked_layers(stack: NDArray[np.float32], bands: Collection[StackBand], asked: Collection[StackBand]) -> list[str]:
    """The layers that were asked for and came without one valid pixel, such as land cover at sea.

    Args:
        stack: (bands, size, size), NaN where no-data.
        bands: one for each row of `stack`.
        asked: the bands asked for.

    Returns:
        Their names, in order.
    """
    valid = dict.fromkeys((stack_band.layer.name for stack_band in asked), False)
    for row, stack_band in zip(stack, bands, strict=True):
        name = stack_band.layer.name
        if name in valid and not valid[name]:
            valid[name] = not bool(np.isnan(row).all())
    return [name for name, has_data in valid.items() if not has_data]


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
class PixelRequest:
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
    client: EarthClient, image: "ee.Image", asked: Sequence[StackBand], grid: Grid, division: PixelRequest
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


@frozen
class Fetcher:
    """Fetches located tiles of one group.

    Attributes:
        client: sends the requests.
        folder: where stacks go.
        group: what is fetched.
        image_size: rows and columns of a tile.
        division: how tiles had to be divided so far.
    """

    client: EarthClient
    folder: DatasetPaths
    group: Group
    image_size: int
    division: PixelRequest = field(factory=PixelRequest)

    def fetch(self, ready: LocatedTile) -> Entry | Left:
        """Brings one tile to its end: done with a stack on disk, or failed with the reason; or leaves it.

        Raises:
            RunStoppedError: no request can succeed any more.
            OSError: the stack cannot be written.
        """
        tile = ready.tile
        try:
            grid = tile_grid(tile.polygon, ready.anchor.crs, self.image_size)
            content, masked = self._stack(ready, grid)
        except NoAnswerError as error:
            return Left(tile, f"pixels: {error}")
        except (PluginCallError, RequestError, TilesError) as error:
            return Entry(tile.tile_id, tile.ordinal, Outcome.FAILED, f"pixels: {error}", lasting=is_lasting(error))
        record: dict[str, Any] = {
            "anchor": {**asdict(ready.anchor), "date": ready.anchor.date.isoformat()},
            "located": dict(ready.located),
            "grid": {"crs": grid.crs, "transform": list(grid.affine)[:6], "size": grid.size},
        }
        if content is not None:
            path = self.folder.stack(self.group.name, tile.partition, tile.tile_id)
            record["sha256"] = write_stack(path, content)
        if masked:
            record["masked"] = masked
        return Entry(tile.tile_id, tile.ordinal, Outcome.DONE, record=record)

    def _stack(self, ready: LocatedTile, grid: Grid) -> tuple[bytes | None, list[str]]:
        """The tile's stack, None when its group has no pixels at all; and the layers that came wholly masked."""
        bands = stack_bands(self.group.modalities)
        if not bands:
            return None, []
        asked, image = self._image(ready)
        array = None
        if image is not None:
            array = fetch_pixels(self.client, image, asked, grid, self.division)
        stack = lay_out(array, bands, grid.size)
        return encode_stack(ready.tile.tile_id, stack, bands, grid), masked_layers(stack, bands, asked)

    def _image(self, ready: LocatedTile) -> "tuple[list[StackBand], ee.Image | None]":
        """One image with the bands that the tile really has, and these bands."""
        scene = ready.tile.scene(ready.anchor)
        asked: list[StackBand] = []
        images: list[ee.Image] = []
        for modality in self.group.modalities:
            image, bands = _part(modality, scene, ready.located)
            if image is not None:
                asked += bands
                images += call(modality, finish_bands, image, bands)
        return asked, ee.Image.cat(images) if images else None


def _part(
    modality: Modality, scene: Any, located: Mapping[str, Any]
) -> "tuple[ee.Image | None, tuple[StackBand, ...]]":
    """A modality's image and the bands that it has; None when it has nothing for this tile."""
    answer = located.get(modality.name)
    bands = call(modality, present_bands, modality, answer)
    return (call(modality, modality.image, scene, answer) if bands else None), bands
