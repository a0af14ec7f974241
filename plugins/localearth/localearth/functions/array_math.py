"""Arrays: arithmetic and comparisons of each element, casts, and matrices."""

from typing import Any

from localearth.errors import EarthEngineError
from localearth.functions.arithmetic import BINARY, UNARY, Operation, cast_names
from localearth.registry import function
from localearth.signatures import signatures
from localearth.values import array as arrays
from localearth.values import matrix
from localearth.values.array import Array
from localearth.values.pixel_type import DOUBLE, NAMED, PixelType


def run_array(operation: Operation, *operands: Array) -> Array:
    """An operation on the elements of arrays."""
    kind = operation.type(*(each.kind for each in operands))
    return Array(operation.run(kind, *(each.data for each in operands)), kind)


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


@function("Array.dotProduct")
def dot_product(left: Array, right: Array) -> Any:
    """The dot product of two 1-D arrays."""
    if left.data.ndim != 1 or left.data.shape != right.data.shape:
        raise EarthEngineError("Two 1-D arrays of equal length are needed.")
    return run_array(BINARY["multiply"], left, right).data.sum().item()


@function("Array.matrixMultiply")
def multiply(left: Array, right: Array) -> Array:
    """The product of two matrices."""
    a, b = matrix.checked(left.data), matrix.checked(right.data)
    matrix.check_product(a, b)
    return Array(a @ b, DOUBLE)


@function("Array.matrixDeterminant")
def determinant(array: Array) -> float:
    """The determinant."""
    return matrix.determinant(array.data)


@function("Array.matrixTrace")
def trace(array: Array) -> float:
    """The sum of the diagonal."""
    return matrix.trace(array.data)


@function("Array.matrixFnorm")
def norm(array: Array) -> float:
    """The Frobenius norm."""
    return matrix.norm(array.data)


@function("Array.matrixDiagonal")
def diagonal(array: Array) -> Array:
    """The diagonal as a column."""
    return Array(matrix.diagonal(array.data), array.kind)


@function("Array.matrixToDiag")
def to_diagonal(array: Array) -> Array:
    """The matrix with a column as its diagonal."""
    return Array(matrix.to_diagonal(array.data), array.kind)


@function("Array.matrixInverse")
def inverse(array: Array) -> Array:
    """The inverse of a square matrix."""
    return Array(matrix.inverse(array.data), DOUBLE)


@function("Array.matrixPseudoInverse")
def pseudo_inverse(array: Array) -> Array:
    """The Moore-Penrose pseudoinverse."""
    return Array(matrix.pseudo_inverse(array.data), DOUBLE)


@function("Array.matrixSolve", note="A square or overdetermined matrix of full rank.")
def solve(left: Array, right: Array) -> Array:
    """The x of A x = B, by least squares if A has more rows than columns."""
    return Array(matrix.solve(left.data, right.data), DOUBLE)


@function("Array.matrixCholeskyDecomposition")
def cholesky(array: Array) -> dict[str, Array]:
    """The lower triangular L of L L'."""
    return {"L": Array(matrix.cholesky(array.data), DOUBLE)}
