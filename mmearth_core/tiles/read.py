"""Reads a tiles file of any vector format and refuses what could not become a dataset."""

import json
import math
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from mmearth_core.errors import TilesError
from mmearth_core.paths import MAX_STEM, file_stem

FORMATS = (".geojson", ".json", ".gpkg", ".fgb")
UNREADABLE = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    ValueError,
)
"""What the reader raises for a vector file that is cut short, malformed or none."""

MAX_ID_BYTES = 100
"""The dataset's `metadata` table holds ids of at most 100 bytes, as the published one does."""

NUMBERING = ("ordinal", "partition")
"""The columns that a dataset's own tiles.gpkg has before those of the tiles file."""

_LARGEST_WHOLE = 2**53
"""Above it, a float no longer tells whole numbers apart."""

_SQUARE = "Each tile is one Polygon in longitude and latitude"


def read_tiles(path: Path) -> gpd.GeoDataFrame:
    """Reads tiles: one Polygon each, EPSG:4326, with a unique `tile_id`.

    Args:
        path: GeoJSON, GeoPackage or FlatGeobuf.

    Returns:
        A frame with `tile_id` as text, 2-D polygons, and all further columns as they are
        (lists and objects as JSON text).

    Raises:
        TilesError: names the file, the row (counted from 1) or tile, what was found and the remedy.
    """
    frame = _read(path)
    if len(frame) == 0:
        raise TilesError(f"{path}: holds no tile.")
    frame["tile_id"] = _ids(frame, path)
    _check_crs(frame, path)
    _check_geometries(frame, path)
    frame["geometry"] = gpd.GeoSeries(shapely.force_2d(frame.geometry.values), frame.index, crs="EPSG:4326")
    # Rows are counted anew when the tiles are taken in, also those of another dataset's tiles.gpkg.
    frame = frame.drop(columns=list(NUMBERING), errors="ignore")
    _check_columns(frame, path)
    return _with_plain_columns(_with_centroids(frame, path))


def _read(path: Path) -> gpd.GeoDataFrame:
    if not path.is_file():
        raise TilesError(
            f"{path}: no such tiles file. Check `tiles` in [dataset]; it is relative to the configuration."
        )
    if path.suffix.lower() not in FORMATS:
        raise TilesError(
            f"{path}: tiles in {path.suffix or 'a file without suffix'!r} are not known. Allowed: {', '.join(FORMATS)}."
        )
    try:
        layers = len(pyogrio.list_layers(path))
        with warnings.catch_warnings():
            # A GeoJSON property with numbers here and text there: its text is what we take.
            warnings.filterwarnings("ignore", "Could not parse column", UserWarning)
            frame = pyogrio.read_dataframe(path) if layers == 1 else None
    except UNREADABLE as error:
        raise TilesError(
            f"{path}: cannot be read as a vector file; it may be cut short or malformed. The reader says: {error}"
        ) from error
    if frame is None:
        raise TilesError(
            f"{path}: has {layers} layers; a tiles file has exactly one. Export the one you mean to a file of its own."
        )
    if not isinstance(frame, gpd.GeoDataFrame):
        raise TilesError(f"{path}: has no geometry column. {_SQUARE}.")
    return frame


