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

from localearth.planet.bands import LazyBands
from localearth.planet.hashing import hash_words, salt, uniform
from localearth.planet.landsat_bands import Take, landsat_bands
from localearth.planet.optics import Optics, Passes, passes
from localearth.planet.orbits import DAY_MS, END_MS, EPOCH_MS, LANDSAT, start_of
from localearth.planet.outlines import Line, lonlat, sides, strip_corners
from localearth.planet.request import bounds_of_request
from localearth.planet.scenes import KEPT
from localearth.planet.track import walk
from localearth.raster.grid import Grid
from localearth.worlds.base import Area, ImageAsset, Interval, in_order

ROWS = 248
"""Rows of an orbit; row 60 is at the southward crossing of the equator."""

_DAY_ROWS = range(1, 123)
"""Rows on the way south, by day."""

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
LANDSAT9 = Satellite("LC09", 9, 10, start_of(2021, 10, 31))


@frozen(eq=False)
class Frame:
    """A scene's place.

    Attributes:
        path: its path.
        row: its row.
        relative: the relative orbit.
        lines: its four sides in the UTM zone of its centre, always a northern one.
        grid: its grid of 30 m in that zone.
        footprint: its footprint in EPSG:4326.
        lon: longitude of its centre, degrees.
        lat: latitude of its centre, degrees.
    """

    path: int
    row: int
    relative: int
    lines: tuple[Line, ...]
    grid: Grid
    footprint: Polygon
    lon: float
    lat: float


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

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
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
        return in_order(found)

    def walk(self, interval: Interval) -> Iterator[ImageAsset]:
        """The images of the entire planet, one after another; see `track.walk`."""
        return walk(LANDSAT, {self._satellite.shift: self._satellite.since}, self.images, interval, self.id)

    def locate(self, properties: Mapping[str, Any]) -> Area:
        """A point in the images of a path and row; None without both."""
        path, row = (properties.get(name) for name in ("WRS_PATH", "WRS_ROW"))
        if row not in _DAY_ROWS:
            return None
        frame = self._frame_of(path, row)
        return None if frame is None else frame.footprint.representative_point()

    def find(self, index: str) -> ImageAsset | None:
        """The image of that index, or None."""
        parts = index.split("_")
        if len(parts) != 3 or parts[0] != self._satellite.code or len(parts[1]) != 6 or not parts[1].isdigit():
            return None
        frame = self._frame_of(int(parts[1][:3]), int(parts[1][3:]))
        times = () if frame is None else self._calendar(frame).times
        images = (self._image_of(frame, at) for at in range(len(times)))
        return next((image for image in images if image.index == index), None)

    def _frame_of(self, path: Any, row: Any) -> Frame | None:
        """The place of the scenes of a path and row; None without land."""
        relative = next((each for each in range(1, LANDSAT.turns + 1) if _path(each) == path), None)
        return None if relative is None else self._frame(relative, int(row))

    def _around(self, region: Area) -> list[Frame]:
        numbers: set[tuple[int, int]] = set()
        for relative, angle in LANDSAT.passes_in(bounds_of_request(region, self.id, _WIDEST), northward=False):
            row = 60 + round((angle - math.pi) / STEP)
            numbers.update((relative, each) for each in range(row - 2, row + 3))
        frames = [self._frame(*each) for each in sorted(numbers)]
        return [frame for frame in frames if frame is not None]

    def _make(self, relative: int, row: int) -> Frame | None:
        angles = math.pi + (row - 60) * STEP + np.array([-HALF, 0.0, HALF])
        middle_lon, middle_lat = (float(each[1]) for each in LANDSAT.ground(relative, angles, 0.0))
        if not SOUTH < middle_lat < NORTH or row not in _DAY_ROWS:
            return None
        zone = min(int((middle_lon + 180.0) // 6.0) + 1, 60)
        crs = f"EPSG:326{zone:02d}"
        corners = strip_corners(LANDSAT, relative, angles, crs, middle_lon)
        quad = Polygon(corners)
        outline = lonlat(quad, crs, middle_lon)
        if outline is None or not self._planet.mask.has_land(outline):
            return None
        left, bottom, right, top = ((math.floor((each - 15) / 30) * 30 + 15) for each in quad.bounds)
        width, height = (right - left) // 30 + 1, (top - bottom) // 30 + 1
        grid = Grid(crs, (30.0, 0.0, float(left), 0.0, -30.0, float(top + 30)), width, height)
        return Frame(_path(relative), row, relative, sides(corners), grid, outline, middle_lon, middle_lat)

    def _acquisitions(self, frame: Frame) -> Passes:
        satellite, seed = self._satellite, self._planet.seed
        first = LANDSAT.start(frame.relative, math.pi + (frame.row - 60) * STEP) + satellite.shift * DAY_MS
        cycles = np.arange(-2, int((END_MS - EPOCH_MS) // _CYCLE) + 2)
        times = first + cycles * _CYCLE
        kept = (times >= satellite.since) & (times < END_MS)
        # A few acquisitions are missing, as in reality.
        kept &= uniform(salt(seed, satellite.code, frame.relative, frame.row), cycles) > 0.04
        times, cycles = times[kept], cycles[kept]
        keys = hash_words(salt(seed, "landsat pass", satellite.code, frame.relative), cycles)
        return passes(self._planet, (frame.lon, frame.lat), times, keys, digits=2)

    def _image(self, frame: Frame, at: int) -> ImageAsset:
        calendar, satellite = self._calendar(frame), self._satellite
        time = float(calendar.times[at])
        when = dt.datetime.fromtimestamp(time / 1000.0, dt.UTC)
        east, north, up = calendar[at].sun()
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
            "UTM_ZONE": int(frame.grid.crs[-2:]),
            "GRID_CELL_SIZE_REFLECTIVE": 30,
            "LANDSAT_PRODUCT_ID": f"{satellite.code}_L2SP_{place}_{when:%Y%m%d}_{processed:%Y%m%d}_02_T1",
            "LANDSAT_SCENE_ID": f"LC{satellite.number}{place}{when:%Y%j}LGN00",
        }
        take = Take(calendar[at], frame.lines, frame.grid)
        bands = LazyBands(partial(landsat_bands, self._optics, take))
        return ImageAsset(
            f"{self.id}/{satellite.code}_{place}_{when:%Y%m%d}", properties, bands, frame.footprint, ring=True
        )


def _path(relative: int) -> int:
    """The path of a relative orbit: paths are numbered westward."""
    lon, _ = LANDSAT.ground(relative, np.array([math.pi]), 0.0)
    return round((FIRST_PATH - float(lon[0])) * LANDSAT.turns / 360.0) % LANDSAT.turns + 1
