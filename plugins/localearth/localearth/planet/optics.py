"""Optics: a surface as seen by Sentinel-2 through clouds and atmosphere, in digital numbers."""

import math

import numpy as np
from attrs import define, frozen
from numpy.typing import NDArray

from localearth.planet.clouds import climate, cloudiness, sky
from localearth.planet.cover import Kind
from localearth.planet.hashing import Floats, Words, bell, salt
from localearth.planet.lattice import Lattice, Window, on_sphere
from localearth.planet.lazy import lazy
from localearth.planet.orbits import day_of_year
from localearth.planet.spectra import BANDS, CLOUD, PASSED, PATH, SPECTRA
from localearth.planet.surface import MATERIALS, Surface, surface
from localearth.planet.truth import Planet, Recent, Truth

CLOUD_HEIGHT = 1500.0
"""Height of the clouds above the ground, metres; determines the positions of their shadows."""


@frozen
class Pass:
    """A pass of the satellite over a granule.

    Attributes:
        key: a salt of the datatake, so that neighbouring granules share their clouds.
        day: day of the year, from 1.
        lon: longitude of the granule's centre, degrees.
        lat: latitude of the granule's centre, degrees.
        mean: mean cloudiness of the climate there at that time.
    """

    key: int
    day: int
    lon: float
    lat: float
    mean: float

    def sun(self) -> tuple[float, float, float]:
        """The direction of the sun at 10:30: east, north, up."""
        tilt = math.radians(-23.44 * math.cos(2 * math.pi * (self.day + 10) / 365.25))
        hour, phi = math.radians(-22.5), math.radians(self.lat)
        east = -math.cos(tilt) * math.sin(hour)
        north = math.cos(phi) * math.sin(tilt) - math.sin(phi) * math.cos(tilt) * math.cos(hour)
        up = math.sin(phi) * math.sin(tilt) + math.cos(phi) * math.cos(tilt) * math.cos(hour)
        # With the sun on the horizon nothing would be visible; real acquisitions stop there, too.
        up = max(up, 0.12)
        return round(east, 9), round(north, 9), round(up, 9)


@frozen(eq=False)
class Passes:
    """All passes over a place, one element each.

    Attributes:
        lon: the place's longitude, degrees.
        lat: its latitude, degrees.
        times: milliseconds since 1970, in order.
        keys: salts, so that neighbouring places share their clouds.
        days: days of the year.
        means: mean cloudiness of the climate.
        cloudy: percentage of clouds.
    """

    lon: float
    lat: float
    times: Floats
    keys: Words
    days: list[int]
    means: Floats
    cloudy: Floats

    def __getitem__(self, at: int) -> Pass:
        return Pass(int(self.keys[at]), self.days[at], self.lon, self.lat, float(self.means[at]))


def passes(planet: Planet, place: tuple[float, float], times: Floats, keys: Words, digits: int) -> Passes:
    """The passes over a longitude and latitude; `digits` is the number of decimals of the percentage of clouds."""
    lon, lat = place
    point = sphere_point(lon, lat)
    days = [day_of_year(time) for time in times]
    means = np.round(climate(planet.regions.at(point, np.array([lon]), np.array([lat])), np.array(days, float)), 6)
    cloudy = np.round(100.0 * cloudiness(np.repeat(point, len(days), axis=1), means, keys), digits)
    return Passes(lon, lat, times, keys, days, means, cloudy)


@define(slots=False, eq=False)
class View:
    """A window as seen on a pass; expensive parts are computed on first use.

    Attributes:
        truth: the hidden state of the window.
        seen: the pass.
        cloud: opacity of the clouds, (rows, cols); None without clouds.
        shadow: darkness of their shadows, (rows, cols); None without shadows.
    """

    truth: Truth
    seen: Pass
    cloud: Floats | None
    shadow: Floats | None

    @lazy
    def surface(self) -> Surface:
        """The materials on that day."""
        return surface(self.truth, self.seen.day)

    @lazy
    def materials(self) -> list[tuple[str, Floats]]:
        """The materials that occur in the window, and their share of each pixel."""
        pairs = zip(MATERIALS, self.surface.mixture, strict=True)
        return [(name, share) for name, share in pairs if share.any()]

    @lazy
    def light(self) -> Floats:
        """The factor of relief, tone and cloud shadow, (rows, cols)."""
        light = _relief(self.truth, self.seen) * _tone(self.truth)
        return light if self.shadow is None else light * (1.0 - 0.62 * self.shadow)


