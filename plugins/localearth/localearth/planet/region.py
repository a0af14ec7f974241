"""The region: fields that change over kilometres (base of the relief, climate, settlement)."""

from collections.abc import Callable
from functools import lru_cache

import attrs
import numpy as np
from attrs import frozen

from localearth.planet.geography import highlands, rain_factor, settled
from localearth.planet.hashing import Floats, salt
from localearth.planet.landmask import LandMask
from localearth.planet.noise import fbm, octaves, ridges, smoothstep, value_noise, weights

LAPSE = 0.0062
"""Decrease of temperature per metre of height, Kelvin."""

COARSE_RIDGES = (38_000.0, 18_100.0, 8_600.0, 4_100.0)
"""Wavelengths of the relief in the region, metres; the terrain adds finer ones."""

_LATITUDES = (-90, -70, -60, -50, -40, -30, -22, -15, -5, 0, 5, 12, 18, 25, 32, 40, 50, 60, 70, 80, 90)
_RAIN = (100, 200, 700, 1000, 900, 600, 550, 1000, 1900, 2100, 1900, 1000, 450, 400, 600, 800, 800, 600, 350, 200, 150)
"""Precipitation by latitude, mm per year (rough zonal means)."""


@frozen(eq=False)
class Region:
    """Fields at some points; all have the same shape.

    Attributes:
        inland: 0 on the coast and at sea, 1 far from it (some tens of kilometres).
        base: elevation without the fine relief, metres.
        rough: amplitude of the relief, metres.
        crest: the coarse octaves of the ridged relief, 0 to 1.
        mean: temperature at sea level over the year, degrees Celsius.
        swing: half the difference between the warmest and the coldest month, Kelvin; negative in the south.
        rain: mm per year.
        farmed: share of the suitable land that is farmed, 0 to 1.
        lat: latitude, degrees.
    """

    inland: Floats
    base: Floats
    rough: Floats
    crest: Floats
    mean: Floats
    swing: Floats
    rain: Floats
    farmed: Floats
    lat: Floats

    def mapped(self, spread: Callable[[Floats], Floats]) -> "Region":
        """The fields at other points, interpolated by `spread` all at once, as float32."""
        fields = np.stack([getattr(self, each.name) for each in attrs.fields(Region)]).astype(np.float32)
        return Region(*spread(fields))

    @property
    def coarse_elevation(self) -> Floats:
        """Elevation without fine relief, metres."""
        return self.base + self.rough * self.crest


class Regions:
    """Generates regions for one seed.

    Attributes:
        seed: the planet's.
    """

    def __init__(self, seed: int, mask: LandMask) -> None:
        self.seed = seed
        self._near, self._far = _land_around(mask)

    def at(self, points: Floats, lon: Floats, lat: Floats) -> Region:
        """The region at points on the sphere (3, ...), with their longitude and latitude in degrees."""
        near = _sample(self._near, lon, lat)
        far = _sample(self._far, lon, lat)
        inland = smoothstep(0.45, 1.0, near)
        height = highlands(points) * (0.55 + 0.9 * fbm(points, (420e3, 190e3), self._key("chains")))
        hills = smoothstep(0.42, 0.75, fbm(points, (260e3, 110e3), self._key("hills")))
        ramp = 0.05 + 0.95 * inland
        rough = ramp * (0.72 * height + 35.0 + 260.0 * hills)
        plain = value_noise(points, 640e3, self._key("plains"))
        base = ramp * (15.0 + 380.0 * plain * plain + 0.42 * height)
        crest = ridges(octaves(points, COARSE_RIDGES, self._key("relief")), weights(len(COARSE_RIDGES), 0.6))
        sine = np.abs(np.sin(np.radians(lat)))
        mean = 27.5 - 38.0 * sine**2.6 - 12.0 * smoothstep(0.90, 0.975, sine)
        mean -= 16.0 * smoothstep(-64.0, -72.0, lat) if (lat < -60).any() else 0.0
        mean += 5.0 * (value_noise(points, 2100e3, self._key("warmth")) - 0.5) + _gulf_stream(lon, lat)
        swing = (2.0 + 24.0 * sine**1.5 * np.clip(far * 1.25, 0.1, 1.0)) * np.clip(lat / 4.0, -1.0, 1.0)
        noise = fbm(points, (900e3, 350e3, 120e3), self._key("rain"))
        rain = np.interp(lat, _LATITUDES, _RAIN) * rain_factor(points) * (0.55 + 0.9 * noise)
        people = fbm(points, (310e3, 90e3, 28e3), self._key("people"))
        farmed = np.clip(0.85 * settled(points) + 1.9 * (people - 0.5) + 0.12, 0.0, 1.0)
        # Rounded, because the last bits of exponentials and powers differ between processors.
        fields: list[Floats] = [
            np.round(each * 2.0**20) * 2.0**-20 for each in (inland, base, rough, crest, mean, swing, rain, farmed)
        ]
        return Region(*[*fields, lat])

    def _key(self, layer: str) -> int:
        return salt(self.seed, "region", layer)


def _gulf_stream(lon: Floats, lat: Floats) -> Floats:
    """Warming of western Europe and western North America by ocean currents, Kelvin."""
    europe = np.exp(-(((lon - 2.0) / 22.0) ** 2) - ((lat - 57.0) / 14.0) ** 2)
    america = np.exp(-(((lon + 127.0) / 9.0) ** 2) - ((lat - 52.0) / 10.0) ** 2)
    return 6.0 * europe + 4.0 * america


@lru_cache(maxsize=2)
def _land_around(mask: LandMask) -> tuple[Floats, Floats]:
    """The share of land around each coarse cell, within some tens and some hundreds of kilometres."""
    share = mask.coarse.astype(np.float64) / 225.0
    return _blurred(share, 2), _blurred(_blurred(share, 30), 30)


def _blurred(share: Floats, radius: int) -> Floats:
    """The mean over squares of (2 radius + 1) cells; wraps around the world."""
    wide = np.concatenate([share[:, -radius:], share, share[:, :radius]], axis=1)
    wide = np.concatenate([np.repeat(wide[:1], radius, 0), wide, np.repeat(wide[-1:], radius, 0)])
    total = np.pad(wide, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    size = 2 * radius + 1
    block = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    # In integer units of 2**-16, so that the order of additions does not matter.
    result: Floats = np.round(block * (65536.0 / size**2)) / 65536.0
    return result


def _sample(grid: Floats, lon: Floats, lat: Floats) -> Floats:
    """Interpolates a coarse grid at points with a quadratic B-spline."""
    rows, cols = grid.shape
    x = (lon + 180.0) * (cols / 360.0)
    y = np.clip((90.0 - lat) * (rows / 180.0), 0.0, rows - 1e-6)
    i, j = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    wy, wx = bspline(y - i), bspline(x - j)
    total = np.zeros(np.shape(lon))
    for a in range(3):
        line = np.clip(i + a - 1, 0, rows - 1)
        for b in range(3):
            total += wy[a] * wx[b] * grid[line, (j + b - 1) % cols]
    return total


def bspline(t: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights of the cells before, at and after a point at `t` in [0, 1) of its own cell."""
    return 0.5 * (1.0 - t) ** 2, 0.75 - (t - 0.5) ** 2, 0.5 * t * t
