"""Statistics of a layer's bands: the table of statistics, and the sums (exact for integers) they are computed from.

Sums are merged in the order of the rows. Integers are summed as integers, without rounding. Floats are merged by Chan,
Golub and LeVeque 1979 (Updating formulae and a pairwise algorithm for computing sample variances): a mean and the
squares around it, in float64, so that a large mean costs no digits.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.layers import LayerDescription

_PIECE = 1 << 20
"""Values of a band that are squared and summed at once: in float64, the sum of 2^20 squares of 16 bits is exact."""

_BLOCK_ROWS, _BLOCK_BYTES = 16, 1 << 25
"""Rows of a block, at most, and bytes: what a worker holds and sends at once."""

_as_integers = np.frompyfunc(int, 1, 1)
"""Converts an array of numbers, or one number, to Python's integers, which do not overflow."""

_TYPICAL_BANDS = 30
"""Bands of a stack of all published modalities."""


def block_rows(size: int) -> int:
    """How many rows of tiles of that size are counted together.

    It depends on nothing else, so that sums are the same to the last bit for any workers, layers and order of work.
    """
    return max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // (size * size * 4 * _TYPICAL_BANDS)))


@frozen(kw_only=True)
class BandCounts:
    """What is known of all values of one band, from which its statistics are computed.

    Attributes:
        count: valid values.
        nodata: missing values.
        mean: of the valid values.
        std: their standard deviation (of the population), which rounding can make greater than 0 in a constant band.
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


@frozen
class Statistic:
    """One statistic of a band: how it is computed and compared. Everything that handles statistics reads it.

    Attributes:
        name: its key in band_stats.json, and its heading in the report.
        value: computes it.
        empty: its value for a band without a valid value; None if `value` computes that too.
        allowed: for a statistic of the mean or deviation, which are sums of floats and so depend on the order of the
            values: by how much its two values may differ that were computed in different orders. None if it follows
            from counts, extremes or classes, which are exact. `verify`, which counts these over all rows, compares a
            statistic with `allowed` only if its sample has all rows.
        of_classes: whether it is for layers of classes only.
        older: the statistic under which files of earlier versions have the same value; None if they have it.
        shown: whether the report's table has a column for it.
    """

    name: str
    value: Callable[[BandCounts], Any]
    empty: float | None = None
    allowed: Callable[[BandCounts], float] | None = None
    of_classes: bool = False
    older: str | None = None
    shown: bool = True


ROUNDING = 1e-9
"""Relative to mean and deviation: what two ways of summing in float64 may differ by."""


def _rounding(band: BandCounts) -> float:
    return ROUNDING * (abs(band.mean) + band.std)


def _true_std(band: BandCounts) -> float:
    return band.std if band.low < band.high else 0.0


def _top(band: BandCounts) -> float:
    """The greatest value; of a constant band, a greater number, also in float32."""
    return band.high if band.low < band.high else band.low + max(1.0, float(np.spacing(np.float32(abs(band.low)))))


def _std_rounding(band: BandCounts) -> float:
    return max(_rounding(band), math.ulp(1.0))


def _class_table(band: BandCounts) -> dict[str, int]:
    return {str(value): band.classes[value] for value in sorted(band.classes)}


# A row that follows from the fields of `BandCounts` needs no other change. A new field has to be filled wherever one is
# made: in `BandStatistics`, from values and in `add_entry`; and in mmearth-curate (`verify/value_counts.py`).
STATISTICS = [
    Statistic("mean", lambda band: band.mean, 0.0, _rounding),
    Statistic("std", lambda band: _true_std(band) or 1.0, 1.0, _std_rounding),
    Statistic("min", lambda band: band.low, 0.0),
    Statistic("max", _top, 1.0),
    Statistic("count", lambda band: band.count, shown=False),
    Statistic("nodata", lambda band: band.nodata, shown=False),
    Statistic("true_std", _true_std, 1.0, _std_rounding, older="std", shown=False),
    Statistic("true_max", lambda band: band.high, 1.0, older="max", shown=False),
    Statistic("classes", _class_table, of_classes=True, shown=False),
]
"""The table of statistics. Readers divide by `std` and by `max - min`, so both are 1 where all valid values are equal.
`true_std` and `true_max` are the real ones. Without a valid value, `std`, `max` and these are 1.