def _ids(frame: gpd.GeoDataFrame, path: Path) -> Any:
    if "tile_id" not in frame:
        raise TilesError(
            f"{path}: no tile has a property `tile_id`. Found: "
            f"{', '.join(map(str, frame.columns.drop('geometry'))) or 'none'}. "
            "Add a unique `tile_id` to every feature."
        )
    ids = frame["tile_id"]
    missing = np.flatnonzero(ids.isna() | (ids.astype(str).str.strip() == ""))
    if missing.size:
        raise TilesError(
            f"{path}: feature {missing[0] + 1} has no `tile_id` ({missing.size} such in all). Give each a unique one."
        )
    if ids.dtype.kind == "f":
        # A missing value elsewhere, or the format, made whole numbers floats: 7.0 is tile 7.
        odd = ids[(ids != ids.round()) | (ids.abs() > _LARGEST_WHOLE)]
        if len(odd):
            raise TilesError(
                f"{path}: `tile_id` holds numbers such as {odd.iloc[0]} that are no whole ones; use "
                "whole numbers or text."
            )
        ids = ids.astype("int64")
    ids = ids.astype(str)
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        rows = ", ".join(str(row + 1) for row in np.flatnonzero(ids == repeated[0])[:5])
        raise TilesError(
            f"{path}: tile_id {repeated[0]!r} stands more than once (features {rows}); "
            f"{len(repeated)} ids are repeated. "
            "Every tile needs an id of its own."
        )
    # Shorter ones are well within both bounds, whatever their characters: these quote to 12 at most.
    for tile_id in ids[ids.str.len() > MAX_STEM // 12]:
        if len(tile_id.encode()) > MAX_ID_BYTES:
            raise TilesError(
                f"{path}: tile_id {tile_id[:40]!r}... has {len(tile_id.encode())} bytes; at most "
                f"{MAX_ID_BYTES} are allowed."
            )
        try:
            file_stem(tile_id)
        except ValueError as error:
            raise TilesError(
                f"{path}: tile_id {tile_id[:40]!r}... {error}. Use shorter ids or plain letters and digits."
            ) from error
    return ids


def _check_columns(frame: gpd.GeoDataFrame, path: Path) -> None:
    seen = {name: name for name in (*NUMBERING, "geometry")}
    for column in map(str, frame.columns):
        other = seen.setdefault(column.lower(), column)
        if other != column:
            raise TilesError(
                f"{path}: column {column!r} differs from {other!r} only in upper and lower case, which a "
                "GeoPackage does not tell apart. Rename or drop it."
            )


def _with_centroids(frame: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """`lon` and `lat`, where they are given, as numbers; a missing one is filled when the tiles are taken in."""

    def degrees(value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            return math.inf
        return number if abs(number) <= bound else math.inf

    for column, bound in (("lon", 360.0), ("lat", 90.0)):
        if column in frame:
            numbers = frame[column].map(degrees, na_action="ignore").astype(float)
            rows = np.flatnonzero(np.isinf(numbers))
            if rows.size:
                raise TilesError(
                    f"{path}: tile {frame['tile_id'].iloc[rows[0]]!r} (feature {rows[0] + 1}) has {column} = "
                    f"{frame[column].iloc[rows[0]]}; it is the centroid's, in degrees from -{bound:g} to {bound:g}. "
                    f"Correct the column, or drop `lon` and `lat`: Earth Engine then computes them."
                )
            frame = frame.assign(**{column: numbers})
    return frame


def _with_plain_columns(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Lists and objects of a GeoJSON as JSON text: a column of a GeoPackage cannot hold them."""

    def plain(value: Any) -> Any:
        value = value.tolist() if isinstance(value, np.ndarray) else value
        return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value

    columns = [column for column in frame.columns if frame[column].dtype.kind == "O" and column != "geometry"]
    return frame.assign(**{column: frame[column].map(plain) for column in columns})


def _check_crs(frame: gpd.GeoDataFrame, path: Path) -> None:
    remedy = f"`ogr2ogr -t_srs EPSG:4326 tiles_4326.geojson {path.name}` converts it."
    if frame.crs is None:
        raise TilesError(
            f"{path}: says no CRS. {_SQUARE} (EPSG:4326); say so in the file, or if it is in another CRS: {remedy}"
        )
    # With heights it is EPSG:4979; they are dropped.
    if not frame.crs.to_2d().equals("EPSG:4326", ignore_axis_order=True):
        raise TilesError(
            f"{path}: wrong CRS, {frame.crs.name} ({frame.crs.to_string()[:60]}). {_SQUARE} (EPSG:4326): {remedy}"
        )


def _check_geometries(frame: gpd.GeoDataFrame, path: Path) -> None:
    shapes = frame.geometry.values
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    _refuse(frame, path, empty, "has an empty geometry")
    other = shapely.get_type_id(shapes) != shapely.GeometryType.POLYGON
    _refuse(frame, path, other, "is no Polygon")
    _refuse(frame, path, ~shapely.is_valid(shapes), "has an invalid polygon (it crosses itself)")
    bounds = shapely.bounds(shapes)
    # Tiles across the antimeridian may go on past 180.
    outside = ~((np.abs(bounds[:, [0, 2]]) <= 360).all(axis=1) & (np.abs(bounds[:, [1, 3]]) <= 90).all(axis=1))
    _refuse(frame, path, outside, "has coordinates that are no degrees (wrong CRS?)")


def _refuse(frame: gpd.GeoDataFrame, path: Path, bad: Any, what: str) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        first = rows[0]
        more = f"; {rows.size} such tiles in all" if rows.size > 1 else ""
        raise TilesError(
            f"{path}: tile {frame['tile_id'].iloc[first]!r} (feature {first + 1}) {what}{more}. {_SQUARE}."
        )
