"""Reducers, and the aggregates of a collection's properties."""

from typing import Any

import numpy as np
from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.lists import arranged, orderings
from localearth.promote import is_number
from localearth.registry import function
from localearth.values import combined_reducers as combined
from localearth.values import row_reducers as rows
from localearth.values.collection import Collection
from localearth.values.compare import field_of
from localearth.values.date import Date
from localearth.values.pixel_type import text_of
from localearth.values.projection import whole
from localearth.values.reducer import BUILTIN, Reducer, percentiles

_EXACT = "Computed from all values (assumed): of more than `maxRaw`, Google's answer comes from a histogram."


def _register() -> None:
    """Registers the reducers without arguments."""
    for name, reducer in BUILTIN.items():
        if name in ("min", "max"):

            def counted(inputs: int, reducer: Reducer = reducer) -> Reducer:
                if not 1 <= inputs <= 1000:
                    raise EarthEngineError(f"argument 'numInputs': 1 to 1000, not {inputs}.")
                return reducer if inputs == 1 else rows.extreme(reducer, inputs)

            counted.__doc__ = f"The {name}imum."
            function(f"Reducer.{name}", note="Several inputs: not for Image.reduce.")(counted)
        elif name in ("median", "mode"):

            def ranked(_buckets: Any, _width: Any, _raw: Any, reducer: Reducer = reducer) -> Reducer:
                return reducer

            ranked.__doc__ = f"The {name}."
            function(f"Reducer.{name}", note=_EXACT)(ranked)
        else:

            def plain(reducer: Reducer = reducer) -> Reducer:
                return reducer

            plain.__doc__ = f"The reducer with the outputs {', '.join(reducer.outputs)}."
            function(f"Reducer.{name}")(plain)
    for other, name in (("and", "allNonZero"), ("or", "anyNonZero")):

        def alias(reducer: Reducer = BUILTIN[name]) -> Reducer:
            return reducer

        alias.__doc__ = f"The same as Reducer.{name}."
        function(f"Reducer.{other}")(alias)


_register()


@function("Reducer.percentile", note=f"Interpolated as by Hazen (assumed): 9.5 is the 90th of 1 to 10. {_EXACT}")
def percentile(shares: list[float], names: list[str] | None, _buckets: Any, _width: Any, _raw: Any) -> Reducer:
    """Percentiles; the outputs are named `p25` and the like."""
    outputs = [f"p{whole(float(share))}" for share in shares] if names is None else names
    if len(outputs) != len(shares):
        raise EarthEngineError(f"There are {len(shares)} percentiles, but {len(outputs)} names were given.")
    if not all(0 <= share <= 100 for share in shares):
        raise EarthEngineError("Percentiles must be between 0 and 100.")
    if len(set(outputs)) < len(outputs) or (names is None and any(share != int(share) for share in shares)):
        raise EarthEngineError("argument 'outputNames': names are needed for equal percentiles and for fractions.")
    return percentiles([float(share) for share in shares], tuple(outputs))


@function("Reducer.combine", note="Each reducer drops the nulls of its own inputs (assumed).")
def combine(one: Reducer, two: Reducer, prefix: str, shared: bool) -> Reducer:
    """Two reducers on the same inputs, or on those of one after those of the other."""
    equal = set(one.outputs) & {prefix + name for name in two.outputs}
    if equal:
        raise EarthEngineError(f"Both reducers have an output '{min(equal)}': set outputPrefix to tell them apart.")
    if not shared:
        return combined.side_by_side([one, two], (*one.outputs, *(prefix + name for name in two.outputs)))
    if isinstance(one, rows.RowReducer) or isinstance(two, rows.RowReducer):
        return combined.sharing(one, two, prefix)
    return one.beside(two, prefix)


@function("Reducer.setOutputs")
def set_outputs(reducer: Reducer, names: list[str]) -> Reducer:
    """The reducer with other output names."""
    if len(names) != len(reducer.outputs):
        raise EarthEngineError(f"The reducer has {len(reducer.outputs)} outputs, but {len(names)} names were given.")
    if len(set(names)) < len(names) or "" in names:
        raise EarthEngineError("argument 'outputs': different names are needed, and no empty ones.")
    return reducer.named(tuple(names))


@function("Reducer.getOutputs")
def get_outputs(reducer: Reducer) -> list[str]:
    """The output names."""
    return list(reducer.outputs)


@function("Reducer.unweighted")
def unweighted(reducer: Reducer) -> Reducer:
    """The reducer without weights."""
    if isinstance(reducer, rows.RowReducer):
        return evolve(
            reducer, weighted=False, collect=lambda table, _weights: reducer.collect(table, [1.0] * len(table))
        )
    # Lists and tables need an unweighted reducer itself, because some treat nulls and text in their own way.
    itself = () if reducer.weighted else (reducer,)
    return Reducer(
        reducer.outputs,
        lambda values, valid, _weights: reducer.apply(values, valid, None),
        reducer.types,
        parts=tuple(unweighted(part) for part in reducer.parts) or itself,
    )


