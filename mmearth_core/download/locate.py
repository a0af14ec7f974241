"""Locating tiles: which images exist for a batch of tiles."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from attrs import define, field, frozen

from mmearth_core.contract.modality import Anchor, Modality, Scene, Skip
from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.download.stored_config import Group
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import ExitCode, MMEarthError, NoAnswerError, RefusedError, RequestError, TooLargeError
from mmearth_core.tiles.index import Tile

T = TypeVar("T")


class PluginCallError(MMEarthError, RuntimeError):
    """A plugin's function raised, or returned what the contract does not allow."""

    exit_code = ExitCode.TILES_FAILED


def is_lasting(error: Exception) -> bool:
    """Whether a tile that has failed so fails again, as long as nothing is mended."""
    return isinstance(error, PluginCallError | RefusedError)


def call(modality: Modality, function: Callable[..., T], *arguments: Any) -> T:
    """Calls a plugin's function.

    Raises:
        PluginCallError: when it raises anything.
    """
    try:
        return function(*arguments)
    except Exception as error:
        where = f"{modality.name}.{getattr(function, '__name__', repr(function)).strip('_')}"
        raise PluginCallError(f"{where} raised {type(error).__name__}: {error}") from error


@define(eq=False)
class LargestBatch:
    """The most that is asked for at once; shared by the threads of a run.

    Attributes:
        most: items of a batch; None as long as no batch was too large.
    """

    most: int | None = None
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def learn(self, most: int) -> None:
        """Takes note that more than so many are too many."""
        with self._lock:
            self.most = most if self.most is None else min(self.most, most)

    def parts(self, items: Sequence[int]) -> list[Sequence[int]]:
        """The items in parts as equal as can be, each of a size that is not known to be too large."""
        count = 1 if self.most is None else -(-len(items) // self.most)
        edges = [len(items) * number // count for number in range(count + 1)] if count else [0]
        return [items[begin:end] for begin, end in pairwise(edges) if end > begin]


@define(eq=False)
class _Refused:
    """A part that was too large: how its halves fare."""

    larger: int
    answered: int = 0


@frozen(eq=False)
class _Part:
    items: Sequence[int]
    whole: _Refused | None = None


def split_on_refusal(
    items: Sequence[int], request: Callable[[Sequence[int]], Sequence[T]], largest: LargestBatch | None = None
) -> Iterator[tuple[int, T | RequestError | NoAnswerError]]:
    """Asks for many items at once, halves what is refused, and blames only single items.

    Args:
        items: what to ask for.
        request: asks for some of them in one request; returns an answer for each.
        largest: what was learnt by earlier calls, and learns from this one.

    Yields:
        Each item with its answer, or with the error of the request that held it alone. A request that was not
        answered is not halved: its items are yielded with that error.
    """
    largest = LargestBatch() if largest is None else largest
    parts = [_Part(part) for part in reversed(largest.parts(items))]
    while parts:
        part = parts.pop()
        try:
            answers = request(part.items)
        except NoAnswerError as error:
            yield from ((item, error) for item in part.items)
        except RequestError as error:
            if len(part.items) == 1:
                yield part.items[0], error
                continue
            middle = len(part.items) // 2
            halves = part.items[:middle], part.items[middle:]
            whole = _Refused(len(halves[1])) if isinstance(error, TooLargeError) else None
            parts += [_Part(half, whole) for half in reversed(halves)]
        else:
            if part.whole is not None:
                part.whole.answered += 1
                if part.whole.answered == 2:
                    largest.learn(part.whole.larger)
            yield from zip(part.items, answers, strict=True)


@frozen(eq=False)
class LocatedTile:
    """A located tile, ready for its pixels.

    Attributes:
        tile: which tile.
        anchor: its day, grid and variant.
        located: the plain answers, by modality.
    """

    tile: Tile
    anchor: Anchor
    located: Mapping[str, Any]


@frozen(eq=False)
class Ended:
    """A tile that ends without pixels.

    Attributes:
        tile: which tile.
        outcome: skipped or failed.
        reason: why.
        lasting: as in a journal's `Entry`.
    """

    tile: Tile
    outcome: Outcome
    reason: str
    lasting: bool = False

    def entry(self) -> Entry:
        """What the journal says of it."""
        return Entry(self.tile.tile_id, self.tile.ordinal, self.outcome, self.reason, lasting=self.lasting)


@frozen(eq=False)
class Left:
    """A tile that was not answered for, though nothing speaks against it: the next run takes it again.

    Attributes:
        tile: which tile.
        reason: what was seen.
    """

    tile: Tile
    reason: str


Located = LocatedTile | Ended | Left


@frozen(eq=False)
class _Question:
    """One modality of one tile, about to be asked."""

    tile: Tile
    scene: Scene
    modality: Modality


_ANCHORS, _REST = "locate anchor", "locate"


@frozen
class Locator:
    """Locates batches of tiles for one group.

    Attributes:
        client: sends the requests.
        group: what is located.
        largest: for each purpose, the batch size that was found not to be too large.
    """

    client: EarthClient
    group: Group
    largest: Mapping[str, LargestBatch] = field(
        factory=lambda: {purpose: LargestBatch() for purpose in (_ANCHORS, _REST)}
    )

    def locate(self, tiles: Sequence[Tile], anchors: Mapping[str, Anchor]) -> list[Located]:
        """Locates a batch.

        Args:
            tiles: the batch.
            anchors: for a group other than `base`: each tile's anchor, by tile id.

        Returns:
            One result for each tile, in any order.
        """
        if self.group.is_base:
            return self._with_new_anchors(tiles)
        ready = [LocatedTile(tile, anchors[tile.tile_id], {}) for tile in tiles]
        return self._rest(ready)

    def _with_new_anchors(self, tiles: Sequence[Tile]) -> list[Located]:
        modality = self.group.anchor
        results: list[Located] = []
        ready: list[LocatedTile] = []
        answers = self._ask([[_Question(tile, tile.scene(), modality)] for tile in tiles], _ANCHORS)
        for tile, answer in zip(tiles, answers, strict=True):
            try:
                if isinstance(answer, Exception):
                    raise answer
                anchor = call(modality, _anchor, modality, tile.scene(), answer[0])
            except (NoAnswerError, RequestError, PluginCallError) as error:
                results.append(_without_answer(tile, error))
                continue
            if isinstance(anchor, Skip):
                results.append(Ended(tile, Outcome.SKIPPED, anchor.reason))
            else:
                ready.append(LocatedTile(tile, anchor, {modality.name: answer[0]}))
        return results + self._rest(ready)

    def _rest(self, ready: Sequence[LocatedTile]) -> list[Located]:
        """Locates all modalities but the anchor, in one request."""
        others = [modality for modality in self.group.modalities if modality is not self.group.anchor]
        questions = [
            [_Question(one.tile, one.tile.scene(one.anchor), modality) for modality in others] for one in ready
        ]
        results: list[Located] = []
        for one, answer in zip(ready, self._ask(questions, _REST), strict=True):
            if isinstance(answer, Exception):
                results.append(_without_answer(one.tile, answer))
            else:
                named = {modality.name: value for modality, value in zip(others, answer, strict=True)}
                results.append(LocatedTile(one.tile, one.anchor, {**one.located, **named}))
        return results

    def _ask(self, tiles: Sequence[Sequence[_Question]], purpose: str) -> list[list[Any] | Exception]:
        """Asks all questions of all tiles in one request; returns each tile's answers, or why there are none."""
        built = [_build(questions) for questions in tiles]
        good = [index for index, objects in enumerate(built) if not isinstance(objects, Exception)]
        answers: list[list[Any] | Exception] = [objects if isinstance(objects, Exception) else [] for objects in built]

        def request(part: Sequence[int]) -> list[list[Any]]:
            return self._evaluate([built[index] for index in part], purpose)  # type: ignore[misc]

        for index, answer in split_on_refusal(good, request, self.largest[purpose]):
            answers[index] = answer if isinstance(answer, Exception) else self._settle(tiles[index], answer)
        return answers

    def _evaluate(self, rows: Sequence[Sequence[Any]], purpose: str) -> list[list[Any]]:
        """Evaluates the server-side objects among the rows' values; plain values stay as they are."""
        import ee

        asked = [value for row in rows for value in row if isinstance(value, ee.ComputedObject)]
        received = iter(self.client.compute(ee.List(asked), purpose) if asked else [])
        return [[next(received) if isinstance(value, ee.ComputedObject) else value for value in row] for row in rows]

    def _settle(self, questions: Sequence[_Question], answers: list[Any]) -> list[Any] | Exception:
        """Asks the second question of those modalities that have one."""
        settled = []
        for question, answer in zip(questions, answers, strict=True):
            try:
                again = call(question.modality, question.modality.relocate, question.scene, answer)
                final = answer if again is None else self.client.compute(again, "locate again")
                settled.append(call(question.modality, _located, final))
            except (NoAnswerError, RequestError, PluginCallError) as error:
                return error
        return settled


def _without_answer(tile: Tile, error: Exception) -> Ended | Left:
    reason = f"locate: {error}"
    if isinstance(error, NoAnswerError):
        return Left(tile, reason)
    return Ended(tile, Outcome.FAILED, reason, is_lasting(error))


def _anchor(modality: Modality, scene: Scene, located: Any) -> Anchor | Skip:
    """The modality's anchor, checked."""
    anchor = modality.anchor(scene, located)
    if not isinstance(anchor, Anchor | Skip):
        raise TypeError(f"anchor() returned {anchor!r}, which is neither an Anchor nor a Skip")
    return anchor


def _located(answer: Any) -> Any:
    """What was located, which is kept in the journal and so must be JSON."""
    try:
        json.dumps(answer, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"what is located must be JSON, but {error}") from error
    return answer


def _build(questions: Sequence[_Question]) -> list[Any] | Exception:
    try:
        return [call(question.modality, question.modality.locate, question.scene) for question in questions]
    except PluginCallError as error:
        return error
