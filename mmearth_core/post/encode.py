"""The work of a worker process: a block of stacks becomes compressed rows with statistics."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.layers import LayerDescription
from mmearth_core.post.stack_reader import StackError, read_planes
from mmearth_core.product.hdf5_rows import compress_row
from mmearth_core.product.statistics import LayerStatistics


@frozen
class Block:
    """Consecutive rows, for one worker.

    Attributes:
        layers: the layers to make, by group.
        size: rows and columns of a tile.
        tiles: for each row its variant, and the stack of each group.
    """

    layers: dict[str, tuple[LayerDescription, ...]]
    size: int
    tiles: list[tuple[str | None, dict[str, Path]]]


@frozen
class Encoded:
    """A block's chunks.

    Attributes:
        chunks: for each row, one chunk per layer; incomplete for a row with a fault.
        statistics: of all its rows.
        faults: `(row within the block, group, reason)`.
    """

    chunks: list[dict[str, bytes]]
    statistics: LayerStatistics
    faults: list[tuple[int, str, str]]


def encode_block(block: Block) -> Encoded:
    """Reads, decodes, counts and compresses the rows of a block."""
    layers = [layer for group in block.layers.values() for layer in group]
    statistics = LayerStatistics(layers)
    chunks: list[dict[str, bytes]] = []
    faults = []
    for row, (variant, stacks) in enumerate(block.tiles):
        own: dict[str, bytes] = {}
        for group, members in block.layers.items():
            names = [name for layer in members for name in layer.stack_names]
            try:
                planes = read_planes(stacks[group], names, block.size)
                for layer in members:
                    values = decode(layer, planes)
                    statistics.add(layer.name, variant, values)
                    own[layer.name] = compress_row(values)
            except StackError as error:
                faults.append((row, group, str(error)))
        chunks.append(own)
    return Encoded(chunks, statistics, faults)


def decode(layer: LayerDescription, planes: Iterator[NDArray[np.float32]]) -> NDArray[Any]:
    """A layer's values of a tile, from its bands in the stack.

    NaN becomes the declared no-data; whole numbers are rounded and clamped, never wrapped.

    Args:
        layer: what to make.
        planes: bands of the stack; those of this layer are the next ones, and only they are taken.

    Returns:
        (steps * bands, size * size) of the layer's dtype.
    """
    values = np.empty((math.prod(layer.shape[:-2]), math.prod(layer.shape[-2:])), layer.dtype)
    with np.errstate(invalid="ignore"):
        # `values` first: once it has no more rows, zip takes no further plane, which is the next layer's.
        for own, plane in zip(values, planes, strict=False):
            # All NaN, as there is no image: this is true of most bands whose first pixel is NaN.
            if np.isnan(plane[0]) and np.isnan(plane).all():
                own[:] = layer.fill
                continue
            own[:] = plane
            # The plain cast is right if it changed no value, which is true of nearly all planes.
            if not (own == plane).all():
                nodata = np.isnan(plane)
                if own.dtype.kind in "iu":
                    limits = np.iinfo(own.dtype)
                    own[:] = np.clip(np.rint(plane), limits.min, limits.max)
                np.copyto(own, layer.fill, where=nodata)
    return values
