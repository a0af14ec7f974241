"""Granules: the squares of Sentinel-2's images in every UTM zone, and the strips of orbits that cross them.

As in reality, they are 100 km squares of the military grid, 109.8 km wide, so that neighbours overlap. Unlike in
reality, the zones have no exceptions (Norway, Svalbard), and a square has the letter of its centre's latitude band.
"""

import math
from functools import lru_cache

import numpy as np
from attrs import define, frozen
from shapely.geometry import Polygon, box

from localearth.planet.landmask import LandMask
from localearth.planet.lattice import Lattice, Window
from localearth.planet.lazy import lazy
from localearth.planet.orbits import SENTINEL2
from localearth.planet.outlines import Line, clipped, lonlat, projected, side
from localearth.planet.request import bounds_of_request
from localearth.raster.grid import Grid
from localearth.values.projection import reproject
from localearth.worlds.base import Area

SQUARE = 100_000
SIZE = 109_800
"""Side of a granule, metres: 10980 pixels of 10 m."""

_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_WIDEST = 25.0
"""Maximum width and height of a requested region, degrees."""


@frozen(eq=False)
class Strip:
    """The part of a granule in the strip of one relative orbit.

    Attributes:
        relative: the relative orbit.
        angle: angle along the track at the granule's centre, radians.
        lines: the strip's edges in the granule's coordinates; empty when it covers the granule.
        footprint: the part of the granule in EPSG:4326.
        share: its share of the granule's area.
    """

    relative: int
    angle: float
    lines: tuple[Line, ...]
    footprint: Polygon
    share: float


@define(slots=False, eq=False)
class Granule:
    """One granule.

    Attributes:
        name: e.g. `"18SVG"`.
        crs: its UTM zone.
        left: x of its western edge, metres, a multiple of 60.
        top: y of its northern edge, metres, a multiple of 60.
        lon: longitude of its centre, degrees.
        lat: latitude of its centre, degrees.
        bounds: west, south, east, north of all its strips, degrees.
    """

    name: str
    crs: str
    left: int
    top: int
    lon: float
    lat: float
    bounds: tuple[float, float, float, float]

    def grid(self, metres: int) -> Grid:
        """Its pixels of a size."""
        return _grid(self.crs, self.left, self.top, metres)

    def fine(self, window: Window, factor: int) -> tuple[Lattice, Window]:
        """The planet's pixels of 10 m under a window of pixels of `factor` times 10 m."""
        row, col = window.row * factor - self.top // 10, window.col * factor + self.left // 10
        return Lattice(self.crs, 0.0, 0.0, 10.0), Window(row, col, window.rows * factor, window.cols * factor)

    @lazy
    def strips(self) -> tuple[Strip, ...]:
        """The strips by relative orbit; computed on first use, because most granules are only near a location."""
        return _strips(self.crs, self.left, self.top, self.lon, self.lat)


