"""The HDF5 file of a dataset: creating and opening it, its layers, its attributes and its table of tiles."""

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from mmearth_core.errors import DamagedFileError, DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.text import counted

DEFLATE = 1
"""Level of isal: a tenth of the time of zlib's 4, for files 6 % larger before and 9 % smaller after shuffling."""

_NAME_ONE = "Name a dataset's .h5 file, as `mmearth-core post` writes it."


_TRUNCATED = re.compile(r"eof = (\d+),.* stored_eof = (\d+)")


_FAULTS = (OSError, RuntimeError, KeyError, ValueError)
"""What h5py raises where HDF5 cannot read on."""


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Opens a file, and closes it.

    Raises:
        DatasetError: when it cannot be opened.
        DamagedFileError: when HDF5 cannot read on within the context.
    """
    with open_hdf5(path) as file, damage_told(path):
        yield file


def open_hdf5(path: Path) -> h5py.File:
    """Opens a file.

    Raises:
        DatasetError: when there is none, it may not be read, or it is no HDF5 file.
        DamagedFileError: when it is cut short, or damaged where it begins.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}. {_NAME_ONE}")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise _refusal(path, error) from error


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """What h5py raises within this context, reading from that file, becomes a clear error; all else stays as it is.

    Raises:
        DamagedFileError: instead.
    """
    try:
        yield
    except _FAULTS as error:
        # With an errno it is the system that speaks, as of another file's full disk.
        if getattr(error, "errno", None) is not None or "errno = " in str(error) or not _is_of_h5py(error):
            raise
        raise DamagedFileError(str(path), f"HDF5 cannot read on ({told_by_hdf5(error)})") from error


def told_by_hdf5(error: BaseException) -> str:
    """Why HDF5 has failed, without h5py's words around it."""
    text = str(error.args[0] if error.args else error)
    inner = re.search(r"\((.*)\)\s*$", text, re.DOTALL)
    return inner[1] if inner else text


def _refusal(path: Path, error: OSError) -> DatasetError:
    if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
        return DatasetError(f"{path}: another process is writing it. Wait until that has ended, and try again.")
    if error.errno is not None:
        return DatasetError(f"{path}: cannot be read: {os.strerror(error.errno)}. Grant access to it, or name another.")
    size, cut = path.stat().st_size, _TRUNCATED.search(str(error))
    if cut is not None:
        return DamagedFileError(
            str(path), f"cannot be read as HDF5: it is cut short, with {size:,} of its {int(cut[2]):,} bytes"
        )
    if not size:
        return DamagedFileError(str(path), "cannot be read as HDF5: it is empty")
    if not h5py.is_hdf5(path):
        return DatasetError(f"{path}: cannot be read as HDF5: it is of another format. {_NAME_ONE}")
    return DamagedFileError(str(path), f"cannot be read as HDF5 ({told_by_hdf5(error)})")


def _is_of_h5py(error: BaseException) -> bool:
    """Whether it was raised within h5py: a mistake of ours must not pass for a damaged file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and "h5py" in Path(trace.tb_frame.f_code.co_filename).parts


LIBVER = ("v110", "v110")
"""The oldest and the newest HDF5 format to write. Every HDF5 library since 1.10 reads this one, and with it GDAL, the
HDF5 tools and the training environments in use. h5py's "latest" is a format that only the newest library reads."""


@contextmanager
def new_file(path: Path) -> Iterator[h5py.File]:
    """Opens a file to be written, and closes it.

    Raises:
        OSError: with its `errno`, when the disk is full or the like, also where HDF5 tells it as another error.
    """
    file = h5py.File(path, "w", libver=LIBVER)
    try:
        yield file
        file.flush()
    except BaseException as error:
        _give_up(file)
        told = re.search(r"errno = (\d+)", str(error)) if isinstance(error, RuntimeError) else None
        if told is not None:
            raise OSError(int(told[1]), os.strerror(int(told[1])), str(path)) from error
        raise
    file.close()


def _give_up(file: h5py.File) -> None:
    """Closes a file that is worth nothing any more.

    What HDF5 cannot write when it closes a file crashes the process at its end. So what it still holds goes elsewhere.
    """
    sink = os.memfd_create("given up") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
    os.dup2(sink, file.id.get_vfd_handle())
    os.close(sink)
    # Where its flushing has failed, HDF5 refuses to close the file; then the process's end does.
    with suppress(RuntimeError):
        file.close()


VERSION = 2
"""Of this layout; stands in the file's attribute `layout`. Version 1 could be in a format that only HDF5 2.0 reads."""


