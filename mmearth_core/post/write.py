"""The pass over all stacks that writes the HDF5 file."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core import __version__
from mmearth_core.download.folder import DatasetRow, DownloadedDataset
from mmearth_core.download.journal import BadStack, TileOutcome
from mmearth_core.download.locate import call
from mmearth_core.errors import DamagedFileError, DatasetError, RunStoppedError
from mmearth_core.files import FOLDER_FAULTS, written_aside
from mmearth_core.layers import LayerDescription
from mmearth_core.post.encode import Block, Encoded, block_rows, encode_block
from mmearth_core.post.rows import RowSelection, require_some
from mmearth_core.product.hdf5 import (
    LIBVER,
    METADATA,
    PROVENANCE,
    VERSION,
    create_layer,
    create_metadata,
    metadata_rows,
    new_file,
    open_hdf5,
    opened,
    read_layer,
    write_head,
)
from mmearth_core.product.hdf5_rows import ChunkWriter, copy_chunks, encode
from mmearth_core.product.statistics import LayerStatistics
from mmearth_core.progress import Progress
from mmearth_core.text import counted
from mmearth_core.workers import Pool, batches

_sorted_json = json.JSONEncoder(sort_keys=True).encode
"""Made once, as `json.dumps` would make it anew for every tile."""


class Provenance:
    """For each group, a checksum over the stacks and scenes of all rows, and so over the rows themselves."""

    def __init__(self, source: DownloadedDataset) -> None:
        self._source = source
        self._sums = {group: hashlib.sha256() for group in source.effective.groups}

    def add(self, row: DatasetRow) -> None:
        """Counts in the next row."""
        self.add_part(row.tile.tile_id, row.variant, row.entries)

    def add_part(self, tile_id: str, variant: str | None, entries: Mapping[str, TileOutcome]) -> None:
        """Counts in what there is of the next row, for those groups whose entry is known.

        Args:
            tile_id: whose row.
            variant: the anchor's.
            entries: its journal entries, by group.
        """
        for group, entry in entries.items():
            made_of = [tile_id, variant, entry.record.get("sha256"), entry.record["located"]]
            self._sums[group].update(hashlib.sha256(_sorted_json(made_of).encode()).digest())

    def of(self, modality: str) -> str:
        """The checksum of a modality's layers over the rows so far."""
        return self._sums[self._source.group_of(modality)].hexdigest()


def vector_rows(
    source: DownloadedDataset, layers: Sequence[LayerDescription], rows: Sequence[DatasetRow]
) -> dict[str, NDArray[Any]]:
    """The values of vector layers for some rows.

    Returns:
        For each layer, (rows, bands) of its dtype; whole numbers are rounded and clamped, None is no-data.

    Raises:
        DatasetError: when a modality gives no values for a layer, or too many or too few.
        PluginCallError: when it raises.
    """
    numbers = {layer.name: np.empty((len(rows), *layer.shape)) for layer in layers}
    for name in dict.fromkeys(layer.modality for layer in layers):
        modality = source.modalities[name]
        own = [layer for layer in layers if layer.modality == name]
        for place, row in enumerate(rows):
            given = call(modality, modality.values, source.located(row, name))
            for layer in own:
                numbers[layer.name][place] = _checked(layer, given.get(layer.name), row)  # None becomes nan
    return {layer.name: _stored(layer, numbers[layer.name]) for layer in layers}


def _checked(layer: LayerDescription, given: Any, row: DatasetRow) -> Any:
    count = len(layer.bands)
    if given is None or len(given) != count:
        found = "nothing" if given is None else counted(len(given), "number")
        raise DatasetError(
            f"modality {layer.modality!r}: values() gives {found} for layer {layer.name!r} of tile "
            f"{row.tile.tile_id!r}; it declares {counted(count, 'band')}. Repair the plugin ({layer.plugin})."
        )
    return given


