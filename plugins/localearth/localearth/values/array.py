"""Arrays: numbers in any number of dimensions, with one type."""

from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.values.pixel_type import DOUBLE, LIMITS, PixelType, cast


@frozen(eq=False)
class Array:
    """An array.

    Attributes:
        data: the numbers, in the dtype of their type.
        kind: their type.
    """

    data: NDArray[Any]
    kind: PixelType

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Array) and np.array_equal(self.data, other.data)

    def __hash__(self) -> int:
        return hash(self.data.shape)

    def info(self) -> Any:
        """A number, or nested lists."""
        return self.data.tolist()


def make(values: Any, kind: PixelType | None = None) -> Array:
    """An array of numbers or nested lists; the type is int64 or double unless it is given.

    Raises:
        EarthEngineError: when the lists have different lengths, or contain anything but numbers.
    """
    if isinstance(values, Array):
        return values if kind is None else Array(rounded(values.data, kind), kind)
    try:
        data = np.array(values)
    except ValueError:
        raise EarthEngineError("All inner arrays at the same depth must have the same length.") from None
    if data.dtype.kind in "uO" and not kind and any(isinstance(each, int) for each in data.ravel().tolist()):
        raise EarthEngineError("the local Earth Engine supports integers of up to 64 bits in arrays.")
    if data.size and data.dtype.kind not in "iuf":
        raise EarthEngineError("An array needs numbers, or nested lists of numbers.")
    if not data.size and kind is None:
        raise EarthEngineError("No numbers in 'values', must provide a type.")
    found = kind or (LIMITS["int64"] if data.dtype.kind in "iu" else DOUBLE)
    return Array(rounded(data, found), found)


def rounded(data: NDArray[Any], kind: PixelType) -> NDArray[Any]:
    """A cast of an array: clamps to the range, and rounds, unlike a cast of a number (Array.byte's sample: 0.5 is 1).

    Raises:
        EarthEngineError: for negative halves, about which the samples say nothing.
    """
    if kind.is_integer and data.dtype.kind == "f":
        if ((data < 0) & (data - np.floor(data) == 0.5) & (data > kind.bounds[0])).any():
            raise EarthEngineError("the local Earth Engine does not know how a negative half is rounded in an array.")
        data = np.floor(data + 0.5)
    return cast(data, kind)
