"""The tiles of a dataset in tiles.gpkg: each tile's row number and partition."""

import datetime as dt
import errno
import hashlib
import math
import os
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
from mmearth_core.files import writable, written_aside

if TYPE_CHECKING:
    import geopandas as gpd

    from mmearth_core.earthengine.client import EarthClient

TILES_PER_REQUEST = 5000
"""Earth Engine lists at most 5,000 elements in one response."""

NUMBERING = ("ordinal", "partition")
"""The columns that tiles.gpkg has before those of the tiles file."""

FID = "mmearth_row"
"""The GeoPackage's primary key; not GDAL's default `fid`, which tiles files may have as a column."""

_IMPORT = (
    "Run `mmearth-core run` with the dataset's configuration: it imports the tiles again from the tiles file, and what "
    "is done is kept."
)

_LAYER, _GEOMETRY = "tiles", "geometry"

_WRITING = {
    # A GeoPackage stores its time of change; here it is always this one, so that equal tiles give equal bytes.
    "OGR_CURRENT_DATE": "2017-01-01T00:00:00.000Z",
    # GDAL's own file functions, which take no locks: some file systems have none, and nobody else knows this file.
    "SQLITE_USE_OGR_VFS": "YES",
}
"""GDAL's options for writing a GeoPackage."""

_ROW_BYTES = 1000
"""More than a tile's bytes in the GeoPackage; 273 with an id alone."""

_FAULTS = (sqlite3.Error, shapely.errors.ShapelyError, ValueError)
"""What reading a damaged file raises."""

