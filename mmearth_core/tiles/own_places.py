"""Tiles at a user's own points, or on a lattice inside polygons."""

import datetime as dt
import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from attrs import frozen
from pyproj import Proj
from shapely.geometry.base import BaseGeometry

from mmearth_core.errors import TilesError
from mmearth_core.tiles.read import NUMBERING
from mmearth_core.tiles.squares import Floats, has_room, radii
from mmearth_core.tiles.vector_files import read_polygons, read_vector

LON_NAMES = ("lon", "longitude", "lng", "long", "x", "decimallongitude")


LAT_NAMES = ("lat", "latitude", "y", "decimallatitude")
"""Columns that are taken without being named, in order of preference; upper and lower case are one."""


TABLES = {".csv": ",", ".tsv": "\t", ".txt": ","}


PARQUET = (".parquet", ".pq", ".geoparquet")


@frozen(eq=False)
class OwnPlaces:
    """Places with an id and columns.

    Attributes:
        lon: degrees.
        lat: degrees.
        ids: unique texts.
        columns: the further columns.
    """

    lon: Floats
    lat: Floats
    ids: Sequence[str]
    columns: pd.DataFrame


def read_points(path: Path, lon: str | None = None, lat: str | None = None, tile_id: str | None = None) -> OwnPlaces:
    """Reads points.

    Args:
        path: CSV, TSV or Parquet with two columns of degrees; or a vector file of points in any CRS.
        lon: the column with longitudes; None looks for one of `LON_NAMES`.
        lat: the column with latitudes; likewise.
        tile_id: the column with ids; None takes `tile_id` if there is one, or else counts from 0.

    Raises:
        TilesError: names the file, the row (counted from 1), what was found and the remedy.
    """
    suffix = path.suffix.lower()
    if not path.exists():
        raise TilesError(f"{path}: no such file.")
    if suffix in TABLES or suffix in PARQUET:
        frame = _read_table(path)
        names = _name(frame, path, lon, LON_NAMES, "--lon"), _name(frame, path, lat, LAT_NAMES, "--lat")
        x, y = (_degrees(frame, path, name, limit) for name, limit in zip(names, (360.0, 90.0), strict=True))
        frame = without_places(frame.drop(columns=list(dict.fromkeys(names))))
    else:
        if lon or lat:
            raise TilesError(f"{path}: --lon and --lat name columns of a table; a vector file has its points itself.")
        places = read_vector(path)
        odd = np.flatnonzero(shapely.get_type_id(places.geometry.values) != shapely.GeometryType.POINT)
        if odd.size:
            raise TilesError(
                f"{path}: feature {odd[0] + 1} is a {places.geometry.iloc[odd[0]].geom_type}, no Point ({odd.size} "
                "such in all). `mmearth-core tiles from-polygons` takes polygons."
            )
        x, y = shapely.get_x(places.geometry.values), shapely.get_y(places.geometry.values)
        frame = without_places(places)
    if not len(frame):
        raise TilesError(f"{path}: holds no point.")
    ids = ids_of(frame, path, tile_id)
    return OwnPlaces(x, y, ids, further_columns(frame, path))


