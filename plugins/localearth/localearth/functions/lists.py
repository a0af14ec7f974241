"""Lists. Negative positions count from the end."""

from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.support import check_count, mapped, of_kind
from localearth.promote import is_number
from localearth.registry import function
from localearth.values import row_reducers as rows
from localearth.values.collection import Filter
from localearth.values.date import Date
from localearth.values.function import Function
from localearth.values.projection import whole
from localearth.values.reducer import Reducer

List = list[Any]


def ordering(value: Any) -> tuple[int, Any]:
    """A sort key for the values that Earth Engine can order: numbers, dates and strings.

    Raises:
        EarthEngineError: for others.
    """
    if isinstance(value, Date):
        return 0, value.millis
    if isinstance(value, bool) or is_number(value):
        return 0, value
    if isinstance(value, str):
        return 1, value
    if isinstance(value, list):
        return 2, [ordering(each) for each in value]
    raise EarthEngineError("Only numbers, dates, strings and lists of them can be ordered.")


def position(items: List, index: int) -> int:
    """An index into a list, counted from the start."""
    found = index + len(items) if index < 0 else index
    if not 0 <= found < len(items):
        n = len(items)
        raise EarthEngineError(f"List index must be between 0 and {n - 1}, or {-n} and -1. Found {index}.")
    return found


@function("List.get")
def get(items: List, index: int) -> Any:
    """The element at a position."""
    return items[position(items, index)]


def _typed(kind: str) -> Any:
    def run(items: List, index: int) -> Any:
        return of_kind(get(items, index), kind, f"The element at {index}")

    return run


for _kind in ("Number", "String", "Geometry"):
    _run = _typed(_kind)
    _run.__doc__ = f"The element at a position, which must be a {_kind}."
    function(f"List.get{_kind}")(_run)


@function("List.size", "List.length")
def size(items: List) -> int:
    """The number of elements."""
    return len(items)


@function("List.slice")
def slice_list(items: List, start: int, end: int | None, step: int | None) -> List:
    """A slice, as in Python: positions beyond the end are ignored."""
    if step is not None and step < 1:
        raise EarthEngineError("step must be positive.")
    return items[start:end:step]


@function("List.map")
def map_list(items: List, run: Function, drop_nulls: bool) -> List:
    """A function applied to every element."""
    return mapped(run, items, drop_nulls)


@function("List.iterate")
def iterate(items: List, run: Function, start: Any) -> Any:
    """A function of (element, result so far), applied to one element after another."""
    result = start
    for item in items:
        result = run.call(item, result)
    return result


@function("List.filter")
def filter_list(items: List, condition: Filter) -> List:
    """The elements that pass a filter; the field `item` is the element itself."""
    return [item for item in items if condition.test(item)]


@function("List.reduce")
def reduce_list(items: List, reducer: Reducer) -> Any:
    """Values reduced to one, or to a dictionary when the reducer has several outputs."""
    inputs = rows.inputs_of(reducer)
    if inputs == 1:
        table = [[item] for item in items]
    elif all(isinstance(item, list) and len(item) == inputs for item in items):
        table = items
    else:
        raise EarthEngineError(f"The reducer needs lists of {inputs} values as elements.")
    values = rows.collected(reducer, table)
    return values[0] if len(values) == 1 else dict(zip(reducer.outputs, values, strict=True))


@function("List.add")
def add(items: List, item: Any) -> List:
    """The list with an element at the end."""
    return [*items, item]


@function("List.insert")
def insert(items: List, index: int, item: Any) -> List:
    """The list with an element inserted before a position."""
    at = index + len(items) if index < 0 else index
    if not 0 <= at <= len(items):
        raise EarthEngineError(f"List index ({index}) is out of bounds.")
    return [*items[:at], item, *items[at:]]


@function("List.set")
def set_item(items: List, index: int, item: Any) -> List:
    """The list with another element at a position."""
    at = position(items, index)
    return [*items[:at], item, *items[at + 1 :]]


@function("List.swap")
def swap(items: List, one: int, two: int) -> List:
    """The list with two elements exchanged."""
    result = list(items)
    i, j = position(items, one), position(items, two)
    result[i], result[j] = result[j], result[i]
    return result


@function("List.cat")
def cat(items: List, other: List) -> List:
    """Both lists as one."""
    return [*items, *other]


@function("List.zip")
def zip_lists(items: List, other: List) -> List:
    """Pairs of elements, as many as the shorter list has."""
    return [list(pair) for pair in zip(items, other, strict=False)]


@function("List.unzip")
def unzip(items: List) -> List:
    """The columns of a list of equally long lists."""
    return [list(column) for column in zip(*items, strict=True)]


@function("List.sequence")
def sequence(start: Any, end: Any, step: Any, count: int | None) -> List:
    """Numbers from start to end, inclusive, or `count` numbers."""
    if count is not None:
        check_count(count, "numbers")
        if end is None:
            return [start + i * step for i in range(count)]
        return [float(v) for v in np.linspace(start, end, count)]
    if end is None:
        raise EarthEngineError("Either end or count must be specified.")
    if step == 0:
        raise EarthEngineError("step may not be 0.")
    check_count((end - start) / step, "numbers")
    return [start + i * step for i in range(int((end - start) / step + 1e-9) + 1)] if (end - start) / step >= 0 else []


@function("List.repeat")
def repeat(value: Any, count: int) -> List:
    """A list of one repeated value."""
    check_count(count, "elements")
    return [value] * count


@function("List.reverse")
def reverse(items: List) -> List:
    """The list in reverse order."""
    return items[::-1]


@function("List.rotate")
def rotate(items: List, distance: int) -> List:
    """The list rotated to the left."""
    at = distance % len(items) if items else 0
    return [*items[at:], *items[:at]]


@function("List.sort")
def sort(items: List, keys: List | None) -> List:
    """The list in ascending order, or in the order of keys."""
    if keys is None:
        return sorted(items, key=ordering)
    if len(keys) != len(items):
        raise EarthEngineError("keys must have the same length as the list.")
    order = sorted(range(len(items)), key=lambda i: ordering(keys[i]))
    return [items[i] for i in order]


@function("List.flatten")
def flatten(items: List) -> List:
    """All elements of nested lists in one list."""
    return [each for item in items for each in (flatten(item) if isinstance(item, list) else [item])]


@function("List.join")
def join(items: List, separator: str) -> str:
    """The elements as text, with a separator between them."""
    return separator.join(
        item if isinstance(item, str) else str(whole(item) if is_number(item) else item) for item in items
    )


@function("List.splice")
def splice(items: List, start: int, count: int, other: List | None) -> List:
    """The list with `count` elements from a position replaced by another list."""
    at = position(items, start)
    return [*items[:at], *(other or []), *items[at + count :]]
