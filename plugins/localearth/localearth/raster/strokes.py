"""Geometries in the columns and rows of a grid, and strokes along their lines."""

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry import GeometryCollection, box
from shapely.geometry.base import BaseGeometry

from localearth.raster.grid import Grid, outline_lonlat
from localearth.values.edges import turned
from localearth.values.geometry import Geometry, to_pixels

EDGE = 1e-6
"""Fraction of a pixel by which centres are moved right and down: of two centres that are equally near, one counts."""

MITRE = 10.0
"""Longer corners of strokes are cut off; the default of Java2D."""


def in_grid(geometry: Geometry, grid: Grid, reach: float = 0) -> BaseGeometry:
    """A geometry in fractional columns and rows of a grid; empty if it is more than `reach` pixels away."""
    outline = outline_lonlat(grid.around(math.ceil(reach))).bounds
    margin = 0.01 * (outline[2] - outline[0] + outline[3] - outline[1])
    around = box(*outline).buffer(margin)
    if grid.crs == "EPSG:4326":
        # A grid may extend beyond 180 degrees, where a geometry is a turn away.
        drawn = turned(geometry.drawn, 0)
        turns = [each for turn in (-360, 0, 360) if (each := translate(drawn, turn)).intersects(around)]
        return GeometryCollection([to_pixels(each, grid.projection) for each in turns])
    # The outline of another grid across 180 degrees is on the wrong side of the globe.
    if outline[2] - outline[0] < 180 and not geometry.globe.intersects(around):
        return GeometryCollection()
    return geometry.in_pixels(grid.projection)


def stroke(line: BaseGeometry, width: float) -> BaseGeometry:
    """The area of a line of some width, with square ends and mitred corners."""
    return line.buffer(width / 2, cap_style="square", join_style="mitre", mitre_limit=MITRE)


def touched(shape: BaseGeometry, height: int, width: int) -> tuple[slice, slice]:
    """The rows and columns of a raster that a shape may touch."""
    west, north, east, south = shape.bounds
    top, bottom = np.clip([math.floor(north), math.floor(south) + 1], 0, height)
    left, right = np.clip([math.floor(west), math.floor(east) + 1], 0, width)
    return slice(top, bottom), slice(left, right)


def centres_in(shape: BaseGeometry, rows: slice, cols: slice) -> NDArray[np.bool_]:
    """Whether the centres of these pixels are in a shape, (rows, columns)."""
    shapely.prepare(shape)
    y, x = np.mgrid[rows, cols] + 0.5 + EDGE
    return np.asarray(shapely.intersects_xy(shape, x, y))
