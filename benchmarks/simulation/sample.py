"""What a request costs this machine's processor, measured on real graphs, real NPY and real stacks.

Every modality of the configuration takes part. The server's own work is not counted: its answers are kept in memory.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from attrs import define, evolve, field, frozen

from mmearth_core.budget import LocalBudget
from mmearth_core.download.first_tiles import CheckingLocator
from mmearth_core.download.journal import Outcome
from mmearth_core.download.locate import LocatedTile, Locator
from mmearth_core.download.pixels import Fetcher
from mmearth_core.download.prepare import PreparedRun
from mmearth_core.download.run import establish, without_old_garbage
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.tiles.index import Tile
from simulation.canned import Canned


@frozen
class Leg:
    """The processor's seconds around one request.

    Attributes:
        before: while no permit is held: building graphs, or using the last answer.
        sending: under the permit, before the request leaves: writing the graph as JSON.
        receiving: under the permit, after the answer: decoding and checking it.
    """

    before: float
    sending: float
    receiving: float


@frozen
class Cost:
    """The processor's seconds for one call of `locate` or `fetch`.

    Attributes:
        legs: its requests, in order.
        after: what comes after the last, such as encoding and writing the stack.
        tiles: how many tiles it was for.
    """

    legs: tuple[Leg, ...]
    after: float
    tiles: int = 1

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.after + sum(sum(attrs.astuple(leg)) for leg in self.legs)

    def plus(self, seconds: float) -> "Cost":
        """With more to do afterwards."""
        return evolve(self, after=self.after + seconds)


@frozen
class Sample:
    """What was measured.

    Attributes:
        locate: whole batches.
        fetch: tiles.
        done: share of tiles that had pixels to fetch.
        received: bytes of the answers, a tile.
    """

    locate: tuple[Cost, ...]
    fetch: tuple[Cost, ...]
    done: float
    received: float

    @property
    def seconds_per_tile(self) -> float:
        """The processor's seconds for a tile that is done."""
        located = sum(cost.seconds for cost in self.locate) / sum(cost.tiles for cost in self.locate)
        return located / self.done + sum(cost.seconds for cost in self.fetch) / len(self.fetch)


@define
class _Marks:
    """Seconds of this thread at each passing of a permit and of the transport; a budget for one thread."""

    inner: LocalBudget = field(factory=lambda: LocalBudget(1, 1e9))
    times: list[float] = field(factory=list)

    def mark(self) -> None:
        self.times.append(time.thread_time())

    @contextmanager
    def permit(self) -> Iterator[None]:
        self.mark()
        with self.inner.permit():
            yield
        self.mark()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def cost(self, call: Callable[[], Any], tiles: int) -> tuple[Any, Cost]:
        """Calls, and says what it cost: four marks a request between the first and the last."""
        self.times.clear()
        self.mark()
        result = call()
        self.mark()
        steps = [after - before for before, after in zip(self.times, self.times[1:], strict=False)]
        # Of each four steps the third is the answering itself, which is the server's.
        legs = tuple(Leg(steps[at], steps[at + 1], steps[at + 3]) for at in range(0, len(steps) - 1, 4))
        return result, Cost(legs, steps[-1], tiles)


def measure(job: PreparedRun, engine: Canned, repeats: int) -> Sample:
    """Locates and fetches all tiles of a job, once to collect the answers and then so many times to measure.

    Args:
        job: a new dataset with the engine given; its folder had best be in memory.
        engine: the job's.
        repeats: times that every tile is measured.
    """
    options = job.config.run
    client = EarthClient(job.engine, options)
    job.folder.root.mkdir(parents=True)
    index = establish(job, client)
    group = job.groups[0]
    locator = CheckingLocator(client, group)
    fetcher = Fetcher(client, job.folder, group, job.config.dataset.image_size)
    tiles = [tile for partition in index.sizes() for tile in index.read(partition)]
    batches = [tiles[at : at + options.batch_size] for at in range(0, len(tiles), options.batch_size)]
    marks, located, fetched, received = _Marks(), [], [], 0
    client.sender.use_budget(marks)
    with without_old_garbage():
        for number in range(repeats + 1):
            engine.passing = marks.mark
            locate, fetch = _once(batches, marks, locator, fetcher)
            if number:
                located += locate
                fetched += fetch
            else:
                received = client.meter.received
    engine.passing = lambda: None
    whole = [cost for cost in located if cost.tiles == options.batch_size] or located
    return Sample(tuple(whole), tuple(fetched), len(fetched) / repeats / len(tiles), received / len(tiles))


def _once(
    batches: Sequence[Sequence[Tile]], marks: _Marks, locator: Locator, fetcher: Fetcher
) -> tuple[list[Cost], list[Cost]]:
    located, fetched = [], []
    for batch in batches:
        results, cost = marks.cost(partial(locator.locate, batch, {}), len(batch))
        located.append(cost)
        for ready in results:
            if not isinstance(ready, LocatedTile) and ready.outcome is Outcome.SKIPPED:
                continue
            if not isinstance(ready, LocatedTile):
                raise SystemExit(f"a tile of the sample was not located: {ready.reason}")
            entry, cost = marks.cost(partial(fetcher.fetch, ready), 1)
            if entry.outcome is not Outcome.DONE:
                raise SystemExit(f"a tile of the sample was not fetched: {entry.reason}")
            fetched.append(cost)
    return located, fetched


def memory_folder() -> Path | None:
    """A folder in memory, where there is one."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else None
