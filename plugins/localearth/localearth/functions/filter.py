"""Filters of collections and lists. A comparison with a missing property is false."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from localearth.errors import EarthEngineError
from localearth.promote import Mismatch, converter, promote
from localearth.registry import function
from localearth.values import feature as features
from localearth.values.collection import Collection, Filter
from localearth.values.date import Date, DateRange
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry
from localearth.values.image import Image

_GEOMETRY_FIELDS = (".all", ".geo", "system:footprint")


def field_of(element: Any, name: str) -> Any:
    """A field of an element or a dictionary; `item` is a plain list element itself."""
    if isinstance(element, Image | Feature | Collection):
        if name in _GEOMETRY_FIELDS:
            return element.geometry
        value = features.get(element, name)
    elif isinstance(element, Mapping):
        value = element.get(name)
    else:
        value = element if name == "item" else None
    return value.millis if isinstance(value, Date) else value


def _plain(value: Any) -> Any:
    return value.millis if isinstance(value, Date) else value


def _sides(left_field: str | None, right: Any, right_field: str | None, left: Any) -> tuple[str, Any, bool]:
    """The field, the value, and whether the field is the left operand."""
    if left_field is not None and right_field is not None:
        raise EarthEngineError("the local Earth Engine does not support filters on two fields (joins).")
    if left_field is not None:
        return left_field, _plain(right), True
    if right_field is not None:
        return right_field, _plain(left), False
    raise EarthEngineError("Either leftField or rightField must be specified.")


def _comparable(a: Any, b: Any) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str)
    return isinstance(a, int | float) and isinstance(b, int | float)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda a, b: _comparable(a, b) and test(a, b)


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda a, b: isinstance(a, str) and isinstance(b, str) and test(a, b)


_COMPARISONS: dict[tuple[str, ...], Callable[[Any, Any], bool]] = {
    ("Filter.equals", "Filter.eq"): lambda a, b: bool(a == b),
    ("Filter.notEquals", "Filter.neq"): lambda a, b: bool(a != b),
    ("Filter.lessThan", "Filter.lt"): _ordered(lambda a, b: a < b),
    ("Filter.lessThanOrEquals", "Filter.lte"): _ordered(lambda a, b: a <= b),
    ("Filter.greaterThan", "Filter.gt"): _ordered(lambda a, b: a > b),
    ("Filter.greaterThanOrEquals", "Filter.gte"): _ordered(lambda a, b: a >= b),
    ("Filter.stringContains",): _text(lambda a, b: b in a),
    ("Filter.stringStartsWith",): _text(lambda a, b: a.startswith(b)),
    ("Filter.stringEndsWith",): _text(lambda a, b: a.endswith(b)),
    ("Filter.inList",): lambda a, b: a in b if isinstance(b, list) else False,
    ("Filter.listContains",): lambda a, b: b in a if isinstance(a, list) else False,
}
_JOINS = "`leftField` with `rightField` (joins) is refused."


def _register() -> None:
    for names, test in _COMPARISONS.items():

        def compare(
            left_field: str | None,
            right: Any,
            right_field: str | None,
            left: Any,
            test: Callable[[Any, Any], bool] = test,
            name: str = names[0],
        ) -> Filter:
            field, value, field_first = _sides(left_field, right, right_field, left)

            def passes(element: Any) -> bool:
                found = field_of(element, field)
                if found is None:
                    return False
                return test(found, value) if field_first else test(value, found)

            return Filter(passes, text=name)

        function(*names, note=_JOINS)(compare)


_register()

_SPATIAL: dict[str, tuple[Callable[[Any, Any], bool], bool]] = {
    "Filter.intersects": (lambda a, b: a.intersects(b), True),
    "Filter.contains": (lambda a, b: not b.is_empty and a.contains(b), True),
    "Filter.isContained": (lambda a, b: not a.is_empty and b.contains(a), True),
    "Filter.disjoint": (lambda a, b: not a.intersects(b), False),
}
"""Each with whether a passing element must intersect the geometry, so that the asset can be restricted to it."""


def _register_spatial() -> None:
    for name, (test, touching) in _SPATIAL.items():

        def spatial(
            left_field: str | None,
            right: Any,
            right_field: str | None,
            left: Any,
            _margin: Any,
            test: Callable[[Any, Any], bool] = test,
            name: str = name,
            touching: bool = touching,
        ) -> Filter:
            field, value, field_first = _sides(left_field, right, right_field, left)
            region = promote(name, "rightValue" if field_first else "leftValue", "Geometry", value).lonlat

            def passes(element: Any) -> bool:
                found = field_of(element, field)
                if found is None and isinstance(element, Image) and field in _GEOMETRY_FIELDS:
                    # An image without bounds covers everything.
                    return name in ("Filter.intersects", "Filter.contains")
                if not isinstance(found, Geometry):
                    return False
                return test(found.lonlat, region) if field_first else test(region, found.lonlat)

            return Filter(passes, region if touching and field in _GEOMETRY_FIELDS else None, text=name)

        function(name, note=_JOINS + " Edges are straight in longitude and latitude.")(spatial)


_register_spatial()


@function("Filter.dateRangeContains", note=_JOINS)
def date_range_contains(left_field: str | None, right: Any, right_field: str | None, left: Any) -> Filter:
    """Whether a date range contains a date: start inclusive, end exclusive."""
    field, value, field_first = _sides(left_field, right, right_field, left)
    if field_first:
        raise EarthEngineError("the local Earth Engine supports a range in 'leftValue' and a date in 'rightField'.")
    span: DateRange = promote("Filter.dateRangeContains", "leftValue", "DateRange", value)

    def passes(element: Any) -> bool:
        found = field_of(element, field)
        return isinstance(found, int | float) and span.contains(found)

    interval = (span.start, span.end) if field == "system:time_start" else None
    return Filter(passes, interval=interval, text="Filter.dateRangeContains")


@function("Filter.and")
def both(filters: list[Filter]) -> Filter:
    """Passes elements that pass all filters."""
    regions = [each.region for each in filters if each.region is not None]
    spans = [each.interval for each in filters if each.interval is not None]
    tests = [each.test for each in filters]
    return Filter(
        lambda element: all(test(element) for test in tests),
        regions[0] if regions else None,
        (max(start for start, _ in spans), min(end for _, end in spans)) if spans else None,
        "Filter.and",
    )


@function("Filter.or")
def either(filters: list[Filter]) -> Filter:
    """Passes elements that pass any of the filters."""
    tests = [each.test for each in filters]
    return Filter(lambda element: any(test(element) for test in tests), text="Filter.or")


@function("Filter.not")
def negation(condition: Filter) -> Filter:
    """Passes elements that do not pass a filter."""
    return Filter(lambda element: not condition.test(element), text="Filter.not")


@function("Filter.always")
def always() -> Filter:
    """Passes everything."""
    return Filter(lambda _element: True, text="Filter.always")


@function("Filter.never")
def never() -> Filter:
    """Passes nothing."""
    return Filter(lambda _element: False, text="Filter.never")


@function("Filter.notNull")
def not_null(names: list[str]) -> Filter:
    """Whether the element has all named properties."""
    return Filter(lambda element: all(field_of(element, name) is not None for name in names), text="Filter.notNull")


@function("Filter.hasGeometry")
def has_geometry() -> Filter:
    """Whether the element has a geometry."""
    return Filter(lambda element: getattr(element, "geometry", None) is not None, text="Filter.hasGeometry")


@function("Filter.rangeContains")
def range_contains(field: str, low: Any, high: Any) -> Filter:
    """Whether a property lies in a closed range."""
    low, high = _plain(low), _plain(high)

    def passes(element: Any) -> bool:
        found = field_of(element, field)
        return _comparable(found, low) and _comparable(found, high) and low <= found <= high

    return Filter(passes, text="Filter.rangeContains")


@function("Filter.maxDifference", note=_JOINS)
def max_difference(limit: float, left_field: str | None, right: Any, right_field: str | None, left: Any) -> Filter:
    """Whether a property differs from a value by no more than a limit."""
    field, value, _ = _sides(left_field, right, right_field, left)
    try:
        target = converter("Number")(value)  # type: ignore[misc]
    except Mismatch:
        raise EarthEngineError("The value must be a number or a date.") from None

    def passes(element: Any) -> bool:
        found = field_of(element, field)
        return isinstance(found, int | float) and abs(found - target) <= limit

    return Filter(passes, text="Filter.maxDifference")


_CALENDAR: dict[str, Callable[[dt.datetime], int]] = {
    "year": lambda when: when.year,
    "month": lambda when: when.month,
    "hour": lambda when: when.hour,
    "minute": lambda when: when.minute,
    "day_of_year": lambda when: when.timetuple().tm_yday,
    "day_of_month": lambda when: when.day,
    "day_of_week": lambda when: when.isoweekday(),
}


@function("Filter.calendarRange")
def calendar_range(start: int, end: int | None, field: str) -> Filter:
    """Whether a calendar field of the start time is in a closed range, which may extend past the new year."""
    if field not in _CALENDAR:
        raise EarthEngineError(f"Unknown field '{field}'. Fields are: {', '.join(_CALENDAR)}.")
    read, last = _CALENDAR[field], start if end is None else end

    def passes(element: Any) -> bool:
        found = field_of(element, "system:time_start")
        if found is None:
            return False
        at = read(Date(found).at())
        return start <= at <= last if start <= last else at >= start or at <= last

    return Filter(passes, text="Filter.calendarRange")


@function("Filter.dayOfYear")
def day_of_year(start: int, end: int) -> Filter:
    """Whether the day of the year lies in [start, end)."""

    def passes(element: Any) -> bool:
        found = field_of(element, "system:time_start")
        if found is None:
            return False
        at = Date(found).at().timetuple().tm_yday
        return start <= at < end if start <= end else at >= start or at < end

    return Filter(passes, text="Filter.dayOfYear")
