"""The terrain of a patch: coasts, rivers, lakes and relief down to some tens of metres."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.planet.fields import noise_of, ridges_of
from localearth.planet.hashing import Floats, salt
from localearth.planet.landmask import COLS, LandMask
from localearth.planet.lattice import Patch
from localearth.planet.noise import smoothstep
from localearth.planet.region import LAPSE, Region, bspline

CELLS = COLS / 360.0
"""Cells of the land mask per degree."""

FINE_RIDGES = (1950.0, 930.0, 440.0, 210.0)
"""Wavelengths of the fine relief, metres."""

RIVER_SLOPE = 1.5e-5
"""Approximate gradient, per metre, of the field whose mean contour is a river."""


@frozen(eq=False)
class Terrain:
    """Fields of a patch, (rows, cols).

    Attributes:
        sea: True on the sea.
        water: True on the sea, lakes and rivers.
        shore: 0.5 on the coast, 1 from a kilometre inland, 0 out at sea.
        bank: 1 at the edge of inland water, falling to 0 some hundred metres away.
        elevation: metres; 0 on the sea.
        warmth: annual mean temperature, degrees Celsius.
        moisture: ratio of precipitation to potential evaporation; above 1 is wet.
    """

    sea: NDArray[np.bool_]
    water: NDArray[np.bool_]
    shore: Floats
    bank: Floats
    elevation: Floats
    warmth: Floats
    moisture: Floats


def moisture(rain: Floats, warmth: Floats) -> Floats:
    """Ratio of precipitation (mm per year) to potential evaporation at a mean temperature (degrees Celsius)."""
    return rain / (230.0 + 46.0 * np.maximum(warmth, 0.0))


class Terrains:
    """Generates terrain for one seed.

    Attributes:
        seed: the planet's seed.
        mask: land and ocean.
    """

    def __init__(self, seed: int, mask: LandMask) -> None:
        self.seed = seed
        self.mask = mask

    def at(self, patch: Patch, region: Region) -> Terrain:
        """The terrain of a patch, from its region at the pixels."""
        wiggle = noise_of(patch, (1300.0, 560.0, 240.0), self._key("wiggle"))
        shore = self._shore(patch, wiggle)
        sea = shore <= 0.5
        lake = self._lake(patch, region, wiggle)
        river, width = self._river(patch, region, wiggle)
        inland = ~sea
        water = sea | (inland & ((lake > 0.0) | (river < width)))
        valley = smoothstep(350.0, 0.0, river - width) * smoothstep(-2.0, 14.0, width)
        bank = np.maximum(smoothstep(-0.035, 0.0, lake), valley)
        fine = ridges_of(patch, FINE_RIDGES, self._key("fine"), 0.55)
        dunes = 34.0 * fine * smoothstep(0.16, 0.04, moisture(region.rain, region.mean))
        # Fine relief fades out towards water, so that lakes are flat and rivers have valleys.
        fine *= (0.3 + 0.7 * region.crest) * (1.0 - 0.9 * bank)
        elevation = region.base + (region.rough * (region.crest + 0.26 * fine)) + dunes
        elevation -= bank * np.minimum(18.0, 0.12 * elevation)
        elevation = np.where(sea, 0.0, np.maximum(elevation * (0.1 + 0.9 * smoothstep(0.5, 0.97, shore)), 1.0))
        warmth = region.mean - LAPSE * elevation
        return Terrain(sea, water, shore, bank, elevation, warmth, moisture(region.rain, warmth))

    def _shore(self, patch: Patch, wiggle: Floats) -> Floats:
        """Land as a smooth field: the mask interpolated with a B-spline, at positions shifted by noise."""
        lon, lat = patch.node_lonlat
        west, north = np.floor((lon.min() + 180.0) * CELLS), np.floor((90.0 - lat.max()) * CELLS)
        col, row = int(west) - 3, int(north) - 3
        cols = int(np.ceil((lon.max() + 180.0) * CELLS)) + 4 - col
        rows = int(np.ceil((90.0 - lat.min()) * CELLS)) + 4 - row
        land = self.mask.window(row, col, rows, cols)
        shape = (patch.window.rows, patch.window.cols)
        if land.all() or not land.any():
            return np.full(shape, 1.0 if land.all() else 0.0, np.float32)
        lon, lat = patch.lonlat
        other = noise_of(patch, (1100.0, 480.0, 190.0, 80.0), self._key("coast"))
        x = (lon + 180.0) * CELLS - col + 2.2 * (wiggle - 0.5)
        y = (90.0 - lat) * CELLS - row + 2.2 * (other - 0.5)
        x, y = np.clip(x, 1.0, cols - 1.001), np.clip(y, 1.0, rows - 1.001)
        j, i = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        wx, wy = bspline(x - j), bspline(y - i)
        cells = land.astype(np.float64)
        total = np.zeros(shape)
        for a in range(3):
            line = np.clip(i + a - 1, 0, rows - 1)
            for b in range(3):
                total += wy[a] * wx[b] * cells[line, np.clip(j + b - 1, 0, cols - 1)]
        return total.astype(np.float32)

    def _lake(self, patch: Patch, region: Region, wiggle: Floats) -> Floats:
        """A field that is above 0 on lakes and decreases around them."""
        large = noise_of(patch, (9300.0, 4200.0), self._key("lakes")) + 0.12 * (wiggle - 0.5)
        cold = smoothstep(9.0, 1.0, region.mean)
        wet = smoothstep(0.5, 1.2, moisture(region.rain, region.mean))
        level = 0.14 + 0.17 * cold * wet + 0.04 * wet - 0.16 * smoothstep(250.0, 700.0, region.rough)
        result: Floats = level - large
        return result

    def _river(self, patch: Patch, region: Region, wiggle: Floats) -> tuple[Floats, Floats]:
        """Approximate distance to the centre line of the nearest river, metres, and half its width."""
        key = self._key("rivers")
        line = noise_of(patch, (31e3, 11e3), key) + 0.012 * (wiggle - 0.5)
        size = noise_of(patch, (55e3,), self._key("widths"))
        wet = smoothstep(0.15, 0.8, moisture(region.rain, region.mean))
        width = (8.0 + 150.0 * size**3) * wet * smoothstep(900.0, 450.0, region.rough)
        return np.abs(line - 0.5) * (1.0 / RIVER_SLOPE), width - 3.0

    def _key(self, layer: str) -> int:
        return salt(self.seed, "terrain", layer)
