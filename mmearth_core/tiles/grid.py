"""The pixel grid of a tile: in the anchor's CRS, with edges at `origin + k * pixel_size` for whole k.

By default pixels are 10 m and the origin is 0. An anchor may propose its own grid, on which its bands are never
resampled. All modalities of a tile share the grid.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from shapely.geometry import Polygon

from mmearth_core.contract.grid import PIXEL, Grid
from mmearth_core.errors import TilesError
from mmearth_core.tiles.squares import rounded

MARGIN = 6.0
"""How far outside the area of its CRS a tile may be, degrees of a great circle (667 km): the width of a UTM zone.

Satellite images reach up to 300 km into the next zone (zone 32V), and some countries use one zone for all their area
(Norway, Italy). Lengths in the next zone are wrong by 1.2 % at most. A tile farther away has the CRS of another place.
"""


def tile_grid(
    polygon: Polygon, crs: str, size: int, pixel_size: float = PIXEL, origin: tuple[float, float] = (0, 0)
) -> Grid:
    """MMEarth's window: the polygon's bounds snapped outward to whole pixels, then the middle `size` pixels.

    With h rows and w columns after snapping, rows start at (h - size) // 2 and columns at
    (w - size) // 2. A polygon smaller than that grows by the same rule.

    Args:
        polygon: the tile, EPSG:4326.
        crs: a projected CRS in metres.
        size: number of rows and of columns.
        pixel_size: of the grid, metres.
        origin: x and y of a corner of any pixel of the grid, metres.

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
    west, south, east, north = (
        round((float(value) - start) / pixel_size, 7) for value, start in zip(bounds, origin * 2, strict=True)
    )
    left, top = math.floor(west), math.ceil(north)
    columns, rows = math.ceil(east) - left, top - math.floor(south)
    column, row = left + (columns - size) // 2, top - (rows - size) // 2
    return Grid(crs, origin[0] + column * pixel_size, origin[1] + row * pixel_size, size, pixel_size)


def require_aligned(transform: Sequence[float], grid: Grid) -> None:
    """Refuses an image that is on another grid than the one that its modality proposes.

    Args:
        transform: from columns and rows of the image to x and y; six numbers.
        grid: the tile's grid, in the CRS of the image.

    Raises:
        TilesError: their pixels are not the same.
    """
    across, shear_x, left, shear_y, down, top = transform
    # A hundredth of a pixel: transforms are rounded in metadata.
    close = 0.01
    shifts = [(left - grid.left) / grid.pixel_size, (top - grid.top) / grid.pixel_size]
    sizes = [abs(size) / grid.pixel_size - 1 for size in (across, down)]
    off = [*(shift - round(shift) for shift in shifts), *(size * grid.size for size in sizes), shear_x, shear_y]
    if any(abs(each) > close for each in off):
        raise TilesError(
            f"The anchor's image has pixels of {across:g} x {abs(down):g} m with a corner at {left:.12g}, {top:.12g}. "
            f"The dataset's grid, which the anchor proposes, has pixels of {grid.pixel_size:g} m with a corner at "
            f"{grid.left:.12g}, {grid.top:.12g}. Set `pixel_size` and `origin` in [dataset], and images are resampled."
        )


def outline(grid: Grid) -> Polygon:
    """A polygon of which `tile_grid` makes this grid, EPSG:4326; its longitudes may continue past 180.

    It is a quarter of a pixel inside the grid, so that no edge moves to another pixel when coordinates are rounded.
    """
    inset = grid.pixel_size / 4
    west, south, east, north = grid.bounds
    x, y = shapely.get_coordinates(shapely.box(west + inset, south + inset, east - inset, north - inset)).T
    lon, lat = _transformer(grid.crs).transform(x, y, direction="INVERSE")
    return Polygon(rounded(np.column_stack([lon[0] + (lon - lon[0] + 180) % 360 - 180, lat])))


@lru_cache(maxsize=128)
def _transformer(crs: str) -> Transformer:
    try:
        target = CRS.from_user_input(crs)
    except CRSError as error:
        raise TilesError(f"CRS {crs!r} is unknown: {error}") from error
    if not target.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in target.axis_info[:2]):
        raise TilesError(f"CRS {crs!r} ({target.name}) is not projected in metres, as a pixel grid needs; UTM is.")
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
