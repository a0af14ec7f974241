"""Rows of an HDF5 dataset, read and written as compressed chunks."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray

from mmearth_core.errors import DamagedFileError
from mmearth_core.product.hdf5 import DEFLATE, damage_told, told_by_hdf5
from mmearth_core.text import counted


def encode(values: NDArray[Any]) -> bytes:
    """Makes a chunk: shuffles the bytes of equal weight together, and deflates them.

    HDF5's own filters undo it. Values of one byte are not shuffled.
    """
    size = values.dtype.itemsize
    flat = np.ascontiguousarray(values).reshape(-1)
    if size == 1:
        return bytes(isal_zlib.compress(flat, DEFLATE))
    words = flat.astype(flat.dtype.newbyteorder("<"), copy=False).view(f"<u{size}")
    shuffled = np.empty((size, words.size), np.uint8)
    shuffled[0] = words  # the cast keeps the lowest byte
    for place in range(1, size):
        np.right_shift(words, 8 * place, out=shuffled[place], casting="unsafe")
    return bytes(isal_zlib.compress(shuffled.reshape(-1), DEFLATE))


class ChunkWriter:
    """Writes rows of a layer as `encode` made them; what h5py looks up anew for every row is looked up once."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._id = dataset.id
        self._rest = (0,) * (dataset.ndim - 1)

    def write(self, row: int, chunk: bytes) -> None:
        """Writes one row."""
        self._id.write_direct_chunk((row, *self._rest), chunk)


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


STEP = 64
"""Rows between two reports of progress."""


def create_like(file: h5py.File, dataset: h5py.Dataset, rows: int) -> h5py.Dataset:
    """Makes a dataset, empty, into which another one's chunks fit as they are: same type, chunks, filters, attributes.

    Args:
        file: where to make it.
        dataset: what it is like; its name is kept.
        rows: how many it has.
    """
    space = h5py.h5s.create_simple((rows, *dataset.shape[1:]))
    properties = dataset.id.get_create_plist()
    # The chunks and the type are given anew, as a newer format's versions of their descriptions stick to the old ones.
    properties.set_chunk(dataset.chunks)
    dtype = h5py.h5t.py_create(dataset.dtype)
    made = h5py.Dataset(h5py.h5d.create(file.id, dataset.name.encode(), dtype, space, properties))
    for name, value in dataset.attrs.items():
        stored = dataset.attrs.get_id(name)
        if stored.get_space().get_simple_extent_npoints():  # an empty one, of older files, crashes GDAL
            made.attrs.create(name, value, shape=stored.shape, dtype=stored.dtype)
    return made


def storage(dataset: h5py.Dataset) -> str:
    """How a dataset's rows are chunked and filtered; chunks fit into a dataset of the same text as they are.

    The level of a filter does not count: it changes how a chunk is made and not how it is read.
    """
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(place) for place in range(properties.get_nfilters())]
    names = [name.decode() or str(code) for code, _flags, _values, name in filters]
    chunks = "no chunks" if dataset.chunks is None else f"chunks of {' x '.join(map(str, dataset.chunks))}"
    return f"{chunks}, {' + '.join(names) or 'no filter'}, {dataset.dtype.byteorder.replace('=', '') or 'native'}"


def copy_chunks(
    pairs: Sequence[tuple[h5py.Dataset, h5py.Dataset]],
    rows: Iterable[int] | None = None,
    at: int = 0,
    moved: Callable[[int], None] | None = None,
) -> None:
    """Copies rows of several datasets, row by row, so that what belongs to one tile stands together in the new file.

    A file that was written tile by tile is so read from its start to its end.

    Args:
        pairs: of each dataset to copy, the old and the new one.
        rows: which of the old ones' rows, in the order of the new; all without it.
        at: the new one's first row.
        moved: is told after every few rows how many have been copied.
    """
    ends = [(old.id, new.id, (0,) * (old.ndim - 1), _written(old)) for old, new in pairs]
    wanted: Iterable[int] = range(pairs[0][0].shape[0]) if rows is None and pairs else rows or ()
    count = 0
    for count, row in enumerate(wanted, start=1):
        for source, target, rest, written in ends:
            if written is None or row in written:
                try:
                    mask, chunk = source.read_direct_chunk((row, *rest))
                except (OSError, RuntimeError, ValueError) as error:
                    raise _damaged(source, row, error) from error
                target.write_direct_chunk((at + count - 1, *rest), chunk, mask)
        if moved and count % STEP == 0:
            moved(count)
    if moved:
        moved(count)


def _damaged(source: Any, row: int, error: Exception) -> DamagedFileError:
    dataset = h5py.Dataset(source)
    found = f"row {row} of layer {dataset.name.lstrip('/')!r} cannot be read ({told_by_hdf5(error)})"
    return DamagedFileError(dataset.file.filename, found)


def _written(dataset: h5py.Dataset) -> set[int] | None:
    """The rows that have a chunk; None if all have. One that was never written is the fill value, without a chunk."""
    if dataset.id.get_num_chunks() == dataset.shape[0]:
        return None
    found = set[int]()

    def note(chunk: Any) -> None:
        found.add(int(chunk.chunk_offset[0]))

    dataset.id.chunk_iter(note)
    return found
