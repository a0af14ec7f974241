"""Geometries: constructors from numbers and from other geometries."""

from collections.abc import Iterator
from typing import Any

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
from localearth.values.geometry import LINES, Geometry
from localearth.values.projection import WGS84, Projection

_RINGS = "`evenOdd` false: counterclockwise rings with clockwise holes only."


def _points(values: Any) -> list[tuple[float, float]]:
    """Pairs of numbers from pairs, points, or a flat list of numbers."""
    if not isinstance(values, list):
        raise EarthEngineError("Invalid geometry coordinates: points must be pairs of numbers.")
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
    if values and all(isinstance(each, Geometry) and each.type in LINES for each in values):
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
    _check_lengths("LinearRing", rings, 3)
    return Polygon(rings[0], rings[1:])


def _check_lengths(name: str, lines: list[list[tuple[float, float]]], least: int) -> None:
    if any(len(line) < least for line in lines):
        raise EarthEngineError(f"Invalid geometry coordinates: a {name} needs at least {least} points.")


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


@function("GeometryConstructors.Polygon", note=_RINGS)
def polygon(values: list[Any], crs: Projection | None, geodesic: bool | None, _margin: Any, even_odd: bool) -> Geometry:
    """A polygon, with holes after the first ring."""
    return _made(_polygon(values), crs, geodesic, values, even_odd)


@function("GeometryConstructors.MultiPolygon", note=_RINGS)
def multi_polygon(
    values: list[Any], crs: Projection | None, geodesic: bool | None, _margin: Any, even_odd: bool
) -> Geometry:
    """Polygons."""
    first = values[0] if values else None
    is_list = isinstance(first, list) and not _is_pair(first)
    nested = values if is_list or (isinstance(first, Geometry) and first.type == "Polygon") else [values]
    shapes = [each.shape if isinstance(each, Geometry) else _polygon(each) for each in nested]
    return _made(MultiPolygon(shapes), crs, geodesic, values, even_odd)


@function("GeometryConstructors.LineString")
def line_string(values: list[Any], crs: Projection | None, geodesic: bool | None, _margin: Any) -> Geometry:
    """A line."""
    return _made(LineString(_line("LineString", values, 2)), crs, geodesic, values)


@function("GeometryConstructors.LinearRing")
def linear_ring(values: list[Any], crs: Projection | None, geodesic: bool | None, _margin: Any) -> Geometry:
    """A closed line."""
    return _made(LinearRing(_line("LinearRing", values, 3)), crs, geodesic, values)


@function("GeometryConstructors.MultiLineString")
def multi_line_string(values: list[Any], crs: Projection | None, geodesic: bool | None, _margin: Any) -> Geometry:
    """Lines."""
    lines = _rings(values)
    _check_lengths("MultiLineString", lines, 2)
    return _made(MultiLineString(lines), crs, geodesic, values)


def _line(name: str, values: list[Any], least: int) -> list[tuple[float, float]]:
    points = _points(values)
    _check_lengths(name, [points] if points else [], least)
    return points


@function("GeometryConstructors.MultiGeometry")
def multi_geometry(values: list[Geometry], _crs: Projection | None, _geodesic: bool | None, _margin: Any) -> Geometry:
    """Geometries of any type."""
    shapes = (each.vertices("EPSG:4326") if each.geodesic else each.followed(each.drawn) for each in values)
    return Geometry(GeometryCollection(list(shapes)))


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
