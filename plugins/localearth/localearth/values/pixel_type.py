"""Pixel types: a precision and a range, and casts to them."""

from collections.abc import Iterable
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError

_ORDER = {"int": 0, "float": 1, "double": 2}
_EXPORT = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")
INT64 = (-(2**63), 2**63 - 1)


class Long(int):
    """An integer of 64 bits, as casts of numbers return it; integers in a program are `Integer`."""


@frozen
class PixelType:
    """The type of a band's pixels.

    Attributes:
        precision: `int`, `float` or `double`.
        low: the minimum of the values; None when unknown.
        high: the maximum of the values; None when unknown.
        dimensions: dimensions of the arrays that are the pixels; 0 for numbers.
    """

    precision: str
    low: float | None = None
    high: float | None = None
    dimensions: int = 0

    @property
    def is_integer(self) -> bool:
        """Whether pixels are whole numbers."""
        return self.precision == "int"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest of Google's export types that holds the range (in NPY every band has its own type)."""
        return np.dtype(object) if self.dimensions else _dtype(self)

    @property
    def element(self) -> np.dtype[Any]:
        """The dtype of the elements of arrays."""
        return np.dtype(np.int64 if self.precision == "int" else np.float64)

    @property
    def dtype_name(self) -> str:
        """The numpy name of `dtype`."""
        if self.precision != "int":
            return "float32" if self.precision == "float" else "float64"
        low, high = self.bounds
        for name in _EXPORT:
            limits = np.iinfo(name)
            if limits.min <= low and high <= limits.max:
                return name
        return "int64"

    @property
    def bounds(self) -> tuple[float, float]:
        """The range; the widest possible one if it is unknown."""
        if self.precision == "int":
            return INT64[0] if self.low is None else self.low, INT64[1] if self.high is None else self.high
        return -np.inf if self.low is None else self.low, np.inf if self.high is None else self.high

    def union(self, other: "PixelType") -> "PixelType":
        """The type that holds the values of both: the higher precision and the union of the ranges."""
        precision = max(self.precision, other.precision, key=_ORDER.__getitem__)
        if self.dimensions != other.dimensions:
            raise EarthEngineError(
                f"Pixels with {self.dimensions} and {other.dimensions} array dimensions cannot be combined."
            )
        if None in (self.low, other.low, self.high, other.high):
            return PixelType(precision, dimensions=self.dimensions)
        low, high = min(self.low, other.low), max(self.high, other.high)  # type: ignore[type-var]
        return PixelType(precision, low, high, self.dimensions)

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it."""
        shown: dict[str, Any] = {"type": "PixelType", "precision": self.precision}
        if self.low is not None and self.high is not None:
            shown |= {"min": self.low, "max": self.high}
        if self.dimensions:
            shown["dimensions"] = self.dimensions
        return shown


def united(kinds: Iterable[PixelType]) -> PixelType:
    """The type that holds the values of one or more types."""
    return reduce(PixelType.union, kinds)


@lru_cache(maxsize=4096)
def _dtype(kind: PixelType) -> np.dtype[Any]:
    return np.dtype(kind.dtype_name)


FLOAT = PixelType("float")
DOUBLE = PixelType("double")
BOOLEAN = PixelType("int", 0, 1)
LIMITS = {name: PixelType("int", int(np.iinfo(name).min), int(np.iinfo(name).max)) for name in _EXPORT}
NAMED = {**LIMITS, "byte": LIMITS["uint8"], "short": LIMITS["int16"], "int": LIMITS["int32"], "long": LIMITS["int64"]}
NAMED |= {"float": FLOAT, "double": DOUBLE}


@lru_cache(maxsize=64)
def of_dtype(name: str) -> PixelType:
    """The type of an asset's band.

    Raises:
        EarthEngineError: for a numpy dtype that Earth Engine does not have.
    """
    kind = {"float32": "float", "float64": "double", "bool": "uint8"}.get(np.dtype(name).name, np.dtype(name).name)
    if kind not in NAMED:
        raise EarthEngineError(f"Pixels of type '{name}' cannot be represented.")
    return NAMED[kind]


def of_number(value: float) -> PixelType:
    """The type of a constant: whole numbers are integers, because JSON does not distinguish 1 and 1.0."""
    if isinstance(value, bool):
        value = int(value)
    if np.isfinite(value) and value == int(value) and INT64[0] <= value <= INT64[1]:
        return PixelType("int", int(value), int(value))
    return PixelType("double", float(value), float(value)) if np.isfinite(value) else DOUBLE


def text_of(value: float) -> str:
    """A number as text, as Java writes it.

    Raises:
        EarthEngineError: for floats that Java and JavaScript write differently: with an exponent (Java's from 1e7 on
            and below 0.001), whole ones (1.0 or 1), infinite ones and NaN.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, bool) or not np.isfinite(value) or value == int(value) or not 1e-3 <= abs(value) < 1e7:
        raise EarthEngineError(
            f"the local Earth Engine does not know how Java writes {value} (of type Float). Use Number.format with a "
            "pattern like '%.2f', or convert whole numbers with Number.toInt."
        )
    return repr(value)


def array_pixels(shape: tuple[int, int]) -> NDArray[Any]:
    """Pixels for arrays, (height, width); masked ones are 0."""
    found = np.empty(shape, object)
    found[...] = 0
    return found


def cast(values: NDArray[Any], target: PixelType) -> NDArray[Any]:
    """Casts pixels as Earth Engine does: fractions are truncated, values are clamped to the range.

    Google documents this for `Number.toUint16` and the like (1.7 becomes 1, -12345 becomes 0, 77880 becomes 65535).
    That images follow the same rule, and that NaN becomes 0, is assumed.
    """
    dtype = target.dtype
    if values.dtype == object or target.dimensions:
        if values.dtype == object and target.dimensions:
            return values
        raise EarthEngineError("Array pixels cannot be cast to numbers; use arrayGet or arrayFlatten.")
    if not target.is_integer:
        return values.astype(dtype, copy=False)
    low, high = target.bounds
    if values.dtype.kind == "f":
        limits = np.iinfo(dtype)
        with np.errstate(invalid="ignore"):
            # Single precision represents the limits of the small types exactly.
            small = dtype.itemsize <= 2 and values.dtype == np.float32
            whole = np.trunc(values if small else values.astype(np.float64, copy=False))
            lost = np.isnan(whole)
            if lost.any():
                whole = np.where(lost, whole.dtype.type(0), whole)
            clipped = np.clip(whole, max(low, float(limits.min)), high)
            if high < 2**53:
                return np.asarray(clipped, dtype)
            # The double nearest to the largest integer is 2**63, which is beyond it.
            return np.where(clipped >= 2.0**63, INT64[1], np.minimum(clipped, np.nextafter(2.0**63, 0)).astype(dtype))
    have = np.iinfo(values.dtype) if values.dtype.kind in "iu" else None
    if have is not None and (have.min < low or have.max > high):
        values = np.clip(values, max(int(low), have.min), min(int(high), have.max))
    return values.astype(dtype, copy=False)


def doubles(values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values as doubles.

    Raises:
        EarthEngineError: when a valid integer has more than 53 bits, so that different ones would become equal.
    """
    numbers = values.astype(np.float64)
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8 and (valid & (np.abs(numbers) >= 2**53)).any():
        raise EarthEngineError("the local Earth Engine does not reduce integers of more than 53 bits.")
    return numbers
