"""Pixel types."""

from typing import Any

from localearth.errors import EarthEngineError
from localearth.promote import is_number
from localearth.registry import function
from localearth.values.pixel_type import NAMED, PixelType


@function("PixelType")
def make(precision: Any, low: Any, high: Any, dimensions: int) -> PixelType:
    """A type from a precision and a range."""
    if dimensions < 0:
        raise EarthEngineError(f"argument 'dimensions': at least 0, not {dimensions}.")
    if not isinstance(precision, PixelType) and not (isinstance(precision, str) and precision in NAMED):
        raise EarthEngineError(f"Unknown precision '{precision}'.")
    if precision == "int" and (low is None or high is None):
        raise EarthEngineError("arguments 'minValue' and 'maxValue': the precision int needs both.")
    named = precision if isinstance(precision, PixelType) else {**NAMED, "int": PixelType("int")}[precision]
    low, high = named.low if low is None else low, named.high if high is None else high
    found = PixelType(named.precision, low, high, dimensions)
    if not named.bounds[0] <= found.bounds[0] <= found.bounds[1] <= named.bounds[1]:
        raise EarthEngineError(f"The limits {low} and {high} are not within those of the precision.")
    return found


def _register() -> None:
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float", "double"):

        def named(name: str = name) -> PixelType:
            return NAMED[name]

        named.__doc__ = f"The type {name}."
        function(f"PixelType.{name}")(named)


_register()


@function("PixelType.precision")
def precision_of(kind: PixelType) -> str:
    """int, float or double."""
    return kind.precision


@function("PixelType.minValue")
def min_value(kind: PixelType) -> float | None:
    """The minimum; null when unknown."""
    return kind.low if is_number(kind.low) else None


@function("PixelType.maxValue")
def max_value(kind: PixelType) -> float | None:
    """The maximum; null when unknown."""
    return kind.high if is_number(kind.high) else None


@function("PixelType.dimensions")
def dimensions_of(kind: PixelType) -> int:
    """The number of array dimensions; 0 for numbers."""
    return kind.dimensions
