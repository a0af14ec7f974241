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

PARQUET = (".parquet", ".pq", ".geoparquet")

BOUNDS = {"lon": 360.0, "lat": 90.0}
"""Largest absolute value of a longitude and a latitude; tiles across the antimeridian may continue past 180."""

_SPLIT = ", or split it at 180 into a MultiPolygon"

_UNREADABLE = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError)
"""What pyogrio raises for a file that is cut short, malformed or not a vector file."""


_NO_LOCKS = ("database is locked", "disk I/O error")
"""What SQLite says of a GeoPackage on a file system without locks."""


def read_layer(path: Path) -> gpd.GeoDataFrame:
    """Reads the only layer of a vector file, or a GeoParquet file; dates become text, each as the file has it.

    Raises:
        TilesError: when the file cannot be read, has several layers, no geometries or no CRS.
    """
    frame = read_parquet(path) if path.suffix.lower() in PARQUET else _read_with_gdal(path)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise TilesError(f"{path}: has no geometry column. Use a vector file, such as GeoJSON or GeoPackage.")
    if frame.crs is None:
        command = f"ogr2ogr -a_srs EPSG:4326 with_crs.gpkg {path.name}"
        raise TilesError(f"{path}: has no CRS. Set it in the file, e.g. `{command}`.")
    return frame


def _read_with_gdal(path: Path, content: bytes | None = None) -> pd.DataFrame:
    source = path if content is None else content
    try:
        # A column of numbers and texts is read as text. Invalid rings are handled by the callers. Only GeoJSON's driver
        # knows DATE_AS_STRING: without it, a text that looks like a date, such as an id, would be changed.
        with warnings.catch_warnings(action="ignore"):
            layers = [name for name, _ in pyogrio.list_layers(source)]
            try:
                frame: pd.DataFrame = pyogrio.read_dataframe(source, datetime_as_string=True, DATE_AS_STRING="YES")
            except shapely.errors.ShapelyError as error:
                stored = pyogrio.raw.read(source, columns=[])[2]
                damaged = shapely.is_missing(shapely.from_wkb(stored, on_invalid="ignore")) & ~pd.isna(stored)
                found = f"feature {np.argmax(damaged) + 1} has a geometry that cannot be read ({error})"
                rule = "A ring has at least four points, and its last one must equal its first"
                raise TilesError(f"{path}: {found}. {rule}. Fix or drop the feature.") from error
    except _UNREADABLE as error:
        if content is None and any(text in str(error) for text in _NO_LOCKS):
            return _read_with_gdal(path, path.read_bytes())
        found = "cannot be read as a vector file; it may be cut short or malformed"
        raise TilesError(f"{path}: {found}. The reader says: {error}") from error
    if len(layers) != 1:
        found = f"has {len(layers)} layers ({', '.join(layers[:5])}); exactly one is needed"
        raise TilesError(f"{path}: {found}. Export it to a file of its own.")
    return frame


def read_parquet(path: Path) -> pd.DataFrame:
    """Reads Parquet, or GeoParquet as a `GeoDataFrame`; a named index becomes columns.

    Raises:
        TilesError: when it cannot be read.
    """
    try:
        from pyarrow.parquet import read_schema

        reader = gpd if b"geo" in (read_schema(path).metadata or {}) else pd
        frame: pd.DataFrame = reader.read_parquet(path)
        if isinstance(frame, gpd.GeoDataFrame) and frame.geometry.name != "geometry":
            frame = frame.rename_geometry("geometry")
        return frame.reset_index(drop=list(frame.index.names) == [None])
    except ImportError as error:
        raise TilesError(f"{path}: Parquet needs pyarrow: `pip install 'mmearth-core[parquet]'`.") from error
    except (ValueError, OSError, shapely.errors.ShapelyError) as error:
        raise TilesError(f"{path}: cannot be read as Parquet. The reader says: {error}") from error


