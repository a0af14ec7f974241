"""What all sheets look like: colours, sizes of texts, and how a line is written."""

from PIL import ImageDraw, ImageFont

PAPER, INK, QUIET = (17, 19, 22), (236, 237, 238), (142, 147, 153)
"""Background, title, and the smaller texts."""

TITLE, SUBTITLE, CAPTION, CREDIT = 34, 18, 13, 14
"""Sizes of the texts, pixels."""

MARGIN = 48
"""Around a sheet, pixels."""

SWATCH = 14
"""Side of a legend's patch of colour, pixels."""


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
    font = ImageFont.load_default(size)
    if draw.textlength(text, font=font) > room:
        while text and draw.textlength(f"{text}…", font=font) > room:
            text = text[:-1]
        text = f"{text.rstrip()}…"
    if right:
        place = (round(place[0] - draw.textlength(text, font=font)), place[1])
    draw.text(place, text, font=font, fill=colour)
