"""Neighbourhoods of pixels: convolution, reducers and morphology under a kernel, on the requested grid."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.kernel import shaped
from localearth.functions.support import check_count, of_numbers, refuse
from localearth.raster.grid import Grid
from localearth.raster.mask import Mask, valid, weights_of
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull, layers
from localearth.values.kernel import Kernel
from localearth.values.pixel_type import DOUBLE, doubles
from localearth.values.reducer import BUILTIN, Reducer

STACK = 16_000_000
"""Maximum number of values that are reduced at once; bounds the memory."""

GRID = "Computed on the requested grid."


@function(
    "Image.convolve",
    note=GRID + " The kernel is not turned (assumed). A masked pixel under the kernel masks the result (assumed).",
)
def convolve(image: Image, kernel: Kernel) -> Image:
    """The sum of the pixels under a kernel, times its weights.

    The weight in the first row and column is that of the north-western neighbour: programs shift images and take
    differences with such kernels, as TAGEE and hydrafloods do.
    """

    def one(band: ImageBand) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            weights = kernel.on(grid)
            values, mask = pull(band.source, weights.around(grid))
            clean = np.where(mask, values, 0).astype(np.float64)
            total, known = np.zeros(grid.shape), np.ones(grid.shape, bool)
            for row, col, weight in weights.cells:
                part = slice(row, row + grid.height), slice(col, col + grid.width)
                total += weight * clean[part]
                known &= mask[part]
            return total, known

        return ImageBand(band.name, DOUBLE, band.projection, source)

    return image.with_bands(map(one, of_numbers(image).bands))


@function(
    "Image.neighborhoodToBands",
    note="Row by row from the upper left, named <band>_<x>_<y> with x and y from the focus, y downward (assumed). "
    "Kernels in pixels.",
)
def neighborhood_to_bands(image: Image, kernel: Kernel) -> Image:
    """A band for every pixel under a kernel's weights that are not 0: the image moved by that many pixels."""
    weights = kernel.in_pixels()

    def one(band: ImageBand, x: int, y: int) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            return pull(band.source, grid.window(y, x, grid.height, grid.width))

        return ImageBand(f"{band.name}_{x}_{y}", band.type, band.projection, source)

    places = [(col - weights.x, row - weights.y) for row, col, _ in weights.cells]
    check_count(len(places) * len(image.bands), "bands", 10_000)
    return image.with_bands(one(band, x, y) for band in image.bands for x, y in places)


def _under(
    reducer: Reducer,
    values: NDArray[Any],
    mask: Mask,
    cells: list[tuple[int, int, float]],
    weigh: Callable[[Mask], NDArray[Any] | None],
    shape: tuple[int, int],
) -> Sampled:
    """The outputs of a reducer of the pixels under a kernel's cells, (outputs, height, width), some rows at a time.

    `weigh` makes the weights of pixels, (cells, n), from their masks.
    """
    height, width = shape
    found, good = np.zeros((len(reducer.outputs), *shape)), np.zeros((len(reducer.outputs), *shape), bool)
    step = max(STACK // max(len(cells) * width, 1), 1)
    for top in range(0, height, step):
        rows = min(step, height - top)
        parts = [(slice(top + row, top + row + rows), slice(col, col + width)) for row, col, _ in cells]
        masks = np.stack([mask[part].ravel() for part in parts])
        stack = doubles(np.stack([values[part].ravel() for part in parts]), valid(masks))
        for number, (result, known) in enumerate(reducer.apply(stack, valid(masks), weigh(masks))):
            found[number, top : top + rows] = np.asarray(result, float).reshape(rows, -1)
            good[number, top : top + rows] = np.asarray(known).reshape(rows, -1)
    return found, good


def _reduced(
    band: ImageBand, reducer: Reducer, kernel: Kernel, names: Iterable[str], by: str, skip: bool
) -> list[ImageBand]:
    """A band for every output of a reducer of the pixels under a kernel."""
    band.numbers_only()

    def everything(grid: Grid, pull: Pull) -> Sampled:
        weights = kernel.on(grid)
        cells = weights.cells
        factors = np.asarray([[weight] for _, _, weight in cells])
        if reducer.weighted and by != "mask" and (factors < 0).any():
            raise EarthEngineError(
                "Image.reduceNeighborhood, argument 'kernel': the weights of a reducer must not be negative.",
                placed=True,
            )

        def weigh(masks: Mask) -> NDArray[Any] | None:
            if not reducer.weighted:
                return None
            if by == "mask":
                return weights_of(masks)
            return np.broadcast_to(factors, masks.shape) if by == "kernel" else np.minimum(factors, masks)

        values, mask = pull.weighted(band.source, weights.around(grid))
        found, good = _under(reducer, values, mask, cells, weigh, grid.shape)
        if skip:
            good &= valid(mask[weights.inner(grid)])
        return found, good

    return layers(everything, names, reducer.types(band.type, None), band.projection)


@function(
    "Image.reduceNeighborhood",
    note=GRID + " Reducers of one input. Masked pixels do not count; neither do pixels with a weight of 0. "
    "`optimization` is ignored: it changes the speed.",
)
def reduce_neighborhood(
    image: Image, reducer: Reducer, kernel: Kernel, by: str, skip: bool, _optimization: str | None
) -> Image:
    """A reducer applied to the pixels under a kernel, for each band."""
    if by not in ("mask", "kernel", "min"):
        raise refuse("inputWeight", by, "use 'mask', 'kernel' or 'min'")
    bands = []
    for band in image.bands:
        names = [f"{band.name}_{output}" for output in reducer.outputs]
        bands += _reduced(band, reducer, kernel, names, by, skip)
    return image.with_bands(bands)


def _register() -> None:
    """The morphological filters; they fill masked pixels, which scripts that fill gaps rely on."""
    for name in ("min", "max", "median", "mode", "mean"):

        def focal(
            image: Image,
            radius: float,
            shape: str,
            units: str,
            iterations: int,
            kernel: Kernel | None,
            reducer: Reducer = BUILTIN[name],
        ) -> Image:
            shapes = ("circle", "square", "cross", "plus", "octagon", "diamond")
            if kernel is None and shape not in shapes:
                raise refuse("kernelType", shape, f"use one of {', '.join(shapes)}")
            if iterations < 1:
                raise refuse("iterations", iterations, "use at least 1")
            chosen = kernel or shaped(shape, (radius, radius), units, True, 1.0)

            def repeated(band: ImageBand) -> ImageBand:
                for _ in range(iterations):
                    (band,) = _reduced(band, reducer, chosen, [band.name], "kernel", False)
                return band

            return image.with_bands(map(repeated, image.bands))

        focal.__doc__ = f"The {name} of the pixels under a kernel."
        title = f"focal{name.capitalize()}"
        note = GRID + " Masked pixels do not count, and are filled from their neighbours (assumed)."
        function(f"Image.{title}", f"Image.focal_{name}", f"Window.{name}", note=note)(focal)


_register()
