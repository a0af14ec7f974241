"""Subsets: copies some tiles of a dataset without decompressing them."""

from pathlib import Path

from attrs import frozen

from mmearth_core.json_files import write_json, write_tile_info
from mmearth_core.paths import ProductPaths
from mmearth_core.product.hdf5 import PROVENANCE, new_file
from mmearth_core.product.reader import DatasetReader, find_products
from mmearth_core.progress import Progress
from mmearth_core.workers import Pool
from mmearth_curate.derive import shared
from mmearth_curate.derive.publish import publish, target_paths
from mmearth_curate.reading import tile_info_of
from mmearth_curate.select import RowFilter, matching_rows


@frozen
class Subset:
    """The result.

    Attributes:
        paths: of the new dataset.
        rows: its number of rows.
        of: that of the original.
    """

    paths: ProductPaths
    rows: int
    of: int


def make_subset(
    source: Path, target: Path, criteria: RowFilter, overwrite: bool, pool: Pool, progress: Progress
) -> Subset:
    """Writes the tiles of a dataset that meet all criteria, in their order.

    Args:
        source: the dataset, a folder or an HDF5 file.
        target: the dataset to be, a folder or an HDF5 file.
        criteria: which tiles.
        overwrite: replace an existing dataset.
        pool: counts the band statistics.
        progress: called after every step.

    Raises:
        DatasetError: when no tile is left, or a file cannot be read.
        RunStoppedError: when the disk is full.
    """
    out = target_paths(target)
    with publish(out, [find_products(source)], overwrite) as staged:
        reader = shared.open_source(source)
        rows = matching_rows(reader, criteria, progress)
        ids = reader.tile_ids(rows)
        _write_hdf5(staged, reader, rows, criteria, progress)
        write_tile_info(staged.tile_info, tile_info_of(reader, ids))
        splits = reader.splits()
        if splits is not None:
            shared.write_splits(
                staged, [(reader.paths.name, splits, shared.moved_rows(len(reader), rows))], ids, "subset"
            )
        layers = list(reader.layers.values())
        write_json(staged.band_stats, shared.counted_stats(staged.hdf5, layers, [reader], pool, progress))
        shared.require_unchanged([reader])
    return Subset(out, len(rows), len(reader))


def _write_hdf5(
    staged: ProductPaths, reader: DatasetReader, rows: shared.Rows, criteria: RowFilter, progress: Progress
) -> None:
    how = {"command": "subset", "of": reader.paths.name, "by": criteria.as_json()}
    with reader.file() as source, new_file(staged.hdf5) as file:
        shared.write_head(file, staged.name, reader, how)
        shared.write_table(file, shared.stored_table(reader)[rows])
        for name in reader.layers:
            made = shared.create_like(file, source[name], reader.layers[name], len(rows))
            made.attrs[PROVENANCE] = shared.provenance("subset", [(str(source[name].attrs.get(PROVENANCE, "")), rows)])
        shared.copy_rows(source, file, reader.layers, rows, 0, lambda done: progress("copying tiles", done, len(rows)))
