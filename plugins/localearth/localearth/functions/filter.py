"""Filters of collections and lists. A comparison with a missing property is false."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse
from localearth.promote import promote
from localearth.registry import function
from localearth.values.collection import Filter
from localearth.values.compare import COMPARISONS, GEOMETRY_FIELDS, Match, field_of, of_two, plain
from localearth.values.date import Date, DateRange
from localearth.values.geometry import Geometry
from localearth.values.image import Image

_UNLESS = ("Filter.notEquals", "Filter.lessThanOrEquals", "Filter.greaterThanOrEquals")
"""Filters that pass "unless" something holds (documented): what is absent may pass them."""


def _absent(name: str) -> bool:
    """Whether an element without the property passes a filter."""
    if name in _UNLESS:
        raise EarthEngineError(
            f"{name}: an element has no value to compare, and the local Earth Engine does not know whether it passes. "
            "Add a filter notNull before it.",
            placed=True,
        )
    return False


def fields(left_field: str | None, right_field: str | None, test: Match, name: str = "") -> Match | None:
    """The test of a left field and a right field, if both are given; false when one is missing."""
    if left_field is None or right_field is None:
        return None

    def match(left: Any, right: Any) -> bool:
        one, two = field_of(left, left_field), field_of(right, right_field)
        return _absent(name) if one is None or two is None else test(one, two)

    return match


def sides(left_field: str | None, right: Any, right_field: str | None, left: Any) -> tuple[str, Any, bool]:
    """The field, the value, and whether the field is the left operand."""
    if left_field is not None:
        return left_field, plain(right), True
    if right_field is not None:
        return right_field, plain(left), False
    raise EarthEngineError("Either leftField or rightField must be specified.")


def _register() -> None:
    for names, test in COMPARISONS.items():

        def compare(
            left_field: str | None,
            right: Any,
            right_field: str | None,
            left: Any,
            test: Callable[[Any, Any], bool] = test,
            name: str = names[0],
        ) -> Filter:
            both = fields(left_field, right_field, test, name)
            equal = name == "Filter.equals"
            if both is not None:
                return evolve(of_two(both, name), same=left_field if equal and left_field == right_field else None)
            field, value, field_first = sides(left_field, right, right_field, left)

            def passes(element: Any) -> bool:
                found = field_of(element, field)
                if found is None:
                    return _absent(name)
                return test(found, value) if field_first else test(value, found)

            is_index = equal and field == "system:index" and isinstance(value, str)
            known = {field: value} if equal and isinstance(field, str) else {}
            return Filter(passes, text=name, index=value if is_index else None, equal=known)

        function(*names)(compare)


_register()

_SPATIAL: dict[str, tuple[Callable[[Any, Any], bool], bool]] = {
    "Filter.intersects": (lambda a, b: a.intersects(b), True),
    "Filter.contains": (lambda a, b: not b.is_empty and a.contains(b), True),
    "Filter.isContained": (lambda a, b: not a.is_empty and b.contains(a), True),
    "Filter.disjoint": (lambda a, b: not a.intersects(b), False),
}
"""Each with whether a passing element must intersect the geometry, so that the asset can be restricted to it."""


def _shapes(test: Match) -> Match:
    return lambda a, b: isinstance(a, Geometry) and isinstance(b, Geometry) and test(a.globe, b.globe)


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
            both = fields(left_field, right_field, _shapes(test))
            if both is not None:
                return of_two(both, name)
            field, value, field_first = sides(left_field, right, right_field, left)
            region = promote(name, "rightValue" if field_first else "leftValue", "Geometry", value).globe

            def passes(element: Any) -> bool:
                found = field_of(element, field)
                if found is None and isinstance(element, Image) and field in GEOMETRY_FIELDS:
                    # An image without bounds covers everything.
                    return name in ("Filter.intersects", "Filter.contains")
                if not isinstance(found, Geometry):
                    return False
                return test(found.globe, region) if field_first else test(region, found.globe)

            return Filter(passes, region if touching and field in GEOMETRY_FIELDS else None, text=name)

        function(name)(spatial)


_register_spatial()


@function("Filter.dateRangeContains", note="A range in `leftValue` and a date in `rightField`.")
def date_range_contains(left_field: str | None, right: Any, right_field: str | None, left: Any) -> Filter:
    """Whether a date range contains a date: start inclusive, end exclusive."""
    field, value, field_first = sides(left_field, right, right_field, left)
    if field_first or left_field is not None:
        raise EarthEngineError("the local Earth Engine supports a range in 'leftValue' and a date in 'rightField'.")
    span: DateRange = promote("Filter.dateRangeContains", "leftValue", "DateRange", value)
    if span.start >= span.end:
        raise EarthEngineError("Empty date ranges not supported for the current operation.")

    def passes(element: Any) -> bool:
        found = field_of(element, field)
        return isinstance(found, int | float) and span.contains(found)

    interval = (span.start, span.end) if field == "system:time_start" else None
    return Filter(passes, interval=interval, text="Filter.dateRangeContains")


def _not_empty(filters: list[Filter]) -> None:
    """Refuses an empty list of filters."""
    if not filters:
        raise refuse("filters", filters, "give at least one, or use Filter.always or Filter.never")


@function("Filter.and", note="In a join, the measure of its only filter that has one (assumed).")
def both(filters: list[Filter]) -> Filter:
    """Passes elements that pass all filters."""
    _not_empty(filters)
    regions = [each.region for each in filters if each.region is not None]
    spans = [each.interval for each in filters if each.interval is not None]
    tests = [each.test for each in filters]
    matches = [each.match for each in filters if each.match is not None]
    measures = [each.measure for each in filters if each.measure is not None]
    return Filter(
        lambda element: all(test(element) for test in tests),
        regions[0] if regions else None,
        (max(start for start, _ in spans), min(end for _, end in spans)) if spans else None,
        "Filter.and",
        (lambda a, b: all(match(a, b) for match in matches)) if len(matches) == len(filters) else None,
        measures[0] if len(measures) == 1 else None,
        next((each.index for each in filters if each.index is not None), None),
        next((each.same for each in filters if each.same is not None), None),
        {name: value for each in filters for name, value in each.equal.items()},
    )


@function("Filter.or")
def either(filters: list[Filter]) -> Filter:
    """Passes elements that pass any of the filters."""
    _not_empty(filters)
    tests = [each.test for each in filters]
    matches = [each.match for each in filters if each.match is not None]
    return Filter(
        lambda element: any(test(element) for test in tests),
        text="Filter.or",
        match=(lambda a, b: any(match(a, b) for match in matches)) if len(matches) == len(filters) else None,
    )


@function("Filter.not")
def negation(condition: Filter) -> Filter:
    """Passes elements that do not pass a filter."""
    match = condition.match
    return Filter(
        lambda element: not condition.test(element),
        text="Filter.not",
        match=None if match is None else lambda a, b: not match(a, b),
    )


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
    low, high = plain(low), plain(high)
    not_greater = COMPARISONS["Filter.lessThanOrEquals", "Filter.lte"]

    def passes(element: Any) -> bool:
        found = field_of(element, field)
        return found is not None and not_greater(low, found) and not_greater(found, high)

    return Filter(passes, text="Filter.rangeContains")


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
    if min(start, last) < 0:
        raise EarthEngineError("Start and end date values must be >= 0.")

    def passes(element: Any) -> bool:
        found = field_of(element, "system:time_start")
        if found is None:
            raise EarthEngineError(
                "Collection.filter: Can't apply calendarRange filter to objects without a timestamp.", placed=True
            )
        at = read(Date(found).at())
        return start <= at <= last if start <= last else at >= start or at <= last

    return Filter(passes, text="Filter.calendarRange")


@function("Filter.dayOfYear")
def day_of_year(start: int, end: int) -> Filter:
    """Whether the day of the year lies in a closed range (documented)."""
    if start > end:
        raise refuse("end", end, "for a range over the new year use Filter.calendarRange, which documents it")
    return calendar_range(start, end, "day_of_year")
