"""Geometries: constructors, measures, predicates and overlays.

Edges are straight in longitude and latitude, unlike Google's geodesic edges (see values/geometry.py). Areas, lengths,
distances and buffers are measured on the ellipsoid.
"""

from collections.abc import Callable, Iterator
from typing import Any

import shapely
from shapely.affinity import translate
from shapely.geometry import (
    GeometryCollection,
    LinearRing,
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    box,
)
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.promote import is_number
from localearth.registry import function
from localearth.values.geometry import GEOD, Geometry, Plane, around, coordinates
from localearth.values.projection import WGS84, Projection

_PLANAR = "`proj` must be EPSG:4326; `maxError` is ignored."


def _points(values: list[Any]) -> list[tuple[float, float]]:
    """Pairs of numbers from pairs, points, or a flat list of numbers."""
    if all(is_number(each) for each in values):
        if len(values) % 2:
            raise EarthEngineError("Invalid geometry coordinates: an odd number of values.")
        return list(zip(map(float, values[::2]), map(float, values[1::2]), strict=True))
    found = []
    for each in values:
        if isinstance(each, Geometry) and each.type == "Point":
            found.append((each.shape.x, each.shape.y))
        elif isinstance(each, list) and len(each) >= 2 and all(is_number(v) for v in each[:2]):
            found.append((float(each[0]), float(each[1])))
        else:
            raise EarthEngineError("Invalid geometry coordinates: points must be pairs of numbers.")
    return found


def _rings(values: list[Any]) -> list[list[tuple[float, float]]]:
    if values and all(isinstance(each, Geometry) and each.type in _LINES for each in values):
        return [[(x, y) for x, y, *_ in each.shape.coords] for each in values]
    if values and (is_number(values[0]) or isinstance(values[0], Geometry) or _is_pair(values[0])):
        return [_points(values)]
    return [_points(each) for each in values]


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 2 and all(is_number(v) for v in value[:2])


def _polygon(values: list[Any]) -> Polygon:
    rings = _rings(values)
    if not rings:
        return Polygon()
    if any(len(ring) < 3 for ring in rings):
        raise EarthEngineError("Invalid geometry coordinates: a LinearRing needs at least 3 points.")
    return Polygon(rings[0], rings[1:])


def _inputs(values: list[Any]) -> Projection:
    """The projection of the geometries among nested values; numbers are in EPSG:4326 (documented)."""
    found = {each.projection for each in _flat(values) if isinstance(each, Geometry)}
    if len(found) > 1:
        raise EarthEngineError("the local Earth Engine makes geometries of inputs in one projection.")
    return found.pop() if found else WGS84


def _flat(values: Any) -> Iterator[Any]:
    if isinstance(values, list):
        for each in values:
            yield from _flat(each)
    else:
        yield values


def _made(
    shape: BaseGeometry, crs: Projection | None, geodesic: bool | None, values: list[Any], even_odd: bool = True
) -> Geometry:
    projection = _inputs(values)
    if crs is not None and crs != projection:
        if any(isinstance(each, Geometry) for each in _flat(values)):
            raise EarthEngineError("argument 'crs': the local Earth Engine does not convert the geometries given.")
        projection = crs
    if not even_odd:
        _left_inside(shape)
    if projection.crs == "EPSG:4326" and not shape.is_empty:
        # Longitudes are on a circle: 285 is -75. A shape across 180 degrees stays in one piece.
        turns = round((shape.bounds[0] + shape.bounds[2]) / 720)
        shape = translate(shape, -360 * turns) if turns else shape
    return Geometry(shape, projection, projection.crs == "EPSG:4326" if geodesic is None else geodesic)


def _left_inside(shape: BaseGeometry) -> None:
    """Refuses rings for which the rule "inside is left" differs from the even-odd rule."""
    for part in getattr(shape, "geoms", [shape]):
        if part.is_empty or (part.is_valid and part.exterior.is_ccw and not any(r.is_ccw for r in part.interiors)):
            continue
        raise EarthEngineError(
            "argument 'evenOdd' false: the local Earth Engine supports simple counterclockwise rings with clockwise "
            "holes only."
        )


@function("GeometryConstructors.Point")
def point(values: list[Any], crs: Projection | None) -> Geometry:
    """A point."""
    if len(values) != 2:
        raise EarthEngineError("A point needs two coordinates.")
    return _made(Point(*values), crs, None, values)


