"""Stacks to HDF5 and statistics: `mmearth-core post` against MMEarth-data's scripts, in one run.

    python benchmarks/post.py [--tiles 400] [--pairs 3] [--workers 2]

A few tiles of the synthetic planet, all modalities, half of them level 1C, are downloaded once and copied. The
reference, post_original.py, reads the same stacks and writes the same dtypes; it needs
`pip install tifffile imagecodecs`.
Both are commands of their own, measured from start to end; they alternate, and medians are printed.
"""

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from made import numbers, real_dataset
from measured import Measured, measured
from shapely.geometry import box

from mmearth_core.paths import DatasetPaths
from mmearth_core.tiles.index import default_partition_size, import_tiles

TARGET_RATIO, TARGET_SIZE = 9.0, 0.95
"""Targets: at least so many times the original scripts' speed, at most this share of gzip-4's file size."""


def multiply(config: Path, tiles: int) -> int:
    """Makes a dataset of many tiles of it: copies of stacks and journal entries under new ids, in turn.

    Returns:
        The number of tiles that are not copies.
    """
    folder = DatasetPaths(config.parent / "bench")
    entries = [json.loads(line) for line in folder.journal("base", 0).read_text().splitlines()]
    entries = [entry for entry in entries if entry["outcome"] == "done"]
    stacks = {entry["tile_id"]: folder.stack("base", 0, entry["tile_id"]).read_bytes() for entry in entries}
    size = default_partition_size(tiles)
    lines: dict[int, list[str]] = {}
    for number in range(tiles):
        entry = entries[number % len(entries)]
        path = folder.stack("base", number // size, f"t{number}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stacks[entry["tile_id"]])
        with rasterio.open(path, "r+") as stack:  # which post would leave out as another tile's
            stack.update_tags(TILE_ID=f"t{number}")
        line = json.dumps({**entry, "tile_id": f"t{number}", "ordinal": number})
        lines.setdefault(number // size, []).append(line + "\n")
    for partition, own in lines.items():
        folder.journal("base", partition).write_text("".join(own))
    frame = {"tile_id": [f"t{n}" for n in range(tiles)], "lon": 0.0, "lat": np.linspace(-60, 60, tiles)}
    import_tiles(gpd.GeoDataFrame(frame, geometry=[box(0, 0, 0.01, 0.01)] * tiles, crs=4326), folder.tiles, size)
    return len(entries)


def list_stacks(config: Path, tiles: int, real: int) -> Path:
    """What the original's own files say: where the stacks are, and which of their bands hold an image."""
    folder = DatasetPaths(config.parent / "bench")
    size = default_partition_size(tiles)
    paths = [folder.stack("base", number // size, f"t{number}") for number in range(tiles)]
    there = []
    for path in paths[:real]:
        with rasterio.open(path) as source:
            bands = source.descriptions
            there.append(np.flatnonzero(~np.isnan(source.read()).all(axis=(1, 2))).tolist())
    listed = config.parent / "stacks.json"
    files = [str(path) for path in paths]
    text = {"files": files, "bands": bands, "there": [there[number % real] for number in range(tiles)]}
    listed.write_text(json.dumps(text))
    return listed


def by_post(config: Path, workers: int) -> Measured:
    """`mmearth-core post hdf5`, from nothing."""
    for path in (config.parent / "bench").glob("bench*"):
        path.unlink()
    return measured([sys.executable, "-m", "mmearth_core", "post", "hdf5", config, "--workers", str(workers)])


def by_original(own: Path, stacks: Path, target: Path) -> Measured:
    """The reference, from nothing."""
    return measured([sys.executable, Path(__file__).with_name("post_original.py"), own, stacks, target])


def main() -> None:
    """Alternates the two, and prints the ratios."""
    arguments = numbers(__doc__, tiles=400, pairs=3, workers=2)
    with tempfile.TemporaryDirectory() as name:
        config = real_dataset(Path(name))
        real = multiply(config, arguments.tiles)
        stacks = list_stacks(config, arguments.tiles, real)
        own, other = config.parent / "bench" / "bench.h5", config.parent / "original.h5"
        taken: dict[str, list[Measured]] = {"post": [], "original": []}
        for _ in range(arguments.pairs):
            taken["post"].append(by_post(config, arguments.workers))
            taken["original"].append(by_original(own, stacks, other))
        size = own.stat().st_size / other.stat().st_size
    rates = {who: arguments.tiles / statistics.median(each.seconds for each in runs) for who, runs in taken.items()}
    costs = {who: statistics.median(each.cpu for each in runs) / arguments.tiles * 1e3 for who, runs in taken.items()}
    ratio = rates["post"] / rates["original"]
    print(f"original {rates['original']:.0f} tiles/s, post {rates['post']:.0f} tiles/s, start-up included")
    print(f"ratio {ratio:.1f} (target {TARGET_RATIO:g}: {'met' if ratio >= TARGET_RATIO else 'not met'})")
    print(
        f"processor time per tile: original {costs['original']:.2f} ms, post {costs['post']:.2f} ms, "
        f"times {arguments.workers} workers {costs['original'] / costs['post'] * arguments.workers:.1f} at most"
    )
    print(f"file size {size:.3f} of gzip-4 (target {TARGET_SIZE:g}: {'met' if size <= TARGET_SIZE else 'not met'})")
    writer, worker = (max(getattr(each, name) for each in taken["post"]) for name in ("own_peak", "worker_peak"))
    print(f"peak memory: the writing process {writer:.0f} MB, a worker {worker:.0f} MB")
    print(f"load average of the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
