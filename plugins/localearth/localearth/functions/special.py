"""Special functions of numbers, arrays and images: the gamma function and its relatives, and inverse error functions.

The answers in Google's API samples have the rounding errors of Apache Commons Math 3 (`digamma(1)` is -0.577215667
instead of -0.577215665), so digamma, trigamma and lanczos have its formulas.
"""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.arithmetic import BINARY, UNARY, Operation, floating
from localearth.functions.array_math import run_array
from localearth.functions.image_math import binary_image, unary
from localearth.functions.number import run_number
from localearth.registry import function
from localearth.values.array import Array
from localearth.values.image import Image

_LARGE = 49
"""From here on, Commons Math computes digamma and trigamma by their series."""

LARGEST = 1e8
"""Up to here, the series of gammainc converges in a moment."""

_TINY = 1e-5
"""Up to here, it uses the first terms at 0."""

_LEAST = math.ulp(0.0)
"""The smallest positive number: half of it is 0."""

_LANCZOS = (
    0.99999999999999709182,
    57.156235665862923517,
    -59.597960355475491248,
    14.136097974741747174,
    -0.49191381609762019978,
    0.33994649984811888699e-4,
    0.46523628927048575665e-4,
    -0.98374475304879564677e-4,
    0.15808870322491248884e-3,
    -0.21026444172410488319e-3,
    0.21743961811521264320e-3,
    -0.16431810653676389022e-3,
    0.84418223983852743293e-4,
    -0.26190838401581408670e-4,
    0.36899182659531622704e-5,
)


def _inverse(x: float) -> float:
    return math.inf if x == 0 else 1 / x


def lanczos(x: float) -> float:
    """The sum in the Lanczos approximation of the gamma function."""
    return sum(_LANCZOS[i] * _inverse(x + i) for i in range(len(_LANCZOS) - 1, 0, -1)) + _LANCZOS[0]


def gamma(x: float) -> float:
    """The gamma function; NaN at 0 and at negative whole numbers."""
    if math.isnan(x) or x == -math.inf or (x <= 0 and x == math.floor(x)):
        return math.nan
    try:
        return math.gamma(x)
    except OverflowError:
        return math.inf


def _steps(x: float) -> list[float]:
    """x, x + 1 ... up to the first number that the series is used for, or to a number just above 0."""
    found = [x]
    while found[-1] < _LARGE and not 0 < found[-1] <= _TINY:
        found.append(found[-1] + 1)
    return found


def digamma(x: float) -> float:
    """The logarithmic derivative of the gamma function."""
    if not math.isfinite(x) or x < -1e6:
        return x if x == math.inf else math.nan
    *steps, last = _steps(x)
    inv = _inverse(last * last)
    if last <= _TINY:
        found = -0.577215664901532860606512090082 - _inverse(last)
    else:
        found = math.log(last) - 0.5 / last - inv * (1 / 12 + inv * (1 / 120 - inv / 252))
    for each in reversed(steps):
        found -= _inverse(each)
    return found


def trigamma(x: float) -> float:
    """The derivative of digamma."""
    if not math.isfinite(x) or x < -1e6:
        return 0.0 if x == math.inf else math.nan
    *steps, last = _steps(x)
    inv = _inverse(last * last)
    found = inv if last <= _TINY else 1 / last + inv / 2 + inv / last * (1 / 6 - inv * (1 / 30 + inv / 42))
    for each in reversed(steps):
        found += _inverse(each * each)
    return found


def gammainc(x: float, a: float) -> float:
    """The regularized lower incomplete gamma function, by its series or its continued fraction."""
    if math.isnan(x) or math.isnan(a) or a <= 0 or x < 0:
        return math.nan
    if max(x, a) > LARGEST and math.isfinite(x):
        raise EarthEngineError(f"the local Earth Engine computes gammainc of numbers up to {LARGEST:.0e}.")
    if x == 0 or math.isinf(x):
        return 0.0 if x == 0 else 1.0
    front = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while abs(term) > abs(total) * 1e-17:
            n += 1
            term *= x / n
            total += term
        return front * total
    b = x + 1 - a
    c, d = 1e300, 1 / b
    value = d
    for i in range(1, 10_000):
        step = -i * (i - a)
        b += 2
        d = 1 / (step * d + b)
        c = b + step / c
        value *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return 1 - front * value


def erf_inv(x: float) -> float:
    """The inverse of the error function."""
    if not -1 < x < 1:
        return math.copysign(math.inf, x) if abs(x) == 1 else math.nan
    return 0.0 if x == 0 else NormalDist().inv_cdf((x + 1) / 2) / math.sqrt(2) if abs(x) > 1e-3 else _small(x)


def _small(x: float) -> float:
    """The series of the inverse error function: (x + 1) / 2 would lose the digits of a small x."""
    y = x * math.sqrt(math.pi) / 2
    return y + y**3 / 3 + 7 * y**5 / 30


def erfc_inv(x: float) -> float:
    """The inverse of the complementary error function."""
    if not 0 < x < 2:
        return {0.0: math.inf, 2.0: -math.inf}.get(x, math.nan)
    return 0.0 if x == 1 else -NormalDist().inv_cdf(max(x / 2, _LEAST)) / math.sqrt(2)


SPECIAL: dict[str, Callable[..., float]] = {
    "gamma": gamma,
    "digamma": digamma,
    "trigamma": trigamma,
    "lanczos": lanczos,
    "erfInv": erf_inv,
    "erfcInv": erfc_inv,
}


def _register() -> None:
    for name, scalar in SPECIAL.items():
        _both(name, Operation(np.vectorize(scalar, otypes=[np.float64]), floating), scalar.__doc__ or "")
    _both("gammainc", Operation(np.vectorize(gammainc, otypes=[np.float64]), floating), gammainc.__doc__ or "", 2)
    _both("first_nonzero", BINARY["firstNonZero"], "The first if it is not 0, else the second.", 2)
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"):
        first, last = name.split("_")
        _number(name, BINARY[first + last.capitalize()], "An alias.", 2)
    _number("bitwise_not", UNARY["bitwiseNot"], "An alias.", 1)


def _number(name: str, operation: Operation, text: str, operands: int) -> None:
    def one(value: Any) -> Any:
        return run_number(operation, value)

    def two(left: Any, right: Any) -> Any:
        return run_number(operation, left, right)

    run = one if operands == 1 else two
    run.__doc__ = text
    function(f"Number.{name}")(run)


def _both(name: str, operation: Operation, text: str, operands: int = 1) -> None:
    _number(name, operation, text, operands)

    def one(image: Image) -> Image:
        return image.with_bands(unary(band, operation) for band in image.bands)

    def two(left: Image, right: Image) -> Image:
        return binary_image(operation, left, right)

    run = one if operands == 1 else two
    run.__doc__ = text
    function(f"Image.{name}")(run)
    if name in SPECIAL:

        def each(values: Array) -> Array:
            return run_array(operation, values)

        each.__doc__ = text
        function(f"Array.{name}")(each)


_register()
