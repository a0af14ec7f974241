"""Numbers: the arithmetic of images, on single values."""

import math
import re
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.arithmetic import BINARY, UNARY, Operation, cast_names
from localearth.registry import function
from localearth.values.pixel_type import DOUBLE, LIMITS, NAMED, PixelType, cast


def _kind(value: Any) -> PixelType:
    """The type of a number; int and float correspond to Earth Engine's types."""
    return LIMITS["int64"] if isinstance(value, int) else DOUBLE


def run_number(operation: Operation, *values: Any) -> Any:
    """An operation on numbers, computed in double precision."""
    kind = operation.type(*(_kind(value) for value in values))
    precision = PixelType(kind.precision if kind.is_integer else "double", kind.low, kind.high)
    return operation.run(precision, *(np.asarray(value) for value in values)).item()


def _register() -> None:
    """Registers the operations of the shared tables for numbers."""
    for name, operation in BINARY.items():

        def binary(left: Any, right: Any, operation: Operation = operation) -> Any:
            return run_number(operation, left, right)

        function(f"Number.{name}")(binary)
    for name, operation in UNARY.items():

        def single(value: Any, operation: Operation = operation, name: str = name) -> Any:
            found = run_number(operation, value)
            # A rounded number is an integer, so that it can be an index.
            return int(found) if name in ("round", "floor", "ceil") and math.isfinite(found) else found

        note = "Halves are rounded away from 0 (assumed)." if name == "round" else ""
        function(f"Number.{name}", note=note)(single)
    for target, names in cast_names("Number").items():

        def convert(value: Any, kind: PixelType = NAMED[target]) -> Any:
            return cast(np.asarray(value), kind).item()

        function(*names, note="Clamps to the type's range, truncates fractions (documented).")(convert)


_register()


@function("Number.clamp")
def clamp(value: Any, low: float, high: float) -> Any:
    """Clamps the value to a range."""
    return min(max(value, low), high)


@function("Number.unitScale")
def unit_scale(value: Any, low: float, high: float) -> float:
    """Maps [low, high] to [0, 1] without clamping."""
    return float((value - low) / (high - low))


@function("Number.parse")
def parse(text: str, radix: int) -> Any:
    """A number from text."""
    try:
        is_whole = radix != 10 or text.strip().lstrip("+-").isdigit()
        return int(text, radix) if is_whole else float(text)
    except ValueError:
        raise EarthEngineError(f"Can't parse '{text}' as a number.") from None


@function("Number.format", note="printf patterns with one of d, f, e, g, s, x, o.")
def format_number(value: Any, pattern: str) -> str:
    """The number as text, formatted with a printf pattern."""
    found = re.fullmatch(r"(?:[^%]|%%)*%[-+0 #,(]*\d*(?:\.\d+)?([dfegsxoX])(?:[^%]|%%)*", pattern)
    if found is None or "," in pattern or "(" in pattern:
        raise EarthEngineError(f"argument 'pattern': the local Earth Engine does not support '{pattern}'.")
    if found[1] in "dxoX" and value != int(value):
        raise EarthEngineError(f"The pattern '{pattern}' needs a whole number, not {value}.")
    return pattern % (int(value) if found[1] in "dxoX" else value)
