"""JSON side files: small ones are read and written in full, tile_info is read entry by entry.

Both readers note the constants that Python accepts and strict JSON does not allow.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from attrs import define, frozen

from mmearth_core.files import written_aside

_CHUNK = 1 << 20
"""Characters read at once."""

_LONGEST = 1 << 26
"""Characters of the longest entry."""

_OF_NUMBERS = "0123456789.eE+-"

_SPACES = re.compile(r"[ \t\r\n]*")


class JSONFileError(Exception):
    """Why a file cannot be read as JSON; a clause."""


@frozen
class Parsed:
    """A value, and the constants in it that strict JSON does not allow: NaN, Infinity, -Infinity."""

    value: Any
    constants: tuple[str, ...]


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise JSONFileError("is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise JSONFileError(f"cannot be read as JSON: {error}") from error


def read_json(path: Path) -> Parsed:
    """Reads a full file.

    Raises:
        JSONFileError: when it is missing, or is not valid JSON.
    """
    constants: list[str] = []
    with _readable():
        text = path.read_text(encoding="utf-8")
        return Parsed(json.loads(text, parse_constant=_noting(constants)), tuple(constants))


def write_json(path: Path, content: Any) -> None:
    """Writes strict JSON, to another file that is then renamed.

    Raises:
        ValueError: when the content contains nan or an infinity.
    """
    with written_aside(path) as aside:
        aside.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def write_entries(path: Path, entries: Iterable[tuple[str, Any]]) -> None:
    """Writes an object member by member, one per line, as strict JSON.

    Raises:
        ValueError: when a value is not strict JSON; names the member.
    """
    with path.open("w", encoding="utf-8") as file:
        lead = "{\n"
        for name, value in entries:
            try:
                text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name!r} is not strict JSON ({error})") from error
            file.write(f"{lead}{json.dumps(name, ensure_ascii=False)}: {text}")
            lead = ",\n"
        file.write("\n}\n")


def read_entries(path: Path) -> Iterator[tuple[str, Parsed]]:
    """Yields the members of the JSON object in a file, with one in memory at a time.

    Raises:
        JSONFileError: when the file is missing, or is not a JSON object.
    """
    with _readable(), path.open(encoding="utf-8") as file:
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
