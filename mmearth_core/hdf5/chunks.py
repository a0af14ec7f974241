"""Copies rows from one HDF5 file to another as they are compressed: nothing is inflated, nothing deflated again."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import h5py

from mmearth_core.errors import DamagedFileError
from mmearth_core.hdf5.opening import told_by_hdf5

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
