"""The journal: one appended line for the outcome of each tile, safe at any moment.

A line is written after the tile's stack is on disk. The last line for a tile counts. No line
holds a time or a machine, so that the same work leaves the same journal.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mmearth_core.errors import DatasetError
from mmearth_core.folder import sync_folder


class Outcome(StrEnum):
    """How a tile ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@frozen
class Entry:
    """The outcome of one tile.

    Attributes:
        tile_id: which tile.
        ordinal: its row.
        outcome: how it ended.
        reason: why it was skipped or failed; None when done.
        record: what a done tile is made of: anchor, located, grid, sha256 of the stack, layers that came masked.
        lasting: whether a failed tile fails again unless something is mended: its request was refused as it is, or a
            plugin raised. The run alone knows; no journal has it.
    """

    tile_id: str
    ordinal: int
    outcome: Outcome
    reason: str | None = None
    record: Mapping[str, Any] = {}
    lasting: bool = field(default=False, eq=False)

    def to_line(self) -> bytes:
        """One line of strict JSON.

        Raises:
            ValueError: when the record holds nan or an infinity.
        """
        head: dict[str, Any] = {"tile_id": self.tile_id, "ordinal": self.ordinal, "outcome": self.outcome}
        if self.reason is not None:
            head["reason"] = self.reason
        return json.dumps({**head, **self.record}, ensure_ascii=False, allow_nan=False).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Entry":
        """Reads one line.

        Raises:
            ValueError: when it is no entry.
        """
        fields = json.loads(line)
        try:
            head = (
                fields.pop("tile_id"),
                fields.pop("ordinal"),
                Outcome(fields.pop("outcome")),
                fields.pop("reason", None),
            )
        except KeyError as error:
            raise ValueError(f"it lacks {error}") from error
        except (AttributeError, TypeError) as error:
            raise ValueError("it is no JSON object") from error
        return cls(*head, record=fields)


@frozen
class Journal:
    """The outcomes of one partition.

    Attributes:
        path: the file.
    """

    path: Path

    def read(self) -> dict[str, Entry]:
        """The last entry of each tile.

        Raises:
            DatasetError: when a whole line is no entry; names the line.
        """
        return {entry.tile_id: entry for entry in self.entries()}

    def entries(self) -> Iterator[Entry]:
        """All entries, in the order in which they were written. A torn last line, cut by a crash, does not count.

        Raises:
            DatasetError: when a whole line is no entry; names the line.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return
        for number, line in enumerate(text.split(b"\n")[:-1], start=1):
            try:
                entry = Entry.from_line(line)
            except ValueError as error:
                raise DatasetError(
                    f"{self.path}, line {number}: not a journal entry ({error}). The file was changed "
                    "or the disk is faulty; "
                    "delete that line, and the tile is downloaded again."
                ) from error
            yield entry

    def append(self, entries: Iterable[Entry]) -> None:
        """Appends entries, and returns when they are on disk."""
        lines = b"".join(entry.to_line() for entry in entries)
        new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            _drop_torn_line(file)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(self.path.parent)


def _drop_torn_line(file: Any) -> None:
    """Cuts a last line without its newline: a crash left it, and its tile will be done again."""
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return
    file.seek(end - 1)
    if file.read(1) == b"\n":
        return
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
