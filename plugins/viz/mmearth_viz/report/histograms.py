"""Histograms of every band, over all rows or a seeded sample of them, made by workers a few rows at a time."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core.contract.bands import Kind
from mmearth_core.layers import LayerDescription
from mmearth_core.post.encode import block_rows
from mmearth_core.product.hdf5 import METADATA
from mmearth_core.product.statistics import LayerStatistics
from mmearth_core.progress import Progress
from mmearth_core.workers import Pool
from mmearth_viz.preview.album import Album

BINS = 48


_DEVIATIONS = 4.0
"""Standard deviations around the mean that a histogram spans, where there are values so far off."""


_CHOICES, _VECTOR = 3, 64
"""Bands from which a vector may be a choice, and up to which a vector is counted."""


Stats = Mapping[str, Mapping[str, Any]]


Counts = NDArray[np.int64]


@frozen
class Range:
    """The bins of one band.

    Attributes:
        low: the first one's lower edge.
        high: the last one's upper edge, which belongs to it.
        whole: they hold whole numbers, and their edges lie half-way between these.
    """

    low: float
    high: float
    whole: bool = False

    @property
    def width(self) -> float:
        """Of each."""
        return (self.high - self.low) / BINS


@define(eq=False)
class Histograms:
    """Counts by layer's name in the band statistics.

    Attributes:
        rows: tiles counted.
        counts: (bands, 2 + BINS): below the range, the bins, above it.
    """

    rows: int = 0
    counts: dict[str, Counts] = field(factory=dict)

    def merge(self, other: "Histograms") -> None:
        """Counts in others' rows."""
        self.rows += other.rows
        for name, counts in other.counts.items():
            self.counts[name] = self.counts[name] + counts if name in self.counts else counts


@frozen(eq=False)
class Part:
    """Some rows for a worker.

    Attributes:
        path: the HDF5 file.
        layers: which datasets.
        rows: sorted.
        ranges: for each layer, of each band; empty when statistics are wanted instead.
    """

    path: Path
    layers: tuple[LayerDescription, ...]
    rows: tuple[int, ...]
    ranges: Mapping[str, Sequence[Range]]


def is_choice(layer: LayerDescription, stats: Stats) -> bool:
    """Whether a vector holds zeros and ones only, one of many bands being chosen: its means are shares."""
    if layer.is_map or len(layer.bands) < _CHOICES or np.dtype(layer.dtype).kind not in "iu":
        return False
    told = [stats[name] for name in (*layer.stat_names(), layer.name) if name in stats]
    return bool(told) and all(min(entry["min"]) >= 0 and max(entry["max"]) <= 1 for entry in told)


def is_quantity(layer: LayerDescription, stats: Stats) -> bool:
    """Whether a layer's numbers are amounts, of which a histogram tells something."""
    if layer.kind is Kind.CLASSES or is_choice(layer, stats):
        return False
    return layer.is_map or len(layer.bands) <= _VECTOR


def sampled_rows(count: int, wanted: int | None, seed: int) -> list[int]:
    """The rows that are read: all, or so many drawn by a seed; sorted."""
    if wanted is None or wanted >= count:
        return list(range(count))
    return sorted(np.random.default_rng(seed).choice(count, wanted, replace=False).tolist())


def make_statistics(album: Album, rows: Sequence[int], pool: Pool, progress: Progress) -> dict[str, Any]:
    """Band statistics of some rows, for a dataset that has none beside it."""
    statistics = LayerStatistics(list(album.layers.values()))
    parts = _parts(album, tuple(album.layers.values()), rows, {})
    for number, part in enumerate(pool.map(count_statistics, parts), start=1):
        statistics.merge(part)
        progress("counting", min(number * _step(album), len(rows)), len(rows))
    return {key: entry for name in album.layers for key, entry in statistics.results(name).items()}


