"""Merges the rows of several datasets with the same layout, without recompressing them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from mmearth_core.errors import DatasetError
from mmearth_core.json_files import write_json, write_tile_info
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import ProductPaths
from mmearth_core.product.hdf5 import METADATA, PROVENANCE, ROWS, STATISTICS, create_scales, digest_of_rows, new_file
from mmearth_core.product.reader import DatasetReader, find_products, read_side_file
from mmearth_core.product.statistics import LayerStatistics, are_possible, joined_entries, stats_digest
from mmearth_core.progress import Progress
from mmearth_core.text import counted
from mmearth_core.workers import Pool
from mmearth_curate.derive import shared
from mmearth_curate.derive.compare import require_same
from mmearth_curate.derive.publish import publish, target_paths
from mmearth_curate.reading import Entry, tile_info_of

_LISTED = 5
"""Maximum number of duplicate ids in an error."""


@frozen
class Merged:
    """The result.

    Attributes:
        paths: of the new dataset.
        rows: its number of rows.
        dropped: rows that were not taken, as another one has the same tile id.
        counted: whether the band statistics were counted again from the values.
        no_splits: the inputs without splits, for which it has none.
    """

    paths: ProductPaths
    rows: int
    dropped: int
    counted: bool
    no_splits: tuple[str, ...]


@frozen(eq=False)
class Inputs:
    """The datasets to merge.

    Attributes:
        readers: the datasets.
        kept: the rows of each that are kept.
        ids: the tile of each row of the merged dataset.
    """

    readers: Sequence[DatasetReader]
    kept: Sequence[shared.Rows]
    ids: list[str]

    def __iter__(self) -> Iterator[tuple[DatasetReader, shared.Rows, int]]:
        """Each dataset with its rows, and their first row in the merged one."""
        start = 0
        for reader, rows in zip(self.readers, self.kept, strict=True):
            yield reader, rows, start
            start += len(rows)

    @property
    def layers(self) -> Mapping[str, LayerDescription]:
        """The layers as described by the first dataset."""
        return self.readers[0].layers


def merge(
    target: Path, sources: Sequence[Path], duplicates: str, overwrite: bool, pool: Pool, progress: Progress
) -> Merged:
    """Joins datasets: all rows of the first, then all of the second, and so on.

    Args:
        target: the dataset to be, a folder or an HDF5 file.
        sources: the datasets, each a folder or an HDF5 file.
        duplicates: what to do if a tile id occurs more than once: refuse, or keep the first or the last row.
        overwrite: replace an existing dataset.
        pool: counts the band statistics if they cannot be merged.
        progress: called after every step.

    Raises:
        DatasetError: when layouts differ, a tile id occurs twice, or a file cannot be read.
        RunStoppedError: when the disk is full.
    """
    out = target_paths(target)
    with publish(out, [find_products(path) for path in sources], overwrite) as staged:
        readers = [shared.open_source(path) for path in sources]
        require_same(readers)
        kept = choose_rows(readers, duplicates)
        ids = [tile_id for reader, rows in zip(readers, kept, strict=True) for tile_id in reader.tile_ids(rows)]
        inputs = Inputs(readers, kept, ids)
        _write_hdf5(staged, inputs, progress)
        write_tile_info(staged.tile_info, _entries(inputs, progress))
        dropped = sum(map(len, readers)) - len(ids)
        stats = None if dropped else _merged_stats(inputs)
        layers = list(inputs.layers.values())
        write_json(staged.band_stats, stats or shared.counted_stats(staged.hdf5, layers, readers, pool, progress))
        no_splits = _write_splits(staged, inputs)
        _write_left_out(staged, inputs)
        shared.require_unchanged(readers)
    return Merged(out, len(ids), dropped, stats is None, no_splits)


def choose_rows(readers: Sequence[DatasetReader], duplicates: str) -> list[shared.Rows]:
    """The rows to keep of each dataset, so that each tile id occurs once.

    Raises:
        DatasetError: when one occurs more than once, and `duplicates` is `refuse`.
    """
    tables = [reader.ids.tolist() for reader in readers]
    times = Counter(tile_id for table in tables for tile_id in table)
    if duplicates == "refuse" and len(times) < times.total():
        twice = [tile_id for tile_id, count in times.items() if count > 1]
        names = ", ".join(repr(tile_id.decode()) for tile_id in twice[:_LISTED])
        names += ", ..." if len(twice) > _LISTED else ""
        where = [str(reader.paths.hdf5) for reader, table in zip(readers, tables, strict=True) if twice[0] in table]
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


def _write_hdf5(staged: ProductPaths, inputs: Inputs, progress: Progress) -> None:
    first, total = inputs.readers[0], len(inputs.ids)
    made_of = [{"name": reader.paths.name, "rows": len(rows)} for reader, rows, _ in inputs]
    with new_file(staged.hdf5) as file:
        shared.write_head(file, staged.name, first, {"command": "merge", "of": made_of})
        table = file.create_dataset(METADATA, (total,), shared.stored_table(first).dtype)
        with first.file() as source:
            for name in first.layers:
                shared.create_like(file, source[name], first.layers[name], total)
        create_scales(file)
        marks: dict[str, list[tuple[str, shared.Rows]]] = {name: [] for name in first.layers}
        for reader, rows, start in inputs:
            table[start : start + len(rows)] = shared.stored_table(reader)[rows]
            with reader.file() as source:
                for name in marks:
                    marks[name].append((str(source[name].attrs.get(PROVENANCE, "")), rows))
                shared.copy_rows(source, file, marks, rows, start, lambda done: progress("copying tiles", done, total))
        file.attrs[ROWS] = digest_of_rows(file)
        for name, parts in marks.items():
            plugins = dict.fromkeys(reader.layers[name].plugin for reader in inputs.readers)
            file[name].attrs["plugin"] = ", ".join(plugins)
            terms = [reader.layers[name].terms for reader in inputs.readers]
            for term in dict.fromkeys(chain.from_iterable(terms)):
                file[name].attrs[term] = " / ".join(dict.fromkeys(each[term] for each in terms if term in each))
            file[name].attrs[PROVENANCE] = shared.provenance("merge", parts)


def _entries(inputs: Inputs, progress: Progress) -> Iterator[tuple[str, Entry]]:
    parts = (tile_info_of(reader, reader.tile_ids(rows)) for reader, rows, _ in inputs)
    for number, entry in enumerate(chain.from_iterable(parts), start=1):
        progress("writing tile_info", number, len(inputs.ids))
        yield entry


def _merged_stats(inputs: Inputs) -> dict[str, Any] | None:
    if not all(reader.paths.band_stats.exists() for reader in inputs.readers):
        return None
    parts = [reader.band_stats() for reader in inputs.readers]
    for reader, part in zip(inputs.readers, parts, strict=True):
        with reader.file() as file:
            digests = {name: file[name].attrs.get(STATISTICS) for name in inputs.layers}
        if any(digests[name] not in (None, stats_digest(layer, part)) for name, layer in inputs.layers.items()):
            return None  # they were changed since the file was written
    return merged_stats(list(inputs.layers.values()), parts, len(inputs.ids))


def merged_stats(
    layers: Sequence[LayerDescription], parts: Sequence[Mapping[str, Any]], rows: int
) -> dict[str, Any] | None:
    """The statistics of all rows of some datasets.

    Args:
        layers: what each of them holds.
        parts: the content of each one's band_stats.json.
        rows: how many they have together.

    Returns:
        As in band_stats.json; None when a part's statistics are not of all its values, so that they must be counted.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        if not all(are_possible(layer, part) for part in parts):
            return None
        try:
            own = LayerStatistics([layer]).entries() | joined_entries(layer, parts)
        except (LookupError, AttributeError, TypeError, ValueError):  # statistics written by another program
            return None
        total = [own[key] for key in layer.stat_keys() if key in own]
        for band in range(len(layer.bands)):
            if sum(entry["count"][band] + entry["nodata"][band] for entry in total) != rows * layer.per_band:
                return None
        merged |= own
    return merged


def _write_splits(staged: ProductPaths, inputs: Inputs) -> tuple[str, ...]:
    """Writes the splits if all inputs have some; returns the inputs that have none."""
    members, without = [], []
    for reader, rows, start in inputs:
        splits = reader.splits()
        if splits is None:
            without.append(str(reader.paths.hdf5))
        else:
            members.append((reader.paths.name, splits, shared.moved_rows(len(reader), rows, start)))
    if not without:
        shared.write_splits(staged, members, inputs.ids, "merge")
    return tuple(without)


def _write_left_out(staged: ProductPaths, inputs: Inputs) -> None:
    """Merges the lists of tiles that were left out, without tiles that another dataset has."""
    ids = set(inputs.ids)
    existing = [reader.paths.left_out for reader in inputs.readers if reader.paths.left_out.exists()]
    reports = [report for path in existing for report in read_side_file(path, list) if report["tile_id"] not in ids]
    if reports:
        write_json(staged.left_out, reports)
