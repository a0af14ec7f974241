"""World maps for the page: land as a picture, and tiles as points or as cells coloured by the number of tiles."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from PIL import Image

from mmearth_viz.preview.tiles_map import hexbin
from mmearth_viz.preview.world_map import HALF_HEIGHT, HALF_WIDTH, SMOOTH, globe, on_map

WIDTH = 960


HEIGHT = round(WIDTH * HALF_HEIGHT / HALF_WIDTH)


DOTS = 3000
"""Maximum number of tiles that are drawn as points."""


_CELL = 4.0
"""Radius of a cell in units of the map."""


LEVELS = 5
"""Number of colours of cells."""


_LAND = (128, 136, 144)


_OPACITY = 0.42


@frozen
class Points:
    """Points of one colour.

    Attributes:
        level: 1 for the fewest tiles in a cell, up to `LEVELS`; 0 for single tiles.
        path: an SVG path whose round caps are the points.
        meaning: the number of tiles that each point represents, as text.
    """

    level: int
    path: str
    meaning: str


@frozen
class WorldMap:
    """One map.

    Attributes:
        title: its title.
        tiles: number of tiles.
        points: points by colour.
    """

    title: str
    tiles: int
    points: Sequence[Points]


def world(title: str, lon: NDArray[np.float32], lat: NDArray[np.float32]) -> WorldMap:
    """A map of some locations in degrees; NaNs are omitted."""
    known = np.isfinite(lon) & np.isfinite(lat)
    places = on_map(lon[known].astype(np.float64), lat[known].astype(np.float64), (WIDTH, HEIGHT))
    count = int(known.sum())
    if count <= DOTS:
        return WorldMap(title, count, [Points(0, _path(places), "a tile")] if count else [])
    centres, counts = hexbin(places, _CELL)
    # Equal steps of the logarithm, because few cells contain most of the tiles.
    steps = np.log(counts) / np.log(max(2, counts.max())) * LEVELS
    levels = np.clip(np.ceil(steps), 1, LEVELS).astype(int)
    points = []
    for level in range(1, LEVELS + 1):
        own = levels == level
        if own.any():
            least, most = int(counts[own].min()), int(counts[own].max())
            meaning = f"{least:,} tiles" if least == most else f"{least:,} to {most:,} tiles"
            points.append(Points(level, _path(centres[own]), meaning.replace("1 tiles", "1 tile")))
    return WorldMap(title, count, points)


def _path(places: NDArray[np.float64]) -> str:
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places.tolist())


def outline() -> str:
    """The globe's edge, as an SVG path."""
    lat = np.linspace(-90, 90, 61)
    lons = np.concatenate([np.full(61, 180.0), np.full(61, -180.0)])
    edge = on_map(lons, np.concatenate([lat, lat[::-1]]), (WIDTH, HEIGHT))
    return "M" + "L".join(f"{column:.1f} {row:.1f}" for column, row in edge.tolist()) + "Z"


def land() -> str:
    """The land as a data URI, half transparent so that it is visible on light and dark backgrounds."""
    on_globe, is_land = globe(WIDTH * SMOOTH)
    alpha = Image.fromarray(np.where(on_globe & is_land, round(255 * _OPACITY), 0).astype(np.uint8))
    small = alpha.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    grey = Image.new("L", small.size, round(sum(_LAND) / 3))
    return png(Image.merge("LA", (grey, small)))


def png(image: Image.Image) -> str:
    """A picture as a data URI."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
