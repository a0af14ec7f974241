"""The point with the smallest sum of distances to points of any number of dimensions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from localearth.values.pixel_type import DOUBLE
from localearth.values.reducer import Stack, Valid
from localearth.values.row_reducers import RowReducer, of_pixels

Floats = NDArray[np.floating[Any]]

_STEPS = 1000
"""Maximum number of steps; a few tens are common, but a result next to one of the points takes many."""

_NEAR = 1e-7
"""A step that is smaller, relative to the spread of the points, is the last."""


def _step(points: Stack, valid: Valid, at: Floats, spread: Floats) -> Floats:
    """One step of Weiszfeld's algorithm, as Vardi and Zhang extended it to points at the result itself.

    Source: https://doi.org/10.1073/pnas.97.4.1423.

    Args:
        points: n points of k dimensions in m columns, (n, k, m).
        valid: which points count, (n, m).
        at: the position in each column, (k, m).
        spread: the mean distance of the points from their mean, (m,).
    """
    away = points - at
    distance = np.sqrt((away**2).sum(axis=1))
    here = valid & (distance <= 1e-12 * spread)
    pull = np.where(valid & ~here, 1 / np.where(here | ~valid, 1, distance), 0)
    force = (pull[:, None] * away).sum(axis=0)
    strength = np.sqrt((force**2).sum(axis=0))
    # Points at the position hold it: it stays if they are stronger than the pull of the others.
    hold = np.minimum(1, here.sum(axis=0) / np.where(strength > 0, strength, 1))
    total = pull.sum(axis=0)
    return np.asarray(at + np.where(strength > 0, 1 - hold, 0) * force / np.where(total > 0, total, 1))


def _medians(stack: Stack, valid: Valid) -> list[tuple[Any, Valid]]:
    count = np.maximum(valid.sum(axis=0), 1)
    points = np.where(valid[:, None], stack, 0)
    found = points.sum(axis=0) / count
    distances = np.sqrt(((points - found) ** 2).sum(axis=1))
    spread = np.where(valid, distances, 0).sum(axis=0) / count
    active = np.flatnonzero(spread > 0)
    for _ in range(_STEPS):
        if not len(active):
            break
        new = _step(points[:, :, active], valid[:, active], found[:, active], spread[active])
        moved = np.sqrt(((new - found[:, active]) ** 2).sum(axis=0))
        found[:, active] = new
        active = active[moved > _NEAR * spread[active]]
    good = np.asarray(valid.any(axis=0))
    return [(values, good) for values in found]


def geometric_median(inputs: int) -> RowReducer:
    """The geometric median; the middle of two points, and of a line's points the one nearest to their mean."""
    outputs = tuple(f"geometricMedian{i or ''}" for i in range(inputs))
    return of_pixels(outputs, inputs, _medians, [DOUBLE] * inputs)
