"""Tiles at a user's own points, on a lattice inside polygons, or from an earlier build's tile_info.json."""

import json
import math
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Proj
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from mmearth_core.contract.grid import Grid
from mmearth_core.errors import TilesError
from mmearth_core.tiles.grid import outline, tile_grid
from mmearth_core.tiles.index import NUMBERING
from mmearth_core.tiles.read import check_centroids, check_columns, degrees, plain_columns, unique_ids
from mmearth_core.tiles.squares import Floats, has_room, radii
from mmearth_core.tiles.vector_files import BOUNDS, PARQUET, find_column, read_parquet, read_polygons, read_vector

LON_NAMES = ("lon", "longitude", "lng", "long", "x", "decimallongitude")

LAT_NAMES = ("lat", "latitude", "y", "decimallatitude")
"""Columns that are found without being named, in order of preference and in any case."""

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": ","}

_NUMBER = r"0|-?[1-9]\d{0,17}|-?((0|[1-9]\d*)\.\d*|\.\d+)([eE][+-]?[12]?\d?\d)?|-?(0|[1-9]\d*)[eE][+-][12]?\d?\d"
"""A number as programs write it. Others are labels, which must stay as they are: 007, +5, 31e4, inf, or 20 digits."""

_SINUSOIDAL = Proj(proj="sinu", lon_0=0, ellps="WGS84")
"""Its y is the distance along a meridian, so that the rows of the lattice are equally far apart."""

_CHUNK = 500_000
"""Approximate number of lattice points that are tested at once; bounds the memory."""

_SAME_BUILD = "Give the tiles file of the same build."


def read_points(path: Path, lon: str | None = None, lat: str | None = None, tile_id: str | None = None) -> pd.DataFrame:
    """Reads points.

    Args:
        path: CSV, TSV or Parquet with two columns of degrees; or a vector file of points in any CRS.
        lon: the column with longitudes; None looks for one of `LON_NAMES`.
        lat: the same for latitudes and `LAT_NAMES`.
        tile_id: the column with ids; None takes `tile_id` if there is one, or else counts from 0.

    Returns:
        `tile_id` as text, `lon` and `lat` in degrees, and the further columns.

    Raises:
        TilesError: names the file, the row (counted from 1), the problem and the remedy.
    """
    if not path.exists():
        raise TilesError(f"{path}: no such file.")
    frame = _read_table(path, tile_id or "tile_id") if path.suffix.lower() in (*_SEPARATORS, *PARQUET) else None
    if frame is not None and not isinstance(frame, gpd.GeoDataFrame):
        lon = find_column(frame, path, lon, LON_NAMES, "--lon")
        lat = find_column(frame, path, lat, LAT_NAMES, "--lat")
        x, y = _degrees(frame[lon], path, BOUNDS["lon"]), _degrees(frame[lat], path, BOUNDS["lat"])
        frame = frame.drop(columns=[lon, lat])
    else:
        if lon or lat:
            raise TilesError(f"{path}: --lon and --lat name columns of a table; a vector file has points of its own.")
        remedy = "All must be points; for polygons use `mmearth-core tiles from-polygons`."
        frame = read_vector(path, ["Point"], remedy)
        x, y = frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy()
    if not len(frame):
        raise TilesError(f"{path}: has no point.")
    places = pd.DataFrame({"tile_id": _ids(frame, path, tile_id), "lon": x, "lat": y})
    return places.join(_further_columns(frame, path))


def _ids(frame: pd.DataFrame, path: Path, column: str | None) -> list[str]:
    if column is None and "tile_id" not in frame:
        return [str(number) for number in range(len(frame))]
    name = find_column(frame, path, column or "tile_id", (), "--id")
    return list(unique_ids(frame[name], path))


