"""A whole array of simulated tasks, from its first request to its last tile; and MMEarth-data's method beside it."""

import datetime as dt
import itertools
import random
from collections.abc import Iterator, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.config.schema import RunOptions
from mmearth_core.contract.modality import Anchor
from mmearth_core.download.journal import TileOutcome
from mmearth_core.download.scheduler import Work
from mmearth_core.download.selection import Shard
from mmearth_core.tiles.index import Tile, default_partition_size
from simulation.events import Time
from simulation.files import MemoryFolder
from simulation.sample import Sample
from simulation.server import Server, Service
from simulation.task import Task

ANCHOR = Anchor(dt.date(2019, 6, 1), "EPSG:32632")
STARTING = 20.0
"""Seconds within which the tasks of an array begin."""
SEED_RANGES, SEED_REQUESTS = 40, 22
"""MMEarth-data's method: this many fixed ranges of tiles, this many requests per tile, one after the other."""


@frozen(eq=False)
class Course:
    """How a run went.

    Attributes:
        ends: when each tile ended, seconds, growing.
        requests: all that were sent, tried again or not.
        refused: answered with 429.
        failed: answered with 503.
        peak: most requests under way at once, of all tasks together.
        peak_rate: maximum within one second.
        busiest: share of its time that the busiest task's processor worked.
    """

    ends: NDArray[np.float64]
    requests: int
    refused: int = 0
    failed: int = 0
    peak: int = 0
    peak_rate: int = 0
    busiest: float = 0.0

    @property
    def seconds(self) -> float:
        """Until the last tile."""
        return float(self.ends[-1])

    @property
    def rate(self) -> float:
        """Tiles per second."""
        return len(self.ends) / self.seconds

    @property
    def tail(self) -> float:
        """Seconds from 99 % of the tiles to the last."""
        return self.seconds - float(self.ends[int(0.99 * (len(self.ends) - 1))])


def simulate(tiles: int, tasks: int, sample: Sample, service: Service, options: RunOptions, seed: int) -> Course:
    """Runs an array.

    Args:
        tiles: of the whole dataset.
        tasks: processes, each with a processor core of its own.
        sample: what a call costs the processor.
        service: what the server is like.
        options: as in `[run]`.
        seed: of all that is left to chance.
    """
    # The jitter of retries draws from the common generator.
    random.seed(seed)
    chance = random.Random(seed)
    time, folder, ends = Time(), MemoryFolder(), []
    server = Server(time, service, chance)
    partitions = range(-(-tiles // default_partition_size(tiles)))

    def on_tile_done(entry: TileOutcome) -> None:
        ends.append(time.now)

    array = []
    for number in range(tasks):
        work = _work(Shard(number, tasks).share(partitions), tiles)

        def begin(number: int = number, work: Iterator[Work] = work) -> None:
            task = Task(number, time, server, folder, sample, ANCHOR, options, chance, on_tile_done)
            array.append((task, time.now))
            task.start(work)

        time.after(chance.uniform(0, STARTING) if number else 0.0, begin)
    time.run(lambda: len(ends) == tiles)
    if len(ends) != tiles:
        raise SystemExit(f"the simulation came to rest after {len(ends)} of {tiles} tiles")
    busiest = max(task.processor.busy / (time.now - begun) for task, begun in array)
    return Course(
        np.array(ends), server.requests, server.refused, server.failed, server.peak, server.peak_rate, busiest
    )


def _work(partitions: Sequence[int], tiles: int) -> Iterator[Work]:
    size = default_partition_size(tiles)
    for partition in partitions:
        for ordinal in range(partition * size, min(tiles, (partition + 1) * size)):
            yield Tile(ordinal, partition, f"t{ordinal}", None, 0.0, 0.0, {}), None


def original_run(tiles: int, service: Service, seed: int) -> Course:
    """MMEarth-data's method with the same server times; quotas and faults are waived in its favour."""
    chance = np.random.default_rng(seed)
    edges = [tiles * number // SEED_RANGES for number in range(SEED_RANGES + 1)]
    ends = []
    for begin, end in itertools.pairwise(edges):
        waits = service.median * chance.lognormal(0.0, service.spread, (end - begin, SEED_REQUESTS))
        ends.append(waits.sum(axis=1).cumsum())
    return Course(np.sort(np.concatenate(ends)), tiles * SEED_REQUESTS, peak=SEED_RANGES)
