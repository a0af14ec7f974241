"""Images of arrays: elements reduced along axes."""

from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.image_array import arrays, axis_of, each_array
from localearth.functions.support import one_output
from localearth.registry import function
from localearth.values.image import Image, ImageBand
from localearth.values.pixel_type import PixelType, united
from localearth.values.reducer import BUILTIN, Reducer

Array = NDArray[Any]


def _reduce(reducer: Reducer, value: Array, axes: tuple[int, ...], fields: int | None = None) -> Array:
    """An array reduced along axes, which keep a length of 1; several outputs lie along the axis `fields`."""
    moved = np.moveaxis(value, axes, range(len(axes)))
    stack = moved.reshape(int(np.prod(moved.shape[: len(axes)])), -1).astype(np.float64)
    results = reducer.apply(stack, np.ones(stack.shape, bool), None)
    if not all(np.all(good) for _, good in results):
        raise EarthEngineError("Arrays without elements along an axis cannot be reduced.")
    shape = [1 if axis in axes else length for axis, length in enumerate(value.shape)]
    found = [np.asarray(each).reshape(shape) for each, _ in results]
    return found[0] if fields is None else np.concatenate(found, fields)


@function("Image.arrayReduce", note="Reducers of one input.")
def array_reduce(image: Image, reducer: Reducer, axes: list[int], field_axis: int | None) -> Image:
    """Elements reduced along axes."""
    if field_axis is None and len(reducer.outputs) != 1:
        raise EarthEngineError("argument 'fieldAxis': is needed for the outputs of a reducer with several.")
    if field_axis in axes:
        raise EarthEngineError(f"argument 'fieldAxis': must not be one of the reduced axes {axes}.")
    for band in image.bands:
        for axis in axes:
            axis_of(axis, arrays(band), "axes")
        if field_axis is not None:
            axis_of(field_axis, arrays(band), "fieldAxis")

    def kind(band: ImageBand, dimensions: int) -> PixelType:
        return evolve(united(reducer.types(evolve(band.type, dimensions=0), None)), dimensions=dimensions)

    def run(value: Array) -> Array:
        if field_axis is not None and value.shape[field_axis] != 1:
            raise EarthEngineError(
                f"Image.arrayReduce: the field axis must have length 1, the number of the reducer's inputs, not "
                f"{value.shape[field_axis]}.",
                placed=True,
            )
        return _reduce(reducer, value, tuple(axes), field_axis)

    return each_array(image, kind, run)


@function("Image.arrayAccum", note="Reducers of one input and one output.")
def array_accum(image: Image, axis: int, reducer: Reducer | None) -> Image:
    """Elements reduced along an axis up to each position; their sum by default."""
    chosen = reducer or BUILTIN["sum"]
    one_output(chosen)
    for band in image.bands:
        axis_of(axis, arrays(band))

    def run(value: Array) -> Array:
        count = value.shape[axis]
        return np.concatenate([_reduce(chosen, value.take(range(n), axis), (axis,)) for n in range(1, count + 1)], axis)

    def kind(band: ImageBand, dimensions: int) -> PixelType:
        return evolve(chosen.types(band.type, None)[0], dimensions=dimensions)

    return each_array(image, kind, run)
