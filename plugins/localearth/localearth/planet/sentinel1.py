"""Sentinel-1: the collection of ground range scenes, in frames along ascending and descending orbits."""

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry import Polygon

from localearth.planet.bands import LazyBands
from localearth.planet.hashing import Floats, hash_words, salt, uniform
from localearth.planet.lattice import RADIUS
from localearth.planet.noise import value_noise
from localearth.planet.optics import sphere_point
from localearth.planet.orbits import DAY_MS, END_MS, EPOCH_MS, SENTINEL1, milliseconds, stamp
from localearth.planet.outlines import Point, lonlat, strip_corners, utm
from localearth.planet.radar import Take, radar_bands
from localearth.planet.request import bounds_of_request
from localearth.planet.track import walk
from localearth.planet.truth import Planet
from localearth.raster.grid import Grid
from localearth.worlds.base import Area, ImageAsset, Interval, in_order

ID, POWER = "COPERNICUS/S1_GRD", "COPERNICUS/S1_GRD_FLOAT"
"""The scenes in dB, and the same scenes in linear power."""

FRAME = 0.0265
"""Length of a frame along the track, radians (170 km, 25 s)."""

FIRST_ORBIT = 73 + 175 * 53
"""Absolute number of relative orbit 1 in cycle 0; (absolute - 73) % 175 + 1 is the relative number."""

_WIDEST = 12.0
"""Maximum width and height of a requested region, degrees."""


@frozen(eq=False)
class Frame:
    """A section of a relative orbit.

    Attributes:
        relative: the relative orbit.
        number: number of the frame along the orbit, from the northward crossing.
        ascending: whether the satellite flies northward.
        corners: its corners in the UTM zone of its centre; see `Take`.
        grid: its grid of 10 m.
        footprint: its footprint in EPSG:4326.
        polar: whether the polarisations are HH and HV, as in polar regions.
    """

    relative: int
    number: int
    ascending: bool
    corners: tuple[Point, ...]
    grid: Grid
    footprint: Polygon
    polar: bool


