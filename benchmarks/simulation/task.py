"""One simulated task: a run's scheduler, gate, adaptive limit, retries and budget; its workers only pass the time."""

import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from mmearth_core.budget.gate import Gate
from mmearth_core.budget.members import Member, Members
from mmearth_core.config.schema import RunOptions
from mmearth_core.contract.modality import Anchor
from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.download.locate import LocatedTile
from mmearth_core.download.scheduler import Scheduler, Work
from mmearth_core.earthengine.faults import Action, classify
from mmearth_core.earthengine.retry import AdaptiveLimit, RetryPolicy
from mmearth_core.tiles.index import Tile
from simulation.events import Process, Processor, Time, Wait
from simulation.files import MemoryFolder
from simulation.sample import Cost, Sample
from simulation.server import Server


class SimulatedScheduler(Scheduler):
    """The scheduler's own decisions, called by events where its loop would wait for threads."""

    pool: Any

    def begin(self, work: Iterable[Work]) -> None:
        """Takes up the work."""
        self._work = iter(work)
        self.go_on()

    def go_on(self) -> bool:
        """What its loop does when something has ended; False when all is done."""
        self._collect()
        return self._submit(self.pool, self._work)


class Task:
    """A process of the array.

    Attributes:
        retries: requests sent again.
        processor: what it computes on.
        limit: how many requests it lets be under way.
        is_over: whether it has no more to do.
        peak_threads: maximum number of concurrent calls.
    """

    def __init__(
        self,
        number: int,
        time: Time,
        server: Server,
        folder: MemoryFolder,
        sample: Sample,
        anchor: Anchor,
        options: RunOptions,
        chance: random.Random,
        on_tile_done: Callable[[TileOutcome], None],
    ) -> None:
        self._time, self._server, self._sample, self._anchor, self._chance = time, server, sample, anchor, chance
        self._options = options
        self.processor = Processor(time)
        self.retries = 0
        self.is_over = False
        self._gate = Gate(time.clock)
        self._waiting: deque[Callable[[], None]] = deque()
        self._looking_at = float("inf")
        self.limit = AdaptiveLimit(options.max_concurrent, self._paced)
        limits = (options.max_concurrent, options.requests_per_second)
        own = Member(f"task{number}", number, "", "", "", *limits)
        self._members = Members(folder, own, self._gate, time.clock, token=f"{number:08x}")
        self._never = threading.Event()
        self._scheduler = SimulatedScheduler(
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            options.batch_size,
            options.max_concurrent,
            on_tile_done,
        )
        self._scheduler.pool = self

    def start(self, work: Iterable[Work]) -> None:
        """Joins the budget and begins."""
        # As `SharedBudget` does: alone in the folder, a process may send requests after the second step.
        self._members.step()
        self._beat()
        self._scheduler.begin(work)

    # What the scheduler sees as its pool of threads:

    def submit(self, call: Callable[..., Process], *arguments: Any) -> "Future[Any]":
        """Begins a call, as a thread would."""
        future: Future[Any] = Future()

        def end(result: Any) -> None:
            future.set_result(result)
            if not self._scheduler.go_on():
                self._leave()

        # Not at once: the scheduler has not noted the future yet.
        self._time.after(0.0, lambda: self._time.start(call(*arguments), end))
        return future

    # ... as its locator and its fetcher:

    def locate(self, tiles: Sequence[Tile], anchors: Any) -> Process:
        """Locates a batch."""
        cost = self._chance.choice(self._sample.locate)
        yield from self._call(cost, len(tiles) / cost.tiles)
        located: list[LocatedTile | TileOutcome] = [LocatedTile(tile, self._anchor, {}) for tile in tiles]
        return located

    def fetch(self, ready: LocatedTile) -> Process:
        """Fetches a tile."""
        yield from self._call(self._chance.choice(self._sample.fetch), 1.0)
        return TileOutcome(ready.tile.tile_id, ready.tile.ordinal, Outcome.DONE)

    def _call(self, cost: Cost, part: float) -> Process:
        for leg in cost.legs:
            yield self.processor.work(leg.before * part)
            policy = RetryPolicy(self._options.retry_seconds, self._time.clock)
            while True:
                yield self.processor.work(leg.sending * part)
                yield self._permit()
                ticket = self.limit.start_request()
                error = yield from self._server.answer()
                self._left()
                if error is None:
                    yield self.processor.work(leg.receiving * part)
                    self.limit.increase()
                    break
                fault = classify(error)
                wait = None if fault is None else policy.wait(fault)
                if fault is None or wait is None:
                    raise SystemExit("the simulated server did not answer a request in the allowed time")
                if fault.action is Action.SLOW_DOWN:
                    self.limit.decrease(ticket)
                self.retries += 1
                yield self._time.passing(wait)
        yield self.processor.work(cost.after * part)

    # The budget:

    def _permit(self) -> Wait:
        """Waits for the gate, in the order of coming."""

        def begin(call: Callable[[], None]) -> None:
            self._waiting.append(call)
            self._look()

        return begin

    def _left(self) -> None:
        self._gate.leave()
        self._look()

    def _paced(self, limit: int) -> None:
        self._gate.limit(limit if limit < self.limit.maximum else None)

    def _look(self) -> None:
        """Lets pass who may."""
        while self._waiting:
            wait = self._gate.try_enter()
            if wait == 0.0:
                self._time.after(0.0, self._waiting.popleft())
                continue
            at = self._time.now + wait
            if wait != float("inf") and at < self._looking_at:
                self._looking_at = at
                self._time.after(wait, self._look_again)
            return

    def _look_again(self) -> None:
        self._looking_at = float("inf")
        self._look()

    def _beat(self) -> None:
        """A step, as often as the budget's own thread makes them."""
        if self.is_over:
            return
        pause = self._members.step()
        self._look()
        self._time.after(pause, self._beat)

    def _leave(self) -> None:
        if not self.is_over:
            self.is_over = True
            self._members.leave()
