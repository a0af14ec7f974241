"""1.2 million tiles with 1, 10 and 40 tasks, in simulated time; and how fast one process really is.

    python benchmarks/simulate.py [--tiles 1200000] [--tasks 1 10 40] [--sample 25] [--repeats 20] [--seed 1]

Real and measured, on a sample of the synthetic planet with all modalities: the processor's time of every request, from
graphs built and written as JSON to NPY decoded and stacks encoded, written to a folder in memory. Real at full scale:
the decisions of scheduler, shards, gate, pace, patience and shared budget, the same classes that a run uses. Simulated:
time itself, the server (log-normal times, 429 above its limits, some 503), and a processor core for each task, on which
its threads take turns and every call costs what one of the sample did. Not in it: the network's bandwidth, the shared
folder's delays, tiles that are skipped. What the threads themselves cost is measured in the last part, in real time:
one process with all its threads, each answer delayed by 300 ms.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from attrs import evolve
from simulation.array import Course, original_run, simulate
from simulation.canned import Canned
from simulation.sample import Cost, Sample, measure, memory_folder
from simulation.server import Service

from mmearth_core.config.schema import RunOptions, load_config
from mmearth_core.download.journal import Outcome
from mmearth_core.download.outcomes import RunProgress
from mmearth_core.download.prepare import PreparedRun, prepare
from mmearth_core.download.run import run
from mmearth_core.registry import discover, engine_of

MARK_RATE, MARK_REQUESTS = 120.0, 1.08
"""Targets: tiles per second where 40 requests at once take 300 ms each, and requests per tile without faults."""
NO_RATE = 1000.0
"""Requests per second: more than 40 at once can be, so that only the concurrency binds, as in the mark."""
HOUR = 3600.0


def sample_job(folder: Path, tiles: int, times: int = 1, engine: Canned | None = None) -> tuple[PreparedRun, Canned]:
    """A new dataset of a few tiles from all parts of the world, each so many times.

    Args:
        folder: is made for it.
        tiles: how many, a multiple of the batch size if there are to be several times as many: then the same batches
            come again, and the engine knows the answers.
        times: how often.
        engine: with answers from an earlier dataset of these tiles.
    """
    registry = discover()
    demo = engine_of(registry, "local:synthetic").demo()
    assert demo is not None
    features = demo.tiles["features"]
    chosen = [
        {**feature, "properties": {**feature["properties"], "tile_id": f"t{turn}_{number}"}}
        for turn in range(times)
        for number, feature in enumerate(features[number * len(features) // tiles] for number in range(tiles))
    ]
    folder.mkdir()
    (folder / "tiles.geojson").write_text(json.dumps({**demo.tiles, "features": chosen}))
    config = folder / "sample.toml"
    # A smaller sample than a batch is a batch of its own.
    config.write_text(demo.config.replace("[run]", f"[run]\nbatch_size = {min(tiles, RunOptions().batch_size)}"))
    job = prepare(load_config(config), registry, "local:synthetic")
    engine = Canned(job.engine) if engine is None else engine
    return evolve(job, engine=engine), engine


class Ends:
    """Notes when the run starts and when tiles end, and what the processor had done by then."""

    def __init__(self) -> None:
        self.seconds = [time.perf_counter()]
        self.used = [time.process_time()]

    def on_progress(self, progress: RunProgress) -> None:
        """As the run calls it."""
        new = progress.counts.finished + 1 - len(self.seconds)
        self.seconds += [time.perf_counter()] * new
        self.used += [time.process_time()] * new


def real_time(job: PreparedRun, engine: Canned, wait: float) -> tuple[float, float]:
    """Tiles per second, and processor seconds per tile, of a whole run with threads, journals and a shared budget.

    The first quarter of the tiles is left out, as the run is still filling up.

    Args:
        job: a dataset all of whose answers the engine has.
        engine: the job's.
        wait: seconds of the server for each request.
    """
    engine.wait, known, ends = wait, engine.new, Ends()
    result = run(job, ends.on_progress)
    engine.wait = 0.0
    if engine.new != known or result.progress.now[Outcome.DONE] != result.progress.counts.finished:
        raise SystemExit(f"the run in real time went otherwise than the sample: {result.summary()}")
    begin = len(ends.seconds) // 4
    if ends.seconds[begin] == ends.seconds[-1]:  # a slow machine reported all the rest at once
        begin = 0
    tiles = len(ends.seconds) - 1 - begin
    return tiles / (ends.seconds[-1] - ends.seconds[begin]), (ends.used[-1] - ends.used[begin]) / tiles


def print_sample(sample: Sample) -> None:
    """Prints what a tile costs the processor, by what it is for."""

    def mean(costs: tuple[Cost, ...], part: str) -> float:
        total: float = sum(getattr(leg, part) for cost in costs for leg in cost.legs)
        return total / sum(cost.tiles for cost in costs) * 1e3

    print(f"{'CPU ms per tile':24s} {'graph, JSON':>12} {'slot held':>12} {'answer, stack':>14}")
    for what, costs in (("locate, in batches", sample.locate), ("pixels", sample.fetch)):
        after = sum(cost.after for cost in costs) / sum(cost.tiles for cost in costs) * 1e3
        held = mean(costs, "sending") + mean(costs, "receiving")
        print(f"{what:24s} {mean(costs, 'before'):12.2f} {held:12.2f} {after:14.2f}")
    print(f"in all {sample.seconds_per_tile * 1e3:.1f} ms per tile, {sample.received / 1e6:.2f} MB received a tile")


def print_course(name: str, course: Course, reference: Course | None) -> None:
    """Prints a row of the table."""
    faster = f"{reference.seconds / course.seconds:.1f} x" if reference else ""
    print(
        f"{name:18s} {course.seconds / HOUR:7.2f} {course.rate:8.1f} {faster:>8} {course.requests / 1e6:9.3f} "
        f"{course.requests / len(course.ends):9.3f} {course.refused:7d} {course.failed:7d} {course.tail / 60:9.1f} "
        f"{100 * course.tail / course.seconds:6.2f} {course.peak:8d} {course.peak_rate:8d} {course.busiest:7.0%}"
    )


HEAD = (
    f"{'':18s} {'hours':>7} {'tiles/s':>8} {'times':>8} {'requests':>9} {'a tile':>9} {'429':>7} {'503':>7} "
    f"{'99 % to':>9} {'of it':>6} {'at once':>8} {'within':>8} {'CPU of':>7}\n"
    f"{'':18s} {'':>7} {'':>8} {'':>8} {'million':>9} {'':>9} {'':>7} {'':>7} "
    f"{'end, min':>9} {'%':>6} {'at most':>8} {'1 s':>8} {'a task':>7}"
)


def main() -> None:
    """Measures, simulates, and prints the figures beside their marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=1_200_000)
    parser.add_argument("--tasks", type=int, nargs="+", default=[1, 10, 40])
    parser.add_argument("--sample", type=int, default=50, help="tiles of the sample")
    parser.add_argument("--repeats", type=int, default=20, help="times that each of them is measured")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory(dir=memory_folder()) as name:
        print("Measured, in one thread, server not counted:")
        job, engine = sample_job(Path(name) / "sample", arguments.sample)
        sample = measure(job, engine, arguments.repeats)
        print_sample(sample)
        job, _ = sample_job(Path(name) / "run", arguments.sample, arguments.repeats, engine)
        rate, used = real_time(job, engine, 0.3)
    print(f"one process with 40 threads and answers after 300 ms, in real time: {rate:.1f} tiles/s, ", end="")
    print(f"{used * 1e3:.1f} CPU ms per tile")
    # Threads, scheduling and journals cost something too.
    more = max(0.0, used - sample.seconds_per_tile)
    sample = evolve(sample, fetch=tuple(cost.plus(more) for cost in sample.fetch))

    options, service = RunOptions(), Service()
    print(f"\nSimulated: {arguments.tiles:,} tiles, median 300 ms log-normal, 1 % 503, 40 at once and 100 a second:")
    print(HEAD)
    original = original_run(arguments.tiles, service, arguments.seed)
    print_course("MMEarth-data", original, original)
    for tasks in arguments.tasks:
        course = simulate(arguments.tiles, tasks, sample, service, options, arguments.seed)
        print_course(f"{tasks} task{'s' * (tasks > 1)}", course, original)
        if course.peak > options.max_concurrent:
            raise SystemExit(f"the budget was not kept: {course.peak} requests at once")

    steady = Service(spread=0.0, unavailable=0.0, per_second=int(NO_RATE))
    few = max(1, arguments.tiles // 10)
    print(f"\nThe mark's server: {few:,} tiles, always 300 ms, 40 at once, no limit a second:")
    print(HEAD)
    original = original_run(few, steady, arguments.seed)
    print_course("MMEarth-data", original, original)
    for tasks in arguments.tasks:
        course = simulate(few, tasks, sample, steady, evolve(options, requests_per_second=NO_RATE), arguments.seed)
        print_course(f"{tasks} task{'s' * (tasks > 1)}", course, original)
        kept = course.rate >= MARK_RATE
        print(f"{'':18s} mark: at least {MARK_RATE:g} tiles/s: {'kept' if kept else 'MISSED'}")


if __name__ == "__main__":
    main()
