"""The pass over all stacks that writes rows into the HDF5 file."""

import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mmearth_core.download.folder import DatasetRow, DownloadedDataset, Provenance
from mmearth_core.download.journal import BadStack
from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.post.encode import Block, encode_block
from mmearth_core.post.rows import RowSelection
from mmearth_core.product.hdf5 import METADATA, metadata_rows
from mmearth_core.product.hdf5_rows import RowReader, chunk_writer, compress_row
from mmearth_core.product.statistics import LayerStatistics, block_rows
from mmearth_core.progress import Progress
from mmearth_core.text import counted
from mmearth_core.workers import Pool, batches


class BadStacksError(Exception):
    """The pixels of some stacks are damaged, which their TIFF headers do not show."""

    def __init__(self, faults: Sequence[BadStack]) -> None:
        self.faults = faults


def copy_layers(source: h5py.File, target: h5py.File, names: Sequence[str]) -> None:
    """Copies all rows of some layers as they are compressed.

    They are copied row by row, since both files store the layers of a tile next to each other.

    Args:
        source: the file to read.
        target: the file to write; it has the same layers, still empty.
        names: which layers.
    """
    pairs = [(RowReader(source[name]), chunk_writer(target[name])) for name in names]
    for row in range(source[METADATA].shape[0] if pairs else 0):
        for reader, write in pairs:
            skipped, chunk = reader.chunk(row)
            write(row, chunk, skipped)


def write_rows(
    file: h5py.File,
    rows: RowSelection,
    layers: Sequence[LayerDescription],
    pool: Pool,
    progress: Progress,
    provenance: Provenance | None,
) -> LayerStatistics:
    """Writes the table of tiles, and all rows of some layers.

    Args:
        file: has these layers, still empty.
        rows: the tiles.
        layers: which layers.
        pool: makes the chunks.
        progress: called after every block.
        provenance: every row is added to it; None if it is complete already.

    Returns:
        The statistics of these layers.

    Raises:
        BadStacksError: when stacks are damaged; rows of the layers are then missing.
        DatasetError: when a plugin returns something other than the declared numbers.
    """
    source = rows.source
    vectors = [layer for layer in layers if not layer.is_map]
    stacked = {group: tuple(layer for layer in own if layer in layers) for group, own in source.stacked.items()}
    maps = {group: own for group, own in stacked.items() if own}
    submitted: list[list[DatasetRow]] = []

    def blocks() -> Iterator[Block]:
        for block in batches(rows, block_rows(source.image_size)):
            submitted.append(block)
            if provenance is not None:
                for row in block:
                    provenance.add(row.tile.tile_id, row.variant, row.entries)
            yield Block(maps, source.image_size, [(row.variant, source.stacks(row)) for row in block])

    statistics, faults, done = LayerStatistics(layers), list[BadStack](), 0
    table, writers = file[METADATA], {layer.name: chunk_writer(file[layer.name]) for layer in layers}
    for encoded in pool.map(encode_block, blocks()):  # if all layers are vectors, `maps` is empty and no stack is read
        block = submitted.pop(0)
        table[done : done + len(block)] = metadata_rows([(row.tile.tile_id, row.variant) for row in block], table.dtype)
        statistics.merge(encoded.statistics)
        for row, chunks in enumerate(encoded.chunks, start=done):
            for name, chunk in chunks.items():
                writers[name](row, chunk, 0)
        statistics.merge(_write_vectors(source, vectors, block, writers, done))
        for position, group, reason in encoded.faults:
            tile = block[position].tile
            faults.append(BadStack(tile.tile_id, tile.ordinal, tile.partition, group, reason))
        done += len(block)
        progress("writing tiles", done, len(rows))
    if faults:
        raise BadStacksError(faults)
    return statistics


def _write_vectors(
    source: DownloadedDataset,
    layers: Sequence[LayerDescription],
    rows: Sequence[DatasetRow],
    writers: Mapping[str, Callable[[int, bytes, int], None]],
    start: int,
) -> LayerStatistics:
    """Writes the rows of vector layers from a row on; returns their statistics."""
    statistics = LayerStatistics(layers)
    for modality in dict.fromkeys(layer.modality for layer in layers):
        given = [source.values(row, modality) for row in rows]
        for layer in (layer for layer in layers if layer.modality == modality):
            own_given = [each.get(layer.name) if isinstance(each, Mapping) else None for each in given]
            values = _vectors(layer, rows, own_given)
            statistics.add_vectors(layer.name, [row.variant for row in rows], values)
            for row, own in enumerate(values, start=start):
                writers[layer.name](row, compress_row(own), 0)
    return statistics


def _vectors(layer: LayerDescription, rows: Sequence[DatasetRow], given: Sequence[Any]) -> NDArray[Any]:
    """What a plugin returns for a layer, as (rows, bands) or (rows, steps, bands) of its dtype.

    None and NaN become the no-data value, as does None for a step; integers are rounded and clamped. All rows are
    converted at once, because a row has few numbers, and a call of numpy takes longer than converting them.
    """
    dtype, count = np.dtype(layer.dtype), len(layer.bands)
    numbers = np.full((len(rows), *layer.shape), np.nan)
    for position, own in enumerate(given):
        try:
            pairs = [(numbers[position], own)] if layer.steps is None else zip(numbers[position], own, strict=True)
            for target, step in pairs:
                if step is None and layer.steps is not None:
                    continue
                # numpy would read numbers from text, and spread one number over all bands.
                is_text = any(issubclass(kind, str | bytes) for kind in {type(step), *map(type, step)})
                if is_text or len(step) != count:
                    raise ValueError("not one number per band")
                target[:] = step  # None becomes NaN
        except (TypeError, ValueError) as error:
            raise _not_numbers(layer, rows[position], own) from error
    infinite = (np.isinf(numbers) & (numbers != layer.fill)).reshape(len(rows), -1).any(axis=1)
    if infinite.any():
        position = int(infinite.argmax())
        raise _not_numbers(layer, rows[position], given[position])
    nodata = np.isnan(numbers)
    if dtype.kind != "f":
        limits = np.iinfo(dtype)
        numbers = np.clip(np.rint(np.where(nodata, 0, numbers)), limits.min, limits.max)
    values = numbers.astype(dtype)
    values[nodata] = layer.fill
    return values


def _not_numbers(layer: LayerDescription, row: DatasetRow, returned: Any) -> DatasetError:
    steps = "" if layer.steps is None else f" for each of {counted(layer.steps, 'step')}"
    return DatasetError(
        f"modality {layer.modality!r}: values() returns {reprlib.repr(returned)} for layer {layer.name!r} of tile "
        f"{row.tile.tile_id!r}, instead of {counted(len(layer.bands), 'number')}{steps}, each finite, or None or "
        f"{layer.fill:g} for no data. Repair the plugin ({layer.plugin})."
    )
