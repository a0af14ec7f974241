"""Joins an earlier build's tile_info.json to its tiles: what it recorded of each becomes columns of the tiles file.

Done once, when the tiles are taken in: the file of a large dataset has gigabytes, and a task of an array must not
read it again.
"""

import json
import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from mmearth_core.errors import TilesError

_OWN = frozenset({"tile_id", "geometry", "ordinal", "partition"})
"""Columns that every dataset has; an entry cannot set them."""

_SLACK = 0.01
"""Degrees by which a recorded centroid may lie outside the bounds of its tile."""


def join_tile_info(frame: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """Adds the texts and numbers of every tile's entry as columns; lists and objects are left out.

    A key replaces a column of its name; only `lon` and `lat` of a tile without an entry stay as they were. Entries of
    tiles that `frame` lacks are passed over, and a tile without an entry has nothing in the new columns.

    Args:
        frame: as `read_tiles` returns it.
        path: `{tile_id: {key: value}}`, as the published dataset has it.

    Raises:
        TilesError: names the file, the tile and the key, what was found and the remedy.
    """
    entries = _read(path)
    rows = [entries.get(tile_id) for tile_id in frame["tile_id"]]
    if not any(row is not None for row in rows):
        raise TilesError(
            f"{path}: has no entry for any of the {len(frame)} tiles; its first is {next(iter(entries), None)!r}, "
            f"the tiles file's {frame['tile_id'].iloc[0]!r}. Check that `tiles` and `tile_info` in [dataset] belong "
            "together."
        )
    keys = list(dict.fromkeys(key for row in rows if row for key in row if key not in _OWN))
    _check_case(keys, frame, path)
    joined = frame.copy()
    for key in keys:
        column = _column(key, [row.get(key) if row else None for row in rows], frame, path)
        if key in ("lon", "lat"):
            _check_place(key, column, frame, path)
            column = column.fillna(frame[key]) if key in frame else column
        joined[key] = column
    return joined


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            entries = json.load(file, object_hook=_slim)
    except FileNotFoundError:
        raise TilesError(
            f"{path}: no such file. Check `tile_info` in [dataset]; it is relative to the configuration."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise TilesError(
            f"{path}: cannot be read as JSON; it may be cut short. The reader says: {error}. Give `tile_info` in "
            "[dataset] the tile_info.json of an earlier build."
        ) from error
    wanted = 'It holds one object a tile: {"TILE_ID": {"KEY": value, ...}, ...}.'
    if not isinstance(entries, dict):
        raise TilesError(f"{path}: is no JSON object, but {type(entries).__name__}. {wanted}")
    for tile_id, entry in entries.items():
        if not isinstance(entry, dict):
            raise TilesError(f"{path}: the entry of {tile_id!r} is {json.dumps(entry)[:60]}, no object. {wanted}")
    return entries


def _slim(entry: dict[str, Any]) -> dict[str, Any]:
    """An object's texts and numbers; one without any, such as the whole file, stays as it is."""
    return {key: value for key, value in entry.items() if isinstance(value, str | int | float)} or entry


def _check_case(keys: list[str], frame: gpd.GeoDataFrame, path: Path) -> None:
    seen = {name.lower(): name for name in [*_OWN, *map(str, frame.columns)]}
    for key in keys:
        other = seen.setdefault(key.lower(), key)
        if other != key:
            raise TilesError(
                f"{path}: key {key!r} differs from the tiles' {other!r} only in upper and lower case, which a "
                "GeoPackage does not tell apart. Rename or drop one of them."
            )


def _column(key: str, values: list[Any], frame: gpd.GeoDataFrame, path: Path) -> "pd.Series[Any]":
    """One key's values, all texts or all numbers."""
    # An object or a list here: one that _slim() left, as it had nothing plain in it.
    plain = [value if isinstance(value, str | int | float) else None for value in values]
    plain = [None if isinstance(value, float) and not math.isfinite(value) else value for value in plain]
    texts = [isinstance(value, str) for value in plain]
    numbers = [value is not None and not text for value, text in zip(plain, texts, strict=True)]
    if any(texts) and any(numbers):
        text, number = texts.index(True), numbers.index(True)
        raise TilesError(
            f"{path}: key {key!r} is the text {plain[text]!r} for tile {frame['tile_id'].iloc[text]!r} and the number "
            f"{plain[number]!r} for tile {frame['tile_id'].iloc[number]!r}. Make all of them texts or all numbers."
        )
    return pd.Series(plain, index=frame.index, dtype=object if any(texts) else None if all(numbers) else float)


def _check_place(key: str, column: "pd.Series[Any]", frame: gpd.GeoDataFrame, path: Path) -> None:
    """Refuses a centroid that cannot be the tile's: then ids of two datasets were mixed up."""
    low, high = frame.bounds[f"min{'x' if key == 'lon' else 'y'}"], frame.bounds[f"max{'x' if key == 'lon' else 'y'}"]
    texts = np.flatnonzero([isinstance(value, str) for value in column])
    if texts.size:
        raise TilesError(
            f"{path}: {key} of tile {frame['tile_id'].iloc[texts[0]]!r} is the text {column.iloc[texts[0]]!r}; it must "
            "be a number, in degrees."
        )
    middle = (low + high) / 2
    # Around the globe the short way: tiles across the antimeridian may go on past 180.
    away = (column - middle + 180) % 360 - 180 if key == "lon" else column - middle
    wrong = np.flatnonzero(away.abs() > (high - low) / 2 + _SLACK)
    if wrong.size:
        row = wrong[0]
        raise TilesError(
            f"{path}: {key} of tile {frame['tile_id'].iloc[row]!r} is {column.iloc[row]:g}, outside its polygon "
            f"({low.iloc[row]:g} to {high.iloc[row]:g}); {wrong.size} such tiles in all. Check that `tiles` and "
            "`tile_info` in [dataset] belong together."
        )
