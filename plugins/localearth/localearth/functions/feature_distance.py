"""`FeatureCollection.distance`: metres from each pixel to the nearest feature."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPoint

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.ellipsoid import GEOD
from localearth.values.geometry import Geometry, Plane, parts
from localearth.values.image import Image, ImageBand, Pull, of_bands
from localearth.values.pixel_type import DOUBLE
from localearth.values.projection import METRES_PER_DEGREE, WGS84

_BLOCK = 200_000.0
"""Side of the squares, in metres, that are computed in a plane of their own."""

_FURTHEST = 1_000_000.0
"""Maximum radius, metres: in a plane, the nearest point of a feature must also be the nearest on the globe."""

_TURNS = np.array([-360.0, 0.0, 360.0])
"""Degrees by which a piece may be a turn around the globe away."""


def _pieces(geometry: Geometry) -> NDArray[Any]:
    """The points and the segments of the lines and outlines of a geometry, in EPSG:4326."""
    found: list[NDArray[Any]] = []
    for part in parts(geometry.lonlat):
        line = part.boundary if part.geom_type == "Polygon" else part
        for each in parts(line):
            points = shapely.get_coordinates(each)
            if len(points) == 1:
                found.append(shapely.points(points))
            else:
                found.append(shapely.linestrings(np.stack([points[:-1], points[1:]], axis=1)))
    return np.concatenate([*found, np.zeros(0, object)])


def _blocks(grid: Grid) -> Iterator[tuple[slice, slice]]:
    """The rows and columns of squares of a grid."""
    side = max(int(_BLOCK / max(grid.projection.nominal_scale, 1e-3)), 1)
    for top in range(0, grid.height, side):
        for left in range(0, grid.width, side):
            yield slice(top, top + side), slice(left, left + side)


def _metres(pieces: NDArray[Any], lon: NDArray[Any], lat: NDArray[Any], radius: float) -> NDArray[Any]:
    """The distance of each point to the nearest piece; infinite beyond the radius."""
    # The points may be on both sides of 180 degrees.
    turned = lon - 360 * np.round((lon - lon[0]) / 360)
    plane = Plane(float(turned.mean()), float(lat.mean()))
    # Distances in the plane differ a little from those on the ellipsoid; the exact radius is applied at the end.
    reach = radius * 1.02
    found = np.full(lon.shape, np.inf)
    margin = (reach + 2 * _BLOCK) / METRES_PER_DEGREE
    across = margin / max(np.cos(np.radians(min(abs(plane.lat) + margin, 89))), 0.02)
    around = shapely.box(
        plane.lon - across + _TURNS, plane.lat - margin, plane.lon + across + _TURNS, plane.lat + margin
    )
    near = pieces[shapely.intersects(shapely.envelope(pieces)[:, None], around).any(axis=1)] if across < 180 else pieces
    points = shapely.points(plane.onto(np.column_stack([lon, lat])))
    flat = shapely.transform(near, plane.onto)
    at, piece = shapely.STRtree(flat).query_nearest(points, max_distance=reach, all_matches=False)
    if len(at):
        ends = shapely.get_coordinates(shapely.shortest_line(points[at], flat[piece]))[1::2]
        there = shapely.get_coordinates(plane.back(MultiPoint(ends)).shape)
        found[at] = GEOD.inv(lon[at], lat[at], there[:, 0], there[:, 1])[2]
    return np.where(found <= radius, found, np.inf)


@function(
    "Collection.distance",
    note="On the ellipsoid; Google's distances are on a sphere, and may differ by 0.5 %. `searchRadius` at most "
    "1000 km. `maxError` is ignored.",
)
def distance(collection: Collection, radius: float, _max_error: float) -> Image:
    """The distance to the nearest point, line or outline of a polygon, metres; masked beyond a radius."""
    if not 0 < radius <= _FURTHEST:
        raise EarthEngineError(f"argument 'searchRadius': must be above 0 and at most {_FURTHEST:.0f}, not {radius:g}.")

    def source(grid: Grid, _pull: Pull) -> Sampled:
        shapes = [each.geometry for each in collection.elements if each.geometry is not None]
        pieces = np.concatenate([*map(_pieces, shapes), np.zeros(0, object)])
        lon, lat = grid.centres_in("EPSG:4326")
        found = np.full(grid.shape, np.inf)
        for rows, cols in _blocks(grid):
            x, y = lon[rows, cols], lat[rows, cols]
            found[rows, cols] = _metres(pieces, x.ravel(), y.ravel(), radius).reshape(x.shape)
        good = np.isfinite(found)
        return np.where(good, found, 0), good

    return of_bands([ImageBand("distance", DOUBLE, WGS84, source)])
