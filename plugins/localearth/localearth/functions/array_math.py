"""Arrays: arithmetic and comparisons of each element, casts, and matrices."""

from collections.abc import Callable
from typing import Any

import numpy as np

from localearth.errors import EarthEngineError
from localearth.functions.arithmetic import BINARY, EXACT, UNARY, Operation, cast_names
from localearth.registry import function
from localearth.signatures import signatures
from localearth.values import array as arrays
from localearth.values.array import Array
from localearth.values.pixel_type import DOUBLE, NAMED, PixelType


def run_array(operation: Operation, *operands: Array) -> Array:
    """An operation on the elements of arrays."""
    kind = operation.type(*(each.kind for each in operands))
    found = operation.run(kind, *(each.data for each in operands))
    if operation.compute in EXACT and found.dtype.kind == "i" and found.size:
        exact = EXACT[operation.compute](*(each.data.astype(object) for each in operands))
        if (exact != found).any():
            raise EarthEngineError("A result has more than 64 bits, which the local Earth Engine refuses.")
    return Array(found, kind)


def _register() -> None:
    """Registers the operations of the shared tables for arrays."""
    aliases = {"firstNonZero": "first_nonzero"}
    for name, operation in BINARY.items():

        def binary(left: Array, right: Array, operation: Operation = operation) -> Array:
            if left.data.shape != right.data.shape and left.data.ndim and right.data.ndim:
                raise EarthEngineError(
                    f"Arrays must have equal lengths, or one must be a number: {list(left.data.shape)} and "
                    f"{list(right.data.shape)}."
                )
            return run_array(operation, left, right)

        binary.__doc__ = f"{name} of two arrays, element by element."
        snake = aliases.get(name, "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name))
        names = {f"Array.{name}", f"Array.{snake}"} & set(signatures())
        function(*sorted(names), note="Arrays of equal lengths, or an array and a number.")(binary)
    for name, operation in UNARY.items():

        def single(value: Array, operation: Operation = operation) -> Array:
            return run_array(operation, value)

        single.__doc__ = f"{name} of each element."
        snake = {"bitwiseNot": "bitwise_not"}.get(name, name)
        function(*sorted({f"Array.{name}", f"Array.{snake}"} & set(signatures())))(single)
    for target, names_of in cast_names("Array").items():

        def convert(value: Array, kind: PixelType = NAMED[target]) -> Array:
            return arrays.make(value, kind)

        convert.__doc__ = f"The array as {target}."
        note = "Clamps to the type's range and rounds; a negative half is refused." if NAMED[target].is_integer else ""
        function(*(each for each in names_of if each in signatures()), note=note)(convert)


_register()


def _matrix(array: Array, square: bool = False) -> Any:
    if array.data.ndim != 2 or (square and array.data.shape[0] != array.data.shape[1]):
        raise EarthEngineError(f"A {'square ' * square}matrix is needed, not lengths {list(array.data.shape)}.")
    return array.data.astype(np.float64)


def _solved(run: Callable[[], Any]) -> Array:
    try:
        return Array(run(), DOUBLE)
    except np.linalg.LinAlgError as error:
        raise EarthEngineError(f"The matrix can't be used: {error}.") from None


@function("Array.dotProduct")
def dot_product(left: Array, right: Array) -> Any:
    """The dot product of two 1-D arrays."""
    if left.data.ndim != 1 or left.data.shape != right.data.shape:
        raise EarthEngineError("Two 1-D arrays of equal length are needed.")
    return run_array(BINARY["multiply"], left, right).data.sum().item()


@function("Array.matrixMultiply")
def multiply(left: Array, right: Array) -> Array:
    """The product of two matrices."""
    a, b = _matrix(left), _matrix(right)
    if a.shape[1] != b.shape[0]:
        raise EarthEngineError(f"Matrices of lengths {list(a.shape)} and {list(b.shape)} can't be multiplied.")
    return Array(a @ b, DOUBLE)


@function("Array.matrixDeterminant")
def determinant(array: Array) -> float:
    """The determinant."""
    return float(np.linalg.det(_matrix(array, True)))


@function("Array.matrixTrace")
def trace(array: Array) -> float:
    """The sum of the diagonal."""
    return float(np.trace(_matrix(array, True)))


@function("Array.matrixFnorm")
def norm(array: Array) -> float:
    """The Frobenius norm."""
    return float(np.linalg.norm(_matrix(array)))


@function("Array.matrixDiagonal")
def diagonal(array: Array) -> Array:
    """The diagonal as a column."""
    _matrix(array)
    return Array(np.diagonal(array.data)[:, None], array.kind)


@function("Array.matrixToDiag")
def to_diagonal(array: Array) -> Array:
    """The matrix with a column as its diagonal."""
    if _matrix(array).shape[1] != 1:
        raise EarthEngineError("A matrix with one column is needed.")
    return Array(np.diag(array.data[:, 0]), array.kind)


@function("Array.matrixInverse")
def inverse(array: Array) -> Array:
    """The inverse of a square matrix."""
    matrix = _matrix(array, True)
    if np.linalg.matrix_rank(matrix) < len(matrix):
        raise EarthEngineError("The matrix can't be used: it is singular.")
    return _solved(lambda: np.linalg.inv(matrix))


@function("Array.matrixPseudoInverse")
def pseudo_inverse(array: Array) -> Array:
    """The Moore-Penrose pseudoinverse."""
    return _solved(lambda: np.linalg.pinv(_matrix(array)))


@function("Array.matrixSolve", note="A square or overdetermined matrix of full rank.")
def solve(left: Array, right: Array) -> Array:
    """The x of A x = B, by least squares if A has more rows than columns."""
    a, b = _matrix(left), _matrix(right)
    if a.shape[0] != b.shape[0] or a.shape[0] < a.shape[1] or np.linalg.matrix_rank(a) < a.shape[1]:
        raise EarthEngineError("A matrix of full rank with as many rows as the right-hand side is needed.")
    return _solved(lambda: np.linalg.lstsq(a, b, rcond=None)[0])


@function("Array.matrixCholeskyDecomposition")
def cholesky(array: Array) -> dict[str, Array]:
    """The lower triangular L of L L'."""
    matrix = _matrix(array, True)
    if not np.allclose(matrix, matrix.T):
        raise EarthEngineError("A symmetric matrix is needed.")
    return {"L": _solved(lambda: np.linalg.cholesky(matrix))}
