"""Tile ids from a file that a user names: a list of any of the kinds that people have."""

import json
from pathlib import Path
from typing import Any

from mmearth_core.errors import ConfigError

COLUMN = "tile_id"

_VECTOR = (".geojson", ".gpkg", ".fgb")


def read_ids(path: Path) -> frozenset[str]:
    """Reads tile ids: one a line, a column `tile_id` of a CSV or of a vector file, or a list in JSON.

    Raises:
        ConfigError: when the file cannot be read, or has no ids.
    """
    try:
        ids = _ids(path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:  # RuntimeError: GDAL's, by pyogrio
        raise ConfigError(
            f"{path}: no tile ids can be read there ({str(error)[:200]}). Give a text file with an id a line, or a "
            "CSV, GeoJSON or GeoPackage with a column `tile_id`."
        ) from error
    if not ids:
        raise ConfigError(f"{path}: holds no tile id. Give an id a line, or a column `tile_id`.")
    return frozenset(ids)


def _ids(path: Path) -> list[str]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        import pandas as pd

        return [str(value) for value in pd.read_csv(path, dtype=str)[COLUMN].dropna()]
    if suffix in _VECTOR:
        return _column(path)
    text = path.read_text(encoding="utf-8-sig")
    if suffix != ".json":
        return [line.strip() for line in text.splitlines() if line.strip()]
    content = json.loads(text)
    return _column(path) if isinstance(content, dict) else [_plain(each) for each in content]


def _plain(each: Any) -> str:
    return str(each[COLUMN] if isinstance(each, dict) else each)


def _column(path: Path) -> list[str]:
    import pyogrio

    values = pyogrio.read_dataframe(path, columns=[COLUMN], read_geometry=False)[COLUMN].dropna()
    # A missing value elsewhere made whole numbers floats.
    return [str(int(value)) if isinstance(value, float) and value.is_integer() else str(value) for value in values]
