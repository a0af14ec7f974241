"""The side files: small ones read and written whole, tile_info read entry by entry; noting what strict JSON forbids."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from attrs import define, frozen

from mmearth_core.files import written_aside

_CHUNK = 1 << 20
_LONGEST = 1 << 26
"""Characters read at once, and characters of the longest entry."""

_OF_NUMBERS = "0123456789.eE+-"


class JSONFileError(Exception):
    """Why a file cannot be read as JSON; a clause."""


@frozen
class Parsed:
    """A value, and the constants in it that strict JSON lacks: NaN, Infinity, -Infinity."""

    value: Any
    constants: tuple[str, ...]


def read_json(path: Path) -> Parsed:
    """Reads a whole file.

    Raises:
        JSONFileError: when it is not there, or is no JSON.
    """
    constants: list[str] = []
    try:
        text = path.read_text(encoding="utf-8")
        return Parsed(json.loads(text, parse_constant=_noting(constants)), tuple(constants))
    except FileNotFoundError:
        raise JSONFileError("is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise JSONFileError(f"cannot be read as JSON: {error}") from error


def write_json(path: Path, content: Any) -> None:
    """Writes strict JSON, aside and renamed.

    Raises:
        ValueError: when the content holds nan or an infinity.
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
    """Yields the members of the object that a file holds, with one in memory at a time.

    Raises:
        JSONFileError: when the file is not there, or is no JSON object.
    """
    try:
        with path.open(encoding="utf-8") as file:
            yield from _Reader(file).members()
    except FileNotFoundError:
        raise JSONFileError("is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise JSONFileError(f"cannot be read as JSON: {error}") from error


def _noting(constants: list[str]) -> Any:
    def note(constant: str) -> float:
        constants.append(constant)
        return float(constant)

    return note


@define
class _Reader:
    """What of the file is at hand: `text`, from `place` on."""

    file: TextIO
    text: str = ""
    place: int = 0
    at_end: bool = False

    def members(self) -> Iterator[tuple[str, Parsed]]:
        self._take("{")
        if self._next() == "}":
            self._take("}")
        else:
            while True:
                key = self._value().value
                if not isinstance(key, str):
                    raise ValueError(f"key {key!r} is no text")
                self._take(":")
                yield key, self._value()
                if self._take(",}") == "}":
                    break
        if self._next():
            raise ValueError("there is more after the object's end")

    def _next(self) -> str:
        """The next character that is no space; nothing at the file's end."""
        while True:
            while self.place < len(self.text):
                if self.text[self.place] not in " \t\r\n":
                    return self.text[self.place]
                self.place += 1
            if self.at_end:
                return ""
            self._more()

    def _take(self, allowed: str) -> str:
        found = self._next()
        if not found or found not in allowed:
            raise ValueError(f"{found or 'the end of the file'!r} stands where one of {allowed!r} is due")
        self.place += 1
        return found

    def _value(self) -> Parsed:
        self._next()
        while True:
            constants: list[str] = []
            try:
                value, end = json.JSONDecoder(parse_constant=_noting(constants)).raw_decode(self.text, self.place)
            except json.JSONDecodeError:
                if self.at_end or len(self.text) - self.place > _LONGEST:
                    raise
            else:
                if self.at_end or not self._may_go_on(end):
                    self.place = end
                    return Parsed(value, tuple(constants))
            self._more()

    def _may_go_on(self, end: int) -> bool:
        """Whether what is not yet read may belong to a number before `end`: of `1.` json takes the 1."""
        return end == len(self.text) or (self.text[end] in _OF_NUMBERS and not self.text[end:].strip(_OF_NUMBERS))

    def _more(self) -> None:
        rest = self.text[self.place :]
        more = self.file.read(max(_CHUNK, len(rest)))
        self.text, self.place, self.at_end = rest + more, 0, not more
