"""A new HDF5 file, whose writing may fail: a disk that fills is an error like any other."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import h5py

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
