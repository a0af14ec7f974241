"""Geometries: simplified and cut ones, nearest points, and grids that cover them."""

import itertools
import math
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString, Point, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from localearth.errors import EarthEngineError
from localearth.functions.geometry import flat, nearest_points, planar, without_transform
from localearth.functions.geometry_operations import like, of
from localearth.functions.support import refuse
from localearth.registry import function
from localearth.values.collection import Collection, of_elements
from localearth.values.ellipsoid import GEOD
from localearth.values.feature import Feature
from localearth.values.function import ErrorMargin
from localearth.values.geometry import LINES, Geometry, parts, valid
from localearth.values.projection import Projection, apply

_PLANE = "With `proj`, the result is in that projection. `maxError` is ignored."


@function(
    "Geometry.simplify",
    "Feature.simplify",
    note="Douglas-Peucker: within the error, but Google may keep other vertices. With `proj`, in the plane of that "
    "projection.",
)
def simplify(value: Any, margin: ErrorMargin, projection: Projection | None) -> Any:
    """The geometry with fewer vertices, nowhere further from it than an error."""
    geometry = of(value)
    if margin.value is None or (projection is None and margin.unit != "meters"):
        raise refuse("maxError", margin.unit, "use metres, or units of `proj`")
    if projection is not None:
        unit = projection.nominal_scale if margin.unit == "meters" else 1
        return like(value, planar(shapely.simplify(flat(geometry, projection), margin.value / unit), projection))
    if geometry.shape.is_empty or geometry.shape.geom_type.endswith("Point"):
        return like(value, Geometry(geometry.lonlat))
    plane, local = geometry.local()
    return like(value, plane.back(shapely.simplify(local, margin.value, preserve_topology=True)))


@function("Geometry.cutLines", "Feature.cutLines", note=_PLANE)
def cut_lines(value: Any, distances: list[float], _margin: Any, projection: Projection | None) -> Any:
    """Lines cut at distances along them, metres; other geometries become empty."""
    cuts = sorted({float(each) for each in distances if each > 0})
    given = of(value)
    if projection is not None:
        lines = _lines(given.in_pixels(without_transform(projection)))
        flat_pieces = [piece for line in lines for piece in _cut_flat(line, cuts)]
        return like(value, planar(MultiLineString(flat_pieces), projection))
    lines = _lines(given.vertices("EPSG:4326") if given.geodesic else given.followed(given.drawn))
    pieces = [piece for line in lines for piece in _cut(np.asarray(line.coords)[:, :2].tolist(), cuts)]
    return like(value, Geometry(MultiLineString(pieces)))


def _lines(shape: BaseGeometry) -> list[BaseGeometry]:
    return [part for part in parts(shape) if part.geom_type in LINES and not part.is_empty]


def _cut_flat(line: BaseGeometry, cuts: list[float]) -> list[BaseGeometry]:
    ends = [0.0, *(cut for cut in cuts if cut < line.length), line.length]
    return [substring(LineString(line.coords), first, last) for first, last in itertools.pairwise(ends)]


def _cut(points: list[list[float]], cuts: list[float]) -> list[LineString]:
    pieces, current, gone, left = [], [points[0]], 0.0, list(cuts)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        azimuth, _, length = GEOD.inv(x0, y0, x1, y1)
        while left and left[0] < gone + length - 1e-9:
            x, y, _ = GEOD.fwd(x0, y0, azimuth, left.pop(0) - gone)
            pieces.append(LineString([*current, (x, y)]))
            current = [[x, y]]
        current.append([x1, y1])
        gone += length
    return [*pieces, LineString(current)] if len(current) > 1 else pieces


def _nearest(left: Any, right: Any, projection: Projection | None) -> tuple[Geometry, Geometry] | None:
    one, two = of(left), of(right)
    if one.shape.is_empty or two.shape.is_empty:
        return None
    if projection is None:
        (x0, y0), (x1, y1) = nearest_points(one, two)
        return Geometry(Point(x0, y0)), Geometry(Point(x1, y1))
    first, last = shapely.shortest_line(flat(one, projection), flat(two, projection)).coords
    return planar(Point(first), projection), planar(Point(last), projection)


@function("Geometry.closestPoint", "Feature.closestPoint", note=_PLANE)
def closest_point(left: Any, right: Any, _margin: Any, projection: Projection | None) -> Geometry | None:
    """The point of the right geometry that is nearest to the left one."""
    found = _nearest(left, right, projection)
    return found and found[1]


@function("Geometry.closestPoints", "Feature.closestPoints", note=_PLANE)
def closest_points(left: Any, right: Any, _margin: Any, projection: Projection | None) -> dict[str, Geometry]:
    """The points of both geometries that are nearest to each other."""
    found = _nearest(left, right, projection)
    return {} if found is None else {"left": found[0], "right": found[1]}


CELLS = 100_000
"""Maximum number of cells around a geometry."""


@function("Geometry.coveringGrid", note="Cells row by row; their ids are `column,row`.")
def covering_grid(geometry: Geometry, projection: Projection, scale: float | None) -> Collection:
    """The cells of a projection that intersect a geometry."""
    grid = projection if scale is None else projection.at_scale(scale)
    shape = valid(geometry.in_pixels(grid))
    if shape.is_empty:
        raise EarthEngineError("The geometry is empty.")
    west, south, east, north = map(math.floor, shape.bounds)
    if (east - west + 1) * (north - south + 1) > CELLS:
        raise EarthEngineError(f"The geometry has more than {CELLS} cells; use a larger scale.")
    shapely.prepare(shape)
    cells = []
    for row, col in itertools.product(range(south, north + 1), range(west, east + 1)):
        if shapely.intersects(shape, box(col, row, col + 1, row + 1)):
            corners = [(col, row), (col + 1, row), (col + 1, row + 1), (col, row + 1)]
            places = [apply(grid.transform, x, y) for x, y in corners]
            cell = Geometry(shapely.Polygon(places), Projection(grid.crs), False)
            cells.append(Feature(cell, {"system:index": f"{col},{row}"}))
    return of_elements(cells, False)
