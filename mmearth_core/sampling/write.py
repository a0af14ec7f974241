"""Writes a tiles file: the same tiles give the same bytes, in GeoJSON, GeoPackage and FlatGeobuf."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from mmearth_core.errors import TilesError
from mmearth_core.folder import written_aside
from mmearth_core.sampling.square import Places
from mmearth_core.tiles.fixed_date import fixed_date

SUFFIXES = (".geojson", ".gpkg", ".fgb")

_ROWS = 20_000
"""Tiles that are turned into text at once."""


def check_suffix(path: Path) -> None:
    """Refuses a file that could not be written, before any work is done.

    Raises:
        TilesError: names what is allowed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise TilesError(f"{path}: a tiles file is written as {', '.join(SUFFIXES)}. Choose one of these endings.")
    if path.is_dir():
        raise TilesError(f"{path} is a folder; name a file.")


def write_tiles(path: Path, places: Places, columns: Mapping[str, Any]) -> None:
    """Writes tiles aside and renames the file.

    Args:
        path: its ending says the format.
        places: the squares.
        columns: the columns by name, each of one length with the squares.
    """
    check_suffix(path)
    with written_aside(path) as aside:
        if path.suffix.lower() == ".geojson":
            _write_geojson(aside, places, columns)
            return
        frame = gpd.GeoDataFrame(dict(columns), geometry=places.polygons(), crs="EPSG:4326")
        with fixed_date():
            if path.suffix.lower() == ".gpkg":
                names = {"FID": "mmearth_row", "GEOMETRY_NAME": "geometry"}
                pyogrio.write_dataframe(frame, aside, layer="tiles", driver="GPKG", layer_options=names)
            else:
                # An index would sort the tiles, and their order is the dataset's.
                options = {"SPATIAL_INDEX": "NO"}
                pyogrio.write_dataframe(frame, aside, layer="tiles", driver="FlatGeobuf", layer_options=options)


def _write_geojson(path: Path, places: Places, columns: Mapping[str, Any]) -> None:
    """A feature a line; numbers as Python writes them, so that they come back to the last bit."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type":"FeatureCollection","features":[')
        for start in range(0, len(places), _ROWS):
            rows = slice(start, start + _ROWS)
            rings = shapely.get_coordinates(places.take(rows).polygons()).reshape(-1, 5, 2).tolist()
            texts = [
                [f"{json.dumps(name)}:{text}" for text in _texts(values[rows])] for name, values in columns.items()
            ]
            lines = (
                f'{{"type":"Feature","properties":{{{",".join(properties)}}},'
                f'"geometry":{{"type":"Polygon","coordinates":{json.dumps([ring], separators=(",", ":"))}}}}}'
                for ring, *properties in zip(rings, *texts, strict=True)
            )
            file.write((",\n" if start else "\n") + ",\n".join(lines))
        file.write("\n]}\n")


def _texts(values: Any) -> list[str]:
    """A column as JSON texts."""
    return [json.dumps(_plain(value), ensure_ascii=False) for value in pd.Series(values).tolist()]


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    return value.isoformat() if hasattr(value, "isoformat") else value
