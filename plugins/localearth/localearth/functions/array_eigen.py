"""Eigenvalues and eigenvectors of matrices."""

import numpy as np

from localearth.errors import EarthEngineError
from localearth.registry import function
from localearth.values.array import Array
from localearth.values.eigen import eigen
from localearth.values.pixel_type import DOUBLE

_TOLERANCE = 1e-9
"""Differences across the diagonal, relative to the largest element, of matrices that are treated as symmetric."""


@function("Array.eigen", note="Symmetric matrices that are not 0; the server uses another algorithm for others.")
def array_eigen(array: Array) -> Array:
    """A row for each eigenvalue, the largest first: the value and its vector."""
    matrix = array.data.astype(float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise EarthEngineError(f"A square matrix is needed, not {list(matrix.shape)}.")
    largest = np.abs(matrix).max(initial=0)
    if not np.isfinite(largest) or not largest or np.abs(matrix - matrix.T).max() > _TOLERANCE * largest:
        raise EarthEngineError("the local Earth Engine supports symmetric matrices that are not 0.")
    return Array(np.array([[value, *vector] for value, vector in eigen(matrix.tolist())]), DOUBLE)
