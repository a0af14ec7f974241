"""Reads a tiles file of any vector format, and refuses what could not become a dataset."""

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from mmearth_core.errors import TilesError
from mmearth_core.paths import MAX_STEM, file_stem
from mmearth_core.tiles.index import FID, NUMBERING
from mmearth_core.tiles.squares import rounded
from mmearth_core.tiles.vector_files import BOUNDS, check_geometries, read_layer

FORMATS = (".geojson", ".json", ".gpkg", ".fgb")

MAX_ID_BYTES = 100
"""The dataset's `metadata` table holds ids of at most 100 bytes."""

MAX_COLUMNS = 1990
"""A table of SQLite, and so a GeoPackage, has at most 2000 columns."""

_SLACK = 0.01
"""Degrees by which a given centroid may be outside the bounds of its tile."""

_LARGEST_WHOLE = 2**53
"""Above it, not every whole number is a float, so that two ids could become one."""

_UNUSABLE = r"^\s|\s$|[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffd]"
"""Ids that a stack's tag would not give back (GDAL drops such characters), or that are damaged text already."""

_RULE = "Each tile is one Polygon in longitude and latitude"


def read_tiles(path: Path) -> gpd.GeoDataFrame:
    """Reads tiles: one Polygon each, EPSG:4326, with a unique `tile_id`.

    Args:
        path: GeoJSON, GeoPackage or FlatGeobuf.

    Returns:
        A frame with `tile_id` as text, 2-D polygons with coordinates of 6 decimals, and all further columns as they are
        (lists and objects as JSON text).

    Raises:
        TilesError: names the file, the row (counted from 1) or tile, the problem and the remedy.
    """
    if not path.is_file():
        remedy = "Check `tiles` in [dataset]; it is relative to the configuration."
        raise TilesError(f"{path}: no such tiles file. {remedy}")
    if path.suffix.lower() not in FORMATS:
        suffix = f"suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise TilesError(f"{path}: a tiles file with {suffix} cannot be read. Allowed: {', '.join(FORMATS)}.")
    frame = read_layer(path)
    if len(frame) == 0:
        raise TilesError(f"{path}: has no tile.")
    if "tile_id" not in frame:
        found = f"no tile has a property `tile_id`. Found: {', '.join(frame.columns.drop('geometry')) or 'none'}"
        raise TilesError(f"{path}: {found}. Add a unique `tile_id` to every feature.")
    frame["tile_id"] = _tile_ids(frame["tile_id"], path)
    # With heights it is EPSG:4979; they are dropped.
    if not frame.crs.to_2d().equals("EPSG:4326", ignore_axis_order=True):
        found = f"wrong CRS, {frame.crs.name} ({frame.crs.to_string()[:60]})"
        command = f"ogr2ogr -t_srs EPSG:4326 tiles_4326.geojson {path.name}"
        raise TilesError(f"{path}: {found}. {_RULE} (EPSG:4326): `{command}` converts it.")
    # All formats alike, so that the same tiles have the same windows and images in each.
    frame["geometry"] = gpd.GeoSeries(shapely.transform(frame.geometry.values, rounded), frame.index, crs="EPSG:4326")
    check_geometries(frame, path, ["Polygon"], f"{_RULE}.", tiles=True)
    # The tiles.gpkg of a dataset has these columns; in another dataset its rows are numbered again. One alone is a
    # column of the user, and refused.
    numbering = NUMBERING if {*NUMBERING} <= {*frame.columns} else ()
    frame = frame.drop(columns=[*numbering, FID], errors="ignore")
    check_columns(frame.columns.drop("geometry"), path)
    frame = frame.rename(columns={name: name.lower() for name in frame.columns if name.lower() in BOUNDS})
    return gpd.GeoDataFrame(plain_columns(_with_centroids(frame, path)))


def unique_ids(ids: "pd.Series[Any]", path: Path) -> "pd.Series[Any]":
    """A column of ids as text.

    Raises:
        TilesError: when one is missing, duplicated, has characters that an id cannot have, or is a fraction.
    """
    missing = np.flatnonzero(ids.isna() | (ids.astype(str).str.strip() == ""))
    if missing.size:
        found = f"row {missing[0] + 1} has no `{ids.name}` ({missing.size} such rows in all)"
        raise TilesError(f"{path}: {found}. Give each row a unique one.")
    is_float = ids.dtype.kind == "f"
    odd = ids[(ids != ids.round()) | (ids.abs() > _LARGEST_WHOLE) if is_float else ids.map(type).isin([bool, bytes])]
    if len(odd):
        raise TilesError(f"{path}: a `{ids.name}` is {odd.iloc[0]}. Use whole numbers or text as ids.")
    if is_float:
        # A missing value elsewhere, or the format, made whole numbers floats: 7.0 is tile 7.
        ids = ids.astype("int64")
    ids = ids.astype(str)
    unusable = np.flatnonzero(ids.str.contains(_UNUSABLE))
    if unusable.size:
        raise TilesError(
            f"{path}: row {unusable[0] + 1} has the `{ids.name}` {ids.iloc[unusable[0]]!a} ({unusable.size} such "
            "rows in all). An id must not begin or end with white space, nor contain control characters (tabs, line "
            "breaks, escape codes) or \\ufffd, which replaces damaged text. Correct the ids, and then the same ids in "
            "your own tables."
        )
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        rows = ", ".join(str(row + 1) for row in np.flatnonzero(ids == repeated[0])[:5])
        found = f"{repeated[0]!r} is duplicated (rows {rows}); {len(repeated)} ids are duplicated in all"
        raise TilesError(f"{path}: {ids.name} {found}. Every tile needs an id of its own.")
    return ids


