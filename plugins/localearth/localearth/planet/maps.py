"""Maps of the whole planet: WorldCover, canopy height and its deviation, the elevations of ASTER and SRTM."""

from collections.abc import Callable

import numpy as np
from attrs import frozen
from shapely.geometry import box

from localearth.planet.bands import LazyBands, made_band, rounded
from localearth.planet.cover import Kind
from localearth.planet.lattice import Lattice, Window
from localearth.planet.orbits import DAY_MS
from localearth.planet.truth import Planet, Truth
from localearth.raster.grid import Grid
from localearth.worlds.arrays import ArrayCollection
from localearth.worlds.base import ImageAsset, Mask, Pixels

WORLDCOVER = {"ESA/WorldCover/v100": ("2020", 1577836800000.0), "ESA/WorldCover/v200": ("2021", 1609459200000.0)}
"""Collections of one image: its index, and its time in milliseconds since 1970."""

CANOPY = "users/nlang/ETH_GlobalCanopyHeight_2020_10m_v1"
CANOPY_SD = "users/nlang/ETH_GlobalCanopyHeightSD_2020_10m_v1"
ASTER = "projects/sat-io/open-datasets/ASTER/GDEM"
SRTM = "USGS/SRTMGL1_003"
SRTM90 = "CGIAR/SRTM90_V4"

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


@frozen(eq=False)
class _Map:
    """A map of one band.

    Attributes:
        planet: the planet.
        band: the name of the band.
        dtype: its type.
        grid: its grid.
        make: its values and which of them are valid, from the truth of a window.
    """

    planet: Planet
    band: str
    dtype: str
    grid: Grid
    make: Callable[[Truth], tuple[Pixels, Mask]]

    def image(self, asset_id: str, **properties: float) -> ImageAsset:
        """The image with that id."""
        size, top = self.grid.transform[0], self.grid.transform[5]
        bands = LazyBands(lambda: [made_band(self.band, self.dtype, self.grid, self._read)])
        return ImageAsset(asset_id, properties, bands, box(-180.0, top - self.grid.height * size, 180.0, top))

    def _read(self, part: Window) -> tuple[Pixels, Mask]:
        size, left, top = self.grid.transform[0], self.grid.transform[2], self.grid.transform[5]
        north = 90.0 + (-180.0 - left)
        window = Window(part.row + round((north - top) / size), part.col, part.rows, part.cols)
        truth = self.planet.truth(Lattice("EPSG:4326", left, north, size), window)
        inner = truth.patch.window.slices(window)
        values, valid = self.make(truth)
        return np.where(valid[inner], rounded(values[inner], self.dtype), 0), valid[inner]


def _grid(north: float, south: float, size: float) -> Grid:
    return Grid("EPSG:4326", (size, 0.0, -180.0, 0.0, -size, north), round(360 / size), round((north - south) / size))


def assets(planet: Planet) -> list[ImageAsset | ArrayCollection]:
    """The collections of WorldCover and the single images."""
    tens = _grid(84.0, -60.0, TEN_METRES)
    cover = _Map(planet, "Map", "uint8", tens, _worldcover)
    made: list[ImageAsset | ArrayCollection] = []
    for asset_id, (index, start) in WORLDCOVER.items():
        times = {"system:time_start": start, "system:time_end": start + 366 * DAY_MS}
        only = cover.image(f"{asset_id}/{index}", **times)
        made.append(ArrayCollection(asset_id, [only], {"title": "Synthetic WorldCover"}))
    return [
        *made,
        _Map(planet, "b1", "int16", _grid(83.0, -83.0, SECOND), _elevation).image(ASTER),
        _Map(planet, "elevation", "int16", _SRTM_GRID, _ground).image(SRTM, **_SRTM_TIME),
        _Map(planet, "elevation", "int16", _grid(60.0, -60.0, 3 * SECOND), _ground).image(SRTM90, **_SRTM_TIME),
        _Map(planet, "b1", "uint8", tens, _height).image(CANOPY),
        _Map(planet, "b1", "uint8", tens, _height_deviation).image(CANOPY_SD),
    ]


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
