"""The HDF5 file of a dataset: creating and opening it, its layers, its attributes and its table of tiles."""

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from traceback import walk_tb
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from mmearth_core.errors import DamagedFileError, DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.text import counted

# Compared with zlib's level 4, it takes a tenth of the time; files are 6 % larger without the shuffle filter, and 9 %
# smaller with it.
DEFLATE = 1
"""Compression level of isal."""

LIBVER = ("v110", "v110")
"""The oldest and the newest HDF5 format to write. Every HDF5 library since 1.10 reads this one, and with it GDAL, the
HDF5 tools and the training environments in use. h5py's "latest" is a format that only the newest library reads."""

VERSION = 2
"""Version of this layout, the file's attribute `layout`. Version 1 could be in a format that only HDF5 2.0 reads."""

METADATA = "metadata"
"""The table with each row's tile id and variant."""

PROVENANCE = "provenance"
"""The attribute of a layer with a checksum of the stacks and scenes it is made of; written last."""

_NO_COORDINATES = "This is a netCDF dimension but not a netCDF variable."
"""How netCDF names an axis without coordinates, before its length in ten digits. Source: the netCDF-4 file format,
https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html."""

STATISTICS = "statistics_sha256"
"""The attribute of a layer with a digest of its band statistics; files of older versions have none."""

ROWS = "rows_sha256"
"""The attribute of the file with the checksum of its rows' tile ids, by which readers notice that it was replaced."""

ID_BYTES, VARIANT_BYTES = 100, 10
"""Widths of the texts in the table, as in the published MMEarth."""

_NAME_ONE = "Name a dataset's .h5 file, as `mmearth-core post` writes it."
_TRUNCATED = re.compile(r"eof = .* stored_eof = (\d+)")

_NEWER = "bad version number"
"""How HDF5 says that an object is in a format that it does not know."""

_NEWEST = (2, 0)
"""Older HDF5 libraries cannot read files that "latest" of HDF5 2.0 has written; h5py has it from 3.16 on."""

_LOCKED = (errno.EAGAIN, errno.EWOULDBLOCK)
"""Another process has a lock on the file."""

_ERRORS = (OSError, RuntimeError, KeyError, ValueError)
"""What h5py raises where HDF5 cannot read on."""


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Opens a file for reading, and closes it.

    Raises:
        DatasetError: when it cannot be opened.
        DamagedFileError: when HDF5 cannot read on within the context.
    """
    with open_hdf5(path) as file, damage_reported(path):
        yield file


def open_hdf5(path: Path) -> h5py.File:
    """Opens a file for reading.

    Raises:
        DatasetError: when it does not exist, may not be read, or is not an HDF5 file.
        DamagedFileError: when it is cut short, or its beginning is damaged.
    """
    if not path.is_file():
        raise DatasetError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}. {_NAME_ONE}")
    try:
        return open_file(path, "r")
    except OSError as error:
        raise _refusal(path, error) from error


def open_file(path: Path, mode: str, **options: Any) -> h5py.File:
    """Opens a file as h5py does; without a lock where the file system has none, or it is already open without.

    Nothing is lost without it: files are written under another name, and only ever replaced as a whole. Not always
    without, as one process cannot have a file open both with and without a lock, and users open it with.
    """
    try:
        return h5py.File(path, mode, **options)
    except OSError as error:
        if error.errno in _LOCKED or not re.search("unable to lock file|locking flag values don't match", str(error)):
            raise
        return h5py.File(path, mode, locking=False, **options)


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turns errors of HDF5 while it reads this file into clear ones; other errors pass.

    Raises:
        DamagedFileError: when HDF5 cannot read on.
        DatasetError: when the file is in a format of a newer HDF5.
    """
    try:
        yield
    except _ERRORS as error:
        # An error with an errno is the system's, such as another file's full disk.
        if getattr(error, "errno", None) is not None or "errno = " in str(error) or not _is_of_h5py(error):
            raise
        raise _unreadable(path, error, "HDF5 cannot read on") from error


def hdf5_reason(error: BaseException) -> str:
    """Why HDF5 has failed, without h5py's words around it."""
    text = str(error.args[0] if error.args else error)
    inner = re.search(r"\((.*)\)\s*$", text, re.DOTALL)
    return inner[1] if inner else text


def _unreadable(path: Path, error: BaseException, what: str) -> DatasetError:
    reason = hdf5_reason(error)
    if _NEWER in reason and h5py.version.hdf5_version_tuple < _NEWEST:
        return DatasetError(
            f"{path}: is in a format of HDF5 2.0 ({reason}), and this h5py has HDF5 {h5py.version.hdf5_version}. "
            "Install h5py 3.16 or newer, or rewrite the file where that is installed: `mmearth-core merge NEW OLD`."
        )
    return DamagedFileError(str(path), f"{what} ({reason})")


def _refusal(path: Path, error: OSError) -> DatasetError:
    if error.errno in _LOCKED:
        return DatasetError(f"{path}: another process is writing it. Wait until it has finished, and try again.")
    if error.errno is not None:
        return DatasetError(f"{path}: cannot be read: {os.strerror(error.errno)}. Grant access to it, or name another.")
    size, cut = path.stat().st_size, _TRUNCATED.search(str(error))
    if cut is not None:
        found = f"it is cut short, with {size:,} of its {int(cut[1]):,} bytes"
    elif not size:
        found = "it is empty"
    elif not h5py.is_hdf5(path):
        return DatasetError(f"{path}: cannot be read as HDF5: it is of another format. {_NAME_ONE}")
    else:
        return _unreadable(path, error, "cannot be read as HDF5")
    return DamagedFileError(str(path), f"cannot be read as HDF5: {found}")


