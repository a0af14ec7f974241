"""Images of arrays: elements by position, masks, sorting, repetition and other shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.image_array import arrays, axis_of, computed
from localearth.functions.support import beside
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.kernel import Kernel
from localearth.values.pixel_type import PixelType, array_pixels

Array = NDArray[Any]


@function("Image.arrayGet", note="Positions from 0; negative ones are refused.")
def array_get(image: Image, position: Image) -> Image:
    """The element at a position."""

    def run(value: Array, *at: Array) -> Any:
        where = tuple(int(each) for each in at)
        if not all(0 <= each < length for each, length in zip(where, value.shape, strict=True)):
            raise EarthEngineError(
                f"Image.arrayGet: position {list(where)} is outside an array of shape {list(value.shape)}.", placed=True
            )
        return value[where]

    def one(band: ImageBand) -> ImageBand:
        if len(position.bands) != arrays(band):
            raise EarthEngineError(f"The position has {len(position.bands)} bands, the array {arrays(band)} axes.")
        return computed(band.name, evolve(band.type, dimensions=0), band, [band, *position.bands], run)

    return image.with_bands(map(one, image.bands))


@function("Image.arraySlice")
def array_slice(image: Image, axis: int, start: Image | None, end: Image | None, step: int) -> Image:
    """The part of an array from start to end, which is not included; masked bounds are the array's ends."""
    if step < 1:
        raise EarthEngineError(f"argument 'step': must be positive, not {step}.")

    def bound(given: Image | None, number: int) -> ImageBand | None:
        if given is None:
            return None
        if len(given.bands) not in (1, len(image.bands)):
            raise EarthEngineError("There must be one band of bounds, or one for every band of the image.")
        return given.bands[number if len(given.bands) > 1 else 0]

    def one(number: int, band: ImageBand) -> ImageBand:
        axis_of(axis, arrays(band))
        limits = [bound(start, number), bound(end, number)]

        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(band.source, grid)
            pulled = [None if each is None else pull(each.source, grid) for each in limits]
            found = array_pixels(grid.shape)
            for at in zip(*np.nonzero(mask), strict=True):
                ends = [None if each is None or not each[1][at] else int(each[0][at]) for each in pulled]
                cut = [slice(None)] * band.type.dimensions
                cut[axis] = slice(ends[0], ends[1], step)
                found[at] = values[at][tuple(cut)]
            return found, mask

        return ImageBand(band.name, band.type, band.projection, source)

    return image.with_bands(one(*each) for each in enumerate(image.bands))


def _paired(
    image: Image, other: Image, what: str, kind: Callable[[ImageBand], PixelType], run: Callable[..., Any]
) -> Image:
    return image.with_bands(
        computed(name, kind(a), a, [a, b], run) for name, a, b in beside(image, other, what) if arrays(a)
    )


def _same(band: ImageBand) -> PixelType:
    return band.type


def _axis_of_keys(keys: Array, value: Array, what: str) -> int:
    """The axis along which keys or a mask have several elements."""
    if keys.ndim != value.ndim:
        raise EarthEngineError(f"The {what} has {keys.ndim} axes, the array {value.ndim}.")
    several = [axis for axis, length in enumerate(keys.shape) if length != 1]
    if len(several) > 1:
        raise EarthEngineError(f"The {what} may have several elements along one axis only, not {list(keys.shape)}.")
    axis = several[0] if several else 0
    if keys.shape[axis] != value.shape[axis]:
        raise EarthEngineError(f"The {what} has {keys.shape[axis]} elements, the array {value.shape[axis]}.")
    return axis


@function("Image.arrayMask", note="Masks with several elements along one axis.")
def array_mask(image: Image, mask: Image) -> Image:
    """The elements where a mask is not 0."""

    def run(value: Array, kept: Array) -> Array:
        return np.compress(kept.ravel() != 0, value, _axis_of_keys(kept, value, "mask"))

    return _paired(image, mask, "mask", _same, run)


@function("Image.arraySort", note="Equal keys keep their order (assumed).")
def array_sort(image: Image, keys: Image | None) -> Image:
    """The elements sorted by keys, or by themselves."""

    def run(value: Array, by: Array) -> Array:
        axis = _axis_of_keys(by, value, "key")
        return value.take(np.argsort(by.ravel(), kind="stable"), axis)

    return _paired(image, image if keys is None else keys, "key", _same, run)


@function("Image.arrayRepeat")
def array_repeat(image: Image, axis: int, copies: Image) -> Image:
    """Copies of the array along an axis, which may be a new one."""

    def kind(band: ImageBand) -> PixelType:
        axis_of(axis, arrays(band) + 1)
        return evolve(band.type, dimensions=max(arrays(band), axis + 1))

    def run(value: Array, count: Array) -> Array:
        if int(count) < 0:
            raise EarthEngineError(f"argument 'copies': must not be negative, not {int(count)}.")
        wide = np.expand_dims(value, axis) if axis == value.ndim else value
        return np.tile(wide, [int(count) if each == axis else 1 for each in range(wide.ndim)])

    return _paired(image, copies, "copies", kind, run)


@function("Image.arrayReshape")
def array_reshape(image: Image, lengths: Image, dimensions: int) -> Image:
    """Arrays in another shape; a length of -1 follows from the others."""
    if dimensions < 1:
        raise EarthEngineError(f"argument 'dimensions': must be at least 1, not {dimensions}.")

    def run(value: Array, shape: Array) -> Array:
        if shape.shape != (dimensions,):
            raise EarthEngineError(f"argument 'lengths': must have {dimensions} elements, not {shape.size}.")
        try:
            return value.reshape([int(each) for each in shape])
        except ValueError:
            raise EarthEngineError(f"{value.size} elements cannot have the shape {shape.tolist()}.") from None

    return _paired(image, lengths, "lengths", lambda band: evolve(band.type, dimensions=dimensions), run)


@function("Image.neighborhoodToArray", note="Kernels without weights of 0, such as `Kernel.square`.")
def neighborhood_to_array(image: Image, kernel: Kernel, default: float) -> Image:
    """The pixels under a kernel as an array of rows and columns; masked ones have a default."""

    def one(band: ImageBand) -> ImageBand:
        band.numbers_only()
        kind = evolve(band.type, dimensions=2)
        low, high = band.type.bounds
        fill = min(max(int(default) if kind.is_integer else default, low), high)

        def source(grid: Grid, pull: Pull) -> Sampled:
            weights = kernel.on(grid)
            rows, cols = weights.values.shape
            if not weights.values.all():
                raise EarthEngineError(
                    "Image.neighborhoodToArray, argument 'kernel': must be a rectangle without weights of 0.",
                    placed=True,
                )
            values, mask = pull(band.source, weights.around(grid))
            filled = np.where(mask, values, fill).astype(kind.element)
            valid = mask[weights.inner(grid)]
            found = array_pixels(grid.shape)
            for row, col in zip(*np.nonzero(valid), strict=True):
                found[row, col] = filled[row : row + rows, col : col + cols]
            return found, valid

        return ImageBand(band.name, kind, band.projection, source)

    return image.with_bands(map(one, image.bands))