`post` writes, `merge` joins, `verify` checks and `report` shows what is listed here, in this order. A dataset made
before a statistic was added gets it from the next `post`, which counts its layers again.
"""


def statistics_of(layer: LayerDescription) -> Iterator[Statistic]:
    """The statistics that a layer's bands have."""
    return (each for each in STATISTICS if not each.of_classes or layer.has_classes)


def value_of(statistic: Statistic, band: BandCounts) -> Any:
    """A band's statistic, also where it has no valid value."""
    return statistic.value(band) if band.count or statistic.empty is None else statistic.empty


def stats_entry(layer: LayerDescription, bands: Sequence[BandCounts]) -> dict[str, list[Any]]:
    """An entry of band_stats.json: for each statistic that the layer has, one value per band."""
    return {each.name: [value_of(each, band) for band in bands] for each in statistics_of(layer)}


def are_possible(layer: LayerDescription, stats: Mapping[str, Any]) -> bool:
    """Whether a layer's entries of band_stats.json have what must be known of each band, and values can have it."""
    keys = [key for key in layer.stat_keys() if key in stats or key in layer.stat_names()]
    return all(_is_possible(layer, stats.get(key)) for key in keys)


def _is_possible(layer: LayerDescription, entry: Any) -> bool:
    try:
        count, nodata, std, low, mean, high = _numbers(layer, entry, "count", "nodata", "std", "min", "mean", "max")
        counted = [sum(own.values()) for own in entry["classes"]] if layer.has_classes else count.tolist()
    except (AttributeError, KeyError, TypeError):
        return False
    slack = ROUNDING * (np.abs(mean) + std)
    possible = (low - slack <= mean) & (mean <= high + slack) & (std >= 0) & (count >= 0) & (nodata >= 0)
    return bool(possible.all()) and counted == count.tolist()


def _numbers(layer: LayerDescription, entry: Any, *names: str) -> Iterator[NDArray[np.float64]]:
    """Statistics of an entry of band_stats.json, each with one number per band; `KeyError` where one is missing."""
    for name in names:
        numbers = layer.stat_numbers(entry, name)
        if numbers is None:
            raise KeyError(name)
        yield numbers


def stats_digest(layer: LayerDescription, stats: Mapping[str, Any]) -> str:
    """A checksum of a layer's entries of band_stats.json, by which `post` notices that they were changed."""
    own = {key: stats[key] for key in layer.stat_keys() if key in stats}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def have_steps(layers: Iterable[LayerDescription], stats: Mapping[str, Any]) -> bool:
    """Whether band statistics have entries of single time steps."""
    return any(step in stats for layer in layers for key in layer.stat_keys() for step in layer.step_keys(key))


