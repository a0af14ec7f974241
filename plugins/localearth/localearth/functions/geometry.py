"""Geometries: measures, predicates and overlays.

Areas, lengths, distances and buffers are measured on the ellipsoid or, with `proj`, in the plane of a projection.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.functions.support import refuse
from localearth.registry import function
from localearth.values.edges import middle, turned
from localearth.values.ellipsoid import GEOD
from localearth.values.geometry import LINES, UNBOUNDED, Geometry, Plane, around, coordinates, parts, to_pixels, valid
from localearth.values.projection import WGS84, Projection

_PAIRS = 4_000_000
"""Pairs of vertices that are compared at once."""

_FURTHEST = 1_500_000
"""Metres from the centre of a geometry to the end of its buffer."""


def without_transform(projection: Projection) -> Projection:
    """The projection of a length, which must not have a transform: its units could be pixels or those of the CRS."""
    if projection.transform != WGS84.transform:
        raise refuse("proj", list(projection.transform), "use a projection without a transform")
    return projection


def flat(geometry: Geometry, projection: Projection) -> BaseGeometry:
    """The valid shape in the plane of a projection, in pixels if it has a transform; its edges are followed."""
    return valid(geometry.in_pixels(projection))


def planar(shape_: BaseGeometry, projection: Projection) -> Geometry:
    """A shape in the plane of a projection as a geometry."""
    return Geometry(shape_, projection, geodesic=False)


def buffered(geometry: Geometry, distance: float) -> Geometry:
    """A geometry with a buffer in metres, in an azimuthal equidistant projection at its centroid."""
    plane, local = geometry.local()
    furthest = 0 if local.is_empty else np.hypot(*shapely.get_coordinates(local).T).max()
    # Distances across the centre's direction are too long by a sixth of the squared angle: 0.9 % at 1500 km.
    if furthest + distance > _FURTHEST:
        raise EarthEngineError(
            f"the local Earth Engine makes buffers up to {_FURTHEST / 1000:g} km from the centre of a geometry, where "
            "they are within 1 %."
        )
    return plane.back(local.buffer(distance, quad_segs=16))


def centroid(geometry: Geometry) -> Geometry:
    """The centre of the highest-dimensional parts, in the same local projection."""
    if geometry.type == "MultiPolygon" and sum(
        valid(part).area for part in parts(geometry.drawn)
    ) > geometry.lonlat.area * (1 + 1e-9):
        raise EarthEngineError(
            "The polygons overlap: the local Earth Engine does not know whether the overlap counts once or twice; use "
            "dissolve() first."
        )
    plane, local = geometry.local()
    return plane.back(local.centroid)


def distance(left: Geometry, right: Geometry) -> float:
    """Metres between the nearest points."""
    if left.shape.is_empty or right.shape.is_empty:
        raise no_distance()
    if left.globe.intersects(right.globe):
        return 0.0
    (x0, y0), (x1, y1) = nearest_points(left, right)
    return float(GEOD.inv(x0, y0, x1, y1)[2])


def no_distance() -> EarthEngineError:
    """The error for the distance to an empty geometry."""
    return EarthEngineError("the local Earth Engine knows no distance to an empty geometry; remove it first.")


def nearest_points(left: Geometry, right: Geometry) -> tuple[tuple[float, float], tuple[float, float]]:
    """The points of two geometries that are nearest to each other on the ground, longitude and latitude.

    They are found in a plane between them: there no distance is too short, and theirs is right. The first plane is
    between the nearest vertices, and two more are between the points found.
    """
    one = left.followed(left.lonlat)
    two = turned(right.followed(right.lonlat), middle(one))
    line = _near_vertices(one, two)
    for _ in range(3):
        centre = line.centroid
        plane = Plane(centre.x, centre.y)
        near = shapely.shortest_line(*(shapely.transform(each, plane.onto) for each in (one, two)))
        line = plane.back(near).shape
    first, last = line.coords
    return first, last


def _near_vertices(one: BaseGeometry, two: BaseGeometry) -> BaseGeometry:
    """A line between the nearest vertices of two shapes in degrees; of very many vertices, every second or third."""
    vertices = [shapely.get_coordinates(shape) for shape in (one, two)]
    step = math.ceil(math.sqrt(len(vertices[0]) * len(vertices[1]) / _PAIRS))
    left, right = (points[::step] for points in vertices)
    first, last = np.unravel_index((_on_sphere(left) @ _on_sphere(right).T).argmax(), (len(left), len(right)))
    return shapely.LineString([left[first], right[last]])


def _on_sphere(points: NDArray[np.float64]) -> NDArray[np.float64]:
    lon, lat = np.radians(points).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


SHAPES: dict[str, tuple[str, Callable[[BaseGeometry], BaseGeometry]]] = {
    "bounds": ("The box around it.", around),
    "convexHull": ("Its convex hull.", lambda shape: shape.convex_hull),
    "dissolve": ("The union of its parts.", lambda shape: shapely.union_all(list(map(valid, parts(shape))))),
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
MEASURES: dict[str, tuple[str, Callable[[Geometry], float], Callable[[list[BaseGeometry]], float]]] = {
    "area": (
        "The area on the ellipsoid, square metres.",
        lambda geometry: geometry.area(),
        lambda pieces: sum(valid(piece).area for piece in pieces),
    ),
    "length": (
        "The length of its lines on the ellipsoid, metres.",
        lambda geometry: geometry.length(LINES),
        lambda pieces: sum(piece.length for piece in pieces if piece.geom_type in LINES),
    ),
    "perimeter": (
        "The perimeter on the ellipsoid, metres.",
        lambda geometry: geometry.length(("Polygon",)),
        lambda pieces: sum(piece.length for piece in pieces if piece.geom_type == "Polygon"),
    ),
}
"""Names of measures, with a text, the measure on the ground, and that of parts in a plane."""


@function("Geometry.geometries")
def geometries(geometry: Geometry) -> list[Geometry]:
    """The single geometries of a collection; otherwise the geometry itself."""
    found = getattr(geometry.shape, "geoms", [geometry.shape])
    return [Geometry(part, geometry.projection, geometry.geodesic) for part in found]


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
def is_unbounded(geometry: Geometry) -> bool:
    """Whether it is the geometry of an image without bounds."""
    return geometry is UNBOUNDED


@function("Geometry.projection")
def projection_of(geometry: Geometry) -> Projection:
    """Its projection."""
    return geometry.projection


def transformed(geometry: Geometry, projection: Projection, geodesic: bool | None) -> Geometry:
    """The geometry in another projection; if its edges become others, with points that follow them.

    Coordinates are pixels of a projection with a transform: CoastSat and other programs that run on Google's servers
    round them to whole pixels.
    """
    curved = projection.crs == "EPSG:4326" if geodesic is None else geodesic
    if curved:
        given = geometry if geometry.geodesic else Geometry(geometry.followed(geometry.drawn))
        shape = to_pixels(given.vertices(projection.crs), projection)
    else:
        shape = geometry.in_pixels(projection)
    return Geometry(shape, projection, curved)