METADATA = "metadata"
"""The table with each row's tile id and variant."""


PROVENANCE = "provenance"
"""The attribute of a dataset that says of which tiles and images it is made; written last."""


_TEXT = h5py.string_dtype()


def create_layer(file: h5py.File, layer: LayerDescription, rows: int) -> h5py.Dataset:
    """Creates the dataset of a layer, still empty.

    Args:
        file: open for writing.
        layer: what it will hold; a row has its shape.
        rows: how many tiles.
    """
    dataset = file.create_dataset(
        layer.name,
        shape=(rows, *layer.shape),
        dtype=layer.dtype,
        chunks=(1, *layer.shape),
        shuffle=np.dtype(layer.dtype).itemsize > 1,
        compression="gzip",
        compression_opts=DEFLATE,
        fillvalue=layer.fill,
    )
    for name, value in layer.to_attributes().items():
        if isinstance(value, tuple):
            # Texts of variable length are stored outside the attribute, which itself holds at most 64 KB.
            dataset.attrs.create(name, np.array(value, dtype=object), dtype=_TEXT)
        else:
            dataset.attrs[name] = value
    return dataset


def read_layer(dataset: h5py.Dataset) -> LayerDescription:
    """Reads the description of a layer.

    Raises:
        DatasetError: when it has none.
    """
    path, name = dataset.file.filename, dataset.name.lstrip("/")
    if not isinstance(dataset, h5py.Dataset):
        raise _undescribed(path, f"{name!r} is a group, where a dataset a layer is due")
    try:
        return LayerDescription.from_attributes(name, dataset.dtype.name, dataset.shape[1:], dataset.attrs)
    except DatasetError as error:
        raise _undescribed(path, str(error)) from error


def _undescribed(path: str, found: str) -> DatasetError:
    return DatasetError(
        f"{path}: {found}, so it has no description that can be read. The file was not written by `mmearth-core post`, "
        "or by a newer one: write it again. The published MMEarth's files have none; torchgeo's `MMEarth` reads them."
    )


def stored_layers(file: h5py.File) -> dict[str, LayerDescription]:
    """All layers of a file, by name."""
    return {name: read_layer(file[name]) for name in file if name != METADATA}


def write_head(file: h5py.File, head: Mapping[str, str]) -> None:
    """Writes what is told of the file as a whole."""
    file.attrs["layout"] = VERSION
    for name, text in head.items():
        file.attrs[name] = text


ID_BYTES, VARIANT_BYTES = 100, 10
"""Widths of its texts, as published."""


def create_metadata(file: h5py.File, rows: int, variant_key: str) -> h5py.Dataset:
    """Makes the table of tile ids and variants."""
    fields: DTypeLike = [("tile_id", f"S{ID_BYTES}"), (variant_key, f"S{VARIANT_BYTES}")]
    return file.create_dataset(METADATA, shape=(rows,), dtype=np.dtype(fields))


def require_table(file: h5py.File) -> h5py.Dataset:
    """The table of a file.

    Raises:
        DatasetError: when it has none whose first field is the rows' tile ids.
    """
    table = file[METADATA] if METADATA in file else None  # noqa: SIM401 - `get` takes a damaged file for one without
    fields = table.dtype.names if isinstance(table, h5py.Dataset) else None
    if table is None or not fields or table.ndim != 1 or table.dtype[0].kind != "S":
        raise DatasetError(
            f"{file.filename}: has no table `{METADATA}` whose first field is the rows' tile ids, so it is no dataset "
            "of this layout. Name a file that `mmearth-core post` has written, or one made of such files."
        )
    return table


def metadata_rows(rows: Iterable[tuple[str, str | None]], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Lines of that table.

    Raises:
        DatasetError: when an id or a variant is too long, as it would be cut.
    """
    encoded = [(tile_id.encode(), (variant or "").encode()) for tile_id, variant in rows]
    for tile_id, variant in encoded:
        for text, most, what in ((tile_id, ID_BYTES, "tile id"), (variant, VARIANT_BYTES, "variant")):
            if len(text) > most:
                raise DatasetError(
                    f"{what} {text.decode()!r} has {counted(len(text), 'byte')}; the HDF5 table `{METADATA}` holds "
                    f"{most}. Use a shorter one."
                )
    return np.array(encoded, dtype=dtype)


def tile_ids(file: h5py.File) -> list[str]:
    """The tile of each row."""
    return [text.decode() for text in file[METADATA]["tile_id"]]


def rows_digest(ids: Sequence[str]) -> str:
    """A checksum of the order of rows, by which splits know the file that they were made for."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()