def _stored(layer: LayerDescription, numbers: NDArray[np.float64]) -> NDArray[Any]:
    """All rows at once: numpy's calls cost more than these numbers do."""
    dtype = np.dtype(layer.dtype)
    if dtype.kind == "f":
        values = numbers.astype(dtype)
        if layer.nodata != "nan":
            values[np.isnan(numbers)] = layer.fill
        return values
    limits = np.iinfo(dtype)
    missing = np.isnan(numbers)
    whole = np.clip(np.rint(np.where(missing, 0, numbers)), limits.min, limits.max).astype(dtype)
    whole[missing] = layer.fill
    return whole


def fill_layers(
    file: h5py.File,
    rows: RowSelection,
    layers: Sequence[LayerDescription],
    pool: Pool,
    progress: Progress,
    seen: Callable[[DatasetRow], None] | None = None,
) -> tuple[LayerStatistics, list[BadStack]]:
    """Writes the table of tiles, and all rows of some layers.

    Args:
        file: with the datasets, empty.
        rows: the tiles.
        layers: which datasets.
        pool: makes the chunks.
        progress: is told of every block.
        seen: is given every row, in order.

    Returns:
        The statistics of these layers, and the tiles whose stack is damaged: then the datasets are not whole.
    """
    source = rows.source
    vectors = [layer for layer in layers if not layer.is_map]
    maps = {group: tuple(layer for layer in own if layer in layers) for group, own in source.stacked().items()}
    maps = {group: own for group, own in maps.items() if own}
    statistics, faults, done = LayerStatistics(layers), list[BadStack](), 0
    under_way: list[list[DatasetRow]] = []

    def blocks() -> Iterator[Block]:
        for block in batches(rows, block_rows(source.image_size)):
            under_way.append(block)
            if seen is not None:
                for row in block:
                    seen(row)
            yield Block(maps, source.image_size, [(row.variant, source.stacks(row)) for row in block])

    answers = pool.map(encode_block, blocks()) if maps else (Encoded([], LayerStatistics([]), []) for _ in blocks())
    table, writers = file[METADATA], {layer.name: ChunkWriter(file[layer.name]) for layer in layers}
    for encoded in answers:
        block = under_way.pop(0)
        table[done : done + len(block)] = metadata_rows([(row.tile.tile_id, row.variant) for row in block], table.dtype)
        statistics.merge(encoded.statistics)
        for place, chunks in enumerate(encoded.chunks):
            for name, chunk in chunks.items():
                writers[name].write(done + place, chunk)
        own = LayerStatistics(vectors)
        for name, values in vector_rows(source, vectors, block).items():
            own.add_vectors(name, [row.variant for row in block], values)
            for place, row_values in enumerate(values):
                writers[name].write(done + place, encode(row_values))
        statistics.merge(own)
        for place, group, reason in encoded.faults:
            tile = block[place].tile
            faults.append(BadStack(tile.tile_id, tile.ordinal, tile.partition, group, reason))
        done += len(block)
        progress("writing tiles", done, len(rows))
    return statistics, faults


@frozen(eq=False)
class Written:
    """What became of the file.

    Attributes:
        rows: the tiles in it.
        statistics: of the layers that were made.
        made: the layers that were made of stacks and journals.
        kept: names of those that were in the file before.
    """

    rows: RowSelection
    statistics: LayerStatistics
    made: tuple[LayerDescription, ...]
    kept: tuple[str, ...]


class _BadStacksError(Exception):
    """Stacks turned out to be damaged."""

    def __init__(self, faults: Sequence[BadStack]) -> None:
        self.faults = faults


def write_hdf5(
    rows: RowSelection,
    pool: Pool,
    progress: Progress,
    in_place: bool = False,
    replacing: Callable[[tuple[str, ...]], None] = lambda kept: None,
) -> Written:
    """Writes a dataset's HDF5 file, or what it lacks.

    Args:
        rows: the tiles; those whose stack turns out to be damaged are left out.
        pool: does the work.
        progress: is told of every block.
        in_place: add new layers within the file; if that is broken off, the file may be lost.
        replacing: is told, before a new file takes the old one's place, which layers stay as they are.

    Raises:
        DatasetError: no tile is left, or a plugin's vector has the wrong length.
        RunStoppedError: the disk is full.
    """
    path = rows.source.file(".h5")
    try:
        while True:
            try:
                with mended_by_deleting():
                    return _write(path, rows, pool, progress, in_place, replacing)
            except _BadStacksError as found:
                # Their directories were sound and their pixels are not, which is rare: once more without them.
                rows = rows.without(found.faults)
                require_some(rows)
    except OSError as error:
        if error.errno not in FOLDER_FAULTS:
            raise
        raise RunStoppedError(
            f"{path} cannot be written: {os.strerror(error.errno or 0)}. Make room or grant access, and run the same "
            "command again; without --in-place, what was there before is unchanged."
        ) from error


