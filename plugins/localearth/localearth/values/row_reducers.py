"""Reducers of rows: of several inputs, or with outputs that are lists, dictionaries or arrays."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from attrs import evolve, frozen

from localearth.errors import EarthEngineError
from localearth.values.pixel_type import DOUBLE, PixelType, text_of
from localearth.values.projection import whole
from localearth.values.reducer import BUILTIN, Reducer, Stack, Valid, Weights

Rows = Sequence[Sequence[Any]]
Collect = Callable[[Rows, Sequence[float]], list[Any]]
"""Reduces rows, each with a weight, to one value per output."""
Pixels = Callable[[Stack, Valid], list[tuple[Any, Valid]]]
"""Reduces n rows of k inputs in m columns, (n, k, m), of which some are valid, (n, m), as `Reducer.apply` does."""


def _no_pixels(*_: Any) -> NoReturn:
    raise EarthEngineError(
        "the local Earth Engine supports this reducer for lists, tables and reduceRegion, but not for single pixels."
    )


@frozen(eq=False)
class RowReducer(Reducer):
    """A reducer of rows.

    Attributes:
        collect: reduces the rows.
        optional: how many of the last values may be null.
        pixels: reduces the bands of images pixel by pixel, if that is supported.
        kinds: the types of its outputs, from those of its inputs, for pixels.
        arrays: whether it also takes arrays, which a band's pixels can be.
        copied: the reducer of which it has copies side by side, if it has only these.
    """

    collect: Collect = lambda _rows, _weights: []
    optional: int = 0
    pixels: Pixels | None = None
    kinds: Callable[[list[PixelType]], list[PixelType]] = lambda kinds: kinds
    arrays: bool = False
    copied: Reducer | None = None


def of_rows(outputs: tuple[str, ...], inputs: int, collect: Collect, **settings: Any) -> RowReducer:
    """A reducer of rows with some outputs."""
    return RowReducer(outputs, _no_pixels, _no_pixels, inputs=inputs, collect=collect, **settings)


def of_pixels(outputs: tuple[str, ...], inputs: int, pixels: Pixels, kinds: Sequence[PixelType]) -> RowReducer:
    """A reducer of rows of numbers that is computed for all pixels at once; it is unweighted."""

    def collect(rows: Rows, _weights: Sequence[float]) -> list[Any]:
        stack = numbers_of(rows, inputs)[:, :, None]
        found = pixels(stack, np.ones((len(rows), 1), bool))
        return [whole(float(value[0])) if good[0] else None for value, good in found]

    return of_rows(outputs, inputs, collect, pixels=pixels, kinds=lambda _kinds: list(kinds))


def numbers_of(rows: Rows, inputs: int) -> Stack:
    """Rows of numbers as an array (n, inputs).

    Raises:
        EarthEngineError: when a value is not a number.
    """
    kinds = {type(value) for row in rows for value in row}
    if not all(issubclass(kind, int | float) and kind is not bool for kind in kinds):
        raise EarthEngineError(f"The reducer needs numbers, not values of type {', '.join(k.__name__ for k in kinds)}.")
    return np.asarray(rows, float).reshape(len(rows), inputs)


def _distinct(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    counts = [len(np.unique(values[valid[:, i], i])) for i in range(values.shape[1])]
    return [(np.asarray(counts), np.ones(values.shape[1], bool))]


def _different(values: list[Any]) -> int:
    if any(not isinstance(value, int | float | str | None) for value in values):
        raise EarthEngineError("the local Earth Engine counts different values of numbers and strings only.")
    return len(set(values))


DISTINCT_NON_NULL = Reducer(("count",), _distinct, BUILTIN["count"].types, exact=True)
DISTINCT = evolve(DISTINCT_NON_NULL)
"""The numbers of different values; a copy, as reducers are compared by identity and only this one counts nulls."""

_ANY: dict[Reducer, Callable[[list[Any]], Any]] = {
    BUILTIN["count"]: len,
    **{BUILTIN[name]: lambda values: values[0] if values else None for name in ("first", "firstNonNull")},
    **{BUILTIN[name]: lambda values: values[-1] if values else None for name in ("last", "lastNonNull")},
    DISTINCT: _different,
    DISTINCT_NON_NULL: _different,
}
"""The reducers without arguments that take values of any type."""


_WITH_NULLS = {BUILTIN["first"], BUILTIN["last"], DISTINCT}
"""The reducers for which a null of a list or a table is an input: the others like them are described as "non-null"."""

_OF_SOME = {
    BUILTIN[name]
    for name in ("sum", "product", "variance", "stdDev", "sampleVariance", "sampleStdDev", "allNonZero", "anyNonZero")
}
"""The reducers whose result for no values is not known."""


def kinds_of(reducer: Reducer, kinds: list[PixelType]) -> list[PixelType]:
    """The types of a reducer's outputs for pixels, from those of its inputs."""
    return reducer.kinds(kinds) if isinstance(reducer, RowReducer) else list(reducer.types(kinds[0], None))


def pixels_of(reducer: Reducer) -> Pixels | None:
    """How a reducer works pixel by pixel, if it does."""
    if isinstance(reducer, RowReducer):
        return reducer.pixels
    return lambda stack, valid: reducer.apply(stack[:, 0], valid, None)


def needed_pixels(reducer: Reducer) -> Pixels:
    """How a reducer works pixel by pixel.

    Raises:
        EarthEngineError: it does not.
    """
    return pixels_of(reducer) or _no_pixels()