_HEAD, _BOX_BYTES = 8, {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
"""Bytes of a geometry's header in a GeoPackage: before the bounding box, and of the box by its kind."""

_UNITS = 256
"""Intended number of partitions: enough for any array to share them evenly, few enough to list."""


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


def write_geopackage(frame: "gpd.GeoDataFrame", path: Path) -> None:
    """Writes tiles to a GeoPackage; equal tiles give equal bytes."""
    import pyogrio  # not at the top: with geopandas it takes half a second, and reading needs neither

    before = {name: pyogrio.get_gdal_config_option(name) for name in _WRITING}
    pyogrio.set_gdal_config_options(_WRITING)
    try:
        pyogrio.write_dataframe(frame, path, layer=_LAYER, driver="GPKG", FID=FID, GEOMETRY_NAME=_GEOMETRY)
    finally:
        pyogrio.set_gdal_config_options(before)


def without_centroid(frame: "gpd.GeoDataFrame") -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which tiles have no `lon` or no `lat`."""
    return np.asarray(frame.reindex(columns=["lon", "lat"]).isna().any(axis=1))


def fill_centroids(frame: "gpd.GeoDataFrame", client: "EarthClient") -> "gpd.GeoDataFrame":
    """Requests the centroids of the tiles that have none, 5,000 per request.

    Args:
        frame: tiles, EPSG:4326.
        client: an open client.

    Returns:
        The frame with `lon` and `lat` in every row; given values stay as they are.
    """
    import ee

    filled = frame.assign(**frame.reindex(columns=["lon", "lat"]).astype(float))
    rows = np.flatnonzero(without_centroid(filled))
    for start in range(0, len(rows), TILES_PER_REQUEST):
        part = rows[start : start + TILES_PER_REQUEST]
        rings = [shapely.get_coordinates(shape.exterior).tolist() for shape in filled.geometry.iloc[part]]
        shapes = ee.List([ee.Geometry.Polygon([ring]) for ring in rings])
        centroids = shapes.map(lambda shape: ee.Geometry(shape).centroid().coordinates())
        filled.loc[filled.index[part], ["lon", "lat"]] = np.asarray(client.compute(centroids, "centroids"), dtype=float)
    return filled


def import_tiles(frame: "gpd.GeoDataFrame", path: Path, partition_size: int | None = None) -> None:
    """Writes the tiles of a checked frame into a dataset.

    Args:
        frame: as `read_tiles` returns it, with `lon` and `lat` filled.
        path: the GeoPackage to write.
        partition_size: tiles per partition; None for the default.

    Raises:
        DatasetError: when GDAL or SQLite cannot write these tiles.
        OSError: when the disk is full or the folder cannot be written to.
    """
    from pyogrio import errors

    ordinals = np.arange(len(frame))
    numbering = {"ordinal": ordinals, "partition": ordinals // (partition_size or default_partition_size(len(frame)))}
    with written_aside(path, shared=True) as aside:
        try:
            write_geopackage(frame.assign(**numbering)[[*numbering, *frame.columns]], aside)
            with closing(sqlite3.connect(f"{aside.absolute().as_uri()}?nolock=1", uri=True)) as database, database:
                database.execute(f"CREATE INDEX by_partition ON {_LAYER} (partition, ordinal)")
        except (errors.DataSourceError, errors.DataLayerError, sqlite3.Error) as error:
            aside.with_name(f"{aside.name}-journal").unlink(missing_ok=True)  # SQLite's own, of changes not finished
            # They do not say why they cannot write. The system does: it refuses this space if the disk is full.
            with aside.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, _ROW_BYTES * (len(frame) + _ROW_BYTES))
            raise DatasetError(f"{path}: the tiles cannot be written there. GDAL says: {str(error)[:200]}") from error


@frozen
class TileIndex:
    """The tiles of a dataset.

    Attributes:
        path: the GeoPackage.

    Raises:
        DatasetError: on reading, when the file is damaged.
        RunStoppedError: on reading, when it is gone, or the disk cannot be read.
    """

    path: Path

    def sizes(self) -> dict[int, int]:
        """`{partition: number of its tiles}`, in order."""
        with self._opened() as database:
            query = f"SELECT partition, COUNT(*) FROM {_LAYER} GROUP BY partition ORDER BY partition"
            return dict(database.execute(query))

    def read(self, partition: int) -> list[Tile]:
        """The tiles of one partition, by ordinal; the cost does not depend on the other partitions.

        By SQL instead of pyogrio, as that would import geopandas, and decode each value by the type of the whole
        column.
        """
        with self._opened() as database:
            columns = database.execute(f"PRAGMA table_info({_LAYER})").fetchall()
            decoders = {name: _decoder(kind) for _, name, kind, _, _, key in columns if not key and name != _GEOMETRY}
            names = ", ".join('"{}"'.format(name.replace('"', '""')) for name in [*decoders, _GEOMETRY])
            query = f"SELECT {names} FROM {_LAYER} WHERE partition = ? ORDER BY ordinal"
            rows = database.execute(query, [int(partition)]).fetchall()
            polygons = shapely.from_wkb(np.array([_wkb(row[-1]) for row in rows], object))
            tiles = []
            for row, polygon in zip(rows, polygons, strict=True):
                values = {name: decode(value) for (name, decode), value in zip(decoders.items(), row[:-1], strict=True)}
                ordinal, of_partition, tile_id = (values.pop(name) for name in (*NUMBERING, "tile_id"))
                lon, lat = float(values.pop("lon")), float(values.pop("lat"))
                tiles.append(Tile(ordinal, of_partition, tile_id, polygon, lon, lat, values))
        return tiles

    def digest(self) -> str:
        """A checksum of all tiles with all columns: polygons are not in any other file of the dataset."""
        checksum = hashlib.sha256()
        with self._opened() as database:
            for row in database.execute(f"SELECT * FROM {_LAYER} ORDER BY ordinal"):
                checksum.update(repr([_wkb(value) if isinstance(value, bytes) else value for value in row]).encode())
        return checksum.hexdigest()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        if self.path.parent.is_dir() and not self.path.exists():
            raise DatasetError(f"{self.path}, the dataset's own copy of its tiles, is missing. {_IMPORT}")
        # Immutable, so without locks, which some file systems do not have: the file is only ever replaced as a whole.
        uri = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
        with writable(self.path):
            self.path.open("rb").close()  # as SQLite does not say why it cannot open a file
            try:
                with closing(sqlite3.connect(uri, uri=True)) as database:
                    yield database
            except _FAULTS as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR:
                    raise OSError(errno.EIO, str(error), str(self.path)) from error
                found = f"the dataset's tiles cannot be read; the file is damaged ({error})"
                raise DatasetError(f"{self.path}: {found}. Delete it. {_IMPORT}") from error


def _wkb(geometry: Any) -> bytes:
    """The WKB in a GeoPackage's geometry, which has a header of its own before it."""
    has_header = isinstance(geometry, bytes) and len(geometry) >= _HEAD and geometry[:2] == b"GP"
    box = _BOX_BYTES.get(geometry[3] >> 1 & 7) if has_header else None
    if box is None:
        raise ValueError("a geometry is invalid")
    return bytes(geometry[_HEAD + box :])


def _decoder(kind: str) -> Callable[[Any], Any]:
    """How values of a column type become JSON values; SQLite itself only has numbers and texts."""
    if kind == "BOOLEAN":
        return lambda value: None if value is None else bool(value)
    if kind in ("DATE", "DATETIME"):
        return lambda value: None if value is None else dt.datetime.fromisoformat(value).isoformat()
    return lambda value: None if isinstance(value, float) and not math.isfinite(value) else value