def _further_columns(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The columns that a tile keeps: all but its id and those that its own centroid and polygon replace."""
    replaced = [column for column in frame.columns if str(column).lower() in ("lon", "lat", "geometry")]
    kept = pd.DataFrame(frame.drop(columns=[*replaced, "tile_id"], errors="ignore")).reset_index(drop=True)
    check_columns(kept.columns, path, "tile_id", "lon", "lat")
    return plain_columns(kept)


def _read_table(path: Path, ids: str) -> pd.DataFrame:
    """A table in which the column `ids` is text, and only an empty field is missing: NA is also a country."""
    if path.suffix.lower() in PARQUET:
        return read_parquet(path)
    empty: dict[str, Any] = {"keep_default_na": False, "na_values": [""], "skipinitialspace": True}
    separator = _SEPARATORS[path.suffix.lower()]
    try:
        with warnings.catch_warnings():
            # Rows that are longer than the header: pandas would shift or cut them.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(path, sep=separator, dtype=str, encoding="utf-8-sig", index_col=False, **empty)
    except (ValueError, OSError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise TilesError(f"{path}: cannot be read as a table. The reader says: {error}") from error
    numeric = [name for name in frame.columns if name != ids and frame[name].dropna().str.fullmatch(_NUMBER).all()]
    return frame.assign(**{name: pd.to_numeric(frame[name]) for name in numeric})


def _degrees(values: "pd.Series[Any]", path: Path, bound: float) -> Floats:
    numbers = degrees(values, bound)
    bad = np.flatnonzero(numbers.isna())
    if bad.size:
        value = values.astype(object).iloc[bad[0]]
        found = f"row {bad[0] + 1} has {value!r} in {values.name!r} ({bad.size} such rows in all)"
        allowed = f"a number of degrees from {-bound:g} to {bound:g}"
        raise TilesError(f"{path}: {found}, which is not {allowed}. Fix or drop it.")
    return np.asarray(numbers)


def read_lattice(path: Path, stride: float, size: float, column: str | None = None) -> pd.DataFrame:
    """The places of a global lattice that are inside the polygons of a file.

    A polygon that contains none gets one place within it. A tile's id is its polygon's, `_`, and its number there.

    Args:
        path: any vector file of polygons.
        stride: metres from one place to the next, along and across.
        size: of the tiles, metres.
        column: the column with the polygons' ids, as `tile_id` of `read_points`.

    Returns:
        As `read_points`; the further columns are those of the polygon.

    Raises:
        TilesError: when the file cannot be used.
    """
    frame = read_polygons(path)
    ids, columns = _ids(frame, path, column), _further_columns(frame, path)
    lons, lats = zip(*(inside(shape, stride, size) for shape in frame.geometry.values), strict=True)
    counts = [len(lon) for lon in lons]
    if not sum(counts):
        raise TilesError(f"{path}: no polygon has room for a tile of {size:g} m: all are too near a pole.")
    tile_ids = [f"{name}_{number}" for name, count in zip(ids, counts, strict=True) for number in range(count)]
    columns = columns.loc[np.repeat(np.arange(len(frame)), counts)].reset_index(drop=True)
    places = {"tile_id": tile_ids, "lon": np.concatenate(lons), "lat": np.concatenate(lats)}
    return pd.DataFrame(places).join(columns)


def inside(shape: BaseGeometry, stride: float, size: float) -> tuple[Floats, Floats]:
    """The lattice's places inside a polygon, from south to north and west to east; or one, if it contains none."""
    shapely.prepare(shape)
    chunks = [np.empty((0, 2))]
    # Part by part: the common box of parts on both sides of 180 degrees would go around the globe.
    for part in shapely.get_parts(shape):
        for lon, lat in _lattice(part.bounds, stride):
            within = shapely.contains_xy(shape, lon, lat) & has_room(lat, size)
            chunks.append(np.column_stack([lat[within], lon[within]]))
    shapely.destroy_prepared(shape)
    # The boxes of two parts may share places, which are equal to the last bit.
    places = np.unique(np.concatenate(chunks), axis=0)
    if not len(places):
        point = shapely.point_on_surface(shape)
        places = np.array([[point.y, point.x]])
        places = places[has_room(places[:, 0], size)]
    return places[:, 1], places[:, 0]


def _lattice(box: tuple[float, float, float, float], stride: float) -> Iterator[tuple[Floats, Floats]]:
    """The lattice's longitudes and latitudes inside a box of degrees, some rows at a time."""
    west, south, east, north = box
    _, (low, high) = _SINUSOIDAL([0.0, 0.0], [south, north])
    rows = np.arange(np.ceil(low / stride - 0.5), np.floor(high / stride - 0.5) + 1)
    _, lat = _SINUSOIDAL(np.zeros(len(rows)), (rows + 0.5) * stride, inverse=True)
    step = np.degrees(stride / (radii(lat)[1] * np.cos(np.radians(lat))))
    # The lattice does not close at 180 degrees: no tile of it is across, unless the polygon itself continues there.
    first = np.ceil(np.maximum(west, -180.0 + step / 2 if west >= -180.0 else west) / step - 0.5)
    last = np.floor(np.minimum(east, 180.0 - step / 2 if east <= 180.0 else east) / step - 0.5)
    counts = np.maximum(last - first + 1, 0).astype(np.intp)
    chunk = np.cumsum(counts) // _CHUNK
    for number in np.unique(chunk):
        here = chunk == number
        count = counts[here]
        # Columns first, first + 1, ... of each row, for all rows of the chunk at once.
        column = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first[here], count)
        yield (column + 0.5) * np.repeat(step[here], count), np.repeat(lat[here], count)


