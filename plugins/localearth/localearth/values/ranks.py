"""Reducers of the order of values: Sen's slope, and the rank correlations of Kendall and Spearman."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.values.pixel_type import DOUBLE
from localearth.values.reducer import Stack, Valid, median
from localearth.values.regression import correlations
from localearth.values.row_reducers import Pixels, RowReducer, of_pixels

_AT_ONCE = 2_000_000
"""Number of pairs that are compared at once; bounds the memory."""

_MOST_ROWS = 4000
"""Maximum number of rows of which all pairs are compared; Earth Engine refuses too many by memory."""


def _some_pixels_at_once(run: Pixels) -> Pixels:
    """Runs a reducer of all pairs of rows for some pixels after others."""

    def pixels(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
        rows, _, count = stack.shape
        if rows > _MOST_ROWS:
            raise EarthEngineError(
                f"User memory limit exceeded: the local Earth Engine compares the pairs of at most {_MOST_ROWS} "
                f"inputs, not of {rows}."
            )
        step = max(_AT_ONCE // max(rows * rows, 1), 1)
        parts = [run(stack[:, :, at : at + step], valid[:, at : at + step]) for at in range(0, max(count, 1), step)]
        return [
            (np.concatenate([value for value, _ in each]), np.concatenate([good for _, good in each]))
            for each in zip(*parts, strict=True)
        ]

    return pixels


def _pairs(valid: Valid) -> tuple[NDArray[np.intp], NDArray[np.intp], Valid]:
    """The rows of all pairs, the earlier one first, and where both are valid."""
    one, two = np.triu_indices(len(valid), 1)
    return one, two, valid[one] & valid[two]


def _sen(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
    x, y = (np.where(valid, stack[:, i], 0) for i in range(2))
    one, two, both = _pairs(valid)
    run = x[two] - x[one]
    sloped = both & (run != 0)
    ((slope, good),) = median((y[two] - y[one]) / np.where(sloped, run, 1), sloped, None)
    ((offset, _),) = median(y - slope * x, valid, None)
    return [(slope, good), (offset, good)]


SEN = of_pixels(("slope", "offset"), 2, _some_pixels_at_once(_sen), [DOUBLE, DOUBLE])
"""The median of the slopes of all pairs whose x differ, and the median of y - slope * x."""


def kendall(inputs: int) -> RowReducer:
    """Kendall's tau-b of two inputs, or of the order of the rows and one input; its p-value is null."""

    def run(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
        one, two, both = _pairs(valid)
        y = np.where(valid, stack[:, -1], 0)
        sign_y = np.sign(y[two] - y[one]) * both
        sign_x = both.astype(float)
        if inputs == 2:
            x = np.where(valid, stack[:, 0], 0)
            sign_x = np.sign(x[two] - x[one]) * both
        product = (sign_x != 0).sum(axis=0) * (sign_y != 0).sum(axis=0)
        good = np.asarray(product > 0)
        tau = (sign_x * sign_y).sum(axis=0) / np.sqrt(np.where(good, product, 1))
        return [(tau, good), (np.zeros(len(good)), np.zeros(len(good), bool))]

    return of_pixels(("tau", "p-value"), inputs, _some_pixels_at_once(run), [DOUBLE, DOUBLE])


def _ranks(values: Stack, valid: Valid) -> Stack:
    """The ranks of the valid values in each column, from 1; equal values share the mean of theirs."""
    known = np.where(valid, values, np.inf)
    order = np.argsort(known, axis=0, kind="stable")
    ranked = np.take_along_axis(known, order, axis=0)
    place = np.arange(len(values))[:, None]
    new = np.ones(values.shape, bool)
    new[1:] = ranked[1:] != ranked[:-1]
    ends = np.ones(values.shape, bool)
    ends[:-1] = new[1:]
    first = np.maximum.accumulate(np.where(new, place, 0), axis=0)
    last = np.minimum.accumulate(np.where(ends, place, len(values))[::-1], axis=0)[::-1]
    found = np.empty(values.shape)
    np.put_along_axis(found, order, (first + last) / 2 + 1, axis=0)
    return found


def _spearman(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
    return correlations(np.stack([_ranks(stack[:, i], valid) for i in range(2)], axis=1), valid)


SPEARMAN = of_pixels(("correlation", "p-value"), 2, _spearman, [DOUBLE, DOUBLE])
"""Pearson's correlation of the ranks, and its p-value."""
