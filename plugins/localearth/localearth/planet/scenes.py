"""Scenes: the granules on their dates, with their clouds; shared by Sentinel-2 and Dynamic World."""

import math
import threading
from collections.abc import Iterator

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.planet.clouds import climate, cloudiness
from localearth.planet.granules import Granule, Granules, Strip
from localearth.planet.hashing import Floats, hash_words, salt
from localearth.planet.optics import Pass, sphere_point
from localearth.planet.orbits import DAY_MS, END_MS, EPOCH_MS, SENTINEL2, day_of_year, stamp
from localearth.planet.truth import Planet

SECOND_FROM = EPOCH_MS + 547 * DAY_MS
"""Date of Sentinel-2B's first images: 2017-07-01. Before that date there is one image every ten days."""

SATELLITES = {0.0: EPOCH_MS, 5.0: SECOND_FROM}
"""Sentinel-2A and 2B: days by which they are later than the orbit, and the times of their first images."""

MOST = 40_000
"""Maximum number of images in the result of one filter."""

KEPT = 1024
"""Number of cached images: the requests of one tile follow each other closely."""

_FIRST_LIGHT = 1.45
"""Angle along the track at which a datatake starts (83 degrees north), radians before the southward crossing."""


@frozen(eq=False)
class Scene:
    """One granule on one date.

    Attributes:
        granule: the granule.
        strip: the part of it in the satellite's strip.
        index: `system:index`.
        time: milliseconds since 1970.
        second: whether it was taken by Sentinel-2B.
        cloudy: percentage of cloudy pixels.
        seen: the pass, for the optics.
    """

    granule: Granule
    strip: Strip
    index: str
    time: float
    second: bool
    cloudy: float
    seen: Pass


@define(eq=False)
class _Calendar:
    times: NDArray[np.float64]
    takes: NDArray[np.float64]
    second: NDArray[np.bool_]
    keys: NDArray[np.uint32]
    days: list[int]
    means: Floats
    cloudy: Floats
    scenes: dict[int, Scene] = field(factory=dict)


class Scenes:
    """All scenes of a planet."""

    def __init__(self, planet: Planet) -> None:
        self.planet = planet
        self.granules = Granules(planet.mask)
        self._calendars: dict[tuple[str, int], _Calendar] = {}
        self._lock = threading.Lock()

    def around(self, region: BaseGeometry | None, interval: tuple[float, float] | None, asset_id: str) -> list[Scene]:
        """The scenes whose footprint intersects a region, in a time interval; by time, then index.

        Raises:
            EarthEngineError: without a region, or when there would be too many.
        """
        start, end = interval or (EPOCH_MS, END_MS)
        found: list[Scene] = []
        for granule in self.granules.around(region, asset_id):
            for strip in granule.strips:
                if region is None or strip.footprint.intersects(region):
                    found += self._between(granule, strip, start, end)
            if len(found) > MOST:
                raise EarthEngineError(
                    f"Collection '{asset_id}': more than {MOST} images match the region and dates; filter by smaller "
                    "bounds or a shorter time first."
                )
        return sorted(found, key=lambda scene: (scene.time, scene.index))

    def named(self, index: str) -> Scene | None:
        """The scene with that index, or None."""
        parts = index.split("_")
        granule = self.granules.named(parts[2][1:]) if len(parts) == 3 and parts[2][:1] == "T" else None
        if granule is None:
            return None
        for strip in granule.strips:
            calendar = self._calendar(granule, strip)
            for at, take in enumerate(calendar.takes):
                if stamp(float(take)) == parts[0]:
                    scene = self._scene(granule, strip, calendar, at)
                    if scene.index == index:
                        return scene
        return None

    def _between(self, granule: Granule, strip: Strip, start: float, end: float) -> Iterator[Scene]:
        # A calendar is expensive, and needless between two passes.
        half, first = SENTINEL2.days * DAY_MS / 2, SENTINEL2.start(strip.relative, strip.angle)
        if first + math.ceil((start - first) / half) * half >= end:
            return
        calendar = self._calendar(granule, strip)
        first, last = np.searchsorted(calendar.times, (start, end))
        for at in range(int(first), int(last)):
            yield self._scene(granule, strip, calendar, at)

    def _scene(self, granule: Granule, strip: Strip, calendar: _Calendar, at: int) -> Scene:
        # All collections and requests share a scene and everything derived from it.
        found = calendar.scenes.get(at)
        if found is None:
            found = calendar.scenes[at] = self._made(granule, strip, calendar, at)
        return found

    def _made(self, granule: Granule, strip: Strip, calendar: _Calendar, at: int) -> Scene:
        take = float(calendar.takes[at])
        # The second timestamp in a name is the product's creation, some minutes later.
        made = take + 240_000.0 + int(calendar.keys[at]) % 400_000
        seen = Pass(int(calendar.keys[at]), calendar.days[at], granule.lon, granule.lat, float(calendar.means[at]))
        return Scene(
            granule,
            strip,
            f"{stamp(take)}_{stamp(made)}_T{granule.name}",
            float(calendar.times[at]),
            bool(calendar.second[at]),
            float(calendar.cloudy[at]),
            seen,
        )

    def _calendar(self, granule: Granule, strip: Strip) -> _Calendar:
        name = (granule.name, strip.relative)
        with self._lock:
            if name in self._calendars:
                return self._calendars[name]
        made = self._make(granule, strip)
        with self._lock:
            if len(self._calendars) > 256:
                self._calendars.clear()
            self._calendars[name] = made
        return made

    def _make(self, granule: Granule, strip: Strip) -> _Calendar:
        cycle = SENTINEL2.days * DAY_MS
        first = SENTINEL2.start(strip.relative, strip.angle)
        count = int((END_MS - first) // cycle) + 1
        steps = np.concatenate([np.arange(count) * cycle, np.arange(count) * cycle + cycle / 2])
        second = np.arange(2 * count) >= count
        order = np.argsort(steps, kind="stable")
        steps, second = steps[order], second[order]
        kept = (first + steps >= EPOCH_MS) & (first + steps < END_MS) & (~second | (first + steps >= SECOND_FROM))
        steps, second = steps[kept], second[kept]
        times = first + steps
        takes = SENTINEL2.start(strip.relative, np.pi - _FIRST_LIGHT) + steps
        days = [day_of_year(time) for time in times]
        planet = self.planet
        keys = hash_words(salt(planet.seed, "pass", strip.relative), np.round(steps / DAY_MS))
        point = sphere_point(granule.lon, granule.lat)
        region = planet.regions.at(point, np.array([granule.lon]), np.array([granule.lat]))
        means = np.round(climate(region, np.array(days, float)), 6)
        cloudy = np.round(100.0 * cloudiness(np.repeat(point, len(days), axis=1), means, keys), 4)
        return _Calendar(times, takes, second, keys, days, means, cloudy)
