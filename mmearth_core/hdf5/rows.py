"""Reads rows of an HDF5 dataset at twice HDF5's speed: a chunk is taken as it is stored, and inflated by isal.

HDF5 inflates with zlib, and holds a lock of the whole process while it does. Whatever is not stored as this package
stores it (one chunk a row; shuffled, deflated) is read by HDF5.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray

from mmearth_core.errors import DamagedFileError
from mmearth_core.hdf5.opening import damage_told
from mmearth_core.words import counted


class RowReader:
    """Reads rows of one open dataset."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self._id = dataset.id
        self._rest = (0,) * (dataset.ndim - 1)
        self._shape, self._dtype = dataset.shape[1:], dataset.dtype
        self._bytes = int(np.prod(self._shape)) * self._dtype.itemsize
        self._shuffled, self._direct = _storage(dataset)

    def read(self, row: int) -> NDArray[Any]:
        """One row, of the dataset's shape without its first axis.

        Raises:
            DamagedFileError: when it cannot be read.
        """
        if not self._direct or not 0 <= row < self._dataset.shape[0]:
            return self._by_hdf5(row)
        try:
            skipped, chunk = self._id.read_direct_chunk((row, *self._rest))
        except (OSError, RuntimeError, ValueError):
            return self._by_hdf5(row)  # never written: the fill value
        if skipped:
            return self._by_hdf5(row)
        try:
            content = isal_zlib.decompress(chunk, bufsize=self._bytes)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # isal declares it as an instance
            raise self._damaged(row, f"cannot be inflated ({error})") from error
        if len(content) != self._bytes:
            raise self._damaged(row, f"has {counted(len(content), 'byte')} instead of {self._bytes:,}")
        if not self._shuffled:
            return np.frombuffer(bytearray(content), self._dtype).reshape(self._shape)
        return self._unshuffled(np.frombuffer(content, np.uint8)).reshape(self._shape)

    def _by_hdf5(self, row: int) -> NDArray[Any]:
        with damage_told(Path(self._dataset.file.filename)):
            return np.asarray(self._dataset[row])

    def _damaged(self, row: int, found: str) -> DamagedFileError:
        dataset = self._dataset
        return DamagedFileError(dataset.file.filename, f"row {row} of layer {dataset.name.lstrip('/')!r} {found}")

    def _unshuffled(self, content: NDArray[np.uint8]) -> NDArray[Any]:
        size = self._dtype.itemsize
        by_weight = content.reshape(size, -1)
        if size == 2:  # a third of the time of writing to every second byte
            words = by_weight[1].astype(np.uint16)
            words <<= 8
            words |= by_weight[0]
            unshuffled: NDArray[Any] = words.view(self._dtype)
            return unshuffled
        values = np.empty(content.size // size, self._dtype)
        for place, target in enumerate(values.view(np.uint8).reshape(-1, size).T):
            target[:] = by_weight[place]
        return values


def _storage(dataset: h5py.Dataset) -> tuple[bool, bool]:
    """Whether rows are shuffled, and whether they can be read without HDF5's filters."""
    if dataset.chunks != (1, *dataset.shape[1:]) or dataset.dtype.kind not in "iuf" or not dataset.dtype.isnative:
        return False, False
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(place)[0] for place in range(properties.get_nfilters())]
    shuffled = h5py.h5z.FILTER_SHUFFLE in filters
    ours = [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE] if shuffled else [h5py.h5z.FILTER_DEFLATE]
    return shuffled, filters == ours
