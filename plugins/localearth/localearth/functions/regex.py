"""Regular expressions: those of the server, whose libraries are Java's, compiled with Python's `re`.

Google's API samples show the server's rules (ee.String.split): POSIX classes in brackets, no captured groups in a
split, and no empty strings at its end. What Java and RE2 read differently is refused.
"""

import re
from functools import lru_cache

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse

_POSIX = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "0-9a-zA-Z",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\t\n\v\f\r ",
    "blank": r"\t ",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "word": "0-9A-Za-z_",
    "cntrl": r"\x00-\x1f\x7f",
    "graph": "!-~",
    "print": " -~",
    "ascii": r"\x00-\x7f",
}
_TOKEN = re.compile(
    r"\\(.)|\[\^?\]?((?:\[:\^?\w+:\]|\\.|[^\]\\])*)\]|\(\?<(?=[A-Za-z])|(\(\?(?!:|P<|[is]+\))|[*+?}]\+|\{,)|.",
    re.DOTALL,
)
_SET = re.compile(r"\[:(\^?)(\w+):\]|\\.|.", re.DOTALL)
_BREAKS = re.compile("[\r\x0b\x85\u2028\u2029]")
"""Characters that are line breaks or blanks to Java, and no line breaks to RE2."""

_REFERENCE = re.compile(r"\\(.)|\$(\d+)|\$\{(\w+)\}|\\|\$|[^\\$]+", re.DOTALL)


def compiled(regex: str, flags: str = "", text: str = "") -> re.Pattern[str]:
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
    if re.search(r"\\b", regex, re.IGNORECASE) and not text.isascii():
        raise EarthEngineError("the local Earth Engine does not know which letters beyond ASCII belong to a word.")
    return _compiled(regex, "i" in flags)


@lru_cache(maxsize=256)
def _compiled(regex: str, ignore_case: bool) -> re.Pattern[str]:
    translated = "".join(_translated(found) for found in _TOKEN.finditer(regex))
    try:
        # Character classes such as \w are those of ASCII, in Java as in RE2.
        return re.compile(translated, re.ASCII | (re.IGNORECASE if ignore_case else re.NOFLAG))
    except re.error as error:
        raise EarthEngineError(f"Invalid regular expression '{regex}': {error}.") from None


def _translated(found: re.Match[str]) -> str:
    text = found[0]
    if found[1] == "z":
        return r"\Z"
    if found[3] or (found[1] and found[1] in "ZQEpPhHRXGCvNkceu0123456789"):
        raise refuse("regex", text, "it is not the same in Java and RE2")
    if text == "(?<":
        return "(?P<"
    if found[2] is None:
        return text
    start = text[: len(text) - len(found[2]) - 1]
    return start + "".join(map(_member, _SET.finditer(found[2]))) + "]"


def _member(found: re.Match[str]) -> str:
    if found[2] is None:
        # A bracket or && in a class: a union or an intersection to Java, characters to RE2.
        if found[0] == "[" or found.string.startswith("&&", found.start()):
            raise refuse("regex", found.string, r"write \[ and \& for characters in a class")
        return "\\" + found[0] if found[0] in "~|" else found[0]
    if found[1] or found[2] not in _POSIX:
        raise refuse("regex", found[0], f"POSIX classes are {', '.join(_POSIX)}")
    return _POSIX[found[2]]


def split(text: str, pattern: re.Pattern[str]) -> list[str]:
    """The parts between matches, as Java splits: without groups and without empty strings at the end."""
    parts, start = [], 0
    for found in pattern.finditer(text):
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


def replace(text: str, pattern: re.Pattern[str], replacement: str, everywhere: bool) -> str:
    """Replaces matches, as Java does: `$1` and `${name}` are groups, a backslash quotes the next character."""

    def expand(found: re.Match[str]) -> str:
        return "".join(_part(found, piece) for piece in _REFERENCE.finditer(replacement))

    return pattern.sub(expand, text, count=0 if everywhere else 1)


def _part(found: re.Match[str], piece: re.Match[str]) -> str:
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
