"""Writes the HDF5 file: workers make compressed chunks, this process writes them as they are.

Written aside and renamed. Datasets that are there already and made of the same tiles are copied chunk by chunk,
without recompression; so a modality that is added costs no more than itself.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
from attrs import frozen

from mmearth_core import __version__
from mmearth_core.download.bad_stack import BadStack
from mmearth_core.errors import DamagedFileError, DatasetError, RunStoppedError
from mmearth_core.folder import FOLDER_FAULTS, written_aside
from mmearth_core.hdf5.chunks import copy_chunks
from mmearth_core.hdf5.layout import METADATA, PROVENANCE, VERSION, StoredLayer, write_head
from mmearth_core.hdf5.new_file import LIBVER, new_file
from mmearth_core.hdf5.opening import open_hdf5, opened
from mmearth_core.hdf5.table import create_metadata
from mmearth_core.post.fill import fill_layers
from mmearth_core.post.provenance import Provenance
from mmearth_core.post.rows import Rows, require_some
from mmearth_core.post.source import Source
from mmearth_core.post.statistics import Statistics
from mmearth_core.work.pool import Pool
from mmearth_core.work.progress import Progress


@frozen(eq=False)
class Written:
    """What became of the file.

    Attributes:
        rows: the tiles in it.
        statistics: of the layers that were made.
        made: the layers that were made of stacks and journals.
        kept: names of those that were in the file before.
    """

    rows: Rows
    statistics: Statistics
    made: tuple[StoredLayer, ...]
    kept: tuple[str, ...]


class _BadStacksError(Exception):
    """Stacks turned out to be damaged."""

    def __init__(self, faults: Sequence[BadStack]) -> None:
        self.faults = faults


def write_hdf5(
    rows: Rows,
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
    rows: Rows,
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
        return Written(rows, Statistics([]), (), kept)
    with _opened(path, bool(kept), in_place and current) as (file, old):
        if METADATA not in file:
            head = {"name": source.name, "anchor": source.anchor.name, "written_by": f"mmearth-core {__version__}"}
            write_head(file, head)
            create_metadata(file, len(rows), source.anchor.variant_key)
        for layer in source.layers:
            if old is not None and layer.name in kept:
                copy_chunks([(old[layer.name], layer.create(file, len(rows)))])
                file[layer.name].attrs[PROVENANCE] = provenance.of(layer.modality)
        for layer in layers:
            if layer.name in file:
                del file[layer.name]
            layer.create(file, len(rows))
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


def _kept(path: Path, source: Source, provenance: Provenance) -> tuple[tuple[str, ...], bool]:
    """The layers of the file that are still what they would be if made now, and whether its layout is current."""
    try:
        with opened(path) as file:
            kept = (layer.name for layer in source.layers if _is_current(file, layer, provenance.of(layer.modality)))
            return tuple(kept), file.attrs.get("layout") == VERSION
    except DatasetError:  # it is not there, is no HDF5, or is damaged
        return (), False


def _is_current(file: h5py.File, layer: StoredLayer, mark: str) -> bool:
    dataset = file.get(layer.name)
    try:
        return (
            isinstance(dataset, h5py.Dataset)
            and dataset.attrs.get(PROVENANCE) == mark
            and StoredLayer.read(dataset) == layer
        )
    except DatasetError:
        return False
