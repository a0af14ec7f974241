"""A run: opens the engine, locks partitions and works each group of modalities."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from attrs import evolve

from mmearth_core.budget import SharedBudget
from mmearth_core.download.journal import JOURNALED
from mmearth_core.download.outcomes import ProgressListener, RunProgress
from mmearth_core.download.prepare import PreparedRun, prepare
from mmearth_core.download.run_log import RunResult, append_run
from mmearth_core.download.selection import RetrySelection, Shard
from mmearth_core.download.stop import StopRequest
from mmearth_core.download.stored_config import load_started_config
from mmearth_core.download.worklist import Worklist
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import AccessLostError, DatasetError, ExitCode, RunStoppedError, start_error
from mmearth_core.files import folder_fault, locked
from mmearth_core.tiles.index import TileIndex, fill_centroids, import_tiles

# What other distributions need to prepare and start a run.
__all__ = ["PreparedRun", "ProgressListener", "RunResult", "StopRequest", "prepare", "run"]

PYTHONS_OWN = 1000
"""More than the objects that Python itself freezes when it starts: 375 in version 3.12, none in others."""


@contextmanager
def without_old_garbage() -> Iterator[None]:
    """Keeps the garbage collector from searching the objects that exist already; new ones are collected as usual.

    A run has 130,000 of them, most of Earth Engine's client. Not searching them saves a tenth of the client's
    processor time per tile. Where objects are frozen already, as before a fork, nothing changes.
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


def run(
    prepared: PreparedRun,
    on_progress: ProgressListener,
    shard: Shard | None = None,
    limit: int | None = None,
    retry: RetrySelection | None = None,
    stop: StopRequest | None = None,
) -> RunResult:
    """Downloads a shard's tiles.

    A run that has started always returns a result, also if it ends early: because it was asked to stop, because no
    request can succeed any more, or because the folder can no longer be written to. The result then says why.

    Args:
        prepared: what to do.
        on_progress: called after outcomes and every two seconds.
        shard: this process's share; by default everything.
        limit: only the first so many tiles of the shard.
        retry: which journaled tiles are downloaded again; by default none.
        stop: asks the run to end early.

    Raises:
        EngineError: the engine cannot be opened; nothing was written.
        DatasetError: another process works on the same tiles, or it is not permitted to write to the folder; nothing
            was requested.
        RunStoppedError: the run was stopped before its first tile; also by a disk that is full, or a folder that has
            vanished.
    """
    shard = shard or Shard()
    stop = stop or StopRequest(prepared.config.run.grace_seconds)
    config, options = prepared.config, prepared.config.run
    client = EarthClient(prepared.engine, options, ending=stop.ending, workload_tag=config.workload_tag)
    # The locks are released after the budget is closed: until then an abandoned request may finish and write its stack.
    with ExitStack() as locks, ExitStack() as resources:
        folder = prepared.folder
        try:
            # The only place that makes the dataset's folder, and not one that has vanished since the run was prepared.
            if prepared.frame is None:
                folder.config.stat()
            else:
                folder.root.mkdir(parents=True, exist_ok=True)
            budget = SharedBudget(config.budget, options.max_concurrent, options.requests_per_second)
            client.sender.use_budget(resources.enter_context(closing(budget)))
            index = establish(prepared, client)
            share = shard.tiles(index.sizes(), limit)
            for group in prepared.groups:
                folder.make_folder(folder.lock(group.name))
                locks.enter_context(locked(folder.lock(group.name), list(share)))
        except OSError as error:
            raise start_error(error, f"{folder_fault(error, folder.root)}. Nothing was started.") from error
        resources.enter_context(without_old_garbage())
        progress = RunProgress(len(prepared.groups) * sum(share.values()), notice=client.sender.notice)

        def report() -> None:
            on_progress(progress)
            # For the other processes and for `status`.
            budget.report(
                dataset=str(folder.root),
                shard=str(shard),
                **{str(outcome): progress.now[outcome] for outcome in JOURNALED},
                left=progress.counts.left,
                notice=client.sender.notice(),
            )

        worklist = Worklist(prepared, index, share, retry or RetrySelection(), progress, report, stop)
        exit, why = _work(worklist, client)
        result = RunResult(prepared, shard, progress, client, exit, why, stop.abandoned)
        if folder.config.exists():  # if not, the dataset's file system was unmounted, and this is only its mount point
            append_run(folder.runs, result.to_json())
    return result


def _work(worklist: Worklist, client: EarthClient) -> tuple[ExitCode, str | None]:
    """Works all groups; returns the exit status, and why the run stopped early if it did."""
    prepared, progress, stop = worklist.prepared, worklist.progress, worklist.stop
    why, refused = None, False
    try:
        for group in prepared.groups:
            if not stop.requested:
                worklist.work(group, client)
    except RunStoppedError as error:
        # Status 2: a restarted run would stop again. A run that lost access after its first tiles may continue later.
        may_continue = isinstance(error, AccessLostError) and progress.now.total()
        why, refused = str(error), error.exit_code is ExitCode.BAD_INPUT and not may_continue
    except OSError as error:
        why = f"{folder_fault(error, prepared.folder.root)}. Then rerun the command; what is done is kept."
    if why is not None or stop.requested:
        worklist.recount()
        worklist.report()
    if refused:
        return ExitCode.BAD_INPUT, why
    if stop.requested and progress.counts.left:
        why = f"The run was stopped by {stop.reason}; rerun the command to continue. What is done is kept."
    return ExitCode.STOPPED if why else progress.counts.exit_code, why


def establish(prepared: PreparedRun, client: EarthClient) -> TileIndex:
    """Imports the tiles into the dataset and writes its configuration, unless that is done already.

    Raises:
        DatasetError: if another process has started the dataset with other groups since the run was prepared.
    """
    wanted = [modality.name for group in prepared.groups for modality in group.modalities]
    latest, stored = load_started_config(prepared.folder, wanted), prepared.stored
    if latest is not None:
        # Other processes may have added groups since this run was prepared; theirs are kept.
        for name, members in stored.groups.items():
            if list(latest.groups.get(name, members)) != list(members):
                raise DatasetError(
                    f"{prepared.folder.root}: another process has just started the group {name!r} with "
                    f"{', '.join(latest.groups[name])}, where this run would have {', '.join(members)}. Rerun the "
                    "command, and it continues from there."
                )
        stored = latest.with_groups(stored)
    if prepared.frame is not None:
        frame = fill_centroids(prepared.frame, client)
        import_tiles(frame, prepared.folder.tiles, stored.tiles["partition_size"])
        # That of the first import is kept, so that `verify` notices if a later one gives other tiles.
        first = {"imported_sha256": TileIndex(prepared.folder.tiles).digest(), **stored.tiles}
        stored = evolve(stored, tiles=stored.tiles | first)
    # After the tiles, so that a process that reads the configuration also has the tiles.
    if stored != latest:
        stored.write(prepared.folder.config)
    return TileIndex(prepared.folder.tiles)