def collected(reducer: Reducer, rows: Rows, weights: Sequence[float] | None = None) -> list[Any]:
    """The outputs of a reducer for rows of values; rows with a null where none is allowed are dropped.

    Raises:
        EarthEngineError: when a value does not suit the reducer, or what a null means is not known.
    """
    inputs = reducer.inputs
    needed = inputs - reducer.optional if isinstance(reducer, RowReducer) else 1
    kept = [i for i, row in enumerate(rows) if all(value is not None for value in row[:needed])]
    if isinstance(reducer, RowReducer):
        return reducer.collect([rows[i] for i in kept], [1.0 if weights is None else weights[i] for i in kept])
    if reducer.parts:
        return [value for part in reducer.parts for value in collected(part, rows, weights)]
    values = [row[0] for row in rows] if reducer in _WITH_NULLS else [rows[i][0] for i in kept]
    if not values and reducer in _OF_SOME:
        raise EarthEngineError(f"the local Earth Engine does not know the {reducer.outputs[0]} of no values.")
    if reducer in _ANY:
        return [_ANY[reducer](values)]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise EarthEngineError(f"The reducer needs numbers, not {value!r}.")
        if isinstance(value, int) and abs(value) > 2**53:
            raise EarthEngineError(f"the local Earth Engine does not reduce integers of more than 53 bits: {value}.")
    stack = np.asarray(values, float).reshape(-1, 1)
    weight = None if weights is None or not reducer.weighted else np.asarray([weights[i] for i in kept]).reshape(-1, 1)
    found = reducer.apply(stack, np.ones(stack.shape, bool), weight)
    if values and not all(valid[0] for _, valid in found):
        raise EarthEngineError(
            f"the local Earth Engine knows no {', '.join(reducer.outputs)} of so few values or weights."
        )
    return [whole(float(np.asarray(value)[0])) if valid[0] else None for value, valid in found]


def to_list(size: int | None, optional: int) -> RowReducer:
    """The values as a list, or the rows as lists."""

    def collect(rows: Rows, _weights: Sequence[float]) -> list[Any]:
        return [[row[0] for row in rows] if size is None else [list(row) for row in rows]]

    return of_rows(("list",), 1 if size is None else size, collect, optional=optional)


def _frequencies(rows: Rows, weights: Sequence[float]) -> list[Any]:
    found: dict[str, float] = {}
    for (value,), weight in zip(rows, weights, strict=True):
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise EarthEngineError(f"The reducer needs numbers or strings, not {value!r}.")
        key = value if isinstance(value, str) else text_of(whole(value))
        found[key] = found.get(key, 0.0) + weight
    return [{key: whole(count) for key, count in found.items()}]


FREQUENCIES = of_rows(("histogram",), 1, _frequencies, weighted=True)
"""The (weighted) number of each value."""


def extreme(reducer: Reducer, inputs: int) -> RowReducer:
    """The row with the smallest or largest first value; the first of equal ones (assumed)."""
    name = reducer.outputs[0]
    sign = 1 if name == "min" else -1

    def collect(rows: Rows, _weights: Sequence[float]) -> list[Any]:
        if not rows:
            return [None] * inputs
        best: Sequence[Any] = min(rows, key=lambda row: sign * row[0])
        return list(best)

    def pixels(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
        first = np.where(valid, sign * stack[:, 0], np.inf).argmin(axis=0)
        chosen = np.take_along_axis(stack, first[None, None], axis=0)[0]
        good = np.asarray(valid.any(axis=0))
        return [(values, good) for values in chosen]

    return of_rows((name, *(f"{name}{i}" for i in range(1, inputs))), inputs, collect, pixels=pixels)


def _line(rows: Rows, weights: Sequence[float]) -> list[Any]:
    total = math.fsum(weights)
    if len(rows) < 2:
        raise EarthEngineError("the local Earth Engine fits lines to two or more points.")
    x = np.asarray([row[0] for row in rows], float)
    y, w = np.asarray([row[1] for row in rows], float), np.asarray(weights)
    middle_x, middle_y = (w * x).sum() / total, (w * y).sum() / total
    spread = (w * (x - middle_x) ** 2).sum()
    if not spread:
        raise EarthEngineError("the local Earth Engine fits no line where all x are equal.")
    scale = float((w * (x - middle_x) * (y - middle_y)).sum() / spread)
    return [whole(scale), whole(float(middle_y - scale * middle_x))]


def _lines(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
    x, y = (np.where(valid, each, 0) for each in (stack[:, 0], stack[:, 1]))
    n = np.maximum(valid.sum(axis=0), 1)
    middle_x, middle_y = x.sum(axis=0) / n, y.sum(axis=0) / n
    from_x, from_y = np.where(valid, x - middle_x, 0), np.where(valid, y - middle_y, 0)
    spread = (from_x**2).sum(axis=0)
    good = np.asarray(spread > 0)
    scale = (from_x * from_y).sum(axis=0) / np.where(good, spread, 1)
    return [(scale, good), (middle_y - scale * middle_x, good)]


LINE = of_rows(("scale", "offset"), 2, _line, weighted=True, pixels=_lines, kinds=lambda _kinds: [DOUBLE, DOUBLE])
"""The slope and offset of a weighted linear regression of x and y."""

COUNT_EVERY = of_rows(
    ("count",),
    1,
    lambda rows, _weights: [len(rows)],
    optional=1,
    pixels=lambda _stack, valid: [(valid.sum(axis=0), np.ones(valid.shape[1], bool))],
    kinds=lambda kinds: list(BUILTIN["count"].types(kinds[0], None)),
)
"""The number of inputs: nulls of lists and tables count, masked pixels are no inputs."""