def _is_of_h5py(error: BaseException) -> bool:
    """Whether it was raised within h5py: a bug of this package must not pass for a damaged file."""
    *_, (frame, _line) = walk_tb(error.__traceback__)
    return "h5py" in Path(frame.f_code.co_filename).parts


@contextmanager
def new_file(path: Path) -> Iterator[h5py.File]:
    """Opens a new file for writing, and closes it.

    Raises:
        OSError: with its `errno`, when the disk is full or the like, also where h5py raises another error.
    """
    file = open_file(path, "w", libver=LIBVER)
    try:
        yield file
        file.flush()
    except BaseException as error:
        _abandon(file)
        number = re.search(r"errno = (\d+)", str(error)) if isinstance(error, RuntimeError) else None
        if number is not None:
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
        raise
    file.close()


def _abandon(file: h5py.File) -> None:
    """Closes a file whose content no longer matters.

    If HDF5 cannot write its buffers when it closes a file, it crashes the process at exit. So the file's handle is
    redirected, and the buffers are written elsewhere.
    """
    sink = os.memfd_create("abandoned") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
    os.dup2(sink, file.id.get_vfd_handle())
    os.close(sink)
    # After a failed flush HDF5 refuses to close the file; the end of the process closes it.
    with suppress(RuntimeError):
        file.close()


def create_layer(file: h5py.File, layer: LayerDescription, rows: int) -> h5py.Dataset:
    """Creates the dataset of a layer, still empty.

    Args:
        file: open for writing.
        layer: its description; a row has its shape.
        rows: number of tiles.
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
    describe(dataset, layer)
    return dataset


def describe(dataset: h5py.Dataset, layer: LayerDescription) -> None:
    """Writes the description of a layer as attributes."""
    for name, value in layer.to_attributes().items():
        if isinstance(value, tuple):
            # Texts of variable length are stored outside the attribute, which itself holds at most 64 KB.
            dataset.attrs.create(name, np.array(value, dtype=object), dtype=h5py.string_dtype())
        else:
            dataset.attrs[name] = value


def read_layer(dataset: h5py.Dataset) -> LayerDescription:
    """Reads the description of a layer.

    Raises:
        DatasetError: when it has none. Its text is a clause that names no file.
    """
    if not isinstance(dataset, h5py.Dataset):
        raise DatasetError("is a group, where a dataset is expected")
    return LayerDescription.from_attributes(
        dataset.name.lstrip("/"), dataset.dtype.name, dataset.shape[1:], dataset.attrs
    )


def layer_names(file: h5py.File) -> list[str]:
    """The names of a file's layers: of everything but its table and the scales that name axes."""
    return [name for name in file if name != METADATA and not getattr(file[name], "is_scale", False)]


def stored_layers(file: h5py.File) -> dict[str, LayerDescription]:
    """All layers of a file, by name."""
    return {name: read_layer(file[name]) for name in layer_names(file)}


def create_scales(file: h5py.File) -> None:
    """Names the axes of the table and of all layers, so that xarray and netCDF know which axes are the same.

    The axes `row`, `y` and `x` are shared and have no coordinates, so they take no space. Each layer has its own axis
    `<layer>_band`, with the names of its bands, and `<layer>_step` if it has time steps. A name that a layer has is
    followed by `_`.
    """
    scales: dict[tuple[str, int], h5py.Dataset] = {}
    for name in (METADATA, *layer_names(file)):
        dataset = file[name]
        bands = dataset.attrs.get("bands", ())
        steps = [f"{name}_step"] if dataset.ndim in (3, 5) else []
        axes = ("row", *steps, f"{name}_band", "y", "x")
        for number, (axis, length) in enumerate(zip(axes, dataset.shape, strict=False)):
            if (axis, length) not in scales:
                scales[axis, length] = _create_scale(file, axis, length, bands if axis == f"{name}_band" else ())
            dataset.dims[number].attach_scale(scales[axis, length])


def _create_scale(file: h5py.File, name: str, length: int, coordinates: Sequence[str]) -> h5py.Dataset:
    while name in file:
        name += "_"
    if len(coordinates):
        scale = file.create_dataset(name, data=list(coordinates), dtype=h5py.string_dtype())
        scale.make_scale(name)
    else:
        scale = file.create_dataset(name, shape=(length,), dtype="f4")
        scale.make_scale(f"{_NO_COORDINATES}{length:10d}")
    return scale


def create_metadata(file: h5py.File, rows: int, variant_key: str) -> h5py.Dataset:
    """Creates the table of tile ids and variants."""
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
            f"{file.filename}: has no table `{METADATA}` whose first field is the rows' tile ids, so it is not a "
            "dataset of this layout. Name a file that `mmearth-core post` has written, or one made of such files."
        )
    return table


def metadata_rows(rows: Iterable[tuple[str, str | None]], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Rows of that table.

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


def digest_of_rows(file: h5py.File) -> str:
    """The checksum of a file's rows; files of earlier versions and other programs have it only in their table."""
    if ROWS in file.attrs:
        return str(file.attrs[ROWS])
    table = require_table(file)
    return rows_digest([each.decode(errors="replace") for each in table[table.dtype.names[0]].tolist()])


def rows_digest(ids: Sequence[str]) -> str:
    """A checksum of the order of rows, by which splits identify the file that they were made for."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()
