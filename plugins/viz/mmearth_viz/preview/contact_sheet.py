"""Draws many small pictures on one sheet, with a title and credits."""

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from attrs import frozen
from PIL import Image

from mmearth_viz.preview.legend import Legend, draw_legend
from mmearth_viz.preview.legend import height as legend_height
from mmearth_viz.preview.render import Picture
from mmearth_viz.preview.style import CAPTION, CREDIT, MARGIN, QUIET, SUBTITLE, TITLE, new_sheet, save, write

WIDTH = 2000
"""Maximum width of the sheet, pixels."""


CAPTIONS_UP_TO = 60
"""Maximum number of pictures with captions; more captions would be unreadable."""


ASPECT = 1.35
"""Width divided by height of a sheet whose number of columns is not given."""


LARGEST_SCALE = 4


LEGEND = 320
"""Maximum width of a legend, pixels."""


@frozen
class _Layout:
    """Positions and sizes on the sheet, pixels; with `shrink` above 1, only every n-th pixel is drawn."""

    columns: int
    rows: int
    cell_width: int
    cell_height: int
    scale: int
    shrink: int
    gutter: int
    caption: int

    @property
    def top(self) -> int:
        return MARGIN + TITLE + 10 + SUBTITLE + 28

    @property
    def pitch(self) -> tuple[int, int]:
        return self.cell_width + self.gutter, self.cell_height + self.caption + self.gutter

    @property
    def size(self) -> tuple[int, int]:
        grid_width = self.columns * self.pitch[0] - self.gutter
        grid_height = self.rows * self.pitch[1] - self.gutter
        return max(grid_width, 640) + 2 * MARGIN, self.top + grid_height + 24 + CREDIT + MARGIN - 12


def contact_sheet(
    pictures: Iterable[tuple[str, Picture]],
    path: Path,
    *,
    title: str,
    subtitle: str = "",
    credit: str = "",
    columns: int | None = None,
    legend: Legend | None = None,
) -> None:
    """Writes a PNG of many pictures in reading order.

    Pixels are never blurred: they are repeated a whole number of times or, if the sheet would be too wide, only every
    n-th pixel is drawn. The file is written under a temporary name and renamed.

    Args:
        pictures: pairs of caption and RGB picture; all pictures have the same shape.
        path: the file to write.
        title: the sheet's headline.
        subtitle: a line below it.
        credit: the source of the data, at the bottom.
        columns: pictures per row; by default chosen for a good aspect ratio.
        legend: the legend below the pictures.

    Raises:
        ValueError: when there are no pictures, or their shapes differ.
    """
    cells = list(pictures)
    shapes = {picture.shape for _, picture in cells}
    if len(shapes) != 1:
        raise ValueError(f"A contact sheet needs pictures of the same shape. Shapes: {sorted(shapes) or 'none'}.")
    rows, across, _ = next(iter(shapes))
    layout = _lay_out(len(cells), across, rows, columns)
    width, height = layout.size
    legend_top = height - CREDIT - MARGIN + 12
    if legend is not None:
        height += legend_height(legend) + 12
    sheet, draw = new_sheet((width, height), title, subtitle, credit)
    for position, (caption, picture) in enumerate(cells):
        row, column = divmod(position, layout.columns)
        x, y = MARGIN + column * layout.pitch[0], layout.top + row * layout.pitch[1]
        sheet.paste(Image.fromarray(_scaled(picture, layout)), (x, y))
        if layout.caption:
            write(draw, (x, y + layout.cell_height + 5), caption, CAPTION, QUIET, layout.cell_width)
    if legend is not None:
        draw_legend(sheet, (MARGIN, legend_top), legend, min(width - 2 * MARGIN, LEGEND))
    save(sheet, path)


def _lay_out(count: int, width: int, height: int, columns: int | None) -> _Layout:
    captioned = count <= CAPTIONS_UP_TO
    gutter = 16 if captioned else 4
    caption = CAPTION + 10 if captioned else 0
    room = WIDTH - 2 * MARGIN + gutter
    if columns is None:
        wanted = math.sqrt(count * ASPECT * (height + caption + gutter) / (width + gutter))
        columns = max(1, min(round(wanted), count, room // (width + gutter)))
    scale = min(LARGEST_SCALE, (room // columns - gutter) // width)
    shrink = 1 if scale else math.ceil(width / max(1, room // columns - gutter))
    scale = max(1, scale)
    return _Layout(
        columns=columns,
        rows=math.ceil(count / columns),
        cell_width=math.ceil(width / shrink) * scale,
        cell_height=math.ceil(height / shrink) * scale,
        scale=scale,
        shrink=shrink,
        gutter=gutter,
        caption=caption,
    )


def _scaled(picture: Picture, layout: _Layout) -> Picture:
    small = picture[:: layout.shrink, :: layout.shrink]
    return np.ascontiguousarray(small.repeat(layout.scale, axis=0).repeat(layout.scale, axis=1))
