"""MMEarth-data's method from stacks to HDF5 and statistics, which benchmarks/post.py compares with.

    python benchmarks/post_original.py OWN.h5 STACKS.json TARGET.h5

The same work as its two scripts do, on the same stacks, in their order and in one process, with the libraries that they
use (`pip install tifffile imagecodecs`):

- every stack is read three times: to count the rows, to check its bands, for its values;
- HDF5 casts them as it deflates them at level 4;
- statistics are of as many tiles as there are, drawn with repeats, of six layers: in float64, each band's sum, sum of
  squares and count where there is data, and least and greatest value.

STACKS.json lists the stacks, all bands of one, and which of them hold an image. Datasets and dtypes are those of
OWN.h5, and so are the vectors.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
from numpy.typing import NDArray

from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import METADATA, stored_layers

COUNTED = (
    "sentinel2",
    "sentinel2_cloudmask",
    "sentinel2_cloudprod",
    "sentinel1",
    "aster",
    "canopy_height_eth",
)
"""The layers with pixels whose statistics the original writes."""


def create(ours: h5py.File, layers: dict[str, LayerDescription], stacks: dict[str, Any], target: Path) -> None:
    """Writes every tile's values."""
    bands: list[str] = stacks["bands"]
    places = {name: place for place, name in enumerate(bands)}
    rows = sum(tifffile.imread(path).shape[0] == len(bands) for path in stacks["files"])
    with h5py.File(target, "w") as file:
        for name in [*layers, METADATA]:
            old = ours[name]
            chunks = (1, *old.shape[1:])
            file.create_dataset(name, (rows, *old.shape[1:]), old.dtype, chunks=chunks, compression="gzip")
        for row, (path, there) in enumerate(zip(stacks["files"], stacks["there"], strict=True)):
            if tifffile.imread(path).shape[0] != len(bands):
                continue
            pixels, own = tifffile.imread(path), {bands[place] for place in there}
            for layer in layers.values():
                file[layer.name][row] = values(layer, pixels, places, own) if layer.is_map else ours[layer.name][row]
            file[METADATA][row] = ours[METADATA][row]


def values(layer: LayerDescription, pixels: NDArray[Any], places: dict[str, int], there: set[str]) -> NDArray[Any]:
    """A layer's bands, by their places in the stack; no-data for those without an image."""
    names = [f"{layer.name}__{band}" for band in layer.bands]
    if there.issuperset(names):
        return pixels[places[names[0]] : places[names[-1]] + 1]
    whole = np.full(layer.shape, layer.fill, layer.dtype)
    for place, name in enumerate(names):
        if name in there:
            whole[place] = pixels[places[name]]
    return whole


def count(layers: dict[str, LayerDescription], target: Path) -> dict[str, dict[str, list[float]]]:
    """Mean, standard deviation, least and greatest value of each band, by variant where a layer has some."""
    result = {}
    with h5py.File(target) as file:
        table = file[METADATA]
        for name in layers:
            if not layers[name].is_map:
                result[name] = count_vectors(file[name])
        for name in COUNTED:
            layer = layers[name]
            sums = {variant: Sums(layer) for variant in layer.variants or (None,)}
            for row in np.random.default_rng(0).integers(0, len(table), len(table)):
                variant = table[row][1].decode() if layer.variants else None  # looked up for each, as the original does
                sums[variant].add(np.float64(file[name][row]))
            result.update({layer.stat_name(variant): own.result() for variant, own in sums.items()})
    return result


def count_vectors(dataset: h5py.Dataset) -> dict[str, list[float]]:
    """Of a small dataset, read as a whole."""
    data = np.where(np.isfinite(dataset), dataset, np.nan)
    ends = {"min": np.nanmin(data, axis=0).tolist(), "max": np.nanmax(data, axis=0).tolist()}
    return {"mean": np.nanmean(data, axis=0).tolist(), "std": np.nanstd(data, axis=0).tolist(), **ends}


class Sums:
    """A layer's sums so far."""

    def __init__(self, layer: LayerDescription) -> None:
        bands = len(layer.bands)
        self.fill = layer.fill
        self.count, self.total, self.squares = np.zeros(bands), np.zeros(bands), np.zeros(bands)
        self.low, self.high = np.full(bands, np.inf), np.full(bands, -np.inf)

    def add(self, image: NDArray[np.float64]) -> None:
        """Counts in a tile: (bands, rows, columns)."""
        self.total += np.sum(image, axis=(1, 2), where=image != self.fill)
        self.squares += np.sum(image**2, axis=(1, 2), where=image != self.fill)
        self.count += np.sum(image != self.fill, axis=(1, 2))
        there = np.where(image == self.fill, np.nan, image)
        self.low = np.nanmin([self.low, np.nanmin(there, axis=(1, 2))], axis=0)
        self.high = np.nanmax([self.high, np.nanmax(there, axis=(1, 2))], axis=0)

    def result(self) -> dict[str, list[float]]:
        """Band by band."""
        mean = self.total / self.count
        std = np.sqrt(self.squares / self.count - mean**2)
        return {"mean": mean.tolist(), "std": std.tolist(), "min": self.low.tolist(), "max": self.high.tolist()}


if __name__ == "__main__":
    of_ours, listed, made = map(Path, sys.argv[1:])
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):  # of bands without an image
        with h5py.File(of_ours) as opened:
            stored = stored_layers(opened)
            create(opened, stored, json.loads(listed.read_text()), made)
        made.with_suffix(".json").write_text(json.dumps(count(stored, made)))