def read_tile_info(path: Path) -> dict[str, dict[str, Any]]:
    """Reads an earlier build's tile_info.json: the texts, the numbers and the `GRID` of each tile's entry.

    Args:
        path: `{tile_id: {key: value}}`, as the published dataset has it.

    Raises:
        TilesError: names the file, the tile, the problem and the remedy.
    """
    try:
        with path.open(encoding="utf-8") as file:
            entries: dict[str, dict[str, Any]] = json.load(file, object_hook=_without_nested)
    except FileNotFoundError:
        raise TilesError(f"{path}: no such file.") from None
    except (OSError, ValueError, RecursionError) as error:
        found = f"cannot be read as JSON; it may be cut short. The reader says: {error}"
        raise TilesError(f"{path}: {found}. Give the tile_info.json of an earlier build.") from error
    form = 'It must hold one object per tile: {"TILE_ID": {"KEY": value, ...}, ...}.'
    if not isinstance(entries, dict):
        raise TilesError(f"{path}: is not a JSON object, but {type(entries).__name__}. {form}")
    for tile_id, entry in entries.items():
        if not isinstance(entry, dict):
            raise TilesError(f"{path}: the entry of {tile_id!r} is {json.dumps(entry)[:60]}, not an object. {form}")
    return entries


def recorded_tiles(entries: Mapping[str, Mapping[str, Any]], path: Path) -> gpd.GeoDataFrame:
    """The tiles of an earlier build by its tile_info.json alone.

    Args:
        entries: the tile_info.json; see `read_tile_info`.
        path: its file, for errors.

    Returns:
        `tile_id`, `lon`, `lat`, and a polygon with the window of the recorded grid; None where no grid is recorded.

    Raises:
        TilesError: names the file, the tile, the problem and the remedy.
    """
    if not entries:
        raise TilesError(f"{path}: has no tile.")
    shapes = []
    for tile_id, entry in entries.items():
        try:
            shapes.append(_recorded_outline(entry))
        except (TilesError, ValueError) as error:
            remedy = "Correct its entry, or give the tiles file of the same build with --tiles."
            raise TilesError(f"{path}: tile {tile_id!r}: {str(error).rstrip('.')}. {remedy}") from error
    columns = {key: [entry[key] for entry in entries.values()] for key in BOUNDS}
    ids = unique_ids(pd.Series(list(entries), name="tile_id", dtype=object), path)
    return gpd.GeoDataFrame({"tile_id": ids, **columns}, geometry=shapes, crs="EPSG:4326")


