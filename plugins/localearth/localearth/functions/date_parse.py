"""Dates from text, by a pattern in the notation of Joda time."""

import re

from localearth.errors import EarthEngineError
from localearth.functions.joda import parts_of
from localearth.functions.support import refuse
from localearth.registry import function
from localearth.values import date as dates
from localearth.values.date import Date

_FULL = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTHS = [name[:3] for name in _FULL]
_NUMBERS = {
    "y": "year",
    "Y": "year",
    "M": "month",
    "d": "day",
    "D": "ordinal",
    "H": "hour",
    "m": "minute",
    "s": "second",
}


def _regex(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern. Numbers take as many digits as Joda's do: 9 for a year, else 2 or 3."""
    tokens = list(parts_of(pattern))
    parts = []
    for i, (text, letter) in enumerate(tokens):
        if not letter:
            parts.append(re.escape(text))
        elif letter == "M" and len(text) > 2:
            parts.append("(?P<name>" + "|".join([*_FULL, *_MONTHS]) + ")")
        elif letter == "S":
            parts.append(f"(?P<fraction>\\d{{1,{len(text)}}})")
        elif letter in _NUMBERS:
            near = i + 1 < len(tokens) and tokens[i + 1][1] in _NUMBERS
            year = str(len(text)) if near else "9"
            most = year if letter in "yY" else "3" if letter == "D" else "2"
            if letter in "yY" and len(text) == 2:
                parts.append("(?P<short>\\d{2})")
            else:
                parts.append(f"(?P<{_NUMBERS[letter]}>\\d{{1,{most}}})")
        else:
            raise refuse("format", letter, f"letters are {', '.join([*_NUMBERS, 'S'])}")
    try:
        return re.compile("".join(parts), re.IGNORECASE | re.ASCII)
    except re.error:
        raise EarthEngineError(f"argument 'format': '{pattern}' has a field twice.") from None


def _century(two_digits: int) -> int:
    """The year of two digits: Joda's are those near to today, so that the ones in the middle depend on the day."""
    if 45 < two_digits < 60:
        raise EarthEngineError(f"the local Earth Engine does not know the century of year {two_digits:02d}.")
    return two_digits + (2000 if two_digits <= 45 else 1900)


@function("Date.parse", note="Joda patterns of y Y M d D H m s S and quoted text.")
def parse(pattern: str, text: str, zone: str | None) -> Date:
    """A date from text."""
    found = _regex(pattern).fullmatch(text)
    if found is None:
        raise EarthEngineError(f"Bad date/time '{text}' for the pattern '{pattern}'.")
    fields = {name: value for name, value in found.groupdict().items() if value is not None}
    # Without a year Joda takes 2000 if a month or a day is given (DateTimeFormatter.withDefaultYear), else 1970.
    year = 2000 if {"month", "name", "day", "ordinal"} & set(fields) else 1970
    if "year" in fields or "short" in fields:
        year = int(fields["year"]) if "year" in fields else _century(int(fields["short"]))
    month = int(fields.get("month", 1))
    if "name" in fields:
        month = _MONTHS.index(fields["name"].lower()[:3]) + 1
    clock = ":".join(f"{int(fields.get(name, 0)):02d}" for name in ("hour", "minute", "second"))
    fraction = f".{fields['fraction']}" if "fraction" in fields else ""
    if "ordinal" in fields:
        day = f"{int(fields['ordinal']):03d}"
        if "month" in fields or "name" in fields or "day" in fields:
            raise EarthEngineError("argument 'format': either the day of the year or month and day.")
    else:
        day = f"{month:02d}-{int(fields.get('day', 1)):02d}"
    return dates.parse(f"{year:04d}-{day}T{clock}{fraction}", zone)
