"""Which tiles a redownload takes, found out before anything is asked for."""

from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

from mmearth_core.config.effective import load_effective
from mmearth_core.config.schema import Config
from mmearth_core.download.again import Again
from mmearth_core.download.endings import Ending, share_endings
from mmearth_core.download.journal import Outcome
from mmearth_core.download.result import Result
from mmearth_core.download.shard import Shard
from mmearth_core.download.tally import Tally
from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.folder import DatasetFolder
from mmearth_core.status.reasons import Reasons
from mmearth_core.tiles.index import TileIndex
from mmearth_core.words import counted

SHOWN = 5
"""Reasons that are told to people."""


@frozen(eq=False)
class Taken:
    """The tiles that are taken again.

    Attributes:
        modalities: those that were downloaded before, as far as they are still configured.
        tally: of the share, as it stands before.
        tiles: `(group, tile id)` of each that is taken.
        failed: how many of them had failed ...
        sent_back: ... of these, how many were sent back by post or verify ...
        skipped: ... and how many were skipped.
        reasons: why.
    """

    modalities: list[str]
    tally: Tally
    tiles: list[tuple[str, str]] = field(factory=list)
    failed: int = 0
    sent_back: int = 0
    skipped: int = 0
    reasons: Reasons = field(factory=Reasons)

    def to_json(self) -> dict[str, Any]:
        """As JSON, every tile by name."""
        return {
            "taken": len(self.tiles),
            "failed": self.failed,
            "sent_back": self.sent_back,
            "skipped": self.skipped,
            "reasons": [kind.to_json() for kind in self.reasons.listed()],
            "tiles": [{"group": group, "tile_id": tile_id} for group, tile_id in self.tiles],
        }

    def summary(self) -> dict[str, Any]:
        """That of a run which has nothing to do."""
        return Result(self.tally, requests={}, purposes={}, retries={}, slow_downs=0, received=0).summary()

    def lines(self) -> Iterator[str]:
        """For people."""
        if not self.tiles:
            yield "No tile is to be taken again."
            return
        back = f" ({self.sent_back} of them sent back by post or verify)" if self.sent_back else ""
        yield f"Takes {counted(len(self.tiles), 'tile')} again: {self.failed} failed{back}, {self.skipped} skipped."
        kinds = self.reasons.listed()
        for kind in kinds[:SHOWN]:
            yield f"  {kind.outcome} {kind.tiles}: {kind.reason} (e.g. {', '.join(kind.examples)})"
        if len(kinds) > SHOWN:
            yield f"  and {len(kinds) - SHOWN} further reasons; --json lists them all"


def taken(config: Config, again: Again, shard: Shard, limit: int | None = None, only: list[str] | None = None) -> Taken:
    """Reads from the journals what a run with the same arguments takes; it takes no lock and writes nothing.

    Args:
        config: the dataset's configuration.
        again: which tiles are wanted.
        shard: the share.
        limit: only the first so many tiles of the share.
        only: modalities, instead of all that were downloaded before.

    Raises:
        DatasetError: when nothing was downloaded yet, or a file of the dataset is damaged.
        ConfigError: when none of the tiles named has ended in this dataset.
    """
    folder = DatasetFolder(config.root)
    effective = load_effective(folder.config)
    if effective is None or not folder.is_begun:
        raise DatasetError(
            f"{folder.root}: nothing was downloaded yet, so nothing can be taken again. Begin with "
            f"`mmearth-core run {config.source}`."
        )
    known = {member for members in effective.groups.values() for member in members}
    modalities = [name for name in config.modalities if name in known]
    if only is not None and not only:
        raise ConfigError(f"--modalities names none. Downloaded were {', '.join(modalities)}.")
    for name in only or ():
        if name not in modalities:
            raise ConfigError(
                f"--modalities: {name!r} was not downloaded before. Downloaded were {', '.join(modalities)}; "
                "`mmearth-core run` adds others."
            )
    wanted = modalities if only is None else only
    groups = [name for name, members in effective.groups.items() if set(members) & set(wanted)]
    index = TileIndex(folder.tiles)
    share = dict(shard.share(list(index.sizes().items())))
    tiles = sum(share.values())
    found = _Finding(again, wanted, Tally(len(groups) * (tiles if limit is None else min(limit, tiles))))
    for group, ending in share_endings(folder, groups, index, share, limit):
        found.add(group, ending)
    if again.tiles is not None and not found.named and shard == Shard():
        raise ConfigError(
            f"None of the {len(again.tiles)} tiles named has ended in {folder.root}: they are no tiles of this "
            "dataset, or are still left, and then `mmearth-core run` takes them. Check the ids."
        )
    return found.result()


class _Finding:
    """Tiles as they are found."""

    def __init__(self, again: Again, modalities: list[str], tally: Tally) -> None:
        self.named = 0
        self._again = again
        self._modalities = modalities
        self._tally = tally
        self._tiles: list[tuple[str, str]] = []
        self._reasons = Reasons()
        self._counts = {Outcome.FAILED: 0, Outcome.SKIPPED: 0}
        self._sent_back = 0

    def add(self, group: str, ending: Ending) -> None:
        """Looks at a tile that has ended."""
        entry = ending.entry()
        self._tally.add(entry, earlier=True)
        self.named += self._again.tiles is not None and entry.tile_id in self._again.tiles
        if entry.outcome in self._counts and self._again.takes(entry.tile_id, entry):
            self._tiles.append((group, entry.tile_id))
            self._reasons.add(entry.outcome, entry.reason or "", entry.tile_id)
            self._counts[entry.outcome] += 1
            self._sent_back += ending.is_sent_back

    def result(self) -> Taken:
        """All of them."""
        failed, skipped = self._counts[Outcome.FAILED], self._counts[Outcome.SKIPPED]
        return Taken(self._modalities, self._tally, self._tiles, failed, self._sent_back, skipped, self._reasons)
