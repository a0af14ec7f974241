"""Landsat 8 and 9, Collection 2 level 2: scenes of the Worldwide Reference System 2 with surface reflectance.

Paths, rows and days are the real ones: a scene has the name, the place (within some 20 km) and the date of the
satellite's. As in the archive, scenes south of the equator are in the northern UTM zones, and the edges of pixels are
15 m more than multiples of 30 m.
"""

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from attrs import frozen
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from localearth.planet.bands import Grid, LazyBands
from localearth.planet.clouds import climate, cloudiness
from localearth.planet.hashing import Floats, Words, hash_words, salt, uniform
from localearth.planet.landsat_bands import Take, landsat_bands
from localearth.planet.optics import Optics, Pass, sphere_point
from localearth.planet.orbits import DAY_MS, END_MS, EPOCH_MS, LANDSAT, day_of_year
from localearth.planet.outlines import Line, lonlat, side
from localearth.planet.request import bounds_of_request
from localearth.planet.scenes import KEPT
from localearth.planet.track import walk
from localearth.values.projection import reproject
from localearth.worlds.base import ImageAsset

ROWS = 248
"""Rows of an orbit; row 60 is at the southward crossing of the equator."""

STEP = 2 * math.pi / ROWS
HALF = 0.0141
"""Half the length of a scene along the track, radians (90 km); neighbours overlap."""

FIRST_PATH = -64.6
"""Longitude of path 1 at row 60, degrees."""

NORTH, SOUTH = 79.0, -60.0
"""Limits of the scenes' centres; the archive has scenes of Antarctica in polar projections, this world has none."""

_WIDEST = 12.0
"""Maximum width and height of a requested region, degrees."""

_CYCLE = LANDSAT.days * DAY_MS


@frozen
class Satellite:
    """One of the satellites.

    Attributes:
        code: start of the scenes' names.
        number: 8 or 9.
        shift: days by which its cycle is later than that of the orbit's formulas.
        since: first image, milliseconds since 1970.
    """

    code: str
    number: int
    shift: int
    since: float

    @property
    def id(self) -> str:
        """The collection's id."""
        return f"LANDSAT/{self.code}/C02/T1_L2"


LANDSAT8 = Satellite("LC08", 8, 2, EPOCH_MS)
LANDSAT9 = Satellite("LC09", 9, 10, dt.datetime(2021, 10, 31, tzinfo=dt.UTC).timestamp() * 1000.0)


@frozen(eq=False)
class Frame:
    """A scene's place.

    Attributes:
        path: its path.
        row: its row.
        relative: the relative orbit.
        crs: UTM zone of its centre, always a northern one.
        lines: its four sides in that zone.
        grid: its grid of 30 m.
        footprint: its footprint in EPSG:4326.
        lon: longitude of its centre, degrees.
        lat: latitude of its centre, degrees.
    """

    path: int
    row: int
    relative: int
    crs: str
    lines: tuple[Line, ...]
    grid: Grid
    footprint: Polygon
    lon: float
    lat: float


@frozen(eq=False)
class Calendar:
    """The acquisitions of a frame, one element each.

    Attributes:
        times: milliseconds since 1970, in order.
        keys: salts of the passes, so that neighbouring rows share their clouds.
        days: days of the year.
        means: mean cloudiness of the climate.
        cloudy: percentage of cloud.
    """

    times: Floats
    keys: Words
    days: list[int]
    means: Floats
    cloudy: Floats


