"""Sends tiles with a bad stack back to the download, through the journal as post-processing does."""

from collections.abc import Sequence

from mmearth_core.download.journal import Entry, Journal, Outcome
from mmearth_core.download.lock import locked
from mmearth_core.errors import DatasetError
from mmearth_core.post.source import Source
from mmearth_core.verify.stacks import BadStack


def send_back(source: Source, bad: Sequence[BadStack], stacks: int) -> int:
    """Marks tiles as failed, so that `run --retry-failed` downloads them again.

    Args:
        source: the dataset.
        bad: the stacks.
        stacks: how many were read in all.

    Returns:
        How many were sent back.

    Raises:
        DatasetError: when not a single stack is sound, as then the stacks as a whole are not where they should be;
            or when another process works on these tiles.
    """
    if bad and len(bad) == stacks:
        raise DatasetError(
            f"{source.folder.root}: none of {stacks} stacks is what was downloaded; the first is of tile "
            f"{bad[0].tile_id!r}: {bad[0].reason}. Nothing was sent back. Is the disk mounted, and the "
            "folder stacks/ that of this dataset?"
        )
    for group, partition in sorted({(one.group, one.partition) for one in bad}):
        entries = [
            Entry(one.tile_id, one.ordinal, Outcome.FAILED, f"verify: {one.reason}")
            for one in bad
            if (one.group, one.partition) == (group, partition)
        ]
        with locked(source.folder.lock(group), [partition]):
            Journal(source.folder.journal(group, partition)).append(entries)
    return len(bad)
