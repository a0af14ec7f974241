"""What is checked of located tiles before any of their pixels are requested."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mmearth_core.contract.grid import PIXEL
from mmearth_core.contract.modality import Anchor
from mmearth_core.download.journal import TileOutcome
from mmearth_core.download.locate import LocatedTile, Locator, PluginCallError, call, images_of, not_done
from mmearth_core.download.stack import StackBand, composite_problem, is_composite
from mmearth_core.errors import HopelessError, NoAnswerError, RequestError
from mmearth_core.tiles.index import Tile

if TYPE_CHECKING:
    import ee

_DECISIVE = re.compile(r'"functionName": ?"(If|(?:ImageCollection|Collection|reduce)\.[^"]+)"')

Kind = tuple[str, frozenset[str]]
"""A band, and the functions of collections that make its image: some plugins return a mosaic for some tiles only.

Where the server chooses the image with `If`, each tile is a kind of its own.
"""

Bands = dict[Kind, "tuple[ee.Image, StackBand]"]
"""Bands to interpolate or to average, and their images."""


@frozen
class CheckingLocator(Locator):
    """Locates tiles, and refuses composites that the core would have to interpolate or average.

    One request asks for the projections of all such bands in the first batch. Later batches ask only for
    kinds that the first did not have: so a run sends the same requests each time, and can be replayed.

    Attributes:
        plugins: `{modality: distribution and version}`, for the message.
        pixel_size: of the dataset, metres.
    """

    plugins: Mapping[str, str] = field(factory=dict)
    pixel_size: float = PIXEL
    _projections: dict[Kind, Mapping[str, Any]] = field(factory=dict, init=False)

    def locate(self, tiles: Sequence[Tile], anchors: Mapping[str, Anchor]) -> list[LocatedTile | TileOutcome]:
        """Locates a batch and checks its images. The first call must have returned before the next one is made.

        Raises:
            HopelessError: a plugin's composite would be interpolated or averaged.
        """
        results = super().locate(tiles, anchors)
        located = [one for one in results if isinstance(one, LocatedTile)]
        errors = self._check([self._bands(one) for one in located])
        checked = [not_done(one.tile, "pixels", errors[i]) if i in errors else one for i, one in enumerate(located)]
        return [*(one for one in results if isinstance(one, TileOutcome)), *checked]

    def _bands(self, located: LocatedTile) -> Bands:
        """The bands of a tile that the core interpolates or averages."""
        import ee

        found: Bands = {}
        try:
            for modality, image, bands in images_of(self.group, located):
                wanted = [band for band in bands if band.needs_grid(self.pixel_size) and isinstance(image, ee.Image)]
                functions = set(_DECISIVE.findall(call(modality, "image", image.serialize) if wanted else ""))
                functions |= {located.tile.tile_id} if "If" in functions else set()
                names = (f"{band.layer.name}__{band.band.name}" for band in wanted)  # the same for all time steps
                found |= {(name, frozenset(functions)): (image, band) for name, band in zip(names, wanted, strict=True)}
        except PluginCallError:
            return {}  # the tile will fail for it
        return found

    def _check(self, tiles: Sequence[Bands]) -> dict[int, Exception]:
        """Asks for the projection of each new kind, at the first tile that has it.

        Returns:
            The tiles for which that was refused, as their pixels would be, or not answered.
        """
        import ee

        known, errors = dict(self._projections), dict[int, Exception]()
        # All tiles in one request; if that is refused, one by one.
        for part in (range(len(tiles)), *([index] for index in range(len(tiles)))):
            new = {kind: one for i in reversed(part) for kind, one in tiles[i].items() if kind not in known}
            grids = [image.select([band.band.name]).projection() for image, band in new.values()]
            try:
                known |= zip(new, self.client.compute(ee.List(grids), "projections") if new else (), strict=True)
            except RequestError as error:
                errors |= {part[0]: error} if isinstance(part, list) else {}
            except NoAnswerError as error:
                return dict.fromkeys(range(len(tiles)), error)
            for kind, (_, band) in new.items():
                if is_composite(known.get(kind, {})):
                    plugin = self.plugins.get(band.modality, "an unknown plugin")
                    raise HopelessError(f"{plugin}: {composite_problem(band)}.")
        if not self._projections:
            self._projections.update(known)
        return errors
