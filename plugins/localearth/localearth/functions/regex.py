"""Regular expressions as on Google's servers. They are evaluated by RE2, whose time grows linearly with the text.

Google's API samples show the server's rules (ee.String.split): POSIX classes in brackets, no captured groups in a
split, and no empty strings at its end. What Java and RE2 read differently is refused.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import re2

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse

_POSIX = "alpha|digit|alnum|upper|lower|space|blank|punct|xdigit|word|cntrl|graph|print|ascii"
_TOKEN = re.compile(
    r"\\(.)|\[\^?\]?((?:\[:\^?\w+:\]|\\.|[^\]\\])*)\]|\(\?<(?=[A-Za-z])|(\(\?(?!:|P<|[is]+\))|[*+?}]\+|\{,)|.",
    re.DOTALL,
)
_SET = re.compile(r"\[:(\^?)(\w+):\]|\\.|.", re.DOTALL)
_BREAKS = re.compile("[\r\x0b\x85\u2028\u2029]")
"""Characters that are line breaks or blanks to Java, and no line breaks to RE2."""

_REFERENCE = re.compile(r"\\(.)|\$(\d+)|\$\{(\w+)\}|\\|\$|[^\\$]+", re.DOTALL)


def compiled(regex: str, flags: str = "", text: str = "") -> Any:
    """A regular expression for a text, with the flags g and i.

    Raises:
        EarthEngineError: when it is not valid, or means different things to Java and RE2.
    """
    if set(flags) - {"g", "i"}:
        raise refuse("flags", flags, "use 'g' and 'i'")
    if ("i" in flags or "(?i" in regex) and not (regex + text).isascii():
        raise EarthEngineError("argument 'flags': the local Earth Engine ignores the case of ASCII letters only.")
    if _BREAKS.search(text) and re.search(r"[.$]|\\s", regex):
        raise EarthEngineError(
            "the local Earth Engine reads . $ and \\s in text with line breaks only if these are \\n."
        )
    if text.endswith("\n") and "$" in regex:
        raise EarthEngineError("the local Earth Engine does not know whether $ is before a line break at the end.")
    if re.search("[\ud800-\udfff]", regex + text):
        raise EarthEngineError(
            "the local Earth Engine does not support single surrogates, half of a character, in regular expressions."
        )
    if re.search(r"\\b", regex, re.IGNORECASE) and not text.isascii():
        raise EarthEngineError("the local Earth Engine does not know which letters beyond ASCII belong to a word.")
    return _compiled(regex, "i" in flags)


@lru_cache(maxsize=256)
def _compiled(regex: str, ignore_case: bool) -> Any:
    for found in _TOKEN.finditer(regex):
        _check(found)
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    try:
        return re2.compile(regex, options)
    except re2.error as error:
        raise EarthEngineError(f"Invalid regular expression '{regex}': {error.args[0].decode()}.") from None


def _check(found: re.Match[str]) -> None:
    """Refuses a part of a regular expression that Java and RE2 read differently."""
    text = found[0]
    if found[3] or (found[1] and found[1] in "ZQEpPhHRXGCvNkceu0123456789"):
        raise refuse("regex", text, "it is not the same in Java and RE2")
    for member in _SET.finditer(found[2] or ""):
        if member[1] or (member[2] and not re.fullmatch(_POSIX, member[2])):
            raise refuse("regex", member[0], f"POSIX classes are {_POSIX.replace('|', ', ')}")
        # A bracket or && in a class: a union or an intersection to Java, characters to RE2.
        if member[0] == "[" or member.string.startswith("&&", member.start()):
            raise refuse("regex", member.string, r"write \[ and \& for characters in a class")


def matches(pattern: Any, text: str) -> Iterator[Any]:
    """All matches in order. RE2's own iteration repeats some that have no width."""
    last = None
    for found in pattern.finditer(text):
        if found.span() != last:
            yield found
        last = found.span()


def split(text: str, pattern: Any) -> list[str]:
    """The parts between matches, as Java splits: without groups and without empty strings at the end."""
    parts, start = [], 0
    for found in matches(pattern, text):
        # A match of no width at the beginning never gives an empty first part.
        if found.end() == 0:
            continue
        parts.append(text[start : found.start()])
        start = found.end()
    if not start:
        return [text]
    parts.append(text[start:])
    while parts and not parts[-1]:
        parts.pop()
    return parts


def replace(text: str, pattern: Any, replacement: str, everywhere: bool) -> str:
    """Replaces matches, as Java does: `$1` and `${name}` are groups, a backslash quotes the next character."""
    parts, start = [], 0
    for found in islice(matches(pattern, text), None if everywhere else 1):
        parts.append(text[start : found.start()])
        parts += (_part(found, piece) for piece in _REFERENCE.finditer(replacement))
        start = found.end()
    return "".join([*parts, text[start:]])


def _part(found: Any, piece: re.Match[str]) -> str:
    quoted, number, name = piece.groups()
    if quoted is not None:
        return str(quoted)
    if name is not None and name in found.re.groupindex:
        return found[name] or ""
    if number is not None:
        # The longest number that is a group, as in Java; the other digits are text.
        size = next((n for n in range(len(number), 0, -1) if int(number[:n]) <= found.re.groups), 0)
        if size:
            return (found[int(number[:size])] or "") + number[size:]
    if piece[0][0] in "$\\":
        raise EarthEngineError(f"Invalid replacement: the regular expression has no group '{piece[0]}'.")
    return piece[0]
