"""The complete verification: descriptions, rows, splits, values, statistics, journals and stacks."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from mmearth_core.download.folder import BadStack, DownloadedDataset, mark_failed
from mmearth_core.errors import DatasetError
from mmearth_core.files import locked
from mmearth_core.paths import DatasetPaths
from mmearth_core.progress import Progress
from mmearth_core.registry import Registry
from mmearth_core.text import counted
from mmearth_core.workers import Pool, batches
from mmearth_curate.verify.band_stats import BandStatsCheck
from mmearth_curate.verify.descriptions import check_descriptions, open_target
from mmearth_curate.verify.findings import Finding, Report, Severity
from mmearth_curate.verify.images import check_images
from mmearth_curate.verify.journals import JournalsCheck
from mmearth_curate.verify.side_files import TileInfoCheck, check_table
from mmearth_curate.verify.stacks import TILES, StackPart, StackTask, check_stacks, check_vectors
from mmearth_curate.verify.values import ROWS, Part, check_part, merge_counts

_SEED = 0


def verify(
    target: Path,
    registry: Registry,
    pool: Pool,
    progress: Progress,
    sample: int = 1000,
    returning: bool = False,
    images: bool = False,
) -> Report:
    """Rereads a dataset and checks it.

    Args:
        target: an HDF5 file, the folder with it, or a configuration; with a configuration, stacks and journals are
            also checked.
        registry: the installed plugins.
        pool: the worker processes.
        progress: called after every step.
        sample: number of rows in the sample; always the same ones.
        returning: whether to return tiles for download whose stacks differ from what was downloaded.
        images: whether to ask the configured engine for every recorded image; otherwise no request is sent.

    Raises:
        EngineError: when the engine cannot be used that is to be asked for the images.
        DatasetError: when nothing can be read; or, if tiles are to be returned, when no stack is intact, or another
            process is working on the tiles.
    """
    report = open_target(target, registry)
    info = TileInfoCheck(report)
    for findings in (check_descriptions(report), check_table(report), info.findings(), info.splits.findings()):
        report.add(findings)
    rows = _sample(len(report.reader), sample)
    report.sampled = len(rows)
    _check_values(report, rows, pool, progress)
    if report.source is not None:
        report.add(Finding(Severity.WARNING, "description", *warning) for warning in report.source.warnings)
        journals = JournalsCheck(report, report.source, info.digests)
        bad = _check_stacks(report, report.source, journals, rows, pool, progress)
        if returning:
            _require_some_sound(report.source, bad, report.stacks or 0)
            _return(report.source.folder, bad)
            report.returned = len(bad)
        if images:
            check_images(report, target, registry, progress)
    return report


def _return(folder: DatasetPaths, bad: Sequence[BadStack]) -> None:
    """Marks tiles as failed in the journals, so that `run --retry-failed` downloads them again.

    Raises:
        DatasetError: if another process works on these tiles.
    """
    with ExitStack() as locks:
        for group in sorted({one.group for one in bad}):
            partitions = sorted({one.partition for one in bad if one.group == group})
            locks.enter_context(locked(folder.lock(group), partitions))
        mark_failed(folder, bad, "verify")


def _sample(rows: int, size: int) -> frozenset[int]:
    if rows <= size:
        return frozenset(range(rows))
    return frozenset(np.random.default_rng(_SEED).choice(rows, size, replace=False).tolist())


def _check_values(report: Report, sample: frozenset[int], pool: Pool, progress: Progress) -> None:
    total, table = len(report.reader), report.reader.table
    stats = BandStatsCheck.open(report)
    report.add(stats.unreadable)
    means, path = stats.means(), report.reader.paths.hdf5

    def parts() -> Iterator[Part]:
        for start in range(0, total, ROWS):
            rows = range(start, min(start + ROWS, total))
            tiles = [(table.tile_id(row), table.variant(row)) for row in rows]
            own = sample.intersection(rows)
            yield Part(path, report.layers, tiles, start, own, means, report.contract, report.rewrite)

    for number, part in enumerate(pool.map(check_part, parts()), start=1):
        report.add(part.findings)
        merge_counts(report.seen, part.seen)
        progress("reading rows", min(number * ROWS, total), total)
    report.add(stats.findings(len(sample) == total))
    for name, entries in report.seen.items():
        if all(entry.empty == entry.rows for entry in entries.values()):
            message = "The layer is no-data in every tile."
            remedy = "If it should not be, MISSING in tile_info says why."
            report.add([report.finding(Severity.WARNING, "empty layers", message, remedy, layer=name)])


def _check_stacks(
    report: Report,
    source: DownloadedDataset,
    journals: JournalsCheck,
    sample: frozenset[int],
    pool: Pool,
    progress: Progress,
) -> list[BadStack]:
    path, total = report.reader.paths.hdf5, int(source.stored.tiles["count"])
    bad: list[BadStack] = []
    report.stacks = report.compared = 0
    with report.reader.file() as file:

        def tasks() -> Iterator[StackTask]:
            for done in journals.tiles():
                is_sampled = done.row in sample
                if is_sampled and done.journal is not None and done.row is not None:
                    report.add(check_vectors(source, file, done.journal, done.row))
                if done.stacks:
                    yield StackTask(done.tile, done.row, done.stacks, done.grids, is_sampled)

        parts = (StackPart(path, source.stacked, batch) for batch in batches(tasks(), TILES))
        for number, part in enumerate(pool.map(check_stacks, parts), start=1):
            report.stacks += part.stacks
            report.compared += part.compared
            bad += part.bad
            report.add(part.findings)
            progress("checking stacks", min(number * TILES, total), total)
    journals.finish()
    return bad


def _require_some_sound(source: DownloadedDataset, bad: list[BadStack], stacks: int) -> None:
    """Refuses to return all tiles, because then the entire folder of stacks is probably missing."""
    if bad and len(bad) == stacks:
        raise DatasetError(
            f"{source.folder.root}: none of {counted(stacks, 'stack')} is intact; the first one is of tile "
            f"{bad[0].tile_id!r}: {bad[0].reason}. No tile was returned for download. Check that the disk is mounted "
            "and that the folder stacks/ belongs to this dataset."
        )
