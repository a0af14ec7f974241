"""Reducers of arrays to their covariance matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.values.array import Array, make
from localearth.values.pixel_type import DOUBLE
from localearth.values.row_reducers import RowReducer, Rows, of_rows


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
