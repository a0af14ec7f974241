"""Square tiles on the ellipsoid WGS84, and the geometry that they need."""

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
import shapely
from attrs import astuple, frozen
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from mmearth_core.errors import TilesError

Floats = NDArray[np.float64]


A = 6_378_137.0
"""Semi-major axis of WGS84, metres."""

E2 = 0.0066943799901413165
"""Square of its eccentricity."""

_E = math.sqrt(E2)

_POLE = 1.0 + (1.0 - E2) / (2.0 * _E) * math.log((1.0 + _E) / (1.0 - _E))
"""q at the pole: the ellipsoid's area is 2 pi a^2 times it."""


_EDGE = 0.25
"""Edges are split into pieces of at most this length, degrees, when areas are measured."""


def radii(lat: Floats) -> tuple[Floats, Floats]:
    """Radii of curvature at a latitude (degrees): north-south and east-west, metres."""
    w = 1.0 - E2 * np.sin(np.radians(lat)) ** 2
    return A * (1.0 - E2) / w**1.5, A / np.sqrt(w)


def equal_area(lat: Floats) -> Floats:
    """The sine of the authalic latitude: equal steps of it are equal areas. Between -1 and 1."""
    s = np.sin(np.radians(lat))
    q = (1.0 - E2) * (s / (1.0 - E2 * s * s) + np.arctanh(_E * s) / _E)
    return np.asarray(q / _POLE)


def latitude(height: Floats) -> Floats:
    """The inverse of `equal_area`: the latitude in degrees, to about 1 cm (the usual series, Snyder 1987, 3-18)."""
    beta = np.arcsin(np.clip(height, -1.0, 1.0))
    e4, e6 = E2 * E2, E2 * E2 * E2
    phi = (
        beta
        + (E2 / 3 + 31 * e4 / 180 + 517 * e6 / 5040) * np.sin(2 * beta)
        + (23 * e4 / 360 + 251 * e6 / 3780) * np.sin(4 * beta)
        + (761 * e6 / 45360) * np.sin(6 * beta)
    )
    return np.asarray(np.degrees(phi))


def area_km2(shape: BaseGeometry) -> float:
    """The area of polygons whose edges are straight in longitude and latitude, square kilometres."""
    dense = shapely.segmentize(shape, _EDGE)
    flat = shapely.transform(
        dense, lambda points: np.column_stack([np.radians(points[:, 0]), equal_area(points[:, 1])])
    )
    return float(shapely.area(flat)) * A * A * _POLE / 2 / 1e6


def within_180(lon: Floats) -> Floats:
    """Longitudes brought to [-180, 180); those already in it are unchanged to the last bit."""
    return np.asarray(np.where((lon >= -180.0) & (lon < 180.0), lon, (lon + 180.0) % 360.0 - 180.0))


DECIMALS = 6
"""Decimals of the polygons' coordinates, degrees: a decimetre. MMEarth-data uses its tiles as the `geojson` package
reads them, which rounds so; its windows and centroids are those of the rounded polygons."""


_WIDEST = 45.0
"""Half of a tile's width, degrees of longitude; a wider one would not be a square any more."""


@frozen(eq=False)
class Places:
    """Tiles as arrays of equal length, degrees.

    Attributes:
        lon: longitude of each centroid.
        lat: latitude of each centroid.
        west: west edge of each square; may be below -180.
        south: its south edge.
        east: its east edge; may be above 180.
        north: its north edge.
    """

    lon: Floats
    lat: Floats
    west: Floats
    south: Floats
    east: Floats
    north: Floats

    def __len__(self) -> int:
        return len(self.lon)

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Places":
        """A selection of the tiles."""
        return Places(*(array[which] for array in astuple(self, recurse=False)))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> "Places":
        """The tiles of several, in order."""
        if not parts:
            return Places(*(np.empty(0) for _ in range(6)))
        return Places(*(np.concatenate(arrays) for arrays in zip(*map(astuple, parts), strict=True)))

    def polygons(self) -> NDArray[np.object_]:
        """The squares as polygons, counter-clockwise."""
        return np.asarray(shapely.box(self.west, self.south, self.east, self.north), dtype=object)


@np.errstate(invalid="ignore")
def rounded(degrees: Floats) -> Floats:
    """Coordinates rounded to `DECIMALS`, as Python's `round` does.

    Of halves, such as 0.0000005, NumPy sees only the product with 10**6, which is not exact.
    """
    result = np.round(degrees, DECIMALS)
    halves = np.abs(np.abs(degrees) * 10**DECIMALS % 1 - 0.5) < 1e-3
    result[halves] = [round(number, DECIMALS) for number in degrees[halves].tolist()]
    return np.asarray(result)


def half_sides(lat: Floats, size: float) -> tuple[Floats, Floats]:
    """Half the width and half the height of a square at some latitudes, in degrees.

    Args:
        lat: degrees.
        size: metres.
    """
    north_south, east_west = radii(lat)
    height = np.degrees(size / 2 / north_south)
    width = np.degrees(size / 2 / (east_west * np.cos(np.radians(lat))))
    return np.asarray(width), np.asarray(height)


def has_room(lat: Floats, size: float) -> NDArray[np.bool_]:
    """Where a square of that size is possible: not at the poles."""
    width, height = half_sides(np.clip(lat, -89.999, 89.999), size)
    return np.asarray((np.abs(lat) + height < 90.0) & (width < _WIDEST))


def squares(lon: Floats, lat: Floats, size: float) -> Places:
    """Squares around places.

    Args:
        lon: degrees; brought to [-180, 180).
        lat: degrees.
        size: width and height, metres.

    Raises:
        TilesError: when one is too near a pole for a square of that size.
    """
    lon, lat = within_180(np.asarray(lon, np.float64)), np.asarray(lat, np.float64)
    bad = np.flatnonzero(~has_room(lat, size))
    if bad.size:
        why = f"it is too near the pole ({bad.size} such places in all). Remove it, or choose a smaller --size"
        raise TilesError(f"A tile of {size:g} m cannot be at latitude {lat[bad[0]]:g}: {why}.")
    width, height = half_sides(lat, size)
    edges = (lon - width, lat - height, lon + width, lat + height)
    return Places(lon, lat, *(np.round(edge, DECIMALS) for edge in edges))
