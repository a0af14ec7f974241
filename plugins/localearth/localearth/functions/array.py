"""Arrays: creating, slicing, sorting and reshaping them."""

import math
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.support import check_count, one_output
from localearth.promote import is_number
from localearth.registry import function
from localearth.values import array as arrays
from localearth.values.array import Array
from localearth.values.pixel_type import LIMITS, PixelType, doubles, united
from localearth.values.reducer import BUILTIN, Reducer


def axis_of(array: Array, axis: int, extra: int = 0) -> int:
    """A checked axis.

    Raises:
        EarthEngineError: when the array does not have it.
    """
    if not 0 <= axis < array.data.ndim + extra:
        raise EarthEngineError(f"argument 'axis': must be from 0 to {array.data.ndim + extra - 1}, not {axis}.")
    return axis


@function("Array", note="Integers become 64-bit integers without a type. A negative half is not rounded to an integer.")
def make(values: Any, kind: PixelType | None) -> Array:
    """An array of a number, nested lists, or another array."""
    return arrays.make(values, kind)


@function("Array.identity")
def identity(size: int) -> Array:
    """The identity matrix."""
    if size < 0:
        raise EarthEngineError(f"argument 'size': must not be negative, not {size}.")
    check_count(size * size, "numbers")
    return arrays.make(np.eye(size, dtype=np.int64), LIMITS["int64"])


@function("Array.bitsToArray", note="Refused when the order of the bits matters: the description does not say it.")
def bits_to_array(value: Any) -> Array:
    """The bits of an integer up to the highest one, of 64 bits for negative integers."""
    if not math.isfinite(value) or value != int(value):
        raise EarthEngineError("argument 'input': an integer is needed.")
    bits = [int(bit) for bit in bin(int(value) % 2**64)[2:]]
    if bits != bits[::-1]:
        raise EarthEngineError("the local Earth Engine does not know the order of the bits.")
    return arrays.make(bits)


@function("Array.toList")
def to_list(array: Array) -> Any:
    """The numbers as nested lists."""
    return array.data.tolist()


@function("Array.length")
def length(array: Array) -> Array:
    """The length of each dimension."""
    return arrays.make(list(array.data.shape), LIMITS["int64"])


@function("Array.get")
def get(array: Array, position: list[int]) -> Any:
    """The number at a position; -1 is the last, as in Google's tutorial histogram-matching."""
    if len(position) != array.data.ndim:
        raise EarthEngineError(f"The position needs {array.data.ndim} indices, not {len(position)}.")
    if not all(-n <= at < n for at, n in zip(position, array.data.shape, strict=True)):
        raise EarthEngineError(f"Position {position} is outside the array of lengths {list(array.data.shape)}.")
    return array.data[tuple(position)].item()


@function("Array.argmax")
def argmax(array: Array) -> list[int] | None:
    """The position of the first maximum; null for an empty array."""
    if not array.data.size:
        return None
    if np.isnan(array.data.astype(np.float64)).any():
        raise EarthEngineError("the local Earth Engine does not know the maximum of an array with NaN.")
    return [int(each) for each in np.unravel_index(int(array.data.argmax()), array.data.shape)]


@function("Array.cut")
def cut(array: Array, position: list[int]) -> Array:
    """One position of each axis; all of an axis with -1."""
    if len(position) != array.data.ndim:
        raise EarthEngineError(f"The position needs {array.data.ndim} indices, not {len(position)}.")
    for at, n in zip(position, array.data.shape, strict=True):
        if not -1 <= at < n:
            raise EarthEngineError(f"Position {position} is outside the array of lengths {list(array.data.shape)}.")
    chosen = tuple(slice(None) if at == -1 else slice(at, at + 1) for at in position)
    return Array(array.data[chosen], array.kind)


@function("Array.slice")
def slice_array(array: Array, axis: int, start: int, end: int | None, step: int) -> Array:
    """A slice along an axis; negative positions count from the end."""
    if step < 1:
        raise EarthEngineError("step must be positive.")
    if step > 1 and start < -array.data.shape[axis_of(array, axis)]:
        raise EarthEngineError("the local Earth Engine does not count steps from before the beginning.")
    return Array(array.data[(slice(None),) * axis_of(array, axis) + (slice(start, end, step),)], array.kind)


