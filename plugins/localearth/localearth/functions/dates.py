"""Dates and date ranges."""

import math
from collections.abc import Callable
from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions.joda import format_date
from localearth.registry import function
from localearth.values import date as dates
from localearth.values.date import MILLISECONDS, Date, DateRange
from localearth.values.pixel_type import Long


@function("Date")
def make(value: Any, zone: str | None) -> Date:
    """A date from milliseconds or text."""
    return dates.of(value, zone)


@function("Date.fromYMD")
def from_ymd(year: int, month: int, day: int, zone: str | None) -> Date:
    """The start of a day."""
    return dates.parse(f"{year:04d}-{month:02d}-{day:02d}", zone)


@function("Date.millis")
def millis(date: Date) -> int:
    """Milliseconds since 1970."""
    return Long(date.millis)


@function("Date.format", note="Joda's letters; z and ZZZ for common time zones only.")
def formatted(date: Date, pattern: str | None, zone: str | None) -> str:
    """The date as text, formatted with a Joda pattern."""
    return format_date(date.at(zone), pattern)


@function("Date.advance")
def advance(date: Date, delta: float, unit: str, zone: str | None) -> Date:
    """The date some units later; whole months and years follow the calendar."""
    return dates.advance(date, delta, unit, zone)


@function("Date.difference")
def difference(date: Date, start: Date, unit: str) -> float:
    """The time since another date, in units of average length."""
    return (date.millis - start.millis) / MILLISECONDS[dates.unit_name(unit)]


@function("Date.unitRatio")
def unit_ratio(numerator: str, denominator: str) -> float:
    """The ratio of two units, by their average lengths."""
    return MILLISECONDS[dates.unit_name(numerator)] / MILLISECONDS[dates.unit_name(denominator)]


@function("Date.get")
def get(date: Date, unit: str, zone: str | None) -> int:
    """A field of the date; months and days count from 1."""
    when = date.at(zone)
    name = dates.unit_name(unit)
    return Long(when.isocalendar().week if name == "week" else getattr(when, name))


@function("Date.getRelative")
def get_relative(date: Date, unit: str, of: str, zone: str | None) -> int:
    """The number of whole units since the start of a larger unit, from 0."""
    name, larger = dates.unit_name(unit), dates.unit_name(of)
    when, start = date.at(zone), dates.floor(date, of, zone).at(zone)
    if MILLISECONDS[name] > MILLISECONDS[larger]:
        # "0 is returned when unit argument is larger than inUnit argument" (the API sample ee-date-getrelative.js).
        return Long(0)
    if name == larger or name == "week":
        raise EarthEngineError(f"the local Earth Engine does not know the {name} in a {larger}: no source says it.")
    if name == "month":
        return Long(when.month - start.month)
    if name in ("hour", "minute", "second") and when.utcoffset() != start.utcoffset():
        raise EarthEngineError("the local Earth Engine does not count hours across a change of the clocks.")
    passed = when.replace(tzinfo=None) - start.replace(tzinfo=None)
    return Long(passed.total_seconds() * 1000 // MILLISECONDS[name])


@function("Date.getFraction")
def get_fraction(date: Date, unit: str, zone: str | None) -> float:
    """The elapsed share of a unit, in [0, 1)."""
    start = dates.floor(date, unit, zone)
    end = dates.advance(start, 1, unit, zone)
    return (date.millis - start.millis) / (end.millis - start.millis)


@function("Date.getRange")
def get_range(date: Date, unit: str, zone: str | None) -> DateRange:
    """The unit that the date lies in."""
    start = dates.floor(date, unit, zone)
    return DateRange(start.millis, dates.advance(start, 1, unit, zone).millis)


@function("Date.update")
def update(
    date: Date,
    year: int | None,
    month: int | None,
    day: int | None,
    hour: int | None,
    minute: int | None,
    second: Any,
    zone: str | None,
) -> Date:
    """The date with some fields replaced."""
    given = {"year": year, "month": month, "day": day, "hour": hour, "minute": minute}
    fields = {name: value for name, value in given.items() if value is not None}
    when = date.at(zone)
    if second is not None:
        if when.microsecond or second < 0 or second * 1000 != int(second * 1000):
            raise EarthEngineError(
                "argument 'second': the local Earth Engine needs a date in whole seconds, and 0 or more seconds in "
                "whole milliseconds."
            )
        fields["second"] = int(second)
        fields["microsecond"] = round(second % 1 * 1e6)
    try:
        return dates.moved(when, **fields)
    except (ValueError, OverflowError) as error:
        raise EarthEngineError(f"Invalid date: {error}.") from None


@function("DateRange")
def make_range(start: Any, end: Any, zone: str | None) -> DateRange:
    """The range from start to end, exclusive; one millisecond without an end."""
    if isinstance(start, DateRange) and end is None:
        return start
    first = dates.of(start, zone).millis
    last = first + 1 if end is None else dates.of(end, zone).millis
    if last < first:
        raise EarthEngineError("Empty date ranges not supported for the current operation.")
    return DateRange(first, last)


@function("DateRange.unbounded")
def unbounded() -> DateRange:
    """All instants."""
    return DateRange(-math.inf, math.inf)


def _instant(millis: float) -> Date:
    if math.isinf(millis):
        raise EarthEngineError("the local Earth Engine knows no date at the end of an unbounded range.")
    return Date(millis)


def _common(a: DateRange, b: DateRange) -> DateRange:
    start, end = max(a.start, b.start), min(a.end, b.end)
    if start > end:
        raise EarthEngineError(
            "the local Earth Engine does not know the intersection of ranges that do not meet; test intersects first."
        )
    return DateRange(start, end)


_RANGES: dict[str, tuple[str, Callable[..., Any]]] = {
    "start": ("The first instant.", lambda span: _instant(span.start)),
    "end": ("The first instant after it.", lambda span: _instant(span.end)),
    "isEmpty": ("Whether it contains no instant.", lambda span: span.start >= span.end),
    "isUnbounded": ("Whether it contains all instants.", lambda span: math.isinf(span.start) and math.isinf(span.end)),
    "intersects": ("Whether both share an instant.", lambda a, b: max(a.start, b.start) < min(a.end, b.end)),
    "intersection": ("The intersection of both.", _common),
    "union": (
        "The smallest range that contains both.",
        lambda a, b: DateRange(min(a.start, b.start), max(a.end, b.end)),
    ),
}

for _name, (_text, _run) in _RANGES.items():
    _run.__doc__ = _text
    _run.__module__ = __name__
    function(f"DateRange.{_name}")(_run)


@function("DateRange.contains")
def contains(span: DateRange, other: Any) -> bool:
    """Whether it contains a date or another range."""
    if isinstance(other, DateRange):
        return span.start <= other.start and other.end <= span.end
    return span.contains(dates.of(other).millis)