def joined_entries(layer: LayerDescription, parts: Collection[Mapping[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """A layer's entries for all rows of some datasets, from those of each; of time steps only if all parts have them.

    Raises:
        LookupError, AttributeError, TypeError, ValueError: when an entry does not have what must be known of a band.
    """
    entries = {}
    for key in layer.stat_keys():
        own = [part for part in parts if key in part]
        for each in (key, *layer.step_keys(key)) if own else ():
            if all(each in part for part in own):
                statistics = BandStatistics(layer, keeps_sums=False)
                for part in own:
                    statistics.add_entry(part[each])
                entries[each] = statistics.result()
    return entries


class BandStatistics:
    """The statistics of each of a layer's bands over the values added so far.

    Of integers and classes, sums and sums of squares are kept, as Python's integers, which do not overflow. Of floats,
    means and the squares around them are kept, and of integers too if not `keeps_sums`.

    Attributes:
        size: values of each band, valid or not.
    """

    def __init__(self, layer: LayerDescription, keeps_sums: bool = True) -> None:
        bands = len(layer.bands)
        self.size = 0
        self._layer = layer
        self._exact = keeps_sums and (np.dtype(layer.dtype).kind in "iu" or layer.has_classes)
        self._count = np.zeros(bands, np.int64)
        self._low, self._high = np.full(bands, np.inf), np.full(bands, -np.inf)
        self._classes = [Counter[int]() for _ in range(bands)] if layer.has_classes else []
        self._first = np.zeros(bands, object if self._exact else np.float64)
        self._second = self._first.copy()

    def add(self, values: NDArray[Any]) -> None:
        """Counts some values.

        Args:
            values: (bands, any number) of the layer's dtype.
        """
        self.size += values.shape[1]
        if self._layer.is_map:
            # One band at a time, as its values stay in the processor's cache.
            for band, own in enumerate(values):
                for start in range(0, own.size, _PIECE):
                    self._add_map(band, own[start : start + _PIECE])
        else:
            self._add_vectors(values)

    def _add_map(self, band: int, values: NDArray[Any]) -> None:
        low, high = values.min(), values.max()
        # NaN among the values makes both NaN. Values are only tested one by one if they may include the no-data.
        if not (math.isfinite(low) and math.isfinite(high)) or any(
            low <= each <= high for each in (self._layer.fill, *self._layer.also_missing)
        ):
            values = values[self._layer.valid(values)]
            if not values.size:
                return
            low, high = values.min(), values.max()
        self._low[band] = min(self._low[band], low)
        self._high[band] = max(self._high[band], high)
        if self._classes:
            times = {int(low): values.size} if low == high else _times(values)
            self._classes[band].update(times)
            first, second = (sum(value**power * count for value, count in times.items()) for power in (1, 2))
            self._join(band, values.size, first, second)
        else:
            self._add_sums(band, values.size, values.astype(np.float64))

    def _add_vectors(self, values: NDArray[Any]) -> None:
        # All bands at once, as they are many and have few values each.
        valid = self._layer.valid(values)
        numbers = np.where(valid, values, 0).astype(np.float64)
        self._low = np.minimum(self._low, np.min(numbers, axis=1, where=valid, initial=np.inf))
        self._high = np.maximum(self._high, np.max(numbers, axis=1, where=valid, initial=-np.inf))
        some = np.flatnonzero(valid.any(axis=1))
        self._add_sums(some, np.count_nonzero(valid[some], axis=1), numbers[some], valid[some])

    def _add_sums(self, bands: Any, count: Any, numbers: NDArray[np.float64], valid: Any = True) -> None:
        """Adds values of one band, (any number,), or of several, (bands, any number); those not valid are 0."""
        first: Any = numbers.sum(axis=-1)
        if not self._exact:
            first = first / count
            np.subtract(numbers, first[..., None], out=numbers, where=valid)
        second: Any = np.einsum("...i,...i", numbers, numbers)
        if self._exact:  # float64 holds the sums of a piece exactly, and those of a dataset may exceed 64 bits
            first, second = _as_integers(first), _as_integers(second)
        self._join(bands, count, first, second)

    def _join(self, bands: Any, count: Any, first: Any, second: Any) -> None:
        """Adds the sums of further values of some bands, as they are kept."""
        if not self._exact:
            # Chan's formula: the means differ, so the squares around the common one are larger than their sum.
            own = self._count[bands]
            share, apart = count / (own + count), first - self._first[bands]
            first, second = apart * share, second + apart * apart * (own * share)
        self._count[bands] += count
        self._first[bands] += first
        self._second[bands] += second

    def add_entry(self, entry: Mapping[str, Any]) -> None:
        """Adds the values that an entry of band_stats.json summarises; only without sums, as it has none.

        Raises:
            LookupError, AttributeError, TypeError, ValueError: when it does not have what must be known of every band.
        """
        std, high = ("true_std", "true_max") if "true_std" in entry else ("std", "max")
        known = _numbers(self._layer, entry, "count", "nodata", "mean", std, "min", high)
        counts, nodata, means, stds, lows, highs = known
        self.size += int(counts[0] + nodata[0])
        some = np.flatnonzero(counts)  # of the other bands, mean, deviation and extremes are only placeholders
        self._low[some] = np.minimum(self._low, lows)[some]
        self._high[some] = np.maximum(self._high, highs)[some]
        for own, times in zip(self._classes, entry["classes"] if self._classes else (), strict=True):
            own.update({int(value): number for value, number in times.items()})
        self._join(some, counts[some].astype(np.int64), means[some], (stds * stds * counts)[some])

    def merge(self, other: "BandStatistics") -> None:
        """Adds the sums of other rows, which come after these: the order decides how floats are rounded."""
        self.size += other.size
        self._low = np.minimum(self._low, other._low)
        self._high = np.maximum(self._high, other._high)
        for own, more in zip(self._classes, other._classes, strict=True):
            own.update(more)
        some = np.flatnonzero(other._count)
        self._join(some, other._count[some], other._first[some], other._second[some])

    def result(self) -> dict[str, list[Any]]:
        """The entry of band_stats.json."""
        return stats_entry(self._layer, [self._counts(band) for band in range(len(self._count))])

    def _counts(self, band: int) -> BandCounts:
        count, first, second = int(self._count[band]), self._first[band], self._second[band]
        mean, std = 0.0, 1.0
        if count and self._exact:
            mean, std = first / count, math.sqrt((count * second - first * first) / (count * count))
        elif count:
            mean, std = float(first), math.sqrt(second / count)
        low, high, nodata = float(self._low[band]), float(self._high[band]), self.size - count
        classes = self._classes[band] if self._classes else {}
        return BandCounts(count=count, nodata=nodata, mean=mean, std=std, low=low, high=high, classes=classes)


def _times(values: NDArray[Any]) -> dict[int, int]:
    """How often each value occurs."""
    if values.dtype.kind == "f":
        distinct, times = np.unique(values.astype(np.int64), return_counts=True)
    else:  # ten times faster than sorting; integers of layers have at most 16 bits
        least = int(values.min())
        times = np.bincount(values.astype(np.intp) - least)
        distinct = np.flatnonzero(times) + least
        times = times[times > 0]
    return dict(zip(distinct.tolist(), times.tolist(), strict=True))


class LayerStatistics:
    """The statistics of several layers, separate for each variant and time step."""

    def __init__(self, layers: Sequence[LayerDescription]) -> None:
        self._layers = {layer.name: layer for layer in layers}
        self._sums = {
            key: [BandStatistics(layer) for _ in range(layer.steps or 1)]
            for layer in layers
            for key in layer.stat_keys()
        }

    def add(self, name: str, variant: str | None, values: NDArray[Any]) -> None:
        """Counts a layer's values of a row: its shape, or (steps * bands, any number)."""
        layer = self._layers[name]
        sums = self._sums[layer.stat_name(variant)]
        for own, step in zip(sums, values.reshape(len(sums), len(layer.bands), -1), strict=True):
            own.add(step)

    def add_vectors(self, name: str, variants: Sequence[str | None], values: NDArray[Any]) -> None:
        """Counts a vector layer's values of several rows: (rows, bands), or (rows, steps, bands)."""
        layer = self._layers[name]
        keys = [layer.stat_name(variant) for variant in variants]
        by_step = values.reshape(len(values), layer.steps or 1, len(layer.bands))
        for key in dict.fromkeys(keys):
            chosen = by_step[[row for row, own in enumerate(keys) if own == key]]
            for own, step in zip(self._sums[key], chosen.transpose(1, 2, 0), strict=True):
                own.add(np.ascontiguousarray(step))

    def merge(self, other: "LayerStatistics") -> None:
        """Adds the sums of the rows that follow."""
        for key, steps in other._sums.items():
            for own, more in zip(self._sums[key], steps, strict=True):
                own.merge(more)

    def entries(self, by_step: bool = False) -> dict[str, dict[str, Any]]:
        """The entries of band_stats.json, also those of variants that no tile has.

        Args:
            by_step: also those of each time step.
        """
        entries = {}
        for layer in self._layers.values():
            for key in layer.stat_keys():
                total = BandStatistics(layer)
                for step in self._sums[key]:
                    total.merge(step)
                # A layer with variants has an entry of its own name only if some tiles have no variant.
                if total.size or key in layer.stat_names():
                    entries[key] = total.result()
                    if by_step:
                        entries |= zip(layer.step_keys(key), (step.result() for step in self._sums[key]), strict=False)
        return entries
