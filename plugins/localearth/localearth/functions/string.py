"""Strings."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions import regex as regular
from localearth.functions.support import refuse
from localearth.promote import is_number, type_name
from localearth.registry import function
from localearth.values.compare import text_key
from localearth.values.pixel_type import INT64, text_of
from localearth.values.projection import whole

_FLAGS = "`flags` g and i only."


@function("String")
def make(value: Any) -> str:
    """A string from a string or number."""
    if isinstance(value, str):
        return value
    if is_number(value):
        return text_of(value)
    raise EarthEngineError("argument 'input': the local Earth Engine supports strings and numbers.")


_ESCAPED = re.compile("[<>&='\x7f-\x9f\u2028\u2029]")
"""Characters that Java's libraries for JSON write differently."""


def _plain(value: Any) -> Any:
    """A value of primitives, lists and dictionaries (documented), which every library writes equally as JSON."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(text_of(value))
    if value is None or isinstance(value, bool | int) or (isinstance(value, str) and not _ESCAPED.search(value)):
        return value
    shown = repr(value) if isinstance(value, str) else f"a {type_name(value)}"
    raise EarthEngineError(f"argument 'object': the local Earth Engine does not know how {shown} is written as JSON.")


def _units(text: str) -> str:
    """Text whose characters are Java's units of 16 bits."""
    if not text.isascii() and any(ord(character) > 0xFFFF for character in text):
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
    found = text.strip("".join(map(chr, range(33))))
    if found != text.strip():
        raise EarthEngineError("the local Earth Engine does not know which blanks beyond ASCII are removed.")
    return found


@function("String.equals")
def equals(text: str, other: Any) -> bool:
    """Whether both strings are equal."""
    return isinstance(other, str) and text == other


@function("String.compareTo")
def compare(one: str, two: str) -> int:
    """-1, 0 or 1 by lexicographic order of the units of 16 bits, as in Java."""
    left, right = text_key(one), text_key(two)
    return (left > right) - (left < right)


@function("String.split", note="`flags` i only.")
def split(text: str, regex: str, flags: str) -> list[str]:
    """The parts between the matches of a regular expression; the characters if it is empty."""
    if flags not in ("", "i"):
        raise refuse("flags", flags, "use 'i'")
    if not regex and text:
        return list(_units(text))
    return regular.split(text, regular.compiled(regex, flags, text))


@function("String.match", note=_FLAGS)
def match(text: str, regex: str, flags: str) -> list[str]:
    """The first match and its groups; with the flag g, all matches without groups, as geetools' tests need."""
    pattern = regular.compiled(regex, flags, text)
    if "g" in flags:
        return [found[0] for found in regular.matches(pattern, text)]
    found = pattern.search(text)
    if found is None:
        return []
    if None in found.groups():
        raise EarthEngineError("the local Earth Engine does not know the result of a group that takes no part.")
    return [found[0], *found.groups()]


@function("String.replace", note=_FLAGS)
def replace(text: str, regex: str, replacement: str, flags: str) -> str:
    """The string with the first match replaced, or all matches with the flag g. `$1` is a group."""
    return regular.replace(text, regular.compiled(regex, flags, text), replacement, "g" in flags)


@function("String.encodeJSON")
def encode_json(value: Any) -> str:
    """A value as JSON, without blanks; keys in alphabetical order (https://github.com/google/earthengine-community)."""
    return json.dumps(_plain(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise EarthEngineError("the local Earth Engine does not know what a duplicate key in JSON means.")
    return found


def _number(text: str) -> float:
    value = int(text) if text.lstrip("-").isdigit() else float(text)
    if not math.isfinite(value) or (isinstance(value, int) and not INT64[0] <= value <= INT64[1]):
        raise EarthEngineError(f"the local Earth Engine does not read {text} in JSON.")
    return whole(value)


@function("String.decodeJSON")
def decode_json(text: str) -> Any:
    """A value from JSON; whole numbers are integers, because JSON does not distinguish 1 and 1.0."""
    try:
        return json.loads(
            text, object_pairs_hook=_pairs, parse_float=_number, parse_int=_number, parse_constant=_number
        )
    except ValueError:
        raise EarthEngineError("Invalid JSON.") from None
