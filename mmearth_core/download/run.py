"""A run: opens the engine, locks partitions and works each group of modalities."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from attrs import frozen

from mmearth_core.budget import SharedBudget
from mmearth_core.download.journal import Outcome, share_endings
from mmearth_core.download.outcomes import ProgressListener, Tally
from mmearth_core.download.prepare import PreparedRun
from mmearth_core.download.run_log import Result, append_run
from mmearth_core.download.selection import RetrySelection, Shard
from mmearth_core.download.stop import StopRequest
from mmearth_core.download.stored_config import StoredConfig, load_started_config
from mmearth_core.download.worklist import Worklist
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import AccessLostError, DatasetError, ExitCode, RunStoppedError
from mmearth_core.files import FOLDER_FAULTS, locked
from mmearth_core.tiles.earth_source import fill_centroids
from mmearth_core.tiles.index import TileIndex, import_tiles

PYTHONS_OWN = 1000
"""More objects than Python by itself keeps from the collector: 3.12 begins with 375, other versions with none."""


@contextmanager
def lasting() -> Iterator[None]:
    """Keeps the collector from searching, within, what there is by now; cycles made within are collected as ever.

    Where objects are kept from it already, as before a fork, nothing changes.
    """
    if gc.get_freeze_count() > PYTHONS_OWN:
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


WHOLE = Shard()
"""The share of a process that works alone."""


NOTHING_AGAIN = RetrySelection()
"""What has ended is not taken again."""


def run(
    job: PreparedRun,
    observer: ProgressListener,
    shard: Shard = WHOLE,
    limit: int | None = None,
    again: RetrySelection = NOTHING_AGAIN,
    stop: StopRequest | None = None,
) -> Result:
    """Downloads a shard's tiles.

    A run that has begun always has a result, also when it ends early: because it was asked to, because no request can
    succeed any more, or because the folder can no longer be written to. Then the result says why.

    Args:
        job: what to do.
        observer: is told of every tile.
        shard: this process's share.
        limit: only the first so many tiles of the share.
        again: which tiles that have ended are taken again.
        stop: asks the run to end early.

    Raises:
        EngineError: the engine cannot be opened; nothing was written.
        DatasetError: another process works on the same tiles, or the folder cannot be written to; nothing was asked.
        RunStoppedError: the run was stopped before its first tile.
    """
    stop = StopRequest(job.config.run.grace_seconds) if stop is None else stop
    client = EarthClient(job.engine, job.config.run, ending=stop.ending, workload_tag=job.config.workload_tag)
    # The locks are let go last: until the budget is closed, a request that was abandoned may still end and write.
    with ExitStack() as locks, ExitStack() as held:
        budget = held.enter_context(closing(_budget(job)))
        client.sender.use_budget(budget)
        try:
            index = establish(job, client)
            sizes = dict(shard.share(list(index.sizes().items())))
            for group in job.groups:
                locks.enter_context(locked(job.folder.lock(group.name), list(sizes)))
        except OSError as error:
            raise DatasetError(f"{_unwritable(job, error)} Nothing was begun.") from error
        held.enter_context(lasting())
        tiles = sum(sizes.values())
        tally = Tally(len(job.groups) * (tiles if limit is None else min(limit, tiles)))
        tally.notice = client.sender.notice
        told = _Told(observer, budget, client, shard, job.folder.root)
        why, refused = None, False
        try:
            for group in job.groups:
                if not stop.requested:
                    Worklist(job, group, index, list(sizes), limit, again, tally, told, stop).work(client)
        except RunStoppedError as error:
            # Begun again by itself, such a run would do nothing; one that has lost its access on the way may go on.
            begun = isinstance(error, AccessLostError) and tally.now.total()
            why, refused = str(error), error.exit_code is ExitCode.BAD_INPUT and not begun
        except OSError as error:
            why = f"{_unwritable(job, error)} Run the same command again; what is done is kept."
        if why is not None or stop.requested:
            _recount(job, index, sizes, limit, tally)
            told.changed(tally)
        if stop.requested and tally.left and not refused:
            why = f"The run was stopped by {stop.reason}; run the same command again to go on. What is done is kept."
        result = Result.of(tally, client, why, refused, stop.abandoned)
        append_run(job.folder.runs, result.record(job, shard))
    return result


def _budget(job: PreparedRun) -> SharedBudget:
    """The requests that all processes have together."""
    options = job.config.run
    try:
        return SharedBudget(job.config.budget, options.max_concurrent, options.requests_per_second)
    except RunStoppedError as error:
        raise DatasetError(str(error)) from error


@frozen
class _Told:
    """Passes a run's progress on, also to the other processes and to `status`."""

    observer: ProgressListener
    budget: SharedBudget
    client: EarthClient
    shard: Shard
    dataset: Path

    def changed(self, tally: Tally) -> None:
        self.observer.changed(tally)
        self.budget.report(
            dataset=str(self.dataset),
            shard=str(self.shard),
            **{str(outcome): tally.now[outcome] for outcome in Outcome},
            left=tally.left,
            requests=self.client.meter.requests.total(),
            retries=self.client.sender.retries.total(),
            notice=self.client.sender.notice(),
        )


def _recount(job: PreparedRun, index: TileIndex, sizes: Mapping[int, int], limit: int | None, tally: Tally) -> None:
    """Counts what earlier runs did in partitions that this one has not come to."""
    try:
        groups = [group.name for group in job.groups]
        tally.recount(ending for _, ending in share_endings(job.folder, groups, index, sizes, limit))
    except (DatasetError, OSError) as error:
        tally.uncounted = str(error)


def _unwritable(job: PreparedRun, error: OSError) -> str:
    """What to do about a folder that cannot be written to.

    Raises:
        OSError: when it is none of these errors.
    """
    if error.errno not in FOLDER_FAULTS:
        raise error
    return f"{error.filename or job.folder.root} cannot be written: {error.strerror}. Make room or grant access."


def establish(job: PreparedRun, client: EarthClient) -> TileIndex:
    """Takes the tiles into the dataset and writes its configuration, if that is still to be done.

    Raises:
        DatasetError: when another process has begun the dataset otherwise since the job was prepared.
    """
    effective = _joined_with_others(job)
    if job.frame is not None:
        import_tiles(fill_centroids(job.frame, client), job.folder.tiles, job.effective.tiles["partition_size"])
    if job.is_new:
        effective.write(job.folder.config)
    return TileIndex(job.folder.tiles)


def _joined_with_others(job: PreparedRun) -> StoredConfig:
    """The job's effective configuration, with the groups that other processes have added meanwhile."""
    latest = load_started_config(job.folder, [modality.name for group in job.groups for modality in group.modalities])
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
