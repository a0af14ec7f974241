"""Rows of an HDF5 dataset: read and written as compressed chunks, without HDF5's own filters; and counted."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from attrs import frozen
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray

from mmearth_core.errors import DamagedFileError
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import DEFLATE, METADATA, damage_reported, hdf5_reason, opened
from mmearth_core.product.statistics import LayerStatistics, block_rows
from mmearth_core.text import counted


def compress_row(values: NDArray[Any]) -> bytes:
    """Compresses a row to a chunk: bytes of equal significance are put together (shuffled) and deflated.

    HDF5's own filters undo it.
    """
    size = values.dtype.itemsize
    words = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).reshape(-1).view(f"<u{size}")
    shuffled = np.empty((size, words.size), np.uint8)
    shuffled[0] = words  # the cast keeps the lowest byte
    for byte in range(1, size):
        np.right_shift(words, 8 * byte, out=shuffled[byte], casting="unsafe")
    return bytes(isal_zlib.compress(shuffled.reshape(-1), DEFLATE))


def chunk_writer(dataset: h5py.Dataset) -> Callable[[int, bytes, int], None]:
    """A function that writes a row of one open dataset; it looks up once what h5py would look up for every row.

    Its arguments are the row, its chunk as `compress_row` or `RowReader.chunk` returns it, and the bit mask of the
    filters skipped.
    """
    target, rest = dataset.id, (0,) * (dataset.ndim - 1)
    return lambda row, chunk, skipped: target.write_direct_chunk((row, *rest), chunk, skipped)


class RowReader:
    """Reads rows of one open dataset."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self._id = dataset.id
        self._rest = (0,) * (dataset.ndim - 1)
        self._shape, self._dtype = dataset.shape[1:], dataset.dtype
        self._bytes = math.prod(self._shape) * self._dtype.itemsize
        properties = dataset.id.get_create_plist()
        filters = [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]
        self._shuffled = filters == [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE]
        # Any other storage is left to HDF5.
        is_plain = dataset.chunks == (1, *self._shape) and self._dtype.kind in "iuf" and self._dtype.isnative
        self._direct = is_plain and (self._shuffled or filters == [h5py.h5z.FILTER_DEFLATE])

    def read(self, row: int) -> NDArray[Any]:
        """One row, of the dataset's shape without its first axis.

        Raises:
            DamagedFileError: when it cannot be read.
        """
        skipped, chunk = self.chunk(row) if self._direct and 0 <= row < self._dataset.shape[0] else (0, b"")
        if skipped or not chunk:
            with damage_reported(Path(self._dataset.file.filename)):
                return np.asarray(self._dataset[row])
        try:
            content = isal_zlib.decompress(chunk, bufsize=self._bytes)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # isal declares it as an instance
            raise self._damaged(row, f"cannot be inflated ({error})") from error
        if len(content) != self._bytes:
            raise self._damaged(row, f"has {counted(len(content), 'byte')} instead of {self._bytes:,}")
        if not self._shuffled:
            return np.frombuffer(bytearray(content), self._dtype).reshape(self._shape)
        # Shifting is several times faster than writing to every second byte.
        planes = np.frombuffer(content, np.uint8).reshape(self._dtype.itemsize, -1)
        words = planes[-1].astype(f"u{self._dtype.itemsize}")
        for plane in planes[-2::-1]:
            words <<= 8
            words |= plane
        return np.asarray(words.view(self._dtype).reshape(self._shape))

    def chunk(self, row: int) -> tuple[int, bytes]:
        """The bit mask of the filters skipped, and a row as it is stored; empty if it was never written.

        Raises:
            DamagedFileError: when it cannot be read.
        """
        try:
            skipped, chunk = self._id.read_direct_chunk((row, *self._rest))
        except (OSError, RuntimeError, ValueError) as error:
            # A row that was never written has no chunk: HDF5 reads it as the fill value.
            with damage_reported(Path(self._dataset.file.filename)):
                if self._id.get_chunk_info_by_coord((row, *self._rest)).byte_offset is None:
                    return 0, b""
            raise self._damaged(row, f"cannot be read ({hdf5_reason(error)})") from error
        return skipped, chunk

    def _damaged(self, row: int, found: str) -> DamagedFileError:
        dataset = self._dataset
        return DamagedFileError(dataset.file.filename, f"row {row} of layer {dataset.name.lstrip('/')!r} {found}")


@frozen
class RowBlock:
    """Some rows for a worker.

    Attributes:
        path: the HDF5 file.
        layers: which of its layers.
        rows: ascending.
    """

    path: Path
    layers: tuple[LayerDescription, ...]
    rows: tuple[int, ...]

    def variants(self, file: h5py.File) -> list[str | None]:
        """The variant of each row."""
        table = file[METADATA][list(self.rows)]
        fields = table.dtype.names
        texts = table[fields[1]].tolist() if len(fields) > 1 else [b""] * len(table)
        return [text.decode(errors="replace") or None for text in texts]


def row_blocks(
    path: Path, layers: Iterable[LayerDescription], rows: Sequence[int], image_size: int
) -> Iterator[RowBlock]:
    """Rows in blocks, whose statistics are the same however the work is divided."""
    step = block_rows(image_size)
    for start in range(0, len(rows), step):
        yield RowBlock(path, tuple(layers), tuple(rows[start : start + step]))


def count_rows(block: RowBlock) -> LayerStatistics:
    """The statistics of some rows, from their values."""
    statistics = LayerStatistics(block.layers)
    with opened(block.path) as file:
        variants = block.variants(file)
        for layer in block.layers:
            if not layer.is_map:
                statistics.add_vectors(layer.name, variants, file[layer.name][list(block.rows)])
                continue
            reader = RowReader(file[layer.name])
            for row, variant in zip(block.rows, variants, strict=True):
                statistics.add(layer.name, variant, reader.read(row))
    return statistics


def count_values(
    path: Path,
    layers: Sequence[LayerDescription],
    rows: Sequence[int],
    image_size: int,
    apply: Callable[[Callable[[RowBlock], LayerStatistics], Iterator[RowBlock]], Iterator[LayerStatistics]],
    progress: Callable[[str, int, int], None],
    by_step: bool = False,
) -> dict[str, Any]:
    """The band statistics of some rows, from their values.

    Args:
        path: the HDF5 file.
        layers: which of its layers.
        rows: which rows, ascending.
        image_size: rows and columns of a tile.
        apply: does the work, such as the `map` of a pool of workers.
        progress: called after every block.
        by_step: also those of each time step.

    Returns:
        The entries of band_stats.json.
    """
    statistics, step = LayerStatistics(layers), block_rows(image_size)
    for number, part in enumerate(apply(count_rows, row_blocks(path, layers, rows, image_size)), start=1):
        statistics.merge(part)
        progress("counting", min(number * step, len(rows)), len(rows))
    return statistics.entries(by_step)
