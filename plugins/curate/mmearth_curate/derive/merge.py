"""Merging: the rows of several datasets of one layout become one dataset, without being compressed again."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.errors import DatasetError
from mmearth_core.json_files import write_json
from mmearth_core.product.hdf5 import METADATA, PROVENANCE, new_file, write_head
from mmearth_core.product.hdf5_rows import copy_chunks, create_like
from mmearth_core.progress import Progress
from mmearth_core.text import counted
from mmearth_core.workers import Pool
from mmearth_curate.derive.files import DatasetFiles, publish
from mmearth_curate.derive.head import derived_head, provenance
from mmearth_curate.derive.layouts import Layout, read_layout, require_same
from mmearth_curate.derive.splits import moved_rows, read_json, read_splits, write_splits
from mmearth_curate.derive.stats import counted_stats, merged_stats
from mmearth_curate.derive.tile_info import Entry, entries_of, write_entries

RULES = ("refuse", "first", "last")
"""What may be done about a tile id that occurs more than once."""


_NAMED = 5
"""Duplicate ids that the refusal names."""


Rows = NDArray[np.intp]


@frozen
class Merged:
    """What became of it.

    Attributes:
        files: the new dataset.
        rows: its rows.
        dropped: rows that another one of the same tile id stands for.
        counted: whether the band statistics had to be counted from the values again.
        no_splits: the inputs without splits, for which it has none.
    """

    files: DatasetFiles
    rows: int
    dropped: int
    counted: bool
    no_splits: tuple[str, ...]


def merge(
    target: Path, sources: Sequence[Path], duplicates: str, overwrite: bool, pool: Pool, progress: Progress
) -> Merged:
    """Joins datasets: all rows of the first, then all of the second, and so on.

    Args:
        target: the dataset to be, a folder or an HDF5 file.
        sources: the datasets, each a folder or an HDF5 file.
        duplicates: one of `RULES`.
        overwrite: replace a dataset that is there.
        pool: counts the band statistics if they cannot be merged.
        progress: is told of every step.

    Raises:
        DatasetError: when layouts differ, a tile id occurs twice, or a file cannot be read.
        RunStoppedError: when the disk is full.
    """
    inputs = [DatasetFiles.find(path) for path in sources]
    out = DatasetFiles.target(target)
    with publish(out, inputs, overwrite) as staged:
        layouts = [read_layout(files) for files in inputs]
        require_same(layouts)
        kept = choose_rows(layouts, duplicates)
        ids = [tile_id for layout, rows in zip(layouts, kept, strict=True) for tile_id in layout.ids(rows)]
        _write_hdf5(staged, out.name, layouts, kept, progress)
        write_entries(staged.tile_info, _entries(layouts, kept, len(ids), progress))
        dropped = sum(len(layout.table) for layout in layouts) - len(ids)
        counted = _write_stats(staged, layouts, len(ids), dropped, pool, progress)
        no_splits = _write_splits(staged, layouts, kept, ids)
        _write_left_out(staged, inputs, set(ids))
    return Merged(out, len(ids), dropped, counted, no_splits)


def choose_rows(layouts: Sequence[Layout], duplicates: str) -> list[Rows]:
    """The rows of each dataset that are kept, so that each tile id occurs once.

    Raises:
        DatasetError: when one occurs more than once, and the rule is to refuse that.
    """
    tables = [layout.table["tile_id"].tolist() for layout in layouts]
    times = Counter(tile_id for table in tables for tile_id in table)
    if duplicates == "refuse" and len(times) < times.total():
        twice = [tile_id for tile_id, count in times.items() if count > 1]
        names = ", ".join(repr(tile_id.decode()) for tile_id in twice[:_NAMED])
        names += ", ..." if len(twice) > _NAMED else ""
        where = [str(layout.files.hdf5) for layout, table in zip(layouts, tables, strict=True) if twice[0] in table]
        raise DatasetError(
            f"{counted(len(twice), 'tile id')} {'occurs' if len(twice) == 1 else 'occur'} more than once: {names}; the "
            f"first in {' and '.join(where)}. Choose which row is kept, --duplicates first or last, or rename "
            "the tiles."
        )
    step = -1 if duplicates == "last" else 1
    seen = set[bytes]()
    kept = []
    for table in tables[::step]:
        rows = []
        for row in range(len(table))[::step]:
            if table[row] not in seen:
                seen.add(table[row])
                rows.append(row)
        kept.append(np.array(rows[::step], np.intp))
    return kept[::step]


def _write_hdf5(
    staged: DatasetFiles, name: str, layouts: Sequence[Layout], kept: Sequence[Rows], progress: Progress
) -> None:
    total = sum(map(len, kept))
    first = layouts[0]
    with new_file(staged.hdf5) as file:
        made_of = [{"name": layout.files.name, "rows": len(rows)} for layout, rows in zip(layouts, kept, strict=True)]
        write_head(file, derived_head(name, first.anchor, {"command": "merge", "of": made_of}))
        table = file.create_dataset(METADATA, (total,), first.table.dtype)
        with first.files.open() as source:
            for layer in first.layers:
                made = create_like(file, source[layer], total)
                made.attrs["plugin"] = ", ".join(dict.fromkeys(each.layers[layer].plugin for each in layouts))
                parts = [(each.provenance[layer], rows) for each, rows in zip(layouts, kept, strict=True)]
                made.attrs[PROVENANCE] = provenance("merge", parts)
        start = 0
        for layout, rows in zip(layouts, kept, strict=True):
            table[start : start + len(rows)] = layout.table[rows]
            with layout.files.open() as source:
                pairs = [(source[layer], file[layer]) for layer in layout.layers]

                def moved(count: int, before: int = start) -> None:
                    progress("copying tiles", before + count, total)

                copy_chunks(pairs, rows.tolist(), start, moved)
            start += len(rows)


def _entries(
    layouts: Sequence[Layout], kept: Sequence[Rows], total: int, progress: Progress
) -> Iterator[tuple[str, Entry]]:
    parts = (entries_of(layout.files.tile_info, layout.ids(rows)) for layout, rows in zip(layouts, kept, strict=True))
    for number, entry in enumerate(chain.from_iterable(parts), start=1):
        progress("writing tile_info", number, total)
        yield entry


def _write_stats(
    staged: DatasetFiles, layouts: Sequence[Layout], rows: int, dropped: int, pool: Pool, progress: Progress
) -> bool:
    """Writes the band statistics; returns whether the values had to be read for it."""
    layers = list(layouts[0].layers.values())
    merged = None
    if not dropped and all(layout.files.band_stats.exists() for layout in layouts):
        merged = merged_stats(layers, [read_json(layout.files.band_stats, dict) for layout in layouts], rows)
    counted = merged is None
    if merged is None:
        sources = [layout.files.hdf5 for layout in layouts]
        merged = counted_stats(staged.hdf5, layers, layouts[0].size, sources, pool, progress)
    write_json(staged.band_stats, merged)
    return counted


def _write_splits(
    staged: DatasetFiles, layouts: Sequence[Layout], kept: Sequence[Rows], ids: list[str]
) -> tuple[str, ...]:
    """Writes the splits if all inputs have some; returns the inputs that have none."""
    members, without, start = [], [], 0
    for layout, rows in zip(layouts, kept, strict=True):
        splits = read_splits(layout.files, layout.ids())
        if splits is None:
            without.append(str(layout.files.hdf5))
        else:
            members.append((splits, moved_rows(len(layout.table), rows, start)))
        start += len(rows)
    if not without:
        write_splits(staged, members, ids, "merge")
    return tuple(without)


def _write_left_out(staged: DatasetFiles, inputs: Sequence[DatasetFiles], ids: set[str]) -> None:
    """Joins the reports of tiles left out, but for tiles that another dataset has."""
    reports: list[dict[str, Any]] = []
    for files in inputs:
        if files.left_out.exists():
            reports += read_json(files.left_out, list)
    reports = [report for report in reports if report["tile_id"] not in ids]
    if reports:
        write_json(staged.left_out, reports)
