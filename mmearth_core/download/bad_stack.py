"""Stacks that are not what was downloaded, and how their tiles are sent back to the download: through the journal."""

from collections.abc import Sequence
from contextlib import ExitStack

from attrs import frozen

from mmearth_core.download.journal import Entry, Journal, Outcome
from mmearth_core.folder import DatasetFolder
from mmearth_core.work.lock import locked


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


def send_back(folder: DatasetFolder, bad: Sequence[BadStack], finder: str) -> None:
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


def mark_failed(folder: DatasetFolder, bad: Sequence[BadStack], finder: str) -> None:
    """The same, by a process that holds their partitions already."""
    for group, partition in sorted({(one.group, one.partition) for one in bad}):
        entries = [
            Entry(one.tile_id, one.ordinal, Outcome.FAILED, f"{finder}: {one.reason}")
            for one in bad
            if (one.group, one.partition) == (group, partition)
        ]
        Journal(folder.journal(group, partition)).append(entries)
