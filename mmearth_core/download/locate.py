"""Locating tiles: which images exist for a batch of tiles."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from mmearth_core.contract.modality import Anchor, Modality, Scene, Skip
from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.download.stack import StackBand, images_by_step, present_bands
from mmearth_core.download.stored_config import Group
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import ExitCode, MMEarthError, NoAnswerError, RefusedError, RequestError, TilesError
from mmearth_core.tiles.index import Tile

if TYPE_CHECKING:
    import ee

T = TypeVar("T")


class PluginCallError(MMEarthError, RuntimeError):
    """A plugin's function raised, or returned what the contract does not allow."""

    exit_code = ExitCode.TILES_FAILED


def call(modality: Modality, method: str, function: Callable[..., T], *arguments: Any) -> T:
    """Calls a plugin's method, or a function that uses what this method returned.

    Args:
        modality: the plugin's modality.
        method: the name of the method, which is at fault if anything is raised.
        function: what to call.
        arguments: of the function.

    Raises:
        PluginCallError: if it raises anything.
    """
    try:
        return function(*arguments)
    except Exception as error:
        raise PluginCallError(f"{modality.name}.{method} raised {type(error).__name__}: {error}") from error


MISSING = "MISSING"
"""The key under which the core and the modalities report, by layer, why there are no data."""


MASKED = "MASKED"
"""The key under which a modality says, by layer, why there are no data if all pixels turn out to be masked."""


STEPS = "STEPS"
"""The key under which modalities report, by layer, the date and the images of each time step; None without any."""


def info_of(modality: Modality, located: Any) -> Mapping[str, Any]:
    """What a modality reports of a tile, checked.

    Raises:
        PluginCallError: if its `info` raises, or returns something else than the contract says.
    """
    return call(modality, "info", _info, modality, located)


def _info(modality: Modality, located: Any) -> Mapping[str, Any]:
    info = modality.info(located)
    keys = (MISSING, MASKED, STEPS)
    if not isinstance(info, Mapping) or not all(isinstance(info.get(key, {}), Mapping) for key in keys):
        raise TypeError(f"info() must return a mapping, with mappings in {', '.join(keys)}, not {info!r}")
    lengths = {layer.name: layer.steps for layer in modality.layers}
    for name, steps in info.get(STEPS, {}).items():
        is_list = isinstance(steps, list) and all(isinstance(step, Mapping | None) for step in steps)
        if not is_list or len(steps) != lengths.get(name):
            raise TypeError(
                f"info() must give a list of {lengths.get(name)} objects, None for a step without images, under "
                f"{STEPS}, {name!r}, not {steps!r}"
            )
    json.dumps(info, allow_nan=False)  # raises what is not strict JSON, such as NaN
    return info


def not_done(tile: Tile, step: str, error: Exception) -> TileOutcome:
    """The outcome of a tile for which a step raised: left if the request was never answered, otherwise failed."""
    outcome = Outcome.LEFT if isinstance(error, NoAnswerError) else Outcome.FAILED
    lasting = isinstance(error, PluginCallError | RefusedError | TilesError)
    return TileOutcome(tile.tile_id, tile.ordinal, outcome, f"{step}: {error}", lasting=lasting)


def split_on_refusal(
    items: Sequence[int], request: Callable[[Sequence[int]], Sequence[T]]
) -> Iterator[tuple[int, T | RequestError | NoAnswerError]]:
    """Requests many items at once, and halves what is refused until single items are to blame.

    Args:
        items: what to request.
        request: requests some of them at once; returns an answer for each.

    Yields:
        Each item with its answer, or with the error of the request for it alone. A request that was not answered is not
        halved: its items are yielded with that error.
    """
    parts = [items] if items else []
    while parts:
        part = parts.pop()
        try:
            answers = request(part)
        except RequestError as error:
            if len(part) == 1:
                yield part[0], error
            else:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
        except NoAnswerError as error:
            yield from ((item, error) for item in part)
        else:
            yield from zip(part, answers, strict=True)


@frozen(eq=False)
class LocatedTile:
    """A located tile, ready for its pixels.

    Attributes:
        tile: the tile.
        anchor: its day, grid and variant.
        located: what was located, as JSON values, by modality.
    """

    tile: Tile
    anchor: Anchor
    located: Mapping[str, Any]


def images_of(group: Group, located: LocatedTile) -> "Iterator[tuple[Modality, ee.Image, tuple[StackBand, ...]]]":
    """Yields each image of a tile, with its modality and the bands that it really has; of time steps, each by itself.

    Raises:
        PluginCallError: if a plugin's function raises.
    """
    scene = located.tile.scene(located.anchor)
    for modality in (each for each in group.modalities if not each.is_local()):
        answer = located.located.get(modality.name)
        bands = call(modality, "present", present_bands, modality, answer)
        image = call(modality, "image", modality.image, scene, answer) if bands else None
        for step, each in call(modality, "image", images_by_step, modality, image):
            yield modality, each, tuple(band for band in bands if band.step == step)


