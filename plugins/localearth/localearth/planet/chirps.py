"""CHIRPS: daily precipitation of 2016 to 2024 on a grid of 0.05 degrees, over land between 50 S and 50 N.

The days of a month add up to the month's precipitation of ERA5-Land on this planet, computed at the smaller cells.
"""

import calendar
import datetime as dt
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from shapely.geometry import box

from localearth.planet.bands import LazyBands, made_band
from localearth.planet.era5 import monthly_rain
from localearth.planet.hashing import Floats, salt
from localearth.planet.lattice import Window, on_sphere
from localearth.planet.noise import value_noise
from localearth.planet.orbits import DAY_MS, END_MS, EPOCH, EPOCH_MS
from localearth.planet.truth import Planet, Recent
from localearth.raster.grid import Grid
from localearth.worlds.base import Area, ImageAsset, Interval, Mask, Pixels

ID = "UCSB-CHG/CHIRPS/DAILY"
SIZE = float(np.float32(0.05))
"""Side of a cell, degrees; a single-precision number in the original files."""

GRID = Grid("EPSG:4326", (SIZE, 0.0, -180.0, 0.0, -SIZE, 50.0), 7200, 2000)

DAYS = int((END_MS - EPOCH_MS) / DAY_MS)
STORM = 350e3
"""Wavelength of a day's rain, metres."""

_DRY = 0.52
"""Where the day's field is below this, no rain falls."""

_CELLS = 6
"""Cells of the land mask along a side of a cell."""

_FOOTPRINT = box(-180.0, -50.0, 180.0, 50.0)


class Chirps:
    """The collection; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: of the collection.
    """

    def __init__(self, planet: Planet) -> None:
        self.id = ID
        self.properties: Mapping[str, Any] = {"title": "Synthetic CHIRPS, daily"}
        self._planet = planet
        self._recent: Recent[tuple[Floats, Mask]] = Recent(64)
        self._day = lru_cache(maxsize=None)(self._image)

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The days in order; none if the region is north or south of the data."""
        if region is not None and not region.intersects(_FOOTPRINT):
            return []
        start, end = interval or (EPOCH_MS, END_MS)
        first, last = (int(np.clip(-((EPOCH_MS - each) // DAY_MS), 0, DAYS)) for each in (start, end))
        return [self._day(number) for number in range(first, last)]

    def find(self, index: str) -> ImageAsset | None:
        """The image with that index, e.g. `20180715`, or None."""
        try:
            day = dt.datetime.strptime(index, "%Y%m%d").replace(tzinfo=dt.UTC)
        except ValueError:
            return None
        number = (day - EPOCH).days
        return self._day(number) if 0 <= number < DAYS and len(index) == 8 else None

    def _image(self, number: int) -> ImageAsset:
        day = EPOCH + dt.timedelta(days=number)
        start = EPOCH_MS + number * DAY_MS
        properties = {"system:time_start": start, "system:time_end": start + DAY_MS}
        bands = LazyBands(lambda: [made_band("precipitation", "float32", GRID, partial(self._read, day))])
        return ImageAsset(f"{self.id}/{day:%Y%m%d}", properties, bands, _FOOTPRINT)

    def _read(self, day: dt.datetime, window: Window) -> tuple[Pixels, Mask]:
        month = (day.year, day.month)
        held, (rain, valid) = self._recent.get(month, window, lambda: (window, self._cells(*month, window)))
        down, across = held.slices(window)
        return rain[day.day - 1, down, across], valid[down, across]

    def _cells(self, year: int, month: int, window: Window) -> tuple[Floats, Mask]:
        """The rain of every day of a month, (days, rows, cols) mm, and which cells are land."""
        rows, cols = window.rows, window.cols
        lon = -180.0 + 0.05 * (np.arange(window.col, window.col + cols) + 0.5)
        lat = 50.0 - 0.05 * (np.arange(window.row, window.row + rows) + 0.5)
        lon, lat = np.meshgrid(lon, lat)
        points = on_sphere(lon, lat)
        north = 40 * 120
        land = self._planet.mask.window(north + _CELLS * window.row, _CELLS * window.col, _CELLS * rows, _CELLS * cols)
        valid = land.reshape(rows, _CELLS, cols, _CELLS).sum(axis=(1, 3)) > _CELLS * _CELLS // 2
        region = self._planet.regions.at(points, lon, lat)
        total = monthly_rain(self._planet, region, points, [(year, month)])[0]
        days = calendar.monthrange(year, month)[1]
        keys = [salt(self._planet.seed, "rain", year, month, day) for day in range(days)]
        field = value_noise(points[:, None], STORM, np.array(keys, np.uint32)[:, None, None]).astype(np.float64)
        # The smallest share keeps the sum above 0 in a month without any storm; it rains evenly then.
        share = np.maximum(field - _DRY, 0.0) ** 2 + 1e-9
        rain = np.round(total * share / share.sum(axis=0) * 1024.0) / 1024.0
        return np.where(valid, rain, 0.0).astype(np.float32), valid
