"""Reducers of statistics: regression, correlation, covariance, medians, the shape of distributions, and angles."""

from collections.abc import Callable
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.reducer_rows import for_each
from localearth.registry import function
from localearth.values.geometric_median import geometric_median
from localearth.values.image import Image
from localearth.values.ranks import SEN, SPEARMAN, kendall
from localearth.values.reducer import BUILTIN, Reducer, Stack, Valid, Weights, mean, percentiles
from localearth.values.regression import PEARSON, covariance, linear_regression

_UNWEIGHTED = "Unweighted (assumed)."
_ARRAYS = _UNWEIGHTED + " Divided by the number of arrays (assumed). For lists, tables, reduceRegion and reduceRegions."


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


@function("Reducer.sensSlope", note=_UNWEIGHTED + " The offset is the median of y - slope * x (assumed).")
def sen() -> Reducer:
    """The median slope of all pairs, and the offset."""
    return SEN


@function("Reducer.kendallsCorrelation", note=_UNWEIGHTED + " The p-value is null (assumed). One or two inputs.")
def kendalls(inputs: int) -> Reducer:
    """Kendall's rank correlation of two inputs, or of one with the order of inputs."""
    if inputs not in (1, 2):
        raise EarthEngineError(f"argument 'numInputs': 1 or 2, not {inputs}.")
    return kendall(inputs)


@function("Reducer.spearmansCorrelation", note=_UNWEIGHTED + " The outputs are those of pearsonsCorrelation (assumed).")
def spearmans() -> Reducer:
    """Spearman's rank correlation of two inputs."""
    return SPEARMAN


@function("Reducer.covariance", note=_ARRAYS)
def covariances() -> Reducer:
    """The covariance matrix of arrays."""
    return covariance(centered=False)


@function("Reducer.centeredCovariance", note=_ARRAYS)
def centered_covariances() -> Reducer:
    """The covariance matrix of arrays whose mean is 0."""
    return covariance(centered=True)


@function(
    "Reducer.geometricMedian",
    note="Computed until it moves by less than 1e-7 of the spread: `eta` and `initialStepSize` are ignored. Use "
    "setOutputs or rename: Google does not document the names of the outputs.",
)
def geomedian(inputs: int, _eta: float, _step: float) -> Reducer:
    """The point with the smallest sum of distances to the inputs."""
    if inputs < 1:
        raise EarthEngineError("numX must be positive.")
    return geometric_median(inputs)


@function("Reducer.forEachBand", note="Reducers with one output. Each copy drops the nulls of its own band (assumed).")
def for_each_band(reducer: Reducer, image: Image) -> Reducer:
    """A copy of a reducer for each band."""
    return for_each(reducer, image.names)


_double = BUILTIN["mean"].types


def _standardized(power: int, normal: float, output: str) -> Reducer:
    """The mean power of the distances from the mean, in standard deviations, minus that of normal values."""

    def apply(values: Stack, valid: Valid, weights: Weights) -> list[tuple[Any, Valid]]:
        ((middle, good),) = mean(values, valid, weights)
        away = np.where(valid & good, values - middle, 0)
        ((square, _),) = mean(away**2, valid, weights)
        ((moment, _),) = mean(away**power, valid, weights)
        # A mean has rounding errors, so equal values have a tiny spread.
        good = np.asarray(good & (square > 1e-24 * middle**2) & (square > 0))
        return [(moment / np.where(good, square, 1) ** (power / 2) - normal, good)]

    return Reducer((output,), apply, _double, weighted=True)


@function("Reducer.skew", note="Of a population, as `variance` is; masked where all values are equal (assumed).")
def skew() -> Reducer:
    """The skewness."""
    return _standardized(3, 0, "skew")


@function("Reducer.kurtosis", note="Of a population, 0 for normal values; masked where all values are equal (assumed).")
def kurtosis() -> Reducer:
    """The excess kurtosis."""
    return _standardized(4, 3, "kurtosis")


@function(
    "Reducer.intervalMean",
    note="The percentiles belong to the range; of a range without values the middle. Of all values (assumed).",
)
def interval_mean(low: float, high: float, _buckets: Any, _width: Any, _raw: Any) -> Reducer:
    """The mean of the values between two percentiles."""
    if not 0 <= low <= high <= 100:
        raise EarthEngineError("Percentiles must be between 0 and 100, the smaller one first.")
    ends = percentiles([low, high], ("low", "high"))

    def apply(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
        (first, good), (last, _) = ends.apply(values, valid, None)
        ((found, some),) = mean(values, valid & (values >= first) & (values <= last), None)
        return [(np.where(some, found, (first + last) / 2), good)]

    return Reducer(("mean",), apply, _double)


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

            return Reducer((output,), apply, _double, weighted=True)

        circular.__doc__ = f"The {name} of angles in radians."
        note = "1 minus the length of the mean vector (assumed)." if name == "circularVariance" else ""
        function(f"Reducer.{name}", note=note)(circular)


_register()
