"""The WGS84 ellipsoid: radii of curvature, and the equal-area latitude.

Source: Snyder 1987, Map Projections - A Working Manual (Professional Paper 1395), equations 3-12, 3-18, 4-18, 4-20.
"""

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]

A = 6_378_137.0
"""Semi-major axis, metres."""

E2 = 0.0066943799901413165
"""Square of the eccentricity."""

_E = math.sqrt(E2)
_POLE = 1.0 + (1.0 - E2) / (2.0 * _E) * math.log((1.0 + _E) / (1.0 - _E))
"""q at the pole: the ellipsoid's area is 2 pi a^2 times it."""

_EDGE = 0.25
"""Longest edge, degrees, that is taken as straight when areas are measured."""


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
    """The latitude (degrees, to about 1 cm) at which `equal_area` has a value."""
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
    """Longitudes brought to [-180, 180); those that are there already stay as they are, to the last bit."""
    return np.asarray(np.where((lon >= -180.0) & (lon < 180.0), lon, (lon + 180.0) % 360.0 - 180.0))