@lru_cache(maxsize=4096)
def _grid(crs: str, left: int, top: int, metres: int) -> Grid:
    transform = (float(metres), 0.0, float(left), 0.0, -float(metres), float(top))
    return Grid(crs, transform, SIZE // metres, SIZE // metres)


class Granules:
    """All granules with land, each created on first use."""

    def __init__(self, mask: LandMask) -> None:
        self._mask = mask
        self._at = lru_cache(maxsize=2048)(self._make)

    def around(self, region: Area, asset_id: str) -> list[Granule]:
        """The granules whose bounds meet those of a region.

        Raises:
            EarthEngineError: without a region, or with one that is too large.
        """
        west, south, east, north = bounds_of_request(region, asset_id, _WIDEST)
        # A granule extends beyond its zone by up to 110 km.
        reach = 1.2 / max(math.cos(math.radians(min(max(abs(south), abs(north)), 84.0))), 0.1)
        first, last = math.floor((west - reach + 180.0) / 6.0), math.floor((east + reach + 180.0) / 6.0)
        found = []
        for zone in sorted({number % 60 + 1 for number in range(first, last + 1)}):
            for southern in (False, True):
                if (south < 0.0) if southern else (north > -1.0):
                    found += self._in_zone(zone, southern, (west, south, east, north))
        return found

    def named(self, name: str) -> Granule | None:
        """The granule with that name, e.g. `18SVG`."""
        if len(name) != 5 or not name[:2].isdigit() or name[2] not in _BANDS or name[4] not in _ROWS:
            return None
        zone = int(name[:2])
        if not 1 <= zone <= 60 or name[3] not in _COLUMNS[(zone - 1) % 3]:
            return None
        column = _COLUMNS[(zone - 1) % 3].index(name[3]) + 1
        row = (_ROWS.index(name[4]) - (0 if zone % 2 else 5)) % 20
        for square in range(row, 100, 20):
            granule = self._at(zone, name[2] < "N", column, square)
            if granule is not None and granule.name == name:
                return granule
        return None

    def _in_zone(self, zone: int, southern: bool, bounds: tuple[float, float, float, float]) -> list[Granule]:
        west, south, east, north = bounds
        limits = (-80.5, 0.0) if southern else (-1.0, 84.5)
        middle = zone * 6.0 - 183.0
        lon, lat = np.meshgrid(np.linspace(west, east, 7), np.clip(np.linspace(south, north, 7), *limits))
        lon = np.clip((lon - middle + 180.0) % 360.0 - 180.0, -25.0, 25.0) + middle
        x, y = reproject("EPSG:4326", _crs(zone, southern), lon, lat)
        found = []
        for column in range(max(int(x.min() // SQUARE) - 1, 1), min(int(x.max() // SQUARE) + 1, 8) + 1):
            for row in range(max(int(y.min() // SQUARE) - 1, 0), min(int(y.max() // SQUARE) + 1, 99) + 1):
                granule = self._at(zone, southern, column, row)
                if granule is not None and _meet(granule.bounds, bounds):
                    found.append(granule)
        return found

    def _make(self, zone: int, southern: bool, column: int, row: int) -> Granule | None:
        crs = _crs(zone, southern)
        left, top = column * SQUARE // 60 * 60, -(-(row + 1) * SQUARE // 60) * 60
        square = box(column * SQUARE, row * SQUARE, (column + 1) * SQUARE, (row + 1) * SQUARE)
        middle = zone * 6.0 - 183.0
        nominal = lonlat(square, crs, middle)
        whole = lonlat(box(left, top - SIZE, left + SIZE, top), crs, middle)
        if nominal is None or whole is None:
            return None
        west, south, east, north = nominal.bounds
        lon, lat = (west + east) / 2, (south + north) / 2
        outside = (lat < 0.0) != southern or not -80.0 < lat < 84.0
        if outside or west >= middle + 3.0 or east <= middle - 3.0 or not self._mask.has_land(whole):
            return None
        band = _BANDS[min(int((lat + 80.0) // 8.0), 19)]
        name = f"{zone:02d}{band}{_COLUMNS[(zone - 1) % 3][column - 1]}{_ROWS[(row + (0 if zone % 2 else 5)) % 20]}"
        return Granule(name, crs, left, top, lon, lat, whole.bounds)


def _crs(zone: int, southern: bool) -> str:
    return f"EPSG:{327 if southern else 326}{zone:02d}"


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _strips(crs: str, left: int, top: int, lon: float, lat: float) -> tuple[Strip, ...]:
    whole = box(left, top - SIZE, left + SIZE, top)
    strips = []
    for relative, angle in SENTINEL2.passes(lon, lat, northward=False):
        lines = []
        spots = np.array([angle - 0.015, angle + 0.015])
        inner = projected(crs, *SENTINEL2.ground(relative, np.array([angle]), 0.0), lon)[0]
        for across in (-SENTINEL2.swath / 2, SENTINEL2.swath / 2):
            first, second = projected(crs, *SENTINEL2.ground(relative, spots, across), lon)
            lines.append(side(first, second, inner))
        seen = clipped(whole, lines)
        if seen.area < 0.01 * whole.area:
            continue
        footprint = lonlat(seen, crs, lon)
        if footprint is not None:
            cut = () if seen.area > 0.999999 * whole.area else tuple(lines)
            strips.append(Strip(relative, angle, cut, footprint, min(seen.area / whole.area, 1.0) if cut else 1.0))
    return tuple(strips)
