"""Draws a dataset: one tile in detail, or a sheet of several tiles and layers."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from attrs import field, frozen
from mmearth_curate.reading import DescribedReader, Entry

from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.text import counted
from mmearth_viz.preview.contact_sheet import contact_sheet
from mmearth_viz.preview.dataset import Facts, entries_of, require_layers, step_dates, tile_width
from mmearth_viz.preview.layers_sheet import Row, layers_sheet
from mmearth_viz.preview.legend import Legend, together
from mmearth_viz.preview.panel import MapPanel, Panel, make_panel
from mmearth_viz.preview.render import Picture
from mmearth_viz.preview.tile_sheet import scaled, tile_sheet
from mmearth_viz.preview.world_map import world_map

MOST_PANELS = 60
"""Maximum number of layers of one tile."""


MOST_COLUMNS, MOST_ROWS = 14, 24
"""Maximum number of layers and of tiles on a sheet of both; for more tiles only one layer is shown."""


_SIDE = 128
"""Approximate side of a picture on a sheet of several tiles, pixels."""


_NUMBERS = 7
"""Maximum number of listed values of a vector on such a sheet."""


_MAP, _CORNER = 900, 300
"""Widths of the two world maps, pixels."""


def _as_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@frozen
class Drawn:
    """The tiles and layers that were drawn.

    Attributes:
        tiles: ids of the tiles.
        layers: names of the layers.
        left_out: names of layers for which there was no space.
    """

    tiles: tuple[str, ...] = field(converter=_as_names)
    layers: tuple[str, ...] = field(converter=_as_names)
    left_out: tuple[str, ...] = field(converter=_as_names)


def view(reader: DescribedReader, rows: Sequence[int], layers: Sequence[str], path: Path) -> Drawn:
    """Draws some tiles of a dataset.

    One tile is drawn in detail. Several tiles are drawn on a sheet with one row per tile and one column per layer; very
    many tiles, or a single layer, on a contact sheet of that layer (by default the first map).

    Args:
        reader: the dataset.
        rows: the rows of the tiles.
        layers: names of layers; empty for all.
        path: the PNG to write.

    Raises:
        DatasetError: when a layer does not exist, or no layer can be drawn.
    """
    wanted = require_layers(reader, layers) if layers else list(reader.layers.values())
    maps = [layer for layer in wanted if layer.is_map]
    if len(rows) == 1:
        chosen = wanted[:MOST_PANELS]
        _one(reader, rows[0], chosen, path)
    elif maps and (len(rows) > MOST_ROWS or len(wanted) == 1):
        chosen = maps[:1]
        _contacts(reader, rows, chosen[0], path)
    elif maps and len(rows) <= MOST_ROWS:
        # The numbers of a vector without a preview are hardly useful and would fill the sheet.
        chosen = [layer for layer in wanted if layer.is_map or layer.previews or layers][:MOST_COLUMNS]
        _table(reader, rows, chosen, path)
    else:
        raise DatasetError(
            f"{reader.paths.hdf5}: {'these layers' if layers else 'its layers'} are all vectors, which are shown for "
            "one tile only. Give one tile id, or choose a map with --layer."
        )
    drawn = {layer.name for layer in chosen}
    return Drawn(
        [reader.table.tile_id(row) for row in rows],
        [layer.name for layer in chosen],
        [layer.name for layer in wanted if layer.name not in drawn],
    )


def _panels(
    reader: DescribedReader, entries: Mapping[int, Entry], layers: Sequence[LayerDescription], most: int
) -> list[list[Panel]]:
    read = reader.values(entries, [layer.name for layer in layers])
    return [
        [
            make_panel(layer, values[layer.name], reader.table.variant(row), most, step_dates(layer, entry))
            for layer in layers
        ]
        for (row, entry), values in zip(entries.items(), read, strict=True)
    ]


def _one(reader: DescribedReader, row: int, layers: Sequence[LayerDescription], path: Path) -> None:
    entries = entries_of(reader, [row])
    facts = Facts.of(entries[row])
    (panels,) = _panels(reader, entries, layers, 12)
    corner = world_map([(facts.place[1], facts.place[0])], _CORNER, dot=5.0) if facts.place else None
    size = reader.image_size
    pixels = f" · {size} x {size} pixels of {reader.pixel_size:g} m: {tile_width(reader)}"
    has_map = any(layer.is_map for layer in layers)
    tile_sheet(
        path,
        panels,
        title=f"Tile {reader.table.tile_id(row)}",
        subtitle=facts.line(reader.table.variant(row)),
        credit=f"{reader.paths.name}, row {row} of {len(reader):,} · {counted(len(layers), 'layer')}"
        f"{pixels if has_map else ''}",
        corner=corner,
    )


def _table(reader: DescribedReader, rows: Sequence[int], layers: Sequence[LayerDescription], path: Path) -> None:
    entries = entries_of(reader, rows)
    described = [Facts.of(entry) for entry in entries.values()]
    panels = _panels(reader, entries, layers, _NUMBERS)
    lines = []
    for row, facts, own in zip(rows, described, panels, strict=True):
        variant = reader.table.variant(row)
        when = " ".join(text for text in (facts.date, variant) if text)
        caption = [f"tile {reader.table.tile_id(row)}", *(text for text in (facts.where, when, *facts.labels) if text)]
        lines.append(Row(caption, [_cell(panel) for panel in own]))
    places = [(facts.place[1], facts.place[0]) for facts in described if facts.place]
    layers_sheet(
        path,
        world_map(places, _MAP),
        [layer.name for layer in layers],
        lines,
        title=reader.paths.name,
        subtitle=f"{len(rows)} of {counted(len(reader), 'tile')} of {tile_width(reader)} · "
        f"{counted(len(layers), 'layer')}",
        credit="",
        legends=[together(found) if (found := _legends(column)) else None for column in zip(*panels, strict=True)],
    )


def _cell(panel: Panel) -> Picture | Sequence[str]:
    if isinstance(panel, MapPanel):
        if panel.steps:
            return np.concatenate([scaled(picture, _SIDE) for picture in panel.pictures], axis=1)
        return scaled(panel.picture, max(_SIDE, min(panel.picture.shape[1], 2 * _SIDE)))
    lines = [f"{each.text}  {each.name}".strip() for each in panel.numbers]
    return [*lines, panel.rest] if panel.more else lines


def _legends(panels: Sequence[Panel]) -> list[Legend]:
    return [panel.legend for panel in panels if isinstance(panel, MapPanel)]


def _contacts(reader: DescribedReader, rows: Sequence[int], layer: LayerDescription, path: Path) -> None:
    entries = entries_of(reader, rows) if layer.steps else {row: {} for row in rows}
    panels = [panel for (panel,) in _panels(reader, entries, [layer], 0) if isinstance(panel, MapPanel)]
    captions = [
        ": ".join(text for text in (reader.table.tile_id(row), ", ".join(panel.steps)) if text)
        for row, panel in zip(rows, panels, strict=True)
    ]
    contact_sheet(
        [(caption, panel.picture) for caption, panel in zip(captions, panels, strict=True)],
        path,
        title=reader.paths.name,
        subtitle=f"{len(rows)} of {len(reader):,} tiles of {tile_width(reader)} · {layer.name}: {layer.description}",
        legend=together(_legends(panels)),
    )
