"""The scene of a new plugin's tests: a small raster of hills, and tiles on it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import box, mapping

CRS, LEFT, TOP = "EPSG:32632", 500_000, 5_000_000
"""Origin: in the Po valley at 9 degrees east, which is land on every map."""


SIDE, PIXEL = 200, 10
"""Rows and columns, and pixel size in metres."""


TILE = 640
"""Side of a tile in metres: 64 pixels."""


CORNERS = ((500, 680), (860, 680))
"""Corners of the two tiles, metres east and south of the scene's corner."""


DAY = "2018-07-14"


NODATA = {"uint8": 255, "int8": -128, "uint16": 65535, "int16": -32768, "float32": "nan"}
"""For each dtype of a band, a value that rarely occurs in data."""


def hills(dtype: str) -> NDArray[Any]:
    """The scene, (SIDE, SIDE): 20 to 100, without equal neighbouring rows or columns."""
    row, col = np.mgrid[0:SIDE, 0:SIDE]
    heights = 60 + 25 * np.sin(row / 17) + 15 * np.cos(col / 11 + row / 29)
    scene: NDArray[Any] = (heights if dtype == "float32" else np.rint(heights)).astype(dtype)
    return scene


def write_scene(path: Path, dtype: str) -> None:
    """Writes the scene as a GeoTIFF."""
    transform = Affine(PIXEL, 0, LEFT, 0, -PIXEL, TOP)
    with rasterio.open(
        path, "w", "GTiff", SIDE, SIDE, 1, crs=CRS, transform=transform, dtype=dtype, compress="deflate"
    ) as file:
        file.write(hills(dtype), 1)


def write_tiles(path: Path) -> None:
    """Writes the tiles as GeoJSON, with the day and the CRS that the anchor `file` reads."""
    to_degrees = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform
    features = []
    for number, (east, south) in enumerate(CORNERS):
        # One metre inside whole pixels, so that rounding errors cannot change the pixels of the tile.
        outline = box(LEFT + east + 1, TOP - south - TILE + 1, LEFT + east + TILE - 1, TOP - south - 1)
        polygon = shapely.transform(outline, to_degrees, interleaved=False)
        properties = {"tile_id": str(number), "date": DAY, "crs": CRS}
        features.append({"type": "Feature", "geometry": mapping(polygon), "properties": properties})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, indent=1) + "\n", encoding="utf-8")
