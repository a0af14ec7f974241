"""Reads vector files of any format and CRS as longitude and latitude."""

import warnings
from pathlib import Path

import geopandas as gpd
import pyogrio
import shapely

from mmearth_core.errors import TilesError
from mmearth_core.tiles.read import UNREADABLE

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
