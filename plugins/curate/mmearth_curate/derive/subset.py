"""A subset: some tiles of a dataset, copied as they are compressed."""

from pathlib import Path

import numpy as np
from attrs import frozen

from mmearth_core.json_files import write_json
from mmearth_core.product.hdf5 import METADATA, PROVENANCE, new_file, write_head
from mmearth_core.product.hdf5_rows import copy_chunks, create_like
from mmearth_core.progress import Progress
from mmearth_core.workers import Pool
from mmearth_curate.derive.files import DatasetFiles, publish
from mmearth_curate.derive.head import derived_head, provenance
from mmearth_curate.derive.layouts import Layout, read_layout
from mmearth_curate.derive.splits import Rows, moved_rows, read_splits, write_splits
from mmearth_curate.derive.stats import counted_stats
from mmearth_curate.derive.tile_info import entries_of, write_entries
from mmearth_curate.select import RowFilter, matching_rows


@frozen
class Subset:
    """What became of it.

    Attributes:
        files: the new dataset.
        rows: its rows.
        of: the rows of the old one.
    """

    files: DatasetFiles
    rows: int
    of: int


def make_subset(
    source: Path, target: Path, criteria: RowFilter, overwrite: bool, pool: Pool, progress: Progress
) -> Subset:
    """Writes the tiles of a dataset that fulfil all criteria, in their order.

    Args:
        source: the dataset, a folder or an HDF5 file.
        target: the dataset to be, likewise.
        criteria: which tiles.
        overwrite: replace a dataset that is there.
        pool: counts the band statistics.
        progress: is told of every step.

    Raises:
        DatasetError: when no tile is left, or a file cannot be read.
        RunStoppedError: when the disk is full.
    """
    files, out = DatasetFiles.find(source), DatasetFiles.target(target)
    with publish(out, [files], overwrite) as staged:
        layout = read_layout(files)
        splits = read_splits(files, layout.ids())
        rows = matching_rows(layout, splits, criteria, progress)
        ids = layout.ids(rows)
        _write_hdf5(staged, out.name, layout, rows, criteria, progress)
        write_entries(staged.tile_info, entries_of(files.tile_info, ids))
        if splits is not None:
            write_splits(staged, [(splits, moved_rows(len(layout.table), rows))], ids, "subset")
        layers = list(layout.layers.values())
        results = counted_stats(staged.hdf5, layers, layout.size, [files.hdf5], pool, progress)
        write_json(staged.band_stats, results)
    return Subset(out, len(rows), len(layout.table))


def _write_hdf5(
    staged: DatasetFiles, name: str, layout: Layout, rows: Rows, criteria: RowFilter, progress: Progress
) -> None:
    how = {"command": "subset", "of": layout.files.name, "by": criteria.as_json()}
    with layout.files.open() as source, new_file(staged.hdf5) as file:
        write_head(file, derived_head(name, layout.anchor, how))
        file.create_dataset(METADATA, data=layout.table[rows])
        pairs = []
        for layer in layout.layers:
            made = create_like(file, source[layer], len(rows))
            made.attrs[PROVENANCE] = provenance("subset", [(layout.provenance[layer], np.asarray(rows))])
            pairs.append((source[layer], made))
        copy_chunks(pairs, rows.tolist(), 0, lambda count: progress("copying tiles", count, len(rows)))
