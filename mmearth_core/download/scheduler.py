"""The scheduler: keeps a bounded number of requests under way, and journals what ends.

One thread decides and writes journals; workers only wait for the server. Batches are located
ahead of the fetching, just far enough that no worker idles; so memory is bounded by the batch
and the concurrency, never by the number of tiles.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

from mmearth_core.contract.modality import Anchor
from mmearth_core.download.journal import Entry
from mmearth_core.download.locate import Ended, Left, Located, LocatedTile, Locator
from mmearth_core.download.pixels import Fetcher
from mmearth_core.download.stop import StopRequest
from mmearth_core.tiles.index import Tile

Work = tuple[Tile, Anchor | None]
"""A tile to do, with its anchor if an earlier run has located it."""

TICK = 2.0
"""Seconds after which the waiting thread shows what it waits for."""


class Scheduler:
    """Runs locate and fetch over a stream of tiles."""

    def __init__(
        self,
        locator: Locator,
        fetcher: Fetcher,
        batch_size: int,
        max_concurrent: int,
        ended: Callable[[Tile, Entry], None],
        stopping: Callable[[], None] = lambda: None,
        left: Callable[[Left], None] = lambda one: None,
        ticked: Callable[[], None] = lambda: None,
        checked: Callable[[], None] = lambda: None,
        stop: StopRequest | None = None,
    ) -> None:
        """Prepares a run.

        Args:
            locator: step 2.
            fetcher: steps 3 and 4.
            batch_size: tiles located in one request.
            max_concurrent: requests under way at once.
            ended: called in the deciding thread for every tile that ended.
            stopping: called once when the run ends early, before what is under way is waited for.
            left: called in the deciding thread for every tile that the next run has to take again.
            ticked: called in the deciding thread now and then while nothing ends.
            checked: called in the deciding thread when what has ended is journaled; raises to end the run.
            stop: asks the run to end early.
        """
        self._locator = locator
        self._fetcher = fetcher
        self._batch_size = batch_size
        self._max_concurrent = max_concurrent
        # Locating takes two requests in a row, while each worker fetches about two tiles.
        self._ahead = batch_size + 2 * max_concurrent
        self._ended = ended
        self._stopping = stopping
        self._left = left
        self._ticked = ticked
        self._checked = checked
        self._stop = StopRequest() if stop is None else stop
        self._ready: deque[LocatedTile] = deque()
        self._locating: set[Future[list[Located]]] = set()
        self._fetching: dict[Future[Entry | Left], Tile] = {}

    def run(self, work: Iterable[Work]) -> None:
        """Works until every tile has ended, or the run is stopped.

        When a worker raises, on an interrupt and when the run is to stop, nothing new is begun; what is under way is
        finished and journaled before the exception goes on, or before this returns. What is then not finished within
        the stop's grace is abandoned: its tiles are as if they had never been begun.
        """
        batches = _batches(work, self._batch_size)
        pool = ThreadPoolExecutor(self._max_concurrent, thread_name_prefix="mmearth")
        ended_early = True
        try:
            while not self._stop.asked and self._submit(pool, batches):
                under_way: set[Future[Any]] = {*self._fetching, *self._locating}
                if not wait({*under_way, self._stop.future}, TICK, FIRST_COMPLETED).done:
                    self._ticked()
                self._collect()
                self._checked()
            ended_early = self._stop.asked
        finally:
            if ended_early:
                self._stopping()
                self._abandon(pool)
            else:
                pool.shutdown()

    def _abandon(self, pool: ThreadPoolExecutor) -> None:
        """Finishes what is under way, as far as it ends in time."""
        pool.shutdown(wait=False, cancel_futures=True)
        begun: set[Future[Any]] = {*self._fetching, *self._locating}
        if wait({future for future in begun if not future.cancelled()}, self._stop.grace).not_done:
            self._stop.abandoned = True
        else:
            pool.shutdown()
        self._collect(quietly=True)

    def _submit(self, pool: ThreadPoolExecutor, batches: Iterator[list[Work]]) -> bool:
        """Begins as much as the bound allows; False when there is nothing left to wait for."""
        # Batches first: located only once nothing is ready, they would leave all workers idle until they are answered.
        # A batch being located stands for the tiles that it will bring.
        while self._free and len(self._ready) + len(self._locating) * self._batch_size < self._ahead:
            batch = next(batches, None)
            if batch is None:
                break
            tiles = [tile for tile, _ in batch]
            anchors: Mapping[str, Anchor] = {tile.tile_id: anchor for tile, anchor in batch if anchor is not None}
            self._locating.add(pool.submit(self._locator.locate, tiles, anchors))
        while self._free and self._ready:
            one = self._ready.popleft()
            self._fetching[pool.submit(self._fetcher.fetch, one)] = one.tile
        return bool(self._fetching or self._locating)

    @property
    def _free(self) -> int:
        return self._max_concurrent - len(self._fetching) - len(self._locating)

    def _collect(self, quietly: bool = False) -> None:
        """Takes in what has ended; `quietly` leaves errors to the exception already under way."""
        for located in [future for future in self._locating if future.done()]:
            self._locating.discard(located)
            if _usable(located, quietly):
                self._take_located(located.result())
        first_error: BaseException | None = None
        for fetched in [future for future in self._fetching if future.done()]:
            tile = self._fetching.pop(fetched)
            if not _usable(fetched, quietly=True):
                first_error = first_error or (None if fetched.cancelled() else fetched.exception())
            else:
                self._end(tile, fetched.result())
        if first_error is not None and not quietly:
            raise first_error

    def _take_located(self, results: list[Located]) -> None:
        for result in results:
            if isinstance(result, LocatedTile):
                self._ready.append(result)
            elif isinstance(result, Ended):
                self._ended(result.tile, result.entry())
            else:
                self._left(result)

    def _end(self, tile: Tile, result: Entry | Left) -> None:
        if isinstance(result, Left):
            self._left(result)
        else:
            self._ended(tile, result)


def _usable(future: "Future[list[Located]] | Future[Entry | Left]", quietly: bool) -> bool:
    """Whether a finished future has a result; raises its error unless `quietly`."""
    if future.cancelled():
        return False
    error = future.exception()
    if error is not None and not quietly:
        raise error
    return error is None


def _batches(work: Iterable[Work], size: int) -> Iterator[list[Work]]:
    iterator = iter(work)
    while batch := list(islice(iterator, size)):
        yield batch
