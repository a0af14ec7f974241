"""Linear algebra of matrices, for arrays and for images of arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError

Matrix = NDArray[Any]


def checked(matrix: Matrix, square: bool = False) -> NDArray[np.float64]:
    """A matrix in double precision.

    Raises:
        EarthEngineError: the array does not have two dimensions, or is not square where it must be.
    """
    if matrix.ndim != 2 or (square and matrix.shape[0] != matrix.shape[1]):
        raise EarthEngineError(f"A {'square ' * square}matrix is needed, not lengths {list(matrix.shape)}.")
    return matrix.astype(np.float64)


def _solved(run: Callable[[], Any]) -> Matrix:
    try:
        return np.asarray(run())
    except np.linalg.LinAlgError as error:
        raise EarthEngineError(f"The matrix can't be used: {error}.") from None


def check_product(left: Matrix, right: Matrix) -> None:
    """Refuses matrices that cannot be multiplied."""
    if left.shape[1] != right.shape[0]:
        raise EarthEngineError(f"Matrices of lengths {list(left.shape)} and {list(right.shape)} can't be multiplied.")


def inverse(matrix: Matrix) -> Matrix:
    """The inverse of a square matrix."""
    values = checked(matrix, True)
    if np.linalg.matrix_rank(values) < len(values):
        raise EarthEngineError("The matrix can't be used: it is singular.")
    return _solved(lambda: np.linalg.inv(values))


def pseudo_inverse(matrix: Matrix) -> Matrix:
    """The Moore-Penrose pseudoinverse."""
    return _solved(lambda: np.linalg.pinv(checked(matrix)))


def determinant(matrix: Matrix) -> float:
    """The determinant of a square matrix."""
    return float(np.linalg.det(checked(matrix, True)))


def trace(matrix: Matrix) -> float:
    """The sum of the diagonal of a square matrix."""
    return float(np.trace(checked(matrix, True)))


def norm(matrix: Matrix) -> float:
    """The Frobenius norm."""
    return float(np.linalg.norm(checked(matrix)))


def diagonal(matrix: Matrix) -> Matrix:
    """The diagonal as a column."""
    checked(matrix)
    return np.diagonal(matrix)[:, None]


def to_diagonal(matrix: Matrix) -> Matrix:
    """The matrix with a column as its diagonal."""
    if checked(matrix).shape[1] != 1:
        raise EarthEngineError(f"A matrix with one column is needed, not {matrix.shape[1]}.")
    return np.diag(matrix[:, 0])


def solve(left: Matrix, right: Matrix) -> Matrix:
    """The x of A x = B, by least squares if A has more rows than columns."""
    a, b = checked(left), checked(right)
    if a.shape[0] != b.shape[0] or a.shape[0] < a.shape[1] or np.linalg.matrix_rank(a) < a.shape[1]:
        raise EarthEngineError("A matrix of full rank with as many rows as the right-hand side is needed.")
    return _solved(lambda: np.linalg.lstsq(a, b, rcond=None)[0])


def cholesky(matrix: Matrix) -> Matrix:
    """The lower triangular L of L L'."""
    values = checked(matrix, True)
    if not np.allclose(values, values.T):
        raise EarthEngineError("A symmetric matrix is needed.")
    return _solved(lambda: np.linalg.cholesky(values))
