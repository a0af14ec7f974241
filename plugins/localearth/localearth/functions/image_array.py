"""Images whose pixels are arrays.

A band of arrays has numpy arrays as pixels. Its functions follow their descriptions and the answers in Google's API
samples.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.support import base_of, of_pairs, pairs
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.image import Image, ImageBand, Pull, of_bands
from localearth.values.pixel_type import DOUBLE, PixelType, array_pixels, united

Array = NDArray[Any]
COUNT = PixelType("int", 0, 2**31 - 1)


def computed(
    name: str, kind: PixelType, base: ImageBand, bands: Iterable[ImageBand], run: Callable[..., Any]
) -> ImageBand:
    """A band computed from the pixels of others, where all are valid; of arrays if `kind` has dimensions."""
    inputs = list(bands)

    def source(grid: Grid, pull: Pull) -> Sampled:
        pulled = [pull(band.source, grid) for band in inputs]
        mask = np.ones(grid.shape, bool)
        for _, valid in pulled:
            mask = mask & valid
        found = array_pixels(grid.shape) if kind.dimensions else np.zeros(grid.shape, kind.dtype)
        for at in zip(*np.nonzero(mask), strict=True):
            value = run(*(np.asarray(values[at]) for values, _ in pulled))
            found[at] = np.asarray(value, kind.element) if kind.dimensions else value
        return found, mask

    return ImageBand(name, kind, base.projection, source)


def arrays(band: ImageBand) -> int:
    """The number of dimensions of a band's arrays.

    Raises:
        EarthEngineError: when its pixels are numbers.
    """
    if not band.type.dimensions:
        raise EarthEngineError(f"Band '{band.name}' must have array pixels; use toArray() first.")
    return band.type.dimensions


def axis_of(axis: int, dimensions: int, name: str = "axis") -> int:
    """A valid axis."""
    if not 0 <= axis < dimensions:
        raise EarthEngineError(f"argument '{name}': must be from 0 to {dimensions - 1}, not {axis}.")
    return axis


def _joined(values: Iterable[Array], axis: int) -> Array:
    """Arrays concatenated along an axis, which may be a new last one."""
    found = list(values)
    return np.concatenate([each[..., None] if axis == each.ndim else each for each in found], axis)


@function("Image.toArray", note="All bands must have arrays of equally many dimensions, or numbers.")
def to_array(image: Image, axis: int) -> Image:
    """The bands as one band of arrays."""
    first = image.first_band
    kind = united(band.type for band in image.bands)
    axis_of(axis, kind.dimensions + 1)
    wider = evolve(kind, dimensions=kind.dimensions + (axis == kind.dimensions))
    return image.with_bands([computed("array", wider, first, image.bands, lambda *values: _joined(values, axis))])


@function("ImageCollection.toArray")
def collection_to_array(collection: Collection) -> Image:
    """Images along the first axis, where all their bands are valid, and bands along the second."""
    images = collection.images
    if not images:
        raise EarthEngineError("The collection is empty.")
    bands = [band for image in images for band in image.bands]
    count = len(images[0].bands)
    if any(len(image.bands) != count for image in images) or not count:
        raise EarthEngineError("All images must have the same number of bands, at least 1.")
    kind = evolve(united(band.type for band in bands), dimensions=2)

    def source(grid: Grid, pull: Pull) -> Sampled:
        rows = []
        for image in images:
            pulled = [pull(band.source, grid) for band in image.bands]
            rows.append((np.stack([v for v, _ in pulled], -1), np.all([m for _, m in pulled], axis=0)))
        found, mask = array_pixels(grid.shape), np.any([valid for _, valid in rows], axis=0)
        for at in zip(*np.nonzero(mask), strict=True):
            found[at] = np.asarray([values[at] for values, valid in rows if valid[at]], kind.element)
        return found, mask

    return of_bands([ImageBand("array", kind, images[0].bands[0].projection, source)])


@function("Image.arrayCat")
def array_cat(left: Image, right: Image, axis: int) -> Image:
    """Arrays of two images concatenated along an axis."""

    def one(name: str, a: ImageBand, b: ImageBand) -> ImageBand:
        kind = a.type.union(b.type)
        axis_of(axis, arrays(a) + 1)
        wider = evolve(kind, dimensions=kind.dimensions + (axis == kind.dimensions))
        return computed(name, wider, base_of(a, b), [a, b], lambda *values: _shaped(_joined, values, axis))

    return of_pairs(left, right, (one(*each) for each in pairs(left, right)))


def _shaped(run: Callable[..., Any], *values: Any) -> Any:
    """Runs a function of arrays; shapes that do not fit are an error of the request."""
    try:
        return run(*values)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise EarthEngineError(f"The shapes or values of the arrays do not fit: {error}.") from None


def each_array(image: Image, kind: Callable[[ImageBand, int], PixelType], run: Callable[[Array], Any]) -> Image:
    """Every band of arrays with a function applied to it."""
    return image.with_bands(computed(b.name, kind(b, arrays(b)), b, [b], run) for b in image.bands)


def _same(band: ImageBand, _dimensions: int) -> PixelType:
    return band.type


@function("Image.arrayDimensions")
def array_dimensions(image: Image) -> Image:
    """The number of dimensions."""
    return each_array(image, lambda _band, _n: COUNT, np.ndim)


@function("Image.arrayLength")
def array_length(image: Image, axis: int) -> Image:
    """The length along an axis."""
    for band in image.bands:
        axis_of(axis, arrays(band))
    return each_array(image, lambda _band, _n: COUNT, lambda value: value.shape[axis])


@function("Image.arrayLengths")
def array_lengths(image: Image) -> Image:
    """The lengths along all axes, as an array."""
    return each_array(image, lambda _band, _n: evolve(COUNT, dimensions=1), lambda value: value.shape)


@function("Image.arrayArgmax")
def array_argmax(image: Image) -> Image:
    """The position of the maximum, as an array; the first of equal ones (assumed)."""
    return each_array(
        image,
        lambda _band, _n: evolve(COUNT, dimensions=1),
        lambda value: np.unravel_index(int(np.argmax(value)), value.shape),
    )


@function("Image.arrayTranspose", "Image.matrixTranspose")
def array_transpose(image: Image, one: int, two: int) -> Image:
    """Two axes exchanged."""
    for band in image.bands:
        axis_of(one, arrays(band), "axis1")
        axis_of(two, arrays(band), "axis2")
    return each_array(image, _same, lambda value: np.swapaxes(value, one, two))


@function("Image.arrayProject")
def array_project(image: Image, axes: list[int]) -> Image:
    """The axes to keep, in this order; others must have a length of at most 1."""
    if not axes or len(set(axes)) != len(axes):
        raise EarthEngineError("argument 'axes': must be different axes, at least one.")
    for band in image.bands:
        for axis in axes:
            axis_of(axis, arrays(band), "axes")

    def run(value: Array) -> Array:
        dropped = tuple(axis for axis in range(value.ndim) if axis not in axes)
        if any(value.shape[axis] != 1 for axis in dropped):
            raise EarthEngineError(
                f"Image.arrayProject: dropped axes must have length 1, of {list(value.shape)}.", placed=True
            )
        return value.transpose(*axes, *dropped).reshape([value.shape[axis] for axis in axes])

    return each_array(image, lambda band, _n: evolve(band.type, dimensions=len(axes)), run)


@function("Image.arrayFlatten")
def array_flatten(image: Image, labels: list[list[str]], separator: str) -> Image:
    """A band for every element, named by the labels of its position."""
    band = image.single()
    if len(labels) != arrays(band):
        raise EarthEngineError(f"There are {len(labels)} lists of labels, but {arrays(band)} axes.")
    lengths = tuple(map(len, labels))

    def one(position: tuple[int, ...]) -> ImageBand:
        def run(value: Array) -> Any:
            if value.shape != lengths:
                raise EarthEngineError(
                    f"Image.arrayFlatten: the labels have the shape {list(lengths)}, the array {list(value.shape)}.",
                    placed=True,
                )
            return value[position]

        name = separator.join(each[at] for each, at in zip(labels, position, strict=True))
        return computed(name, evolve(band.type, dimensions=0), band, [band], run)

    return image.with_bands(one(position) for position in np.ndindex(*lengths))


@function("Image.arrayPad")
def array_pad(image: Image, lengths: list[int], pad: float) -> Image:
    """Arrays extended at their ends to given lengths."""

    def run(value: Array) -> Array:
        if len(lengths) != value.ndim:
            raise EarthEngineError(f"There are {len(lengths)} lengths, but {value.ndim} axes.")
        missing = [(0, max(n - have, 0)) for n, have in zip(lengths, value.shape, strict=True)]
        return np.pad(value, missing, constant_values=pad)

    if pad != int(pad) and any(band.type.is_integer for band in image.bands):
        raise EarthEngineError(f"argument 'pad': {pad} is not a value of an integer band; use toDouble() first.")
    return each_array(image, lambda band, _n: PixelType(band.type.precision, dimensions=band.type.dimensions), run)


def matrices(band: ImageBand) -> PixelType:
    """The type of matrices of doubles; an error for other arrays."""
    if arrays(band) != 2:
        raise EarthEngineError(f"Band '{band.name}' must have arrays of 2 dimensions, not {arrays(band)}.")
    return evolve(DOUBLE, dimensions=2)
