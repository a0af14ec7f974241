"""Dates and date ranges: milliseconds since 1970, and calendar arithmetic on them."""

import datetime as dt
import math
import re
from calendar import monthrange
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

from localearth.errors import EarthEngineError

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY = 86_400_000.0
MILLISECONDS = {
    "year": 365.2425 * _DAY,
    "month": 365.2425 / 12 * _DAY,
    "week": 7 * _DAY,
    "day": _DAY,
    "hour": 3_600_000.0,
    "minute": 60_000.0,
    "second": 1000.0,
}
"""The average length of a unit (Google: "based on the average length of the unit")."""

_TEXT = re.compile(
    r"(\d{4})(?:-(\d{3})|-(\d{1,2})(?:-(\d{1,2}))?)?"
    r"(?:[T ](\d{2})(?::(\d{2})(?::(\d{2})(?:\.(\d+))?)?)?)?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)


@frozen(order=True)
class Date:
    """An instant, in whole milliseconds as in Joda time; a fraction is cut off, as Java does."""

    millis: int = field(converter=int)

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it."""
        return {"type": "Date", "value": self.millis}

    def at(self, zone: str | None = None) -> dt.datetime:
        """As a datetime in a time zone (UTC unless named)."""
        try:
            return (_EPOCH + dt.timedelta(milliseconds=self.millis)).astimezone(tz(zone))
        except OverflowError:
            raise EarthEngineError("Date: the local Earth Engine supports the years 1 to 9999.", placed=True) from None


@frozen
class DateRange:
    """The instants from start to end, exclusive."""

    start: float
    end: float

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it."""
        return {"type": "DateRange", "dates": [_finite(self.start), _finite(self.end)]}

    def contains(self, millis: float) -> bool:
        """Whether it contains an instant."""
        return self.start <= millis < self.end


def _finite(value: float) -> int | None:
    return int(value) if math.isfinite(value) else None


def tz(zone: str | None) -> dt.tzinfo:
    """A time zone by its name."""
    if zone is None or zone in ("UTC", "GMT", "Z"):
        return dt.UTC
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise EarthEngineError(f"The datetime zone id '{zone}' is not recognised.") from None


def of_datetime(value: dt.datetime) -> Date:
    """The instant of an aware datetime."""
    return Date((value - _EPOCH) / dt.timedelta(milliseconds=1))


def parse(text: str, zone: str | None = None) -> Date:
    """Parses an ISO date or time, or a year and day of year: `1996-01-01`, `1996-001`, `1996-01-01T08:00`.

    Raises:
        EarthEngineError: when the text is not a date.
    """
    found = _TEXT.fullmatch(text)
    if not found:
        raise EarthEngineError(f"Date: Bad date/time '{text}'.", placed=True)
    year, ordinal, month, day, hour, minute, second, fraction, offset = found.groups()
    where = tz(zone)
    if offset and offset != "Z":
        sign = -1 if offset[0] == "-" else 1
        where = dt.timezone(sign * dt.timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:])))
    try:
        when = dt.datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int(((fraction or "") + "000")[:3]) * 1000,
            tzinfo=dt.UTC if offset == "Z" else where,
        )
        if ordinal:
            day = dt.date.fromordinal(dt.date(int(year), 1, 1).toordinal() + int(ordinal) - 1)
            if day.year != int(year):
                raise ValueError
            when = when.replace(month=day.month, day=day.day)
    except ValueError:
        raise EarthEngineError(f"Date: Bad date/time '{text}'.", placed=True) from None
    found_date = of_datetime(when)
    if found_date.at().astimezone(when.tzinfo).replace(tzinfo=None) != when.replace(tzinfo=None):
        # Joda has no instant for it (IllegalInstantException).
        raise EarthEngineError(f"Date: the clocks of the time zone skip '{text}'.", placed=True)
    return found_date


def of(value: Any, zone: str | None = None) -> Date:
    """A date from a date, milliseconds or text."""
    if isinstance(value, Date):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return Date(int(value))
    if isinstance(value, str):
        return parse(value, zone)
    raise EarthEngineError("Date: A date must be a number, a string or a Date.", placed=True)


def unit_name(unit: str) -> str:
    """The singular of a unit.

    Raises:
        EarthEngineError: for an unknown unit.
    """
    name = unit.lower().removesuffix("s")
    if name not in MILLISECONDS:
        raise EarthEngineError(f"Unknown unit '{unit}'. Units are: {', '.join(MILLISECONDS)}.")
    return name


def moved(when: dt.datetime, **fields: int) -> Date:
    """A local time with other fields: with the same offset from UTC if it has it (Joda's `convertLocalToUTC`)."""
    local = when.replace(**fields)  # type: ignore[arg-type]
    kept = local.replace(tzinfo=dt.timezone(when.utcoffset() or dt.timedelta()))
    return of_datetime(kept if kept.astimezone(when.tzinfo).utcoffset() == when.utcoffset() else local.replace(fold=0))


def advance(date: Date, delta: float, unit: str, zone: str | None = None) -> Date:
    """Adds units; whole years and months follow the calendar (the day is limited to the month's length)."""
    name = unit_name(unit)
    when = date.at(zone)
    if not math.isfinite(delta):
        raise EarthEngineError(f"argument 'delta': a finite number is needed, not {delta}.")
    local = name in ("year", "month") or (name in ("week", "day") and when.tzinfo is not dt.UTC)
    if local and delta != int(delta):
        # Nothing says whether a fraction is one of this year, month or day, or of an average one.
        raise EarthEngineError(f"argument 'delta': the local Earth Engine does not advance by {delta} {unit} here.")
    try:
        if name in ("year", "month"):
            month = when.month - 1 + int(delta) * (12 if name == "year" else 1)
            year, month = when.year + month // 12, month % 12 + 1
            return moved(when, year=year, month=month, day=min(when.day, monthrange(year, month)[1]))
        if local:
            later = when.replace(tzinfo=None) + dt.timedelta(days=int(delta) * (7 if name == "week" else 1))
            return moved(when, year=later.year, month=later.month, day=later.day)
    except (ValueError, OverflowError):
        raise EarthEngineError("the local Earth Engine supports the years 1 to 9999.") from None
    return Date(date.millis + delta * MILLISECONDS[name])


def floor(date: Date, unit: str, zone: str | None = None) -> Date:
    """The start of the unit that contains the date; weeks start on Monday."""
    when = date.at(zone)
    name = unit_name(unit)
    if name == "week":
        when -= dt.timedelta(days=when.weekday())
        name = "day"
    order = ["year", "month", "day", "hour", "minute", "second"]
    starts = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
    reset = {later: starts[later] for later in order[order.index(name) + 1 :]}
    return moved(when, microsecond=0, **reset)
