"""Writes splits.json for the rows of an HDF5 file, and beside it how the splits were made."""

from typing import Any

import numpy as np

from mmearth_core.download.folder import DownloadedDataset
from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.json_files import write_json
from mmearth_core.post.splits import STRATEGIES, USED_BY, SplitOptions, describe, split
from mmearth_core.product.hdf5 import rows_digest
from mmearth_core.product.reader import DatasetReader, read_side_file
from mmearth_core.tiles.index import TileIndex


def make_splits(source: DownloadedDataset, changes: dict[str, Any]) -> dict[str, Any]:
    """Writes the splits.

    Args:
        source: the dataset; its HDF5 file must exist.
        changes: the options that the user gives; the others are those of the existing splits, if any.

    Returns:
        How they were made, as it is written.
    """
    options = split_options(source, changes)
    ids = DatasetReader.open(source.require_hdf5()).tile_ids()
    parts = split(options, *_tiles_of(source, ids, options.by))
    made = describe(options, parts, len(ids), rows_digest(ids))
    if made != _made(source):
        # The record vouches for the rows: if this process is killed, old rows must not be beside the new record.
        source.products.splits.unlink(missing_ok=True)
    write_json(source.products.splits_made, made)
    write_json(source.products.splits, {part: rows.tolist() for part, rows in parts.items()})
    return made


def are_stale(source: DownloadedDataset) -> bool:
    """Whether splits were made of other rows than the HDF5 file now has, or their writing was interrupted."""
    made, ids = _made(source), DatasetReader.open(source.products.hdf5).tile_ids()
    return bool(made) and (made.get("rows_sha256") != rows_digest(ids) or not source.products.splits.exists())


def split_options(source: DownloadedDataset, changes: dict[str, Any]) -> SplitOptions:
    """The options in force: those that are given, and those of the existing splits.

    Raises:
        ConfigError: when they contradict each other; says what is allowed.
        DatasetError: when the record of the existing splits cannot be read.
    """
    path, before = source.products.splits_made, _made(source).get("made", {})
    try:
        SplitOptions(**before)
    except (ConfigError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be understood ({error}). Delete it, and make the splits again.") from error
    if changes.get("strategy", before.get("strategy")) != before.get("strategy"):
        before.pop("column", None)  # it belonged to the other strategy
    options = SplitOptions(**{**before, **changes})
    for name in changes:
        if options.strategy not in USED_BY.get(name, STRATEGIES):
            raise ConfigError(
                f"--{name.replace('_', '-')} has no effect with --strategy {options.strategy}: it is for "
                f"{' and '.join(USED_BY[name])}. Omit it, or choose another strategy."
            )
    if options.by is not None:
        index = TileIndex(source.folder.tiles)
        columns = index.read(next(iter(index.sizes())))[0].attributes
        if options.by not in columns:
            raise ConfigError(
                f"--column {options.by!r}: the tiles have no such column. They have "
                f"{', '.join(columns) or 'none but their ids'}."
            )
    return options


def _made(source: DownloadedDataset) -> dict[str, Any]:
    path = source.products.splits_made
    return read_side_file(path, dict) if path.exists() else {}


def _tiles_of(source: DownloadedDataset, ids: list[str], column: str | None) -> tuple[Any, Any, list[Any]]:
    """Longitude, latitude and a column of each row."""
    row_of = {tile_id: row for row, tile_id in enumerate(ids)}
    lon, lat = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
    values: list[Any] = [None] * len(ids)
    index = TileIndex(source.folder.tiles)
    for partition in index.sizes():
        for tile in index.read(partition):
            row = row_of.pop(tile.tile_id, None)
            if row is not None:
                lon[row], lat[row] = tile.lon, tile.lat
                values[row] = tile.attributes.get(column) if column is not None else None
    if row_of:
        raise DatasetError(
            f"{source.products.hdf5}: holds tile {next(iter(row_of))!r}, which is not in {source.folder.tiles}. Write "
            "the HDF5 file again with `mmearth-core post hdf5`."
        )
    return lon, lat, values
