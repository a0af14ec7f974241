"""Copernicus GLO-30: elevation as a collection of tiles of one degree, whose mosaic has no projection of its own."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from shapely.geometry import box

from localearth.errors import EarthEngineError
from localearth.planet.bands import LazyBands, made_band
from localearth.planet.lattice import Lattice, Window
from localearth.planet.request import bounds_of_request
from localearth.planet.truth import Planet
from localearth.raster.grid import Grid
from localearth.worlds.base import Area, ImageAsset, Interval, Mask, Pixels

ID = "COPERNICUS/DEM/GLO30"

PIXELS = 3600
SIZE = 1.0 / PIXELS
"""Size of a pixel, degrees; the real tiles have wider pixels beyond 50 degrees of latitude."""

LATTICE = Lattice("EPSG:4326", -180.0 - SIZE / 2, 90.0 + SIZE / 2, SIZE)
"""Pixels are centred on multiples of an arc second, as in the real tiles."""

TIME = 1_291_161_600_000.0
"""2010-12-01."""

_MOST = 400
"""Maximum number of tiles around a region."""


class ElevationTiles:
    """The collection; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: of the collection.
    """

    def __init__(self, planet: Planet) -> None:
        self.id = ID
        self.properties: Mapping[str, Any] = {"title": "Synthetic Copernicus GLO-30"}
        self._planet = planet
        self._tile = lru_cache(maxsize=1024)(self._make)

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The tiles around a region, which must be given, in order of their names.

        Raises:
            EarthEngineError: without a region, or when there would be too many.
        """
        if interval is not None and not interval[0] <= TIME < interval[1]:
            return []
        west, south, east, north = (math.floor(each) for each in bounds_of_request(region, self.id))
        if (east - west + 1) * (north - south + 1) > _MOST:
            raise EarthEngineError(
                f"Collection '{self.id}': the region meets more than {_MOST} tiles. Filter by smaller bounds."
            )
        tiles = [self._tile(lon, lat) for lat in range(south - 1, north + 2) for lon in range(west - 1, east + 2)]
        found = [tile for tile in tiles if tile is not None and tile.footprint.intersects(region)]  # type: ignore[union-attr]
        return sorted(found, key=lambda tile: tile.index)

    def find(self, index: str) -> ImageAsset | None:
        """The tile of that index, e.g. `N44_00_W090_00`, or None."""
        try:
            north, _, east, _ = index.split("_")
            lat, lon = int(north[1:]), int(east[1:])
        except ValueError:
            return None
        tile = self._tile(-lon if east[0] == "W" else lon, -lat if north[0] == "S" else lat)
        return tile if tile is not None and tile.index == index else None

    def _make(self, lon: int, lat: int) -> ImageAsset | None:
        """The tile whose lower left corner is there; None without land."""
        if not -180 <= lon < 180 or not -85 <= lat < 84:
            return None
        if not self._planet.mask.coarse[(89 - lat) * 8 : (90 - lat) * 8, (lon + 180) * 8 : (lon + 181) * 8].any():
            return None
        name = f"{'S' if lat < 0 else 'N'}{abs(lat):02d}_00_{'W' if lon < 0 else 'E'}{abs(lon):03d}_00"
        left, top = lon - SIZE / 2, lat + 1 + SIZE / 2
        grid = Grid("EPSG:4326", (SIZE, 0.0, left, 0.0, -SIZE, top), PIXELS, PIXELS)
        bands = LazyBands(lambda: [made_band("DEM", "float32", grid, partial(self._read, lon, lat))])
        properties = {"system:time_start": TIME, "system:time_end": TIME}
        return ImageAsset(f"{self.id}/{name}", properties, bands, box(left, top - 1, left + 1, top))

    def _read(self, lon: int, lat: int, part: Window) -> tuple[Pixels, Mask | None]:
        window = Window((89 - lat) * PIXELS + part.row, (lon + 180) * PIXELS + part.col, part.rows, part.cols)
        truth = self._planet.truth(LATTICE, window)
        inner = truth.patch.window.slices(window)
        # The sea is at 0 m, as in the real tiles.
        height = np.where(truth.terrain.sea[inner], 0.0, truth.terrain.elevation[inner])
        return np.round(height * 64.0) / 64.0, None