def make_histograms(album: Album, stats: Stats, rows: Sequence[int], pool: Pool, progress: Progress) -> Histograms:
    """Counts the values of some rows.

    Args:
        album: the dataset.
        stats: its band statistics, from which the ranges follow.
        rows: which.
        pool: does the work.
        progress: is told of every part.
    """
    layers = tuple(layer for layer in album.layers.values() if is_quantity(layer, stats))
    ranges = {layer.name: ranges_of(layer, stats) for layer in layers}
    result = Histograms()
    for number, part in enumerate(pool.map(count_part, _parts(album, layers, rows, ranges)), start=1):
        result.merge(part)
        progress("histograms", min(number * _step(album), len(rows)), len(rows))
    return result


def ranges_of(layer: LayerDescription, stats: Stats) -> list[Range]:
    """The bins of each band, the same for all variants."""
    told = [stats[name] for name in dict.fromkeys((*layer.stat_names(), layer.name)) if name in stats]
    return [_range(layer, [entry for entry in told if entry["count"][band]], band) for band in range(len(layer.bands))]


def _range(layer: LayerDescription, told: Sequence[Mapping[str, Any]], band: int) -> Range:
    if not told:
        return Range(0.0, 1.0)
    spans = [_DEVIATIONS * entry["std"][band] for entry in told]
    low = min(max(entry["min"][band], entry["mean"][band] - span) for entry, span in zip(told, spans, strict=True))
    high = max(min(entry["max"][band], entry["mean"][band] + span) for entry, span in zip(told, spans, strict=True))
    if np.dtype(layer.dtype).kind in "iu":  # whole bins, or some would hold more values than others
        first, last = math.floor(low), math.ceil(high)
        width = math.ceil((last - first + 1) / BINS)
        return Range(first - 0.5, first - 0.5 + BINS * width, whole=True)
    return Range(float(low), float(high)) if high > low else Range(float(low) - 0.5, float(low) + 0.5)


def _step(album: Album) -> int:
    return block_rows(max((layer.shape[-1] for layer in album.layers.values() if layer.is_map), default=1))


def _parts(
    album: Album, layers: tuple[LayerDescription, ...], rows: Sequence[int], ranges: Mapping[str, Sequence[Range]]
) -> Iterator[Part]:
    step = _step(album)
    for start in range(0, len(rows), step):
        yield Part(album.files.hdf5, layers, tuple(rows[start : start + step]), ranges)


def _variants(file: h5py.File, rows: Sequence[int]) -> list[str | None]:
    table = file[METADATA][list(rows)]
    if len(table.dtype.names) < 2:
        return [None] * len(rows)
    return [text.decode(errors="replace") or None for text in table[table.dtype.names[1]]]


def _read(part: Part) -> Iterator[tuple[LayerDescription, str | None, NDArray[Any]]]:
    """Each layer's values of each row, (bands, any number)."""
    with h5py.File(part.path, "r") as file:
        for row, variant in zip(part.rows, _variants(file, part.rows), strict=True):
            for layer in part.layers:
                yield layer, variant, file[layer.name][row].reshape(len(layer.bands), -1)


def count_statistics(part: Part) -> LayerStatistics:
    """What a worker does for the statistics."""
    statistics = LayerStatistics(part.layers)
    for layer, variant, values in _read(part):
        statistics.add(layer.name, variant, values)
    return statistics


def count_part(part: Part) -> Histograms:
    """What a worker does for the histograms."""
    result = Histograms(len(part.rows))
    for layer, variant, values in _read(part):
        name = layer.stat_name(variant)
        if name not in result.counts:
            result.counts[name] = np.zeros((len(layer.bands), BINS + 2), np.int64)
        for counts, own, bins in zip(result.counts[name], values, part.ranges[layer.name], strict=True):
            known = own[layer.valid(own)]
            counts += np.bincount(places_of(known, bins), minlength=BINS + 2)
    return result


def places_of(values: NDArray[Any], bins: Range) -> NDArray[np.intp]:
    """Where each value counts: 0 below the range, then the bins from 1, then `BINS + 1` above it."""
    # Rounding to a bin by arithmetic is several times faster than numpy's search for edges.
    places = np.clip((values.astype(np.float64) - bins.low) / bins.width, 0, BINS - 1).astype(np.intp) + 1
    places[values < bins.low] = 0
    places[values > bins.high] = BINS + 1
    return places
