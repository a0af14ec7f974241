"""A contact sheet of a dataset: one layer of every tile that is done."""

from pathlib import Path

from mmearth_core.download.stored_config import Group
from mmearth_core.errors import DatasetError
from mmearth_core.paths import DatasetPaths
from mmearth_viz.preview.arrange import lattice_order
from mmearth_viz.preview.contact_sheet import contact_sheet
from mmearth_viz.preview.done import done_tiles, layer_picture


def sheet_of_tiles(folder: DatasetPaths, group: Group, path: Path, title: str, credit: str = "") -> int:
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
    if not layers:
        raise DatasetError(
            f"{folder.root}: there is nothing to draw, as no layer of {group.name!r} says how it is drawn."
        )
    done = list(done_tiles(folder, group))
    layer = layers[0]
    lattice = lattice_order([(one.tile.lon, one.tile.lat) for one in done])
    order, columns = lattice or (list(range(len(done))), None)
    pictures = (
        (one.tile.tile_id, layer_picture(folder, group, one, layer)) for one in (done[place] for place in order)
    )
    subtitle = f"{len(done)} tiles · {layer.name}" + (f": {layer.description}" if layer.description else "")
    contact_sheet(pictures, path, title=title, subtitle=subtitle, credit=credit, columns=columns)
    return len(done)
