"""Reducers of the order of values, of the shape of their distribution, and of arrays."""

from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.registry import function
from localearth.values.covariance import covariance
from localearth.values.geometric_median import geometric_median
from localearth.values.pixel_type import DOUBLE, PixelType
from localearth.values.ranks import SEN, SPEARMAN, kendall
from localearth.values.reducer import Reducer, Stack, Valid, Weights, mean, percentiles

_UNWEIGHTED = "Unweighted (assumed). "
_ARRAYS = _UNWEIGHTED + "Divided by the number of arrays (assumed). For lists, tables, reduceRegion and reduceRegions."


@function("Reducer.sensSlope", note=_UNWEIGHTED + "The offset is the median of y - slope * x (assumed).")
def sen() -> Reducer:
    """The median slope of all pairs, and the offset."""
    return SEN


@function("Reducer.kendallsCorrelation", note=_UNWEIGHTED + "The p-value is null (assumed). One or two inputs.")
def kendalls(inputs: int) -> Reducer:
    """Kendall's rank correlation of two inputs, or of one with the order of inputs."""
    if inputs not in (1, 2):
        raise EarthEngineError(f"argument 'numInputs': 1 or 2, not {inputs}.")
    return kendall(inputs)


@function("Reducer.spearmansCorrelation", note=_UNWEIGHTED + "The outputs are those of pearsonsCorrelation (assumed).")
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


def _double(_kind: PixelType, _n: int | None) -> tuple[PixelType, ...]:
    return (DOUBLE,)


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
