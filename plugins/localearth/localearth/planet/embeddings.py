"""Annual satellite embeddings: 64 bands of a unit vector that is similar at similar places.

Images are squares of 16,384 pixels of 10 m in every UTM zone, one per year, as in the catalogue. A vector is a fixed
random projection of the place's cover, relief and climate, with a little noise by year. Values are those of the
authors' 8-bit form: (q / 127.5)**2 with the sign of q, q from -127 to 127.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from shapely.geometry import Polygon, box

from localearth.planet.bands import LazyBands, made_band
from localearth.planet.cover import Kind
from localearth.planet.hashing import Floats, bell, salt
from localearth.planet.lattice import Lattice, Window
from localearth.planet.orbits import start_of
from localearth.planet.outlines import lonlat
from localearth.planet.request import bounds_of_request
from localearth.planet.truth import Planet, Recent, Truth
from localearth.raster.grid import Grid
from localearth.values.projection import reproject
from localearth.worlds.base import Area, ImageAsset, Interval, Mask, Pixels, in_order

ID = "GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL"
NAMES = tuple(f"A{axis:02d}" for axis in range(64))
SIZE = 16_384
"""Side of an image, pixels."""

SIDE = SIZE * 10
"""Side of an image, metres."""

YEARS = range(2017, 2025)

KEPT = 4
"""Number of cached windows of all bands; one of 130 x 130 pixels takes 4 MB."""

BLOCK = 256
"""Side of the blocks that are computed at once, pixels."""

_WIDEST = 25.0
"""Maximum width and height of a requested region, degrees."""


class Embeddings:
    """The collection; see `CollectionAsset`.

    Attributes:
        id: the asset id.
        properties: of the collection.
    """

    def __init__(self, planet: Planet) -> None:
        self.id = ID
        self.properties: Mapping[str, Any] = {"title": "Synthetic annual satellite embeddings"}
        self._planet = planet
        self._square = lru_cache(maxsize=1024)(self._make)
        self._image_of = lru_cache(maxsize=1024)(self._image)
        self._recent: Recent[tuple[Floats, Mask]] = Recent(KEPT)
        self._axes = bell(salt(planet.seed, "embedding"), *np.mgrid[0:64, 0 : len(Kind) + 10]).astype(np.float32)

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The images around a region, which must be given; by year, then index.

        Raises:
            EarthEngineError: without a region, or with one that is too large.
        """
        squares = self._around(region)
        start, end = interval or (-math.inf, math.inf)
        found = [
            self._image_of(crs, column, row, year)
            for year in YEARS
            if start <= start_of(year) < end
            for crs, column, row in squares
        ]
        return in_order(found)

    def find(self, index: str) -> ImageAsset | None:
        """The image of that index, or None. The index has the place in it, unlike the real ones."""
        parts = index[1:].split("z")
        if index[:1] != "x" or len(parts) != 5 or not all(part.isdigit() for part in parts[:4]):
            return None
        code, column, row, year = map(int, parts[:4])
        crs = f"EPSG:{code}"
        if not 32601 <= code <= 32760 or year not in YEARS or self._square(crs, column, row) is None:
            return None
        image = self._image_of(crs, column, row, year)
        return image if image.index == index else None

    def _around(self, region: Area) -> list[tuple[str, int, int]]:
        west, south, east, north = bounds_of_request(region, self.id, _WIDEST)
        found = []
        for zone in range(int((west + 180.0) // 6.0), int((east + 180.0) // 6.0) + 1):
            for code in (32601 + zone % 60, 32701 + zone % 60):
                crs, middle = f"EPSG:{code}", zone % 60 * 6.0 - 177.0
                lon, lat = np.meshgrid(np.linspace(west, east, 9), np.linspace(south, north, 9))
                x, y = reproject("EPSG:4326", crs, np.clip(lon, middle - 3.0, middle + 3.0), lat)
                for column in range(int(x.min() // SIDE), int(x.max() // SIDE) + 1):
                    for row in range(int(y.min() // SIDE) - 1, int(y.max() // SIDE) + 2):
                        outline = self._square(crs, column, row) if row >= 0 else None
                        if outline is not None and outline.intersects(region):
                            found.append((crs, column, row))
        return found

    def _make(self, crs: str, column: int, row: int) -> Polygon | None:
        """The footprint of a square: the part in its zone and hemisphere; None if it has no land."""
        middle = (int(crs[-2:]) - 1) * 6.0 - 177.0
        whole = lonlat(box(column * SIDE, row * SIDE, (column + 1) * SIDE, (row + 1) * SIDE), crs, middle)
        if whole is None or not 0 <= column < 6 or not 0 <= row < 62:
            return None
        northern = crs.startswith("EPSG:326")
        zone = box(middle - 3.0, 0.0 if northern else -82.0, middle + 3.0, 84.0 if northern else 0.0)
        seen = whole.intersection(zone)
        if not isinstance(seen, Polygon) or seen.area < 1e-6:
            return None
        return seen if self._planet.mask.has_land(seen) else None

    def _image(self, crs: str, column: int, row: int, year: int) -> ImageAsset:
        footprint = self._square(crs, column, row)
        place = f"x{crs[-5:]}z{column}z{row}z{year}z"
        index = place + hashlib.blake2b(place.encode(), digest_size=2).hexdigest()
        properties = {
            "system:time_start": start_of(year),
            "system:time_end": start_of(year + 1),
            "UTM_ZONE": f"{crs[-2:]}{'N' if crs.startswith('EPSG:326') else 'S'}",
            "DATASET_VERSION": "1.0",
            "MODEL_VERSION": "synthetic",
        }
        grid = Grid(crs, (10.0, 0.0, float(column * SIDE), 0.0, -10.0, float((row + 1) * SIDE)), SIZE, SIZE)
        bands = LazyBands(
            lambda: [
                made_band(name, "float64", grid, partial(self._read, grid, year, axis), BLOCK)
                for axis, name in enumerate(NAMES)
            ]
        )
        return ImageAsset(f"{self.id}/{index}", properties, bands, footprint)

    def _read(self, grid: Grid, year: int, axis: int, part: Window) -> tuple[Pixels, Mask]:
        top, left = round(grid.transform[5] / 10), round(grid.transform[2] / 10)
        window = Window(part.row - top, part.col + left, part.rows, part.cols)
        held, (codes, valid) = self._recent.get(
            (grid.crs, year), window, lambda: (window, self._vectors(grid.crs, year, window))
        )
        inner = held.slices(window)
        code = codes[axis][inner].astype(np.float64)
        return np.where(valid[inner], np.sign(code) * (code / 127.5) ** 2, 0.0), valid[inner]

    def _vectors(self, crs: str, year: int, window: Window) -> tuple[Floats, Mask]:
        """The 8-bit codes of all bands, (64, rows, cols), and where there are any: not on the open sea."""
        truth = self._planet.truth(Lattice(crs, 0.0, 0.0, 10.0), window)
        inner = truth.patch.window.slices(window)
        features = [np.asarray(each[inner], np.float32) for each in _features(truth)]
        vectors = np.zeros((64, window.rows, window.cols), np.float32)
        length = np.zeros(vectors.shape[1:], np.float32)
        # Summed one by one, so that the result depends neither on the window nor on the processor.
        for axis, vector in enumerate(vectors):
            for weight, feature in zip(self._axes[axis], features, strict=True):
                vector += weight * feature
            vector += np.float32(0.25) * bell(salt(crs, "embedding", year, axis), *window.indices())
            length += vector * vector
        vectors /= np.sqrt(np.maximum(length, 1e-6))
        codes = np.rint(np.sqrt(np.abs(vectors)) * 127.5).clip(0, 127) * np.sign(vectors)
        valid = ~truth.terrain.sea | (truth.terrain.shore > 0.0)
        return codes.astype(np.int8), valid[inner]


def _features(truth: Truth) -> list[Floats]:
    """What a vector is made of, each (rows, cols) and about 1 in size."""
    cover, terrain, region = truth.cover, truth.terrain, truth.region
    return [
        *((cover.kind == kind) * 2.0 for kind in Kind),
        cover.dense,
        cover.conifer,
        cover.patchy - 0.5,
        cover.broad - 0.5,
        (cover.own - 0.5) * (cover.kind == Kind.CROPS) * 1.5,
        truth.canopy / 15.0,
        terrain.elevation / 1500.0,
        terrain.warmth / 15.0,
        np.clip(terrain.moisture, 0.0, 2.0),
        region.farmed,
    ]
