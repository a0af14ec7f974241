"""Reducers that are made of other reducers: side by side, of groups, of copies, of the parts of each value."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.values.array import Array, make
from localearth.values.pixel_type import DOUBLE
from localearth.values.projection import whole
from localearth.values.reducer import Reducer, Stack, Valid
from localearth.values.row_reducers import RowReducer, Rows, collected, kinds_of, of_rows, pixels_of


def repeated(reducer: Reducer, count: int) -> RowReducer:
    """Copies of a reducer, each with inputs of its own; each output is the list of the copies' outputs.

    A null drops the row for the copy that gets it, and for no other (assumed).
    """
    each = reducer.inputs

    def collect(rows: Rows, weights: Sequence[float]) -> list[Any]:
        parts = [collected(reducer, [row[i * each : (i + 1) * each] for row in rows], weights) for i in range(count)]
        return [list(outputs) for outputs in zip(*parts, strict=True)]

    inputs = each * count
    return of_rows(reducer.outputs, inputs, collect, weighted=reducer.weighted, optional=inputs, copied=reducer)


def side_by_side(reducers: Sequence[Reducer], outputs: tuple[str, ...]) -> RowReducer:
    """Reducers with inputs of their own; their outputs in order."""

    def collect(rows: Rows, weights: Sequence[float]) -> list[Any]:
        found, start = [], 0
        for reducer in reducers:
            end = start + reducer.inputs
            found += collected(reducer, [row[start:end] for row in rows], weights)
            start = end
        return found

    inputs = sum(each.inputs for each in reducers)
    weighted = any(each.weighted for each in reducers)
    return of_rows(outputs, inputs, collect, weighted=weighted, optional=inputs)


def sharing(one: Reducer, two: Reducer, prefix: str) -> RowReducer:
    """Two reducers of the same rows, each of which drops the rows with a null that it cannot take."""
    inputs = one.inputs
    if inputs != two.inputs:
        raise EarthEngineError(f"The reducers have {inputs} and {two.inputs} inputs, and can't share them.")
    first, second = pixels_of(one), pixels_of(two)

    def collect(rows: Rows, weights: Sequence[float]) -> list[Any]:
        return collected(one, rows, weights) + collected(two, rows, weights)

    def pixels(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
        assert first is not None and second is not None
        return [*first(stack, valid), *second(stack, valid)]

    return of_rows(
        (*one.outputs, *(prefix + name for name in two.outputs)),
        inputs,
        collect,
        optional=inputs,
        weighted=one.weighted or two.weighted,
        pixels=None if first is None or second is None else pixels,
        kinds=lambda kinds: kinds_of(one, kinds) + kinds_of(two, kinds),
    )


def grouped(reducer: Reducer, field: int, name: str) -> RowReducer:
    """A reducer of the rows of each value of a field, in ascending order of these values."""
    inputs = reducer.inputs + 1
    if not 0 <= field < inputs:
        raise EarthEngineError(f"groupField must be between 0 and {inputs - 1}, not {field}.")

    def collect(rows: Rows, weights: Sequence[float]) -> list[Any]:
        groups: dict[Any, tuple[list[Any], list[float]]] = {}
        for row, weight in zip(rows, weights, strict=True):
            key = row[field] if isinstance(row[field], str) else whole(row[field])
            members = groups.setdefault(key, ([], []))
            members[0].append([*row[:field], *row[field + 1 :]])
            members[1].append(weight)
        if len({isinstance(key, str) for key in groups}) > 1:
            raise EarthEngineError("The values of the group field must be all numbers, or all strings.")
        return [
            [
                {name: key, **dict(zip(reducer.outputs, collected(reducer, *groups[key]), strict=True))}
                for key in sorted(groups)
            ]
        ]

    return of_rows(("groups",), inputs, collect, weighted=reducer.weighted)


def split(reducer: Reducer) -> RowReducer:
    """A weighted reducer of one input, or copies of it, with weights as further inputs: all values, then all weights.

    Google's tutorial imad-tutorial-pt1 gives the bands of copies and their weights in this order.
    """
    copied = reducer.copied if isinstance(reducer, RowReducer) else None
    one = copied or reducer
    if one.inputs != 1 or not one.weighted:
        raise EarthEngineError("the local Earth Engine supports weighted reducers of one input, and copies of them.")
    count = reducer.inputs

    def collect(rows: Rows, _weights: Sequence[float]) -> list[Any]:
        if any(weight is not None and weight < 0 for row in rows for weight in row[count:]):
            raise EarthEngineError("Weights must not be negative.")
        parts = []
        for i in range(count):
            kept = [row for row in rows if row[count + i]]
            parts.append(collected(one, [(row[i],) for row in kept], [row[count + i] for row in kept]))
        return parts[0] if copied is None else [list(outputs) for outputs in zip(*parts, strict=True)]

    return of_rows(reducer.outputs, 2 * count, collect, optional=2 * count)


def disaggregated(reducer: Reducer) -> RowReducer:
    """A reducer of the items of arrays, lists and dictionaries, and of other values."""
    if reducer.inputs != 1:
        raise EarthEngineError(f"argument 'reducer': one input is needed, not {reducer.inputs}.")

    def collect(rows: Rows, weights: Sequence[float]) -> list[Any]:
        items, shares = [], []
        for (value,), weight in zip(rows, weights, strict=True):
            parts = _items(value)
            items += [(part,) for part in parts]
            shares += [weight] * len(parts)
        return collected(reducer, items, shares)

    return of_rows(reducer.outputs, 1, collect, weighted=reducer.weighted, arrays=True)


def _items(value: Any) -> list[Any]:
    if isinstance(value, Array):
        return list(value.data.ravel().tolist())
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def of_positions(reducer: Reducer) -> RowReducer:
    """A reducer of the numbers at each position of arrays of equal shape; its outputs are arrays of that shape."""
    if isinstance(reducer, RowReducer):
        raise EarthEngineError("argument 'reducer': a reducer of numbers with one input is needed.")

    def collect(rows: Rows, weights: Sequence[float]) -> list[Any]:
        arrays = [make(row[0]).data for row in rows]
        shapes = {each.shape for each in arrays}
        if len(shapes) > 1:
            raise EarthEngineError(f"The arrays must have equal shapes, not {sorted(shapes)}.")
        if not shapes:
            return [None] * len(reducer.outputs)
        stack = np.stack([each.ravel() for each in arrays]).astype(float)
        weight = np.tile(np.asarray(weights)[:, None], stack.shape[1]) if reducer.weighted else None
        found = reducer.apply(stack, np.ones(stack.shape, bool), weight)
        if not all(np.all(good) for _, good in found):
            raise EarthEngineError("the local Earth Engine does not know the result of this reducer for so few arrays.")
        return [Array(np.asarray(value, float).reshape(*shapes), DOUBLE) for value, _ in found]

    return of_rows(reducer.outputs, 1, collect, weighted=reducer.weighted, arrays=True)
