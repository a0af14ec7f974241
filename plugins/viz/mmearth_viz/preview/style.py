"""What all sheets look like: colours, sizes of texts, and how a line is written."""

from pathlib import Path
from typing import Any

from PIL import ImageDraw, ImageFont

PAPER, INK, QUIET = (17, 19, 22), (236, 237, 238), (142, 147, 153)
"""Background, title, and the smaller texts."""


TITLE, SUBTITLE, CAPTION, CREDIT = 34, 18, 13, 14
"""Sizes of the texts, pixels."""


MARGIN = 48
"""Around a sheet, pixels."""


SWATCH = 14
"""Side of a legend's patch of colour, pixels."""


_KNOWN = frozenset(map(chr, range(32, 127))) | frozenset("°·…")
"""Letters that Pillow's own font has for certain; for others it draws an empty box."""


def font_of(text: str, size: int) -> Any:
    """A font that has every letter of a text: Pillow's own, or DejaVu Sans, which comes with matplotlib."""
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
    """Writes one line, cut with an ellipsis where it would not fit.

    Args:
        draw: the sheet.
        place: the text's upper left corner, or its upper right one.
        text: the line.
        size: of the letters, pixels.
        colour: red, green, blue.
        room: the greatest width, pixels.
        right: `place` is the right end.
    """
    font = font_of(text, size)
    if draw.textlength(text, font=font) > room:
        while text and draw.textlength(f"{text}…", font=font) > room:
            text = text[:-1]
        text = f"{text.rstrip()}…"
    if right:
        place = (round(place[0] - draw.textlength(text, font=font)), place[1])
    draw.text(place, text, font=font, fill=colour)