def without_places(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns without the geometry, and without those that the tile's own `lon` and `lat` replace."""
    replaced = [column for column in frame.columns if str(column).lower() in ("lon", "lat", "geometry")]
    return pd.DataFrame(frame.drop(columns=replaced))


def ids_of(frame: pd.DataFrame, path: Path, column: str | None) -> list[str]:
    """Unique ids of all rows, as text.

    Args:
        frame: the rows.
        path: the file, for errors.
        column: where they stand; None takes `tile_id` if there is one, or else counts from 0.

    Raises:
        TilesError: when one is missing or stands twice.
    """
    if column is None and "tile_id" not in frame:
        return [str(number) for number in range(len(frame))]
    name = column or "tile_id"
    if name not in frame:
        raise TilesError(f"{path}: has no column {name!r} for --id. It has: {_listed(frame)}.")
    values = frame[name]
    if values.isna().any():
        raise TilesError(f"{path}: row {int(np.flatnonzero(values.isna())[0]) + 1} has nothing in {name!r}, its id.")
    if values.dtype.kind == "f" and (values == values.round()).all():
        values = values.astype("int64")
    texts = values.astype(str)
    twice = texts[texts.duplicated()]
    if len(twice):
        rows = ", ".join(str(row + 1) for row in np.flatnonzero(texts == twice.iloc[0])[:5])
        raise TilesError(
            f"{path}: id {twice.iloc[0]!r} stands in rows {rows}. Ids must be unique; name another column with --id."
        )
    return [str(text) for text in texts]


def further_columns(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The columns that a tile keeps.

    Raises:
        TilesError: when one has a name that a dataset's tiles use themselves.
    """
    kept = frame.drop(columns="tile_id", errors="ignore")
    seen: dict[str, str] = {name: name for name in (*NUMBERING, "geometry", "tile_id", "lon", "lat", "mmearth_row")}
    for column in map(str, kept.columns):
        other = seen.setdefault(column.lower(), column)
        if other != column or column in (*NUMBERING, "geometry", "mmearth_row"):
            raise TilesError(
                f"{path}: column {column!r} is one too many beside {other!r}: a dataset has that name already, and "
                "does not tell upper and lower case apart. Rename or drop it."
            )
    texts = {column: kept[column].map(_plain) for column in kept.columns if kept[column].dtype.kind == "O"}
    return kept.assign(**texts).reset_index(drop=True)


def _plain(value: Any) -> Any:
    """A value as every vector format can hold it: lists and objects as JSON text, odd types as text."""
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if value is None or value is pd.NA or isinstance(value, str | bool | int | float | dt.datetime):
        return value
    return str(value)


def _read_table(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() in PARQUET:
            return pd.DataFrame(pd.read_parquet(path))
        # Ids such as 007 keep their zeros: a column is a number only if nothing is lost by that.
        frame = pd.read_csv(
            path, sep=TABLES[path.suffix.lower()], dtype=str, encoding="utf-8-sig", skipinitialspace=True
        )
        return frame.apply(_number_or_text)
    except ImportError as error:
        raise TilesError(f"{path}: Parquet needs pyarrow: `pip install 'mmearth-core[parquet]'`.") from error
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise TilesError(f"{path}: cannot be read as a table. The reader says: {error}") from error


def _number_or_text(column: pd.Series) -> pd.Series:
    there = column.dropna()
    if there.str.fullmatch(r"[+-]?0\d.*").any():
        return column
    try:
        return pd.to_numeric(column)
    except (ValueError, TypeError):
        return column


def _name(frame: pd.DataFrame, path: Path, given: str | None, known: Sequence[str], option: str) -> str:
    if given is not None:
        if given not in frame:
            raise TilesError(f"{path}: has no column {given!r} for {option}. It has: {_listed(frame)}.")
        return given
    lower = {str(column).lower(): str(column) for column in reversed(list(frame.columns))}
    for name in known:
        if name in lower:
            return lower[name]
    raise TilesError(f"{path}: which column is {option}? It has: {_listed(frame)}. Name it with {option}.")


def _degrees(frame: pd.DataFrame, path: Path, name: str, limit: float) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        values: Any = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    bad = np.flatnonzero(~(np.abs(values) <= limit))
    if bad.size:
        found = frame[name].astype(object).iloc[bad[0]]
        found = repr(found) if isinstance(found, str) else found
        raise TilesError(
            f"{path}: row {bad[0] + 1} has {found} in {name!r} ({bad.size} such in all), which is no number of "
            f"degrees from {-limit:g} to {limit:g}. Mend or drop it."
        )
    return np.asarray(values)


def _listed(frame: pd.DataFrame) -> str:
    return ", ".join(str(column) for column in frame.columns if column != "geometry") or "none"


_ALONG = Proj(proj="sinu", lon_0=0, ellps="WGS84")


_CHUNK = 500_000
"""Lattice points that are tested at once, about."""


def read_lattice(path: Path, stride: float, size: float, column: str | None = None) -> OwnPlaces:
    """The lattice's places inside the polygons of a file.

    A polygon in which none lies gets one place within it. A tile's id is its polygon's, `_`, and its number there.

    Args:
        path: any vector file of polygons.
        stride: metres from one place to the next, along and across.
        size: of the tiles, metres.
        column: where the polygons' ids stand; see `ids_of`.

    Raises:
        TilesError: when the file cannot be used.
    """
    frame = read_polygons(path)
    ids = ids_of(frame, path, column)
    columns = further_columns(without_places(frame), path)
    parts = [inside(shape, stride, size) for shape in frame.geometry.values]
    counts = [len(lon) for lon, _ in parts]
    if not sum(counts):
        raise TilesError(f"{path}: no polygon has room for a tile of {size:g} m: all are too near a pole.")
    return OwnPlaces(
        np.concatenate([lon for lon, _ in parts]),
        np.concatenate([lat for _, lat in parts]),
        [f"{name}_{number}" for name, count in zip(ids, counts, strict=True) for number in range(count)],
        columns.loc[np.repeat(np.arange(len(frame)), counts)].reset_index(drop=True),
    )


def inside(shape: BaseGeometry, stride: float, size: float) -> tuple[Floats, Floats]:
    """The lattice's places inside a polygon, from south to north and west to east; or one, if none lies there."""
    shapely.prepare(shape)
    chunks = [np.empty((0, 2))]
    # Part by part: parts on both sides of 180 degrees would make one box around the globe.
    for part in shapely.get_parts(shape):
        for lon, lat in _in_box(part.bounds, stride):
            within = shapely.contains_xy(shape, lon, lat) & has_room(lat, size)
            chunks.append(np.column_stack([lat[within], lon[within]]))
    shapely.destroy_prepared(shape)
    # Boxes of two parts may share places; they are the same to the last bit.
    found = np.unique(np.concatenate(chunks), axis=0)
    if not len(found):
        point = shapely.point_on_surface(shape)
        found = np.array([[point.y, point.x]])
        found = found[has_room(found[:, 0], size)]
    return found[:, 1], found[:, 0]


def _in_box(box: tuple[float, float, float, float], stride: float) -> Iterator[tuple[Floats, Floats]]:
    """The lattice's longitudes and latitudes inside a box of degrees, some rows at a time."""
    west, south, east, north = box
    _, (low, high) = _ALONG([0.0, 0.0], [south, north])
    rows = np.arange(np.ceil(low / stride - 0.5), np.floor(high / stride - 0.5) + 1)
    if not len(rows):
        return
    _, lat = _ALONG(np.zeros(len(rows)), (rows + 0.5) * stride, inverse=True)
    step = np.degrees(stride / (radii(lat)[1] * np.cos(np.radians(lat))))
    # The lattice does not close at 180 degrees: no tile of it lies across, unless the polygon itself goes on there.
    first = np.ceil(np.maximum(west, -180.0 + step / 2 if west >= -180.0 else west) / step - 0.5)
    last = np.floor(np.minimum(east, 180.0 - step / 2 if east <= 180.0 else east) / step - 0.5)
    counts = np.maximum(last - first + 1, 0).astype(np.intp)
    chunk = np.cumsum(counts) // _CHUNK
    for number in np.unique(chunk):
        here = chunk == number
        count = counts[here]
        column = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first[here], count)
        yield (column + 0.5) * np.repeat(step[here], count), np.repeat(lat[here], count)
