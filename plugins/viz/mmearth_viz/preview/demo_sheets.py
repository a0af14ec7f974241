"""Sheets of a downloaded dataset without an HDF5 file, for the demo: all layers of some tiles, or one layer of all."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core import Layer, Modality
from mmearth_core.download.folder import Group, Journal, Outcome, Tile, TileIndex, TileOutcome
from mmearth_core.download.stack import read_stack, stack_bands
from mmearth_core.errors import DatasetError
from mmearth_core.paths import DatasetPaths
from mmearth_viz.preview.contact_sheet import contact_sheet
from mmearth_viz.preview.dataset import coordinates, one_of_each
from mmearth_viz.preview.layers_sheet import Row, layers_sheet
from mmearth_viz.preview.render import Picture, render_layer
from mmearth_viz.preview.world_map import world_map


@frozen(eq=False)
class DoneTile:
    """A tile with its stack on disk.

    Attributes:
        tile: the tile.
        entry: its line of the journal.
    """

    tile: Tile
    entry: TileOutcome

    @property
    def variant(self) -> str | None:
        """The anchor's variant."""
        variant: str | None = self.entry.record["anchor"].get("variant")
        return variant


def done_tiles(folder: DatasetPaths, group: Group) -> Iterator[DoneTile]:
    """Yields the tiles of a group that are done, by ordinal.

    Raises:
        DatasetError: when no tile is done.
    """
    index = TileIndex(folder.tiles)
    none = True
    for partition in index.sizes():
        entries = Journal(folder.journal(group.name, partition)).read()
        for tile in index.read(partition):
            entry = entries.get(tile.tile_id)
            if entry is not None and entry.outcome is Outcome.DONE:
                none = False
                yield DoneTile(tile, entry)
    if none:
        raise DatasetError(f"{folder.root}: no tile of {group.name!r} is done, so there is nothing to draw.")


def layer_picture(folder: DatasetPaths, group: Group, one: DoneTile, layer: Layer) -> Picture:
    """Draws one layer of a tile from its stack."""
    names = [band.name for band in stack_bands(group.modalities) if band.layer is layer]
    pixels = read_stack(folder.stack(group.name, one.tile.partition, one.tile.tile_id), names)
    steps = np.split(pixels, layer.steps or 1)  # side by side
    return render_layer(layer, np.concatenate(steps, axis=-1), one.variant)


ROW_GAP = 0.5
"""A step in latitude starts a new row if it exceeds this share of the largest step."""


def lattice_order(centres: Sequence[tuple[float, float]]) -> tuple[list[int], int] | None:
    """The order of tiles from north to south and west to east, if they form a complete lattice.

    The rows may be slightly rotated relative to the parallels, as in a projected grid.

    Args:
        centres: (longitude, latitude) of each tile, degrees.

    Returns:
        The tiles' positions in `centres` in that order, and the number of columns; None when
        they form no lattice of at least two rows and two columns.
    """
    if len(centres) < 4:
        return None
    points = np.asarray(centres, dtype=np.float64)
    from_north = np.argsort(-points[:, 1], kind="stable")
    steps = -np.diff(points[from_north, 1])
    rows = np.split(from_north, np.flatnonzero(steps > ROW_GAP * steps.max()) + 1)
    columns = len(rows[0])
    if len(rows) < 2 or columns < 2 or any(len(row) != columns for row in rows):
        return None
    ordered = np.stack([row[np.argsort(points[row, 0], kind="stable")] for row in rows])
    if not _even(points[ordered, 0], axis=1) or not _even(points[ordered, 1], axis=0):
        return None
    return [int(position) for position in ordered.ravel()], columns


def _even(values: NDArray[np.float64], axis: int) -> bool:
    """Whether all steps along an axis are nearly equal and not zero."""
    steps = np.abs(np.diff(values, axis=axis))
    return bool(steps.min() > 0 and steps.max() < 1.1 * steps.min())


ROWS = 12
"""Tiles on a sheet of layers."""

MAP_WIDTH = 1150
"""Pixels."""


def sheet_of_layers(folder: DatasetPaths, group: Group, path: Path, title: str, credit: str = "") -> int:
    """Draws every layer that has a preview, for a dozen done tiles from as many biomes as possible.

    Args:
        folder: the dataset.
        group: the group to draw.
        path: the PNG to write.
        title: its headline.
        credit: the source of the data.

    Returns:
        How many tiles it shows.

    Raises:
        DatasetError: when no tile is done.
    """
    done = list(done_tiles(folder, group))
    order = one_of_each(done, [one.tile.attributes.get("biome") for one in done])
    shown = sorted(order[:ROWS], key=lambda one: one.tile.ordinal)
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


def _caption(one: DoneTile) -> list[str]:
    place = coordinates(one.tile.lat, one.tile.lon)
    anchor = one.entry.record["anchor"]
    facts = [str(one.tile.attributes[key]) for key in ("biome", "eco_region") if one.tile.attributes.get(key)]
    return [f"tile {one.tile.tile_id}", place, f"{anchor['date']} {anchor.get('variant') or ''}".strip(), *facts]


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


def sheet_of_tiles(folder: DatasetPaths, group: Group, path: Path, title: str, credit: str = "") -> int:
    """Draws the first layer of a group that has a preview, for every done tile.

    Tiles that form a lattice on the ground are arranged as on a map.

    Args:
        folder: the dataset.
        group: the group to draw.
        path: the PNG to write.
        title: its headline.
        credit: the source of the data.

    Returns:
        How many tiles it shows.

    Raises:
        DatasetError: when there is nothing to draw.
    """
    layers = [layer for modality in group.modalities for layer in modality.map_layers() if layer.preview]
    if not layers:
        raise DatasetError(
            f"{folder.root}: no layer of {group.name!r} declares a preview, so there is nothing to draw."
        )
    done = list(done_tiles(folder, group))
    layer = layers[0]
    lattice = lattice_order([(one.tile.lon, one.tile.lat) for one in done])
    order, columns = lattice or (list(range(len(done))), None)
    pictures = (
        (one.tile.tile_id, layer_picture(folder, group, one, layer)) for one in (done[position] for position in order)
    )
    subtitle = f"{len(done)} tiles · {layer.name}" + (f": {layer.description}" if layer.description else "")
    contact_sheet(pictures, path, title=title, subtitle=subtitle, credit=credit, columns=columns)
    return len(done)
