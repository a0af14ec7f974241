"""Linear regression and correlation, of tables and of every pixel, and covariance of arrays."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.values.array import Array, make
from localearth.values.pixel_type import DOUBLE
from localearth.values.reducer import Stack, Valid
from localearth.values.row_reducers import RowReducer, Rows, numbers_of, of_pixels, of_rows

Floats = NDArray[np.float64]

_PIXELS = 4096
"""Number of pixels that are fitted at once; bounds the memory."""

_DEPENDENT = 1e-12
"""Predictors whose part that is independent of the others is smaller, relative to their size, are dependent."""


def _fitted(x: Floats, y: Floats, count: NDArray[np.int64]) -> tuple[Floats, Floats, Valid]:
    """Least squares of m systems: x (m, n, p) and y (m, n, q), where unused rows are 0, and the numbers of used rows.

    Returns:
        The coefficients (m, p, q), the root mean squares of the residuals (m, q), and where there is a solution (m,).
    """
    predictors, rows = x.shape[2], x.shape[1]
    if rows <= predictors:
        return np.zeros((len(x), predictors, y.shape[2])), np.zeros((len(x), y.shape[2])), np.zeros(len(x), bool)
    # Columns of length 1: predictors of very different sizes are as independent as equal ones.
    size = np.sqrt((x * x).sum(axis=1))
    size[size == 0] = 1
    q, r = np.linalg.qr(x / size[:, None])
    good = (count > predictors) & (np.abs(np.diagonal(r, axis1=1, axis2=2)).min(axis=1) > _DEPENDENT)
    solvable = np.where(good[:, None, None], r, np.eye(predictors))
    found = np.linalg.solve(solvable, q.transpose(0, 2, 1) @ y) / size[:, :, None]
    squares = ((y - x @ found) ** 2).sum(axis=1)
    return found, np.sqrt(squares / np.maximum(count, 1)[:, None]), good


def _objects(values: Floats) -> NDArray[Any]:
    """Arrays as the pixels of a band."""
    found = np.empty(len(values), object)
    for i, value in enumerate(values):
        found[i] = value
    return found


def linear_regression(num_x: int, num_y: int) -> RowReducer:
    """Ordinary least squares; null or masked where there are not more rows than predictors, or these are dependent."""

    def pixels(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
        parts = []
        for start in range(0, stack.shape[2], _PIXELS):
            part = slice(start, start + _PIXELS)
            used = np.where(valid[:, None, part], stack[:, :, part], 0).transpose(2, 0, 1)
            parts.append(_fitted(used[:, :, :num_x], used[:, :, num_x:], valid[:, part].sum(axis=0)))
        coefficients, residuals, good = (np.concatenate(each) for each in zip(*parts, strict=True))
        return [(_objects(coefficients), good), (_objects(residuals), good)]

    def collect(rows: Rows, _weights: Sequence[float]) -> list[Any]:
        if len(rows) <= num_x:
            return [None, None]
        found = pixels(numbers_of(rows, num_x + num_y)[:, :, None], np.ones((len(rows), 1), bool))
        return [Array(value[0], DOUBLE) if good[0] else None for value, good in found]

    kinds = [evolve(DOUBLE, dimensions=2), evolve(DOUBLE, dimensions=1)]
    return of_rows(("coefficients", "residuals"), num_x + num_y, collect, pixels=pixels, kinds=lambda _kinds: kinds)


def correlations(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
    """Pearson's correlation of two inputs and its p-value, of three or more pairs whose values are not all equal."""
    count = valid.sum(axis=0)
    x, y = (np.where(valid, each, 0) for each in (stack[:, 0], stack[:, 1]))
    from_x, from_y = (np.where(valid, each - each.sum(axis=0) / np.maximum(count, 1), 0) for each in (x, y))
    spread_x, spread_y = (from_x**2).sum(axis=0), (from_y**2).sum(axis=0)
    # A mean has rounding errors, so equal values have a tiny spread.
    good = np.asarray((count > 2) & (spread_x > 1e-24 * (x * x).sum(axis=0)) & (spread_y > 1e-24 * (y * y).sum(axis=0)))
    spread = np.sqrt(np.where(good, spread_x * spread_y, 1))
    found = np.clip((from_x * from_y).sum(axis=0) / spread, -1, 1)
    return [(found, good), (_p_values(found, np.maximum(count - 2, 1)), good)]


def _p_values(correlation: Floats, freedom: NDArray[np.int64]) -> Floats:
    """The chance of a correlation at least as strong between independent normal values (Student's t, two-sided)."""
    return incomplete_beta((1 - correlation) * (1 + correlation), freedom / 2, 0.5)


_gamma = np.vectorize(math.lgamma, otypes=[float])


def incomplete_beta(x: Floats, a: Floats, b: float) -> Floats:
    """The regularized incomplete beta function I_x(a, b), from its continued fraction.

    Source: https://dlmf.nist.gov/8.17#SS5.p1 (8.17.22).
    """
    flipped = x > (a + 1) / (a + b + 2)
    z = np.where(flipped, 1 - x, x)
    p, q = np.where(flipped, b, a), np.where(flipped, a, b)
    factor = np.zeros(np.shape(x))
    inside = z > 0
    powers = p[inside] * np.log(z[inside]) + q[inside] * np.log1p(-z[inside])
    factor[inside] = np.exp(powers + _gamma(p[inside] + q[inside]) - _gamma(p[inside]) - _gamma(q[inside]))
    # From the innermost term outwards; the number of terms needed grows with the square root of a and b.
    fraction = np.ones(np.shape(x))
    for m in range(200 + int(5 * math.sqrt(max(np.max(a, initial=0), b))), 0, -1):
        k, odd = divmod(m, 2)
        if odd:
            term = -(p + k) * (p + q + k) * z / ((p + 2 * k) * (p + 2 * k + 1))
        else:
            term = k * (q - k) * z / ((p + 2 * k - 1) * (p + 2 * k))
        fraction = 1 + term / fraction
    below = factor / (p * fraction)
    return np.asarray(np.where(flipped, 1 - below, below))


PEARSON = of_pixels(("correlation", "p-value"), 2, correlations, [DOUBLE, DOUBLE])
"""Pearson's correlation of two inputs, and the two-sided p-value of no correlation."""


def covariance(centered: bool) -> RowReducer:
    """The mean of the products of all pairs of elements, of arrays whose means are 0 or subtracted first.

    Sums are divided by the number of arrays, as in `Reducer.variance`: a tutorial that Google publishes multiplies the
    result by the count of pixels and divides it by the sum of weights
    (https://developers.google.com/earth-engine/tutorials/community/imad-tutorial-pt1). The descriptions do not say
    "(weighted)", so arrays have no weights.
    """

    def collect(rows: Rows, _weights: Sequence[float]) -> list[Any]:
        arrays = [make(row[0]).data for row in rows]
        shapes = {each.shape for each in arrays}
        if len(shapes) > 1 or any(len(shape) != 1 for shape in shapes):
            raise EarthEngineError(f"The reducer needs 1-D arrays of the same length, not of shape {sorted(shapes)}.")
        if not arrays:
            return [None]
        table = np.stack(arrays).astype(float)
        if not centered:
            table -= table.mean(axis=0)
        return [Array(table.T @ table / len(table), DOUBLE)]

    return of_rows(("covariance",), 1, collect, arrays=True)
