"""Geometries: a shape in a projection, with planar or geodesic edges.

Long edges get points that follow them (see edges.py). Areas, lengths and buffers are measured on the ellipsoid.
"""

from functools import cached_property
from typing import Any

import numpy as np
import shapely
from attrs import define, field, frozen
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon, box, mapping, shape
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from localearth.errors import EarthEngineError
from localearth.values.edges import middle, turned, unrolled, with_points, wrapped
from localearth.values.ellipsoid import GEOD, planar_area
from localearth.values.projection import (
    METRES_PER_DEGREE,
    WGS84,
    Projection,
    apply,
    compose,
    invert,
    metres_per_unit,
    reproject,
    whole,
)

LINES = ("LineString", "LinearRing")


HALF_GLOBE = 2e7
"""Half of the Earth's circumference, metres."""


@define(eq=False, frozen=True, slots=False)
class Geometry:
    """A geometry.

    Attributes:
        shape: the shape in coordinates of `projection`.
        projection: the projection; by default EPSG:4326.
        geodesic: whether edges follow the shortest path on the ground.
    """

    shape: BaseGeometry
    projection: Projection = WGS84
    geodesic: bool = field(default=True)

    @cached_property
    def lonlat(self) -> BaseGeometry:
        """The shape in EPSG:4326, valid; its edges are followed, and may go beyond 180 degrees."""
        found = turned(self.in_crs("EPSG:4326"), 0)
        if found.geom_type != "Point":
            found = valid(found)
            shapely.prepare(found)
        return found

    @cached_property
    def globe(self) -> BaseGeometry:
        """As `lonlat`, but between -180 and 180 degrees: what is beyond them is moved by a turn."""
        found = wrapped(self.lonlat)
        if found is not self.lonlat:
            shapely.prepare(found)
        return found

    def followed(self, shape_: BaseGeometry) -> BaseGeometry:
        """A form of its shape in EPSG:4326, with edges that are the same if they are read as geodesics."""
        return shape_ if self.geodesic else with_points(shape_, False, METRES_PER_DEGREE)

    @property
    def drawn(self) -> BaseGeometry:
        """The shape in EPSG:4326 with followed edges as it was drawn: they may cross and its parts overlap."""
        return self.in_crs("EPSG:4326")

    def in_crs(self, crs: str) -> BaseGeometry:
        """The shape in coordinates of a CRS; its edges are followed."""
        own = self.projection
        if self.geodesic:
            drawn = self.vertices("EPSG:4326")
            if not drawn.is_empty and not -90 <= drawn.bounds[1] <= drawn.bounds[3] <= 90:
                raise EarthEngineError("the local Earth Engine needs latitudes between -90 and 90 degrees.")
            followed = with_points(drawn, True, METRES_PER_DEGREE)
            return followed if crs == "EPSG:4326" else _moved(followed, WGS84, crs)
        if own.crs == crs and own.transform == WGS84.transform:
            return self.shape
        moved = _moved(with_points(self.shape, False, own.nominal_scale), own, crs)
        if crs == "EPSG:4326" and moved.bounds[2] - moved.bounds[0] > 180:
            return unrolled(moved)
        return moved

    def in_pixels(self, projection: Projection) -> BaseGeometry:
        """The shape in fractional columns and rows of a projection; its edges are followed."""
        return to_pixels(self.in_crs(projection.crs), projection)

    def vertices(self, crs: str) -> BaseGeometry:
        """The shape in coordinates of a CRS, with its own vertices only."""
        own = self.projection
        return self.shape if own.crs == crs and own.transform == WGS84.transform else _moved(self.shape, own, crs)

    @property
    def type(self) -> str:
        """The GeoJSON name of its type."""
        return str(self.shape.geom_type)

    def local(self) -> "tuple[Plane, BaseGeometry]":
        """The plane at its centroid and the shape in that plane, in metres."""
        if self.lonlat.is_empty:
            raise EarthEngineError("the local Earth Engine cannot place a geometry that is empty or encloses no area.")
        shape_ = self.followed(self.lonlat)
        if hasattr(shape_, "geoms") and shape_.bounds[2] - shape_.bounds[0] > 180:
            # Parts on both sides of 180 degrees are next to each other.
            shape_ = type(shape_)([turned(part, middle(shape_.geoms[0])) for part in shape_.geoms])
        if shape_.bounds[2] - shape_.bounds[0] > 180:
            raise EarthEngineError("the local Earth Engine cannot place a geometry that is wider than half the globe.")
        centre = shape_.centroid
        plane = Plane(centre.x, centre.y)
        return plane, shapely.transform(shape_, plane.onto)

    def area(self) -> float:
        """The area on the ellipsoid, square metres; 0 for points and lines.

        Where components overlap, the overlap counts for each of them (documented).
        """
        pieces = (piece for part in parts(self.drawn) if part.area or not part.is_valid for piece in parts(valid(part)))
        return sum(self._area(piece) for piece in pieces if piece.area)

    def _area(self, piece: BaseGeometry) -> float:
        west, _, east, _ = piece.bounds
        # pyproj's area of the whole globe is 0.
        if not self.geodesic or east - west >= 360:
            return planar_area(piece)
        # The area of a hole is only subtracted if it runs the other way around.
        return abs(GEOD.geometry_area_perimeter(orient(piece))[0])

    def length(self, of: tuple[str, ...]) -> float:
        """The length on the ellipsoid of the parts with the given types, metres."""
        return sum(GEOD.geometry_length(part) for part in parts(self.followed(self.drawn)) if part.geom_type in of)

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it: GeoJSON, with the CRS and the kind of edges if they are not the defaults."""
        shown: dict[str, Any] = {}
        if self.projection.crs != "EPSG:4326":
            shown["crs"] = {"type": "name", "properties": {"name": self.projection.crs}}
        if not self.geodesic and "Point" not in self.type:
            shown["geodesic"] = False
        return shown | _geojson(self.shape)


def to_pixels(shape_: BaseGeometry, projection: Projection) -> BaseGeometry:
    """A shape in coordinates of a projection's CRS in its fractional columns and rows."""
    if projection.transform == WGS84.transform:
        return shape_
    inverse = invert(projection.transform)
    return shapely.transform(shape_, lambda xy: np.column_stack(apply(inverse, *xy.T)))


