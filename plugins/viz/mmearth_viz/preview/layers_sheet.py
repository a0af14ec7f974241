"""A sheet of all layers: a world map of the tiles, and one row per tile with a picture of each layer."""

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from PIL import Image, ImageDraw

from mmearth_viz.preview.legend import Legend, draw_legends, legends_height
from mmearth_viz.preview.render import Picture
from mmearth_viz.preview.style import CAPTION, CREDIT, INK, MARGIN, QUIET, SUBTITLE, TITLE, new_sheet, save, write

GUTTER = 6
"""Gap between two pictures, pixels."""


CAPTIONS_WIDTH = 190
"""Width of the column with the rows' captions, pixels."""


TEXT_WIDTH = 210
"""Width of a column of texts instead of pictures, pixels."""


LINE = CAPTION + 5


@frozen
class Row:
    """One tile.

    Attributes:
        caption: a few lines; the first one is brighter.
        cells: a picture, or lines of text, for each column.
    """

    caption: Sequence[str]
    cells: Sequence[Picture | Sequence[str]]


def layers_sheet(
    path: Path,
    world: Picture,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    title: str,
    subtitle: str,
    credit: str,
    legends: Sequence[Legend | None] = (),
) -> None:
    """Writes a PNG of many layers of some tiles, without resampling.

    The file is written under a temporary name and renamed.

    Args:
        path: the file to write.
        world: a map of all tiles, centred.
        columns: what each column shows.
        rows: the tiles.
        title: the sheet's headline.
        subtitle: a line below it.
        credit: the source of the data, at the bottom.
        legends: the legend of each column; None for a column without colours.

    Raises:
        ValueError: when there are no pictures.
    """
    keys = [(name, legend) for name, legend in zip(columns, legends, strict=False) if legend is not None]
    layout = _lay_out(world, rows, keys, len(columns))
    sheet, draw = new_sheet((layout.width, layout.height), title, subtitle, credit)
    sheet.paste(Image.fromarray(world), ((layout.width - world.shape[1]) // 2, layout.map_top))
    for name, (x, width) in zip(columns, layout.columns, strict=True):
        write(draw, (x, layout.grid_top - LINE), name, CAPTION, QUIET, width)
    for number, row in enumerate(rows):
        _draw_row(sheet, row, layout, layout.grid_top + number * layout.pitch)
    draw_legends(sheet, (MARGIN, layout.legends_top), keys, layout.room)
    save(sheet, path)


@frozen
class _Layout:
    """Positions and sizes on the sheet, pixels.

    Attributes:
        width: width of the sheet.
        height: height of the sheet.
        map_top: upper edge of the map.
        grid_top: upper edge of the rows.
        legends_top: upper edge of the legends.
        left: left edge of the captions.
        columns: left edge and width of each column.
        pitch: distance from one row to the next.
    """

    width: int
    height: int
    map_top: int
    grid_top: int
    legends_top: int
    left: int
    columns: Sequence[tuple[int, int]]
    pitch: int

    @property
    def room(self) -> int:
        """The width between the margins."""
        return self.width - 2 * MARGIN


def _lay_out(world: Picture, rows: Sequence[Row], keys: Sequence[tuple[str, Legend]], columns: int) -> _Layout:
    side = max((cell.shape[0] for row in rows for cell in row.cells if not isinstance(cell, Sequence)), default=0)
    if side == 0:
        raise ValueError("A sheet of layers needs at least one picture.")
    widths = [max(_width(row.cells[number], side) for row in rows) for number in range(columns)]
    offsets = [CAPTIONS_WIDTH + sum(widths[:number]) + number * GUTTER for number in range(columns)]
    grid_width = offsets[-1] + widths[-1]
    width = max(grid_width, world.shape[1]) + 2 * MARGIN
    left = (width - grid_width) // 2
    map_top = MARGIN + TITLE + 10 + SUBTITLE + 20
    grid_top = map_top + world.shape[0] + 30 + LINE
    legends_top = grid_top + len(rows) * (side + GUTTER) + 24
    return _Layout(
        width=width,
        height=legends_top + legends_height(keys, width - 2 * MARGIN) + CREDIT + MARGIN - 12,
        map_top=map_top,
        grid_top=grid_top,
        legends_top=legends_top,
        left=left,
        columns=[(left + offset, room) for offset, room in zip(offsets, widths, strict=True)],
        pitch=side + GUTTER,
    )


def _width(cell: Picture | Sequence[str], side: int) -> int:
    """The width of a cell: time steps are side by side, so a picture may be wider than high."""
    return TEXT_WIDTH if isinstance(cell, Sequence) else max(side, cell.shape[1])


def _draw_row(sheet: Image.Image, row: Row, layout: _Layout, top: int) -> None:
    draw = ImageDraw.Draw(sheet)
    _lines(draw, (layout.left, top), row.caption, CAPTIONS_WIDTH - 12, first=INK)
    for cell, (x, width) in zip(row.cells, layout.columns, strict=True):
        if isinstance(cell, Sequence):
            _lines(draw, (x, top), cell, width, first=QUIET)
        else:
            sheet.paste(Image.fromarray(cell), (x, top))


def _lines(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], lines: Sequence[str], room: int, first: tuple[int, int, int]
) -> None:
    x, y = place
    for number, line in enumerate(lines):
        write(draw, (x, y + number * LINE), line, CAPTION, first if number == 0 else QUIET, room)
