"""tile_info.json read and written entry by entry: it has gigabytes for a million tiles."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmearth_core.errors import DatasetError

Entry = dict[str, Any]

_PIECE = 1 << 20
"""Characters read at once."""

_SPACE = re.compile(r"[ \t\r\n]*")


class _Text:
    """A JSON text, read as far as it is needed."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._text, self._place, self._before = "", 0, 0
        self._decoder = json.JSONDecoder()

    @property
    def place(self) -> int:
        """Characters taken so far."""
        return self._before + self._place

    def sign(self) -> str:
        """Takes the next character that is no space; empty at the end."""
        while True:
            self._place = _SPACE.match(self._text, self._place).end()  # type: ignore[union-attr] # matches nothing too
            if self._place < len(self._text):
                self._place += 1
                return self._text[self._place - 1]
            if not self._more(_PIECE):
                return ""

    def value(self, first: str) -> Any:
        """Takes a text or an object whose first character has been taken.

        Raises:
            ValueError: it is none, or cut short.
        """
        if first not in ('"', "{"):
            raise ValueError(f"found {first or 'the end'!r}")
        start, wanted = self._place - 1, _PIECE
        while True:
            try:
                value, self._place = self._decoder.raw_decode(self._text, start)
                return value
            except json.JSONDecodeError as error:
                self._place = start
                if not self._more(wanted):
                    raise ValueError(error.msg) from error
                start, wanted = 0, 2 * wanted

    def _more(self, wanted: int) -> bool:
        piece = self._file.read(wanted)
        self._before += self._place
        self._text, self._place = self._text[self._place :] + piece, 0
        return bool(piece)


def entries(path: Path) -> Iterator[tuple[str, Entry]]:
    """All tiles and their entries, in the order of the file.

    Raises:
        DatasetError: when it is missing, or not `{tile_id: {...}}`.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = _Text(file)
            try:
                yield from _members(text)
            except ValueError as error:
                raise DatasetError(
                    f"{path}: is no JSON of the form {{TILE_ID: {{...}}}}, or is cut short: {error}, after character "
                    f"{text.place}. Write it again with `mmearth-core post info`."
                ) from error
    except FileNotFoundError:
        raise DatasetError(
            f"{path}: there is no such file, and a dataset has one. Write it with `mmearth-core post info`."
        ) from None


def _members(text: _Text) -> Iterator[tuple[str, Entry]]:
    if (first := text.sign()) != "{":
        raise ValueError(f"found {first or 'the end'!r}")
    after = text.sign()
    while after != "}":
        key = text.value(after)
        if not isinstance(key, str) or text.sign() != ":":
            raise ValueError("found no key with a colon")
        entry = text.value(text.sign())
        if not isinstance(entry, dict):
            raise ValueError(f"the entry of {key!r} is no object")
        yield key, entry
        after = text.sign()
        if after == ",":
            after = text.sign()
        elif after != "}":
            raise ValueError(f"found {after or 'the end'!r} between two tiles")


def entries_of(path: Path, ids: list[str]) -> Iterator[tuple[str, Entry]]:
    """The entries of some tiles, in their order; where the file has the same order, one is held at a time.

    Raises:
        DatasetError: when a tile has none.
    """
    wanted, waiting = set(ids), dict[str, Entry]()
    stream = entries(path)
    for tile_id in ids:
        while tile_id not in waiting:
            found = next(stream, None)
            if found is None:
                raise DatasetError(
                    f"{path}: has no entry for tile {tile_id!r}, which the HDF5 file has. The two are not of the same "
                    "dataset: write it again with `mmearth-core post info`."
                )
            if found[0] in wanted:
                waiting[found[0]] = found[1]
        yield tile_id, waiting.pop(tile_id)


def write_entries(path: Path, tiles: Iterable[tuple[str, Entry]]) -> None:
    """Writes an entry a line, as strict JSON.

    Raises:
        DatasetError: when one holds what strict JSON lacks.
    """
    with path.open("w", encoding="utf-8") as file:
        lead = "{\n"
        for tile_id, entry in tiles:
            try:
                text = json.dumps(entry, ensure_ascii=False, allow_nan=False)
            except ValueError as error:
                raise DatasetError(
                    f"tile {tile_id!r}: its entry in tile_info.json is no strict JSON ({error}). Put null where a "
                    "number is missing."
                ) from error
            file.write(f"{lead}{json.dumps(tile_id, ensure_ascii=False)}: {text}")
            lead = ",\n"
        file.write("\n}\n")
