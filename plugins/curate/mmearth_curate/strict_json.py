"""Reads JSON files for checks, in full or entry by entry, and reports constants that strict JSON does not allow.

Python accepts these constants.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from attrs import define, frozen

from mmearth_core.json_files import json_errors

_CHUNK = 1 << 20
"""Number of characters read at once."""

_LONGEST = 1 << 26
"""Maximum length of an entry, characters."""

_OF_NUMBERS = "0123456789.eE+-"

_SPACES = re.compile(r"[ \t\r\n]*")


@frozen
class Parsed:
    """A value, and the constants in it that strict JSON does not allow: NaN, Infinity, -Infinity."""

    value: Any
    constants: tuple[str, ...]


def read_strictly(path: Path) -> Parsed:
    """Reads a complete file.

    Raises:
        JSONFileError: when it is missing, or is not valid JSON.
    """
    constants: list[str] = []
    with json_errors():
        text = path.read_text(encoding="utf-8")
        return Parsed(json.loads(text, parse_constant=_noting(constants)), tuple(constants))


def read_entries(path: Path) -> Iterator[tuple[str, Parsed]]:
    """Yields the members of the JSON object in a file, with one in memory at a time.

    Raises:
        JSONFileError: when the file is missing, or is not a JSON object.
    """
    with json_errors(), path.open(encoding="utf-8") as file:
        yield from _Reader(file).members()


def _noting(constants: list[str]) -> Callable[[str], float]:
    def note(constant: str) -> float:
        constants.append(constant)
        return float(constant)

    return note


@define
class _Reader:
    """A window on the file: `text`, of which the part from `position` on is not yet parsed."""

    file: TextIO
    text: str = ""
    position: int = 0
    at_end: bool = False

    def members(self) -> Iterator[tuple[str, Parsed]]:
        self._take("{")
        more = self._next() != "}"
        while more:
            key = self._value().value
            if not isinstance(key, str):
                raise ValueError(f"key {key!r} is not text")
            self._take(":")
            yield key, self._value()
            more = self._next() == ","
            if more:
                self._take(",")
        self._take("}")
        if self._next():
            raise ValueError("there is more after the object's end")

    def _next(self) -> str:
        """The next character that is not a space; empty at the end of the file."""
        while True:
            self.position += len(_SPACES.match(self.text, self.position)[0])  # type: ignore[index]  # always matches
            if self.at_end or self.position < len(self.text):
                return self.text[self.position : self.position + 1]
            self._read_more()

    def _take(self, expected: str) -> None:
        found = self._next()
        if found != expected:
            raise ValueError(f"found {found or 'the end of the file'!r}, expected {expected!r}")
        self.position += 1

    def _value(self) -> Parsed:
        self._next()
        while True:
            constants: list[str] = []
            try:
                value, end = json.JSONDecoder(parse_constant=_noting(constants)).raw_decode(self.text, self.position)
            except json.JSONDecodeError:
                if self.at_end or len(self.text) - self.position > _LONGEST:
                    raise
            else:
                if self.at_end or not self._may_continue(end):
                    self.position = end
                    return Parsed(value, tuple(constants))
            self._read_more()

    def _may_continue(self, end: int) -> bool:
        """Whether the unread text may be part of a number that ends at `end`: from `1.` json takes the 1."""
        return end == len(self.text) or (self.text[end] in _OF_NUMBERS and not self.text[end:].strip(_OF_NUMBERS))

    def _read_more(self) -> None:
        rest = self.text[self.position :]
        # At least as much again, so that a long entry is not parsed too often.
        more = self.file.read(max(_CHUNK, len(rest)))
        self.text, self.position, self.at_end = rest + more, 0, not more
