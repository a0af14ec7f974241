"""The journals: one line per tile with its outcome, appended and flushed to disk."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from attrs import field, frozen

from mmearth_core.errors import DatasetError
from mmearth_core.files import locked, sync_folder
from mmearth_core.paths import DatasetPaths
from mmearth_core.tiles.index import TileIndex


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


_TEXT = rb'"(?:[^"\\]|\\.)*"'


_HEAD = re.compile(
    rb'\{"tile_id": ('
    + _TEXT
    + rb'), "ordinal": (\d+), "outcome": "(done|skipped|failed)"(?:, "reason": ('
    + _TEXT
    + rb"))?"
)
"""How a journal's lines begin (`Entry.to_line`)."""


_OUTCOMES = {str(outcome).encode(): outcome for outcome in Outcome}


SENT_BACK = ("post: ", "verify: ")
"""How the reasons of tiles begin whose stack post-processing or verification has found wanting."""


class Ending(NamedTuple):
    """How one tile has ended; its texts as they stand in the journal, in JSON.

    Attributes:
        outcome: how.
        ordinal: the tile's row.
        tile: the tile's id.
        why: the reason; None when there is none.
    """

    outcome: Outcome
    ordinal: int
    tile: bytes
    why: bytes | None

    @property
    def tile_id(self) -> str:
        """The tile's id."""
        return str(json.loads(self.tile))

    @property
    def reason(self) -> str | None:
        """Why it was skipped or failed."""
        return None if self.why is None else str(json.loads(self.why))

    @property
    def is_sent_back(self) -> bool:
        """Whether it was done, and its stack was found wanting later."""
        return self.outcome is Outcome.FAILED and (self.reason or "").startswith(SENT_BACK)

    def entry(self) -> Entry:
        """The journal's entry, without its record."""
        return Entry(self.tile_id, self.ordinal, self.outcome, self.reason)


def read_endings(path: Path) -> Mapping[bytes, Ending]:
    """The last line of each tile of a journal, by the tile's id in JSON.

    A last line without its end is passed over: it is being written, or a crash has cut it.

    Raises:
        DatasetError: when a whole line is no entry; names the line.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    endings: dict[bytes, Ending] = {}
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        match = _HEAD.match(line)
        if match is None:
            ending = _carefully(path, number, line)
        else:
            tile, ordinal, outcome, why = match.groups()
            ending = Ending(_OUTCOMES[outcome], int(ordinal), tile, why)
        endings[ending.tile] = ending
    return endings


def share_endings(
    folder: DatasetPaths, groups: Iterable[str], index: TileIndex, share: Mapping[int, int], limit: int | None
) -> Iterator[tuple[str, Ending]]:
    """How the tiles of a share have ended, in each group; it takes no lock.

    Args:
        folder: the dataset.
        groups: the groups' names.
        index: the dataset's tiles.
        share: `{partition: tiles}`.
        limit: only the first so many tiles of the share.

    Raises:
        DatasetError: when a whole line of a journal is no entry.
    """
    for group in groups:
        rest = sum(share.values()) if limit is None else limit
        for partition, size in share.items():
            within = None if rest >= size else {tile.tile_id for tile in index.read(partition)[:rest]}
            for ending in read_endings(folder.journal(group, partition)).values():
                if within is None or ending.tile_id in within:
                    yield group, ending
            rest -= min(rest, size)


def _carefully(path: Path, number: int, line: bytes) -> Ending:
    """An entry that was not written as ours are, such as one that was edited."""
    try:
        entry = Entry.from_line(line)
    except ValueError as error:
        raise DatasetError(
            f"{path}, line {number}: not a journal entry ({error}). The file was changed or the disk is faulty; "
            "delete that line, and the tile is downloaded again."
        ) from error
    why = None if entry.reason is None else json.dumps(entry.reason).encode()
    return Ending(entry.outcome, entry.ordinal, json.dumps(entry.tile_id, ensure_ascii=False).encode(), why)


@frozen
class BadStack:
    """A stack that cannot be used, of a tile that the journal says is done.

    Attributes:
        tile_id: which tile.
        ordinal: its place among the tiles.
        partition: its unit of work.
        group: whose stack: the modalities that were downloaded together.
        reason: what is wrong; a clause that begins with `the stack`.
    """

    tile_id: str
    ordinal: int
    partition: int
    group: str
    reason: str


def send_back(folder: DatasetPaths, bad: Sequence[BadStack], finder: str) -> None:
    """Marks tiles as failed in the journal, so that `run --retry-failed` downloads them again.

    Args:
        folder: the dataset's.
        bad: the stacks.
        finder: the command that found them; the reason begins with it.

    Raises:
        DatasetError: when another process works on these tiles.
    """
    with ExitStack() as held:
        for group in sorted({one.group for one in bad}):
            held.enter_context(locked(folder.lock(group), sorted({one.partition for one in bad if one.group == group})))
        mark_failed(folder, bad, finder)


def mark_failed(folder: DatasetPaths, bad: Sequence[BadStack], finder: str) -> None:
    """The same, by a process that holds their partitions already."""
    for group, partition in sorted({(one.group, one.partition) for one in bad}):
        entries = [
            Entry(one.tile_id, one.ordinal, Outcome.FAILED, f"{finder}: {one.reason}")
            for one in bad
            if (one.group, one.partition) == (group, partition)
        ]
        Journal(folder.journal(group, partition)).append(entries)
