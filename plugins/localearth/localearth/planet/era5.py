"""ERA5-Land: monthly temperature and precipitation of 2016 to 2020 on a grid of 0.1 degrees, over land."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import box

from localearth.planet.bands import LazyBands, made_band
from localearth.planet.clouds import season
from localearth.planet.hashing import Floats, salt
from localearth.planet.lattice import Window, on_sphere
from localearth.planet.noise import value_noise
from localearth.planet.orbits import start_of
from localearth.planet.region import LAPSE, Region
from localearth.planet.terrain import moisture
from localearth.planet.truth import Planet, Recent
from localearth.raster.grid import Grid
from localearth.worlds.base import Area, ImageAsset, Interval, Mask, Pixels, selected

ID = "ECMWF/ERA5_LAND/MONTHLY_AGGR"
BANDS = ("temperature_2m", "temperature_2m_min", "temperature_2m_max", "total_precipitation_sum")
FIRST, LAST = 2016, 2020
Months = NDArray[np.int64]
MONTHS = tuple((year, month) for year in range(FIRST, LAST + 1) for month in range(1, 13))
GRID = Grid("EPSG:4326", (0.1, 0.0, -180.05, 0.0, -0.1, 90.05), 3601, 1801)
"""Cells are centred on whole tenths of a degree, as in Earth Engine."""

_FOOTPRINT = box(-180.0, -90.0, 180.0, 90.0)


class Era5:
    """The collection; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: of the collection.
    """

    def __init__(self, planet: Planet) -> None:
        self.id = ID
        self.properties: Mapping[str, Any] = {"title": "Synthetic ERA5-Land, monthly"}
        self._planet = planet
        self._recent: Recent[tuple[dict[str, Floats], Mask]] = Recent(64)
        self._months = [self._image(year, month) for year, month in MONTHS]

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The months in order. `region` is ignored, because every image covers the world."""
        return selected(self._months, None, interval)

    def find(self, index: str) -> ImageAsset | None:
        """The image with that index, e.g. `201807`, or None."""
        if len(index) != 6 or not index.isdigit():
            return None
        year, month = int(index[:4]), int(index[4:])
        return self._months[MONTHS.index((year, month))] if (year, month) in MONTHS else None

    def _image(self, year: int, month: int) -> ImageAsset:
        properties = {
            "system:time_start": start_of(year, month),
            "system:time_end": start_of(year + month // 12, month % 12 + 1),
            "year": year,
            "month": month,
        }
        bands = LazyBands(lambda: [made_band(n, "float64", GRID, partial(self._read, n, year, month)) for n in BANDS])
        return ImageAsset(f"{self.id}/{year}{month:02d}", properties, bands, _FOOTPRINT)

    def _read(self, name: str, year: int, month: int, window: Window) -> tuple[Pixels, Mask]:
        held, (values, valid) = self._recent.get(self.id, window, lambda: (window, self._cells(window)))
        down, across = held.slices(window)
        return values[name][MONTHS.index((year, month)), down, across], valid[down, across]

    def _cells(self, window: Window) -> tuple[dict[str, Floats], Mask]:
        """All bands of some cells, (months, rows, cols) each, and which cells are land."""
        rows, cols = window.rows, window.cols
        lon = -180.0 + 0.1 * np.arange(window.col, window.col + cols)
        lon, lat = np.meshgrid(lon, np.clip(90.0 - 0.1 * np.arange(window.row, window.row + rows), -90.0, 90.0))
        points = on_sphere(lon, lat)
        # A cell contains 12 x 12 cells of the land mask.
        land = self._planet.mask.window(12 * window.row - 6, 12 * window.col - 6, 12 * rows, 12 * cols)
        valid = land.reshape(rows, 12, cols, 12).sum(axis=(1, 3)) > 72
        region = self._planet.regions.at(points, lon, lat)
        # All months at once, because four years are requested per cell.
        month = np.array([each for _, each in MONTHS])[:, None, None]
        odd = _odd(self._planet, points, MONTHS)
        made: dict[str, Floats] = {}
        for name in BANDS:
            if name == "total_precipitation_sum":
                values = np.round(_rain(region, month) * (1.0 + 1.3 * odd) * 1e-3 * 2.0**16) / 2.0**16
            else:
                values = np.round((_temperature(region, month, name) + 4.0 * odd) * 128.0) / 128.0
            made[name] = np.where(valid, values, 0.0)
        return made, valid


def _temperature(region: Region, month: Months, name: str) -> Floats:
    """Temperature, Kelvin. The month's minimum and maximum differ more in dry regions."""
    middle = 30.4 * month - 15.0
    cosine = -np.round(np.cos((middle - 21.0) * (2.0 * np.pi / 365.25)), 9)
    mean = 273.15 + region.mean - LAPSE * region.coarse_elevation + region.swing * cosine
    spread = 6.0 + 7.0 / (1.0 + 2.0 * moisture(region.rain, region.mean))
    result: Floats = mean + {"temperature_2m": 0.0, "temperature_2m_min": -spread, "temperature_2m_max": spread}[name]
    return result


def _odd(planet: Planet, points: Floats, months: Sequence[tuple[int, int]]) -> Floats:
    """How much a month differs from the average, -0.5 to 0.5, (months, rows, cols)."""
    keys = np.array([salt(planet.seed, "month", *each) for each in months], np.uint32)[:, None, None]
    return value_noise(points[:, None], 1800e3, keys).astype(np.float64) - 0.5


def monthly_rain(planet: Planet, region: Region, points: Floats, months: Sequence[tuple[int, int]]) -> Floats:
    """Precipitation of some months at some points, (months, rows, cols) mm."""
    month = np.array([each for _, each in months])[:, None, None]
    result: Floats = _rain(region, month) * (1.0 + 1.3 * _odd(planet, points, months))
    return result


def _rain(region: Region, month: Months) -> Floats:
    """Precipitation of the month, mm: summer rain in the tropics, slightly more in winter elsewhere."""
    phase = season(30.4 * month - 15.0, region.swing)
    return region.rain / 12.0 * (1.0 + np.where(np.abs(region.lat) < 28.0, 0.8, -0.25) * phase)
