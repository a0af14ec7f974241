"""A sheet of a dataset with several modalities: where its tiles are, and every layer of a dozen of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmearth_core.contract.bands import Layer
from mmearth_core.contract.modality import Modality
from mmearth_core.download.stored_config import Group
from mmearth_core.paths import DatasetPaths
from mmearth_viz.preview.done import DoneTile, done_tiles, layer_picture
from mmearth_viz.preview.layers_sheet import Row, layers_sheet
from mmearth_viz.preview.render import Picture
from mmearth_viz.preview.world_map import world_map

ROWS = 12


MAP_WIDTH = 1150


def sheet_of_layers(folder: DatasetPaths, group: Group, path: Path, title: str, credit: str = "") -> int:
    """Draws every layer that has a preview, for a dozen done tiles of as many biomes as there are.

    Args:
        folder: the dataset.
        group: whose stacks are drawn.
        path: the PNG to write.
        title: its headline.
        credit: where the data come from.

    Returns:
        How many tiles it shows.

    Raises:
        DatasetError: when no tile is done.
    """
    done = list(done_tiles(folder, group))
    shown = varied(done, ROWS)
    columns = [(modality, layer) for modality in group.modalities for layer in modality.layers if layer.preview]
    layers_sheet(
        path,
        world_map([(one.tile.lon, one.tile.lat) for one in done], MAP_WIDTH),
        [layer.name for _, layer in columns],
        [Row(_caption(one), [_cell(folder, group, one, *column) for column in columns]) for one in shown],
        title=title,
        subtitle=f"{len(done)} tiles · {len(group.modalities)} modalities · {len(shown)} tiles shown",
        credit=credit,
    )
    return len(shown)


def varied(done: Sequence[DoneTile], count: int) -> list[DoneTile]:
    """Up to `count` tiles, as many biomes among them as possible, in the tiles' order."""
    by_biome: dict[Any, list[DoneTile]] = {}
    for one in done:
        by_biome.setdefault(one.tile.attributes.get("biome"), []).append(one)
    longest = max(map(len, by_biome.values()), default=0)
    in_turn = [tiles[place] for place in range(longest) for tiles in by_biome.values() if place < len(tiles)]
    return sorted(in_turn[:count], key=lambda one: one.tile.ordinal)


def _caption(one: DoneTile) -> list[str]:
    lat, lon = one.tile.lat, one.tile.lon
    place = f"{abs(lat):.2f}° {'N' if lat >= 0 else 'S'}, {abs(lon):.2f}° {'E' if lon >= 0 else 'W'}"
    anchor = one.entry.record["anchor"]
    told = [str(one.tile.attributes[key]) for key in ("biome", "eco_region") if one.tile.attributes.get(key)]
    return [f"tile {one.tile.tile_id}", place, f"{anchor['date']} {anchor.get('variant') or ''}".strip(), *told]


def _cell(
    folder: DatasetPaths, group: Group, one: DoneTile, modality: Modality, layer: Layer
) -> Picture | Sequence[str]:
    if not layer.is_map:
        return _printed(layer, modality.values(one.entry.record["located"].get(modality.name)))
    return layer_picture(folder, group, one, layer)


def _printed(layer: Layer, values: Mapping[str, Any]) -> list[str]:
    numbers: NDArray[np.float64] = np.asarray(values.get(layer.name, ()), dtype=np.float64)
    units = {band.name: (position, band.unit) for position, band in enumerate(layer.bands)}
    lines = []
    for name in layer.preview.bands if layer.preview else ():
        position, unit = units[name]
        known = position < numbers.size and np.isfinite(numbers[position])
        lines.append(f"{numbers[position]:.4g} {unit}  {name}" if known else f"no data  {name}")
    return lines
