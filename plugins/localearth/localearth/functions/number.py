"""Numbers: the arithmetic of images, on single values."""

import math
import re
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.arithmetic import BINARY, UNARY, Operation, cast_names
from localearth.functions.support import refuse
from localearth.registry import function
from localearth.values.pixel_type import DOUBLE, FLOAT, INT64, LIMITS, NAMED, Long, PixelType, cast, text_of
from localearth.values.projection import whole


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
            return whole(found) if name in ("round", "floor", "ceil") else found

        note = "Halves are rounded away from 0 (assumed)." if name == "round" else ""
        function(f"Number.{name}", note=note)(single)
    for target, names in cast_names("Number").items():

        def convert(value: Any, kind: PixelType = NAMED[target]) -> Any:
            found = cast(np.asarray(value), kind).item()
            if kind == FLOAT and math.isfinite(found) and found != value:
                # geetools' test of DateRange.split expects that toFloat() does not change a time in milliseconds.
                return float(value)
            return Long(found) if kind.is_integer else found

        note = "Clamps to the type's range, truncates fractions (documented)." if NAMED[target].is_integer else ""
        if NAMED[target] == FLOAT:
            note = "Numbers of a 32-bit float's range are not changed, hence not rounded to 32 bits (assumed)."
        function(*names, note=note)(convert)


_register()


@function("Number.clamp")
def clamp(value: Any, low: float, high: float) -> Any:
    """Clamps the value to a range."""
    if low > high:
        raise EarthEngineError(
            f"arguments 'min' {low:g} and 'max' {high:g}: the local Earth Engine needs min <= max; exchange them."
        )
    return min(max(value, low), high)


@function("Number.unitScale")
def unit_scale(value: Any, low: float, high: float) -> float:
    """Maps [low, high] to [0, 1] without clamping; 0 if both are equal (documented)."""
    return 0 if low == high else float((value - low) / (high - low))


@function("Number.parse")
def parse(text: str, radix: int) -> Any:
    """A number from text, as Java writes numbers."""
    if 2 <= radix <= 36 and re.fullmatch("[-+]?[0-9]+" if radix == 10 else "[-+]?[0-9A-Za-z]+", text):
        try:
            found = int(text, radix)
        except ValueError:
            raise EarthEngineError(f"Can't parse '{text}' as a number of radix {radix}.") from None
        if not INT64[0] <= found <= INT64[1]:
            raise EarthEngineError(f"Can't parse '{text}': integers have up to 64 bits.")
        return found
    number = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
    if radix == 10 and re.fullmatch(number, text) and math.isfinite(float(text)):
        return float(text)
    raise EarthEngineError(f"Can't parse '{text}' as a number.")


_FORMAT = re.compile(r"([^%]*)%([-+0 ]*)([1-9][0-9]*)?(?:\.([0-9]+))?([dfegsxoX])([^%]*)", re.DOTALL)
"""A pattern has exactly one % (documented)."""


@function("Number.format", note="Java's patterns with one of d, f, e, g, s, x, o, and the flags - + 0 and blank.")
def format_number(value: Any, pattern: str) -> str:
    """The number as text, formatted with a printf pattern."""
    found = _FORMAT.fullmatch(pattern)
    if found is None or (found[4] is not None and found[5] in "dsxoX"):
        raise refuse("pattern", pattern, "use one % with d, f, e, g, s, x or o")
    before, flags, width, precision, kind, after = found.groups()
    # Java's Formatter refuses these too.
    allowed = {"s": "-", "x": "-0", "X": "-0", "o": "-0", "e": "-+0 ", "g": "-+0 ", "f": "-+0 ", "d": "-+0 "}[kind]
    clash = ("-" in flags and "0" in flags) or ("+" in flags and " " in flags) or len(set(flags)) < len(flags)
    if clash or set(flags) - set(allowed) or (set(flags) & {"-", "0"} and not width):
        raise EarthEngineError(f"argument 'pattern': the flags '{flags}' are not allowed in '{pattern}'.")
    if kind in "feg" and math.isfinite(value):
        text = _rounded(float(value), kind, 6 if precision is None else int(precision))
    elif kind in "dxoX" and not float(value).is_integer():
        raise EarthEngineError(f"The pattern '{pattern}' needs a whole number, not {value}.")
    elif kind in "dxoX" and (kind == "d" or value >= 0):
        text = format(int(value), kind)
    elif kind == "s":
        text = text_of(value)
    else:
        # Java writes negative hexadecimal numbers by their size in bits.
        raise refuse("pattern", pattern, f"it cannot write {value}")
    if kind in "dfeg" and not text.startswith("-"):
        text = ("+" if "+" in flags else " " if " " in flags else "") + text
    size = int(width or 0)
    if "0" in flags:
        sign = text[0] if text[0] in "-+ " else ""
        text = sign + text[len(sign) :].rjust(size - len(sign), "0")
    text = text.ljust(size) if "-" in flags else text.rjust(size)
    return before + text + after


def _rounded(value: float, kind: str, digits: int) -> str:
    """A float as Java's Formatter writes it: halves of the shortest decimal notation are rounded away from zero."""
    number = Decimal(repr(value))
    with localcontext() as context:
        context.rounding, context.prec = ROUND_HALF_UP, 400
        if kind == "g":
            # Java's g keeps zeros at the end; it has no exponent from 0.0001 on and below 10 ** digits.
            digits = max(digits, 1)
            size = abs(+number.quantize(Decimal(1).scaleb(number.adjusted() - digits + 1))) if number else number
            if not number or Decimal("0.0001") <= size < Decimal(10) ** digits:
                digits -= (size.adjusted() if number else 0) + 1
                kind = "f"
            else:
                digits, kind = digits - 1, "e"
        if kind == "f":
            return f"{number.quantize(Decimal(1).scaleb(-digits)):f}"
        mantissa = number.scaleb(-number.adjusted()) if number else number
        exponent = number.adjusted() if number else 0
        mantissa = mantissa.quantize(Decimal(1).scaleb(-digits))
        if abs(mantissa) >= 10:
            mantissa, exponent = (mantissa / 10).quantize(Decimal(1).scaleb(-digits)), exponent + 1
        return f"{mantissa:f}e{exponent:+03d}"