@function("GeometryConstructors.MultiPoint")
def multi_point(values: list[Any], crs: Projection | None) -> Geometry:
    """Points."""
    return _made(MultiPoint(_points(values)), crs, None, values)


@function("GeometryConstructors.Polygon", note="`evenOdd` false: counterclockwise rings with clockwise holes only.")
def polygon(values: list[Any], crs: Projection | None, geodesic: bool | None, _margin: Any, even_odd: bool) -> Geometry:
    """A polygon, with holes after the first ring."""
    return _made(_polygon(values), crs, geodesic, values, even_odd)


@function(
    "GeometryConstructors.MultiPolygon", note="`evenOdd` false: counterclockwise rings with clockwise holes only."
)
def multi_polygon(
    values: list[Any], crs: Projection | None, geodesic: bool | None, _margin: Any, even_odd: bool
) -> Geometry:
    """Polygons."""
    nested = values if values and isinstance(values[0], list) and not _is_pair(values[0]) else [values]
    shapes = [each.shape if isinstance(each, Geometry) else _polygon(each) for each in nested]
    return _made(MultiPolygon(shapes), crs, geodesic, values, even_odd)


def _lines(make: Callable[[Any], BaseGeometry]) -> Callable[..., Geometry]:
    def run(values: list[Any], crs: Projection | None, geodesic: bool | None, _margin: Any) -> Geometry:
        return _made(make(values), crs, geodesic, values)

    return run


for _name, _text, _make in (
    ("LineString", "A line.", lambda values: LineString(_points(values))),
    ("LinearRing", "A closed line.", lambda values: LinearRing(_points(values))),
    ("MultiLineString", "Lines.", lambda values: MultiLineString(_rings(values))),
):
    _run = _lines(_make)
    _run.__doc__ = _text
    function(f"GeometryConstructors.{_name}")(_run)


@function("GeometryConstructors.MultiGeometry")
def multi_geometry(values: list[Geometry], _crs: Projection | None, _geodesic: bool | None, _margin: Any) -> Geometry:
    """Geometries of any type."""
    return Geometry(GeometryCollection([each.lonlat for each in values]))


@function("GeometryConstructors.Rectangle")
def rectangle(values: list[Any], crs: Projection | None, geodesic: bool | None, _even_odd: bool) -> Geometry:
    """A rectangle between two corners."""
    (x0, y0), (x1, y1) = _corners(values)
    ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return _made(Polygon(ring), crs, geodesic, values)


def _corners(values: list[Any]) -> list[tuple[float, float]]:
    found = _points(values)
    if len(found) != 2:
        raise EarthEngineError("A rectangle needs two corners.")
    return found


@function("GeometryConstructors.BBox")
def bbox(west: float, south: float, east: float, north: float) -> Geometry:
    """A rectangle with edges along two meridians and two parallels."""
    if south > north:
        raise EarthEngineError(f"BBox: south ({south}) must not be north of north ({north}).")
    return Geometry(box(west, max(south, -90), east, min(north, 90)), geodesic=False)


def planar(projection: Projection | None) -> None:
    """Refuses every working projection except EPSG:4326."""
    if projection is not None and projection.crs != "EPSG:4326":
        raise EarthEngineError("argument 'proj': the local Earth Engine supports EPSG:4326 or none.")


def buffered(geometry: Geometry, distance: float) -> Geometry:
    """A geometry with a buffer in metres, in an azimuthal equidistant projection at its centroid."""
    plane, local = geometry.local()
    return plane.back(local.buffer(distance, quad_segs=16))


def centroid(geometry: Geometry) -> Geometry:
    """The centre of the highest-dimensional parts, in the same local projection."""
    plane, local = geometry.local()
    return plane.back(local.centroid)


def distance(left: Geometry, right: Geometry) -> float:
    """Metres between the nearest points."""
    if left.lonlat.intersects(right.lonlat):
        return 0.0
    (x0, y0), (x1, y1) = nearest_points(left, right)
    return float(GEOD.inv(x0, y0, x1, y1)[2])


def nearest_points(left: Geometry, right: Geometry) -> tuple[tuple[float, float], tuple[float, float]]:
    """The points of two geometries that are nearest to each other on the ground, longitude and latitude.

    Degrees of longitude are shorter than those of latitude, so they are found in a plane between the geometries, whose
    centre is improved twice.
    """
    line = shapely.shortest_line(left.lonlat, right.lonlat)
    for _ in range(3):
        middle = line.centroid
        plane = Plane(middle.x, middle.y)
        near = shapely.shortest_line(*(shapely.transform(each.lonlat, plane.onto) for each in (left, right)))
        line = plane.back(near).shape
    first, last = line.coords
    return first, last