@frozen(eq=False)
class Part:
    """The part of a view under a window of pixels, each of which is `factor` x `factor` pixels of the planet.

    Attributes:
        view: the view.
        inner: the part's slices in the view's arrays.
        window: its rows and columns, in the planet's pixels.
        factor: the planet's pixels along a side of a pixel.
    """

    view: View
    inner: tuple[slice, slice]
    window: Window
    factor: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        """The pixels: (rows, cols)."""
        return self.window.rows // self.factor, self.window.cols // self.factor

    def indices(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pixels' numbers of rows, (rows, 1), and columns, (1, cols)."""
        rows, cols = self.window.indices()
        return rows[:: self.factor] // self.factor, cols[:, :: self.factor] // self.factor

    def means(self, values: Floats) -> Floats:
        """The mean of a view's values in each pixel."""
        return block_means(values[self.inner], self.factor)

    def cloud(self) -> Floats:
        """Opacity of the clouds, 0 to 1."""
        return np.zeros(self.shape) if self.view.cloud is None else self.means(self.view.cloud)

    def shadow(self) -> Floats:
        """Darkness of their shadows, 0 to 1."""
        # Single precision, so that it never changes the type of what it is combined with.
        return np.zeros(self.shape, np.float32) if self.view.shadow is None else self.means(self.view.shadow)

    def material(self, *names: str) -> Floats:
        """The share of some materials in each pixel, 0 to 1."""
        return self.means(sum(self.view.surface.mixture[MATERIALS.index(name)] for name in names))


class Optics:
    """Creates views of a planet and caches the last `kept` of them (a view takes 2 MB)."""

    def __init__(self, planet: Planet, kept: int) -> None:
        self.planet = planet
        self._recent: Recent[View] = Recent(kept)

    def part(self, lattice: Lattice, window: Window, seen: Pass, factor: int = 1) -> Part:
        """The part of a cached view under a window of the lattice; the view itself has edges at multiples of 60 m."""

        def make() -> tuple[Window, View]:
            truth = self.planet.truth(lattice, window.grown(1, 6))
            return truth.patch.window, View(truth, seen, *_sky(truth, seen))

        held, view = self._recent.get((lattice, seen), window.grown(1), make)
        return Part(view, held.slices(window), window, factor)


def _sky(truth: Truth, seen: Pass) -> tuple[Floats | None, Floats | None]:
    east, north, up = seen.sun()
    lon, lat = math.radians(seen.lon), math.radians(seen.lat)
    eastward = np.array([-math.sin(lon), math.cos(lon), 0.0])
    northward = np.array([-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)])
    shift = np.round((eastward * east + northward * north) * (CLOUD_HEIGHT / up), 3)
    cloud, shadow = sky(truth.patch, seen.mean, seen.key, shift)
    if shadow is not None and cloud is not None:
        shadow = shadow * (1.0 - cloud)
    return cloud, shadow


def block_means(fine: Floats, factor: int) -> Floats:
    """Means of squares of factor x factor pixels."""
    if factor == 1:
        return fine
    rows, cols = fine.shape[0] // factor, fine.shape[1] // factor
    lines = sum(fine[each::factor] for each in range(factor))
    total = sum(np.asarray(lines)[:, each::factor] for each in range(factor))
    return np.asarray(total).reshape(rows, cols) * (1.0 / factor**2)


def _relief(truth: Truth, seen: Pass) -> Floats:
    """Ratio of the light on slopes to the light on flat ground, including diffuse light."""
    east, north, up = seen.sun()
    dx, dy = truth.slopes
    facing = (up - east * dx - north * dy) / np.sqrt(1.0 + dx * dx + dy * dy)
    return 0.22 + 0.78 * np.clip(facing * (1.0 / up), 0.0, 1.9)


def _tone(truth: Truth) -> Floats:
    """Small differences of brightness that are the same on every day: crowns, soils, roofs."""
    cover = truth.cover
    grain = bell(salt(truth.patch.lattice.crs, "grain"), *truth.patch.window.indices())
    strength = _GRAIN[cover.kind]
    field = 0.24 * (cover.own - 0.5) * (cover.kind == Kind.CROPS) + (
        0.12 * (cover.lot - 0.5) + 0.16 * (cover.own - 0.5)
    ) * (cover.kind == Kind.BUILT)
    smooth = 0.34 * (cover.patchy - 0.5) + 0.34 * (cover.broad - 0.5)
    flat = np.where(cover.kind == Kind.WATER, 0.15, 1.0)
    result: Floats = np.clip(1.0 + flat * smooth + field + strength * grain, 0.3, 1.8)
    return result


_GRAIN = np.array([0.012, 0.10, 0.035, 0.06, 0.022, 0.07, 0.06, 0.045, 0.012, 0.09, 0.05], np.float32)
"""Graininess of each kind of surface at 10 m."""


def reflectance(view: View, band: str, air: bool, haze: float) -> Floats:
    """A band's reflectance at 10 m, times 10,000, not rounded.

    Args:
        view: the view.
        band: e.g. `"B4"`.
        air: whether the reflectance is at the top of the atmosphere (level 1C) instead of the surface (level 2A).
        haze: haze of the atmosphere; 1 on an average day.
    """
    at = BANDS.index(band)
    ground = np.zeros(view.light.shape, np.float32)
    for name, share in view.materials:
        ground += SPECTRA[name][at] * share
    ground *= view.light
    if air:
        ground *= PASSED[at] ** haze
        ground += PATH[at] * haze
    if view.cloud is not None:
        ground += view.cloud * (CLOUD[at] * (0.55 + 0.45 * view.cloud) - ground)
    return ground


def sphere_point(lon: float, lat: float) -> Floats:
    """One point on the sphere, (3, 1) metres."""
    return on_sphere(np.array([lon]), np.array([lat])).reshape(3, 1)
