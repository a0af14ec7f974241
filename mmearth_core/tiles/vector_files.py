"""Vector files: polygons and points read, tiles written."""

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from mmearth_core.errors import TilesError
from mmearth_core.files import written_aside
from mmearth_core.tiles.index import fixed_date
from mmearth_core.tiles.read import UNREADABLE
from mmearth_core.tiles.squares import Places

_POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def read_vector(path: Path) -> gpd.GeoDataFrame:
    """A vector file of one layer, in EPSG:4326 and 2-D; features without geometry are left out.

    Raises:
        TilesError: names the file, what was found and the remedy.
    """
    if not path.exists():
        raise TilesError(f"{path}: no such file.")
    try:
        layers = [name for name, _ in pyogrio.list_layers(path)]
        with warnings.catch_warnings():
            # Mixed columns are read as text, broken rings are mended below.
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            frame = pyogrio.read_dataframe(path) if len(layers) == 1 else None
    except UNREADABLE as error:
        raise TilesError(f"{path}: cannot be read as a vector file. The reader says: {error}") from error
    if frame is None:
        raise TilesError(
            f"{path}: has {len(layers)} layers ({', '.join(layers[:5])}). Export the one you mean to a file of its own."
        )
    if not isinstance(frame, gpd.GeoDataFrame):
        raise TilesError(
            f"{path}: has no geometry column. Use a vector file, such as GeoJSON, GeoPackage or Shapefile."
        )
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)].reset_index(drop=True)
    if frame.crs is None:
        raise TilesError(
            f"{path}: says no CRS. Say so in the file, e.g. `ogr2ogr -a_srs EPSG:4326 with_crs.gpkg {path.name}`."
        )
    if not frame.crs.to_2d().equals("EPSG:4326", ignore_axis_order=True):
        frame = frame.to_crs("EPSG:4326")
    frame = frame.set_geometry(gpd.GeoSeries(shapely.force_2d(frame.geometry.values), frame.index, crs="EPSG:4326"))
    return frame if frame.geometry.name == "geometry" else frame.rename_geometry("geometry")


def read_polygons(path: Path) -> gpd.GeoDataFrame:
    """A file of polygons, each valid; see `read_vector`.

    Raises:
        TilesError: when it holds none, or a feature that is no polygon.
    """
    frame = read_vector(path)
    if not len(frame):
        raise TilesError(f"{path}: holds no polygon.")
    kinds = shapely.get_type_id(frame.geometry.values)
    wrong = [row for row, kind in enumerate(kinds) if kind not in _POLYGONS]
    if wrong:
        found = frame.geometry.iloc[wrong[0]].geom_type
        raise TilesError(
            f"{path}: feature {wrong[0] + 1} is a {found} ({len(wrong)} such in all). All must be polygons."
        )
    shapes = frame.geometry.values
    broken = ~shapely.is_valid(shapes)
    if broken.any():
        mended = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
        shapes = shapes.copy()
        shapes[broken] = mended
        frame = frame.set_geometry(gpd.GeoSeries(shapes, frame.index, crs="EPSG:4326"))
    return frame


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
