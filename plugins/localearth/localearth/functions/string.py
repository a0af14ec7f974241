"""Strings."""

import json
from typing import Any

from localearth.encode import encode
from localearth.errors import EarthEngineError
from localearth.functions import regex as regular
from localearth.promote import is_number
from localearth.registry import function
from localearth.values.date import Date
from localearth.values.projection import whole

_FLAGS = "`flags` g and i only."


@function("String")
def make(value: Any) -> str:
    """A string from a string or number."""
    if isinstance(value, str):
        return value
    if is_number(value):
        text = str(whole(value))
        if "e" in text:
            raise EarthEngineError(f"argument 'input': the local Earth Engine does not know how Java writes {text}.")
        return text
    if isinstance(value, Date):
        return value.at().strftime("%Y-%m-%dT%H:%M:%S")
    return written(value)


def written(value: Any) -> str:
    """A value as JSON, as the server writes it."""
    try:
        return json.dumps(encode(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise EarthEngineError("argument 'object': JSON has no infinite numbers and no NaN.") from None


def _units(text: str) -> str:
    """Text whose characters are Java's units of 16 bits."""
    if any(ord(character) > 0xFFFF for character in text):
        raise EarthEngineError("the local Earth Engine does not count characters beyond 16 bits, such as emoji.")
    return text


@function("String.cat")
def cat(one: str, two: str) -> str:
    """Both strings as one."""
    return one + two


@function("String.length")
def length(text: str) -> int:
    """The number of characters."""
    return len(_units(text))


@function("String.slice")
def slice_text(text: str, start: int, end: int | None) -> str:
    """A slice, as in Python."""
    return _units(text)[start:end]


@function("String.index")
def index(text: str, pattern: str) -> int:
    """The first position of a substring, or -1."""
    return _units(text).find(pattern)


@function("String.rindex")
def rindex(text: str, pattern: str) -> int:
    """The last position of a substring, or -1."""
    return _units(text).rfind(pattern)


@function("String.toLowerCase")
def lower(text: str) -> str:
    """The string in lower case."""
    return text.lower()


@function("String.toUpperCase")
def upper(text: str) -> str:
    """The string in upper case."""
    return text.upper()


@function("String.trim")
def trim(text: str) -> str:
    """The string without blanks and control characters at both ends, as Java trims."""
    return text.strip("".join(map(chr, range(33))))


@function("String.equals")
def equals(text: str, other: Any) -> bool:
    """Whether both strings are equal."""
    return bool(text == other)


@function("String.compareTo")
def compare(one: str, two: str) -> int:
    """-1, 0 or 1 by lexicographic order."""
    return (one > two) - (one < two)


@function("String.split", note=_FLAGS)
def split(text: str, regex: str, flags: str) -> list[str]:
    """The parts between the matches of a regular expression; the characters if it is empty."""
    return list(text) if not regex else regular.split(text, regular.compiled(regex, flags))


@function("String.match", note=_FLAGS)
def match(text: str, regex: str, flags: str) -> list[str]:
    """The first match and its groups; with the flag g, all matches."""
    pattern = regular.compiled(regex, flags)
    if "g" in flags:
        return [found[0] for found in pattern.finditer(text)]
    found = pattern.search(text)
    return [] if found is None else [found[0], *(group or "" for group in found.groups())]


@function("String.replace", note=_FLAGS)
def replace(text: str, regex: str, replacement: str, flags: str) -> str:
    """The string with the first match replaced, or all matches with the flag g. `$1` is a group."""
    return regular.replace(text, regular.compiled(regex, flags), replacement, "g" in flags)


@function("String.encodeJSON")
def encode_json(value: Any) -> str:
    """A value as JSON, without blanks; keys in alphabetical order (https://github.com/google/earthengine-community)."""
    return written(value)


@function("String.decodeJSON")
def decode_json(text: str) -> Any:
    """A value from JSON."""
    try:
        return json.loads(text)
    except ValueError:
        raise EarthEngineError("Invalid JSON.") from None
