"""Maps without a date: WorldCover, canopy height and its deviation, and ASTER's elevation."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from shapely.geometry import box

from localearth.planet.bands import LazyBands, MadeBand, rounded
from localearth.planet.cover import Kind
from localearth.planet.lattice import Lattice, Window
from localearth.planet.truth import Planet, Truth
from localearth.raster.grid import Grid
from localearth.worlds.base import Area, ImageAsset, Interval, Mask, Pixels, selected

WORLDCOVER = {"ESA/WorldCover/v100": ("2020", 1577836800000.0), "ESA/WorldCover/v200": ("2021", 1609459200000.0)}
"""Collections of one image: its index, and its time in milliseconds since 1970."""

CANOPY = "users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1"
CANOPY_SD = "users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1"
ASTER = "projects/sat-io/open-datasets/ASTER/GDEM"

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
            return self._made(asset_id, "b1", "int16", _grid(83.0, -83.0, 1.0 / 3600.0), _elevation)
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

    def _read(self, make: Any, dtype: str, grid: Grid, part: Window) -> tuple[Pixels, Mask]:
        size = grid.transform[0]
        lattice = Lattice("EPSG:4326", -180.0, 90.0, size)
        window = Window(part.row + round((90.0 - grid.transform[5]) / size), part.col, part.rows, part.cols)
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

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The only image, unless the interval or the region excludes it."""
        return selected([self._image], region, interval)


def _worldcover(truth: Truth) -> tuple[Pixels, Mask]:
    # The open sea is not mapped.
    return _CODES[truth.cover.kind], ~truth.terrain.sea | (truth.terrain.shore > 0.0)


def _elevation(truth: Truth) -> tuple[Pixels, Mask]:
    return truth.terrain.elevation, ~truth.terrain.sea


def _height(truth: Truth) -> tuple[Pixels, Mask]:
    return truth.canopy, truth.cover.kind != Kind.WATER


def _height_deviation(truth: Truth) -> tuple[Pixels, Mask]:
    return 2.0 + 0.22 * truth.canopy + 2.0 * truth.cover.patchy, truth.cover.kind != Kind.WATER
