"""A sheet of one tile: every layer with its legend, and the numbers of its vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import frozen
from PIL import Image, ImageDraw

from mmearth_viz.preview.legend import LINE, draw_legend
from mmearth_viz.preview.legend import height as legend_height
from mmearth_viz.preview.panel import MapPanel, NumbersPanel, Panel
from mmearth_viz.preview.render import Picture
from mmearth_viz.preview.style import CAPTION, CREDIT, INK, MARGIN, QUIET, SUBTITLE, TITLE, new_sheet, save, write

SIDE = 256
"""Approximate width of a panel, pixels; tiles are scaled by a whole factor."""


GAP = 28
"""Gap between two panels, pixels."""


COLUMNS = 5


NAME = 16
"""Size of a layer's name, pixels."""


_BAR, _TRACK = (104, 154, 208), (44, 49, 55)


_HEAD = NAME + 6 + LINE + 4
"""Height of a panel's name and description, pixels."""


def tile_sheet(
    path: Path, panels: Sequence[Panel], *, title: str, subtitle: str, credit: str, corner: Picture | None = None
) -> None:
    """Writes a PNG of one tile's layers.

    The file is written under a temporary name and renamed.

    Args:
        path: the file to write.
        panels: the layers.
        title: the headline.
        subtitle: the line below it.
        credit: the source of the data, at the bottom.
        corner: a small map for the upper right corner.
    """
    columns = min(COLUMNS, max(3, len(panels), *(len(panel.steps) for panel in panels if isinstance(panel, MapPanel))))
    strips = [panel for panel in panels if isinstance(panel, MapPanel) and panel.steps]
    maps = [panel for panel in panels if isinstance(panel, MapPanel) and not panel.steps]
    numbers = [panel for panel in panels if isinstance(panel, NumbersPanel)]
    rows: list[Sequence[Panel]] = [maps[start : start + columns] for start in range(0, len(maps), columns)]
    rows += [[panel] for panel in strips]
    rows += [numbers[start : start + columns] for start in range(0, len(numbers), columns)]
    full = columns * SIDE + (columns - 1) * GAP
    heights = [max(_height(panel, full) for panel in row) for row in rows]
    width = full + 2 * MARGIN
    top = MARGIN + TITLE + 10 + SUBTITLE + 30
    if corner is not None:
        top = max(top, MARGIN + corner.shape[0] + 20)
    size = (width, top + sum(heights) + (len(rows) - 1) * GAP + 24 + CREDIT + MARGIN - 12)
    room = width - 2 * MARGIN - (corner.shape[1] + GAP if corner is not None else 0)
    sheet, _ = new_sheet(size, title, subtitle, credit, room)
    if corner is not None:
        sheet.paste(Image.fromarray(corner), (width - MARGIN - corner.shape[1], MARGIN - 16))
    for row, row_height in zip(rows, heights, strict=True):
        for column, panel in enumerate(row):
            _draw(sheet, (MARGIN + column * (SIDE + GAP), top), panel, full)
        top += row_height + GAP
    save(sheet, path)


def scaled(picture: Picture, side: int) -> Picture:
    """Scales a picture by a whole factor so that it is at most `side` wide: pixels are repeated or skipped."""
    width = picture.shape[1]
    if width > side:
        step = -(-width // side)
        return np.ascontiguousarray(picture[::step, ::step])
    times = side // width
    return np.ascontiguousarray(picture.repeat(times, axis=0).repeat(times, axis=1))


@frozen
class _Text:
    """The lines above a panel."""

    name: str
    about: str


def _text(panel: Panel) -> _Text:
    layer = panel.layer
    if isinstance(panel, NumbersPanel):
        return _Text(layer.name, layer.description)
    shown = panel.legend.heading + (f" ({panel.note})" if panel.note else "")
    others = len(layer.bands) - len(panel.legend.heading.split(", "))
    return _Text(layer.name, f"{shown}, of {len(layer.bands)} bands" if others else shown)


@frozen
class _Strip:
    """How the time steps of a panel are laid out: pixels, with a date below each picture.

    Attributes:
        side: width of a picture.
        gap: between two pictures.
        columns: pictures per line.
    """

    side: int
    gap: int
    columns: int

    @classmethod
    def of(cls, panel: MapPanel, room: int) -> "_Strip":
        """As large as other panels if the steps fit one line, otherwise half as large in lines of equal length."""
        side, gap = (SIDE, GAP) if len(panel.steps) * (SIDE + GAP) <= room + GAP else (SIDE // 2, GAP // 2)
        lines = -(-len(panel.steps) // ((room + gap) // (side + gap)))
        return cls(side, gap, -(-len(panel.steps) // lines))

    def pitch(self, panel: MapPanel) -> int:
        """The distance from one line to the next."""
        return len(scaled(panel.pictures[0], self.side)) + LINE + 8

    def height(self, panel: MapPanel) -> int:
        """The height of all lines."""
        return -(-len(panel.steps) // self.columns) * self.pitch(panel)


def _height(panel: Panel, room: int) -> int:
    if isinstance(panel, MapPanel):
        picture = _Strip.of(panel, room).height(panel) if panel.steps else len(scaled(panel.picture, SIDE))
        return _HEAD + picture + 10 + legend_height(panel.legend)
    return _HEAD + (len(panel.numbers) + bool(panel.more)) * (LINE + 4)


def _draw(sheet: Image.Image, place: tuple[int, int], panel: Panel, room: int) -> None:
    draw = ImageDraw.Draw(sheet)
    x, y = place
    text = _text(panel)
    is_strip = isinstance(panel, MapPanel) and panel.steps
    write(draw, (x, y), text.name, NAME, INK, room if is_strip else SIDE)
    write(draw, (x, y + NAME + 6), text.about, CAPTION, QUIET, room if is_strip else SIDE)
    y += _HEAD
    if isinstance(panel, MapPanel) and panel.steps:
        strip = _Strip.of(panel, room)
        for position, (date, picture) in enumerate(zip(panel.steps, panel.pictures, strict=True)):
            line, column = divmod(position, strip.columns)
            left, upper = x + column * (strip.side + strip.gap), y + line * strip.pitch(panel)
            own = scaled(picture, strip.side)
            sheet.paste(Image.fromarray(own), (left, upper))
            write(draw, (left, upper + len(own) + 4), date, CAPTION, QUIET, strip.side)
        draw_legend(sheet, (x, y + strip.height(panel) + 10), panel.legend, SIDE)
        return
    if isinstance(panel, MapPanel):
        picture = scaled(panel.picture, SIDE)
        sheet.paste(Image.fromarray(picture), (x, y))
        draw_legend(sheet, (x, y + picture.shape[0] + 10), panel.legend, SIDE)
        return
    for number in panel.numbers:
        if not number.text:
            write(draw, (x, y), number.name, CAPTION, INK, SIDE)
            y += LINE
            continue
        _bar(draw, (x, y + LINE), number.bar)
        write(draw, (x, y), number.name, CAPTION, QUIET, SIDE - 100)
        write(draw, (x + SIDE, y), number.text, CAPTION, INK, 96, right=True)
        y += LINE + 4
    if panel.more:
        write(draw, (x, y), panel.rest, CAPTION, QUIET, SIDE)


def _bar(draw: ImageDraw.ImageDraw, place: tuple[int, int], share: float) -> None:
    """Draws a thin bar from the left whose length is the size of a number."""
    x, y = place
    draw.rectangle([x, y - 2, x + SIDE - 1, y - 1], fill=_TRACK)
    if share:
        draw.rectangle([x, y - 2, x + max(1, round(abs(share) * (SIDE - 1))), y - 1], fill=_BAR)
