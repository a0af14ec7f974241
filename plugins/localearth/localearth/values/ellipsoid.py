"""The ellipsoid WGS 84, and areas on it."""

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]

GEOD = Geod(ellps="WGS84")
"""Lengths, directions and areas along geodesics."""

AUTHALIC = 6371007.1809
"""Radius of the sphere with the area of WGS 84, metres."""

E2 = 0.0066943799901413165
"""Square of the eccentricity of WGS 84."""


def equal_area(lat: Floats) -> Floats:
    """The sine of the authalic latitude: equal steps of it are equal areas. Between -1 and 1."""
    e = math.sqrt(E2)
    pole = 1.0 + (1.0 - E2) / (2.0 * e) * math.log((1.0 + e) / (1.0 - e))
    s = np.sin(np.radians(lat))
    q = (1.0 - E2) * (s / (1.0 - E2 * s * s) + np.arctanh(e * s) / e)
    return np.asarray(q / pole)


def planar_area(shape: BaseGeometry) -> float:
    """The area on the ellipsoid of a shape whose edges are straight in longitude and latitude, square metres."""
    dense = shapely.segmentize(shape, 0.005)
    flat = shapely.transform(dense, lambda xy: np.column_stack([np.radians(xy[:, 0]), equal_area(xy[:, 1])]))
    return float(flat.area) * AUTHALIC**2