class Landsat:
    """The collection of one satellite; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: of the collection.
    """

    def __init__(self, optics: Optics, satellite: Satellite) -> None:
        self.id = satellite.id
        self.properties: Mapping[str, Any] = {
            "title": f"Synthetic Landsat {satellite.number} level 2",
            "date_range": [satellite.since, END_MS],
        }
        self._optics = optics
        self._planet = optics.planet
        self._satellite = satellite
        self._frame = lru_cache(maxsize=2048)(self._make)
        self._calendar = lru_cache(maxsize=256)(self._acquisitions)
        self._image_of = lru_cache(maxsize=KEPT)(self._image)

    def images(
        self, region: BaseGeometry | None = None, interval: tuple[float, float] | None = None
    ) -> Sequence[ImageAsset]:
        """The images around a region, which must be given; by time, then index.

        Raises:
            EarthEngineError: without a region, or with one that is too large.
        """
        start, end = interval or (EPOCH_MS, END_MS)
        found = []
        for frame in self._around(region):
            if region is None or frame.footprint.intersects(region):
                first, last = np.searchsorted(self._calendar(frame).times, (start, end))
                found += [self._image_of(frame, at) for at in range(int(first), int(last))]
        return sorted(found, key=lambda image: (image.properties["system:time_start"], image.index))

    def walk(self, interval: tuple[float, float] | None) -> Iterator[ImageAsset]:
        """The images of the entire planet, one after another; see `track.walk`."""
        return walk(LANDSAT, {self._satellite.shift: self._satellite.since}, self.images, interval, self.id)

    def find(self, index: str) -> ImageAsset | None:
        """The image of that index, or None."""
        parts = index.split("_")
        if len(parts) != 3 or parts[0] != self._satellite.code or len(parts[1]) != 6 or not parts[1].isdigit():
            return None
        path, row = int(parts[1][:3]), int(parts[1][3:])
        for relative in range(1, LANDSAT.turns + 1):
            frame = self._frame(relative, row) if _path(relative) == path else None
            for at in range(len(self._calendar(frame).times) if frame is not None else 0):
                image = self._image_of(frame, at)
                if image.index == index:
                    return image
        return None

    def _around(self, region: BaseGeometry | None) -> list[Frame]:
        west, south, east, north = bounds_of_request(region, self.id, _WIDEST)
        numbers: set[tuple[int, int]] = set()
        for lat in np.arange(south, north + 1.0, 1.0).clip(south, north):
            for lon in np.arange(west, east + 2.0, 2.0).clip(west, east):
                for relative, angle in LANDSAT.passes(float(lon), float(lat), northward=False):
                    row = 60 + round((angle - math.pi) / STEP)
                    numbers.update((relative, each) for each in range(row - 2, row + 3))
        frames = [self._frame(*each) for each in sorted(numbers)]
        return [frame for frame in frames if frame is not None]

    def _make(self, relative: int, row: int) -> Frame | None:
        angles = math.pi + (row - 60) * STEP + np.array([-HALF, 0.0, HALF])
        middle_lon, middle_lat = (float(each[1]) for each in LANDSAT.ground(relative, angles, 0.0))
        if not SOUTH < middle_lat < NORTH or not 1 <= row <= 122:
            return None
        zone = min(int((middle_lon + 180.0) // 6.0) + 1, 60)
        crs = f"EPSG:326{zone:02d}"
        ring = []
        half = LANDSAT.swath / 2
        for across, order in ((-half, (0, 2)), (half, (2, 0))):
            lon, lat = LANDSAT.ground(relative, angles, across)
            near = (lon - middle_lon + 180.0) % 360.0 - 180.0 + middle_lon
            x, y = reproject("EPSG:4326", crs, near, lat)
            ring += [(round(float(x[each])), round(float(y[each]))) for each in order]
        quad = Polygon(ring)
        outline = lonlat(quad, crs, middle_lon)
        if outline is None or not self._has_land(outline):
            return None
        inner = (quad.centroid.x, quad.centroid.y)
        lines = tuple(side(a, b, inner) for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
        left, bottom, right, top = ((math.floor((each - 15) / 30) * 30 + 15) for each in quad.bounds)
        width, height = (right - left) // 30 + 1, (top - bottom) // 30 + 1
        grid = Grid(crs, (30.0, 0.0, float(left), 0.0, -30.0, float(top + 30)), width, height)
        return Frame(_path(relative), row, relative, crs, lines, grid, outline, middle_lon, middle_lat)

    def _has_land(self, outline: Polygon) -> bool:
        west, south, east, north = outline.bounds
        rows = slice(int((90.0 - north) * 8), int((90.0 - south) * 8) + 1)
        cols = slice(int((west + 180.0) * 8), int((east + 180.0) * 8) + 1)
        return bool(self._planet.mask.coarse[rows, cols].any())

    def _acquisitions(self, frame: Frame) -> Calendar:
        satellite, seed = self._satellite, self._planet.seed
        first = LANDSAT.start(frame.relative, math.pi + (frame.row - 60) * STEP) + satellite.shift * DAY_MS
        cycles = np.arange(-2, int((END_MS - EPOCH_MS) // _CYCLE) + 2)
        times = first + cycles * _CYCLE
        kept = (times >= satellite.since) & (times < END_MS)
        # A few acquisitions are missing, as in reality.
        kept &= uniform(salt(seed, satellite.code, frame.relative, frame.row), cycles) > 0.04
        times, cycles = times[kept], cycles[kept]
        days = [day_of_year(time) for time in times]
        keys = hash_words(salt(seed, "landsat pass", satellite.code, frame.relative), cycles)
        point = sphere_point(frame.lon, frame.lat)
        region = self._planet.regions.at(point, np.array([frame.lon]), np.array([frame.lat]))
        means = np.round(climate(region, np.array(days, float)), 6)
        cloudy = np.round(100.0 * cloudiness(np.repeat(point, len(days), axis=1), means, keys), 2)
        return Calendar(times, keys, days, means, cloudy)

    def _image(self, frame: Frame, at: int) -> ImageAsset:
        calendar, satellite = self._calendar(frame), self._satellite
        time = float(calendar.times[at])
        when = dt.datetime.fromtimestamp(time / 1000.0, dt.UTC)
        seen = Pass(int(calendar.keys[at]), calendar.days[at], frame.lon, frame.lat, float(calendar.means[at]))
        east, north, up = seen.sun()
        place, cloudy = f"{frame.path:03d}{frame.row:03d}", float(calendar.cloudy[at])
        # Level 2 is processed some two weeks after the acquisition.
        processed = when + dt.timedelta(days=14)
        properties = {
            "system:time_start": time,
            "system:time_end": time,
            "CLOUD_COVER": cloudy,
            "CLOUD_COVER_LAND": cloudy,
            "WRS_PATH": frame.path,
            "WRS_ROW": frame.row,
            "WRS_TYPE": 2,
            "DATE_ACQUIRED": f"{when:%Y-%m-%d}",
            "SCENE_CENTER_TIME": f"{when:%H:%M:%S}.0000000Z",
            "SUN_ELEVATION": round(math.degrees(math.asin(up)), 6),
            "SUN_AZIMUTH": round(math.degrees(math.atan2(east, north)), 6),
            "SPACECRAFT_ID": f"LANDSAT_{satellite.number}",
            "SENSOR_ID": "OLI_TIRS",
            "COLLECTION_CATEGORY": "T1",
            "COLLECTION_NUMBER": 2,
            "PROCESSING_LEVEL": "L2SP",
            "UTM_ZONE": int(frame.crs[-2:]),
            "GRID_CELL_SIZE_REFLECTIVE": 30,
            "LANDSAT_PRODUCT_ID": f"{satellite.code}_L2SP_{place}_{when:%Y%m%d}_{processed:%Y%m%d}_02_T1",
            "LANDSAT_SCENE_ID": f"LC{satellite.number}{place}{when:%Y%j}LGN00",
        }
        take = Take(seen, frame.lines, frame.grid)
        bands = LazyBands(partial(landsat_bands, self._optics, take))
        return ImageAsset(
            f"{self.id}/{satellite.code}_{place}_{when:%Y%m%d}", properties, bands, frame.footprint, ring=True
        )


def _path(relative: int) -> int:
    """The path of a relative orbit: paths are numbered westward."""
    lon, _ = LANDSAT.ground(relative, np.array([math.pi]), 0.0)
    return round((FIRST_PATH - float(lon[0])) * LANDSAT.turns / 360.0) % LANDSAT.turns + 1
