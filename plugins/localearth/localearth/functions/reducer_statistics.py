"""Reducers of statistics: linear regression, correlation, and means of angles."""

from collections.abc import Callable
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.reducer_rows import for_each
from localearth.registry import function
from localearth.values.image import Image
from localearth.values.pixel_type import DOUBLE
from localearth.values.reducer import Reducer, Stack, Valid, Weights
from localearth.values.regression import PEARSON, linear_regression

_UNWEIGHTED = "Unweighted (assumed)."


@function("Reducer.linearRegression", note=_UNWEIGHTED + " Rows with a null are dropped (assumed).")
def regression(num_x: int, num_y: int) -> Reducer:
    """Ordinary least squares: an array of coefficients, and the root mean squares of the residuals."""
    if num_x < 1 or num_y < 1:
        raise EarthEngineError("numX and numY must be positive.")
    return linear_regression(num_x, num_y)


@function(
    "Reducer.pearsonsCorrelation",
    note=_UNWEIGHTED + " Null or masked for fewer than three pairs, or all x or y equal (assumed).",
)
def pearson() -> Reducer:
    """The correlation of two inputs and its p-value."""
    return PEARSON


@function("Reducer.forEachBand", note="Reducers with one output. Each copy drops the nulls of its own band (assumed).")
def for_each_band(reducer: Reducer, image: Image) -> Reducer:
    """A copy of a reducer for each band."""
    return for_each(reducer, image.names)


def _resultant(values: Stack, valid: Valid, weights: Weights) -> tuple[Any, Any, Valid]:
    """The weighted mean of the unit vectors of angles."""
    weight = valid * (1.0 if weights is None else weights)
    total = weight.sum(axis=0)
    good = np.asarray(total > 0)
    angles = np.where(valid, values, 0)
    x, y = ((weight * run(angles)).sum(axis=0) / np.where(good, total, 1) for run in (np.cos, np.sin))
    return x, y, good


def _length(x: Any, y: Any) -> Any:
    return np.clip(np.hypot(x, y), 1e-300, 1)


CIRCULAR: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "circularMean": ("circularMean", lambda x, y: np.arctan2(y, x)),
    "circularVariance": ("circularVariance", lambda x, y: 1 - _length(x, y)),
    "circularStddev": ("circularStdDev", lambda x, y: np.sqrt(-2 * np.log(_length(x, y)))),
}


def _register() -> None:
    for name, (output, run) in CIRCULAR.items():

        def circular(output: str = output, run: Callable[[Any, Any], Any] = run) -> Reducer:
            def apply(values: Stack, valid: Valid, weights: Weights) -> list[tuple[Any, Valid]]:
                x, y, good = _resultant(values, valid, weights)
                return [(run(x, y), good)]

            return Reducer((output,), apply, lambda _kind, _n: (DOUBLE,), weighted=True)

        circular.__doc__ = f"The {name} of angles in radians."
        note = "1 minus the length of the mean vector (assumed)." if name == "circularVariance" else ""
        function(f"Reducer.{name}", note=note)(circular)


_register()
