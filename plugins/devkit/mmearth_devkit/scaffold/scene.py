"""The scene of a new plugin's tests: a small raster of hills, and tiles on it."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from attrs import frozen
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import box, mapping

from mmearth_core.contract.grid import PIXEL

CRS, LEFT, TOP = "EPSG:32632", 500_000, 5_000_000
"""About the corner: in the Po valley at 9 degrees east, which is land on every map."""


SIDE = 200
"""Rows and columns, where pixels are 10 m or larger; the scene has more of smaller ones."""


TILE = 64
"""Rows and columns of a tile, as those of the scene."""


CORNERS = ((50, 68), (86, 68))
"""Corners of the two tiles, columns and rows of the scene."""


DAY = "2018-07-14"


NODATA = {"uint8": 255, "int8": -128, "uint16": 65535, "int16": -32768, "float32": "nan"}
"""For each dtype of a band, a value that rarely occurs in data."""


PARTS = {"west": (0, 110), "east": (90, SIDE)}
"""First and last columns of the parts of the scene that are images of their own in a collection."""


CLASSES = (10, 20, 30)
"""The classes of a scene of classes, as in the template."""


def hills(dtype: str, side: int) -> NDArray[Any]:
    """A scene of quantities, (side, side): 20 to 100, without equal neighbouring rows or columns."""
    row, col = np.mgrid[0:side, 0:side]
    heights = 60 + 25 * np.sin(row / 17) + 15 * np.cos(col / 11 + row / 29)
    scene: NDArray[Any] = (heights if dtype == "float32" else np.rint(heights)).astype(dtype)
    return scene


def patches(dtype: str, side: int) -> NDArray[Any]:
    """A scene of classes, (side, side)."""
    row, col = np.mgrid[0:side, 0:side]
    scene: NDArray[Any] = np.array(CLASSES, dtype)[(row // 13 + col // 17) % len(CLASSES)]
    return scene


@frozen
class Place:
    """Where the scene is, by the size of its pixels and a corner of one of them, metres."""

    pixel_size: float
    origin: float

    @property
    def times(self) -> int:
        """How many times as many rows and columns there are, so that the scene has at least 2 km."""
        return max(1, math.ceil(PIXEL / self.pixel_size))

    @property
    def corner(self) -> tuple[float, float]:
        """X and y of the scene's corner."""
        x, y = (self.origin + round(metres / self.pixel_size) * self.pixel_size for metres in (LEFT, TOP))
        return x, y

    def write_scene(self, folder: Path, dtype: str, has_classes: bool, is_collection: bool) -> None:
        """Writes the scene as a GeoTIFF; for a collection also its parts, and other values in `old.tif`."""
        scene = (patches if has_classes else hills)(dtype, SIDE * self.times)
        self._write(folder / "scene.tif", scene)
        if is_collection:
            self._write(folder / "old.tif", scene[::-1, ::-1])
            for name, (first, last) in PARTS.items():
                self._write(folder / f"{name}.tif", scene[:, first * self.times : last * self.times], first)

    def _write(self, path: Path, pixels: NDArray[Any], column: int = 0) -> None:
        """Writes pixels of the scene, the first one of which is in the given column of `PARTS`."""
        rows, columns = pixels.shape
        left, top = self.corner
        west = left + column * self.times * self.pixel_size
        transform = Affine(self.pixel_size, 0, west, 0, -self.pixel_size, top)
        options = {"crs": CRS, "transform": transform, "dtype": pixels.dtype, "compress": "deflate"}
        with rasterio.open(path, "w", "GTiff", columns, rows, 1, **options) as file:
            file.write(pixels, 1)

    def write_tiles(self, path: Path) -> None:
        """Writes the tiles as GeoJSON, with the day and the CRS that the anchor `file` reads."""
        to_degrees = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform
        left, top = self.corner
        # Inside whole pixels, so that rounding errors cannot change the pixels of the tile.
        inset, unit = self.pixel_size / 10, self.times * self.pixel_size
        features = []
        for number, (column, row) in enumerate(CORNERS):
            west, north = left + column * unit + inset, top - row * unit - inset
            side = TILE * unit - 2 * inset
            outline = box(west, north - side, west + side, north)
            polygon = shapely.transform(outline, to_degrees, interleaved=False)
            properties = {"tile_id": str(number), "date": DAY, "crs": CRS}
            features.append({"type": "Feature", "geometry": mapping(polygon), "properties": properties})
        collection = {"type": "FeatureCollection", "features": features}
        path.write_text(json.dumps(collection, indent=1) + "\n", encoding="utf-8")
