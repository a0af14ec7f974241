"""Geometries: a shape in a projection, with planar or geodesic edges.

Predicates and overlays treat edges in EPSG:4326 as straight in longitude and latitude, where Google follows the
shortest path: for a tile of a kilometre the difference is far below a millimetre, for an edge of 100 km at 45
degrees it is about 200 m. Areas, lengths and buffers are measured on the ellipsoid.
"""

from functools import cached_property
from typing import Any

import numpy as np
import shapely
from attrs import define, field, frozen
from numpy.typing import NDArray
from pyproj import Geod
from shapely.geometry import Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry

from mmearth_localearth.errors import EarthEngineError
from mmearth_localearth.values.projection import WGS84, Projection, compose, reproject, whole

GEOD = Geod(ellps="WGS84")


@define(eq=False, frozen=True, slots=False)
class Geometry:
    """A geometry.

    Attributes:
        shape: in units of `projection`.
        projection: EPSG:4326 unless stated.
        geodesic: whether edges follow the shortest path on the ground.
    """

    shape: BaseGeometry
    projection: Projection = WGS84
    geodesic: bool = field(default=True)

    @cached_property
    def lonlat(self) -> BaseGeometry:
        """The shape in EPSG:4326."""
        found = self.in_crs("EPSG:4326")
        if found.geom_type != "Point":
            shapely.prepare(found)
        return found

    def in_crs(self, crs: str) -> BaseGeometry:
        """The shape in coordinates of a CRS; edges become straight there, vertices are exact."""
        t = self.projection.transform
        if self.projection.crs == crs and t == WGS84.transform:
            return self.shape
        a, b, c, d, e, f = compose(t, WGS84.transform)

        def move(points: Any) -> Any:
            x, y = points[:, 0], points[:, 1]
            return np.column_stack(reproject(self.projection.crs, crs, a * x + b * y + c, d * x + e * y + f))

        moved = shapely.transform(self.shape, move)
        if not np.isfinite(shapely.get_coordinates(moved)).all():
            raise EarthEngineError(f"Unable to transform the geometry into requested projection {crs}.")
        return moved

    @property
    def type(self) -> str:
        """GeoJSON's name of its type."""
        return str(self.shape.geom_type)

    def local(self) -> "tuple[Plane, BaseGeometry]":
        """The plane that touches the ground at its centroid, and the shape in it: metres in every direction."""
        centre = self.lonlat.centroid
        plane = Plane(centre.x, centre.y)
        return plane, shapely.transform(self.lonlat, plane.onto)

    def area(self) -> float:
        """Square metres on the ellipsoid; 0 for points and lines."""
        return sum(abs(GEOD.geometry_area_perimeter(part)[0]) for part in parts(self.lonlat) if part.area)

    def length(self, of: tuple[str, ...]) -> float:
        """Metres on the ellipsoid, of the parts whose types are named."""
        return sum(GEOD.geometry_length(part) for part in parts(self.lonlat) if part.geom_type in of)

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it: GeoJSON, with the CRS and the edges where they are not the usual ones."""
        shown: dict[str, Any] = {}
        if self.projection.crs != "EPSG:4326":
            shown["crs"] = {"type": "name", "properties": {"name": self.projection.crs}}
        if not self.geodesic and "Point" not in self.type:
            shown["geodesic"] = False
        return shown | _geojson(self.shape)


@frozen
class Plane:
    """An azimuthal equidistant projection: from its centre, every distance and direction is that on the ellipsoid.

    By geodesics and not by PROJ, which takes ten milliseconds to set up each new centre.

    Attributes:
        lon: the centre's longitude, degrees.
        lat: its latitude.
    """

    lon: float
    lat: float

    def onto(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Longitudes and latitudes, (n, 2), as metres east and north of the centre."""
        azimuth, _, metres = GEOD.inv(*self._centres(points), points[:, 0], points[:, 1])
        return np.column_stack((metres * np.sin(np.radians(azimuth)), metres * np.cos(np.radians(azimuth))))

    def back(self, shape_: BaseGeometry) -> "Geometry":
        """A shape of the plane as a geometry in EPSG:4326."""

        def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
            azimuth, metres = np.degrees(np.arctan2(points[:, 0], points[:, 1])), np.hypot(points[:, 0], points[:, 1])
            return np.column_stack(GEOD.fwd(*self._centres(points), azimuth, metres)[:2])

        return Geometry(shapely.transform(shape_, move))

    def _centres(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.full(len(points), self.lon), np.full(len(points), self.lat)


def around(shape_: BaseGeometry) -> BaseGeometry:
    """The box around a shape; as Google gives it, its ring runs from the lower left corner to the lower right one."""
    if shape_.is_empty:
        return Polygon()
    west, south, east, north = shape_.bounds
    return Polygon([(west, south), (east, south), (east, north), (west, north)])


def parts(shape_: BaseGeometry) -> list[BaseGeometry]:
    """The single geometries of one that may be a collection."""
    found: list[BaseGeometry] = []
    for part in getattr(shape_, "geoms", [shape_]):
        found.extend(parts(part) if hasattr(part, "geoms") else [part])
    return found


def _geojson(shape_: BaseGeometry) -> dict[str, Any]:
    if shape_.geom_type == "GeometryCollection":
        return {"type": "GeometryCollection", "geometries": [_geojson(part) for part in shape_.geoms]}
    if shape_.geom_type == "LinearRing":
        return {"type": "LinearRing", "coordinates": _lists(list(shape_.coords))}
    found = mapping(shape_)
    return {"type": found["type"], "coordinates": _lists(found["coordinates"])}


def _lists(value: Any) -> Any:
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else whole(float(value))


def coordinates(geometry: Geometry) -> Any:
    """GeoJSON coordinates as nested lists."""
    return _geojson(geometry.shape).get("coordinates", [])


def from_geojson(value: dict[str, Any]) -> Geometry:
    """A geometry from GeoJSON, as some clients send it.

    Raises:
        EarthEngineError: when it is none.
    """
    crs = value.get("crs", "EPSG:4326")
    if isinstance(crs, dict):
        crs = crs.get("properties", {}).get("name", "EPSG:4326")
    try:
        found = shape(value)
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError):
        raise EarthEngineError("Invalid GeoJSON geometry.") from None
    return Geometry(found, Projection(crs), bool(value.get("geodesic", crs == "EPSG:4326")))
