"""Merging datasets: `mmearth-core merge` against a plain copy of as many bytes and against compressing again.

    python benchmarks/merge.py [--tiles 800] [--inputs 8] [--pairs 5]

A few tiles of the synthetic planet, all modalities, are downloaded and post-processed once; their chunks are repeated
to make the inputs. Before each turn all inputs are dropped from the page cache, so that every way reads the disk; every
way ends with fsync. The ways alternate; medians are printed. The reference of the compressing copy is h5py's own gzip,
level 4, on one of the inputs.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from made import real_dataset, run
from mmearth_curate.derive.shared import copy_rows, create_like

from mmearth_core.product.hdf5 import LIBVER, METADATA, ROWS, read_layer

MARK = 0.5
"""Target: at least this share of the speed of a sequential copy."""


def repeat(source: Path, target: Path, tiles: int, prefix: str) -> None:
    """A dataset of many tiles: a small one's rows again and again, under new ids."""
    entries = list(json.loads(source.with_name(f"{source.stem}_tile_info.json").read_text()).values())
    with h5py.File(source) as old, h5py.File(target, "w", libver=LIBVER) as new:
        new.attrs.update(old.attrs)
        table = old[METADATA][:]
        rows = [number % len(table) for number in range(tiles)]
        copied = table[rows]
        copied["tile_id"] = ids = [f"{prefix}_{number}".encode() for number in range(tiles)]
        new[METADATA] = copied
        del new.attrs[ROWS]  # of the few rows
        layers = [name for name in old if name != METADATA]
        for name in layers:
            create_like(new, old[name], read_layer(old[name]), tiles)
        copy_rows(old, new, layers, np.array(rows, np.intp), 0, lambda _done: None)
    info = {tile_id.decode(): entries[row] for tile_id, row in zip(ids, rows, strict=True)}
    stats = json.loads(source.with_name(f"{source.stem}_band_stats.json").read_text())
    for entry in stats.values():  # of rows that are all repeated as often, only the counts change
        for what in ("count", "nodata"):
            entry[what] = [count * (tiles // len(table)) for count in entry[what]]
    target.with_name(f"{target.stem}_band_stats.json").write_text(json.dumps(stats))
    side = target.with_name(f"{target.stem}_tile_info.json")
    side.write_text(
        "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in info.items()) + "\n}"
    )


def fsync(path: Path) -> None:
    """Waits until a file is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def forget(paths: list[Path]) -> None:
    """Drops files from the page cache."""
    os.sync()
    for path in paths:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def compress_again(source: Path, target: Path) -> None:
    """Copies values as h5py does by default: inflated, and deflated again."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        for name, dataset in old.items():
            if name == METADATA:
                new[name] = dataset[:]
                continue
            made = new.create_dataset(
                name, dataset.shape, dataset.dtype, chunks=dataset.chunks, compression="gzip", compression_opts=4
            )
            for row in range(len(dataset)):
                made[row] = dataset[row]


def in_a_process(arguments: list[str | Path]) -> tuple[float, float]:
    """Seconds of `mmearth-core ARGUMENTS` as a process of its own, and its megabytes at most."""
    code = (
        "import sys; from mmearth_core.cli import main; main(sys.argv[1:], standalone_mode=False); "
        "print([line for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - start, int(done.stdout.split()[-2]) / 1024


def main() -> None:
    """Alternates the ways, and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=800, help="of each input, a multiple of 8")
    parser.add_argument("--inputs", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = real_dataset(folder)
        run("post", config, "--workers", "1")
        inputs = [folder / f"in{number}.h5" for number in range(arguments.inputs)]
        for number, path in enumerate(inputs):
            repeat(folder / "bench" / "bench.h5", path, arguments.tiles, f"i{number}")
        plain = folder / "plain.bin"
        with plain.open("wb") as file:
            for path in inputs:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, file, 1 << 20)
        size, tiles = plain.stat().st_size, arguments.tiles * arguments.inputs
        out = folder / "out"

        def copy() -> None:
            out.mkdir()
            shutil.copyfile(plain, out / "copy.bin")
            fsync(out / "copy.bin")

        def merge() -> None:
            run("merge", out, *inputs, "--workers", "1")

        ways: dict[str, Callable[[], None]] = {"copy": copy, "merge": merge}
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(arguments.pairs):
            for way, call in ways.items():
                shutil.rmtree(out, ignore_errors=True)
                forget([plain, *inputs])
                start = time.perf_counter()
                call()
                seconds[way].append(time.perf_counter() - start)
        shutil.rmtree(out, ignore_errors=True)
        started, peak = in_a_process(["merge", out, *inputs])
        start = time.perf_counter()
        compress_again(inputs[0], folder / "again.h5")
        fsync(folder / "again.h5")
        again = (time.perf_counter() - start) * arguments.inputs
    medians = {way: statistics.median(each) for way, each in seconds.items()}
    rates = {way: size / seconds / 1e6 for way, seconds in medians.items()}
    ratio = statistics.median(copied / merged for copied, merged in zip(seconds["copy"], seconds["merge"], strict=True))
    print(f"{tiles} tiles of {size / tiles / 1e3:.0f} KB in {arguments.inputs} files, {size / 1e6:.0f} MB")
    print(f"copy {rates['copy']:.0f} MB/s, merge {rates['merge']:.0f} MB/s with all side files")
    print(f"merge at {ratio:.2f} of the copy's speed (mark {MARK:g}: {'met' if ratio >= MARK else 'not met'})")
    print(f"compressing again {size / again / 1e6:.0f} MB/s: merge is {again / medians['merge']:.0f} times as fast")
    print(f"as a fresh process, starting up included: {started:.2f} s; peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
