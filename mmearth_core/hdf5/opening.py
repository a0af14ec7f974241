"""Opens an HDF5 file for reading: what is none, or is damaged, becomes one paragraph that says what to do."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from mmearth_core.errors import DamagedFileError, DatasetError

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
