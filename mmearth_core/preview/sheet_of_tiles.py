"""A contact sheet of a dataset: one layer of every tile that is done."""

from collections.abc import Iterator
from pathlib import Path

from mmearth_core.download.group import Group
from mmearth_core.download.journal import Journal, Outcome
from mmearth_core.download.stack import read_stack
from mmearth_core.errors import DatasetError
from mmearth_core.folder import DatasetFolder
from mmearth_core.preview.arrange import lattice_order
from mmearth_core.preview.contact_sheet import contact_sheet
from mmearth_core.preview.render import render_layer
from mmearth_core.tiles.index import Tile, TileIndex


def sheet_of_tiles(folder: DatasetFolder, group: Group, path: Path, title: str, credit: str = "") -> int:
    """Draws the first layer of a group that has a preview, for every done tile.

    Tiles that form a lattice on the ground are laid out as a map would show them.

    Args:
        folder: the dataset.
        group: whose stacks are drawn.
        path: the PNG to write.
        title: its headline.
        credit: where the data come from.

    Returns:
        How many tiles it shows.

    Raises:
        DatasetError: when there is nothing to draw.
    """
    layers = [layer for modality in group.modalities for layer in modality.map_layers() if layer.preview]
    done = list(_done(folder, group))
    tiles = [tile for tile, _ in done]
    if not layers or not tiles:
        what = "no tile is done" if layers else f"no layer of {group.name!r} says how it is drawn"
        raise DatasetError(f"{folder.root}: there is nothing to draw, as {what}.")
    layer = layers[0]
    lattice = lattice_order([(tile.lon, tile.lat) for tile in tiles])
    order, columns = lattice or (list(range(len(tiles))), None)
    names = [f"{layer.name}__{band.name}" for band in layer.bands]
    pictures = (
        (
            tile.tile_id,
            render_layer(layer, read_stack(folder.stack(group.name, tile.partition, tile.tile_id), names), variant),
        )
        for tile, variant in (done[position] for position in order)
    )
    subtitle = (
        f"{len(tiles)} tiles · {layer.name}: {layer.description}"
        if layer.description
        else f"{len(tiles)} tiles · {layer.name}"
    )
    contact_sheet(pictures, path, title=title, subtitle=subtitle, credit=credit, columns=columns)
    return len(tiles)


def _done(folder: DatasetFolder, group: Group) -> Iterator[tuple[Tile, str | None]]:
    """The done tiles, each with its variant."""
    index = TileIndex(folder.tiles)
    for partition in index.sizes():
        entries = Journal(folder.journal(group.name, partition)).read()
        for tile in index.read(partition):
            entry = entries.get(tile.tile_id)
            if entry is not None and entry.outcome is Outcome.DONE:
                yield tile, entry.record["anchor"].get("variant")
