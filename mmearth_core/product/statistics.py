"""Statistics of a layer's bands: the table of what there is, and exact sums that are merged in the order of the rows.

Integers are summed as integers, with no rounding at all. Floats are merged by Chan, Golub and LeVeque 1979 (Updating
formulae and a pairwise algorithm for computing sample variances): a mean and the squares around it, in float64, so
that a large mean costs no digits.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.layers import LayerDescription

_PIECE = 1 << 20
"""Values of a band that are squared and summed at once: in float64, the sum of 2^20 squares of 16 bits is exact."""


_BLOCK_ROWS, _BLOCK_BYTES = 16, 1 << 25
"""Rows of a block, at most, and bytes: what a worker holds and sends at once."""

_TYPICAL_BANDS = 30
"""Bands of a stack of all published modalities."""


def block_rows(size: int) -> int:
    """How many rows of tiles of that size are counted together.

    It depends on nothing else, so that sums are the same to the last bit for any workers, layers and order of work.
    """
    return max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // (size * size * 4 * _TYPICAL_BANDS)))


@frozen
class BandCounts:
    """What is known of all values of one band, from which its statistics are computed.

    Attributes:
        count: valid values.
        nodata: missing values.
        mean: of the valid values.
        std: their standard deviation (of the population).
        low: least valid value.
        high: greatest valid value.
        classes: of a layer of classes, how often each value occurs.
    """

    count: int
    nodata: int
    mean: float
    std: float
    low: float
    high: float
    classes: Mapping[int, int]


Part = Mapping[str, Any]
"""The statistics of one band over some rows, by name."""


@frozen
class Statistic:
    """One statistic of a band: how it is computed, merged and compared. Everything that handles statistics reads it.

    Attributes:
        name: its key in band_stats.json, and its heading in the report.
        value: computes it.
        merge: computes it for joined rows, from the statistics of the parts. If `empty` is given, parts without a valid
            value are left out; if it is None, all parts are passed.
        empty: its value for a band without a valid value; None if `value` computes that too.
        allowed: by how much two ways of computing it may differ, given what is known of the band; None for not at all.
        of_classes: whether it is for layers of classes only.
        shown: whether the report's table has a column for it.
    """

    name: str
    value: Callable[[BandCounts], Any]
    merge: Callable[[Sequence[Part]], Any]
    empty: float | None = None
    allowed: Callable[[BandCounts], float] | None = None
    of_classes: bool = False
    shown: bool = True


ROUNDING = 1e-9
"""Relative to mean and deviation: what two ways of summing in float64 may differ by."""


def _rounding(band: BandCounts) -> float:
    return ROUNDING * (abs(band.mean) + band.std)


def _moments(parts: Sequence[Part]) -> tuple[float, float]:
    """Mean and standard deviation of all values, by the formula above."""
    count, mean, squares = 0, 0.0, 0.0
    for part in parts:
        more, apart = part["count"], part["mean"] - mean
        both = count + more
        mean += apart * (more / both)
        squares += part["std"] * part["std"] * more + apart * apart * (count * (more / both))
        count = both
    return mean, math.sqrt(squares / count)


def _text_keys(classes: Mapping[int, int]) -> dict[str, int]:
    return {str(value): classes[value] for value in sorted(classes)}


def _joined_classes(parts: Sequence[Part]) -> dict[str, int]:
    joined = Counter[int]()
    for part in parts:
        joined.update({int(value): times for value, times in part["classes"].items()})
    return _text_keys(joined)


def _total(name: str) -> Callable[[Sequence[Part]], Any]:
    return lambda parts: sum(part[name] for part in parts)


STATISTICS = [
    Statistic("mean", lambda band: band.mean, lambda parts: _moments(parts)[0], 0.0, _rounding),
    Statistic(
        name="std",
        value=lambda band: band.std,
        merge=lambda parts: _moments(parts)[1],
        empty=1.0,
        allowed=lambda band: max(_rounding(band), math.ulp(1.0)),
    ),
    Statistic("min", lambda band: band.low, lambda parts: min(part["min"] for part in parts), 0.0),
    Statistic("max", lambda band: band.high, lambda parts: max(part["max"] for part in parts), 1.0),
    Statistic("count", lambda band: band.count, _total("count"), shown=False),
    Statistic("nodata", lambda band: band.nodata, _total("nodata"), shown=False),
    Statistic("classes", lambda band: _text_keys(band.classes), _joined_classes, of_classes=True, shown=False),
]
"""The table of statistics. A reader can divide by `std` and by `max - min` also where a band has no valid value.

`post` writes, `merge` joins, `verify` checks and `report` shows what is listed here, in this order. A dataset made
before a statistic was added gets it from the next `post`, which counts its layers again.
"""


def statistics_of(layer: LayerDescription) -> Iterator[Statistic]:
    """The statistics that a layer's bands have."""
    return (each for each in STATISTICS if not each.of_classes or layer.has_classes)


def value_of(statistic: Statistic, band: BandCounts) -> Any:
    """A band's statistic, also where it has no valid value."""
    return statistic.value(band) if band.count or statistic.empty is None else statistic.empty


