"""Shared by derived datasets: copies rows without decompressing them, and writes splits, statistics and provenance."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mmearth_core import __version__
from mmearth_core.errors import DamagedFileError, DatasetError
from mmearth_core.json_files import write_json
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import ProductPaths
from mmearth_core.product.hdf5 import METADATA, ROWS, STATISTICS, VERSION, describe, digest_of_rows, opened, rows_digest
from mmearth_core.product.hdf5_rows import RowReader, chunk_writer, count_values
from mmearth_core.product.reader import DatasetReader, Splits
from mmearth_core.product.statistics import have_steps
from mmearth_core.progress import Progress
from mmearth_core.text import counted
from mmearth_core.workers import Pool

Rows = NDArray[np.intp]

_PARTS = ("train", "val", "test")
_STEP = 64
"""Number of rows between two reports of progress."""


def open_source(path: Path) -> DatasetReader:
    """Opens a dataset whose rows can be copied one by one.

    Args:
        path: the HDF5 file, or the folder with it.

    Raises:
        DatasetError: when it is not such a file.
    """
    reader = DatasetReader.open(path)
    if not reader.layers:
        raise DatasetError(f"{reader.paths.hdf5}: the file has no layers, only a table of tiles. Choose another file.")
    with reader.file() as file:
        _check_table(file, reader.paths.hdf5)
        for name, layer in reader.layers.items():
            dataset = file[name]
            if dataset.shape[:1] != (len(reader),) or dataset.chunks != (1, *layer.shape):
                raise DatasetError(
                    f"{reader.paths.hdf5}: layer {name!r} has shape {dataset.shape} in chunks of {dataset.chunks}; the "
                    f"file has {counted(len(reader), 'tile')}, and a chunk must have one tile. Write it again with "
                    "`mmearth-core post hdf5`."
                )
    return reader


def _check_table(file: h5py.File, path: Path) -> None:
    """Refuses a table with other fields, or with bytes that are not text."""
    table = file[METADATA][:]
    fields = [(name, table.dtype[name].kind) for name in table.dtype.names]
    if len(fields) != 2 or fields[0] != ("tile_id", "S") or fields[1][1] != "S":
        raise DatasetError(
            f"{path}: the table `{METADATA}` has the fields {table.dtype}; it must have two, tile_id and the variant, "
            "both texts. Write the file again with `mmearth-core post`."
        )
    for row, (tile_id, variant) in enumerate(table.tolist()):
        try:
            tile_id.decode(), variant.decode()
        except UnicodeDecodeError as error:
            found = f"row {row} of the table `{METADATA}` holds {(tile_id, variant)}, which is not text"
            raise DamagedFileError(str(path), found) from error


def stored_table(reader: DatasetReader) -> NDArray[np.void]:
    """The table of tiles as it is stored."""
    with reader.file() as file:
        table: NDArray[np.void] = file[METADATA][:]
        return table


def require_unchanged(readers: Iterable[DatasetReader]) -> None:
    """Refuses inputs that were replaced by other rows while they were copied, as workers open them again.

    Raises:
        DatasetError: when one was replaced.
    """
    for reader in readers:
        with reader.file():
            pass


def anchor_of(reader: DatasetReader) -> str:
    """The anchor modality; where the file does not name it, as in published files, the one with variants."""
    of_variants = next((layer.modality for layer in reader.layers.values() if layer.variants), "")
    return str(reader.attributes.get("anchor", of_variants))


def write_head(file: h5py.File, name: str, source: DatasetReader, how: Mapping[str, Any]) -> None:
    """Writes the attributes of a derived file.

    Args:
        file: the new file.
        name: the new dataset's.
        source: the dataset, or one of those, that it is made of.
        how: the command with its inputs and options; becomes the attribute `derived`, as JSON.
    """
    derived = json.dumps(how, ensure_ascii=False)
    grid = {key: source.attributes[key] for key in ("pixel_size", "origin") if key in source.attributes}
    facts = {"layout": VERSION, "name": name, "anchor": anchor_of(source), **grid}
    file.attrs.update({**facts, "written_by": f"mmearth-core {__version__}", "derived": derived})


def write_table(file: h5py.File, table: NDArray[np.void]) -> None:
    """Writes the table of tiles, and the checksum of the rows."""
    file.create_dataset(METADATA, data=table)
    file.attrs[ROWS] = digest_of_rows(file)


def provenance(how: str, parts: Iterable[tuple[str, Rows]]) -> str:
    """A checksum of the inputs of a layer's rows.

    Args:
        how: what was done to them.
        parts: for each input the layer's own checksum, and the rows that were taken.
    """
    checksum = hashlib.sha256(how.encode())
    for mark, rows in parts:
        checksum.update(f"\n{mark} {len(rows)} ".encode())
        checksum.update(rows.astype("<i8").tobytes())
    return checksum.hexdigest()


def create_like(file: h5py.File, dataset: h5py.Dataset, layer: LayerDescription, rows: int) -> h5py.Dataset:
    """Creates an empty dataset with the same type, chunks, filters and attributes, so that chunks fit unchanged.

    Args:
        file: where to create it.
        dataset: the model; its name is kept.
        layer: its description, which is written if the model has none.
        rows: the number of rows.
    """
    space = h5py.h5s.create_simple((rows, *dataset.shape[1:]))
    properties = dataset.id.get_create_plist()
    # Chunks and type are set again: otherwise they keep the version of a newer format's description.
    properties.set_chunk(dataset.chunks)
    properties.set_fill_value(np.array(layer.fill))
    dtype = h5py.h5t.py_create(dataset.dtype)
    new = h5py.Dataset(h5py.h5d.create(file.id, dataset.name.encode(), dtype, space, properties))
    for name, value in dataset.attrs.items():
        # Other rows have other statistics, and the axes are those of the other file.
        if name in (STATISTICS, "DIMENSION_LIST"):
            continue
        stored = dataset.attrs.get_id(name)
        if stored.get_space().get_simple_extent_npoints():  # GDAL crashes on the empty attributes of older files
            new.attrs.create(name, value, shape=stored.shape, dtype=stored.dtype)
    if "modality" not in new.attrs:
        describe(new, layer)
    return new


def copy_rows(
    source: h5py.File,
    target: h5py.File,
    layers: Iterable[str],
    rows: Rows,
    start: int,
    on_rows: Callable[[int], None],
) -> None:
    """Copies rows of several layers without decompressing them.

    They are copied row by row: both files have what belongs to one tile in one place.

    Args:
        source: the file to read.
        target: the file to write; it has the same layers.
        layers: which layers.
        rows: the rows to read, in the order to write.
        start: the first row to write.
        on_rows: called after every few rows with the number of rows in the target so far.
    """
    pairs = [(RowReader(source[name]), chunk_writer(target[name])) for name in layers]
    for count, row in enumerate(rows.tolist(), start=1):
        for reader, write in pairs:
            skipped, chunk = reader.chunk(row)
            if chunk:
                write(start + count - 1, chunk, skipped)
        if count % _STEP == 0 or count == len(rows):
            on_rows(start + count)


def counted_stats(
    staged: Path,
    layers: Sequence[LayerDescription],
    copied_from: Sequence[DatasetReader],
    pool: Pool,
    progress: Progress,
) -> dict[str, Any]:
    """The statistics of copied rows, from their values.

    Args:
        staged: the new HDF5 file, which is not at its place yet.
        layers: its layers.
        copied_from: the inputs, which an error names.
        pool: does the work.
        progress: called after every block.

    Raises:
        DatasetError: when a row is damaged.
    """
    try:
        with opened(staged) as file:
            rows = range(len(file[METADATA]))
        by_step = have_step_statistics(copied_from)
        return count_values(staged, layers, rows, copied_from[0].image_size, pool.map, progress, by_step)
    except DamagedFileError as error:
        names = ", ".join(str(each.paths.hdf5) for each in copied_from)
        raise DatasetError(
            f"{names}: of the tiles copied from there, {error.found}. The file is damaged: `mmearth-core verify FILE` "
            "names every damaged row. Copy or fetch it again, or write it again with `mmearth-core post`."
        ) from error


def have_step_statistics(readers: Iterable[DatasetReader]) -> bool:
    """Whether all inputs have statistics of each time step; then so has the new dataset."""
    return all(
        reader.paths.band_stats.exists() and have_steps(reader.layers.values(), reader.band_stats())
        for reader in readers
    )


def moved_rows(count: int, kept: Rows, start: int = 0) -> Rows:
    """The new row of each of `count` rows: kept rows are numbered from `start`, other rows are -1."""
    moved = np.full(count, -1, np.intp)
    moved[kept] = np.arange(start, start + len(kept))
    return moved


def write_splits(
    paths: ProductPaths, members: Sequence[tuple[str, Splits, Rows]], ids: list[str], command: str
) -> None:
    """Writes the splits with the new row numbers; every row stays in its split.

    Args:
        paths: of the new dataset.
        members: for each input its name, its splits, and the new row of each of its rows, -1 for none.
        ids: the tile of each new row.
        command: the command that moved them.
    """
    names = dict.fromkeys([*_PARTS, *(name for _, splits, _ in members for name in splits.parts)])
    kept: dict[str, list[int]] = {}
    for name in names:
        rows = [moved[splits.parts[name]] for _, splits, moved in members if name in splits.parts]
        new = np.concatenate([*rows, np.empty(0, np.intp)])
        kept[name] = np.sort(new[new >= 0]).astype(int).tolist()
    made_of = [{"name": name, "made": splits.made} for name, splits, _ in members]
    write_json(
        paths.splits_made,
        {
            "made": {"strategy": "kept", "by": command, "of": made_of},
            "rows": len(ids),
            "tiles": {name: len(rows) for name, rows in kept.items()},
            "in_no_split": len(ids) - len(set[int]().union(*kept.values())),
            "rows_sha256": rows_digest(ids),
        },
    )
    write_json(paths.splits, kept)
