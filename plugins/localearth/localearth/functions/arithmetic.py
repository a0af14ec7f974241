"""Arithmetic on arrays, shared by images and numbers: the operations and the types of their results."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.values.pixel_type import BOOLEAN, INT64, LIMITS, PixelType, cast, of_number, united

Array = NDArray[Any]

EXACT: dict[Any, Callable[[Any, Any], Any]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
}
"""Operations whose result may need more bits than the operands, for integers of any size."""


@frozen
class Operation:
    """One operation on pixels or numbers.

    Attributes:
        compute: the operation on arrays of int64 (when `integral`) or float64.
        type: the type of the result, from the types of the operands.
        integral: whether operands must be whole numbers; floats are truncated.
        exact: whether single precision gives the same result as double precision.
    """

    compute: Callable[..., Array]
    type: Callable[..., PixelType]
    integral: bool = False
    exact: bool = False

    def run(self, result: PixelType, *operands: Array) -> Array:
        """The result in the dtype of its type. Floats are computed in double precision and rounded once."""
        whole = self.integral or (result.is_integer and all(each.dtype.kind in "iub" for each in operands))
        single = self.exact and all(each.dtype == np.float32 for each in operands)
        common = np.int64 if whole else np.float32 if single else np.float64
        with np.errstate(all="ignore"):
            # Floats beyond 64 bits become the nearest integer, as in Java.
            given = (cast(each, LIMITS["int64"]) if whole and each.dtype.kind == "f" else each for each in operands)
            found = self.compute(*(each.astype(common, copy=False) for each in given))
            if whole and self.compute in EXACT and set(result.bounds) & set(INT64):
                self._check_bits(*operands)
            return np.asarray(found).astype(result.dtype, copy=False)

    def _check_bits(self, *operands: Array) -> None:
        """Refuses integers of more than 64 bits, which numpy would wrap.

        Raises:
            EarthEngineError: a result has more than 64 bits.
        """
        # Doubles show where that is possible; only there it is computed exactly, which is slow.
        large = np.asarray(np.abs(self.compute(*(each.astype(np.float64) for each in operands))) >= 2.0**62)
        if not large.any():
            return
        exact = EXACT[self.compute](*(np.broadcast_to(each, large.shape)[large].astype(object) for each in operands))
        if any(not INT64[0] <= value <= INT64[1] for value in exact):
            raise EarthEngineError(
                f"the local Earth Engine does not support the result of '{self.compute.__name__}', which has more than "
                "64 bits; convert to double first."
            )


def floating(*kinds: PixelType) -> PixelType:
    """Float, or double when an operand is."""
    return PixelType("double" if any(kind.precision == "double" for kind in kinds) else "float")


def _union(left: PixelType, right: PixelType) -> PixelType:
    return left.union(right)


def _boolean(*_kinds: PixelType) -> PixelType:
    return BOOLEAN


def _same(kind: PixelType) -> PixelType:
    return kind


def _long(*_kinds: PixelType) -> PixelType:
    return LIMITS["int64"]


def _bits(*kinds: PixelType) -> PixelType:
    """The integer type that holds the operands (documented as their union); 64 bits for floats."""
    kind = united(kinds)
    return LIMITS[kind.dtype_name] if kind.is_integer else LIMITS["int64"]


def _shifted(left: PixelType, right: PixelType) -> PixelType:
    """The integer type that holds both operands (documented) and the result; 64 bits where it may need more."""
    kind = _bits(left, right)
    if not left.is_integer or not right.is_integer or not 0 <= right.bounds[0] <= right.bounds[1] < 64:
        return LIMITS["int64"]
    low, high = (edge * 2 ** int(right.bounds[1]) for edge in left.bounds)
    if not INT64[0] <= low <= high <= INT64[1]:
        return LIMITS["int64"]
    return LIMITS[kind.union(PixelType("int", min(low, 0), max(high, 0))).dtype_name]


def _remainder(left: PixelType, right: PixelType) -> PixelType:
    """The union of both types (documented) and 0, because a remainder may be smaller than both operands."""
    return left.union(right).union(of_number(0))


def _complement(kind: PixelType) -> PixelType:
    """The smallest signed integer type that holds the operand (documented); 64 bits for floats."""
    if not kind.is_integer:
        return LIMITS["int64"]
    low, high = kind.bounds
    return LIMITS[PixelType("int", min(low, -1), high).dtype_name]


def _interval(combine: Callable[[float, float], float]) -> Callable[[PixelType, PixelType], PixelType]:
    """The type of +, - and *: the higher precision, and the range that the operands' ranges give."""

    def rule(left: PixelType, right: PixelType) -> PixelType:
        precision = left.union(right).precision
        if left.low is None or left.high is None or right.low is None or right.high is None:
            return PixelType(precision)
        ends = [combine(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
        low, high = min(ends), max(ends)
        if precision == "int":
            low, high = (min(max(edge, INT64[0]), INT64[1]) for edge in (low, high))
        return PixelType(precision, low, high)

    return rule


def _quotient(left: PixelType, right: PixelType) -> PixelType:
    kind = floating(left, right)
    if left.low is None or left.high is None or right.low is None or right.low != right.high or not right.low:
        return kind
    ends = left.low / right.low, left.high / right.low
    return PixelType(kind.precision, min(ends), max(ends))


def _absolute(kind: PixelType) -> PixelType:
    if kind.low is None or kind.high is None:
        return kind
    low = 0 if kind.low <= 0 <= kind.high else min(abs(kind.low), abs(kind.high))
    return PixelType(kind.precision, low, max(abs(kind.low), abs(kind.high)))


def _sign(kind: PixelType) -> PixelType:
    return PixelType(kind.precision, -1, 1)


def _divide(a: Array, b: Array) -> Array:
    return np.asarray(np.where(b == 0, 0.0, a / np.where(b == 0, 1, b)))


def _first_nonzero(a: Array, b: Array) -> Array:
    return np.asarray(np.where(a != 0, a, b))


def _modulo(a: Array, b: Array) -> Array:
    return np.asarray(np.where(b == 0, 0, np.fmod(a, np.where(b == 0, 1, b))))


def half_up(values: Array) -> Array:
    """The nearest whole number, halves away from zero (assumed)."""
    if values.dtype.kind != "f":
        return values
    size = np.abs(values)
    whole = np.trunc(size)
    # The fraction is exact; size + 0.5 would be rounded up for values just below a half.
    whole += size - whole >= 0.5
    return np.asarray(np.copysign(whole, values))


def _each(scalar: Callable[[float], float]) -> Callable[[Array], Array]:
    return np.vectorize(scalar, otypes=[np.float64])


BINARY: dict[str, Operation] = {
    "add": Operation(np.add, _interval(lambda a, b: a + b)),
    "subtract": Operation(np.subtract, _interval(lambda a, b: a - b)),
    "multiply": Operation(np.multiply, _interval(lambda a, b: a * b)),
    "divide": Operation(_divide, _quotient),
    "mod": Operation(_modulo, _remainder),
    "pow": Operation(lambda a, b: np.power(a.astype(float), b.astype(float)), floating),
    "min": Operation(np.minimum, _union),
    "max": Operation(np.maximum, _union),
    "first": Operation(lambda a, _b: a, _union),
    "firstNonZero": Operation(_first_nonzero, _union),
    "atan2": Operation(lambda x, y: np.arctan2(y, x), floating),
    "hypot": Operation(np.hypot, floating),
    "eq": Operation(np.equal, _boolean),
    "neq": Operation(np.not_equal, _boolean),
    "lt": Operation(np.less, _boolean),
    "lte": Operation(np.less_equal, _boolean),
    "gt": Operation(np.greater, _boolean),
    "gte": Operation(np.greater_equal, _boolean),
    "and": Operation(lambda a, b: (a != 0) & (b != 0), _boolean),
    "or": Operation(lambda a, b: (a != 0) | (b != 0), _boolean),
    "bitwiseAnd": Operation(np.bitwise_and, _bits, integral=True),
    "bitwiseOr": Operation(np.bitwise_or, _bits, integral=True),
    "bitwiseXor": Operation(np.bitwise_xor, _bits, integral=True),
    "leftShift": Operation(lambda a, b: np.left_shift(a, b & 63), _shifted, integral=True),
    "rightShift": Operation(lambda a, b: np.right_shift(a, b & 63), _bits, integral=True),
}
"""Operations on two operands. Comparisons give 0 or 1; division by 0 gives 0 (documented).

`atan2` is the angle of the vector [left, right], so x comes first (documented). Shifts use the lowest six bits of the
distance, as in Java (assumed).
"""

UNARY: dict[str, Operation] = {
    "abs": Operation(np.abs, _absolute, exact=True),
    "signum": Operation(np.sign, _sign, exact=True),
    "round": Operation(half_up, _same, exact=True),
    "floor": Operation(np.floor, _same, exact=True),
    "ceil": Operation(np.ceil, _same, exact=True),
    "not": Operation(lambda a: a == 0, _boolean),
    "bitwiseNot": Operation(np.bitwise_not, _complement, integral=True),
    "bitCount": Operation(lambda a: np.bitwise_count(a.view(np.uint64)), _long, integral=True),
    "sqrt": Operation(np.sqrt, floating),
    "cbrt": Operation(np.cbrt, floating),
    "exp": Operation(np.exp, floating),
    "log": Operation(np.log, floating),
    "log10": Operation(np.log10, floating),
    "sin": Operation(np.sin, floating),
    "cos": Operation(np.cos, floating),
    "tan": Operation(np.tan, floating),
    "asin": Operation(np.arcsin, floating),
    "acos": Operation(np.arccos, floating),
    "atan": Operation(np.arctan, floating),
    "sinh": Operation(np.sinh, floating),
    "cosh": Operation(np.cosh, floating),
    "tanh": Operation(np.tanh, floating),
    "erf": Operation(_each(math.erf), floating),
    "erfc": Operation(_each(math.erfc), floating),
}
"""Operations on one operand. Angles are in radians; `bitCount` counts in 64-bit two's complement (documented)."""

CASTS: dict[str, str] = {
    "uint8": "uint8",
    "byte": "uint8",
    "int8": "int8",
    "uint16": "uint16",
    "int16": "int16",
    "short": "int16",
    "uint32": "uint32",
    "int32": "int32",
    "int": "int32",
    "int64": "int64",
    "long": "int64",
    "float": "float",
    "double": "double",
}
"""The result types of `Image.toX`, `Image.x`, `Number.toX` and `Number.x`."""


def cast_names(family: str) -> dict[str, tuple[str, ...]]:
    """The algorithm names of each target type, e.g. `uint8`: Image.toUint8, Image.uint8, Image.toByte ..."""
    found: dict[str, list[str]] = {}
    for name, target in CASTS.items():
        found.setdefault(target, []).extend([f"{family}.{name}", f"{family}.to{name[0].upper()}{name[1:]}"])
    return {target: tuple(names) for target, names in found.items()}
