"""Tiles per second and requests per tile of `mmearth-core run` on the local engine.

    python benchmarks/run_virginia.py [--tiles 120] [--concurrent 1 4 40]

The server shares the machine with the client here, so the rate says what both cost together; the
share of the engine is printed apart. Requests and bytes are what Google would be asked for.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from rich.console import Console

from mmearth_core.cli.run import run_progress
from mmearth_core.config.schema import load_config
from mmearth_core.download.prepare import prepare
from mmearth_core.download.run import run
from mmearth_core.registry import discover

MARK = 1 + 2 / 25


def main() -> None:
    """Runs the demo's tiles once for each concurrency."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=120)
    parser.add_argument("--concurrent", type=int, nargs="+", default=[1, 4, 40])
    arguments = parser.parse_args()
    registry = discover()
    demo = registry.engine("local").make().demo()
    print(f"{'concurrent':>10} {'tiles/s':>8} {'cpu ms/tile':>12} {'requests/tile':>14} {'MB/tile':>8}")
    for concurrent in arguments.concurrent:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            config = folder / "demo.toml"
            config.write_text(demo.config.replace("[run]", f"[run]\nmax_concurrent = {concurrent}"))
            (folder / "tiles.geojson").write_text(json.dumps(demo.tiles))
            job = prepare(load_config(config), registry, "local")
            start, cpu = time.perf_counter(), time.process_time()
            with run_progress(Console(quiet=True)) as on_progress:
                result = run(job, on_progress, limit=arguments.tiles)
            wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        tiles = result.progress.counts.finished
        requests = result.client.meter.requests.total() / tiles
        print(
            f"{concurrent:10d} {tiles / wall:8.1f} {cpu / tiles * 1e3:12.1f} {requests:14.3f} "
            f"{result.client.meter.received / tiles / 1e6:8.3f}"
        )
        assert requests <= MARK or tiles < 25, f"more than {MARK} requests per tile"


if __name__ == "__main__":
    main()
