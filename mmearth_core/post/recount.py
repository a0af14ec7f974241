"""Statistics of layers that are in an HDF5 file already, with the same result as when they were written."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from mmearth_core.hdf5.layout import METADATA, StoredLayer
from mmearth_core.hdf5.opening import opened
from mmearth_core.hdf5.rows import RowReader
from mmearth_core.post.encode import block_rows
from mmearth_core.post.statistics import Statistics
from mmearth_core.work.pool import Pool

if TYPE_CHECKING:  # every worker imports this file, and that one imports much
    from mmearth_core.work.progress import Progress


@frozen
class Part:
    """Consecutive rows of a file.

    Attributes:
        path: the file.
        layers: which datasets.
        start: the first row.
        end: the row after the last.
    """

    path: Path
    layers: tuple[StoredLayer, ...]
    start: int
    end: int


def recount(path: Path, layers: Sequence[StoredLayer], size: int, pool: Pool, progress: "Progress") -> Statistics:
    """Reads all rows of some layers again.

    Args:
        path: an HDF5 file.
        layers: which of its datasets.
        size: rows and columns of a tile.
        pool: does the work.
        progress: is told of every part.
    """
    with opened(path) as file:
        count = file[METADATA].shape[0]
    step = block_rows(size)

    def parts() -> Iterator[Part]:
        for start in range(0, count, step):
            yield Part(path, tuple(layers), start, min(start + step, count))

    statistics = Statistics(layers)
    for number, part in enumerate(pool.map(count_part, parts()), start=1):
        statistics.merge(part)
        progress("counting", min(number * step, count), count)
    return statistics


def count_part(part: Part) -> Statistics:
    """Counts some rows."""
    statistics = Statistics(part.layers)
    with opened(part.path) as file:
        table = file[METADATA][part.start : part.end]
        variants = [text.decode() or None for text in table[table.dtype.names[1]]]
        for layer in part.layers:
            if not layer.is_map:
                statistics.add_vectors(layer.name, variants, file[layer.name][part.start : part.end])
                continue
            reader = RowReader(file[layer.name])
            for row, variant in zip(range(part.start, part.end), variants, strict=True):
                statistics.add(layer.name, variant, reader.read(row).reshape(len(layer.bands), -1))
    return statistics
