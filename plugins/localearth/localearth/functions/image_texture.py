"""Texture and edges: the entropy of a neighbourhood, and zero crossings."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.neighborhood import GRID
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.kernel import Kernel
from localearth.values.pixel_type import BOOLEAN, DOUBLE, doubles


def groups(stack: NDArray[Any]) -> Iterator[NDArray[np.int64]]:
    """The numbers of equal finite values in each column of a stack (n, ...): each number once, otherwise 0."""
    ranked = np.sort(stack, axis=0)
    run = np.zeros(ranked.shape[1:], np.int64)
    for row in range(len(ranked)):
        run = np.where(ranked[row] == ranked[row - 1], run + 1, 1) if row else run + 1
        ends = np.isfinite(ranked[row])
        if row + 1 < len(ranked):
            ends &= ranked[row] != ranked[row + 1]
        yield np.where(ends, run, 0)


def entropy_of(stack: NDArray[Any]) -> Any:
    """The entropy of the finite values in each column of a stack (n, ...), in nats; 0 without any."""
    count = np.maximum(np.isfinite(stack).sum(axis=0), 1)
    # With c values of a kind among n, the sum of -c/n log(c/n) is log(n) - sum(c log c) / n.
    total = np.zeros(stack.shape[1:])
    for group in groups(stack):
        total += group * np.log(np.maximum(group, 1))
    return np.maximum(np.log(count) - total / count, 0)


@function(
    "Image.entropy",
    note=GRID + " Integer bands. Doubles with the bands' names; masked pixels do not count, and stay masked (assumed).",
)
def entropy(image: Image, kernel: Kernel) -> Image:
    """The entropy of the values under a kernel's weights that are not 0, in bits."""

    def one(band: ImageBand) -> ImageBand:
        band.integers_only()

        def source(grid: Grid, pull: Pull) -> Sampled:
            weights = kernel.on(grid)
            if not weights.values.any():
                raise EarthEngineError("Image.entropy, argument 'kernel': all weights are 0.", placed=True)
            values, mask = pull(band.source, weights.around(grid))
            numbers = doubles(values, mask)
            parts = [(slice(row, row + grid.height), slice(col, col + grid.width)) for row, col, _ in weights.cells]
            stack = np.stack([np.where(mask[part], numbers[part], np.inf) for part in parts])
            count = np.isfinite(stack).sum(axis=0)
            return entropy_of(stack) / np.log(2), mask[weights.inner(grid)] & (count > 0)

        return ImageBand(band.name, DOUBLE, band.projection, source)

    return image.with_bands(map(one, image.bands))


@function(
    "Image.zeroCrossing",
    note=GRID + " 0 has no sign, and a masked pixel masks the result of its neighbours (assumed).",
)
def zero_crossing(image: Image) -> Image:
    """1 where the right, the bottom or the bottom right pixel has the opposite sign, otherwise 0."""

    def one(band: ImageBand) -> ImageBand:
        band.numbers_only()

        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(band.source, grid.window(0, 0, grid.height + 1, grid.width + 1))
            sign = np.sign(values.astype(np.float64))
            here = sign[:-1, :-1]
            found, valid = np.zeros(grid.shape, bool), mask[:-1, :-1]
            for part in ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1)), (slice(1, None),) * 2):
                found |= here * sign[part] < 0
                valid = valid & mask[part]
            return found.astype(BOOLEAN.dtype), valid

        return ImageBand(band.name, BOOLEAN, band.projection, source)

    return image.with_bands(map(one, image.bands))
