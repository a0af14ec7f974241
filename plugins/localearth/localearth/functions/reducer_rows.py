"""Reducers of several inputs, and reducers that collect, count or group values."""

from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.reducer import column_of
from localearth.functions.support import check_count, one_output, refuse
from localearth.registry import function
from localearth.values import combined_reducers as combined
from localearth.values import histograms
from localearth.values import row_reducers as rows
from localearth.values.collection import Collection, of_elements
from localearth.values.feature import Feature
from localearth.values.pixel_type import LIMITS, PixelType
from localearth.values.reducer import BUILTIN, Reducer, Stack, Valid, Weights

_WHERE = "For lists, tables, reduceRegion and reduceRegions."
_OWN = " Each copy drops the nulls of its own inputs (assumed)."
_BUCKETS = (
    "Buckets start at multiples of their width: the smallest power of 2, times `minBucketWidth`, that needs at most "
    "`maxBuckets`, 256 by default; 1 where all values are equal. `maxRaw` has no influence (assumed)."
)


@function("Reducer.toList", note=_WHERE)
def to_list(size: int | None, optional: int) -> Reducer:
    """Collects its inputs."""
    _check_optional(optional, size or 1)
    return rows.to_list(size, optional)


def _check_optional(optional: int, count: int) -> None:
    """Refuses more optional inputs than there are; all may be optional, as in toList(2, 2), which programs call."""
    if not 0 <= optional <= count:
        raise EarthEngineError(f"numOptional must be between 0 and {count}, not {optional}.")


@function("Reducer.frequencyHistogram", note=_WHERE + " Whole numbers are keys without a point, as 1 (assumed).")
def frequencies() -> Reducer:
    """The number of each value."""
    return rows.FREQUENCIES


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


@function("Reducer.repeat", note=_WHERE + _OWN)
def repeat(reducer: Reducer, count: int) -> Reducer:
    """Copies of a reducer, whose outputs are lists."""
    if count < 1:
        raise EarthEngineError("count must be positive.")
    return combined.repeated(reducer, count)


@function("Reducer.forEach", note=_WHERE + _OWN)
def for_each(reducer: Reducer, names: list[str]) -> Reducer:
    """A copy of a reducer for each name."""
    one_output(reducer)
    if len(set(names)) < len(names):
        raise EarthEngineError("argument 'outputNames': different names are needed.")
    return combined.side_by_side([reducer] * len(names), tuple(names))


@function("Reducer.group", note=_WHERE + " Rows with a null are dropped (assumed).")
def group(reducer: Reducer, field: int, name: str) -> Reducer:
    """A reducer for the rows of each value of a field."""
    return combined.grouped(reducer, field, name)


@function(
    "Reducer.splitWeights",
    note=_WHERE + " Reducers of one input, and copies of them: first all values, then all weights.",
)
def split_weights(reducer: Reducer) -> Reducer:
    """A reducer with a second input for its weights."""
    return combined.split(reducer)


@function("Reducer.linearFit", note="Not for Image.reduce. Rows with a null are dropped (assumed).")
def linear_fit() -> Reducer:
    """The slope and the offset of a line."""
    return rows.LINE


def _runs(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    counts = []
    for i in range(values.shape[1]):
        column = values[valid[:, i], i]
        counts.append(int(len(column) > 0) + int((column[1:] != column[:-1]).sum()))
    return [(np.asarray(counts), np.ones(values.shape[1], bool))]


@function("Reducer.toCollection", note=_WHERE + " The output is named `features` (assumed).")
def to_collection(names: list[str], optional: int) -> Reducer:
    """Collects its inputs as features without a geometry."""
    if len(set(names)) < len(names):
        raise EarthEngineError("Different propertyNames are needed.")
    _check_optional(optional, len(names))

    def collect(table: rows.Rows, _weights: Any) -> list[Any]:
        named = (zip(names, row, strict=True) for row in table)
        features = [Feature(None, {name: value for name, value in row if value is not None}) for row in named]
        return [of_elements(features, False)]

    return rows.of_rows(("features",), len(names), collect, optional=optional)


@function("Reducer.disaggregate", note=_WHERE + " `axis` is refused: a part of an array would be an array.")
def disaggregate(reducer: Reducer, axis: int | None) -> Reducer:
    """A reducer of the items of arrays, lists and dictionaries."""
    if axis is not None:
        raise refuse("axis", axis, "leave it out")
    return combined.disaggregated(reducer)


@function("Reducer.forEachElement", note=_WHERE + " Reducers of one number. Arrays of doubles (assumed).")
def for_each_element(reducer: Reducer) -> Reducer:
    """A reducer of each position of arrays."""
    return combined.of_positions(reducer)


@function("Reducer.countEvery", note="Masked pixels do not count (documented for all reducers of pixels).")
def count_every() -> Reducer:
    """The number of inputs, also of null ones."""
    return rows.COUNT_EVERY


@function("Reducer.countDistinctNonNull")
def count_distinct() -> Reducer:
    """The number of different values that are not null."""
    return rows.DISTINCT_NON_NULL


@function("Reducer.countDistinct", note="Masked pixels do not count; a null of a list or a table does (assumed).")
def count_distinct_all() -> Reducer:
    """The number of different values."""
    return rows.DISTINCT


@function("Reducer.countRuns")
def count_runs() -> Reducer:
    """The number of runs of equal values."""
    return Reducer(("count",), _runs, BUILTIN["count"].types, exact=True)


def _bits(combine: np.ufunc, start: int) -> Reducer:
    def apply(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
        numbers = np.where(valid, values, start)
        if numbers.dtype.kind == "f" and (numbers != np.trunc(numbers)).any():
            raise EarthEngineError("The reducer needs whole numbers.")
        found = combine.reduce(numbers.astype(np.int64), axis=0)
        return [(found, np.asarray(valid.any(axis=0)))]

    return Reducer(("bitwiseOr" if start == 0 else "bitwiseAnd",), apply, _long, exact=True)


def _long(kind: PixelType, _n: int | None) -> tuple[PixelType, ...]:
    return (LIMITS[kind.dtype_name] if kind.is_integer else LIMITS["int64"],)


@function("Reducer.bitwiseOr")
def bitwise_or() -> Reducer:
    """The bitwise or of its inputs."""
    return _bits(np.bitwise_or, 0)


@function("Reducer.bitwiseAnd")
def bitwise_and() -> Reducer:
    """The bitwise and of its inputs."""
    return _bits(np.bitwise_and, -1)


@function(
    "Collection.reduceColumns",
    note="One weight for all inputs. Rows with a null where the reducer allows none are dropped.",
)
def reduce_columns(collection: Collection, reducer: Reducer, names: list[str], weights: list[str] | None) -> Any:
    """Properties reduced over all elements."""
    inputs = reducer.inputs
    if len(names) != inputs:
        raise EarthEngineError(f"The reducer needs {inputs} selectors, not {len(names)}.")
    table = list(zip(*(column_of(collection, name) for name in names), strict=True))
    weight = None
    if weights is not None:
        if len(weights) != 1 or inputs != 1 or not reducer.weighted:
            raise refuse("weightSelectors", weights, "give one, for a weighted reducer with one input")
        weight = column_of(collection, weights[0])
        if any(value is None or value < 0 for value in weight):
            raise EarthEngineError(f"Property '{weights[0]}' must be a number of at least 0 in every element.")
    return dict(zip(reducer.outputs, rows.collected(reducer, table, weight), strict=True))
