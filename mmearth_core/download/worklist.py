"""The pending tiles of a shard, and when a run stops because all of them fail."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping

from attrs import define, field, frozen

from mmearth_core.contract.modality import Anchor
from mmearth_core.download.first_tiles import CheckingLocator
from mmearth_core.download.journal import Journal, Outcome, TileOutcome, read_outcomes
from mmearth_core.download.outcomes import OTHERS, OutcomeCounts, RunProgress
from mmearth_core.download.pixels import Fetcher
from mmearth_core.download.prepare import PreparedRun
from mmearth_core.download.scheduler import Scheduler, Work
from mmearth_core.download.selection import RetrySelection
from mmearth_core.download.stop import StopRequest
from mmearth_core.download.stored_config import BASE, Group
from mmearth_core.download.tile_info import InfoCheck
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import DatasetError, HopelessError
from mmearth_core.tiles.index import Tile, TileIndex


@define(eq=False)
class FailureLimit:
    """Stops a run in which many tiles of a group fail for the same lasting reason and none is done.

    Skipped tiles, and tiles that failed for a passing reason, do not count. The first tile that is done shows that
    others can be, and ends the watch.

    Attributes:
        prepared: the run.
        group: the group to watch.
    """

    prepared: PreparedRun
    group: Group
    _has_ended: bool = False
    _failures: OutcomeCounts = field(factory=OutcomeCounts)

    def add(self, entry: TileOutcome) -> None:
        """Notes what became of a tile."""
        self._has_ended |= entry.outcome is Outcome.DONE
        if entry.lasting and not self._has_ended:
            self._failures.add(entry)

    def check(self) -> None:
        """Stops the run if it is hopeless.

        Raises:
            HopelessError: says why, and what to do.
        """
        limit = self.prepared.config.run.give_up_after
        # Tiles that only share the text under which rare reasons are counted did not fail for the same reason.
        kinds = [kind for kind in self._failures.reasons if kind.reason != OTHERS and kind.tiles >= limit]
        if self._has_ended or not kinds or not limit:
            return
        self._has_ended = True
        source, names = self.prepared.config.source, [modality.name for modality in self.group.modalities]
        tables = ", ".join(f"[modalities.{name}]" for name in names)
        raise HopelessError(
            f"{kinds[0].tiles} tiles failed for the same reason and none is done, so the run stopped: "
            f"{kinds[0].reason.rstrip('. ')}. Check the options of {tables} in {source}, and the "
            f"{'plugins that provide' if len(names) > 1 else 'plugin that provides'} them. When that is fixed, "
            f"`mmearth-core run {source} --retry-failed` downloads these tiles again. If the tiles themselves are the "
            "problem, set `give_up_after = 0` in [run]. What is done is kept."
        )


@frozen(eq=False)
class Worklist:
    """The tiles of one run.

    Attributes:
        prepared: what to do.
        index: the dataset's tiles.
        share: `{partition: how many of its first tiles}`.
        retry: which journaled tiles are downloaded again.
        progress: counts the tiles.
        report: called whenever `progress` has changed, and now and then.
        stop: asks the run to end early.
    """

    prepared: PreparedRun
    index: TileIndex
    share: Mapping[int, int]
    retry: RetrySelection
    progress: RunProgress
    report: Callable[[], None]
    stop: StopRequest

    def work(self, group: Group, client: EarthClient) -> None:
        """Works until every tile of a group is finished or left, or the run is to stop.

        Raises:
            RunStoppedError: no request can succeed any more, or all tiles fail.
            OSError: the folder cannot be written to.
        """
        config, stored = self.prepared.config, self.prepared.stored
        is_configured = config.dataset.pixel_size is not None or config.dataset.origin is not None
        limit = FailureLimit(self.prepared, group)

        def on_tile_done(entry: TileOutcome) -> None:
            self._record(group, entry)
            limit.add(entry)

        def on_tick() -> None:
            self.report()
            # A run that ends anyway does not give up.
            if self.progress.counts.left:
                limit.check()

        Scheduler(
            CheckingLocator(client, group, stored.plugins, stored.pixel_size),
            Fetcher(
                client,
                self.prepared.folder,
                group,
                config.dataset.image_size,
                InfoCheck(self.prepared),
                stored.pixel_size,
                stored.origin,
                is_proposed=group.anchor.pixel_size == stored.pixel_size and not is_configured,
            ),
            config.run.batch_size,
            config.run.max_concurrent,
            on_tile_done,
            on_tick,
            on_early_end=client.sender.end,
            stop=self.stop,
        ).run(self._pending(group))

    def recount(self) -> None:
        """Counts all journaled tiles of the share again: a run that ends early has not seen them all."""
        names = [group.name for group in self.prepared.groups]
        try:
            self.prepared.folder.config.stat()  # journals of a folder that has vanished would count as empty
            size = self.prepared.stored.tiles["partition_size"]
            journaled = read_outcomes(self.prepared.folder, names, self.share, size)
            self.progress.recount(entry for _, entry in journaled)
        except (DatasetError, OSError) as error:
            self.progress.uncounted = str(error)

    def _record(self, group: Group, entry: TileOutcome) -> None:
        # Tiles that are left have no entry, so that the next run takes them.
        if entry.outcome is not Outcome.LEFT:
            partition = entry.ordinal // self.prepared.stored.tiles["partition_size"]
            Journal(self.prepared.folder.journal(group.name, partition)).append([entry])
        self.progress.add(entry)

    def _pending(self, group: Group) -> Iterator[Work]:
        """Yields the tiles to download, with one partition in memory at a time."""
        for tile, entry, base in self._entries(group):
            if not self.retry.takes(entry) and not _is_stale(entry, base):
                # A redownload also passes over tiles without an entry; these are left.
                if entry is not None:
                    self.progress.add(entry, earlier=True)
                    self.report()
            elif group.is_base:
                yield tile, None
            # Only `base` locates anchors. What a tile of another group becomes depends on the tile in `base`.
            elif base is None or base.outcome is Outcome.FAILED:
                self.progress.waiting += 1
            elif base.outcome is Outcome.SKIPPED:
                self._record(group, TileOutcome(tile.tile_id, tile.ordinal, Outcome.SKIPPED, base.reason))
            else:
                yield tile, _journaled_anchor(base)

    def _entries(self, group: Group) -> Iterator[tuple[Tile, TileOutcome | None, TileOutcome | None]]:
        """Yields the tiles of the share with their entries in the journals of the group and of `base`."""
        folder = self.prepared.folder
        for partition, count in self.share.items():
            own = Journal(folder.journal(group.name, partition)).read()
            base = {} if group.is_base else Journal(folder.journal(BASE, partition)).read()
            for tile in self.index.read(partition)[:count]:
                yield tile, own.get(tile.tile_id), base.get(tile.tile_id)


def _is_stale(entry: TileOutcome | None, base: TileOutcome | None) -> bool:
    """Whether a done tile has another day or grid than `base`, because `base` was downloaded again since."""
    if entry is None or base is None or not entry.outcome is base.outcome is Outcome.DONE:
        return False
    return bool(entry.record["anchor"] != base.record["anchor"])


def _journaled_anchor(entry: TileOutcome) -> Anchor:
    fields = entry.record["anchor"]
    return Anchor(dt.date.fromisoformat(fields["date"]), fields["crs"], fields.get("variant"))
