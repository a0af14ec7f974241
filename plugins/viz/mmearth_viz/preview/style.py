"""The style of all sheets: colours, text sizes, and drawing of text."""

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from mmearth_core.files import written_aside
from mmearth_core.text import printable

PAPER, INK, QUIET = (17, 19, 22), (236, 237, 238), (142, 147, 153)
"""Colours of the background, titles and smaller texts."""

TITLE, SUBTITLE, CAPTION, CREDIT = 34, 18, 13, 14
"""Text sizes, pixels."""

MARGIN = 48
"""Margin around a sheet, pixels."""

SWATCH = 14
"""Side of a legend's colour patch, pixels."""

_KNOWN = frozenset(map(chr, range(32, 127))) | frozenset("°·…")
"""Characters that Pillow's default font has; it draws an empty box for others."""


def font_of(text: str, size: int) -> Any:
    """A font with all characters of a text: Pillow's default, or DejaVu Sans, which is included in matplotlib."""
    if _KNOWN.issuperset(text):
        return ImageFont.load_default(size)
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    size: int,
    colour: tuple[int, int, int],
    room: int,
    right: bool = False,
) -> None:
    """Draws one line of text, with an ellipsis if it is too long.

    Args:
        draw: the sheet.
        place: the text's upper left or upper right corner.
        text: the line.
        size: font size, pixels.
        colour: red, green, blue.
        room: maximum width, pixels.
        right: whether `place` is the right corner.
    """
    text = printable(text)
    font = font_of(text, size)
    if draw.textlength(text, font=font) > room:
        while text and draw.textlength(f"{text}…", font=font) > room:
            text = text[:-1]
        text = f"{text.rstrip()}…"
    if right:
        place = (round(place[0] - draw.textlength(text, font=font)), place[1])
    draw.text(place, text, font=font, fill=colour)


def new_sheet(
    size: tuple[int, int], title: str, subtitle: str, credit: str = "", room: int | None = None
) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Creates a sheet with its texts, and an object that draws on it.

    Args:
        size: width and height, pixels.
        title: the headline.
        subtitle: the line below it.
        credit: the source of the data, at the bottom.
        room: width of the headline, pixels; by default that of the sheet without margins.
    """
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    full = size[0] - 2 * MARGIN
    write(draw, (MARGIN, MARGIN - 8), title, TITLE, INK, room or full)
    write(draw, (MARGIN, MARGIN + TITLE + 6), subtitle, SUBTITLE, QUIET, room or full)
    write(draw, (MARGIN, size[1] - MARGIN - CREDIT + 6), credit, CREDIT, QUIET, full)
    return sheet, draw


def save(sheet: Image.Image, path: Path) -> None:
    """Writes a sheet as a PNG, under a temporary name that is then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as aside:
        sheet.save(aside, format="PNG", optimize=True)