def check_columns(columns: Iterable[str], path: Path, *reserved: str) -> None:
    """Refuses columns that a dataset's tiles.gpkg could not hold beside its own.

    Raises:
        TilesError: when a name is reserved, or differs from another one only in case.
    """
    columns, seen = list(columns), {name: name for name in (*NUMBERING, FID, "geometry", *reserved)}
    if len(columns) > MAX_COLUMNS:
        found = f"has {len(columns)} columns; a GeoPackage holds {MAX_COLUMNS} beside its own"
        raise TilesError(f"{path}: {found}. Drop the others.")
    for column in map(str, columns):
        if column.lower() in seen:
            found = f"column {column!r} conflicts with the dataset's column {seen[column.lower()]!r}"
            why = "a GeoPackage ignores upper and lower case in names"
            raise TilesError(f"{path}: {found}; {why}. Rename or drop it.")
        seen[column.lower()] = column


def plain_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Makes every value one that a vector file can hold: lists and objects become JSON text, other types text."""
    columns = [name for name in frame.columns if frame[name].dtype.kind in "Om" and name != "geometry"]
    return frame.assign(**{name: frame[name].map(_plain) for name in columns})


def _plain(value: Any) -> Any:
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if value is None or value is pd.NA or isinstance(value, str | bool | int | float | dt.datetime):
        return value
    return str(value)


def degrees(values: "pd.Series[Any]", bound: float) -> "pd.Series[Any]":
    """Values as numbers of degrees; NaN where one is not a number from `-bound` to `bound`, or a boolean."""
    values = values if values.dtype.kind == "f" else values.mask(values.map(lambda value: isinstance(value, bool)))
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    return numbers.where(numbers.abs() <= bound)


def check_centroids(
    column: "pd.Series[Any]", numbers: "pd.Series[Any]", frame: gpd.GeoDataFrame, path: Path, remedy: str
) -> None:
    """Refuses longitudes or latitudes of centroids that are outside their tiles.

    Args:
        column: the values of `lon` or `lat`, and that name.
        numbers: the values as numbers; NaN where one is none, which is refused.
        frame: the tiles.
        path: the file of the values, for errors.
        remedy: what to do, for errors.
    """
    axis = "x" if column.name == "lon" else "y"
    low, high = frame.bounds[f"min{axis}"], frame.bounds[f"max{axis}"]
    # The shorter way around the globe: tiles across the antimeridian may continue past 180.
    away = (numbers - (low + high) / 2 + 180) % 360 - 180
    wrong = np.flatnonzero(column.notna() & ~(away.abs() <= (high - low) / 2 + _SLACK))
    if wrong.size:
        row = wrong[0]
        found = f"{column.name} of tile {frame['tile_id'].iloc[row]!r} is {column.tolist()[row]!r}"
        allowed = f"a number of degrees inside its polygon ({low.iloc[row]:g} to {high.iloc[row]:g})"
        count = f"{wrong.size} such tiles in all, the first one is feature {row + 1}"
        raise TilesError(f"{path}: {found}, not {allowed}; {count}. {remedy}")


def _with_centroids(frame: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """`lon` and `lat`, where they are given, as numbers; missing ones are filled when the tiles are imported."""
    remedy = "Correct the column, or drop `lon` and `lat`: Earth Engine then computes them."
    for column, bound in BOUNDS.items():
        if column in frame:
            numbers = degrees(frame[column], bound)
            check_centroids(frame[column], numbers, frame, path, remedy)
            frame = frame.assign(**{column: numbers})
    return frame


def _tile_ids(ids: "pd.Series[Any]", path: Path) -> "pd.Series[Any]":
    """The ids as text; refuses those that cannot be the name of a file or are too long for a dataset."""
    ids = unique_ids(ids, path)
    # Shorter ids are within both limits whatever their characters: one character is quoted as 12 at most.
    for tile_id in ids[ids.str.len() > MAX_STEM // 12]:
        size = len(tile_id.encode())
        try:
            if size > MAX_ID_BYTES:
                raise ValueError(f"has {size} bytes; at most {MAX_ID_BYTES} are allowed")
            file_stem(tile_id)
        except ValueError as error:
            remedy = "Use shorter ids or plain letters and digits."
            raise TilesError(f"{path}: tile_id {tile_id[:40]!r}... {error}. {remedy}") from error
    return ids
