"""Comparisons of properties, by which filters select elements. A comparison with a missing property is false."""

from collections.abc import Callable, Mapping
from typing import Any

from localearth.errors import EarthEngineError
from localearth.values import feature as features
from localearth.values.collection import Collection, Filter
from localearth.values.date import Date
from localearth.values.feature import Feature
from localearth.values.image import Image

GEOMETRY_FIELDS = (".all", ".geo", "system:footprint")
Match = Callable[[Any, Any], bool]

# Filters of long collections compare many values: these types are recognised first.
_NUMBERS = (int, float)
_PLAIN = (str, int, float)


def field_of(element: Any, name: str) -> Any:
    """A field of an element or a dictionary; `item` is a plain list element itself."""
    if isinstance(element, Image | Feature | Collection):
        if name in GEOMETRY_FIELDS:
            return element.geometry
        value = features.get(element, name)
    elif isinstance(element, Mapping):
        value = element.get(name)
    else:
        value = element if name == "item" else None
    return plain(value)


def plain(value: Any) -> Any:
    """Milliseconds of a date; any other value unchanged."""
    return value.millis if isinstance(value, Date) else value


def text_key(text: str) -> bytes:
    """A key for the order of strings in Java, which compares units of 16 bits."""
    return text.encode("utf-16-be", "surrogatepass")


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal; numbers are compared by value (assumed for lists).

    Raises:
        EarthEngineError: for a boolean and a number, and for values whose equality is not documented.
    """
    if type(a) is type(b) and type(a) in _PLAIN:
        return bool(a == b)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return set(a) == set(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, bool) != isinstance(b, bool) and isinstance(a, int | float) and isinstance(b, int | float):
        raise EarthEngineError(f"the local Earth Engine does not know whether {a} and {b} are equal.")
    kind = type(a)
    if a is not b and kind is type(b) and kind.__eq__ is object.__eq__:  # type: ignore[comparison-overlap]
        raise EarthEngineError(f"the local Earth Engine does not compare two objects of type {kind.__name__}.")
    return bool(a == b)


def contains(items: list[Any], item: Any) -> bool:
    """Whether a list contains a value."""
    return any(same(each, item) for each in items)


def of_two(match: Match, name: str, measure: Callable[[Any, Any], Any] | None = None) -> Filter:
    """A filter on two fields: of one element, or of a pair of elements in a join."""
    return Filter(lambda element: match(element, element), text=name, match=match, measure=measure)


def comparable(a: Any, b: Any) -> bool:
    """Whether two values have an order: two numbers, or two booleans."""
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return True
    return all(isinstance(each, int | float) for each in (a, b)) and isinstance(a, bool) == isinstance(b, bool)


def _ordered(test: Match) -> Match:
    def ordered(a: Any, b: Any) -> bool:
        if isinstance(a, str) and isinstance(b, str):
            return test(text_key(a), text_key(b))
        if not comparable(a, b):
            raise EarthEngineError(f"the local Earth Engine does not know the order of {a!r} and {b!r}.")
        return test(a, b)

    return ordered


def _text(test: Callable[[str, str], bool]) -> Match:
    return lambda a, b: isinstance(a, str) and isinstance(b, str) and test(a, b)


COMPARISONS: dict[tuple[str, ...], Match] = {
    ("Filter.equals", "Filter.eq"): same,
    ("Filter.notEquals", "Filter.neq"): lambda a, b: not same(a, b),
    ("Filter.lessThan", "Filter.lt"): _ordered(lambda a, b: a < b),
    ("Filter.lessThanOrEquals", "Filter.lte"): _ordered(lambda a, b: a <= b),
    ("Filter.greaterThan", "Filter.gt"): _ordered(lambda a, b: a > b),
    ("Filter.greaterThanOrEquals", "Filter.gte"): _ordered(lambda a, b: a >= b),
    ("Filter.stringContains",): _text(lambda a, b: b in a),
    ("Filter.stringStartsWith",): _text(lambda a, b: a.startswith(b)),
    ("Filter.stringEndsWith",): _text(lambda a, b: a.endswith(b)),
    ("Filter.inList",): lambda a, b: isinstance(b, list) and contains(b, a),
    ("Filter.listContains",): lambda a, b: isinstance(a, list) and contains(a, b),
}
"""The tests of two values that are not null, by the names of their filters."""
