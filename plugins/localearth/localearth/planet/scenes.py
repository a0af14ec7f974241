"""Scenes: the granules on their dates, with their clouds; and the collections with one image for each scene."""

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.planet.bands import LazyBands, MadeBand, axes
from localearth.planet.granules import Granule, Granules, Strip
from localearth.planet.hashing import hash_words, salt
from localearth.planet.lattice import Window
from localearth.planet.optics import Optics, Part, Pass, Passes, passes
from localearth.planet.orbits import DAY_MS, END_MS, EPOCH_MS, SENTINEL2, stamp
from localearth.planet.outlines import within
from localearth.planet.track import walk
from localearth.planet.truth import Planet
from localearth.worlds.base import Area, ImageAsset, Interval, Mask

SECOND_FROM = EPOCH_MS + 547 * DAY_MS
"""Date of Sentinel-2B's first images: 2017-07-01. Before that date there is one image every ten days."""

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

    def inside(self, window: Window, metres: int = 10) -> Mask:
        """Which pixels of a window are in the satellite's strip."""
        return within(self.strip.lines, *axes(self.granule.grid(metres), window))


@define(eq=False)
class _Calendar:
    passes: Passes
    takes: NDArray[np.float64]
    second: NDArray[np.bool_]
    scenes: dict[int, Scene] = field(factory=dict)


class Scenes:
    """All scenes of a planet."""

    def __init__(self, planet: Planet) -> None:
        self.planet = planet
        self.granules = Granules(planet.mask)
        self._calendars: dict[tuple[str, int], _Calendar] = {}
        self._lock = threading.Lock()

    def around(self, region: Area, interval: Interval, asset_id: str) -> list[Scene]:
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
        first, last = np.searchsorted(calendar.passes.times, (start, end))
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
        made = take + 240_000.0 + int(calendar.passes.keys[at]) % 400_000
        return Scene(
            granule,
            strip,
            f"{stamp(take)}_{stamp(made)}_T{granule.name}",
            float(calendar.passes.times[at]),
            bool(calendar.second[at]),
            float(calendar.passes.cloudy[at]),
            calendar.passes[at],
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
        takes = SENTINEL2.start(strip.relative, np.pi - _FIRST_LIGHT) + steps
        keys = hash_words(salt(self.planet.seed, "pass", strip.relative), np.round(steps / DAY_MS))
        place = (granule.lon, granule.lat)
        return _Calendar(passes(self.planet, place, first + steps, keys, digits=4), takes, second)


class SceneCollection:
    """A collection with an image for each scene, or for some of them; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: of the collection.
    """

    ring = True
    """Whether footprints are rings; see `ImageAsset`."""

    since = EPOCH_MS
    """Time of the first images, milliseconds since 1970."""

    def __init__(self, scenes: Scenes, optics: Optics, asset_id: str, title: str) -> None:
        self.id = asset_id
        self.properties: Mapping[str, Any] = {"title": title, "date_range": [self.since, END_MS]}
        self._scenes = scenes
        self._optics = optics
        self._image_of = lru_cache(maxsize=KEPT)(self._image)

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The images around a region, which must be given; by time, then index.

        Raises:
            EarthEngineError: without a region, or when there would be too many.
        """
        scenes = self._scenes.around(region, interval, self.id)
        return [self._image_of(scene) for scene in scenes if self._has(scene)]

    def walk(self, interval: Interval) -> Iterator[ImageAsset]:
        """The images of the entire planet, one after another; see `track.walk`."""
        return walk(SENTINEL2, {0.0: self.since, 5.0: SECOND_FROM}, self.images, interval, self.id)

    def find(self, index: str) -> ImageAsset | None:
        """The image of that index, or None."""
        scene = self._scenes.named(index)
        return self._image_of(scene) if scene is not None and self._has(scene) else None

    def _image(self, scene: Scene) -> ImageAsset:
        bands = LazyBands(partial(self._bands, scene))
        properties = self._properties(scene)
        return ImageAsset(f"{self.id}/{scene.index}", properties, bands, scene.strip.footprint, self.ring)

    def _part(self, scene: Scene, window: Window, factor: int = 1) -> Part:
        """What the satellite sees in a window of pixels of `factor` times 10 m."""
        return self._optics.part(*scene.granule.fine(window, factor), scene.seen, factor)

    def _has(self, scene: Scene) -> bool:
        """Whether the collection has an image of the scene."""
        return True

    def _properties(self, scene: Scene) -> dict[str, Any]:
        return {"system:time_start": scene.time, "system:time_end": scene.time}

    def _bands(self, scene: Scene) -> list[MadeBand]:
        raise NotImplementedError
