"""A sheet of all layers: a world map of the tiles, and below it a row a tile with a picture of each layer."""

from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from PIL import Image, ImageDraw

from mmearth_core.folder import written_aside
from mmearth_core.preview.legend import Legend, draw_legends, legends_height
from mmearth_core.preview.render import Picture
from mmearth_core.preview.style import CAPTION, CREDIT, INK, MARGIN, PAPER, QUIET, SUBTITLE, TITLE, write

GUTTER = 6
"""Between two pictures, pixels."""

CAPTIONS_WIDTH = 190
"""The column that says what a row shows, pixels."""

TEXT_WIDTH = 210
"""A column of texts instead of pictures, pixels."""

LINE = CAPTION + 5


@frozen
class Row:
    """One tile.

    Attributes:
        caption: a few lines that say what it is; the first one stands out.
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
    """Writes a PNG of many layers of some tiles; pixels are shown as they are.

    The file is written aside and renamed.

    Args:
        path: the file to write.
        world: a map of all tiles; set in the middle.
        columns: what each column shows.
        rows: the tiles.
        title: the sheet's headline.
        subtitle: a line below it.
        credit: where the data come from; stands at the foot.
        legends: what each column's colours mean; None for a column without colours.

    Raises:
        ValueError: when there is no picture at all.
    """
    side = max((cell.shape[0] for row in rows for cell in row.cells if not isinstance(cell, Sequence)), default=0)
    if side == 0:
        raise ValueError("A sheet of layers needs at least one picture.")
    pitch = side + GUTTER
    widths = [
        TEXT_WIDTH if all(isinstance(row.cells[number], Sequence) for row in rows) else side
        for number in range(len(columns))
    ]
    offsets = [CAPTIONS_WIDTH + sum(widths[:number]) + number * GUTTER for number in range(len(columns))]
    grid_width = offsets[-1] + widths[-1]
    width = max(grid_width, world.shape[1]) + 2 * MARGIN
    map_top = MARGIN + TITLE + 10 + SUBTITLE + 20
    grid_top = map_top + world.shape[0] + 30 + LINE
    legends_top = grid_top + len(rows) * pitch + 24
    keys = [(name, legend) for name, legend in zip(columns, legends, strict=False) if legend is not None]
    height = legends_top + legends_height(keys, width - 2 * MARGIN) + CREDIT + MARGIN - 12
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    write(draw, (MARGIN, MARGIN - 8), title, TITLE, INK, width - 2 * MARGIN)
    write(draw, (MARGIN, MARGIN + TITLE + 6), subtitle, SUBTITLE, QUIET, width - 2 * MARGIN)
    sheet.paste(Image.fromarray(world), ((width - world.shape[1]) // 2, map_top))
    left = (width - grid_width) // 2
    for name, offset, room in zip(columns, offsets, widths, strict=True):
        write(draw, (left + offset, grid_top - LINE), name, CAPTION, QUIET, room)
    for number, row in enumerate(rows):
        top = grid_top + number * pitch
        _lines(draw, (left, top), row.caption, CAPTIONS_WIDTH - 12, first=INK)
        for cell, offset, room in zip(row.cells, offsets, widths, strict=True):
            if isinstance(cell, Sequence):
                _lines(draw, (left + offset, top), cell, room, first=QUIET)
            else:
                sheet.paste(Image.fromarray(cell), (left + offset, top))
    draw_legends(sheet, (MARGIN, legends_top), keys, width - 2 * MARGIN)
    write(draw, (MARGIN, height - MARGIN - CREDIT + 6), credit, CREDIT, QUIET, width - 2 * MARGIN)
    with written_aside(path) as aside:
        sheet.save(aside, format="PNG", optimize=True)


def _lines(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], lines: Sequence[str], room: int, first: tuple[int, int, int]
) -> None:
    x, y = place
    for number, line in enumerate(lines):
        write(draw, (x, y + number * LINE), line, CAPTION, first if number == 0 else QUIET, room)