def column_of(collection: Collection, name: str) -> list[Any]:
    """A property of every element; null where it is missing."""
    if any(isinstance(each.properties.get(name), Date) for each in collection.elements):
        raise EarthEngineError(f"the local Earth Engine does not reduce dates: set Date.millis as property '{name}'.")
    return [field_of(each, name) for each in collection.elements]


def _column(collection: Collection, name: str) -> list[Any]:
    return [found for found in column_of(collection, name) if found is not None]


@function("AggregateFeatureCollection.array")
def array(collection: Collection, name: str) -> list[Any]:
    """The values of a property of all elements that have it."""
    return _column(collection, name)


@function("AggregateFeatureCollection.first")
def first(collection: Collection, name: str) -> Any:
    """The property of the first element."""
    return next(iter(column_of(collection, name)), None)


@function("AggregateFeatureCollection.count")
def count(collection: Collection, name: str) -> int:
    """The number of elements with a property."""
    return len(_column(collection, name))


@function("AggregateFeatureCollection.histogram")
def histogram(collection: Collection, name: str) -> dict[str, int]:
    """The number of occurrences of each value of a property."""
    found: dict[str, int] = {}
    values = _column(collection, name)
    if any(isinstance(value, bool) for value in values):
        raise EarthEngineError("the local Earth Engine does not know the keys of booleans in a histogram.")
    for value in arranged(values, values):
        key = value if isinstance(value, str) else text_of(whole(value))
        found[key] = found.get(key, 0) + 1
    return found


@function("AggregateFeatureCollection.min")
def least(collection: Collection, name: str) -> Any:
    """The minimum of a property."""
    values = _column(collection, name)
    return arranged(values, values)[0] if values else None


@function("AggregateFeatureCollection.max")
def greatest(collection: Collection, name: str) -> Any:
    """The maximum of a property."""
    values = _column(collection, name)
    return arranged(values, values)[-1] if values else None


def _numbers(collection: Collection, name: str) -> list[float]:
    values = _column(collection, name)
    if not all(is_number(each) for each in values):
        raise EarthEngineError(f"Property '{name}' is not a number in every element.")
    return values


def _single(name: str, values: list[float]) -> float | None:
    stack = np.asarray(values, float).reshape(-1, 1)
    ((value, valid),) = BUILTIN[name].apply(stack, np.ones(stack.shape, bool), None)
    return whole(float(value[0])) if valid[0] else None


def _register_aggregates() -> None:
    names = {"sum": "sum", "mean": "mean", "product": "product", "total_sd": "stdDev", "total_var": "variance"}
    for name, reducer in {**names, "sample_sd": "sampleStdDev", "sample_var": "sampleVariance"}.items():

        def aggregate(collection: Collection, column: str, reducer: str = reducer) -> Any:
            values = _numbers(collection, column)
            if len(values) == 1 and reducer.startswith("sample"):
                raise EarthEngineError(f"the local Earth Engine needs two or more values of '{column}', not 1.")
            if not values and reducer == "product":
                raise EarthEngineError("the local Earth Engine does not know the product of no values.")
            return 0 if not values and reducer == "sum" else _single(reducer, values)

        aggregate.__doc__ = f"The {reducer} of a property."
        note = {"sum": "0 without values (assumed).", "product": ""}.get(name, "Null without values (assumed).")
        function(f"AggregateFeatureCollection.{name}", note=note)(aggregate)


_register_aggregates()


@function("AggregateFeatureCollection.count_distinct")
def count_distinct(collection: Collection, name: str) -> int:
    """The number of different values of a property."""
    return len(set(orderings(_column(collection, name))))


@function("AggregateFeatureCollection.stats", note="Needs two or more values.")
def stats(collection: Collection, name: str) -> dict[str, Any]:
    """Statistics of a property, with the names of the API's sample; every weight is 1."""
    values = _numbers(collection, name)
    if len(values) < 2:
        raise EarthEngineError(f"the local Earth Engine needs two or more values of '{name}', not {len(values)}.")
    total = _single("sum", values)
    return {
        "max": max(values),
        "mean": _single("mean", values),
        "min": min(values),
        "sample_sd": _single("sampleStdDev", values),
        "sample_var": _single("sampleVariance", values),
        "sum": total,
        "sum_sq": whole(float(sum(value * value for value in values))),
        "total_count": len(collection.elements),
        "total_sd": _single("stdDev", values),
        "total_var": _single("variance", values),
        "valid_count": len(values),
        "weight_sum": len(values),
        "weighted_sum": total,
    }
