"""Size and speed of a stack by GeoTIFF encoding: why `download/stack.py` writes ZSTD level 1; and what that spends.

    python benchmarks/stack_encoding.py [STACK.tif]

Without a stack, one of 29 bands is made: smooth integers, noise in decibels, classes and empty bands.
The second table takes turns, and counts the processor's time alone: it holds on a busy machine too.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import zstandard

from mmearth_core import Band, Layer
from mmearth_core.contract.grid import Grid
from mmearth_core.download.stack import StackBand, encode_stack

ENCODINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "deflate 1, predictor 3": {"compress": "deflate", "zlevel": 1, "predictor": 3},
    "deflate 6, predictor 3": {"compress": "deflate", "zlevel": 6, "predictor": 3},
    "lzw": {"compress": "lzw"},
    "zstd 1": {"compress": "zstd", "zstd_level": 1},
    "zstd 1, predictor 2": {"compress": "zstd", "zstd_level": 1, "predictor": 2},
    "zstd 1, predictor 3": {"compress": "zstd", "zstd_level": 1, "predictor": 3},
    "zstd 9, predictor 3": {"compress": "zstd", "zstd_level": 9, "predictor": 3},
}
INFO = [{"DATE": "2020-07-04"}, {f"KEY{number}": "COLLECTION/IMAGE_ID" for number in range(20)}]
"""As many tags as the published modalities make."""
REPEATS = 15
TURNS = 200


def made_up() -> np.ndarray:
    """A stack like the published dataset's: (29, 128, 128) float32."""
    noise = np.random.default_rng(0)
    row, column = np.mgrid[0:128, 0:128] / 20
    smooth = [
        np.round(900 + 400 * np.sin(row + k) * np.cos(column * 1.3) + noise.normal(0, 25, row.shape)) for k in range(14)
    ]
    decibel = [noise.normal(-12, 3, row.shape) for _ in range(4)]
    classes = [np.round(np.sin(row) + np.cos(column)) for _ in range(4)]
    empty = [np.full(row.shape, np.nan)] * 7
    return np.stack(smooth + decibel + classes + empty).astype("float32")


def median_ms(action: Callable[[], Any]) -> float:
    """Median time of an action, milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def print_parts(pixels: np.ndarray) -> None:
    """Prints what `encode_stack` takes, beside the compression alone and a stack that has nothing to compress."""
    bands = [StackBand("m", layer, layer.bands[0]) for layer in map(_layer, range(len(pixels)))]
    grid = Grid("EPSG:32618", 0, 0, pixels.shape[1])
    empty = np.full_like(pixels, np.nan)
    compressor = zstandard.ZstdCompressor(level=1)
    parts: dict[str, Callable[[], Any]] = {
        "encode_stack": lambda: encode_stack("tile", pixels, bands, grid, INFO),
        "zstd 1 alone, band by band": lambda: [compressor.compress(band.data) for band in pixels],
        "encode_stack, no pixel valid": lambda: encode_stack("tile", empty, bands, grid, INFO),
    }
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(TURNS):
        for name, part in parts.items():
            start = time.thread_time()
            part()
            times[name].append((time.thread_time() - start) * 1e3)
    print(f"\n{'part':<30} {'CPU ms':>7} {'of it':>6}")
    whole = statistics.median(times["encode_stack"])
    for name, spent in times.items():
        print(f"{name:<30} {statistics.median(spent):7.2f} {statistics.median(spent) / whole:6.0%}")


def _layer(number: int) -> Layer:
    return Layer(f"layer{number}", [Band("band", "float32", float("nan"), unit="m")])


def main() -> None:
    """Writes and reads the stack in every encoding, and prints the parts of the chosen one."""
    if len(sys.argv) > 1:
        with rasterio.open(sys.argv[1]) as source:
            pixels = source.read()
    else:
        pixels = made_up()
    bands, size, _ = pixels.shape
    profile = {"driver": "GTiff", "width": size, "height": size, "count": bands, "dtype": "float32", "nodata": np.nan}
    profile |= {
        "crs": "EPSG:32618",
        "transform": rasterio.Affine(10, 0, 0, 0, -10, 0),
        "blockysize": size,
        "interleave": "band",
    }
    print(f"{'encoding':<24} {'KB':>6} {'write ms':>9} {'read ms':>8}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.tif"
        for name, encoding in ENCODINGS.items():

            def write(encoding: dict[str, Any] = encoding) -> None:
                with rasterio.open(path, "w", **profile, **encoding) as target:
                    target.write(pixels)

            def read() -> np.ndarray:
                with rasterio.open(path) as source:
                    return source.read()

            writing, reading = median_ms(write), median_ms(read)
            assert np.array_equal(read(), pixels, equal_nan=True)
            print(f"{name:<24} {path.stat().st_size / 1e3:6.0f} {writing:9.2f} {reading:8.2f}")
    print_parts(pixels)


if __name__ == "__main__":
    main()
