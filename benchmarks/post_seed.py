"""The seed's way from stacks to HDF5 and statistics, as benchmarks/post.py compares with.

    python benchmarks/post_seed.py OURS.h5 FOLDER_OF_RAW_STACKS TARGET.h5

One process; stacks of raw float32 read by rasterio; gzip level 4; then the HDF5 file read twice for the statistics.
Datasets and dtypes are those of OURS.h5, and so are the vectors.
"""

import sys
from pathlib import Path

import h5py
import numpy as np
import rasterio

from mmearth_core.hdf5.layout import stored_layers


def write(paths: list[Path], ours: Path, target: Path) -> None:
    """Writes every tile's values."""
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


def count(ours: Path, target: Path, rows: int) -> None:
    """Mean and standard deviation of every layer."""
    with h5py.File(ours) as file:
        layers = {name: layer for name, layer in stored_layers(file).items() if layer.is_map}
    with h5py.File(target) as file:
        for name, layer in layers.items():
            total, squares, number = 0.0, 0.0, 0
            for row in range(rows):
                values = file[name][row]
                good = values[layer.valid(values)].astype(np.float64)
                total, number = total + good.sum(), number + good.size
            mean = total / max(number, 1)
            for row in range(rows):
                values = file[name][row]
                good = values[layer.valid(values)].astype(np.float64)
                squares += ((good - mean) ** 2).sum()


if __name__ == "__main__":
    ours, folder, target = map(Path, sys.argv[1:])
    paths = sorted(folder.iterdir(), key=lambda path: int(path.stem))
    write(paths, ours, target)
    count(ours, target, len(paths))