def _recorded_outline(entry: Mapping[str, Any]) -> Polygon | None:
    for key, bound in BOUNDS.items():
        if type(entry.get(key)) not in (int, float) or not abs(entry[key]) <= bound:
            raise ValueError(f"{key} is {entry.get(key)!r}, not a number of degrees from {-bound:g} to {bound:g}")
    if not isinstance(entry.get("CRS"), str):
        raise ValueError(f"CRS is {entry.get('CRS')!r}, not a text such as EPSG:32618")
    match entry.get("GRID"):
        case None:
            return None
        case {
            "transform": [int() | float() as pixel, _, int() | float() as x, _, _, int() | float() as y] as affine,
            "size": int(size),
        }:
            grid = Grid(entry["CRS"], x, y, size, pixel)
            is_square = size > 0 and pixel > 0 and affine == list(grid.affine)[:6]
            if is_square and tile_grid(polygon := outline(grid), grid.crs, size, grid.pixel_size, (x, y)) == grid:
                return polygon
    raise ValueError(f"GRID is {entry['GRID']}, not a square of square pixels near the tile")


def join_tile_info(
    entries: Mapping[str, Mapping[str, Any]], path: Path, tiles: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, int]:
    """An earlier build's tiles, with what its tile_info.json records of each of them as columns.

    Texts and numbers become columns; lists and objects are left out. A key replaces a column of its name, except that
    a tile without an entry keeps its `lon` and `lat`. Entries of other tiles are ignored.

    Args:
        entries: the tile_info.json; see `read_tile_info`.
        path: its file, for errors.
        tiles: as `read_tiles` returns them.

    Returns:
        The tiles, and how many of them have no entry.

    Raises:
        TilesError: names the file, the tile and the key, the problem and the remedy.
    """
    missing = sum(tile_id not in entries for tile_id in tiles["tile_id"])
    if missing == len(tiles):
        ids = f"its first id is {next(iter(entries), None)!r}, the tiles' first {tiles['tile_id'].iloc[0]!r}"
        raise TilesError(f"{path}: has no entry for any of the {len(tiles)} tiles; {ids}. {_SAME_BUILD}")
    rows = [entries.get(tile_id, {}) for tile_id in tiles["tile_id"]]
    omitted = (*NUMBERING, "tile_id", "geometry", "GRID", "NO_DATA")
    joined = tiles.copy()
    for key in dict.fromkeys(key for row in rows for key in row if key not in omitted):
        column = _column(key, [row.get(key) for row in rows], tiles, path)
        if key in BOUNDS:
            # A text is refused even if it reads as a number: the column would be one of texts.
            numbers = column.astype(float) if column.dtype.kind != "O" else column.map(lambda _: math.nan)
            check_centroids(column, numbers, tiles, path, _SAME_BUILD)
            column = column.fillna(tiles[key]) if key in tiles else column
        joined[key] = column
    check_columns(joined.columns.drop("geometry"), path)
    return joined, missing


def _without_nested(entry: dict[str, Any]) -> dict[str, Any]:
    """Drops an object's lists and objects while the file is read, as they can be gigabytes; except those of `GRID`.

    An object without texts and numbers, such as the file's outermost one, stays as it is.
    """
    if "transform" in entry:
        return entry
    kept = {key: value for key, value in entry.items() if key == "GRID" or isinstance(value, str | int | float)}
    return kept or entry


def _column(key: str, values: list[Any], frame: gpd.GeoDataFrame, path: Path) -> "pd.Series[Any]":
    """One key's values, all texts or all numbers; what JSON does not have (NaN, Infinity) becomes missing."""
    values = [value if isinstance(value, str | int | float) else None for value in values]
    values = [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]
    # A boolean is not a number of degrees.
    text_types = (str, bool) if key in BOUNDS else str
    texts = [position for position, value in enumerate(values) if isinstance(value, text_types)]
    numbers = [position for position, value in enumerate(values) if isinstance(value, int | float)]
    if texts and numbers:
        text, number = (f"{values[row]!r} for tile {frame['tile_id'].iloc[row]!r}" for row in (texts[0], numbers[0]))
        found = f"is the text {text} and the number {number}"
        raise TilesError(f"{path}: key {key!r} {found}. Make all of them texts or all numbers.")
    kind = object if texts else None if len(numbers) == len(values) else float
    return pd.Series(values, index=frame.index, dtype=kind, name=key)
