"""What all sheets look like: colours, sizes of texts, and how a line is written."""

from PIL import ImageDraw, ImageFont

PAPER, INK, QUIET = (17, 19, 22), (236, 237, 238), (142, 147, 153)
"""Background, title, and the smaller texts."""

TITLE, SUBTITLE, CAPTION, CREDIT = 34, 18, 13, 14
"""Sizes of the texts, pixels."""

MARGIN = 48
"""Around a sheet, pixels."""


def write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, colour: tuple[int, int, int], room: int
) -> None:
    """Writes one line, cut with an ellipsis where it would not fit.

    Args:
        draw: the sheet.
        place: the text's upper left corner.
        text: the line.
        size: of the letters, pixels.
        colour: red, green, blue.
        room: the greatest width, pixels.
    """
    font = ImageFont.load_default(size)
    if draw.textlength(text, font=font) > room:
        while text and draw.textlength(f"{text}…", font=font) > room:
            text = text[:-1]
        text = f"{text.rstrip()}…"
    draw.text(place, text, font=font, fill=colour)
