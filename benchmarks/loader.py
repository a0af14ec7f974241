"""Random reads of whole tiles, all layers, tiles per second: our readers against plain h5py, in one run.

    python benchmarks/loader.py [--tiles 400] [--rounds 5] [--workers 2]

A few tiles of the synthetic planet, all modalities, 128 x 128 pixels, are made once; their chunks are copied to many
rows. Every way reads the same rows in the same random order, warm cache; the ways take turns; medians are printed.
`h5py` reads the rows of all datasets, and nothing else: what it costs is inflating. Ours add masks, names and, for
torch, normalisation.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from made import numbers, real_dataset, run
from torch.utils.data import DataLoader

from mmearth_core import dataset as plain
from mmearth_core import torch as tensors

MARK = 312
"""Tiles per second of gzip-4 files read by plain h5py on another machine; only the ratios compare."""

Way = Callable[[list[int]], int]
"""Reads rows; returns how many."""


def make(folder: Path, tiles: int) -> Path:
    """The HDF5 file, with its band statistics beside it."""
    run("post", real_dataset(folder))
    made = folder / "bench" / "bench.h5"
    many = folder / "bench" / "many.h5"
    with h5py.File(made) as source, h5py.File(many, "w") as target:
        for name, old in source.items():
            if old.chunks is None:
                target[name] = np.resize(old[:], (tiles, *old.shape[1:]))
                continue
            new = target.create_dataset_like(name, old, shape=(tiles, *old.shape[1:]), maxshape=None)
            for key, value in old.attrs.items():
                new.attrs[key] = value
            rest = (0,) * (old.ndim - 1)
            for row in range(tiles):
                mask, chunk = old.id.read_direct_chunk((row % old.shape[0], *rest))
                new.id.write_direct_chunk((row, *rest), chunk, mask)
    stats = made.with_name("bench_band_stats.json")
    stats.rename(stats.with_name("many_band_stats.json"))
    return many


def as_gzip4(path: Path) -> Path:
    """The same values as MMEarth-data writes them: gzip level 4, not shuffled."""
    target = path.with_name("gzip4.h5")
    with h5py.File(path) as source, h5py.File(target, "w") as file:
        for name, old in source.items():
            options = {} if old.chunks is None else {"compression": "gzip", "compression_opts": 4}
            new = file.create_dataset(name, old.shape, old.dtype, chunks=old.chunks, **options)
            for row in range(old.shape[0]):
                new[row] = old[row]
    return target


def ways(path: Path, gzip4: Path, workers: int) -> Iterator[tuple[str, Way]]:
    """What is compared, the reference first."""

    def by_h5py(file: Path) -> Way:
        opened = h5py.File(file)
        datasets = [opened[name] for name in opened if name != "metadata" and not opened[name].is_scale]

        def read(rows: list[int]) -> int:
            for row in rows:
                for dataset in datasets:
                    dataset[row]
            return len(rows)

        return read

    yield "h5py, gzip-4", by_h5py(gzip4)
    yield "h5py, our file", by_h5py(path)
    numpy_reader = plain.Dataset(path)
    yield "mmearth_core.dataset", lambda rows: sum(numpy_reader[row] is not None for row in rows)
    normalised = tensors.Dataset(path)
    yield "mmearth_core.torch, z-score", lambda rows: sum(normalised[row] is not None for row in rows)
    stored = tensors.Dataset(path, normalize=None)
    yield "mmearth_core.torch, as stored", lambda rows: sum(stored[row] is not None for row in rows)

    def by_workers(rows: list[int]) -> int:
        loader = DataLoader(normalised, batch_size=16, sampler=rows, num_workers=workers)
        return sum(len(batch["row"]) for batch in loader)

    yield f"DataLoader, z-score, {workers} workers", by_workers


def main() -> None:
    """Reads, and prints a line a way."""
    arguments = numbers(__doc__, tiles=400, rounds=5, workers=2)
    with tempfile.TemporaryDirectory() as name:
        path = make(Path(name), arguments.tiles)
        compared = list(ways(path, as_gzip4(path), arguments.workers))
        rows = np.random.default_rng(0).permutation(arguments.tiles).tolist()
        rates: dict[str, list[float]] = {label: [] for label, _ in compared}
        for number in range(arguments.rounds + 1):
            for label, read in compared:
                begun = time.perf_counter()
                count = read(rows)
                if number:  # the first round warms the cache
                    rates[label].append(count / (time.perf_counter() - begun))
    reference = statistics.median(rates[compared[0][0]])
    print(f"{arguments.tiles} tiles, {arguments.rounds} rounds; gzip-4 on the reference machine: {MARK} tiles/s")
    print(f"{'':34} {'tiles/s':>8} {'x gzip-4':>9}")
    for label, each in rates.items():
        median = statistics.median(each)
        print(f"{label:34} {median:8.0f} {median / reference:9.2f}")


if __name__ == "__main__":
    main()
