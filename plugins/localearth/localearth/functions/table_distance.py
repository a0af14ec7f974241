"""Distances from pixels to the features of a collection."""

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.geometry import Plane, parts
from localearth.values.image import Image, ImageBand, Pull, of_bands
from localearth.values.pixel_type import DOUBLE
from localearth.values.projection import METRES_PER_DEGREE, WGS84, lookup, metres_per_unit

_BLOCK = 200_000
"""Largest side of the blocks of pixels that share a plane, metres: distances in it are right to 0.02 percent."""

_STEP = 0.05
"""Longest straight part of an edge, degrees: half a metre from its place."""


def _edge(shape: BaseGeometry) -> BaseGeometry:
    """A point or line, or the boundary of a polygon, inside which distances are measured too (documented)."""
    return shape.boundary if shape.geom_type == "Polygon" else shape


def _block(block: Grid, edges: list[BaseGeometry], radius: float) -> NDArray[np.float64]:
    """The distance of each pixel to the nearest edge, metres; infinite beyond the radius."""
    lon, lat = block.centres_in("EPSG:4326")
    found = np.full(block.shape, np.inf)
    if not np.isfinite(lon).all() or not np.isfinite(lat).all():
        return found
    high = radius / METRES_PER_DEGREE * 1.02
    wide = high / max(np.cos(np.radians(min(89.0, np.abs(lat).max() + high))), 0.02)
    place = box(lon.min() - wide, lat.min() - high, lon.max() + wide, lat.max() + high)
    near = [shapely.clip_by_rect(edge, *place.bounds) for edge in edges if edge.intersects(place)]
    if near:
        plane = Plane(float(lon.mean()), float(lat.mean()))
        # Long edges, which are straight in degrees, are bent in the plane.
        target = shapely.transform(shapely.segmentize(shapely.union_all(near), _STEP), plane.onto)
        points = shapely.points(plane.onto(np.column_stack((lon.ravel(), lat.ravel()))))
        found = shapely.distance(target, points).reshape(block.shape)
    return np.where(found <= radius, found, np.inf)


@function(
    "Collection.distance",
    note="On the ellipsoid: up to 0.6 percent from Google's, which are on a sphere. `maxError` is ignored. Not across "
    "180 degrees.",
)
def distance(collection: Collection, radius: float, _margin: float) -> Image:
    """The distance to the nearest point, line or boundary in metres; masked beyond the radius."""
    if not 0 < radius <= 1_000_000:
        raise EarthEngineError(f"argument 'searchRadius': up to 1,000,000 metres, not {radius:g}.")

    def source(grid: Grid, _pull: Pull) -> Sampled:
        geometries = [each.geometry for each in collection.elements if each.geometry is not None]
        edges = [_edge(part) for each in geometries for part in parts(each.globe)]
        unit = METRES_PER_DEGREE if lookup(grid.crs).is_geographic else metres_per_unit(grid.crs)
        side = int(np.clip(_BLOCK / (unit * abs(grid.transform[0])), 1, 256))
        found = np.empty(grid.shape)
        for top in range(0, grid.height, side):
            for left in range(0, grid.width, side):
                part = found[top : top + side, left : left + side]
                part[:] = _block(grid.window(top, left, *part.shape), edges, radius)
        good = np.isfinite(found)
        return np.where(good, found, 0), good

    return of_bands([ImageBand("distance", DOUBLE, WGS84, source)])