def bounds_in(geometry: Geometry, projection: Projection) -> Geometry:
    """The box around a geometry in another projection; edges are followed in steps."""
    if projection.transform != WGS84.transform:
        raise EarthEngineError("argument 'proj': the local Earth Engine supports projections without a transform.")
    if geometry.projection.crs == projection.crs:
        shape = geometry.shape
    else:
        west, south, east, north = geometry.shape.bounds if not geometry.shape.is_empty else (0, 0, 1, 1)
        step = max(east - west, north - south) / 64
        dense = shapely.segmentize(geometry.shape, step) if step > 0 else geometry.shape
        shape = Geometry(dense, geometry.projection, geometry.geodesic).in_crs(projection.crs)
    return Geometry(around(shape), projection, geodesic=False)


_LINES = ("LineString", "LinearRing")
SHAPES: dict[str, tuple[str, Callable[[BaseGeometry], BaseGeometry]]] = {
    "bounds": ("The box around it.", around),
    "convexHull": ("Its convex hull.", lambda shape: shape.convex_hull),
    "dissolve": ("The union of its parts.", lambda shape: shapely.union_all([shape])),
}
OVERLAYS: dict[str, tuple[str, Callable[[BaseGeometry, BaseGeometry], BaseGeometry]]] = {
    "union": ("The union of both.", lambda a, b: a.union(b)),
    "intersection": ("The intersection of both.", lambda a, b: a.intersection(b)),
    "difference": ("The left without the right.", lambda a, b: a.difference(b)),
    "symmetricDifference": ("The union without the intersection.", lambda a, b: a.symmetric_difference(b)),
}
PREDICATES: dict[str, tuple[str, Callable[[BaseGeometry, BaseGeometry], bool]]] = {
    "contains": ("Whether the left contains the right.", lambda a, b: not b.is_empty and a.contains(b)),
    "containedIn": ("Whether the left is contained in the right.", lambda a, b: not a.is_empty and b.contains(a)),
    "intersects": ("Whether both share a point.", lambda a, b: a.intersects(b)),
    "disjoint": ("Whether both share no point.", lambda a, b: not a.intersects(b)),
}
MEASURES: dict[str, tuple[str, Callable[[Geometry], float]]] = {
    "area": ("The area on the ellipsoid, square metres.", lambda geometry: geometry.area()),
    "length": ("The length of its lines on the ellipsoid, metres.", lambda geometry: geometry.length(_LINES)),
    "perimeter": ("The perimeter on the ellipsoid, metres.", lambda geometry: geometry.length(("Polygon",))),
}


@function("Geometry.geometries")
def geometries(geometry: Geometry) -> list[Geometry]:
    """The single geometries of a collection; otherwise the geometry itself."""
    parts = getattr(geometry.shape, "geoms", [geometry.shape])
    return [Geometry(part, geometry.projection, geometry.geodesic) for part in parts]


@function("Geometry.coordinates")
def coordinates_of(geometry: Geometry) -> list[Any]:
    """Its coordinates as nested lists."""
    found: list[Any] = coordinates(geometry)
    return found


@function("Geometry.type")
def type_of(geometry: Geometry) -> str:
    """Its type's name in GeoJSON."""
    return geometry.type


@function("Geometry.geodesic", "Geometry.edgesAreGeodesics")
def geodesic_of(geometry: Geometry) -> bool:
    """Whether its edges are geodesics."""
    return geometry.geodesic


@function("Geometry.isUnbounded")
def is_unbounded(_geometry: Geometry) -> bool:
    """Whether it covers the entire plane; never true here."""
    return False


@function("Geometry.projection")
def projection_of(geometry: Geometry) -> Projection:
    """Its projection."""
    return geometry.projection


def transformed(geometry: Geometry, projection: Projection, geodesic: bool | None) -> Geometry:
    """Its vertices in another projection."""
    if projection.transform != WGS84.transform:
        raise EarthEngineError("argument 'proj': the local Earth Engine supports projections without a transform.")
    straight = projection.crs == "EPSG:4326" if geodesic is None else geodesic
    return Geometry(geometry.in_crs(projection.crs), Projection(projection.crs), straight)
