"""A map of a tiles file: a dot per tile, or hexagons coloured by the number of tiles; and bars of tiles per biome."""

from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mmearth_core.tiles.read import read_tiles
from mmearth_viz.preview.style import CAPTION, INK, MARGIN, QUIET, SUBTITLE, TITLE, new_sheet, save, write
from mmearth_viz.preview.world_map import DOT, SMOOTH, on_map, world_map

WIDTH = 1500
"""Width of the map, pixels."""


DOTS = 3000
"""Maximum number of tiles that are drawn as dots."""


RADIUS = 5.0
"""Radius of a hexagon, pixels."""


BAR, LABELS, NUMBERS = 26, 470, 110
"""Distance between bars, and the space for a bar's name and number, pixels."""


OUTLINE, GRID = (118, 126, 134), (47, 56, 66)


COLORMAP = "inferno"


def tiles_map(tiles: Path, path: Path, title: str) -> int:
    """Draws a tiles file.

    Args:
        tiles: the tiles file; see `read_tiles`.
        path: the PNG to write.
        title: its headline.

    Returns:
        The number of tiles.

    Raises:
        TilesError: when the tiles file is invalid.
    """
    frame = read_tiles(tiles)
    bounds = shapely.bounds(frame.geometry.values)
    lon = ((bounds[:, 0] + bounds[:, 2]) / 2 + 180.0) % 360.0 - 180.0
    lat = (bounds[:, 1] + bounds[:, 3]) / 2
    few = len(frame) <= DOTS
    world = Image.fromarray(world_map(list(zip(lon.tolist(), lat.tolist(), strict=True)) if few else [], WIDTH))
    top = MARGIN + TITLE + 10 + SUBTITLE + 20
    counts = frame["biome"].fillna("none").astype(str).value_counts() if "biome" in frame else pd.Series(dtype=int)
    counts = counts.sort_index().sort_values(ascending=False, kind="stable")[:30]
    bars_top = top + world.height + 70
    most = 0 if few else _hexagons(world, lon, lat)
    _outline(world)
    regions = f" · {frame['eco_region'].nunique()} ecoregions" if "eco_region" in frame else ""
    biomes = f" · {frame['biome'].nunique()} biomes" if "biome" in frame else ""
    size = (WIDTH + 2 * MARGIN, bars_top + len(counts) * BAR + MARGIN)
    sheet, draw = new_sheet(size, title, f"{len(frame):,} tiles{biomes}{regions}")
    sheet.paste(world, (MARGIN, top))
    if most:
        _legend(sheet, draw, top + world.height + 18, most)
    _bars(draw, bars_top, counts)
    save(sheet, path)
    return len(frame)


def _hexagons(world: Image.Image, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> int:
    """Draws hexagons coloured by the logarithm of their number of tiles; returns the largest number."""
    large = (world.width * SMOOTH, world.height * SMOOTH)
    radius = RADIUS * SMOOTH
    centres, counts = hexbin(on_map(lon, lat, large), radius)
    layer = Image.new("RGBA", large)
    draw = ImageDraw.Draw(layer)
    colours = _colours(np.log1p(counts) / np.log1p(counts.max()))
    angles = np.radians(np.arange(30, 390, 60))
    corners = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    for centre, colour in zip(centres, colours.tolist(), strict=True):
        draw.polygon([(x, y) for x, y in (corners + centre).tolist()], fill=(*colour, 255))
    # Downscaled with premultiplied colours; otherwise the edges would become darker.
    small = layer.convert("RGBa").resize(world.size, Image.Resampling.BOX).convert("RGBA")
    world.paste(small, (0, 0), small)
    return int(counts.max())


def hexbin(points: NDArray[np.float64], radius: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Centres of the hexagons (corner up) that contain points, and the number of points in each."""
    across, down = np.sqrt(3) * radius, 3 * radius
    candidates = []
    # The centres form two rectangular lattices, shifted by half a step; the nearer centre is the hexagon's.
    for shift in (0.0, 0.5):
        cell = np.round(points / [across, down] - shift) + shift
        candidates.append(cell)
    gaps = [(((cell * [across, down]) - points) ** 2).sum(axis=1) for cell in candidates]
    cell = np.where((gaps[0] <= gaps[1])[:, None], candidates[0], candidates[1])
    cells, counts = np.unique(cell, axis=0, return_counts=True)
    return cells * [across, down], counts


def _colours(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours of shares from 0 to 1, dark to light, without the darkest ones, which look like the land."""
    import matplotlib

    values = np.asarray(matplotlib.colormaps[COLORMAP](0.32 + 0.66 * share))
    return np.asarray(np.rint(values[:, :3] * 255), dtype=np.uint8)


def _outline(world: Image.Image) -> None:
    """Draws the globe's edge, and meridians and parallels every 30 degrees."""
    line = np.linspace(-90.0, 90.0, 181)
    layer = Image.new("RGBA", (world.width * SMOOTH, world.height * SMOOTH))
    draw = ImageDraw.Draw(layer)

    def stroke(lon: NDArray[np.float64], lat: NDArray[np.float64], colour: tuple[int, int, int], alpha: int) -> None:
        draw.line([(x, y) for x, y in on_map(lon, lat, layer.size).tolist()], (*colour, alpha), width=SMOOTH)

    for meridian in range(-150, 180, 30):
        stroke(np.full(line.size, float(meridian)), line, GRID, 120)
    for parallel in range(-60, 90, 30):
        stroke(line * 2, np.full(line.size, float(parallel)), GRID, 120)
    for edge in (-179.999, 179.999):
        stroke(np.full(line.size, edge), line, OUTLINE, 255)
    for pole in (-89.9, 89.9):
        stroke(line * 2, np.full(line.size, pole), OUTLINE, 255)
    small = layer.convert("RGBa").resize(world.size, Image.Resampling.BOX).convert("RGBA")
    world.paste(small, (0, 0), small)


def _legend(sheet: Image.Image, draw: ImageDraw.ImageDraw, top: int, most: int) -> None:
    """A strip of colours with the numbers of tiles in a hexagon."""
    width, height = 360, 12
    left = sheet.width - MARGIN - width
    strip = np.broadcast_to(_colours(np.linspace(0, 1, width))[None], (height, width, 3))
    sheet.paste(Image.fromarray(np.ascontiguousarray(strip)), (left, top))
    ticks = sorted({1, *(10**power for power in range(1, 8) if 10**power < most / 1.5), most})
    font = ImageFont.load_default(CAPTION)
    for tick in ticks:
        text = f"{tick:,}"
        centre = left + np.log1p(tick) / np.log1p(most) * (width - 1)
        x = min(
            max(left, centre - draw.textlength(text, font=font) / 2), left + width - draw.textlength(text, font=font)
        )
        draw.text((x, top + height + 4), text, font=font, fill=QUIET)
    draw.text(
        (left - 12 - draw.textlength("tiles in a hexagon", font=font), top - 2), "tiles in a hexagon", QUIET, font
    )


def _bars(draw: ImageDraw.ImageDraw, top: int, counts: "pd.Series[int]") -> None:
    room = WIDTH - LABELS - NUMBERS
    for number, (name, count) in enumerate(counts.items()):
        y = top + number * BAR
        write(draw, (MARGIN, y), str(name), CAPTION + 1, INK, LABELS - 12)
        length = max(1, round(room * count / counts.max()))
        draw.rectangle([MARGIN + LABELS, y + 2, MARGIN + LABELS + length, y + BAR - 10], fill=DOT)
        write(draw, (MARGIN + LABELS + length + 10, y), f"{count:,}", CAPTION + 1, QUIET, NUMBERS - 10)
