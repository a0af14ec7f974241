"""A world map of the tiles in the Equal Earth projection, which preserves areas."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pyproj import Proj

from mmearth_viz.preview.render import Picture
from mmearth_viz.preview.style import PAPER

EQUAL_EARTH = Proj(proj="eqearth", R=1)
"""Savric, Patterson & Jenny 2018, doi:10.1080/13658816.2018.1504949."""


HALF_WIDTH, HALF_HEIGHT = 2.70663, 1.31737
"""Extent of the projection on the unit sphere."""


SPACE, SEA, LAND, DOT = PAPER, (26, 33, 43), (62, 72, 78), (255, 196, 84)


SMOOTH = 2
"""The map is drawn larger by this factor and then downscaled, so that coasts and dots are smooth."""


def world_map(places: Sequence[tuple[float, float]], width: int, dot: float = 2.0) -> Picture:
    """Draws locations on a map of the world.

    Args:
        places: longitude and latitude of each, degrees.
        width: width of the picture, pixels.
        dot: minimum radius of a dot, half pixels.

    Returns:
        The picture, about half as high as wide.
    """
    image = Image.fromarray(_background(width * SMOOTH))
    draw = ImageDraw.Draw(image)
    if places:
        lon, lat = np.asarray(places, dtype=np.float64).T
        radius = max(dot, image.width / 420 / max(1.0, len(places) / 1000) ** 0.5)
        for column, row in on_map(lon, lat, image.size):
            draw.ellipse([column - radius, row - radius, column + radius, row + radius], fill=DOT)
    small = image.resize((width, image.height // SMOOTH), Image.Resampling.LANCZOS)
    return np.asarray(small)


def on_map(lon: NDArray[np.float64], lat: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Pixel positions, (n, 2), of locations in degrees on a map of that width and height."""
    x, y = EQUAL_EARTH(lon, lat)
    width, height = size
    return np.column_stack([(x / HALF_WIDTH + 1) / 2 * width, (1 - y / HALF_HEIGHT) / 2 * height])


def _background(width: int) -> Picture:
    """Land, sea and the space around the globe, (rows, width, 3)."""
    on_globe, is_land = globe(width)
    picture = np.full((*on_globe.shape, 3), SPACE, np.uint8)
    picture[on_globe] = np.where(is_land[on_globe][:, None], LAND, SEA)
    return picture


def globe(width: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of the globe and of land on a map of that width; each (rows, width)."""
    height = round(width * HALF_HEIGHT / HALF_WIDTH / SMOOTH) * SMOOTH
    x = (np.arange(width) + 0.5) / width * 2 * HALF_WIDTH - HALF_WIDTH
    y = HALF_HEIGHT - (np.arange(height) + 0.5) / height * 2 * HALF_HEIGHT
    lon, lat = EQUAL_EARTH(*np.meshgrid(x, y), inverse=True)
    # The inverse has values beyond the globe's edge; in a row the edge is at 180 degrees of its latitude.
    middle = lat[:, width // 2]
    edge, _ = EQUAL_EARTH(np.full(height, 180.0), middle)
    on_globe = np.isfinite(lon) & np.isfinite(lat) & (np.abs(x)[None, :] <= edge[:, None])
    is_land = np.zeros_like(on_globe)
    is_land[on_globe] = _is_land(lon[on_globe], lat[on_globe])
    return on_globe, is_land


def _is_land(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
    mask = _land()
    rows, columns = mask.shape
    row = np.clip((90 - lat) / 180 * rows, 0, rows - 1).astype(int)
    column = np.clip((lon + 180) / 360 * columns, 0, columns - 1).astype(int)
    land: NDArray[np.bool_] = mask[row, column]
    return land


@cache
def _land() -> NDArray[np.bool_]:
    """Land on a grid of a quarter of a degree, north up; from the package global-land-mask (MIT)."""
    with files("mmearth_viz.preview").joinpath("land.png").open("rb") as file:
        return np.asarray(Image.open(file).convert("1"))
