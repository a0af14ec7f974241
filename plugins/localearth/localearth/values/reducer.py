"""Reducers: compute one or several values for each column of a stack of values."""

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from localearth.values.pixel_type import BOOLEAN, DOUBLE, PixelType

Stack = NDArray[Any]
Valid = NDArray[np.bool_]
Weights = NDArray[np.float64] | None
Apply = Callable[[Stack, Valid, Weights], list[tuple[Any, Valid]]]
"""Reduces values, validity and weights, each (n, m), to a pair (values, validity) of shape (m,) for each output."""


@frozen(eq=False)
class Reducer:
    """A reducer of one input; a `RowReducer` may have several.

    Attributes:
        outputs: the names of its outputs.
        apply: reduces n values in each of m columns.
        types: the types of the outputs, from the type of the input and n (None when unknown).
        weighted: whether inputs are weighted by the share of each pixel in a region.
        exact: whether it gets integers unchanged; other reducers get doubles.
        proportional: whether its result is proportional to the weights.
        parts: the reducers of lists and tables that it is made of, if it is combined or has other output names.
        inputs: the number of its inputs.
    """

    outputs: tuple[str, ...]
    apply: Apply
    types: Callable[[PixelType, int | None], tuple[PixelType, ...]]
    weighted: bool = False
    exact: bool = False
    proportional: bool = False
    parts: tuple["Reducer", ...] = ()
    inputs: int = 1

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it, in part."""
        return {"type": f"Reducer.{'_'.join(self.outputs)}"}

    def names(self, band: str) -> list[str]:
        """The names of its outputs for a band: the band's own if there is one output."""
        return [band] if len(self.outputs) == 1 else [f"{band}_{output}" for output in self.outputs]

    def named(self, outputs: tuple[str, ...]) -> "Reducer":
        """The reducer with other output names."""
        return evolve(self, outputs=outputs, parts=self.parts or (self,))

    def beside(self, other: "Reducer", prefix: str) -> "Reducer":
        """A reducer that applies both reducers to the same input."""

        def apply(values: Stack, valid: Valid, weights: Weights) -> list[tuple[Any, Valid]]:
            return [
                *self.apply(values, valid, weights if self.weighted else None),
                *other.apply(values, valid, weights if other.weighted else None),
            ]

        return Reducer(
            (*self.outputs, *(prefix + name for name in other.outputs)),
            apply,
            lambda kind, n: (*self.types(kind, n), *other.types(kind, n)),
            self.weighted or other.weighted,
            proportional=self.proportional or other.proportional,
            parts=(*(self.parts or (self,)), *(other.parts or (other,))),
        )


def _any(valid: Valid) -> Valid:
    return np.asarray(valid.any(axis=0))


def _masked(values: Stack, valid: Valid, fill: float) -> Stack:
    return np.where(valid, values, fill)


def mean(values: Stack, valid: Valid, weights: Weights) -> list[tuple[Any, Valid]]:
    """The weighted arithmetic mean."""
    weight = valid.astype(float) if weights is None else weights * valid
    total = weight.sum(axis=0)
    good = total > 0
    return [((_masked(values, valid, 0) * weight).sum(axis=0) / np.where(good, total, 1), good)]


def total(values: Stack, valid: Valid, weights: Weights) -> list[tuple[Any, Valid]]:
    """The weighted sum."""
    weight = 1 if weights is None else weights
    return [((_masked(values, valid, 0) * weight).sum(axis=0), _any(valid))]


