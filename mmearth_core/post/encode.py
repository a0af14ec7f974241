"""The work of a worker process: a block of stacks becomes compressed rows with statistics."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.layers import LayerDescription
from mmearth_core.post.stack_reader import StackError, read_stack
from mmearth_core.product.hdf5 import METADATA, opened
from mmearth_core.product.hdf5_rows import RowReader, encode
from mmearth_core.product.statistics import LayerStatistics
from mmearth_core.workers import Pool

if TYPE_CHECKING:
    from mmearth_core.progress import Progress

BLOCK_ROWS, BLOCK_BYTES = 16, 1 << 25
"""Rows of a block, at most, and bytes: what a worker holds and sends at once."""


_TYPICAL_BANDS = 30
"""Bands of a stack of all published modalities."""


@frozen
class Block:
    """Consecutive rows.

    Attributes:
        layers: the layers to make, by group.
        size: rows and columns of a tile.
        tiles: a variant and the stack of each group, for each row.
    """

    layers: dict[str, tuple[LayerDescription, ...]]
    size: int
    tiles: list[tuple[str | None, dict[str, Path]]]


@frozen
class Encoded:
    """A block's chunks.

    Attributes:
        chunks: for each row, a chunk for each layer; empty for a row with a fault.
        statistics: of all its rows.
        faults: `(row within the block, group, reason)`.
    """

    chunks: list[dict[str, bytes]]
    statistics: LayerStatistics
    faults: list[tuple[int, str, str]]


def block_rows(size: int) -> int:
    """How many rows of tiles of that size a block has.

    It depends on nothing else, so that sums are merged alike for any workers, layers and order of work.
    """
    return max(1, min(BLOCK_ROWS, BLOCK_BYTES // (size * size * 4 * _TYPICAL_BANDS)))


def encode_block(block: Block) -> Encoded:
    """Reads, decodes, counts and compresses the rows of a block."""
    layers = [layer for group in block.layers.values() for layer in group]
    statistics = LayerStatistics(layers)
    chunks: list[dict[str, bytes]] = []
    faults = []
    for row, (variant, stacks) in enumerate(block.tiles):
        made: dict[str, bytes] = {}
        for group, members in block.layers.items():
            names = [f"{layer.name}__{band}" for layer in members for band in layer.bands]
            try:
                planes = read_stack(stacks[group], names, block.size)
                for layer in members:
                    values = decode(layer, planes)
                    statistics.add(layer.name, variant, values)
                    made[layer.name] = encode(values)
            except StackError as error:
                faults.append((row, group, str(error)))
        chunks.append(made)
    return Encoded(chunks, statistics, faults)


def decode(layer: LayerDescription, planes: Iterable[NDArray[np.float32]]) -> NDArray[Any]:
    """A layer's values of a tile, from its bands in the stack.

    NaN becomes the declared no-data; whole numbers are rounded and clamped, never wrapped.

    Args:
        layer: what to make.
        planes: its bands come next.

    Returns:
        (bands, size * size) of the layer's dtype.
    """
    values = np.empty((len(layer.bands), math.prod(layer.shape[1:])), layer.dtype)
    with np.errstate(invalid="ignore"):
        for own, plane in zip(values, planes, strict=False):
            if plane[0] != plane[0] and np.isnan(plane).all():  # no image: most bands with missing pixels are that
                own[:] = layer.fill
                continue
            own[:] = plane
            # The plain cast is right wherever it lost nothing, which is nearly everywhere.
            if not (own == plane).all():
                _decode_carefully(own, plane, layer)
    return values


def _decode_carefully(own: NDArray[Any], plane: NDArray[np.float32], layer: LayerDescription) -> None:
    missing = np.isnan(plane)
    if own.dtype.kind in "iu" and not missing.all():
        limits = np.iinfo(own.dtype)
        own[:] = np.clip(np.rint(plane), limits.min, limits.max)
    np.copyto(own, layer.fill, where=missing)


@frozen
class Part:
    """Consecutive rows of a file.

    Attributes:
        path: the file.
        layers: which datasets.
        start: the first row.
        end: the row after the last.
    """

    path: Path
    layers: tuple[LayerDescription, ...]
    start: int
    end: int


def recount(
    path: Path, layers: Sequence[LayerDescription], size: int, pool: Pool, progress: "Progress"
) -> LayerStatistics:
    """Reads all rows of some layers again.

    Args:
        path: an HDF5 file.
        layers: which of its datasets.
        size: rows and columns of a tile.
        pool: does the work.
        progress: is told of every part.
    """
    with opened(path) as file:
        count = file[METADATA].shape[0]
    step = block_rows(size)

    def parts() -> Iterator[Part]:
        for start in range(0, count, step):
            yield Part(path, tuple(layers), start, min(start + step, count))

    statistics = LayerStatistics(layers)
    for number, part in enumerate(pool.map(count_part, parts()), start=1):
        statistics.merge(part)
        progress("counting", min(number * step, count), count)
    return statistics


def count_part(part: Part) -> LayerStatistics:
    """Counts some rows."""
    statistics = LayerStatistics(part.layers)
    with opened(part.path) as file:
        table = file[METADATA][part.start : part.end]
        variants = [text.decode() or None for text in table[table.dtype.names[1]]]
        for layer in part.layers:
            if not layer.is_map:
                statistics.add_vectors(layer.name, variants, file[layer.name][part.start : part.end])
                continue
            reader = RowReader(file[layer.name])
            for row, variant in zip(range(part.start, part.end), variants, strict=True):
                statistics.add(layer.name, variant, reader.read(row).reshape(len(layer.bands), -1))
    return statistics
