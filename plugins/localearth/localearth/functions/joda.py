"""Date formats in the notation of Joda time."""

import datetime as dt
import re
from collections.abc import Callable, Iterator

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse

_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|.", re.DOTALL)
_AREAS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
_NAMES = {"UTC": "Coordinated Universal Time"} | {
    f"{area[0]}{kind[0]}T": f"{area} {kind} Time"
    for area in ("Pacific", "Mountain", "Central", "Eastern")
    for kind in ("Standard", "Daylight")
}
"""Short and long names of time zones in Java, where Python has the same short name."""

DEFAULT = "YYYY-MM-dd'T'HH:mm:ss"


def parts_of(pattern: str) -> Iterator[tuple[str, str]]:
    """The parts of a pattern: letters that repeat one letter, with that letter; and other text, with an empty one.

    Raises:
        EarthEngineError: a quotation mark is not closed.
    """
    for found in _TOKEN.finditer(pattern):
        if found[0] == "'":
            raise EarthEngineError(f"argument 'format': a quotation mark of {pattern} is not closed.")
        quoted = found[1]
        yield (found[0], found[2] or "") if quoted is None else (quoted.replace("''", "'") or "'", "")


def _number(read: Callable[[dt.datetime], int]) -> Callable[[dt.datetime, int], str]:
    return lambda when, count: str(read(when)).zfill(count)


def _year(read: Callable[[dt.datetime], int]) -> Callable[[dt.datetime, int], str]:
    """Years; two letters are the last two digits (documented by Joda)."""
    return lambda when, count: str(read(when) % 100 if count == 2 else read(when)).zfill(count)


def _month(when: dt.datetime, count: int) -> str:
    if count < 3:
        return str(when.month).zfill(count)
    return when.strftime("%b" if count == 3 else "%B")


def _weekday(when: dt.datetime, count: int) -> str:
    return when.strftime("%a" if count < 4 else "%A")


def _fraction(when: dt.datetime, count: int) -> str:
    return f"{when.microsecond:06d}".ljust(count, "0")[:count]


def _offset(when: dt.datetime, count: int) -> str:
    """Z is +0000, ZZ is +00:00, and ZZZ the id of the time zone (documented by Joda)."""
    if count > 2:
        return _zone_id(when)
    text = when.strftime("%z")
    if len(text) > 5:
        raise EarthEngineError("argument 'format': the local Earth Engine does not write offsets with seconds.")
    return text if count == 1 else f"{text[:3]}:{text[3:]}"


def _zone_id(when: dt.datetime) -> str:
    name = "UTC" if when.tzinfo is dt.UTC else str(getattr(when.tzinfo, "key", ""))
    # Joda replaces old names by new ones, e.g. US/Pacific by America/Los_Angeles.
    if name not in ("UTC", "PST8PDT") and name.split("/")[0] not in _AREAS:
        raise EarthEngineError(f"argument 'format': the local Earth Engine does not know Joda's id of zone '{name}'.")
    return name


def _zone_name(when: dt.datetime, count: int) -> str:
    short, zone = when.tzname() or "", getattr(when.tzinfo, "key", "UTC")
    # The same letters mean other zones elsewhere: CST is also Cuba's and China's.
    known = zone in ("UTC", "PST8PDT") or (zone.startswith("America/") and zone != "America/Havana")
    if short not in _NAMES or not known:
        raise EarthEngineError(
            f"argument 'format': the local Earth Engine does not know Java's name of zone '{short}'."
        )
    return _NAMES[short] if count > 3 else short


_LETTERS: dict[str, Callable[[dt.datetime, int], str]] = {
    "y": _year(lambda when: when.year),
    "Y": _year(lambda when: when.year),
    "M": _month,
    "d": _number(lambda when: when.day),
    "D": _number(lambda when: when.timetuple().tm_yday),
    "H": _number(lambda when: when.hour),
    "h": _number(lambda when: (when.hour - 1) % 12 + 1),
    "K": _number(lambda when: when.hour % 12),
    "k": _number(lambda when: when.hour or 24),
    "C": _number(lambda when: when.year // 100),
    "G": lambda _when, _count: "AD",
    "z": _zone_name,
    "m": _number(lambda when: when.minute),
    "s": _number(lambda when: when.second),
    "w": _number(lambda when: when.isocalendar().week),
    "x": _year(lambda when: when.isocalendar().year),
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
    for text, letter in parts_of(DEFAULT if pattern is None else pattern):
        if letter and letter not in _LETTERS:
            raise refuse("format", letter, f"letters are {', '.join(_LETTERS)}")
        parts.append(_LETTERS[letter](when, len(text)) if letter else text)
    return "".join(parts)
