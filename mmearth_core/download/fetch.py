"""Step 3 and 4 for one located tile: fetch its pixels, in one request if it may be, and write its stack."""

from collections.abc import Mapping
from typing import Any

import ee
from attrs import asdict, field, frozen

from mmearth_core.contract.modality import Modality
from mmearth_core.download.divide import Division, fetch_pixels
from mmearth_core.download.finish import StackBand, finished, present_bands, stack_bands
from mmearth_core.download.group import Group
from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.download.locate import Left, Ready
from mmearth_core.download.pixels import lay_out, masked_layers
from mmearth_core.download.plugin_calls import PluginCallError, call, is_lasting
from mmearth_core.download.stack import encode_stack, write_stack
from mmearth_core.earth.client import EarthClient
from mmearth_core.errors import NoAnswerError, RequestError, TilesError
from mmearth_core.folder import DatasetFolder
from mmearth_core.tiles.grid import Grid, tile_grid


@frozen
class Fetcher:
    """Fetches located tiles of one group.

    Attributes:
        client: sends the requests.
        folder: where stacks go.
        group: what is fetched.
        image_size: rows and columns of a tile.
        division: how tiles had to be divided so far.
    """

    client: EarthClient
    folder: DatasetFolder
    group: Group
    image_size: int
    division: Division = field(factory=Division)

    def fetch(self, ready: Ready) -> Entry | Left:
        """Brings one tile to its end: done with a stack on disk, or failed with the reason; or leaves it.

        Raises:
            RunStoppedError: no request can succeed any more.
            OSError: the stack cannot be written.
        """
        tile = ready.tile
        try:
            grid = tile_grid(tile.polygon, ready.anchor.crs, self.image_size)
            content, masked = self._stack(ready, grid)
        except NoAnswerError as error:
            return Left(tile, f"pixels: {error}")
        except (PluginCallError, RequestError, TilesError) as error:
            return Entry(tile.tile_id, tile.ordinal, Outcome.FAILED, f"pixels: {error}", lasting=is_lasting(error))
        record: dict[str, Any] = {
            "anchor": {**asdict(ready.anchor), "date": ready.anchor.date.isoformat()},
            "located": dict(ready.located),
            "grid": {"crs": grid.crs, "transform": list(grid.affine)[:6], "size": grid.size},
        }
        if content is not None:
            path = self.folder.stack(self.group.name, tile.partition, tile.tile_id)
            record["sha256"] = write_stack(path, content)
        if masked:
            record["masked"] = masked
        return Entry(tile.tile_id, tile.ordinal, Outcome.DONE, record=record)

    def _stack(self, ready: Ready, grid: Grid) -> tuple[bytes | None, list[str]]:
        """The tile's stack, None when its group has no pixels at all; and the layers that came wholly masked."""
        bands = stack_bands(self.group.modalities)
        if not bands:
            return None, []
        asked, image = self._image(ready)
        array = None
        if image is not None:
            array = fetch_pixels(self.client, image, asked, grid, self.division)
        stack = lay_out(array, bands, grid.size)
        return encode_stack(ready.tile.tile_id, stack, bands, grid), masked_layers(stack, bands, asked)

    def _image(self, ready: Ready) -> "tuple[list[StackBand], ee.Image | None]":
        """One image with the bands that the tile really has, and these bands."""
        scene = ready.tile.scene(ready.anchor)
        asked: list[StackBand] = []
        images: list[ee.Image] = []
        for modality in self.group.modalities:
            image, bands = _part(modality, scene, ready.located)
            if image is not None:
                asked += bands
                images += call(modality, finished, image, bands)
        return asked, ee.Image.cat(images) if images else None


def _part(
    modality: Modality, scene: Any, located: Mapping[str, Any]
) -> "tuple[ee.Image | None, tuple[StackBand, ...]]":
    """A modality's image and the bands that it has; None when it has nothing for this tile."""
    answer = located.get(modality.name)
    bands = call(modality, present_bands, modality, answer)
    return (call(modality, modality.image, scene, answer) if bands else None), bands
