"""Histograms of every band over all rows or a random sample, computed by workers in blocks of rows."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import define, field, frozen
from mmearth_curate.reading import DescribedReader
from numpy.typing import NDArray

from mmearth_core import Kind
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import opened
from mmearth_core.product.hdf5_rows import RowBlock, RowReader, row_blocks
from mmearth_core.progress import Progress
from mmearth_core.workers import Pool

BINS = 48

_DEVIATIONS = 4.0
"""Maximum range of a histogram: this number of standard deviations around the mean."""

_CHOICES, _VECTOR = 3, 64
"""Minimum number of bands of a vector that is a choice, and maximum number for which histograms are shown."""

Stats = Mapping[str, Mapping[str, Any]]
Counts = NDArray[np.int64]


@frozen
class Range:
    """The bins of one band.

    Attributes:
        low: lower edge of the first bin.
        high: upper edge of the last bin, inclusive.
        is_whole: whether the bins are for integers, with edges half-way between integers.
    """

    low: float
    high: float
    is_whole: bool = False

    @property
    def width(self) -> float:
        """The width of a bin."""
        return (self.high - self.low) / BINS


@define(eq=False)
class Histograms:
    """Counts by key in the band statistics.

    Attributes:
        rows: number of counted tiles.
        counts: (bands, 2 + BINS): below the range, the bins, above it.
    """

    rows: int = 0
    counts: dict[str, Counts] = field(factory=dict)

    def merge(self, other: "Histograms") -> None:
        """Adds the counts of other rows."""
        self.rows += other.rows
        for name, counts in other.counts.items():
            self.counts[name] = self.counts[name] + counts if name in self.counts else counts


@frozen(eq=False)
class Part:
    """Some rows for a worker.

    Attributes:
        block: the rows.
        ranges: for each layer, the bins of each band.
    """

    block: RowBlock
    ranges: Mapping[str, Sequence[Range]]


def is_choice(layer: LayerDescription, stats: Stats) -> bool:
    """Whether a vector is one-hot with many bands, so that its means are shares."""
    if layer.is_map or len(layer.bands) < _CHOICES or np.dtype(layer.dtype).kind not in "iu":
        return False
    entries = entries_of(layer, stats).values()
    return bool(entries) and all(
        min(entry["min"]) >= 0 and max(entry.get("true_max", entry["max"])) <= 1 for entry in entries
    )


def is_quantity(layer: LayerDescription, stats: Stats) -> bool:
    """Whether a layer's numbers are quantities, for which a histogram is useful."""
    if layer.kind is Kind.CLASSES or is_choice(layer, stats):
        return False
    return layer.is_map or len(layer.bands) <= _VECTOR


def sampled_rows(count: int, wanted: int | None, seed: int) -> list[int]:
    """The rows to read, sorted: all, or a random sample of the wanted size."""
    if wanted is None or wanted >= count:
        return list(range(count))
    return sorted(np.random.default_rng(seed).choice(count, wanted, replace=False).tolist())


def make_histograms(
    reader: DescribedReader, stats: Stats, rows: Sequence[int], pool: Pool, progress: Progress
) -> Histograms:
    """Counts the values of some rows.

    Args:
        reader: the dataset.
        stats: its band statistics, which give the ranges.
        rows: the rows to count.
        pool: the worker processes.
        progress: called after every part.
    """
    layers = tuple(layer for layer in reader.layers.values() if is_quantity(layer, stats))
    ranges = {layer.name: ranges_of(layer, stats) for layer in layers}
    result = Histograms()
    blocks = row_blocks(reader.paths.hdf5, layers, rows, reader.image_size)
    for part in pool.map(count_part, (Part(block, ranges) for block in blocks)):
        result.merge(part)
        progress("histograms", result.rows, len(rows))
    return result


def ranges_of(layer: LayerDescription, stats: Stats) -> list[Range]:
    """The bins of each band, the same for all variants."""
    entries = entries_of(layer, stats).values()
    return [_range(layer, [each for each in entries if each["count"][band]], band) for band in range(len(layer.bands))]


def entries_of(layer: LayerDescription, stats: Stats) -> Stats:
    """A layer's entries of the band statistics, by key."""
    return {key: stats[key] for key in layer.stat_keys() if key in stats}


def _range(layer: LayerDescription, entries: Sequence[Mapping[str, Any]], band: int) -> Range:
    if not entries:
        return Range(0.0, 1.0)
    spans = [_DEVIATIONS * entry["std"][band] for entry in entries]
    low = min(max(entry["min"][band], entry["mean"][band] - span) for entry, span in zip(entries, spans, strict=True))
    high = max(min(entry["max"][band], entry["mean"][band] + span) for entry, span in zip(entries, spans, strict=True))
    if np.dtype(layer.dtype).kind in "iu":  # every bin must contain the same number of integers
        first, last = math.floor(low), math.ceil(high)
        width = math.ceil((last - first + 1) / BINS)
        return Range(first - 0.5, first - 0.5 + BINS * width, is_whole=True)
    return Range(float(low), float(high)) if high > low else Range(float(low) - 0.5, float(low) + 0.5)


def count_part(part: Part) -> Histograms:
    """Counts the values of some rows, in a worker."""
    block = part.block
    result = Histograms(len(block.rows))
    with opened(block.path) as file:
        readers = {layer.name: RowReader(file[layer.name]) for layer in block.layers}
        for row, variant in zip(block.rows, block.variants(file), strict=True):
            for layer in block.layers:
                values = layer.by_band(readers[layer.name].read(row))
                key = layer.stat_name(variant)
                if key not in result.counts:
                    result.counts[key] = np.zeros((len(layer.bands), BINS + 2), np.int64)
                for counts, own, bins in zip(result.counts[key], values, part.ranges[layer.name], strict=True):
                    counts += np.bincount(positions_of(own[layer.valid(own)], bins), minlength=BINS + 2)
    return result


def positions_of(values: NDArray[Any], bins: Range) -> NDArray[np.intp]:
    """The position of each value: 0 below the range, the bins from 1, `BINS + 1` above the range."""
    # Computing the bin is several times faster than numpy's search for edges.
    positions = np.clip((values.astype(np.float64) - bins.low) / bins.width, 0, BINS - 1).astype(np.intp) + 1
    positions[values < bins.low] = 0
    positions[values > bins.high] = BINS + 1
    return positions
