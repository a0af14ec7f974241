"""Histograms: counts in buckets that are given, or chosen from the values."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.values.array import Array
from localearth.values.pixel_type import DOUBLE
from localearth.values.projection import whole
from localearth.values.reducer import Stack, Valid
from localearth.values.row_reducers import RowReducer, Rows, numbers_of, of_rows

Floats = NDArray[np.floating[Any]]

MAX_BUCKETS = 256
"""Used without `maxBuckets`; the default of the Code Editor's `ui.Chart.image.histogram` and of geemap's charts."""


@frozen(eq=False)
class Buckets:
    """Neighbouring buckets of equal width, which include their lower edge.

    Attributes:
        start: the lower edge of the first bucket.
        width: the width.
        counts: the sum of the weights of the values in each bucket.
        means: the weighted mean of these values; the middle of a bucket without values.
    """

    start: float
    width: float
    counts: Floats
    means: Floats

    def info(self) -> dict[str, Any]:
        """The dictionary of `Reducer.histogram`."""
        return {
            "bucketMeans": [whole(value) for value in self.means.tolist()],
            "bucketMin": whole(self.start),
            "bucketWidth": whole(self.width),
            "histogram": [whole(value) for value in self.counts.tolist()],
        }

    def table(self, cumulative: bool) -> Array:
        """Lower edges and counts, (n, 2), as `Reducer.autoHistogram` and `fixedHistogram` give them."""
        edges = self.start + self.width * np.arange(len(self.counts))
        return _table(edges, self.counts, cumulative)


def _table(edges: Floats, counts: Floats, cumulative: bool) -> Array:
    return Array(np.column_stack([edges, np.cumsum(counts) if cumulative else counts]), DOUBLE)


def buckets_of(values: Floats, weights: Floats, most: int, least: float | None) -> Buckets:
    """The buckets of one or more values.

    The edges are multiples of the width, which is the smallest `least` times a power of 2, or any power of 2 without
    `least`, that needs at most `most` buckets from the smallest to the largest value. So neither the order of the
    values nor a division into parts matters, as on a server with many machines. Where all values are equal, the width
    is `least`, or 1.

    Args:
        values: finite numbers, (n,).
        weights: their weights, (n,).
        most: the largest number of buckets, 2 or more.
        least: the smallest width.
    """
    low, high = float(values.min()), float(values.max())
    if not math.isfinite(high - low):
        raise EarthEngineError("The reducer needs finite numbers.")
    width = 1.0 if least is None else least
    if high > low:
        # A start that is surely not too large; the loop below enlarges it.
        power = math.floor(math.log2(high - low) - math.log2(most) - math.log2(width))
        width = math.ldexp(width, power if least is None else max(power, 0))
    while math.floor(high / width) - math.floor(low / width) >= most:
        width *= 2
    first = float(np.floor(low / width))
    at = (np.floor(values / width) - first).astype(np.int64)
    count = int(at.max()) + 1
    middles = (first + np.arange(count) + 0.5) * width
    # Distances from the middle have smaller rounding errors than the values.
    counts, away = (np.bincount(at, each, count).astype(float) for each in (weights, weights * (values - middles[at])))
    return Buckets(first * width, width, counts, middles + away / np.where(counts > 0, counts, 1))


def _power_of_2(count: int | None) -> int:
    if count is None:
        return MAX_BUCKETS
    if count < 2:
        raise EarthEngineError(f"argument 'maxBuckets': 2 or more, not {count}.")
    return 1 << (count - 1).bit_length()


def histogram(count: int | None, least: float | None, show: Callable[[Buckets], Any]) -> RowReducer:
    """A reducer of all values to buckets, which `show` turns into the output; null without values."""
    most = _power_of_2(count)
    if least is not None and not 0 < least < math.inf:
        raise EarthEngineError(f"argument 'minBucketWidth': must be positive, not {least}.")

    def collect(rows: Rows, weights: Sequence[float]) -> list[Any]:
        weight = np.asarray(weights, float)
        values = numbers_of(rows, 1)[weight > 0, 0]
        return [show(buckets_of(values, weight[weight > 0], most, least)) if len(values) else None]

    return of_rows(("histogram",), 1, collect, weighted=True)


def auto_histogram(count: int | None, least: float | None, cumulative: bool) -> RowReducer:
    """A reducer of buckets as an array of lower edges and counts, also for each pixel."""
    return _per_pixel(histogram(count, least, lambda buckets: buckets.table(cumulative)))


def fixed_histogram(low: float, high: float, steps: int, cumulative: bool) -> RowReducer:
    """The weights in given buckets, as an array of lower edges and counts, also for each pixel."""
    edges = low + (high - low) / steps * np.arange(steps)

    def collect(rows: Rows, weights: Sequence[float]) -> list[Any]:
        values = numbers_of(rows, 1)[:, 0]
        inside = (values >= low) & (values < high)
        at = np.searchsorted(edges, values[inside], "right") - 1
        counts = np.bincount(at, np.asarray(weights, float)[inside], steps).astype(float)
        return [_table(edges, counts, cumulative)]

    return _per_pixel(of_rows(("histogram",), 1, collect, weighted=True))


def _per_pixel(reducer: RowReducer) -> RowReducer:
    """The same reducer of rows of one number, also for each pixel of images."""

    def pixels(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
        found = np.zeros(stack.shape[2], object)
        good = np.zeros(stack.shape[2], bool)
        for i in range(len(found)):
            values = stack[valid[:, i], 0, i].tolist()
            (table,) = reducer.collect([(value,) for value in values], [1.0] * len(values))
            if values:
                found[i], good[i] = table.data, True
        return [(found, good)]

    return evolve(reducer, pixels=pixels, kinds=lambda _kinds: [evolve(DOUBLE, dimensions=2)])