UNBOUNDED = Geometry(box(-180, -90, 180, 90), geodesic=False)
"""The geometry of an image without bounds."""


def _moved(shape_: BaseGeometry, own: Projection, crs: str) -> BaseGeometry:
    """A shape in coordinates of a projection with its vertices in those of a CRS."""
    transform = compose(own.transform, WGS84.transform)

    def move(points: Any) -> Any:
        return np.column_stack(reproject(own.crs, crs, *apply(transform, *points.T)))

    moved = shapely.transform(shape_, move)
    # In a map of the globe, what is beyond its edge at 180 degrees is at the other edge.
    if own == WGS84 and shape_ is not (parted := wrapped(shape_)) and _width(moved, crs) > HALF_GLOBE:
        moved = shapely.transform(parted, move)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise EarthEngineError(f"Unable to transform the geometry into requested projection {crs}.")
    return moved


def _width(shape_: BaseGeometry, crs: str) -> float:
    west, _, east, _ = shape_.bounds
    return float(east - west) * metres_per_unit(crs)


_CHECKED = 20_000
"""Shapes with more vertices come from tables, and are not checked: that would take seconds."""


def valid(shape_: BaseGeometry) -> BaseGeometry:
    """A shape whose edges do not cross.

    The inside of a polygon follows the even-odd rule (documented for `evenOdd`); polygons that overlap are united
    (assumed: for areas, the components of a multi geometry are documented to be independent).
    """
    if shapely.get_num_coordinates(shape_) > _CHECKED or shape_.is_valid:
        return shape_
    if shape_.geom_type == "Polygon":
        return _areas(shapely.make_valid(shape_))
    if shape_.geom_type == "MultiPolygon":
        return shapely.union_all([valid(part) for part in shape_.geoms])
    if shape_.geom_type == "GeometryCollection":
        return shapely.GeometryCollection([valid(part) for part in shape_.geoms])
    return shape_


def _areas(shape_: BaseGeometry) -> BaseGeometry:
    """Only the polygons of a repaired polygon; edges that enclose nothing have no inside."""
    found = [part for part in parts(shape_) if part.geom_type == "Polygon"]
    return found[0] if len(found) == 1 else MultiPolygon(found)


@frozen
class Plane:
    """An azimuthal equidistant projection: distances and directions from its centre are those on the ellipsoid.

    Computed with geodesics instead of PROJ, which needs ten milliseconds to set up each new centre.

    Attributes:
        lon: the centre's longitude, degrees.
        lat: its latitude.
    """

    lon: float
    lat: float

    def onto(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Converts longitudes and latitudes, (n, 2), to metres east and north of the centre."""
        azimuth, _, metres = GEOD.inv(*self._centres(points), points[:, 0], points[:, 1])
        return np.column_stack((metres * np.sin(np.radians(azimuth)), metres * np.cos(np.radians(azimuth))))

    def back(self, shape_: BaseGeometry) -> "Geometry":
        """Converts a shape in the plane to a geometry in EPSG:4326."""

        def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
            azimuth, metres = np.degrees(np.arctan2(points[:, 0], points[:, 1])), np.hypot(points[:, 0], points[:, 1])
            lon, lat, _ = GEOD.fwd(*self._centres(points), azimuth, metres)
            # On the same turn around the globe as the centre.
            return np.column_stack((lon - 360 * np.round((lon - self.lon) / 360), lat))

        poles = self.onto(np.array([[self.lon, -90.0], [self.lon, 90.0]]))
        if shape_.area and shapely.intersects_xy(shape_, *poles.T).any():
            raise EarthEngineError("the local Earth Engine does not support geometries around a pole.")
        return Geometry(shapely.transform(shape_, move))

    def _centres(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.full(len(points), self.lon), np.full(len(points), self.lat)


def around(shape_: BaseGeometry) -> BaseGeometry:
    """The bounding box of a shape; its ring starts with the lower left and lower right corners, as Google's does."""
    if shape_.is_empty:
        return Polygon()
    west, south, east, north = shape_.bounds
    return Polygon([(west, south), (east, south), (east, north), (west, north)])


def parts(shape_: BaseGeometry) -> list[BaseGeometry]:
    """The single geometries of a collection; otherwise the geometry itself."""
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


def from_geojson(value: Any) -> Geometry:
    """A geometry from GeoJSON, which some clients send.

    Raises:
        EarthEngineError: when it is not valid GeoJSON.
    """
    if not isinstance(value, dict):
        raise EarthEngineError("Invalid GeoJSON geometry.")
    crs = value.get("crs", "EPSG:4326")
    if isinstance(crs, dict):
        crs = crs.get("properties", {}).get("name", "EPSG:4326")
    try:
        found = shape(value)
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError):
        raise EarthEngineError("Invalid GeoJSON geometry.") from None
    return Geometry(found, Projection(crs), bool(value.get("geodesic", crs == "EPSG:4326")))
