"""The run: opens the engine, takes the tiles in, and works every group of a job to its end."""

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from typing import Any

from attrs import frozen

from mmearth_core.config.effective import Effective, load_effective
from mmearth_core.contract.scene import Anchor
from mmearth_core.download.fetch import Fetcher
from mmearth_core.download.group import BASE, Group
from mmearth_core.download.journal import Entry, Journal, Outcome
from mmearth_core.download.locate import Locator
from mmearth_core.download.lock import locked
from mmearth_core.download.prepare import Job
from mmearth_core.download.progress import Observer
from mmearth_core.download.scheduler import Scheduler, Work
from mmearth_core.download.shard import Shard
from mmearth_core.download.tally import Tally
from mmearth_core.earth.client import EarthClient
from mmearth_core.errors import DatasetError, RunStoppedError
from mmearth_core.folder import FOLDER_FAULTS
from mmearth_core.tiles.centroids import fill_centroids, lacks_centroids
from mmearth_core.tiles.index import Tile, TileIndex, take_in

WHOLE = Shard()
"""The share of a process that works alone."""


@frozen
class Result:
    """What a run did.

    Attributes:
        tally: how the tiles ended.
        requests: requests sent, by kind.
        purposes: requests by what they were for, retries not counted.
        received: bytes received.
    """

    tally: Tally
    requests: dict[str, int]
    purposes: dict[str, int]
    received: int

    def summary(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            **self.tally.summary(),
            "requests": self.requests,
            "purposes": self.purposes,
            "bytes_received": self.received,
        }


def run(
    job: Job, observer: Observer, shard: Shard = WHOLE, limit: int | None = None, retry_failed: bool = False
) -> Result:
    """Downloads a shard's tiles.

    Args:
        job: what to do.
        observer: is told of every tile.
        shard: this process's share.
        limit: only the first so many tiles of the share.
        retry_failed: also take the tiles that have failed before.

    Raises:
        EngineError: the engine cannot be opened; nothing was written.
        DatasetError: another process works on the same tiles.
        RunStoppedError: the run ended early; what is done is kept.
    """
    client = EarthClient(job.engine, job.config.run)
    try:
        index = establish(job, client)
        sizes = dict(shard.share(list(index.sizes().items())))
        tiles = sum(sizes.values())
        tally = Tally(len(job.groups) * (tiles if limit is None else min(limit, tiles)))
        with ExitStack() as locks:
            for group in job.groups:
                locks.enter_context(locked(job.folder.lock(group.name), list(sizes)))
            for group in job.groups:
                _Share(job, group, index, list(sizes), limit, retry_failed, tally, observer).work(client)
    except OSError as error:
        if error.errno not in FOLDER_FAULTS:
            raise
        raise RunStoppedError(
            f"{error.filename or job.folder.root} cannot be written: {error.strerror}. Make room or grant access, "
            "and run the same command again; what is done is kept."
        ) from error
    return Result(tally, dict(client.meter.requests), dict(client.purposes), client.meter.received)


def establish(job: Job, client: EarthClient) -> TileIndex:
    """Takes the tiles into the dataset and writes its configuration, if that is still to be done.

    Raises:
        DatasetError: when another process has begun the dataset otherwise since the job was prepared.
    """
    effective = _joined_with_others(job)
    if job.frame is not None:
        frame = fill_centroids(job.frame, client) if lacks_centroids(job.frame) else job.frame
        take_in(frame, job.folder.tiles, job.effective.tiles["partition_size"])
    if job.is_new:
        effective.write(job.folder.config)
    return TileIndex(job.folder.tiles)


def _joined_with_others(job: Job) -> Effective:
    """The job's effective configuration, with the groups that other processes have added meanwhile."""
    latest = load_effective(job.folder.config)
    if latest is None:
        return job.effective
    for name, members in job.effective.groups.items():
        if list(latest.groups.get(name, members)) != list(members):
            raise DatasetError(
                f"{job.folder.root}: another process has just begun the group {name!r} with "
                f"{', '.join(latest.groups[name])}, where this run was to have {', '.join(members)}. Run the same "
                "command again, and it goes on from there."
            )
    return latest.with_groups(job.effective)


@frozen(eq=False)
class _Share:
    """One group's tiles of one shard."""

    job: Job
    group: Group
    index: TileIndex
    partitions: list[int]
    limit: int | None
    retry_failed: bool
    tally: Tally
    observer: Observer

    def work(self, client: EarthClient) -> None:
        options = self.job.config.run
        scheduler = Scheduler(
            Locator(client, self.group),
            Fetcher(client, self.job.folder, self.group, self.job.config.dataset.image_size),
            options.batch_size,
            options.max_concurrent,
            self._ended,
            stopping=client.end,
        )
        scheduler.run(self._pending())

    def _ended(self, tile: Tile, entry: Entry) -> None:
        Journal(self.job.folder.journal(self.group.name, tile.partition)).append([entry])
        self._count(entry)

    def _count(self, entry: Entry, earlier: bool = False) -> None:
        self.tally.add(entry, earlier)
        self.observer.changed(self.tally)

    def _pending(self) -> Iterator[Work]:
        """The tiles that are to be done, a partition in memory at a time."""
        tiles = (tile for partition in self.partitions for tile in self._partition(partition))
        for tile, entry, base in islice(tiles, self.limit):
            if entry is not None and not (self.retry_failed and entry.outcome is Outcome.FAILED):
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


def _anchor(entry: Entry) -> Anchor:
    fields = entry.record["anchor"]
    return Anchor(dt.date.fromisoformat(fields["date"]), fields["crs"], fields.get("variant"))