@frozen
class Locator:
    """Locates batches of tiles for one group.

    Attributes:
        client: sends the requests.
        group: the modalities to locate.
    """

    client: EarthClient
    group: Group

    def locate(self, tiles: Sequence[Tile], anchors: Mapping[str, Anchor]) -> list[LocatedTile | TileOutcome]:
        """Locates a batch.

        Args:
            tiles: the batch.
            anchors: for a group other than `base`: each tile's anchor, by tile id.

        Returns:
            One result per tile, in any order: a located tile, or the outcome of one that gets no pixels.
        """
        if self.group.is_base:
            return self._locate_with_anchor(tiles)
        return self._locate_others([LocatedTile(tile, anchors[tile.tile_id], {}) for tile in tiles])

    def _locate_with_anchor(self, tiles: Sequence[Tile]) -> list[LocatedTile | TileOutcome]:
        modality = self.group.anchor
        results: list[LocatedTile | TileOutcome] = []
        anchored: list[LocatedTile] = []
        answers = self._ask([modality], [tile.scene() for tile in tiles], "locate anchor")
        for tile, answer in zip(tiles, answers, strict=True):
            try:
                if isinstance(answer, Exception):
                    raise answer
                anchor = call(modality, "anchor", _anchor, modality, tile.scene(), answer[0])
            except (NoAnswerError, RequestError, PluginCallError) as error:
                results.append(not_done(tile, "locate", error))
                continue
            if isinstance(anchor, Skip):
                results.append(TileOutcome(tile.tile_id, tile.ordinal, Outcome.SKIPPED, anchor.reason))
            else:
                anchored.append(LocatedTile(tile, anchor, {modality.name: answer[0]}))
        return results + self._locate_others(anchored)

    def _locate_others(self, anchored: Sequence[LocatedTile]) -> list[LocatedTile | TileOutcome]:
        """Locates all modalities but the anchor."""
        others = [modality for modality in self.group.modalities if modality is not self.group.anchor]
        scenes = [one.tile.scene(one.anchor) for one in anchored]
        results: list[LocatedTile | TileOutcome] = []
        for one, answer in zip(anchored, self._ask(others, scenes, "locate"), strict=True):
            if isinstance(answer, Exception):
                results.append(not_done(one.tile, "locate", answer))
            else:
                named = {modality.name: value for modality, value in zip(others, answer, strict=True)}
                results.append(LocatedTile(one.tile, one.anchor, {**one.located, **named}))
        return results

    def _ask(
        self, modalities: Sequence[Modality], scenes: Sequence[Scene], purpose: str
    ) -> list[list[Any] | Exception]:
        """Locates modalities for all scenes in one request, or in halves where it is refused; then the second searches.

        Returns:
            For each scene, an answer for each modality, or why there are none.
        """
        answers: dict[int, list[Any] | Exception] = {}
        objects: dict[int, list[Any]] = {}
        for index, scene in enumerate(scenes):
            try:
                objects[index] = [call(modality, "locate", modality.locate, scene) for modality in modalities]
            except PluginCallError as error:
                answers[index] = error

        def request(part: Sequence[int]) -> list[list[Any]]:
            return self._evaluate([objects[index] for index in part], purpose)

        for index, answer in split_on_refusal(list(objects), request):
            answers[index] = (
                answer if isinstance(answer, Exception) else self._relocate(modalities, scenes[index], answer)
            )
        return [answers[index] for index in range(len(scenes))]

    def _evaluate(self, rows: Sequence[Sequence[Any]], purpose: str) -> list[list[Any]]:
        """Evaluates the server-side objects among the rows' values; plain values stay as they are."""
        import ee

        objects = [value for row in rows for value in row if isinstance(value, ee.ComputedObject)]
        received = iter(self.client.compute(ee.List(objects), purpose) if objects else [])
        return [[next(received) if isinstance(value, ee.ComputedObject) else value for value in row] for row in rows]

    def _relocate(self, modalities: Sequence[Modality], scene: Scene, answers: list[Any]) -> list[Any] | Exception:
        """Makes the second search of those modalities that have one."""
        final = []
        for modality, answer in zip(modalities, answers, strict=True):
            try:
                second = call(modality, "relocate", modality.relocate, scene, answer)
                located = answer if second is None else self.client.compute(second, "locate again")
                final.append(call(modality, "locate", _located, located))
            except (NoAnswerError, RequestError, PluginCallError) as error:
                return error
        return final


def _anchor(modality: Modality, scene: Scene, located: Any) -> Anchor | Skip:
    """Returns the modality's anchor, checked."""
    anchor = modality.anchor(scene, located)
    if not isinstance(anchor, Anchor | Skip):
        raise TypeError(f"anchor() returned {anchor!r}, which is neither an Anchor nor a Skip")
    return anchor


def _located(answer: Any) -> Any:
    """Returns what was located; it is kept in the journal, and so must be JSON."""
    try:
        json.dumps(answer, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"what is located must be JSON, but {error}") from error
    return answer