class Sentinel1:
    """The collection; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: of the collection.
    """

    def __init__(self, planet: Planet, asset_id: str = ID) -> None:
        self.id = asset_id
        self.properties: Mapping[str, Any] = {
            "title": f"Synthetic Sentinel-1 ground range detected, {'dB' if asset_id == ID else 'linear power'}",
            "date_range": [EPOCH_MS, END_MS],
        }
        self._planet = planet
        self._frame = lru_cache(maxsize=4096)(self._make)
        self._lock = threading.Lock()

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The images around a region, which must be given; by time, then index.

        Raises:
            EarthEngineError: without a region, or with one that is too large.
        """
        start, end = interval or (EPOCH_MS, END_MS)
        start, end = max(start, EPOCH_MS), min(end, END_MS)
        found = []
        for frame in self._around(region):
            if region is None or frame.footprint.intersects(region):
                first = _begin(frame)
                cycle = SENTINEL1.days * DAY_MS
                turns = range(max(math.ceil((start - first) / cycle), 0), math.ceil((end - first) / cycle))
                taken = self._taken(frame, np.arange(turns.start, max(turns.start, turns.stop)))
                found += [self._image(frame, turns.start + int(each)) for each in np.flatnonzero(taken)]
        return in_order(found)

    def walk(self, interval: Interval) -> Iterator[ImageAsset]:
        """The images of the entire planet, one after another; see `track.walk`."""
        return walk(SENTINEL1, {0.0: EPOCH_MS}, self.images, interval, self.id, by_day=False)

    def find(self, index: str) -> ImageAsset | None:
        """The image of that index, or None."""
        parts = index.split("_")
        if len(parts) != 9 or not parts[6].isdigit():
            return None
        try:
            begun = milliseconds(parts[4])
        except ValueError:
            return None
        cycle, relative = divmod(int(parts[6]) - FIRST_ORBIT, SENTINEL1.turns)
        seconds = (begun - SENTINEL1.start(relative + 1, 0.0)) / 1000.0 - cycle * SENTINEL1.days * 86400.0
        number = math.floor(seconds / SENTINEL1.period * 2 * math.pi / FRAME)
        for near in (number - 1, number, number + 1):
            frame = self._frame(relative + 1, near)
            if frame is not None and cycle >= 0 and self._taken(frame, np.array([cycle]))[0]:
                image = self._image(frame, cycle)
                if image.index == index and EPOCH_MS <= image.properties["system:time_start"] < END_MS:
                    return image
        return None

    def _around(self, region: Area) -> list[Frame]:
        west, south, east, north = bounds_of_request(region, self.id, _WIDEST)
        numbers: set[tuple[int, int]] = set()
        for ascending in (True, False):
            for relative, angle in SENTINEL1.passes_in((west, south, east, north), ascending):
                number = math.floor(angle / FRAME)
                numbers.update((relative, each) for each in range(number - 1, number + 2))
        # Creating a frame is expensive, so those that are too far away are skipped.
        reach = math.radians(math.hypot(east - west, north - south) / 2) + _FARTHEST
        middle = sphere_point((west + east) / 2, (south + north) / 2)
        near = [each for each in sorted(numbers) if _apart(middle, *each) < reach]
        frames = [self._frame(*each) for each in near]
        return [frame for frame in frames if frame is not None]

    def _taken(self, frame: Frame, cycles: NDArray[np.int64]) -> NDArray[np.bool_]:
        # A few acquisitions are missing, as in reality.
        return uniform(salt(self._planet.seed, "s1", frame.relative, frame.number), cycles) > 0.06

    def _make(self, relative: int, number: int) -> Frame | None:
        angles = np.array([number, number + 0.5, number + 1]) * FRAME
        middle_lon, middle_lat = (float(each[1]) for each in SENTINEL1.ground(relative, angles, 0.0))
        ascending = math.cos(float(angles[1])) > 0.0
        if abs(middle_lat) > 79.0:
            return None
        polar = middle_lat > 74.0 or middle_lat < -58.0 or (middle_lat > 60.0 and -80.0 < middle_lon < -12.0)
        choice = float(value_noise(sphere_point(middle_lon, middle_lat), 2600e3, salt(self._planet.seed, "passes"))[0])
        if (ascending and choice > 0.74) or (not ascending and choice < 0.26):
            return None
        crs = utm(middle_lon, middle_lat)
        corners = strip_corners(SENTINEL1, relative, angles, crs, middle_lon)
        quad = Polygon(corners)
        outline = lonlat(quad, crs, middle_lon)
        if outline is None or not self._planet.mask.has_land(outline):
            return None
        left, bottom, right, top = (math.floor(each / 10) * 10 for each in quad.bounds)
        grid = Grid(crs, (10.0, 0.0, left, 0.0, -10.0, top + 10.0), (right - left) // 10 + 1, (top - bottom) // 10 + 1)
        return Frame(relative, number, ascending, corners, grid, outline, polar)

    def _image(self, frame: Frame, cycle: int) -> ImageAsset:
        start = SENTINEL1.start(frame.relative, frame.number * FRAME) + cycle * SENTINEL1.days * DAY_MS
        first = _begin(frame) + cycle * SENTINEL1.days * DAY_MS
        node = SENTINEL1.start(frame.relative, 0.0) + cycle * SENTINEL1.days * DAY_MS
        length = SENTINEL1.period * FRAME / (2 * math.pi) * 1000.0
        key = int(hash_words(salt(self._planet.seed, "s1 scene", frame.relative, frame.number), cycle)[0])
        orbit = FIRST_ORBIT + cycle * SENTINEL1.turns + frame.relative - 1
        index = (
            f"S1A_IW_GRDH_1S{'DH' if frame.polar else 'DV'}_{stamp(start)}_{stamp(start + length)}_{orbit:06d}_"
            f"{orbit * 7 % 0xFFFFFF:06X}_{key & 0xFFFF:04X}"
        )
        polarisations = ["HH", "HV"] if frame.polar else ["VV", "VH"]
        properties = {
            "system:time_start": first,
            "system:time_end": first,
            "instrumentMode": "IW",
            "orbitProperties_pass": "ASCENDING" if frame.ascending else "DESCENDING",
            "transmitterReceiverPolarisation": polarisations,
            "resolution_meters": 10,
            "resolution": "H",
            "productType": "GRD",
            "platform_number": "A",
            "relativeOrbitNumber_start": frame.relative,
            "relativeOrbitNumber_stop": frame.relative,
            "orbitNumber_start": orbit,
            "orbitNumber_stop": orbit,
            # Cycle 15 is that of orbit 73.
            "cycleNumber": (orbit - 73) // SENTINEL1.turns + 15,
            "orbitProperties_ascendingNodeTime": node,
            "startTimeANX": start - node,
            "stopTimeANX": round(start + length - node, 3),
            "sliceNumber": frame.number + 1,
            "sliceProductFlag": "true",
            **_SAME,
        }
        take = Take(key, frame.ascending, frame.corners, frame.grid, start + length / 2)
        bands = LazyBands(partial(radar_bands, self._planet, take, polarisations, self.id == POWER))
        return ImageAsset(f"{self.id}/{index}", properties, bands, frame.footprint, ring=True)


_SAME = {
    "familyName": "SENTINEL-1",
    "instrument": "Synthetic Aperture Radar",
    "instrumentSwath": "IW",
    "nssdcIdentifier": "2014-016A",
    "phaseIdentifier": 1,
    "productClass": "S",
    "productClassDescription": "SAR Standard L1 Product",
    "productComposition": "Slice",
}
"""Properties with the same value in all scenes."""


def _begin(frame: Frame) -> float:
    """When the scene of cycle 0 begins, in whole seconds: both times of a scene on Google's servers are this one."""
    return SENTINEL1.start(frame.relative, frame.number * FRAME) // 1000.0 * 1000.0


_FARTHEST = math.hypot(SENTINEL1.swath / 2 / RADIUS, FRAME / 2) + 0.03
"""Maximum distance of a frame's points from its centre, radians; plus 190 km, because its sides are straight."""


def _apart(place: Floats, relative: int, number: int) -> float:
    """The angle between a point on the sphere, (3, 1) metres, and the centre of a frame, radians."""
    lon, lat = SENTINEL1.ground(relative, np.array([(number + 0.5) * FRAME]), 0.0)
    gap = float(np.linalg.norm(sphere_point(float(lon[0]), float(lat[0])) - place)) / RADIUS
    return 2.0 * math.asin(min(gap / 2.0, 1.0))
