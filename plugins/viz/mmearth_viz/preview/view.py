"""Looks at a dataset: one tile in detail, or a sheet of several tiles and layers."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import field, frozen

from mmearth_core.errors import DatasetError
from mmearth_core.layers import LayerDescription
from mmearth_core.text import counted
from mmearth_viz.preview.album import Album, checked_layers
from mmearth_viz.preview.contact_sheet import contact_sheet
from mmearth_viz.preview.facts import Facts
from mmearth_viz.preview.layers_sheet import Row, layers_sheet
from mmearth_viz.preview.legend import Legend, together
from mmearth_viz.preview.panel import MapPanel, Panel, make_panel
from mmearth_viz.preview.render import Picture
from mmearth_viz.preview.tile_sheet import scaled, tile_sheet
from mmearth_viz.preview.world_map import world_map

MOST_PANELS = 60
"""Layers of one tile."""


MOST_COLUMNS, MOST_ROWS = 14, 24
"""Layers and tiles of a sheet that has both; of more tiles one layer is shown."""


_SIDE = 128
"""Of a picture on a sheet of several tiles, pixels, about."""


_NUMBERS = 7
"""Numbers of a vector that such a sheet lists."""


_MAP, _CORNER = 900, 300
"""Widths of the world maps, pixels."""


def _as_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@frozen
class Seen:
    """What was drawn.

    Attributes:
        tiles: ids.
        layers: names.
        left_out: names of layers for which there is no room.
    """

    tiles: tuple[str, ...] = field(converter=_as_names)
    layers: tuple[str, ...] = field(converter=_as_names)
    left_out: tuple[str, ...] = field(converter=_as_names)


def view(album: Album, rows: Sequence[int], layers: Sequence[str], path: Path) -> Seen:
    """Draws some tiles of a dataset.

    One tile is drawn in detail. Several become a sheet with a row a tile and a column a layer; very many, or a single
    layer, become a contact sheet of that layer (by default of the first map).

    Args:
        album: the dataset.
        rows: which tiles.
        layers: which layers; empty for all.
        path: the PNG to write.

    Raises:
        DatasetError: when there is no such layer, or none that can be drawn.
    """
    wanted = checked_layers(album, layers) if layers else list(album.layers.values())
    maps = [layer for layer in wanted if layer.is_map]
    if len(rows) == 1:
        chosen = wanted[:MOST_PANELS]
        _one(album, rows[0], chosen, path)
    elif maps and (len(rows) > MOST_ROWS or len(wanted) == 1):
        chosen = maps[:1]
        _contacts(album, rows, chosen[0], path)
    elif maps and len(rows) <= MOST_ROWS:
        # The numbers of a vector that does not say which of them tell people something would only fill the sheet.
        chosen = [layer for layer in wanted if layer.is_map or layer.previews or layers][:MOST_COLUMNS]
        _table(album, rows, chosen, path)
    else:
        raise DatasetError(
            f"{album.files.hdf5}: {'these layers' if layers else 'its layers'} are all vectors, which are shown one "
            "tile at a time. Name one tile, or choose a map with --layer."
        )
    drawn = {layer.name for layer in chosen}
    return Seen(
        [album.table.tile_id(row) for row in rows],
        [layer.name for layer in chosen],
        [layer.name for layer in wanted if layer.name not in drawn],
    )


def _panels(album: Album, rows: Sequence[int], layers: Sequence[LayerDescription], most: int) -> list[list[Panel]]:
    read = album.values(rows, [layer.name for layer in layers])
    return [
        [make_panel(layer, values[layer.name], album.table.variant(row), most) for layer in layers]
        for row, values in zip(rows, read, strict=True)
    ]


def _one(album: Album, row: int, layers: Sequence[LayerDescription], path: Path) -> None:
    facts = Facts.of(album.entries([row])[row])
    (panels,) = _panels(album, [row], layers, 12)
    corner = world_map([(facts.place[1], facts.place[0])], _CORNER, dot=5.0) if facts.place else None
    tile_sheet(
        path,
        panels,
        title=f"Tile {album.table.tile_id(row)}",
        subtitle=facts.line(album.table.variant(row)),
        credit=f"{album.name}, row {row} of {len(album):,} · {counted(len(layers), 'layer')}",
        corner=corner,
    )


def _table(album: Album, rows: Sequence[int], layers: Sequence[LayerDescription], path: Path) -> None:
    told = [Facts.of(entry) for entry in album.entries(rows).values()]
    panels = _panels(album, rows, layers, _NUMBERS)
    lines = []
    for row, facts, own in zip(rows, told, panels, strict=True):
        variant = album.table.variant(row)
        when = " ".join(text for text in (facts.date, variant) if text)
        caption = [f"tile {album.table.tile_id(row)}", *(text for text in (facts.where, when, *facts.labels) if text)]
        lines.append(Row(caption, [_cell(panel) for panel in own]))
    places = [(facts.place[1], facts.place[0]) for facts in told if facts.place]
    layers_sheet(
        path,
        world_map(places, _MAP),
        [layer.name for layer in layers],
        lines,
        title=album.name,
        subtitle=f"{len(rows)} of {counted(len(album), 'tile')} · {counted(len(layers), 'layer')}",
        credit="",
        legends=[together(found) if (found := _legends(column)) else None for column in zip(*panels, strict=True)],
    )


def _cell(panel: Panel) -> Picture | Sequence[str]:
    if isinstance(panel, MapPanel):
        return scaled(panel.picture, max(_SIDE, min(panel.picture.shape[1], 2 * _SIDE)))
    told = [f"{each.text}  {each.name}".strip() for each in panel.numbers]
    return [*told, panel.rest] if panel.more else told


def _legends(panels: Sequence[Panel]) -> list[Legend]:
    return [panel.legend for panel in panels if isinstance(panel, MapPanel)]


def _contacts(album: Album, rows: Sequence[int], layer: LayerDescription, path: Path) -> None:
    panels = [panel for (panel,) in _panels(album, rows, [layer], 0) if isinstance(panel, MapPanel)]
    ids = [album.table.tile_id(row) for row in rows]
    contact_sheet(
        [(tile_id, panel.picture) for tile_id, panel in zip(ids, panels, strict=True)],
        path,
        title=album.name,
        subtitle=f"{len(rows)} of {len(album):,} tiles · {layer.name}: {layer.description}",
        legend=together(_legends(panels)),
    )
