"""Vector files of any format: polygons and points are read, tiles are written."""

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from mmearth_core.errors import TilesError
from mmearth_core.files import written_aside
from mmearth_core.tiles.index import write_geopackage

SUFFIXES = (".geojson", ".gpkg", ".fgb")
"""Formats in which tiles are written."""

_POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)

_UNREADABLE = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError)
"""What pyogrio raises for a file that is cut short, malformed or not a vector file."""


def read_layer(path: Path) -> gpd.GeoDataFrame:
    """Reads the only layer of a vector file, as it is.

    Raises:
        TilesError: when the file cannot be read, has several layers, no geometries or no CRS.
    """
    try:
        layers = [name for name, _ in pyogrio.list_layers(path)]
        with warnings.catch_warnings():
            # A column of numbers and texts is read as text. Invalid rings are handled by the callers.
            warnings.simplefilter("ignore", UserWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            frame = pyogrio.read_dataframe(path) if len(layers) == 1 else None
    except _UNREADABLE as error:
        raise TilesError(
            f"{path}: cannot be read as a vector file; it may be cut short or malformed. The reader says: {error}"
        ) from error
    if frame is None:
        raise TilesError(
            f"{path}: has {len(layers)} layers ({', '.join(layers[:5])}); exactly one is needed. Export it to a file "
            "of its own."
        )
    if not isinstance(frame, gpd.GeoDataFrame):
        raise TilesError(f"{path}: has no geometry column. Use a vector file, such as GeoJSON or GeoPackage.")
    if frame.crs is None:
        raise TilesError(
            f"{path}: has no CRS. Set it in the file, e.g. `ogr2ogr -a_srs EPSG:4326 with_crs.gpkg {path.name}`."
        )
    return frame


def read_vector(path: Path, types: Sequence[shapely.GeometryType], remedy: str) -> gpd.GeoDataFrame:
    """Reads a vector file as 2-D geometries in EPSG:4326; features without geometry are left out.

    Args:
        path: the file.
        types: the geometries that it may have.
        remedy: what to do about others, for the error.

    Raises:
        TilesError: names the file, the problem and the remedy.
    """
    if not path.exists():
        raise TilesError(f"{path}: no such file.")
    frame = read_layer(path)
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)].reset_index(drop=True)
    wrong = np.flatnonzero(~np.isin(shapely.get_type_id(frame.geometry.values), types))
    if wrong.size:
        raise TilesError(
            f"{path}: feature {wrong[0] + 1} is a {frame.geom_type[wrong[0]]} ({wrong.size} such features in all). "
            f"{remedy}"
        )
    if not frame.crs.to_2d().equals("EPSG:4326", ignore_axis_order=True):
        frame = frame.to_crs("EPSG:4326")
    return frame.set_geometry(gpd.GeoSeries(shapely.force_2d(frame.geometry.values), frame.index, crs="EPSG:4326"))


def read_polygons(path: Path) -> gpd.GeoDataFrame:
    """Reads a file of polygons; invalid ones are repaired. See `read_vector`.

    Raises:
        TilesError: when it has none, or a feature that is not a polygon.
    """
    frame = read_vector(path, _POLYGONS, "All must be polygons.")
    if not len(frame):
        raise TilesError(f"{path}: has no polygon.")
    shapes = frame.geometry.values
    broken = ~shapely.is_valid(shapes)
    if broken.any():
        shapes = shapes.copy()
        shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
        frame = frame.set_geometry(gpd.GeoSeries(shapes, frame.index, crs="EPSG:4326"))
    return frame


def find_column(frame: pd.DataFrame, path: Path, given: str | None, known: tuple[str, ...], option: str) -> str:
    """The name of a column that the user names, or that has one of the known names in any case.

    Args:
        frame: the columns.
        path: their file, for errors.
        given: the user's name for it, or None.
        known: names in order of preference, in lower case.
        option: the command's option for the name.

    Raises:
        TilesError: when there is no such column.
    """
    names = [str(column) for column in frame.columns if column != "geometry"]
    by_lower_case = {name.lower(): name for name in reversed(names)}
    matches = [by_lower_case[name] for name in known if name in by_lower_case] if given is None else [given]
    if matches and matches[0] in names:
        return matches[0]
    wanted = option if given is None else f"{option} {given!r}"
    advice = "" if given else f" Known names: {', '.join(known)}; or name yours with {option}."
    raise TilesError(f"{path}: has no column for {wanted}. It has: {', '.join(names) or 'none'}.{advice}")


def check_suffix(path: Path) -> None:
    """Refuses a file that could not be written, before any work is done.

    Raises:
        TilesError: names the allowed suffixes.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise TilesError(f"{path}: a tiles file is written as {', '.join(SUFFIXES)}. Choose one of these suffixes.")
    if path.is_dir():
        raise TilesError(f"{path} is a folder; name a file.")


def write_tiles(path: Path, polygons: Any, columns: Mapping[str, Any]) -> None:
    """Writes tiles to a temporary file and renames it.

    Args:
        path: the suffix selects the format.
        polygons: an array of shapely polygons, EPSG:4326.
        columns: the columns by name, each as long as `polygons`.
    """
    check_suffix(path)
    with written_aside(path) as aside:
        if path.suffix.lower() == ".geojson":
            _write_geojson(aside, polygons, columns)
            return
        frame = gpd.GeoDataFrame(dict(columns), geometry=polygons, crs="EPSG:4326")
        if path.suffix.lower() == ".gpkg":
            write_geopackage(frame, aside)
        else:
            # A spatial index would reorder the tiles, and their order becomes the dataset's.
            pyogrio.write_dataframe(frame, aside, layer="tiles", driver="FlatGeobuf", SPATIAL_INDEX="NO")


def _write_geojson(path: Path, polygons: Any, columns: Mapping[str, Any]) -> None:
    """One feature per line; numbers as Python writes them, so that they are read back exactly."""
    values = [pd.Series(column).tolist() for column in columns.values()]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type":"FeatureCollection","features":[')
        for number, (polygon, *row) in enumerate(zip(polygons, *values, strict=True)):
            rings = [shapely.get_coordinates(ring).tolist() for ring in shapely.get_rings(polygon)]
            coordinates = json.dumps(rings, separators=(",", ":"))
            properties = [f"{json.dumps(name)}:{_json(value)}" for name, value in zip(columns, row, strict=True)]
            file.write(
                f'{"," if number else ""}\n{{"type":"Feature","properties":{{{",".join(properties)}}},'
                f'"geometry":{{"type":"Polygon","coordinates":{coordinates}}}}}'
            )
        file.write("\n]}\n")


def _json(value: Any) -> str:
    """A value as JSON; NaN and infinities, which JSON does not have, become null."""
    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and not math.isfinite(value)):
        return "null"
    return json.dumps(value, ensure_ascii=False, default=lambda date: date.isoformat())
