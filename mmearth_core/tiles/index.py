"""The tiles of a dataset in tiles.gpkg: each tile's row number and partition."""

import datetime as dt
import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from attrs import frozen
from shapely.geometry import Polygon

from mmearth_core.contract.modality import Anchor, Scene
from mmearth_core.errors import DatasetError
from mmearth_core.files import written_aside

if TYPE_CHECKING:
    import geopandas as gpd

_OPTION, _DATE = "OGR_CURRENT_DATE", "2017-01-01T00:00:00.000Z"
"""A GeoPackage says when it was last changed; tiles always say this."""


@contextmanager
def fixed_date() -> Iterator[None]:
    """While it holds, GeoPackages are written with one and the same date of change."""
    import pyogrio  # only where tiles are written: with geopandas it takes half a second, and reading needs neither

    before = pyogrio.get_gdal_config_option(_OPTION)
    pyogrio.set_gdal_config_options({_OPTION: _DATE})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({_OPTION: before})


GEOMETRY = "geometry"
"""The column of geometries."""


FAULTS = (sqlite3.Error, shapely.errors.ShapelyError, ValueError)
"""What a damaged file becomes."""


_HEAD, _BOX_BYTES = 8, {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
"""Bytes of a geometry's header: before the bounding box, and of the box by its kind."""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, to be read only."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        yield database


def read_rows(database: sqlite3.Connection, layer: str, where: str) -> list[dict[str, Any]]:
    """Rows by column, with polygons as shapely's and all else as JSON would have it.

    Args:
        database: the file.
        layer: its table.
        where: SQL that follows `WHERE`.

    Raises:
        sqlite3.Error, shapely.errors.ShapelyError, ValueError: when the file is damaged.
    """
    columns = database.execute(f"PRAGMA table_info({layer})").fetchall()
    plain = {name: _plain(kind) for _, name, kind, _, _, key in columns if not key and name != GEOMETRY}
    names = ", ".join('"{}"'.format(name.replace('"', '""')) for name in [*plain, GEOMETRY])
    found = database.execute(f"SELECT {names} FROM {layer} WHERE {where}").fetchall()
    shapes = shapely.from_wkb(np.array([_wkb(row[-1]) for row in found], object))
    return [
        {
            **{name: function(value) for (name, function), value in zip(plain.items(), row, strict=False)},
            GEOMETRY: shape,
        }
        for row, shape in zip(found, shapes, strict=True)
    ]


def _wkb(geometry: Any) -> bytes:
    if not isinstance(geometry, bytes) or len(geometry) < _HEAD or geometry[:2] != b"GP":
        raise ValueError("a geometry is none")
    box = _BOX_BYTES.get(geometry[3] >> 1 & 7)
    if box is None:
        raise ValueError("a geometry has an unknown header")
    return geometry[_HEAD + box :]


def _plain(kind: str) -> Callable[[Any], Any]:
    """How a value of a column of that type becomes JSON's; SQLite itself knows numbers and text only."""
    if kind == "BOOLEAN":
        return lambda value: None if value is None else bool(value)
    if kind in ("DATE", "DATETIME"):
        return lambda value: None if value is None else dt.datetime.fromisoformat(value).isoformat()
    return lambda value: None if isinstance(value, float) and not math.isfinite(value) else value


_LAYER = "tiles"


_OWN = ("ordinal", "partition", "tile_id", "lon", "lat", GEOMETRY)
"""The columns that are no attributes of a tile."""


_UNITS = 256
"""Partitions aimed at: enough for any array to share evenly, few enough to list at a glance."""


@frozen(eq=False)
class Tile:
    """One tile of the dataset.

    Attributes:
        ordinal: its row, from 0, in the order of the tiles file.
        partition: its unit of work.
        tile_id: its id.
        polygon: its outline, EPSG:4326.
        lon: longitude of its centroid, degrees.
        lat: latitude of its centroid, degrees.
        attributes: the further columns of the tiles file, JSON values.
    """

    ordinal: int
    partition: int
    tile_id: str
    polygon: Polygon
    lon: float
    lat: float
    attributes: dict[str, Any]

    def scene(self, anchor: Anchor | None = None) -> Scene:
        """The tile as plugins see it."""
        return Scene(self.tile_id, self.polygon, self.lon, self.lat, self.attributes, anchor)


def default_partition_size(tiles: int) -> int:
    """25 to 1000 tiles, so that there are about 256 partitions."""
    return min(1000, max(25, math.ceil(tiles / _UNITS)))


def take_in(frame: "gpd.GeoDataFrame", path: Path, partition_size: int | None = None) -> None:
    """Writes the tiles of a checked frame into a dataset.

    Args:
        frame: as `read_tiles` returns it, with `lon` and `lat` filled.
        path: the GeoPackage to write, aside and renamed.
        partition_size: tiles a partition; None for the default.

    Raises:
        DatasetError: when it cannot be written.
    """
    import pyogrio  # only here: with geopandas it takes half a second, and who reads needs neither

    errors = pyogrio.errors
    faults = (errors.DataSourceError, errors.DataLayerError, errors.FeatureError, errors.GeometryError, sqlite3.Error)
    size = partition_size or default_partition_size(len(frame))
    ordinals = np.arange(len(frame))
    first = {"ordinal": ordinals, "partition": ordinals // size}
    numbered = frame.assign(**first)[[*first, *frame.columns]]
    with written_aside(path, shared=True) as aside:
        # Names of our own for these two, as tiles files have columns called fid and geom.
        names = {"FID": "mmearth_row", "GEOMETRY_NAME": GEOMETRY}
        try:
            with fixed_date():
                pyogrio.write_dataframe(numbered, aside, layer=_LAYER, driver="GPKG", layer_options=names)
            with closing(sqlite3.connect(aside)) as database, database:
                database.execute(f"CREATE INDEX by_partition ON {_LAYER} (partition, ordinal)")
        except faults as error:
            raise DatasetError(
                f"{path}: the tiles cannot be written there; the disk may be full. GDAL says: {str(error)[:200]}"
            ) from error


@frozen
class TileIndex:
    """The tiles of a dataset.

    Attributes:
        path: the GeoPackage.

    Raises:
        DatasetError: on reading, when the file is damaged.
    """

    path: Path

    def sizes(self) -> dict[int, int]:
        """`{partition: number of its tiles}`, in order."""
        query = f"SELECT partition, COUNT(*) FROM {_LAYER} GROUP BY partition ORDER BY partition"
        try:
            with opened(self.path) as database:
                return dict(database.execute(query))
        except FAULTS as error:
            raise self._damaged(error) from error

    def read(self, partition: int) -> list[Tile]:
        """The tiles of one partition, by ordinal; costs what that partition holds."""
        try:
            with opened(self.path) as database:
                rows = read_rows(database, _LAYER, f"partition = {int(partition)} ORDER BY ordinal")
        except FAULTS as error:
            raise self._damaged(error) from error
        return [_tile(row) for row in rows]

    def _damaged(self, error: Exception) -> DatasetError:
        return DatasetError(
            f"{self.path}: the dataset's tiles cannot be read; the file is damaged ({error}). Delete it and run the "
            "same command again: the tiles are taken in anew from the tiles file, and what is done is kept."
        )


def _tile(row: dict[str, Any]) -> Tile:
    return Tile(
        ordinal=row["ordinal"],
        partition=row["partition"],
        tile_id=row["tile_id"],
        polygon=row[GEOMETRY],
        lon=float(row["lon"]),
        lat=float(row["lat"]),
        attributes={column: value for column, value in row.items() if column not in _OWN},
    )
