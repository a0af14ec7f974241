"""Legends of pictures, for sheets and for the report."""

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mmearth_core import ClassLabel, Preview
from mmearth_viz.preview.render import NODATA_COLOUR, UNDECLARED_COLOUR, Picture, colours_of, rgb
from mmearth_viz.preview.style import CAPTION, INK, PAPER, QUIET, SWATCH, write

_RAMP = 256
"""Number of colours of a ramp."""


_PRIMARIES = (("red", (214, 69, 65)), ("green", (72, 161, 86)), ("blue", (66, 124, 206)))


LINE = CAPTION + 6
"""Distance from one line to the next, pixels."""


KEY, BETWEEN = 260, 24
"""Width of a legend and the gap between two legends, pixels."""


@frozen
class Swatch:
    """One colour and its meaning.

    Attributes:
        name: its meaning.
        colour: red, green, blue; None for the hatching of no-data.
        share: share of the pixels; None if it is not useful.
    """

    name: str
    colour: tuple[int, ...] | None
    share: float | None = None

    @property
    def text(self) -> str:
        """The name with the share."""
        return self.name if self.share is None else f"{self.name} {share(self.share)}"


def _as_swatches(swatches: Iterable[Swatch]) -> tuple[Swatch, ...]:
    return tuple(swatches)


@frozen(eq=False)
class Legend:
    """The legend of one layer.

    Attributes:
        heading: the bands shown, with their unit.
        swatches: single colours.
        ramp: colours of a scale from its low to its high end, (1, n, 3); None without a scale.
        ends: the labels of the two ends.
    """

    heading: str
    swatches: tuple[Swatch, ...] = field(converter=_as_swatches)
    ramp: Picture | None = None
    ends: tuple[str, str] = ("", "")


