"""Maps of the whole planet: WorldCover, canopy height and its deviation, the elevations of ASTER and SRTM."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from localearth.planet.bands import Grid, LazyBands, MadeBand, rounded
from localearth.planet.cover import Kind
from localearth.planet.lattice import Lattice, Window
from localearth.planet.truth import Planet, Truth
from localearth.worlds.base import ImageAsset, Mask, Pixels

WORLDCOVER = {"ESA/WorldCover/v100": ("2020", 1577836800000.0), "ESA/WorldCover/v200": ("2021", 1609459200000.0)}
"""Collections of one image: its index, and its time in milliseconds since 1970."""

CANOPY = "users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1"
CANOPY_SD = "users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1"
ASTER = "projects/sat-io/open-datasets/ASTER/GDEM"
SRTM = "USGS/SRTMGL1_003"

SECOND = 1.0 / 3600.0
"""Size of a pixel of the elevations, degrees."""

_SRTM_GRID = Grid(
    "EPSG:4326", (SECOND, 0.0, -180.0 - SECOND / 2, 0.0, -SECOND, 60.0 + SECOND / 2), 360 * 3600 + 1, 116 * 3600 + 1
)
"""That of the real image: from 60 N to 56 S, with pixels centred on whole arc seconds."""

_SRTM_TIME = {"system:time_start": 950227200000.0, "system:time_end": 951177600000.0}
"""The days of the mission, 2000-02-11 to 2000-02-22."""

TEN_METRES = 1.0 / 12000.0
"""Size of a pixel of WorldCover and of the canopy height, degrees."""

_CODES = np.array([80, 10, 30, 90, 40, 20, 50, 60, 70, 95, 100], np.uint8)
"""WorldCover's class of each `Kind`."""


def _grid(north: float, south: float, size: float) -> Grid:
    return Grid("EPSG:4326", (size, 0.0, -180.0, 0.0, -size, north), round(360 / size), round((north - south) / size))


class Maps:
    """The images of a planet without a date."""

    def __init__(self, planet: Planet) -> None:
        self._planet = planet

    def image(self, asset_id: str) -> ImageAsset | None:
        """The image with that id, or None."""
        if asset_id == ASTER:
            return self._made(asset_id, "b1", "int16", _grid(83.0, -83.0, SECOND), _elevation)
        if asset_id == SRTM:
            return self._made(asset_id, "elevation", "int16", _SRTM_GRID, _ground, _SRTM_TIME)
        if asset_id == CANOPY:
            return self._made(asset_id, "b1", "uint8", _grid(84.0, -60.0, TEN_METRES), _height)
        if asset_id == CANOPY_SD:
            return self._made(asset_id, "b1", "uint8", _grid(84.0, -60.0, TEN_METRES), _height_deviation)
        collection, _, index = asset_id.rpartition("/")
        if collection in WORLDCOVER and index == WORLDCOVER[collection][0]:
            return self.worldcover(collection)
        return None

    def worldcover(self, collection: str) -> ImageAsset:
        """The only image of a WorldCover collection."""
        index, time = WORLDCOVER[collection]
        properties = {"system:time_start": time, "system:time_end": time + 366 * 86_400_000.0}
        grid = _grid(84.0, -60.0, TEN_METRES)
        return self._made(f"{collection}/{index}", "Map", "uint8", grid, _worldcover, properties)

    def _made(
        self, asset_id: str, band: str, dtype: str, grid: Grid, make: Any, properties: Mapping[str, Any] | None = None
    ) -> ImageAsset:
        def bands() -> list[MadeBand]:
            return [MadeBand(band, dtype, grid, partial(self._read, make, dtype, grid))]

        top = grid.transform[5]
        footprint = box(-180.0, top - grid.height * grid.transform[0], 180.0, top)
        return ImageAsset(asset_id, properties or {}, LazyBands(bands), footprint)

    def _read(self, make: Any, dtype: str, grid: Grid, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        size, left, top = grid.transform[0], grid.transform[2], grid.transform[5]
        north = 90.0 + (-180.0 - left)
        window = Window(row + round((north - top) / size), col, rows, cols)
        lattice = Lattice("EPSG:4326", left, north, size)
        truth = self._planet.truth(lattice, window)
        inner = truth.patch.window.slices(window)
        values, valid = make(truth)
        return np.where(valid[inner], rounded(values[inner], dtype), 0), valid[inner]


class WorldCover:
    """A WorldCover collection with one image; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: the properties of the collection.
    """

    def __init__(self, maps: Maps, asset_id: str) -> None:
        self.id = asset_id
        self.properties: Mapping[str, Any] = {"title": "Synthetic WorldCover"}
        self._image = maps.worldcover(asset_id)

    def images(
        self, region: BaseGeometry | None = None, interval: tuple[float, float] | None = None
    ) -> Sequence[ImageAsset]:
        """The only image, unless the interval or the region excludes it."""
        time = self._image.properties["system:time_start"]
        footprint = self._image.footprint
        if interval is not None and not interval[0] <= time < interval[1]:
            return []
        return (
            [] if region is not None and footprint is not None and not footprint.intersects(region) else [self._image]
        )


def _worldcover(truth: Truth) -> tuple[Pixels, Mask]:
    # The open sea is not mapped.
    return _CODES[truth.cover.kind], ~truth.terrain.sea | (truth.terrain.shore > 0.0)


def _elevation(truth: Truth) -> tuple[Pixels, Mask]:
    return truth.terrain.elevation, ~truth.terrain.sea


def _ground(truth: Truth) -> tuple[Pixels, Mask]:
    # The real image has 0 at sea, where it has pixels.
    return np.where(truth.terrain.sea, 0.0, truth.terrain.elevation), np.ones(truth.terrain.sea.shape, bool)


def _height(truth: Truth) -> tuple[Pixels, Mask]:
    return truth.canopy, truth.cover.kind != Kind.WATER


def _height_deviation(truth: Truth) -> tuple[Pixels, Mask]:
    return 2.0 + 0.22 * truth.canopy + 2.0 * truth.cover.patchy, truth.cover.kind != Kind.WATER
