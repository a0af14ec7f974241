"""Finds out whether tiles form a lattice on the ground, so that a sheet can show them as a map would."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROW_GAP = 0.5
"""A step in latitude begins a new row when it exceeds this share of the largest step."""


def lattice_order(centres: Sequence[tuple[float, float]]) -> tuple[list[int], int] | None:
    """The order in which tiles fill a sheet north to south and west to east, if they form a full lattice.

    The rows may be slightly turned against the parallels, as a projected grid's are.

    Args:
        centres: (longitude, latitude) of each tile, degrees.

    Returns:
        The tiles' positions in `centres` in that order, and the number of columns; None when
        they form no lattice of at least two rows and two columns.
    """
    if len(centres) < 4:
        return None
    points = np.asarray(centres, dtype=np.float64)
    from_north = np.argsort(-points[:, 1], kind="stable")
    steps = -np.diff(points[from_north, 1])
    rows = np.split(from_north, np.flatnonzero(steps > ROW_GAP * steps.max()) + 1)
    columns = len(rows[0])
    if len(rows) < 2 or columns < 2 or any(len(row) != columns for row in rows):
        return None
    ordered = np.stack([row[np.argsort(points[row, 0], kind="stable")] for row in rows])
    if not _even(points[ordered, 0], axis=1) or not _even(points[ordered, 1], axis=0):
        return None
    return [int(position) for position in ordered.ravel()], columns


def _even(values: NDArray[np.float64], axis: int) -> bool:
    """Whether all steps along an axis are nearly the same, and not zero."""
    steps = np.abs(np.diff(values, axis=axis))
    return bool(steps.min() > 0 and steps.max() < 1.1 * steps.min())
