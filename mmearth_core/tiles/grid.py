"""The pixel grid of a tile: pixels of 10 m in the anchor's CRS, with edges at multiples of 10 m.

So an anchor's bands of 10 m on such a grid are never resampled. All modalities of a tile share the grid.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from affine import Affine
from attrs import frozen
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from shapely.geometry import Polygon

from mmearth_core.errors import TilesError
from mmearth_core.tiles.squares import rounded

PIXEL = 10
"""Pixel size, metres, as in MMEarth. No other module of the core knows a number for it."""

MARGIN = 6.0
"""How far outside the area of its CRS a tile may be, degrees of a great circle (667 km): the width of a UTM zone.

Satellite images reach up to 300 km into the next zone (zone 32V), and some countries use one zone for all their area
(Norway, Italy). Lengths in the next zone are wrong by 1.2 % at most. A tile farther away has the CRS of another place.
"""


@frozen
class Grid:
    """A square grid of square pixels, north up.

    Attributes:
        crs: a projected CRS in metres.
        left: x of the west edge, metres, a multiple of `PIXEL`.
        top: y of the north edge, metres, a multiple of `PIXEL`.
        size: rows and columns.
    """

    crs: str
    left: int
    top: int
    size: int

    @property
    def affine(self) -> Affine:
        """From (column, row) to (x, y)."""
        return Affine(PIXEL, 0, self.left, 0, -PIXEL, self.top)

    def request(self) -> dict[str, Any]:
        """The `grid` of an `image:computePixels` request."""
        x = {"scaleX": PIXEL, "shearX": 0, "translateX": self.left}
        y = {"shearY": 0, "scaleY": -PIXEL, "translateY": self.top}
        return {"dimensions": {"width": self.size, "height": self.size}, "affineTransform": x | y, "crsCode": self.crs}


def tile_grid(polygon: Polygon, crs: str, size: int) -> Grid:
    """MMEarth's window: the polygon's bounds snapped outward to whole pixels, then the middle `size` pixels.

    With h rows and w columns after snapping, rows start at (h - size) // 2 and columns at
    (w - size) // 2. A polygon smaller than that grows by the same rule.

    Args:
        polygon: the tile, EPSG:4326.
        crs: a projected CRS in metres.
        size: number of rows and of columns.

    Raises:
        TilesError: when the CRS is unknown, not in metres, or does not cover the polygon.
    """
    projected = shapely.transform(polygon, _transformer(crs).transform, interleaved=False)
    bounds = shapely.bounds(projected)
    lon, lat = polygon.centroid.coords[0]
    if degrees_outside(crs, lon, lat) > MARGIN or not math.isfinite(bounds.sum()):
        raise TilesError(
            f"The anchor's CRS {crs!r} does not cover the tile at longitude {lon:.4f}, latitude {lat:.4f}. "
            "Give the tile a CRS of its place, such as its UTM zone."
        )
    # Micrometres are rounding errors of the projection; they must not move an edge to the next pixel.
    west, south, east, north = (round(float(value) / PIXEL, 7) for value in bounds)
    left, top = math.floor(west), math.ceil(north)
    columns, rows = math.ceil(east) - left, top - math.floor(south)
    return Grid(crs, (left + (columns - size) // 2) * PIXEL, (top - (rows - size) // 2) * PIXEL, size)


def outline(grid: Grid) -> Polygon:
    """A polygon of which `tile_grid` makes this grid, EPSG:4326; its longitudes may continue past 180.

    It is a quarter of a pixel inside the grid, so that no edge moves to another pixel when coordinates are rounded.
    """
    inset = PIXEL / 4
    west, north, side = grid.left + inset, grid.top - inset, grid.size * PIXEL - 2 * inset
    x, y = shapely.get_coordinates(shapely.box(west, north - side, west + side, north)).T
    lon, lat = _transformer(grid.crs).transform(x, y, direction="INVERSE")
    return Polygon(rounded(np.column_stack([lon[0] + (lon - lon[0] + 180) % 360 - 180, lat])))


@lru_cache(maxsize=128)
def _transformer(crs: str) -> Transformer:
    try:
        target = CRS.from_user_input(crs)
    except CRSError as error:
        raise TilesError(f"CRS {crs!r} is unknown: {error}") from error
    if not target.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in target.axis_info[:2]):
        raise TilesError(
            f"CRS {crs!r} ({target.name}) is not projected in metres; a grid of {PIXEL} m needs one, such as UTM."
        )
    return Transformer.from_crs("EPSG:4326", target, always_xy=True)


def degrees_outside(crs: str, lon: float, lat: float) -> float:
    """How far a place is outside the area of use of a CRS, degrees of a great circle; negative inside."""
    west, south, east, north = _area_of_use(crs)
    half = ((east - west) % 360 or 360) / 2  # the area may cross 180 degrees, or be all longitudes
    beside = abs((lon - west - half + 180) % 360 - 180) - half
    return max(beside * math.cos(math.radians(lat)), south - lat, lat - north)


@lru_cache(maxsize=128)
def _area_of_use(crs: str) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees. UTM: from pole to pole, as images of the south may have northern zones."""
    target = CRS.from_user_input(crs)
    if target.utm_zone is not None:
        west = int(target.utm_zone[:-1]) * 6 - 186
        return west, -90, west + 6, 90
    return target.area_of_use.bounds if target.area_of_use else (-180, -90, 180, 90)
