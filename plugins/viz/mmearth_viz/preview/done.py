"""The tiles of a dataset that are done, with what the journal says of each, and the picture of a layer."""

from collections.abc import Iterator

from attrs import frozen

from mmearth_core.contract.bands import Layer
from mmearth_core.download.journal import Journal, Outcome, TileOutcome
from mmearth_core.download.stack import read_stack
from mmearth_core.download.stored_config import Group
from mmearth_core.errors import DatasetError
from mmearth_core.paths import DatasetPaths
from mmearth_core.tiles.index import Tile, TileIndex
from mmearth_viz.preview.render import Picture, render_layer


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
        DatasetError: when there is none.
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
        raise DatasetError(f"{folder.root}: there is nothing to draw, as no tile of {group.name!r} is done.")


def layer_picture(folder: DatasetPaths, group: Group, one: DoneTile, layer: Layer) -> Picture:
    """Draws one layer of a tile from its stack."""
    names = [f"{layer.name}__{band.name}" for band in layer.bands]
    path = folder.stack(group.name, one.tile.partition, one.tile.tile_id)
    return render_layer(layer, read_stack(path, names), one.variant)
