"""Requests, bytes and seconds a tile of all modalities, on the synthetic planet.

    python benchmarks/modalities.py [--tiles 50] [--size 128] [--engine local:synthetic]

Requests and bytes are what Google would be asked for: the same graphs, answered in the same encoding. The rate counts
the local engine's work too, on this machine. `--bands` lists which bands travel and what they cost, before encoding.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from mmearth_core.config.schema import load_config
from mmearth_core.download.outcomes import RunProgress
from mmearth_core.download.prepare import prepare
from mmearth_core.download.run import run
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.registry import discover, engine_of

REQUESTS_MARK = 1 + 2 / 25
"""At most, with batches of 25 tiles."""

BYTES_MARK = 0.95
"""MB per tile of 128 px, at most; MMEarth-data downloads about 2.0."""

RATE_MARK = 5.0
"""Tiles per second on two cores after set-up, at least."""


class Clock:
    """Notes when each tile ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_progress(self, progress: RunProgress) -> None:
        """As the run calls it."""
        self.times += [time.perf_counter()] * (progress.counts.finished - len(self.times))

    @property
    def rate(self) -> float:
        """Tiles per second from the first one on: what comes before is set-up."""
        return (len(self.times) - 1) / (self.times[-1] - self.times[0])


def main() -> None:
    """Runs the demo's tiles once and prints the figures beside their marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=50)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--engine", default="local:synthetic")
    parser.add_argument("--bands", action="store_true", help="list the bands that travel")
    arguments = parser.parse_args()
    registry = discover()
    demo = engine_of(registry, arguments.engine).demo()
    if demo is None:
        parser.error(f"engine {arguments.engine!r} brings no demo")
    per_band: Counter[str] = Counter()
    if arguments.bands:
        _count_bands(per_band)
    tiles = _spread(demo.tiles, arguments.tiles)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "demo.toml"
        config.write_text(demo.config.replace("image_size = 128", f"image_size = {arguments.size}"))
        (folder / "tiles.geojson").write_text(json.dumps(tiles))
        job = prepare(load_config(config), registry, arguments.engine)
        clock, start = Clock(), time.perf_counter()
        result = run(job, clock.on_progress)
        wall = time.perf_counter() - start
    summary = result.summary()
    located = summary["done"]
    if located < 2:
        raise SystemExit(f"too few tiles are done to measure anything: {summary['reasons']}")
    print(f"{summary['done']} done, {summary['skipped']} skipped, {summary['failed']} failed in {wall:.1f} s")
    _row("requests per tile", result.client.meter.requests.total() / result.progress.counts.finished, REQUESTS_MARK)
    _row(f"MB per tile of {arguments.size} px", result.client.meter.received / located / 1e6, BYTES_MARK)
    _row("tiles per second", clock.rate, RATE_MARK, at_least=True)
    for band, size in per_band.most_common():
        print(f"  {band:45s} {size / located / 1e3:8.1f} kB a tile")


def _spread(tiles: Any, count: int) -> dict[str, Any]:
    """Every n-th of the demo's tiles, so that all parts of the world are there."""
    features = tiles["features"]
    chosen = [features[number * len(features) // count] for number in range(min(count, len(features)))]
    return {**tiles, "features": chosen}


def _row(what: str, value: float, mark: float, at_least: bool = False) -> None:
    kept = value >= mark if at_least else value <= mark
    bound = "at least" if at_least else "at most"
    print(f"{what:24s} {value:8.3f}   mark: {bound} {mark:.2f}   {'kept' if kept else 'MISSED'}")


def _count_bands(per_band: Counter[str]) -> None:
    """Adds up what each band of the arriving arrays holds."""
    pixels = EarthClient.pixels

    def counted(self: EarthClient, image: Any, grid: dict[str, Any]) -> Any:
        array = pixels(self, image, grid)
        for field in array.dtype.names or ():
            per_band[f"{field} {np.dtype(array.dtype[field])}"] += array[field].nbytes
        return array

    EarthClient.pixels = counted  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
