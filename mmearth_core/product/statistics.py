"""Exact statistics of a layer's bands, gathered piece by piece and merged in the order of the rows.

Integers are summed as integers, with no rounding at all. Floats are merged by Chan, Golub and LeVeque 1979 (Updating
formulae and a pairwise algorithm for computing sample variances): a mean and the squares around it, in float64, so
that a large mean costs no digits.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmearth_core.contract.bands import Kind
from mmearth_core.layers import LayerDescription

_PIECE = 1 << 20
"""Values of a band that are squared and summed at once: in float64, 2^20 squares of 16 bits are still exact."""


class BandStatistics:
    """What is known of the values of each of a layer's bands so far.

    Attributes:
        count: valid values of each band.
        nodata: values that are none.
        low: least valid value; inf without one.
        high: greatest valid value; -inf without one.
        classes: of a class layer, for each band how often each value occurs.
    """

    def __init__(self, layer: LayerDescription) -> None:
        bands = len(layer.bands)
        self._layer = layer
        self._exact = np.dtype(layer.dtype).kind in "iu"
        self.count = np.zeros(bands, np.int64)
        self.nodata = np.zeros(bands, np.int64)
        self.low = np.full(bands, np.inf)
        self.high = np.full(bands, -np.inf)
        self.classes = [Counter[int]() for _ in range(bands)] if layer.kind is Kind.CLASSES else []
        # Exact: sums and sums of squares, Python's integers. Otherwise: means, and squares around them.
        self._first = np.zeros(bands, object if self._exact else np.float64)
        self._second = self._first.copy()

    def add(self, values: NDArray[Any]) -> None:
        """Counts values in.

        Args:
            values: (bands, any number) of the layer's dtype.
        """
        if not self._layer.is_map:
            self._add_vectors(values)
            return
        for band, own in enumerate(values):
            for start in range(0, own.size, _PIECE):
                self._add_band(band, own[start : start + _PIECE])

    def _add_band(self, band: int, values: NDArray[Any]) -> None:
        """One band at a time stays in the processor's cache."""
        size, times = values.size, None
        if self.classes:
            values, times = _distinct(values)
        low, high = values.min(), values.max()
        # NaN among the values makes both NaN; only where the no-data may be among them are they looked through.
        if not (math.isfinite(low) and math.isfinite(high)) or low <= self._layer.fill <= high:
            valid = self._layer.valid(values)
            values, times = values[valid], None if times is None else times[valid]
            if values.size:
                low, high = values.min(), values.max()
        count = values.size if times is None else int(times.sum())
        self.nodata[band] += size - count
        if not count:
            return
        self.low[band] = min(self.low[band], low)
        self.high[band] = max(self.high[band], high)
        numbers = weighted = values.astype(np.float64)
        if times is not None:
            for value, often in zip(values.tolist(), times.tolist(), strict=True):
                self.classes[band][int(value)] += often
            weighted = numbers * times
        total = weighted.sum()
        if self._exact:
            self.count[band] += count
            self._first[band] += int(total)
            self._second[band] += int(np.einsum("i,i", numbers, weighted))
        else:
            mean = total / count
            numbers -= mean
            weighted = numbers if times is None else numbers * times
            self._join(band, count, mean, np.einsum("i,i", numbers, weighted))

    def _add_vectors(self, values: NDArray[Any]) -> None:
        """All bands at once, as they are many and have few values each."""
        valid = self._layer.valid(values)
        count = np.count_nonzero(valid, axis=1)
        self.nodata += values.shape[1] - count
        least, most = _ends(values.dtype)
        self.low = np.minimum(self.low, np.min(values, axis=1, where=valid, initial=most))
        self.high = np.maximum(self.high, np.max(values, axis=1, where=valid, initial=least))
        numbers = np.where(valid, values, 0).astype(np.float64)
        total = numbers.sum(axis=1)
        if self._exact:
            self.count += count
            self._first += total.astype(np.int64).astype(object)
            self._second += np.einsum("ij,ij->i", numbers, numbers).astype(np.int64).astype(object)
            return
        there = np.flatnonzero(count)
        mean = total[there] / count[there]
        apart = np.where(valid[there], numbers[there] - mean[:, None], 0.0)
        self._join(there, count[there], mean, np.einsum("ij,ij->i", apart, apart))

    def merge(self, other: "BandStatistics") -> None:
        """Counts in what another one has gathered; its rows come after this one's."""
        self.nodata += other.nodata
        self.low = np.minimum(self.low, other.low)
        self.high = np.maximum(self.high, other.high)
        for mine, others in zip(self.classes, other.classes, strict=True):
            mine.update(others)
        if self._exact:
            self._first += other._first
            self._second += other._second
            self.count += other.count
        else:
            there = np.flatnonzero(other.count)
            self._join(there, other.count[there], other._first[there], other._second[there])

    def _join(self, bands: Any, count: Any, mean: Any, squares: Any) -> None:
        mine = self.count[bands]
        both = mine + count
        apart = mean - self._first[bands]
        self._first[bands] += apart * (count / both)
        self._second[bands] += squares + apart * apart * (mine * (count / both))
        self.count[bands] = both

    def result(self) -> dict[str, Any]:
        """Everything as JSON: a list with a number a band for each of mean, std (of the population), min, max.

        A band without a valid value gets mean 0, std 1, min 0, max 1, which a reader can divide by; its count is 0.
        """
        means, stds = zip(*(self._moments(band) for band in range(len(self.count))), strict=True)
        some = self.count > 0
        summary: dict[str, Any] = {
            "mean": list(means),
            "std": list(stds),
            "min": np.where(some, self.low, 0.0).tolist(),
            "max": np.where(some, self.high, 1.0).tolist(),
            "count": self.count.tolist(),
            "nodata": self.nodata.tolist(),
        }
        if self.classes:
            summary["classes"] = [{str(value): each[value] for value in sorted(each)} for each in self.classes]
        return summary

    def _moments(self, band: int) -> tuple[float, float]:
        count, first, second = int(self.count[band]), self._first[band], self._second[band]
        if not count:
            return 0.0, 1.0
        if self._exact:
            return first / count, math.sqrt((count * second - first * first) / (count * count))
        return float(first), math.sqrt(second / count)


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The distinct values, and how often each occurs."""
    if values.dtype.kind == "f":
        return np.unique(values, return_counts=True)
    if (values == values[0]).all():  # as most masks are; ten times faster
        return values[:1], np.array([values.size])
    codes = values.view(f"u{values.dtype.itemsize}")  # what `bincount` can count: none is below zero
    times = np.bincount(codes)
    found = np.flatnonzero(times)
    return found.astype(codes.dtype).view(values.dtype), times[found]


def _ends(dtype: np.dtype[Any]) -> tuple[float, float]:
    """The least and the greatest value that a dtype holds."""
    if dtype.kind == "f":
        return -math.inf, math.inf
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


class LayerStatistics:
    """The sums of several layers, apart by variant."""

    def __init__(self, layers: Sequence[LayerDescription]) -> None:
        self._layers = {layer.name: layer for layer in layers}
        self.sums: dict[str, BandStatistics] = {}

    def add(self, name: str, variant: str | None, values: NDArray[Any]) -> None:
        """Counts in a layer's values: (bands, any number)."""
        layer = self._layers[name]
        key = layer.stat_name(variant)
        if key not in self.sums:
            self.sums[key] = BandStatistics(layer)
        self.sums[key].add(values)

    def add_vectors(self, name: str, variants: Sequence[str | None], values: NDArray[Any]) -> None:
        """Counts in a vector layer's values of several rows: (rows, bands)."""
        keys = [self._layers[name].stat_name(variant) for variant in variants]
        for key in dict.fromkeys(keys):
            chosen = [row for row, own in enumerate(keys) if own == key]
            self.add(name, variants[chosen[0]], np.ascontiguousarray(values[chosen].T))

    def merge(self, other: "LayerStatistics") -> None:
        """Counts in what another one has gathered of the rows that follow."""
        for key, sums in other.sums.items():
            if key in self.sums:
                self.sums[key].merge(sums)
            else:
                self.sums[key] = sums

    def results(self, name: str) -> dict[str, dict[str, Any]]:
        """A layer's entries of the band statistics; also of a variant that no tile has."""
        layer = self._layers[name]
        extra = [layer.name] if layer.name in self.sums and layer.variants else []
        return {key: (self.sums.get(key) or BandStatistics(layer)).result() for key in [*layer.stat_names(), *extra]}