def number(value: float) -> str:
    """A number as text."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def share(part: float) -> str:
    """A share as a percentage; 0 and 100 only if they are exact."""
    percent = 100 * part
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent >= 9.95 or percent == 0 else f"{percent:.1f} %"


def with_unit(text: str, unit: str) -> str:
    """A text with its unit: nothing for the unit `1`, and a factor for a power of ten."""
    if unit in ("", "1"):
        return text
    return f"{text} x {unit}" if unit[0].isdigit() else f"{text} {unit}"


def legend_of(
    preview: Preview, units: Sequence[str], classes: Sequence[ClassLabel], values: NDArray[np.floating], layer: str
) -> Legend:
    """The legend of bands drawn with `render_bands`.

    Args:
        preview: the preview of the bands.
        units: the units of the bands.
        classes: the classes of a single band; empty for a quantity.
        values: (1 or 3, ...) values of the bands, NaN without data; only classes that occur are listed.
        layer: the layer's name, for the error.
    """
    valid = np.isfinite(values).all(axis=0)
    missing = 1 - float(valid.mean())
    nodata = [Swatch("no data", None, missing)] if missing else []
    heading = ", ".join(preview.bands)
    if classes and len(preview.bands) == 1:
        return Legend(heading, [*_of_classes(classes, values[0][valid], valid.size), *nodata])
    if len(preview.bands) == 3:
        swatches = [
            Swatch(f"{band} {with_unit(f'{number(low)} to {number(high)}', unit)}", colour)
            for band, (low, high), unit, (_, colour) in zip(
                preview.bands, preview.ranges, units, _PRIMARIES, strict=True
            )
        ]
        return Legend(heading, [*swatches, *nodata])
    (low, high), unit = preview.ranges[0], units[0]
    scale = np.linspace(0, 1, _RAMP) ** (1 / preview.gamma)
    ends = (number(low), with_unit(number(high), unit))
    return Legend(heading, nodata, colours_of(scale[None], preview.colormap, layer), ends)


def _of_classes(classes: Sequence[ClassLabel], found: NDArray[np.floating], size: int) -> list[Swatch]:
    values, counts = np.unique(found, return_counts=True)
    known = {label.value: label for label in classes}
    swatches, undeclared = [], 0
    for position in np.argsort(-counts, kind="stable"):
        label = known.get(int(values[position]))
        if label is None:
            undeclared += int(counts[position])
        else:
            swatches.append(Swatch(label.name, rgb(label), float(counts[position]) / size))
    if undeclared:
        swatches.append(Swatch("no declared class", UNDECLARED_COLOUR, undeclared / size))
    return swatches


def together(legends: Sequence[Legend]) -> Legend:
    """One legend for several pictures of a layer: every colour that occurs, with its mean share."""
    names: dict[tuple[int, ...] | None, dict[str, None]] = {}
    sums: dict[tuple[int, ...] | None, float] = {}
    for swatch in (swatch for legend in legends for swatch in legend.swatches):
        names.setdefault(swatch.colour, {})[swatch.name] = None
        if swatch.share is not None:
            sums[swatch.colour] = sums.get(swatch.colour, 0.0) + swatch.share / len(legends)
    swatches = [Swatch(" or ".join(names[colour]), colour, sums.get(colour)) for colour in names]
    ordered = sorted(swatches, key=lambda swatch: (swatch.colour is None, -(swatch.share or 0.0)))
    headings = " or ".join(dict.fromkeys(legend.heading for legend in legends))
    return Legend(headings, ordered, legends[0].ramp, legends[0].ends)


def height(legend: Legend) -> int:
    """Height of a drawn legend without its heading, pixels."""
    return (SWATCH + LINE if legend.ramp is not None else 0) + len(legend.swatches) * LINE


def draw_legend(sheet: Image.Image, place: tuple[int, int], legend: Legend, room: int) -> None:
    """Draws a legend, without its heading.

    Args:
        sheet: the sheet.
        place: its upper left corner.
        legend: the legend.
        room: its width, pixels.
    """
    draw = ImageDraw.Draw(sheet)
    x, y = place
    if legend.ramp is not None:
        columns = np.linspace(0, legend.ramp.shape[1] - 1, room).astype(int)
        sheet.paste(Image.fromarray(np.ascontiguousarray(legend.ramp[:, columns].repeat(SWATCH - 4, axis=0))), (x, y))
        write(draw, (x, y + SWATCH - 2), legend.ends[0], CAPTION, QUIET, room // 2)
        write(draw, (x + room, y + SWATCH - 2), legend.ends[1], CAPTION, QUIET, room // 2, right=True)
        y += SWATCH + LINE
    for swatch in legend.swatches:
        draw.rectangle([x, y + 2, x + SWATCH - 1, y + SWATCH + 1], fill=swatch.colour or NODATA_COLOUR)
        if swatch.colour is None:  # stronger lines than in a picture, because there are fewer of them
            for start in range(3, SWATCH, 5):
                draw.line([x + start, y + 2, x, y + 2 + start], fill=PAPER)
                draw.line([x + SWATCH - 1, y + 2 + start, x + start, y + SWATCH + 1], fill=PAPER)
        write(draw, (x + SWATCH + 8, y + 1), swatch.text, CAPTION, QUIET, room - SWATCH - 8)
        y += LINE


def legends_height(legends: Sequence[tuple[str, Legend]], room: int) -> int:
    """Height of several legends side by side, pixels."""
    per_row = _per_row(room)
    rows = [legends[start : start + per_row] for start in range(0, len(legends), per_row)]
    return sum(max(height(legend) for _, legend in row) + 2 * LINE + BETWEEN for row in rows)


def draw_legends(sheet: Image.Image, place: tuple[int, int], legends: Sequence[tuple[str, Legend]], room: int) -> None:
    """Draws several legends side by side, each below the name of its layer and the bands shown.

    Args:
        sheet: the sheet.
        place: the upper left corner.
        legends: layer names and legends.
        room: the total width, pixels.
    """
    draw = ImageDraw.Draw(sheet)
    x, y = place
    per_row = _per_row(room)
    for start in range(0, len(legends), per_row):
        row = legends[start : start + per_row]
        for column, (name, legend) in enumerate(row):
            left = x + column * (KEY + BETWEEN)
            write(draw, (left, y), name, CAPTION, INK, KEY)
            write(draw, (left, y + LINE), legend.heading, CAPTION, QUIET, KEY)
            draw_legend(sheet, (left, y + 2 * LINE + 2), legend, KEY)
        y += legends_height(row, room)


def _per_row(room: int) -> int:
    return max(1, (room + BETWEEN) // (KEY + BETWEEN))
