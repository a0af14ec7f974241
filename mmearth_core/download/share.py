"""A share: one group's tiles of one shard, from the journals that are there to those that are to be."""

import datetime as dt
from collections.abc import Iterator
from itertools import islice

from attrs import frozen

from mmearth_core.contract.scene import Anchor
from mmearth_core.download.again import Again
from mmearth_core.download.fetch import Fetcher
from mmearth_core.download.give_up import GiveUp
from mmearth_core.download.group import BASE, Group
from mmearth_core.download.journal import Entry, Journal, Outcome
from mmearth_core.download.locate import Left, Locator
from mmearth_core.download.prepare import Job
from mmearth_core.download.progress import Observer
from mmearth_core.download.scheduler import Scheduler, Work
from mmearth_core.download.stop import Stop
from mmearth_core.download.tally import Tally
from mmearth_core.earth.client import EarthClient
from mmearth_core.tiles.index import Tile, TileIndex


@frozen(eq=False)
class Share:
    """One group's tiles of one shard.

    Attributes:
        job: what to do.
        group: what to download.
        index: the dataset's tiles.
        partitions: those of the shard.
        limit: only the first so many tiles.
        again: which tiles that have ended are taken again.
        tally: counts.
        observer: is told of every tile.
        stop: asks to end early.
    """

    job: Job
    group: Group
    index: TileIndex
    partitions: list[int]
    limit: int | None
    again: Again
    tally: Tally
    observer: Observer
    stop: Stop

    def work(self, client: EarthClient) -> None:
        """Works until every tile has ended, or the run is to stop.

        Raises:
            RunStoppedError: no request can succeed any more, or no tile.
            OSError: the folder cannot be written to.
        """
        options = self.job.config.run
        give_up = GiveUp(self.job, self.group)

        def ended(tile: Tile, entry: Entry) -> None:
            self._ended(tile, entry)
            give_up.saw(entry)

        scheduler = Scheduler(
            Locator(client, self.group),
            Fetcher(client, self.job.folder, self.group, self.job.config.dataset.image_size),
            options.batch_size,
            options.max_concurrent,
            ended,
            stopping=client.end,
            left=self._left,
            ticked=lambda: self.observer.changed(self.tally),
            checked=lambda: give_up.check() if self.tally.left else None,
            stop=self.stop,
        )
        scheduler.run(self._pending())

    def _ended(self, tile: Tile, entry: Entry) -> None:
        Journal(self.job.folder.journal(self.group.name, tile.partition)).append([entry])
        self._count(entry)

    def _left(self, left: Left) -> None:
        self.tally.leave(left.reason)
        self.observer.changed(self.tally)

    def _count(self, entry: Entry, earlier: bool = False) -> None:
        self.tally.add(entry, earlier)
        self.observer.changed(self.tally)

    def _pending(self) -> Iterator[Work]:
        """The tiles that are to be done, a partition in memory at a time."""
        tiles = (tile for partition in self.partitions for tile in self._partition(partition))
        for tile, entry, base in islice(tiles, self.limit):
            if not self.again.takes(tile.tile_id, entry) and not _is_stale(entry, base):
                if entry is not None:
                    self._count(entry, earlier=True)
            elif self.group.is_base:
                yield tile, None
            elif base is None or base.outcome is Outcome.FAILED:
                self.tally.waiting += 1
            elif base.outcome is Outcome.SKIPPED:
                self._ended(tile, Entry(tile.tile_id, tile.ordinal, Outcome.SKIPPED, base.reason))
            else:
                yield tile, _anchor(base)

    def _partition(self, partition: int) -> Iterator[tuple[Tile, Entry | None, Entry | None]]:
        folder = self.job.folder
        mine = Journal(folder.journal(self.group.name, partition)).read()
        base = {} if self.group.is_base else Journal(folder.journal(BASE, partition)).read()
        for tile in self.index.read(partition):
            yield tile, mine.get(tile.tile_id), base.get(tile.tile_id)


def _is_stale(entry: Entry | None, base: Entry | None) -> bool:
    """Whether a tile was done on another day or grid than `base` has it now, as that was downloaded again since."""
    if entry is None or base is None or not entry.outcome is base.outcome is Outcome.DONE:
        return False
    return bool(entry.record["anchor"] != base.record["anchor"])


def _anchor(entry: Entry) -> Anchor:
    fields = entry.record["anchor"]
    return Anchor(dt.date.fromisoformat(fields["date"]), fields["crs"], fields.get("variant"))
