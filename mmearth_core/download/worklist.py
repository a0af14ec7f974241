"""The pending tiles of a shard, and when a run stops because all of them fail."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from attrs import frozen

from mmearth_core.contract.modality import Anchor
from mmearth_core.download.journal import Entry, Journal, Outcome
from mmearth_core.download.locate import Left, Locator
from mmearth_core.download.outcomes import DISTINCT, ProgressListener, Tally, kind_of
from mmearth_core.download.pixels import Fetcher
from mmearth_core.download.prepare import PreparedRun
from mmearth_core.download.scheduler import Scheduler, Work
from mmearth_core.download.selection import RetrySelection
from mmearth_core.download.stop import StopRequest
from mmearth_core.download.stored_config import BASE, Group
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import HopelessError
from mmearth_core.tiles.index import Tile, TileIndex


class FailureLimit:
    """Watches how the tiles of one group end in this run.

    Tiles that were skipped, and those that failed for a passing reason, tell nothing. The first tile that is done
    tells that others can be, and ends the watch.
    """

    def __init__(self, job: PreparedRun, group: Group) -> None:
        """Nothing has ended yet.

        Args:
            job: the run.
            group: whose tiles it is about.
        """
        self._job = job
        self._group = group
        self._after = job.config.run.give_up_after
        self._is_over = self._after == 0
        self._failed: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._reason: str | None = None

    def saw(self, entry: Entry) -> None:
        """Takes note of a tile that has ended."""
        if entry.outcome is Outcome.DONE:
            self._is_over = True
        if self._is_over or not entry.lasting or entry.reason is None:
            return
        kind = kind_of(entry.reason)
        if kind not in self._first and len(self._first) == DISTINCT:
            return
        first = self._first.setdefault(kind, entry.reason)
        self._failed[kind] += 1
        if self._failed[kind] == self._after:
            self._reason = self._reason or first

    def check(self) -> None:
        """Ends the run if it is hopeless.

        Raises:
            HopelessError: says why, and what to do.
        """
        if self._reason is None or self._is_over:
            return
        self._is_over = True
        source, names = self._job.config.source, [modality.name for modality in self._group.modalities]
        tables = ", ".join(f"[modalities.{name}]" for name in names)
        raise HopelessError(
            f"{self._failed[kind_of(self._reason)]} tiles have failed for one reason, none is done, and no more were "
            f"asked for: {self._reason.rstrip('. ')}. Check the options of {tables} in {source}, and the "
            f"{'plugins that bring' if len(names) > 1 else 'plugin that brings'} them. When that is mended, "
            f"`mmearth-core run {source} --retry-failed` takes these tiles again. If it is they that are at fault, "
            "set `give_up_after = 0` in [run]. What is done is kept."
        )


@frozen(eq=False)
class Worklist:
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

    job: PreparedRun
    group: Group
    index: TileIndex
    partitions: list[int]
    limit: int | None
    again: RetrySelection
    tally: Tally
    observer: ProgressListener
    stop: StopRequest

    def work(self, client: EarthClient) -> None:
        """Works until every tile has ended, or the run is to stop.

        Raises:
            RunStoppedError: no request can succeed any more, or no tile.
            OSError: the folder cannot be written to.
        """
        options = self.job.config.run
        give_up = FailureLimit(self.job, self.group)

        def on_tile_done(tile: Tile, result: Entry | Left) -> None:
            if isinstance(result, Left):
                self._left(result)
            else:
                self._ended(tile, result)
                give_up.saw(result)

        def on_tick() -> None:
            self.observer.changed(self.tally)
            if self.tally.left:
                give_up.check()

        scheduler = Scheduler(
            Locator(client, self.group),
            Fetcher(client, self.job.folder, self.group, self.job.config.dataset.image_size),
            options.batch_size,
            options.max_concurrent,
            on_tile_done,
            on_tick,
            on_early_end=client.sender.end,
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
