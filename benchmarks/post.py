"""Stacks to HDF5 and statistics: `mmearth-core post` against the seed's way, in one run.

    python benchmarks/post.py [--tiles 400] [--pairs 3] [--workers 2]

A few tiles of the synthetic planet, all modalities, half of them level 1C, are downloaded once and copied. The
reference writes the same dtypes as we do, as the seed's scripts work: one process, stacks of raw float32 read by
rasterio, gzip level 4, then the HDF5 file read twice for the statistics. The two alternate; medians are printed.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import h5py
import numpy as np
import rasterio
from click.testing import CliRunner
from shapely.geometry import box

from mmearth_core.cli import main as cli
from mmearth_core.folder import DatasetFolder
from mmearth_core.layout import stored_layers
from mmearth_core.registry import discover
from mmearth_core.registry.engines import engine_of
from mmearth_core.tiles.index import default_partition_size, take_in

REAL = 8
"""Tiles that are really made."""

MARK_RATIO, MARK_SIZE = 15.0, 0.95
"""PERFORMANCE.md: at least so many times the seed's speed, at most so much of gzip-4's size."""


def real_dataset(folder: Path) -> Path:
    """Downloads a few tiles of every modality; returns the configuration."""
    demo = engine_of(discover(), "local:synthetic").demo()
    assert demo is not None
    features = demo.tiles["features"][10 : 10 + REAL]
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    config = folder / "bench.toml"
    config.write_text(demo.config.replace('name = "planet"', 'name = "bench"'))
    done = CliRunner().invoke(cli, ["run", str(config)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return config


def multiply(config: Path, tiles: int) -> None:
    """Makes a dataset of many tiles of it: copies of stacks and journal entries under new ids."""
    folder = DatasetFolder(config.parent / "bench")
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
        line = json.dumps({**entry, "tile_id": f"t{number}", "ordinal": number})
        lines.setdefault(number // size, []).append(line + "\n")
    for partition, own in lines.items():
        folder.journal("base", partition).write_text("".join(own))
    frame = {"tile_id": [f"t{n}" for n in range(tiles)], "lon": 0.0, "lat": np.linspace(-60, 60, tiles)}
    take_in(gpd.GeoDataFrame(frame, geometry=[box(0, 0, 0.01, 0.01)] * tiles, crs=4326), folder.tiles, size)


def raw_stacks(config: Path, tiles: int) -> list[Path]:
    """The seed's stacks: float32, not compressed."""
    folder = DatasetFolder(config.parent / "bench")
    size = default_partition_size(tiles)
    (config.parent / "raw").mkdir()
    paths = []
    for number in range(tiles):
        path = config.parent / "raw" / f"{number}.tif"
        with rasterio.open(folder.stack("base", number // size, f"t{number}")) as source:
            profile = {**source.profile, "compress": None}
            with rasterio.open(path, "w", **profile) as target:
                target.write(source.read())
                target.descriptions = source.descriptions
        paths.append(path)
    return paths


def seeds_way(paths: list[Path], ours: Path, target: Path) -> None:
    """Writes the same values with gzip-4 in this process, then reads them twice for the statistics."""
    with h5py.File(ours) as file, h5py.File(target, "w") as new:
        layers = {name: layer for name, layer in stored_layers(file).items() if layer.is_map}
        vectors = [name for name, layer in stored_layers(file).items() if not layer.is_map]
        for name in [*layers, *vectors]:
            old = file[name]
            new.create_dataset(name, old.shape, old.dtype, chunks=old.chunks, compression="gzip", compression_opts=4)
        for row, path in enumerate(paths):
            with rasterio.open(path) as source:
                pixels = dict(zip(source.descriptions, source.read(), strict=True))
            for name, layer in layers.items():
                values = np.stack([pixels[f"{name}__{band}"] for band in layer.bands])
                new[name][row] = np.where(np.isnan(values), layer.fill, values).astype(layer.dtype)
            for name in vectors:
                new[name][row] = file[name][row]
    with h5py.File(target) as file:
        for name, layer in layers.items():
            total, squares, count = 0.0, 0.0, 0
            for row in range(len(paths)):
                values = file[name][row]
                good = values[layer.valid(values)].astype(np.float64)
                total, count = total + good.sum(), count + good.size
            mean = total / max(count, 1)
            for row in range(len(paths)):
                values = file[name][row]
                good = values[layer.valid(values)].astype(np.float64)
                squares += ((good - mean) ** 2).sum()


def in_a_process(function: Callable[..., Any], *arguments: Any) -> tuple[float, float, float]:
    """Seconds, seconds of all processors, and megabytes at most of the process itself, of a call in a fresh process."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(sender, function, arguments))
    process.start()
    measured: tuple[float, float, float] = receiver.recv()
    process.join()
    return measured


def _measured(sender: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    start = time.perf_counter()
    function(*arguments)
    seconds = time.perf_counter() - start
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    # Not ru_maxrss: it keeps what the process that started this one had.
    (peak,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    sender.send((seconds, sum(each.ru_utime + each.ru_stime for each in used), int(peak.split()[1]) / 1024))


def our_way(config: Path, workers: int) -> None:
    """`mmearth-core post hdf5`, from nothing."""
    for path in (config.parent / "bench").glob("bench*"):
        path.unlink()
    done = CliRunner().invoke(cli, ["post", "hdf5", str(config), "--workers", str(workers)], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def main() -> None:
    """Alternates the two, and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=400)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        config = real_dataset(Path(name))
        multiply(config, arguments.tiles)
        paths = raw_stacks(config, arguments.tiles)
        peak = 0.0
        ours, theirs = config.parent / "bench" / "bench.h5", config.parent / "seed.h5"
        wall: dict[str, list[float]] = {"ours": [], "seed": []}
        work: dict[str, list[float]] = {"ours": [], "seed": []}
        for _ in range(arguments.pairs):
            for who, call in (
                ("ours", (our_way, config, arguments.workers)),
                ("seed", (seeds_way, paths, ours, theirs)),
            ):
                seconds, cpu, megabytes = in_a_process(*call)
                wall[who].append(seconds)
                work[who].append(cpu)
                peak = megabytes if who == "ours" else peak
        rates = {who: arguments.tiles / statistics.median(seconds) for who, seconds in wall.items()}
        costs = {who: statistics.median(seconds) / arguments.tiles * 1e3 for who, seconds in work.items()}
        ratio, size = rates["ours"] / rates["seed"], ours.stat().st_size / theirs.stat().st_size
    print(f"seed's way {rates['seed']:.0f} tiles/s, ours {rates['ours']:.0f} tiles/s, starting up included")
    print(f"ratio {ratio:.1f} (mark {MARK_RATIO:g}: {'met' if ratio >= MARK_RATIO else 'not met'})")
    print(f"processor time a tile: seed's way {costs['seed']:.1f} ms, ours {costs['ours']:.1f} ms")
    print(f"file size {size:.3f} of gzip-4 (mark {MARK_SIZE:g}: {'met' if size <= MARK_SIZE else 'not met'})")
    print(f"peak memory of the process that writes: {peak:.0f} MB")


if __name__ == "__main__":
    main()
