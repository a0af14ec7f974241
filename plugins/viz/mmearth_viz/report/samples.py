"""Sample tiles for the page: a varied few, with every layer that can be drawn, as pictures within the page."""

from collections.abc import Sequence

from attrs import frozen
from mmearth_curate.select import RowFilter
from PIL import Image

from mmearth_core.progress import Progress
from mmearth_viz.preview.album import Album
from mmearth_viz.preview.facts import Facts
from mmearth_viz.preview.panel import MapPanel, NumbersPanel, make_panel
from mmearth_viz.preview.select import Wanted, select
from mmearth_viz.preview.tile_sheet import scaled
from mmearth_viz.report.world import png

_SIDE = 256
"""Greatest width of a picture, pixels; smaller tiles stay as they are."""


_COLOURS = 128
"""Of a picture; classes have fewer, and nobody sees the difference in the others."""


_LAYERS, _NUMBERS = 24, 6


@frozen
class Shot:
    """One layer of a tile.

    Attributes:
        layer: its name.
        shown: the bands that are shown, and what is unusual.
        picture: a data URI.
        alt: the picture in words.
        scale: the ends of its range; empty without one.
    """

    layer: str
    shown: str
    picture: str
    alt: str
    scale: str


@frozen
class Sample:
    """One tile.

    Attributes:
        tile_id: which.
        line: when and where it is.
        shots: its maps.
        numbers: `(name, value)` of vectors.
    """

    tile_id: str
    line: str
    shots: Sequence[Shot]
    numbers: Sequence[tuple[str, str]]


def make_samples(album: Album, count: int, seed: int, progress: Progress) -> list[Sample]:
    """Draws a varied few tiles."""
    if not len(album) or not count:
        return []
    rows = select(album, Wanted((), RowFilter(seed=seed), count, random=False), progress)
    told = album.entries(rows)
    layers = [layer for layer in album.layers.values() if layer.is_map or layer.previews][:_LAYERS]
    samples = []
    for row, values in zip(rows, album.values(rows, [layer.name for layer in layers]), strict=True):
        variant = album.table.variant(row)
        panels = [make_panel(layer, values[layer.name], variant, _NUMBERS) for layer in layers]
        tile_id = album.table.tile_id(row)
        samples.append(
            Sample(
                tile_id,
                Facts.of(told[row]).line(variant),
                [_shot(panel, tile_id) for panel in panels if isinstance(panel, MapPanel)],
                _numbers([panel for panel in panels if isinstance(panel, NumbersPanel)]),
            )
        )
        progress("drawing tiles", len(samples), len(rows))
    return samples


def _shot(panel: MapPanel, tile_id: str) -> Shot:
    picture = panel.picture if panel.picture.shape[1] <= _SIDE else scaled(panel.picture, _SIDE)
    legend = panel.legend
    keys = ", ".join(swatch.text for swatch in legend.swatches)
    scale = " to ".join(legend.ends) if legend.ramp is not None else ""
    shown = f"{legend.heading}; {panel.note}" if panel.note else legend.heading
    alt = "; ".join(text for text in (f"{panel.layer.name} of tile {tile_id}: {shown}", scale, keys) if text)
    image = Image.fromarray(picture).quantize(_COLOURS, dither=Image.Dither.NONE)
    return Shot(panel.layer.name, shown, png(image), alt, scale)


def _numbers(panels: Sequence[NumbersPanel]) -> list[tuple[str, str]]:
    return [(f"{panel.layer.name} {each.name}", each.text) for panel in panels for each in panel.numbers]
