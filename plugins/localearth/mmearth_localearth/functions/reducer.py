"""Reducers, and the aggregates of a collection's properties."""

from typing import Any

import numpy as np

from mmearth_localearth.errors import EarthEngineError
from mmearth_localearth.functions.filter import field_of
from mmearth_localearth.functions.lists import ordering
from mmearth_localearth.promote import is_number
from mmearth_localearth.registry import function
from mmearth_localearth.values.collection import Collection
from mmearth_localearth.values.date import Date
from mmearth_localearth.values.projection import whole
from mmearth_localearth.values.reducer import BUILTIN, Reducer, percentiles

_HISTOGRAMS = "The histogram arguments are ignored, because all values are kept."


def _register() -> None:
    """Registers the reducers without arguments."""
    aliases = {"allNonZero": ("Reducer.and",), "anyNonZero": ("Reducer.or",)}
    for name, reducer in BUILTIN.items():
        if name in ("min", "max"):

            def counted(inputs: int, reducer: Reducer = reducer) -> Reducer:
                if inputs != 1:
                    raise EarthEngineError("argument 'numInputs': the local Earth Engine supports 1.")
                return reducer

            counted.__doc__ = f"The {name}imum."
            function(f"Reducer.{name}", note="`numInputs` 1 only.")(counted)
        elif name in ("median", "mode"):

            def ranked(_buckets: Any, _width: Any, _raw: Any, reducer: Reducer = reducer) -> Reducer:
                return reducer

            ranked.__doc__ = f"The {name}."
            function(f"Reducer.{name}", note=_HISTOGRAMS)(ranked)
        else:

            def plain(reducer: Reducer = reducer) -> Reducer:
                return reducer

            plain.__doc__ = f"The reducer with the outputs {', '.join(reducer.outputs)}."
            function(f"Reducer.{name}")(plain)
    for name, others in aliases.items():
        for other in others:

            def alias(reducer: Reducer = BUILTIN[name]) -> Reducer:
                return reducer

            alias.__doc__ = f"The same as Reducer.{name}."
            function(other)(alias)


_register()


@function("Reducer.percentile", note=f"Interpolated linearly (assumed). {_HISTOGRAMS}")
def percentile(shares: list[float], names: list[str] | None, _buckets: Any, _width: Any, _raw: Any) -> Reducer:
    """Percentiles; the outputs are named `p25` and the like."""
    outputs = [f"p{whole(float(share))}" for share in shares] if names is None else names
    if len(outputs) != len(shares):
        raise EarthEngineError(f"There are {len(shares)} percentiles, but {len(outputs)} names were given.")
    if not all(0 <= share <= 100 for share in shares):
        raise EarthEngineError("Percentiles must be between 0 and 100.")
    return percentiles([float(share) for share in shares], tuple(outputs))


@function("Reducer.combine", note="`sharedInputs` true only.")
def combine(one: Reducer, two: Reducer, prefix: str, shared: bool) -> Reducer:
    """Two reducers on the same input."""
    if not shared:
        raise EarthEngineError("argument 'sharedInputs': the local Earth Engine supports true.")
    return one.beside(two, prefix)


@function("Reducer.setOutputs")
def set_outputs(reducer: Reducer, names: list[str]) -> Reducer:
    """The reducer with other output names."""
    if len(names) != len(reducer.outputs):
        raise EarthEngineError(f"The reducer has {len(reducer.outputs)} outputs, but {len(names)} names were given.")
    return reducer.named(tuple(names))


@function("Reducer.getOutputs")
def get_outputs(reducer: Reducer) -> list[str]:
    """The output names."""
    return list(reducer.outputs)


@function("Reducer.unweighted")
def unweighted(reducer: Reducer) -> Reducer:
    """The reducer without weights."""
    return Reducer(reducer.outputs, lambda values, valid, _w: reducer.apply(values, valid, None), reducer.types)


def _column(collection: Collection, name: str) -> list[Any]:
    return [found for each in collection.elements if (found := field_of(each, name)) is not None]


@function("AggregateFeatureCollection.array")
def array(collection: Collection, name: str) -> list[Any]:
    """The values of a property of all elements that have it."""
    return _column(collection, name)


@function("AggregateFeatureCollection.first")
def first(collection: Collection, name: str) -> Any:
    """The property of the first element."""
    return field_of(collection.elements[0], name) if collection.elements else None


@function("AggregateFeatureCollection.count")
def count(collection: Collection, name: str) -> int:
    """The number of elements with a property."""
    return len(_column(collection, name))


@function("AggregateFeatureCollection.histogram")
def histogram(collection: Collection, name: str) -> dict[str, int]:
    """The number of occurrences of each value of a property."""
    found: dict[str, int] = {}
    for value in sorted(_column(collection, name), key=ordering):
        key = value if isinstance(value, str) else str(whole(value))
        found[key] = found.get(key, 0) + 1
    return found


@function("AggregateFeatureCollection.min")
def least(collection: Collection, name: str) -> Any:
    """The minimum of a property."""
    return min(_column(collection, name), key=ordering, default=None)


@function("AggregateFeatureCollection.max")
def greatest(collection: Collection, name: str) -> Any:
    """The maximum of a property."""
    return max(_column(collection, name), key=ordering, default=None)


def _numbers(collection: Collection, name: str) -> list[float]:
    values = [each.millis if isinstance(each, Date) else each for each in _column(collection, name)]
    if not all(is_number(each) for each in values):
        raise EarthEngineError(f"Property '{name}' is not a number in every element.")
    return values


def _single(name: str, values: list[float]) -> Any:
    stack = np.asarray(values, float).reshape(-1, 1)
    ((value, valid),) = BUILTIN[name].apply(stack, np.ones(stack.shape, bool), None)
    return whole(float(value[0])) if valid[0] else None


def _register_aggregates() -> None:
    for name in ("sum", "mean", "product"):

        def aggregate(collection: Collection, column: str, name: str = name) -> Any:
            found = _single(name, _numbers(collection, column))
            return 0 if found is None and name == "sum" else found

        aggregate.__doc__ = f"The {name} of a property."
        function(f"AggregateFeatureCollection.{name}")(aggregate)


_register_aggregates()


@function("Collection.reduceColumns", note="One selector; no weights.")
def reduce_columns(collection: Collection, reducer: Reducer, names: list[str], weights: list[str] | None) -> Any:
    """A property reduced over all elements."""
    if weights is not None or len(names) != 1:
        raise EarthEngineError("the local Earth Engine reduces one column, without weights.")
    stack = np.asarray(_numbers(collection, names[0]), float).reshape(-1, 1)
    found = reducer.apply(stack, np.ones(stack.shape, bool), None)
    return {
        output: whole(float(value[0])) if valid[0] else None
        for output, (value, valid) in zip(reducer.outputs, found, strict=True)
    }