def check_geometries(
    frame: gpd.GeoDataFrame, path: Path, types: Sequence[str], remedy: str, tiles: bool = False
) -> None:
    """Refuses geometries that cannot be used as longitudes and latitudes.

    Args:
        frame: the features; tiles have their ids in `tile_id`.
        path: their file, for errors.
        types: the types that they may have.
        remedy: what to do, for errors.
        tiles: whether they are tiles, which must be valid, and cannot be split at the antimeridian.

    Raises:
        TilesError: names the first feature of a problem.
    """
    shapes = frame.geometry.values
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    numbers, bounds = np.arange(len(shapes)), np.abs(shapely.bounds(shapes)).reshape(-1, 2, 2)
    allowed = [shapely.GeometryType[name.upper()] for name in types]
    problems = {
        "has an empty geometry": shapely.is_missing(shapes) | shapely.is_empty(shapes),
        "has a coordinate that is not a finite number": np.isin(numbers, owner[~np.isfinite(points).all(axis=1)]),
        "has coordinates that are not degrees (wrong CRS?)": (bounds > list(BOUNDS.values())).any(axis=(1, 2)),
        f"is not a {' or a '.join(types)}": ~np.isin(shapely.get_type_id(shapes), allowed),
        "has an invalid polygon (it crosses itself, or is too small: its coordinates have 6 decimals)": tiles
        & ~shapely.is_valid(shapes),
        "crosses the antimeridian, but its longitudes jump by 360 degrees there, so that it would surround the globe "
        f"(let them continue past 180, such as 179.99 to 180.01{'' if tiles else _SPLIT})": _is_wrapped(shapes),
    }
    for problem, bad in problems.items():
        if bad.any():
            row, count = int(np.argmax(bad)), int(bad.sum())
            name = f"tile {frame['tile_id'].iloc[row]!r} (feature {row + 1})" if tiles else f"feature {row + 1}"
            more = f"; {count} such {'tiles' if tiles else 'features'} in all" if count > 1 else ""
            raise TilesError(f"{path}: {name} {problem}{more}. {remedy}")


@np.errstate(invalid="ignore")
def _is_wrapped(shapes: Any) -> Any:
    """Which polygons have an edge around the globe, and would be narrow if their longitudes continued past 180."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    points, part = shapely.get_coordinates(shapely.get_exterior_ring(parts), return_index=True)
    jumps = np.unique(part[1:][(np.diff(part) == 0) & (np.abs(np.diff(points[:, 0])) > 180)])
    wrapped = np.zeros(len(shapes), bool)
    for number in jumps:
        lon = points[slice(*np.searchsorted(part, [number, number + 1])), 0] % 360
        # Width 0: a box from -180 to 180. An edge of Antarctica is as long, but there are points in between.
        wrapped[owner[number]] |= 0 < np.ptp(lon) < 180
    return wrapped


def read_vector(path: Path, types: Sequence[str], remedy: str) -> gpd.GeoDataFrame:
    """Reads a vector file as 2-D geometries in EPSG:4326.

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
    if not frame.crs.to_2d().equals("EPSG:4326", ignore_axis_order=True):
        frame = frame.to_crs("EPSG:4326")
    check_geometries(frame, path, types, f"Fix or drop it. {remedy}")
    return frame.set_geometry(gpd.GeoSeries(shapely.force_2d(frame.geometry.values), frame.index, crs="EPSG:4326"))


def read_polygons(path: Path) -> gpd.GeoDataFrame:
    """Reads a file of polygons; invalid ones are repaired. See `read_vector`.

    Raises:
        TilesError: when it has none, or a feature that is not a polygon.
    """
    frame = read_vector(path, ["Polygon", "MultiPolygon"], "All must be polygons.")
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
    frame = gpd.GeoDataFrame(dict(columns), geometry=polygons, crs="EPSG:4326")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as aside:
            if path.suffix.lower() == ".geojson":
                _write_geojson(aside, polygons, columns)
            elif path.suffix.lower() == ".gpkg":
                write_geopackage(frame, aside)
            else:
                # A spatial index would reorder the tiles, and their order becomes the dataset's.
                pyogrio.write_dataframe(frame, aside, layer="tiles", driver="FlatGeobuf", SPATIAL_INDEX="NO")
    except (OSError, *_UNREADABLE[:2]) as error:
        remedy = "Free disk space, fix the permissions, or name another file."
        raise TilesError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}. {remedy}") from error


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
