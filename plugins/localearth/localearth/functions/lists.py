"""Lists. Negative positions count from the end."""

from collections.abc import Iterable, Sequence
from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions.support import check_count, mapped, of_kind, refuse
from localearth.promote import is_number, type_name
from localearth.registry import function
from localearth.values import row_reducers as rows
from localearth.values.collection import Filter
from localearth.values.compare import text_key
from localearth.values.date import Date
from localearth.values.function import Function
from localearth.values.pixel_type import text_of
from localearth.values.reducer import Reducer

List = list[Any]


def _ordering(value: Any) -> tuple[str, Any]:
    """The kind and the sort key of a value."""
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, Date) or is_number(value):
        number = value.millis if isinstance(value, Date) else value
        # NaN comes last, as in Java.
        return "number", (number != number, number)
    if isinstance(value, str):
        return "string", text_key(value)
    raise EarthEngineError("Only numbers, dates and strings can be ordered.")


def orderings(values: Iterable[Any]) -> list[Any]:
    """Sort keys for the values that Earth Engine can order: numbers (and dates), strings, or booleans.

    Raises:
        EarthEngineError: for others, and for values of different kinds.
    """
    found = [_ordering(value) for value in values]
    kinds = sorted({kind for kind, _ in found})
    if len(kinds) > 1:
        raise EarthEngineError(f"the local Earth Engine does not know the order of a {kinds[0]} and a {kinds[1]}.")
    return [key for _, key in found]


def arranged(items: Sequence[Any], values: Iterable[Any], reverse: bool = False) -> List:
    """Items in the order of some values; equal ones keep their order."""
    keys = orderings(values)
    return [items[i] for i in sorted(range(len(items)), key=keys.__getitem__, reverse=reverse)]


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
    inputs = reducer.inputs
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
    """The columns of a list of lists, as many as the shortest one has (documented)."""
    if not all(isinstance(item, list) for item in items):
        raise EarthEngineError("All elements must be lists.")
    return [list(column) for column in zip(*items, strict=False)]


def _steps(start: float, end: float, step: float) -> int:
    """The number of values from start to end, inclusive."""
    if not step:
        raise refuse("step", step, "it must not be 0")
    if (end - start) / step < 0:
        return 0
    steps = (end - start) / step
    check_count(steps, "numbers")
    total, added = start, 0
    while step * (end - total - step) >= 0:
        total, added = total + step, added + 1
    if not added == int(steps) == int(steps + 1e-9):
        raise EarthEngineError(
            f"the local Earth Engine does not know whether {end} is reached from {start} by {step}, "
            "because of rounding errors. Use count instead of step."
        )
    return added + 1


@function("List.sequence", note="An empty list if the end is before the start (assumed).")
def sequence(start: Any, end: Any, step: Any, count: int | None) -> List:
    """Numbers from start to end, inclusive, or `count` numbers."""
    if count is None:
        if end is None:
            raise EarthEngineError("Either end or count must be specified.")
        count = _steps(start, end, step)
    elif count < 1 or (count == 1 and end is not None):
        raise refuse("count", count, "use 1 or more, and 2 or more with 'end'")
    else:
        check_count(count, "numbers")
        if end is not None:
            # A step is ignored (the API sample ee_list_sequence).
            return [start + (end - start) * i / (count - 1) for i in range(count)]
    return [start + i * step for i in range(count)]


@function("List.repeat")
def repeat(value: Any, count: int) -> List:
    """A list of one repeated value."""
    if count < 0:
        raise EarthEngineError(f"count must not be negative, but is {count}.")
    check_count(count, "elements")
    return [value] * count


@function("List.reverse")
def reverse(items: List) -> List:
    """The list in reverse order."""
    return items[::-1]


@function("List.rotate", note="Towards the end of the list, as Java does (assumed).")
def rotate(items: List, distance: int) -> List:
    """The list with its elements moved by a distance; those beyond the end come first."""
    at = -distance % len(items) if items else 0
    return [*items[at:], *items[:at]]


@function("List.sort")
def sort(items: List, keys: List | None) -> List:
    """The list in ascending order, or in the order of keys."""
    if keys is not None and len(keys) != len(items):
        raise EarthEngineError("keys must have the same length as the list.")
    return arranged(items, items if keys is None else keys)


@function("List.flatten")
def flatten(items: List) -> List:
    """All elements of nested lists in one list."""
    return [each for item in items for each in (flatten(item) if isinstance(item, list) else [item])]


def _text(item: Any) -> str:
    if isinstance(item, bool):
        return str(item).lower()
    if isinstance(item, str):
        return item
    if is_number(item):
        return text_of(item)
    raise refuse("list", type_name(item), "join strings, numbers and booleans")


@function("List.join")
def join(items: List, separator: str) -> str:
    """The elements as text, with a separator between them."""
    return separator.join(map(_text, items))


@function("List.splice")
def splice(items: List, start: int, count: int, other: List | None) -> List:
    """The list with `count` elements from a position replaced by another list."""
    at = position(items, start)
    if count < 0:
        raise EarthEngineError(f"count must not be negative, but is {count}.")
    return [*items[:at], *(other or []), *items[at + count :]]
