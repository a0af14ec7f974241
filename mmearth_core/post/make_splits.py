"""Writes splits.json for the rows of an HDF5 file, and beside it how the splits were made."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmearth_core.download.folder import DownloadedDataset
from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.json_files import write_json
from mmearth_core.post.products import HDF5, SPLITS, required
from mmearth_core.post.splits import STRATEGIES, USED_BY, SplitOptions, describe, split
from mmearth_core.product.hdf5 import opened, rows_digest, tile_ids
from mmearth_core.tiles.index import TileIndex

HOW = "_splits_made.json"
"""The file that says how; of a name that the training reader does not look for."""


def make_splits(source: DownloadedDataset, changes: dict[str, Any]) -> dict[str, Any]:
    """Writes the splits.

    Args:
        source: the dataset; its HDF5 file must be there.
        changes: fields of the recipe that the user gives; the others are as in the splits that are there, if any.

    Returns:
        How they were made, as it is written.
    """
    recipe = _recipe(source, changes)
    with opened(required(source, HDF5)) as file:
        ids = tile_ids(file)
    lon, lat, column = _of_tiles(source, ids, recipe.by)
    parts = split(recipe, lon, lat, column)
    how = describe(recipe, parts, len(ids), rows_digest(ids))
    write_json(source.file(HOW), how)
    write_json(source.file(SPLITS), {part: rows.tolist() for part, rows in parts.items()})
    return how


def check_recipe(source: DownloadedDataset, changes: dict[str, Any]) -> None:
    """Refuses a recipe that cannot be, before hours of work and not after them.

    Raises:
        ConfigError: says what is allowed.
        DatasetError: when how the splits were made before cannot be understood.
    """
    _recipe(source, changes)


def are_stale(source: DownloadedDataset) -> bool:
    """Whether there are splits that were made of other rows than the HDF5 file now has."""
    how = _read(source.file(HOW))
    if not how:
        return False
    with opened(source.file(HDF5)) as file:
        return bool(how.get("rows_sha256") != rows_digest(tile_ids(file)))


def _recipe(source: DownloadedDataset, changes: dict[str, Any]) -> SplitOptions:
    path = source.file(HOW)
    before = _read(path).get("made", {})
    try:
        SplitOptions(**before)
    except (ConfigError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be understood ({error}). Delete it, and make the splits again.") from error
    strategy = changes.get("strategy", before.get("strategy"))
    if strategy != before.get("strategy"):
        before.pop("column", None)  # it was the other strategy's
    recipe = SplitOptions(**{**before, **changes})
    for name in changes:
        if recipe.strategy not in USED_BY.get(name, STRATEGIES):
            raise ConfigError(
                f"--{name.replace('_', '-')} says nothing to --strategy {recipe.strategy}: it is for "
                f"{' and '.join(USED_BY[name])}. Leave it out, or choose another strategy."
            )
    if recipe.by is not None:
        _require_column(source, recipe.by)
    return recipe


def _require_column(source: DownloadedDataset, name: str) -> None:
    index = TileIndex(source.folder.tiles)
    columns = index.read(next(iter(index.sizes())))[0].attributes
    if name not in columns:
        raise ConfigError(
            f"--column {name!r}: the tiles have no such column. They have {', '.join(columns) or 'none but their ids'}."
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DatasetError(f"{path}: is no JSON ({error}). Delete it, and make the splits again.") from error
    return content if isinstance(content, dict) else {}


def _of_tiles(source: DownloadedDataset, ids: list[str], column: str | None) -> tuple[Any, Any, list[Any]]:
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
            f"{source.file(HDF5)}: holds tile {next(iter(row_of))!r}, which is not in {source.folder.tiles}. Write the "
            "HDF5 file again with `mmearth-core post hdf5`."
        )
    return lon, lat, values