@function("Array.cat")
def cat(items: list[Array], axis: int) -> Array:
    """Arrays after one another along an axis, which may be a new last one."""
    if not items:
        raise EarthEngineError("At least one array is needed.")
    kind = united(each.kind for each in items)
    dimensions = {each.data.ndim for each in items}
    if len(dimensions) > 1 or not 0 <= axis <= min(dimensions):
        raise EarthEngineError(f"Arrays of {sorted(dimensions)} dimensions can't be concatenated along axis {axis}.")
    parts = [each.data[..., None] if axis == each.data.ndim else each.data for each in items]
    lengths = {part.shape[:axis] + part.shape[axis + 1 :] for part in parts}
    if len(lengths) > 1:
        raise EarthEngineError("Arrays must have the same length on all axes except the concatenation axis.")
    return arrays.make(Array(np.concatenate(parts, axis), kind), kind)


@function("Array.repeat", note="The axis may be a new last one (assumed, as in Array.cat).")
def repeat(array: Array, axis: int, copies: int) -> Array:
    """Copies of an array along an axis."""
    if copies < 1:
        raise EarthEngineError("copies must be positive.")
    check_count(array.data.size * copies, "numbers")
    return cat([array] * copies, axis_of(array, axis, 1))


@function("Array.mask")
def mask(array: Array, selection: Array) -> Array:
    """The positions along one axis at which the mask is not 0."""
    chosen = selection.data
    long = [axis for axis, n in enumerate(chosen.shape) if n != 1]
    if not chosen.ndim or chosen.ndim != array.data.ndim or len(long) > 1:
        raise EarthEngineError("The mask needs the array's dimensions, and may have several values on one axis only.")
    if not long and chosen.ndim > 1:
        if chosen.all():
            return array
        raise EarthEngineError("the local Earth Engine does not know which axis a mask of one element cuts.")
    axis = long[0] if long else 0
    if chosen.size != array.data.shape[axis]:
        raise EarthEngineError(f"The mask has {chosen.size} elements, the array {array.data.shape[axis]}.")
    return Array(np.compress(chosen.ravel() != 0, array.data, axis), array.kind)


@function("Array.pad", note="One length for each axis.")
def pad(array: Array, lengths: list[int], value: Any) -> Array:
    """The array with a value appended up to a length on each axis."""
    if len(lengths) != array.data.ndim:
        raise EarthEngineError(f"argument 'lengths': {array.data.ndim} lengths are needed, not {len(lengths)}.")
    kind = array.kind.union(arrays.make(value).kind) if value else array.kind
    missing = [(0, max(n - have, 0)) for n, have in zip(lengths, array.data.shape, strict=True)]
    data = array.data.astype(kind.dtype)
    return Array(np.pad(data, missing, constant_values=value) if missing else data, kind)


@function("Array.project", note="Axes in ascending order.")
def project(array: Array, axes: list[int]) -> Array:
    """The array without the other axes, whose length must be 1."""
    if sorted(set(axes)) != list(axes):
        raise EarthEngineError("argument 'axes': the local Earth Engine supports different axes in ascending order.")
    kept = [axis_of(array, axis) for axis in axes]
    gone = tuple(axis for axis in range(array.data.ndim) if axis not in kept)
    if any(array.data.shape[axis] != 1 for axis in gone):
        raise EarthEngineError(f"Axes {list(gone)} can't be dropped: their length is not 1.")
    return Array(array.data.squeeze(gone), array.kind)


@function("Array.reshape")
def reshape(array: Array, shape: Array) -> Array:
    """The array with other lengths; one of them may be -1."""
    if not np.isfinite(shape.data.astype(np.float64)).all():
        raise EarthEngineError("Lengths must be whole numbers.")
    lengths = [int(n) for n in shape.data.ravel()]
    if any(n < -1 for n in lengths) or lengths.count(-1) > 1:
        raise EarthEngineError("Lengths must not be negative; one of them may be -1.")
    known = math.prod(n for n in lengths if n != -1)
    fits = known and array.data.size % known == 0 if -1 in lengths else array.data.size == known
    if not fits:
        raise EarthEngineError(f"{array.data.size} elements can't be reshaped to {lengths}.")
    return Array(array.data.reshape(lengths), array.kind)


