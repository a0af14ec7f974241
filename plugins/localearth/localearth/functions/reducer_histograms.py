"""Reducers that count values in buckets."""

from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions.support import check_count
from localearth.registry import function
from localearth.values import histograms
from localearth.values.reducer import Reducer

_BUCKETS = (
    "Buckets start at multiples of their width: the smallest power of 2, times `minBucketWidth`, that needs at most "
    "`maxBuckets`, 256 by default; 1 where all values are equal. `maxRaw` has no influence (assumed)."
)


@function("Reducer.histogram", note=f"Not for single pixels. {_BUCKETS} The mean of an empty bucket is its middle.")
def histogram(count: int | None, width: float | None, _raw: Any) -> Reducer:
    """Counts and means of buckets, as a dictionary."""
    check_count(count or 0, "buckets")
    return histograms.histogram(count, width, histograms.Buckets.info)


@function("Reducer.autoHistogram", note=_BUCKETS)
def auto_histogram(count: int | None, width: float | None, _raw: Any, cumulative: bool) -> Reducer:
    """The lower edges and counts of buckets."""
    check_count(count or 0, "buckets")
    return histograms.auto_histogram(count, width, cumulative)


@function("Reducer.fixedHistogram", note="A value is in the last bucket whose printed edge it reaches (assumed).")
def fixed_histogram(low: float, high: float, steps: int, cumulative: bool) -> Reducer:
    """The numbers of values in buckets of equal width."""
    if not low < high or steps < 1:
        raise EarthEngineError("min must be less than max, and steps positive.")
    check_count(steps, "buckets")
    return histograms.fixed_histogram(low, high, steps, cumulative)
