"""The journals: one line per tile with its outcome, appended and flushed to disk."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mmearth_core.errors import DatasetError
from mmearth_core.files import sync_folder
from mmearth_core.paths import DatasetPaths


class Outcome(StrEnum):
    """What became of a tile."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    LEFT = "left"
    """Not finished: the next run takes it. Never written to a journal."""


JOURNALED = (Outcome.DONE, Outcome.SKIPPED, Outcome.FAILED)
"""The outcomes that a journal can hold."""

_OF_ALL: dict[str, type] = {"tile_id": str, "ordinal": int, "outcome": str}
_OF_DONE: dict[str, type] = {"anchor": dict, "located": dict, "grid": dict}
"""What the entry of every tile has, and that of every done tile, with their types."""

RETURNED = ("post: ", "verify: ")
"""Prefixes of the reasons of tiles that were done, until `post` or `verify` found their stack bad."""


@frozen
class TileOutcome:
    """The outcome of one tile.

    Attributes:
        tile_id: the tile's id.
        ordinal: the tile's row in the tiles file, from 0.
        outcome: what became of it.
        reason: why it was skipped, failed or is left; None if it is done.
        record: what a done tile consists of: anchor, located, grid, sha256 of the stack, fully masked layers.
        lasting: whether a failed tile would fail again until somebody changes something: its request was refused as it
            is, or a plugin raised. Known only within a run; not written to the journal.
    """

    tile_id: str
    ordinal: int
    outcome: Outcome
    reason: str | None = None
    record: Mapping[str, Any] = {}
    lasting: bool = field(default=False, eq=False)

    def to_line(self) -> bytes:
        """Returns one line of strict JSON.

        Raises:
            ValueError: if the record holds NaN or an infinity.
        """
        head: dict[str, Any] = {"tile_id": self.tile_id, "ordinal": self.ordinal, "outcome": self.outcome}
        if self.reason is not None:
            head["reason"] = self.reason
        return json.dumps({**head, **self.record}, ensure_ascii=False, allow_nan=False).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes, head_only: bool = False) -> "TileOutcome":
        """Reads one line.

        Args:
            line: the line, without its newline.
            head_only: leave `record` empty, which takes less memory. It is checked nevertheless, as `status` must not
                count what `run` refuses.

        Raises:
            ValueError: if it is not a journal entry.
        """
        fields = json.loads(line)
        if not isinstance(fields, dict):
            raise ValueError("it is not a JSON object")
        wanted = _OF_ALL | (_OF_DONE if fields.get("outcome") == Outcome.DONE else {})
        missing = [key for key, kind in wanted.items() if not isinstance(fields.get(key), kind)]
        if missing or fields["outcome"] not in JOURNALED:
            raise ValueError(f"it has no valid {', '.join(missing) or 'outcome'}")
        tile_id, ordinal, outcome, reason = (fields.pop(key, None) for key in (*_OF_ALL, "reason"))
        return cls(tile_id, ordinal, Outcome(outcome), reason, {} if head_only else fields)


@frozen
class Journal:
    """The outcomes of one partition.

    Attributes:
        path: the file.
    """

    path: Path

    def read(self, heads_only: bool = False) -> dict[str, TileOutcome]:
        """Returns the last entry of each tile, by tile id.

        Args:
            heads_only: leave `record` empty. A million tiles then take about 8 s.

        Raises:
            DatasetError: if a complete line is not an entry; names the line.
        """
        return {entry.tile_id: entry for entry in self.entries(heads_only)}

    def entries(self, heads_only: bool = False) -> Iterator[TileOutcome]:
        """Yields all entries in the order in which they were written.

        A last line without newline is ignored: it is being written, or a crash cut it.

        Raises:
            DatasetError: if a complete line is not an entry; names the line.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return
        for number, line in enumerate(text.split(b"\n")[:-1], start=1):
            try:
                entry = TileOutcome.from_line(line, heads_only)
            except (ValueError, RecursionError) as error:
                raise DatasetError(
                    f"{self.path}, line {number}: not a journal entry ({error}). The file was changed or the disk is "
                    "faulty; delete that line, and the tile is downloaded again."
                ) from error
            yield entry

    def append(self, entries: Iterable[TileOutcome]) -> None:
        """Appends entries, and returns when they are on disk. The folder has to exist, as its lock does."""
        lines = b"".join(entry.to_line() for entry in entries)
        new = not self.path.exists()
        with self.path.open("ab+") as file:
            _drop_torn_line(file)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(self.path.parent)


def _drop_torn_line(file: Any) -> None:
    """Cuts off a last line without newline: a crash left it, and its tile is downloaded again."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - 1, 0))
    if file.read(1) not in (b"", b"\n"):
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def read_outcomes(
    folder: DatasetPaths, groups: Iterable[str], share: Mapping[int, int], partition_size: int
) -> Iterator[tuple[str, TileOutcome]]:
    """Yields the journaled tiles of a share as `(group, outcome)`, without records and without a lock.

    Args:
        folder: the dataset.
        groups: the groups' names.
        share: `{partition: how many of its first tiles}`, as `Shard.tiles` returns it.
        partition_size: tiles per partition.

    Raises:
        DatasetError: if a complete line of a journal is not an entry.
    """
    for group in groups:
        for partition, count in share.items():
            end = partition * partition_size + count
            for entry in Journal(folder.journal(group, partition)).read(heads_only=True).values():
                if entry.ordinal < end:
                    yield group, entry


@frozen
class BadStack:
    """A bad stack, of a tile that is done according to the journal.

    Attributes:
        tile_id: the tile's id.
        ordinal: the tile's row in the tiles file.
        partition: the tile's partition.
        group: the group whose stack it is.
        reason: what is wrong; a clause that begins with `the stack`.
    """

    tile_id: str
    ordinal: int
    partition: int
    group: str
    reason: str


def mark_failed(folder: DatasetPaths, bad: Iterable[BadStack], finder: str) -> None:
    """Marks tiles as failed in the journals, so that `run --retry-failed` downloads them again.

    Args:
        folder: the dataset; the process has locked these partitions.
        bad: the stacks.
        finder: the command that found them; the reason begins with it.
    """
    entries: dict[Path, list[TileOutcome]] = {}
    for one in bad:
        entry = TileOutcome(one.tile_id, one.ordinal, Outcome.FAILED, f"{finder}: {one.reason}")
        entries.setdefault(folder.journal(one.group, one.partition), []).append(entry)
    for path, returned in entries.items():
        Journal(path).append(returned)
