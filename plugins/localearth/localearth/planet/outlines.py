"""Outlines: converts polygons in projected coordinates to footprints in longitude and latitude, and to pixels."""

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon, box
from shapely.geometry.polygon import orient

from localearth.planet.hashing import Floats
from localearth.planet.orbits import Orbit
from localearth.values.projection import reproject

Point = tuple[float, float]
"""Coordinates in a CRS."""

Line = tuple[float, float, float]
"""(a, b, c): a point is inside if a x + b y + c >= 0."""


def lonlat(outline: Polygon, crs: str, around: float) -> Polygon | None:
    """A projected polygon in EPSG:4326.

    A polygon that crosses 180 degrees is cut there; the part on the side of the longitude `around` is kept.

    Returns:
        The polygon, counter-clockwise; None when it is empty.
    """
    ring = np.asarray(shapely.segmentize(outline, 12_000.0).exterior.coords)
    lon, lat = reproject(crs, "EPSG:4326", ring[:, 0], ring[:, 1])
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    lon = (lon - around + 180.0) % 360.0 - 180.0 + around
    shape = Polygon(np.round(np.column_stack([lon, lat]), 9))
    if not shape.is_valid:  # it contains the pole
        return None
    if lon.min() < -180.0 or lon.max() > 180.0:
        shape = shape.intersection(box(-180.0, -90.0, 180.0, 90.0))
    if not isinstance(shape, Polygon) or shape.is_empty:
        return None
    return orient(shape)


def side(first: Point, second: Point, inside: Point) -> Line:
    """The line through two points, with a third point on its inner side."""
    a, b = second[1] - first[1], first[0] - second[0]
    length = math.hypot(a, b)
    a, b = a / length, b / length
    c = -(a * first[0] + b * first[1])
    sign = 1.0 if a * inside[0] + b * inside[1] + c >= 0 else -1.0
    return round(sign * a, 9), round(sign * b, 9), round(sign * c, 3)


def projected(crs: str, lon: Floats, lat: Floats, around: float) -> list[Point]:
    """Points in a CRS; longitudes are those near `around`."""
    x, y = reproject("EPSG:4326", crs, (lon - around + 180.0) % 360.0 - 180.0 + around, lat)
    return [(float(a), float(b)) for a, b in zip(x, y, strict=True)]


def strip_corners(orbit: Orbit, relative: int, angles: Floats, crs: str, around: float) -> tuple[Point, ...]:
    """The corners of a part of an orbit's strip, in a CRS, whole metres.

    Args:
        orbit: the orbit.
        relative: the relative orbit.
        angles: angles along the track of the part's beginning, middle and end, radians.
        crs: the CRS.
        around: longitude of the centre, degrees.

    Returns:
        The corners left of the track at the beginning and at the end, then right of it at the end and at the beginning.
    """
    left, right = (
        projected(crs, *orbit.ground(relative, angles, across), around)
        for across in (-orbit.swath / 2, orbit.swath / 2)
    )
    return tuple((round(x), round(y)) for x, y in (left[0], left[2], right[2], right[0]))


def sides(corners: Sequence[Point]) -> tuple[Line, ...]:
    """The sides of a convex polygon."""
    centre = Polygon(corners).centroid
    pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
    return tuple(side(first, second, (centre.x, centre.y)) for first, second in pairs)


def within(lines: Sequence[Line], x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Whether points are inside all lines; x is (cols,) and y (rows,)."""
    inside = np.ones((y.size, x.size), bool)
    for a, b, c in lines:
        inside &= a * x[None, :] + (b * y + c)[:, None] >= 0.0
    return inside


def clipped(outline: Polygon, lines: Sequence[Line]) -> Polygon:
    """The part of a convex polygon inside all lines; may be empty."""
    ring = list(outline.exterior.coords)[:-1]
    for a, b, c in lines:
        kept: list[Point] = []
        for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
            d0, d1 = a * x0 + b * y0 + c, a * x1 + b * y1 + c
            if d0 >= 0:
                kept.append((x0, y0))
            if (d0 >= 0) != (d1 >= 0):
                t = d0 / (d0 - d1)
                kept.append((x0 + t * (x1 - x0), y0 + t * (y1 - y0)))
        ring = kept
        if len(ring) < 3:
            return Polygon()
    return Polygon(ring)


def utm(lon: float, lat: float) -> str:
    """The UTM zone of a location."""
    zone = min(int((lon + 180.0) // 6.0) + 1, 60)
    return f"EPSG:{326 if lat >= 0 else 327}{zone:02d}"
