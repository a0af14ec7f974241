"""The whole verification, step by step: descriptions, rows, splits, values, statistics, journals and stacks."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mmearth_core.download.folder import DownloadedDataset
from mmearth_core.download.journal import BadStack, send_back
from mmearth_core.errors import DatasetError
from mmearth_core.product.hdf5 import opened
from mmearth_core.progress import Progress
from mmearth_core.registry import Registry
from mmearth_core.text import counted
from mmearth_core.workers import Pool, batches
from mmearth_curate.verify.described import open_subject
from mmearth_curate.verify.findings import Finding, Severity
from mmearth_curate.verify.journals import DoneTile, JournalsCheck
from mmearth_curate.verify.report import Report
from mmearth_curate.verify.rows import InfoCheck, check_table, check_variants
from mmearth_curate.verify.splits import SplitsCheck
from mmearth_curate.verify.stacks import TILES, StackPart, StackTask, check_stacks
from mmearth_curate.verify.statistics import StatsCheck
from mmearth_curate.verify.subject import locate
from mmearth_curate.verify.values import ROWS, Part, PartSeen, check_part
from mmearth_curate.verify.vectors import VectorsCheck

SAMPLE = 1000
"""Rows whose mean and deviation are recomputed and whose pixels are compared with their stacks."""


_SEED = 0


def verify(
    target: Path, registry: Registry, pool: Pool, progress: Progress, sample: int = SAMPLE, sending: bool = False
) -> Report:
    """Rereads a dataset.

    Args:
        target: an HDF5 file, or a configuration, by which the stacks and journals are checked too.
        registry: the installed plugins.
        pool: does the reading.
        progress: is told how far it is.
        sample: rows in the sample; drawn alike every time.
        sending: stacks that are not what was downloaded are sent back to the download.

    Raises:
        DatasetError: when there is nothing that can be read; or, if they are to be sent back, when not a single stack
            is sound, or another process works on their tiles.
    """
    path, source = locate(target, registry)
    opened = open_subject(path, source, registry)
    report = Report(opened.subject)
    report.findings.add(opened.findings)
    report.findings.add(check_table(report.subject))
    report.findings.add(check_variants(report.subject))
    info, splits = InfoCheck(report.subject), SplitsCheck(report.subject)
    report.findings.add(info.findings())
    report.findings.add(splits.findings())
    report.entries, report.splits = info.entries, splits.counts
    rows = _sample(len(report.subject.table), sample)
    report.sampled = len(rows)
    _values(report, rows, pool, progress)
    if source is not None:
        report.findings.add(Finding(Severity.WARNING, "description", *warning) for warning in source.warnings)
        journals = JournalsCheck(report.subject, source, info.sums, report.findings)
        bad = _stacks(report, source, journals, rows, pool, progress)
        if sending:
            _require_some_sound(source, bad, report.stacks or 0)
            send_back(source.folder, bad, "verify")
            report.sent_back = len(bad)
    return report


def _sample(rows: int, size: int) -> frozenset[int]:
    if rows <= size:
        return frozenset(range(rows))
    return frozenset(np.random.default_rng(_SEED).choice(rows, size, replace=False).tolist())


def _values(report: Report, sample: frozenset[int], pool: Pool, progress: Progress) -> None:
    subject = report.subject
    table, stats = subject.table, StatsCheck.open(subject)
    report.findings.add(stats.unreadable)
    shifts = stats.shifts()

    def parts() -> Iterator[Part]:
        for start in range(0, len(table), ROWS):
            rows = range(start, min(start + ROWS, len(table)))
            tiles = [(table.tile_id(row), table.variant(row)) for row in rows]
            own = sample.intersection(rows)
            yield Part(subject.path, subject.layers, tiles, start, own, shifts, subject.contract, subject.rewrite)

    seen = PartSeen()
    for number, part in enumerate(pool.map(check_part, parts()), start=1):
        report.findings.add(part.findings)
        seen.merge(part)
        progress("reading rows", min(number * ROWS, len(table)), len(table))
    report.seen = seen.seen
    report.findings.add(stats.findings(seen.seen, len(sample) == len(table)))
    for name, entries in seen.seen.items():
        if all(entry.empty == entry.rows for entry in entries.values()):
            message = "The layer is no-data in every tile."
            remedy = "If it should not be, see under MISSING in tile_info why."
            report.findings.add([subject.finding(Severity.WARNING, "empty layers", message, remedy, layer=name)])


def _stacks(
    report: Report,
    source: DownloadedDataset,
    journals: JournalsCheck,
    sample: frozenset[int],
    pool: Pool,
    progress: Progress,
) -> list[BadStack]:
    layers = source.stacked()
    total = int(source.effective.tiles["count"])
    told: list[Finding] = []
    bad: list[BadStack] = []
    report.stacks = report.compared = 0
    with opened(report.subject.path) as file:
        vectors = VectorsCheck(source, file)

        def tasks() -> Iterator[StackTask]:
            for done in journals.tiles():
                sampled = done.row in sample
                if sampled and done.journal is not None and done.row is not None:
                    told.extend(vectors.findings(done.journal, done.row))
                if done.stacks:
                    yield _task(done, sampled)

        parts = (StackPart(report.subject.path, layers, batch) for batch in batches(tasks(), TILES))
        for number, seen in enumerate(pool.map(check_stacks, parts), start=1):
            report.stacks += seen.stacks
            report.compared += seen.compared
            bad += seen.bad
            report.findings.add(seen.findings)
            report.findings.add(told)
            told.clear()
            progress("checking stacks", min(number * TILES, total), total)
        report.findings.add(told)
    journals.finish()
    return bad


def _require_some_sound(source: DownloadedDataset, bad: Sequence[BadStack], stacks: int) -> None:
    """Refuses to send all tiles back: then the stacks as a whole are not where they should be."""
    if bad and len(bad) == stacks:
        raise DatasetError(
            f"{source.folder.root}: none of {counted(stacks, 'stack')} is what was downloaded; the first is of tile "
            f"{bad[0].tile_id!r}: {bad[0].reason}. Nothing was sent back. Is the disk mounted, and the "
            "folder stacks/ that of this dataset?"
        )


def _task(done: DoneTile, sampled: bool) -> StackTask:
    tile = done.tile
    return StackTask(tile.tile_id, tile.ordinal, tile.partition, done.row, sampled, done.stacks)
