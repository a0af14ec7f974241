"""What a worker does: reads the stacks of a block of tiles once, and makes chunks and statistics of them."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.hdf5.layout import StoredLayer, encode
from mmearth_core.post.stack_reader import StackError, read_stack
from mmearth_core.post.statistics import Statistics

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

    layers: dict[str, tuple[StoredLayer, ...]]
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
    statistics: Statistics
    faults: list[tuple[int, str, str]]


def block_rows(size: int) -> int:
    """How many rows of tiles of that size a block has.

    It depends on nothing else, so that sums are merged alike for any workers, layers and order of work.
    """
    return max(1, min(BLOCK_ROWS, BLOCK_BYTES // (size * size * 4 * _TYPICAL_BANDS)))


def encode_block(block: Block) -> Encoded:
    """Reads, decodes, counts and compresses the rows of a block."""
    layers = [layer for group in block.layers.values() for layer in group]
    statistics = Statistics(layers)
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


def decode(layer: StoredLayer, planes: Iterable[NDArray[np.float32]]) -> NDArray[Any]:
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


def _decode_carefully(own: NDArray[Any], plane: NDArray[np.float32], layer: StoredLayer) -> None:
    missing = np.isnan(plane)
    if own.dtype.kind in "iu" and not missing.all():
        limits = np.iinfo(own.dtype)
        own[:] = np.clip(np.rint(plane), limits.min, limits.max)
    np.copyto(own, layer.fill, where=missing)