@function("Array.transpose", "Array.matrixTranspose")
def transpose(array: Array, one: int, two: int) -> Array:
    """The array with two axes exchanged."""
    return Array(array.data.swapaxes(axis_of(array, one), axis_of(array, two)), array.kind)


@function("Array.sort")
def sort(array: Array, keys: Array | None) -> Array:
    """The array sorted along the only axis on which the keys have several values."""
    by = array if keys is None else keys
    long = [axis for axis, n in enumerate(by.data.shape) if n != 1]
    if len(long) > 1 or by.data.ndim > array.data.ndim:
        raise EarthEngineError("The keys may have several values on one axis only.")
    axis = long[0] if long else 0
    if not array.data.ndim or by.data.size != array.data.shape[axis]:
        raise EarthEngineError("The keys need as many values as the array has on the sorted axis.")
    return Array(np.take(array.data, np.argsort(by.data.ravel(), kind="stable"), axis), array.kind)


def _reduced(array: Array, reducer: Reducer, axes: tuple[int, ...]) -> list[Array]:
    """The outputs of a reducer over axes, which keep the length 1."""
    rest = [n for axis, n in enumerate(array.data.shape) if axis not in axes]
    if not array.data.size:
        raise EarthEngineError("the local Earth Engine does not reduce empty arrays.")
    stack = np.moveaxis(array.data, axes, range(len(axes))).reshape(-1, math.prod(rest))
    known = np.ones(stack.shape, bool)
    numbers = doubles(stack, known)
    given = stack if reducer.exact else numbers
    shape = [1 if axis in axes else n for axis, n in enumerate(array.data.shape)]
    kinds = reducer.types(array.kind, len(stack))
    found = []
    for kind, (values, valid) in zip(kinds, reducer.apply(given, known, None), strict=True):
        if not np.all(valid):
            raise EarthEngineError("The reducer has no value for some positions.")
        found.append(arrays.make(Array(np.asarray(values).reshape(shape), kind), kind))
    return found


@function("Array.reduce", note="Reducers of one input.")
def reduce(array: Array, reducer: Reducer, axes: list[int], field: int | None) -> Array:
    """A reducer over some axes; several outputs are laid out along the field axis, whose length must be 1."""
    over = tuple(axis_of(array, axis) for axis in axes)
    if not over or len(set(over)) < len(over):
        raise EarthEngineError("argument 'axes': different axes are needed.")
    found = _reduced(array, reducer, over)
    if len(found) == 1:
        return found[0]
    if field is None or field in over or array.data.shape[axis_of(array, field)] != 1:
        raise EarthEngineError("A reducer with several outputs needs a fieldAxis of length 1 that is not reduced.")
    return cat(found, field)


@function("Array.accum", note="Reducers of one input and one output.")
def accumulate(array: Array, axis: int, reducer: Reducer | None) -> Array:
    """At each position along an axis, the reduction of everything up to it."""
    chosen = reducer or BUILTIN["sum"]
    one_output(chosen)
    count = array.data.shape[axis_of(array, axis)]
    return cat([_reduced(slice_array(array, axis, 0, n, 1), chosen, (axis,))[0] for n in range(1, count + 1)], axis)


@function("Dictionary.toArray")
def dictionary_to_array(dictionary: Any, keys: list[str] | None, axis: int) -> Array:
    """The numbers of a dictionary, in the order of the given or all keys; a list is a row (imad-tutorial-pt1)."""
    chosen = sorted(dictionary) if keys is None else keys
    found = [dictionary.get(key) for key in chosen]
    missing = [
        key
        for key, value in zip(chosen, found, strict=True)
        if not (is_number(value) or isinstance(value, Array | list))
    ]
    if missing:
        raise EarthEngineError(f"Dictionary has no number for key: '{missing[0]}'.")
    parts = [arrays.make([value] if is_number(value) or isinstance(value, list) else value) for value in found]
    return cat(parts, axis)
