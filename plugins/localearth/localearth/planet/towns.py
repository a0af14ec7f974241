"""Towns: discs with streets and blocks, scattered over the farmed parts of the survey."""

import math
from functools import lru_cache

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.planet.hashing import Floats, chance, hash_words, salt, uniform
from localearth.planet.lattice import on_sphere
from localearth.planet.region import Regions
from localearth.planet.survey import DEGREE, bands, plane, ring
from localearth.planet.terrain import moisture

SPACING = DEGREE / 14
"""Mean distance of possible town sites, metres."""

LARGEST = 3000.0
"""The largest radius of a town, metres."""

RAGGED = 1.55
"""How far beyond its radius the irregular outline of a town may reach, as a factor."""

REACH = LARGEST * RAGGED


@frozen
class Town:
    """One town in the plane of its band: centre and radius in metres, and the direction of its streets."""

    x: float
    y: float
    radius: float
    cos: float
    sin: float
    code: int


@frozen(eq=False)
class Streets:
    """The effect of towns on some pixels; all (rows, cols).

    Attributes:
        density: 0 outside towns to 1 in the centre of a town.
        street: True on a street.
        block: a random word per block.
        lot: a random number in [0, 1) per house and garden.
    """

    density: Floats
    street: NDArray[np.bool_]
    block: NDArray[np.uint32]
    lot: Floats


class Towns:
    """Generates towns for one seed, and caches them."""

    def __init__(self, seed: int, regions: Regions) -> None:
        self.seed = seed
        self._regions = regions
        self._town = lru_cache(maxsize=4096)(self._make)
        self._site = lru_cache(maxsize=4096)(self._sited)

    def at(self, lon: Floats, lat: Floats, ragged: Floats) -> Streets:
        """The towns at some pixels; `ragged` in [0, 1) makes their outlines irregular."""
        density = np.zeros(lat.shape)
        street = np.zeros(lat.shape, bool)
        block = np.zeros(lat.shape, np.uint32)
        lot = np.zeros(lat.shape)
        for band, inside in bands(lat):
            x, y = plane(lon[inside], lat[inside], band)
            for town in self._around(x, y, band):
                # Use the copy of the town on this side of the antimeridian.
                centre = _nearest(town.x, x, band)
                dx, dy = x - centre, y - town.y
                away = np.sqrt(dx * dx + dy * dy) / town.radius
                within = 1.0 - away * (0.65 + 0.7 * ragged[inside])
                a, b = dx * town.cos + dy * town.sin, dy * town.cos - dx * town.sin
                wins = (within > 0.0) & (within > density[inside])
                if not wins.any():
                    continue
                at = inside.copy()
                at[inside] = wins
                density[at] = within[wins]
                street[at], block[at], lot[at] = _blocks(a[wins], b[wins], town)
        return Streets(density, street, block, lot)

    def _around(self, x: Floats, y: Floats, band: int) -> list[Town]:
        count = int(ring(band) // SPACING)
        side = ring(band) / count
        first, last = math.floor((x.min() - REACH) / side), math.floor((x.max() + REACH) / side)
        low, high = math.floor((y.min() - REACH) / SPACING), math.floor((y.max() + REACH) / SPACING)
        found = []
        for i in range(first, last + 1):
            for j in range(max(low, 0), min(high, 13) + 1):
                key, east, north, radius = self._site(band, i % count, j)
                reach, centre = radius * RAGGED, _nearest(east, x, band)
                # Checking whether a site is settled is expensive, so only sites that reach the pixels are checked.
                if (
                    x.min() - reach < centre < x.max() + reach
                    and y.min() - reach < north < y.max() + reach
                    and (town := self._town(band, key, east, north, radius)) is not None
                ):
                    found.append(town)
        return found

    def _sited(self, band: int, i: int, j: int) -> tuple[int, float, float, float]:
        """A possible town site in a band: its key, x, y and radius."""
        key = salt(self.seed, "town", band, i, j)
        side = ring(band) / int(ring(band) // SPACING)
        radius = min(LARGEST, 240.0 * chance(key, 0) ** -0.62)
        x = (i + chance(key, 1)) * side
        # A town does not cross the edge of its band.
        y = min(max((j + chance(key, 2)) * SPACING, radius), DEGREE - radius)
        return key, x, y, radius

    def _make(self, band: int, key: int, x: float, y: float, radius: float) -> Town | None:
        lon, lat = np.array([x * 360.0 / ring(band) - 180.0]), np.array([band + y / DEGREE])
        region = self._regions.at(on_sphere(lon, lat), lon, lat)
        warmth = float(region.mean[0]) - 0.006 * float(region.base[0])
        wet = float(moisture(region.rain, np.array([warmth]))[0])
        summer = warmth + abs(float(region.swing[0]))
        odds = 0.1 + 0.9 * float(region.farmed[0])
        odds *= min(1.0, 0.12 + 2.2 * wet) * min(1.0, max(0.02, (summer - 7.0) / 8.0))
        odds *= 0.35 if region.rough[0] > 600.0 else 1.0
        if chance(key, 3) >= odds:
            return None
        turn = round(chance(key, 4) * 180.0) * math.pi / 180.0 if chance(key, 5) < 0.7 else 0.0
        return Town(x, y, radius, round(math.cos(turn), 12), round(math.sin(turn), 12), key)


def _nearest(centre: float, x: Floats, band: int) -> float:
    """A position along a band, on the same side of the antimeridian as some pixels."""
    around = ring(band)
    return centre + round(((float(x.min()) + float(x.max())) / 2 - centre) / around) * around


def _blocks(a: Floats, b: Floats, town: Town) -> tuple[NDArray[np.bool_], NDArray[np.uint32], Floats]:
    """Streets, blocks and lots, in the town's own axes (metres)."""
    width = 85.0 + 70.0 * chance(town.code, 6)
    height = 130.0 + 120.0 * chance(town.code, 7)
    i, j = np.floor(a / width), np.floor(b / height)
    u, v = a - i * width, b - j * height
    # Every fourth street is an avenue.
    street = (u < np.where(i % 4 == 0, 22.0, 11.0)) | (v < np.where(j % 4 == 0, 20.0, 10.0))
    block = hash_words(town.code, i, j)
    lot = uniform(block, np.floor(u / 17.0), np.floor(v / 23.0))
    return street, block, lot