@contextmanager
def mended_by_deleting() -> Iterator[None]:
    """What is found damaged is the dataset's own HDF5 file, whose layers are kept as long as it is there.

    Raises:
        DatasetError: says so.
    """
    try:
        yield
    except DamagedFileError as error:
        raise DatasetError(
            f"{error.path}: {error.found}. The file is damaged: delete it and run the same command again, which makes "
            "it anew from the stacks."
        ) from error


def _write(
    path: Path,
    rows: RowSelection,
    pool: Pool,
    progress: Progress,
    in_place: bool,
    replacing: Callable[[tuple[str, ...]], None],
) -> Written:
    source, provenance = rows.source, Provenance(rows.source)
    kept: tuple[str, ...] = ()
    current = False  # a file of an older layout is rewritten, even if all its layers are kept
    if known := path.exists():  # otherwise it is gathered on the way, as reading all journals takes its time
        for row in rows:
            provenance.add(row)
        kept, current = _kept(path, source, provenance)
    layers = tuple(layer for layer in source.layers if layer.name not in kept)
    if not layers and current:
        return Written(rows, LayerStatistics([]), (), kept)
    with _opened(path, bool(kept), in_place and current) as (file, old):
        if METADATA not in file:
            head = {"name": source.name, "anchor": source.anchor.name, "written_by": f"mmearth-core {__version__}"}
            write_head(file, head)
            create_metadata(file, len(rows), source.anchor.variant_key)
        for layer in source.layers:
            if old is not None and layer.name in kept:
                copy_chunks([(old[layer.name], create_layer(file, layer, len(rows)))])
                file[layer.name].attrs[PROVENANCE] = provenance.of(layer.modality)
        for layer in layers:
            if layer.name in file:
                del file[layer.name]
            create_layer(file, layer, len(rows))
        statistics, faults = fill_layers(file, rows, layers, pool, progress, None if known else provenance.add)
        if faults:
            for layer in layers:
                del file[layer.name]
            raise _BadStacksError(faults)
        file.flush()
        replacing(kept)
        for layer in layers:
            file[layer.name].attrs[PROVENANCE] = provenance.of(layer.modality)
    return Written(rows, statistics, layers, kept)


@contextmanager
def _opened(path: Path, keep: bool, in_place: bool) -> Iterator[tuple[h5py.File, h5py.File | None]]:
    """The file to write, and the old one to copy from, if they are two."""
    if in_place and keep:
        with h5py.File(path, "r+", libver=LIBVER) as file:
            yield file, None
        with path.open("rb+") as plain:
            os.fsync(plain.fileno())
        return
    with written_aside(path) as aside, new_file(aside) as file:
        if keep:
            with open_hdf5(path) as old:
                yield file, old
        else:
            yield file, None


def _kept(path: Path, source: DownloadedDataset, provenance: Provenance) -> tuple[tuple[str, ...], bool]:
    """The layers of the file that are still what they would be if made now, and whether its layout is current."""
    try:
        with opened(path) as file:
            kept = (layer.name for layer in source.layers if _is_current(file, layer, provenance.of(layer.modality)))
            return tuple(kept), file.attrs.get("layout") == VERSION
    except DatasetError:  # it is not there, is no HDF5, or is damaged
        return (), False


def _is_current(file: h5py.File, layer: LayerDescription, mark: str) -> bool:
    dataset = file.get(layer.name)
    try:
        return (
            isinstance(dataset, h5py.Dataset) and dataset.attrs.get(PROVENANCE) == mark and read_layer(dataset) == layer
        )
    except DatasetError:
        return False
