"""Date formats in the notation of Joda time."""

import datetime as dt
import re
from collections.abc import Callable

from localearth.errors import EarthEngineError

_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|.", re.DOTALL)
DEFAULT = "YYYY-MM-dd'T'HH:mm:ss"


def _number(read: Callable[[dt.datetime], int]) -> Callable[[dt.datetime, int], str]:
    return lambda when, count: str(read(when)).zfill(count)


def _year(when: dt.datetime, count: int) -> str:
    return str(when.year % 100).zfill(2) if count == 2 else str(when.year).zfill(count)


def _month(when: dt.datetime, count: int) -> str:
    if count < 3:
        return str(when.month).zfill(count)
    return when.strftime("%b" if count == 3 else "%B")


def _weekday(when: dt.datetime, count: int) -> str:
    return when.strftime("%a" if count < 4 else "%A")


def _fraction(when: dt.datetime, count: int) -> str:
    return f"{when.microsecond:06d}".ljust(count, "0")[:count]


def _offset(when: dt.datetime, count: int) -> str:
    text = when.strftime("%z")[:5]
    return text if count == 1 else f"{text[:3]}:{text[3:]}"


_LETTERS: dict[str, Callable[[dt.datetime, int], str]] = {
    "y": _year,
    "Y": _year,
    "M": _month,
    "d": _number(lambda when: when.day),
    "D": _number(lambda when: when.timetuple().tm_yday),
    "H": _number(lambda when: when.hour),
    "h": _number(lambda when: (when.hour - 1) % 12 + 1),
    "m": _number(lambda when: when.minute),
    "s": _number(lambda when: when.second),
    "w": _number(lambda when: when.isocalendar().week),
    "x": _number(lambda when: when.isocalendar().year),
    "e": _number(lambda when: when.isoweekday()),
    "S": _fraction,
    "E": _weekday,
    "a": lambda when, _count: "AM" if when.hour < 12 else "PM",
    "Z": _offset,
}


def format_date(when: dt.datetime, pattern: str | None) -> str:
    """Formats an aware datetime with a Joda pattern.

    Raises:
        EarthEngineError: for an unsupported letter.
    """
    parts = []
    for found in _TOKEN.finditer(DEFAULT if pattern is None else pattern):
        text = found[0]
        if found[1] is not None:
            parts.append(found[1].replace("''", "'") or "'")
        elif found[2] is None:
            parts.append(text)
        elif found[2] in _LETTERS:
            parts.append(_LETTERS[found[2]](when, len(text)))
        else:
            raise EarthEngineError(f"argument 'format': the local Earth Engine does not support letter '{found[2]}'.")
    return "".join(parts)