class BandStatistics:
    """The statistics of each of a layer's bands over the values added so far.

    Attributes:
        count: valid values of each band.
        nodata: missing values.
        low: least valid value; inf without one.
        high: greatest valid value; -inf without one.
        classes: of a layer of classes, for each band how often each value occurs.
    """

    def __init__(self, layer: LayerDescription) -> None:
        bands = len(layer.bands)
        self._layer = layer
        self._exact = np.dtype(layer.dtype).kind in "iu"
        self.count = np.zeros(bands, np.int64)
        self.nodata = np.zeros(bands, np.int64)
        self.low = np.full(bands, np.inf)
        self.high = np.full(bands, -np.inf)
        self.classes = [Counter[int]() for _ in range(bands)] if layer.has_classes else []
        # Exact: sums and sums of squares, Python's integers. Otherwise: means, and squares around them.
        self._first = np.zeros(bands, object if self._exact else np.float64)
        self._second = self._first.copy()

    def add(self, values: NDArray[Any]) -> None:
        """Counts some values.

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
        # One band at a time, as its values stay in the processor's cache.
        size, times = values.size, None
        if self.classes:
            values, times = _distinct(values)
        low, high = values.min(), values.max()
        # NaN among the values makes both NaN. Values are only tested one by one if they may include the no-data.
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
        # All bands at once, as they are many and have few values each.
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
        some = np.flatnonzero(count)
        mean = total[some] / count[some]
        apart = np.where(valid[some], numbers[some] - mean[:, None], 0.0)
        self._join(some, count[some], mean, np.einsum("ij,ij->i", apart, apart))

    def merge(self, other: "BandStatistics") -> None:
        """Adds the sums of other rows, which come after these."""
        self.nodata += other.nodata
        self.low = np.minimum(self.low, other.low)
        self.high = np.maximum(self.high, other.high)
        for own, more in zip(self.classes, other.classes, strict=True):
            own.update(more)
        if self._exact:
            self._first += other._first
            self._second += other._second
            self.count += other.count
        else:
            some = np.flatnonzero(other.count)
            self._join(some, other.count[some], other._first[some], other._second[some])

    def _join(self, bands: Any, count: Any, mean: Any, squares: Any) -> None:
        own = self.count[bands]
        both = own + count
        apart = mean - self._first[bands]
        self._first[bands] += apart * (count / both)
        self._second[bands] += squares + apart * apart * (own * (count / both))
        self.count[bands] = both

    def result(self) -> dict[str, list[Any]]:
        """Everything as JSON: for each row of `STATISTICS` that the layer has, one value per band."""
        bands = [self._counts(band) for band in range(len(self.count))]
        return {each.name: [value_of(each, band) for band in bands] for each in statistics_of(self._layer)}

    def _counts(self, band: int) -> BandCounts:
        count, first, second = int(self.count[band]), self._first[band], self._second[band]
        mean, std = 0.0, 1.0
        if count and self._exact:
            mean, std = first / count, math.sqrt((count * second - first * first) / (count * count))
        elif count:
            mean, std = float(first), math.sqrt(second / count)
        classes = self.classes[band] if self.classes else {}
        low, high = float(self.low[band]), float(self.high[band])
        return BandCounts(count, int(self.nodata[band]), mean, std, low, high, classes)


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The distinct values, and how often each occurs."""
    if values.dtype.kind == "f":
        return np.unique(values, return_counts=True)
    if (values == values[0]).all():  # as most masks are; ten times faster
        return values[:1], np.array([values.size])
    codes = values.view(f"u{values.dtype.itemsize}")  # `bincount` counts no negative numbers
    times = np.bincount(codes)
    found = np.flatnonzero(times)
    return found.astype(codes.dtype).view(values.dtype), times[found]


def _ends(dtype: np.dtype[Any]) -> tuple[float, float]:
    """The least and the greatest value that a dtype holds."""
    if dtype.kind == "f":
        return -math.inf, math.inf
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


class LayerStatistics:
    """The statistics of several layers, separate for each variant."""

    def __init__(self, layers: Sequence[LayerDescription]) -> None:
        self._layers = {layer.name: layer for layer in layers}
        self.sums: dict[str, BandStatistics] = {}

    def add(self, name: str, variant: str | None, values: NDArray[Any]) -> None:
        """Counts a layer's values: (bands, any number)."""
        layer = self._layers[name]
        key = layer.stat_name(variant)
        if key not in self.sums:
            self.sums[key] = BandStatistics(layer)
        self.sums[key].add(values)

    def add_vectors(self, name: str, variants: Sequence[str | None], values: NDArray[Any]) -> None:
        """Counts a vector layer's values of several rows: (rows, bands)."""
        keys = [self._layers[name].stat_name(variant) for variant in variants]
        for key in dict.fromkeys(keys):
            chosen = [row for row, own in enumerate(keys) if own == key]
            self.add(name, variants[chosen[0]], np.ascontiguousarray(values[chosen].T))

    def merge(self, other: "LayerStatistics") -> None:
        """Adds the sums of the rows that follow."""
        for key, sums in other.sums.items():
            if key in self.sums:
                self.sums[key].merge(sums)
            else:
                self.sums[key] = sums

    def entries(self) -> dict[str, dict[str, Any]]:
        """The entries of band_stats.json, also those of variants that no tile has."""
        found = {}
        for layer in self._layers.values():
            for key in dict.fromkeys([*layer.stat_names(), layer.name]):
                # A layer with variants has an entry of its own name only if some tiles have no variant.
                if key in self.sums or key in layer.stat_names():
                    found[key] = (self.sums.get(key) or BandStatistics(layer)).result()
        return found
