"""The scheduler: keeps a bounded number of requests in flight, and hands over the outcome of each tile.

One thread decides. The threads of the pool call the plugins, wait for the server, check the pixels and write the
stacks. Tiles are located in batches just ahead of the fetching, so that no thread is idle, and memory depends on batch
size and concurrency but not on the number of tiles.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

from attrs import define, field

from mmearth_core.contract.modality import Anchor
from mmearth_core.download.journal import TileOutcome
from mmearth_core.download.locate import LocatedTile, Locator
from mmearth_core.download.pixels import Fetcher
from mmearth_core.download.stop import StopRequest
from mmearth_core.tiles.index import Tile

# A pending tile, with its anchor if an earlier run has located it.
Work = tuple[Tile, Anchor | None]

# Longest time between two calls of `on_tick`, seconds.
TICK = 2.0


@define(eq=False)
class Scheduler:
    """Locates and fetches a stream of tiles. All callbacks are called in the thread that calls `run`.

    Attributes:
        locator: locates a batch of tiles.
        fetcher: downloads a located tile.
        batch_size: tiles located in one request.
        max_concurrent: requests in flight at once.
        on_tile_done: receives the outcome of each tile, also of one that is left.
        on_tick: called after outcomes were handed over, and every two seconds; may raise to end the run.
        on_early_end: called once if the run ends early, before waiting for requests in flight.
        stop: a request to end early.
    """

    locator: Locator
    fetcher: Fetcher
    batch_size: int
    max_concurrent: int
    on_tile_done: Callable[[TileOutcome], None]
    on_tick: Callable[[], None] = lambda: None
    on_early_end: Callable[[], None] = lambda: None
    stop: StopRequest = field(factory=StopRequest)
    _ready: deque[LocatedTile] = field(factory=deque, init=False)
    _is_first_located: bool = field(default=False, init=False)
    # Calls in flight, and whether they locate a batch.
    _calls: dict[Future[Any], bool] = field(factory=dict, init=False)

    def run(self, work: Iterable[Work]) -> None:
        """Works until every tile has an outcome, or the run ends early.

        The run ends early if a stop is requested, or if a callback, a call or an interrupt raises. Then nothing new
        is started; calls in flight finish and their outcomes are handed over before this returns or raises. Calls
        that take longer than the grace period are abandoned: their tiles stay pending.
        """
        pending = iter(work)
        pool = ThreadPoolExecutor(self.max_concurrent, thread_name_prefix="mmearth")
        is_early = True
        try:
            while not self.stop.requested and self._submit(pool, pending):
                wait({*self._calls, self.stop.future}, TICK, FIRST_COMPLETED)
                self._collect()
                self.on_tick()
            is_early = self.stop.requested
        finally:
            if is_early:
                self.on_early_end()
                self._finish(pool)
            # Threads of abandoned calls are not waited for; cli/run.py ends the process with them.
            pool.shutdown(wait=not self.stop.abandoned)

    def _finish(self, pool: ThreadPoolExecutor) -> None:
        """Waits for calls in flight until the end of the grace period."""
        pool.shutdown(wait=False, cancel_futures=True)
        started = [call for call in self._calls if not call.cancelled()]
        self.stop.abandoned = bool(wait(started, self.stop.grace).not_done)
        self._collect(raises=False)  # the error that ends the run is already being raised

    def _submit(self, pool: ThreadPoolExecutor, pending: Iterator[Work]) -> bool:
        """Starts as many calls as allowed; returns False if none is left to wait for."""
        # Locating takes two requests in a row, while each thread fetches about two tiles.
        ahead = self.batch_size + 2 * self.max_concurrent
        # Batches first: if they were located only when no tile is ready, all threads would be idle until the answer.
        # A batch that is being located counts as the tiles that it will bring.
        # The first batch is located alone, as what is learned about its images spares requests for later ones.
        while len(self._calls) < (self.max_concurrent if self._is_first_located else 1):
            located = len(self._ready) + sum(self._calls.values()) * self.batch_size
            batch = list(islice(pending, self.batch_size)) if located < ahead else []
            if not batch:
                break
            anchors = {tile.tile_id: anchor for tile, anchor in batch if anchor is not None}
            self._calls[pool.submit(self.locator.locate, [tile for tile, _ in batch], anchors)] = True
        while len(self._calls) < self.max_concurrent and self._ready:
            self._calls[pool.submit(self.fetcher.fetch, self._ready.popleft())] = False
        return bool(self._calls)

    def _collect(self, raises: bool = True) -> None:
        """Hands over the outcomes of finished calls, and then raises the first error of one, if `raises`."""
        first_error: BaseException | None = None
        for call in [call for call in self._calls if call.done()]:
            locates = self._calls.pop(call)
            self._is_first_located |= locates
            error = None if call.cancelled() else call.exception()
            if call.cancelled() or error is not None:
                first_error = first_error or error
                continue
            for result in call.result() if locates else [call.result()]:
                if isinstance(result, LocatedTile):
                    self._ready.append(result)
                else:
                    self.on_tile_done(result)
        if first_error is not None and raises:
            raise first_error