def product(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """The product."""
    return [(_masked(values, valid, 1).prod(axis=0), _any(valid))]


def least(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """The minimum."""
    return [(_masked(values, valid, np.inf).min(axis=0, initial=np.inf), _any(valid))]


def greatest(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """The maximum."""
    return [(_masked(values, valid, -np.inf).max(axis=0, initial=-np.inf), _any(valid))]


def count(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """The number of valid values; never masked."""
    return [(valid.sum(axis=0), np.ones(values.shape[1], bool))]


def first(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """The first valid value."""
    return _pick(values, valid, valid.argmax(axis=0) if len(valid) else None)


def last(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """The last valid value."""
    return _pick(values, valid, len(valid) - 1 - valid[::-1].argmax(axis=0) if len(valid) else None)


def _pick(values: Stack, valid: Valid, row: NDArray[Any] | None) -> list[tuple[Any, Valid]]:
    if row is None:
        return [(np.zeros(values.shape[1]), np.zeros(values.shape[1], bool))]
    return [(np.take_along_axis(values, row[None], axis=0)[0], _any(valid))]


def median(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """The median; the mean of the two middle values for even counts (assumed)."""
    n = valid.sum(axis=0)
    ranked = np.sort(_masked(values, valid, np.inf), axis=0)
    if not len(ranked):
        return [(np.zeros(values.shape[1]), n > 0)]
    low = np.take_along_axis(ranked, np.maximum((n - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ranked, np.minimum(n // 2, len(ranked) - 1)[None], axis=0)[0]
    return [(np.where(n > 0, (low + high) / 2, 0), n > 0)]


def percentiles(shares: list[float], outputs: tuple[str, ...]) -> Reducer:
    """The reducer of percentiles, 0 to 100, interpolated between the inputs, each in the middle of its share (assumed).

    Google's 90th percentile of 1 to 10 is 9.5 (https://github.com/eHealthAfrica/heatwave_modelling_CHAP).
    """

    def apply(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
        n = valid.sum(axis=0)
        if not len(values):
            return [(np.zeros(values.shape[1]), n > 0)] * len(shares)
        ranked = np.sort(_masked(values, valid, np.inf), axis=0)
        found = []
        for share in shares:
            at = np.clip(n * share / 100.0 - 0.5, 0, np.maximum(n - 1, 0))
            low = np.floor(at).astype(np.int64)
            first = np.take_along_axis(ranked, low[None], axis=0)[0]
            second = np.take_along_axis(ranked, np.minimum(low + 1, np.maximum(n - 1, 0))[None], axis=0)[0]
            first, second = np.where(n > 0, first, 0), np.where(n > 0, second, 0)
            found.append((first + (second - first) * (at - low), n > 0))
        return found

    return Reducer(outputs, apply, lambda _kind, _n: (DOUBLE,) * len(shares))


NEAR = 1e-4
"""Weights of classes that differ by less are equal: areas of pixels have rounding errors."""


def mode(values: Stack, valid: Valid, weights: Weights) -> list[tuple[Any, Valid]]:
    """The value with the largest number, or weight, of inputs; the smallest of equal ones (assumed)."""
    seen = _hull(values, valid)
    if seen is not None and seen[1] - seen[0] < 64:
        return [(_most_common(values, valid, weights, *seen), _any(valid))]
    columns = values.shape[1]
    order = np.argsort(_masked(values, valid, np.inf), axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0)
    weight = np.where(valid, 1.0 if weights is None else weights, 0.0)
    weight = np.take_along_axis(weight, order, axis=0)
    n = valid.sum(axis=0)
    best, winner, run = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    for row in range(len(ranked)):
        same = ranked[row] == ranked[row - 1] if row else np.zeros(columns, bool)
        run = np.where(same, run + weight[row], weight[row])
        better = (run > best + NEAR) & (row < n)
        best, winner = np.where(better, run, best), np.where(better, ranked[row], winner)
    return [(winner, n > 0)]


def _hull(values: Stack, valid: Valid) -> tuple[int, int] | None:
    """The minimum and maximum of the valid values; None without valid values, or if some are not whole numbers."""
    if not valid.any():
        return None
    if values.dtype.kind == "f":
        seen = values[valid]
        low, high = float(seen.min()), float(seen.max())
        return (int(low), int(high)) if high - low < 64 and (seen == np.floor(seen)).all() else None
    limits = np.iinfo(values.dtype)
    return int(np.where(valid, values, limits.max).min()), int(np.where(valid, values, limits.min).max())


def _most_common(values: Stack, valid: Valid, weights: Weights, low: int, high: int) -> NDArray[np.float64]:
    """The most common of few integers, as in land cover: counting is much faster than sorting."""
    classes = high - low + 1
    codes = np.full(values.shape, classes, np.uint8)
    np.subtract(values, low, out=codes, where=valid, casting="unsafe")
    best = np.zeros(values.shape[1])
    winner = np.full(values.shape[1], float(low))
    for each in range(classes):
        count = _counts(codes == each) if weights is None else (weights * (codes == each)).sum(axis=0)
        better = count > best + NEAR
        best[better], winner[better] = count[better], low + each
    return winner


def _counts(equal: Valid) -> NDArray[np.int64]:
    """The number of true values in each column."""
    count = np.zeros(equal.shape[1], np.int64)
    for start in range(0, len(equal), 255):
        # Up to 255 values are counted in bytes, which processors add many at a time.
        count += equal[start : start + 255].view(np.uint8).sum(axis=0, dtype=np.uint8)
    return count


def variance(values: Stack, valid: Valid, weights: Weights) -> list[tuple[Any, Valid]]:
    """The population variance."""
    ((middle, good),) = mean(values, valid, weights)
    return mean(np.square(values - middle), valid & good, weights)


def sample_variance(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """The variance of a sample."""
    n = valid.sum(axis=0)
    ((population, _),) = variance(values, valid, None)
    return [(population * n / np.maximum(n - 1, 1), n > 1)]


def root(of: Apply) -> Apply:
    """The square root of another reducer's result."""
    return lambda values, valid, weights: [(np.sqrt(found), good) for found, good in of(values, valid, weights)]


def all_nonzero(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """1 if no value is 0, else 0."""
    return [(((values != 0) | ~valid).all(axis=0) * 1.0, _any(valid))]


def any_nonzero(values: Stack, valid: Valid, _weights: Weights) -> list[tuple[Any, Valid]]:
    """1 if any value is not 0, else 0."""
    return [(((values != 0) & valid).any(axis=0) * 1.0, _any(valid))]


def _same(kind: PixelType, _n: int | None) -> tuple[PixelType, ...]:
    return (kind,)


def _double(_kind: PixelType, _n: int | None) -> tuple[PixelType, ...]:
    return (DOUBLE,)


def _counted(_kind: PixelType, n: int | None) -> tuple[PixelType, ...]:
    return (PixelType("int", 0, 2**31 - 1 if n is None else n),)


def _boolean(_kind: PixelType, _n: int | None) -> tuple[PixelType, ...]:
    return (BOOLEAN,)


BUILTIN: dict[str, Reducer] = {
    "mean": Reducer(("mean",), mean, _double, weighted=True),
    "sum": Reducer(("sum",), total, _double, weighted=True, proportional=True),
    "product": Reducer(("product",), product, _double),
    "min": Reducer(("min",), least, _same),
    "max": Reducer(("max",), greatest, _same),
    "count": Reducer(("count",), count, _counted),
    "first": Reducer(("first",), first, _same),
    "firstNonNull": Reducer(("first",), first, _same),
    "last": Reducer(("last",), last, _same),
    "lastNonNull": Reducer(("last",), last, _same),
    "median": Reducer(("median",), median, _double),
    "mode": Reducer(("mode",), mode, _same, exact=True),
    "variance": Reducer(("variance",), variance, _double, weighted=True),
    "stdDev": Reducer(("stdDev",), root(variance), _double, weighted=True),
    "sampleVariance": Reducer(("variance",), sample_variance, _double),
    "sampleStdDev": Reducer(("stdDev",), root(sample_variance), _double),
    "allNonZero": Reducer(("all",), all_nonzero, _boolean),
    "anyNonZero": Reducer(("any",), any_nonzero, _boolean),
}
"""The reducers without arguments. Values are reduced as doubles and cast to the output's type."""
BUILTIN["minMax"] = BUILTIN["min"].beside(BUILTIN["max"], "")
