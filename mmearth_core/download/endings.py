"""How the tiles of a partition or a share ended, read quickly: only the beginning of each line of its journal.

What a done tile is made of is most of a journal; neither counting nor choosing tiles asks for it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.errors import DatasetError
from mmearth_core.folder import DatasetFolder
from mmearth_core.tiles.index import TileIndex

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
    folder: DatasetFolder, groups: Iterable[str], index: TileIndex, share: Mapping[int, int], limit: int | None
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
