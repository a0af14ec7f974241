"""Images of matrices: products, inverses and measures, as in linear algebra."""

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.image_array import arrays, computed, matrices
from localearth.functions.support import pairs
from localearth.registry import function
from localearth.values.image import Image, ImageBand
from localearth.values.pixel_type import DOUBLE, PixelType

Array = NDArray[Any]


def _diagonal(value: Array) -> Array:
    return np.diagonal(value)[:, None]


def _to_diagonal(value: Array) -> Array:
    if value.shape[1] != 1:
        raise EarthEngineError(f"Image.matrixToDiag: one column is needed, not {value.shape[1]}.", placed=True)
    return np.diagflat(value)


def _square(value: Array) -> Array:
    if value.shape[0] != value.shape[1]:
        raise EarthEngineError(f"The matrix must be square, not {value.shape[0]} x {value.shape[1]}.")
    return value


UNARY: dict[str, tuple[str, int, Callable[[Array], Any]]] = {
    "matrixInverse": ("The inverse.", 2, lambda value: _solved(np.linalg.inv, _square(value))),
    "matrixPseudoInverse": ("The pseudo-inverse.", 2, lambda value: np.linalg.pinv(value.astype(float))),
    "matrixDeterminant": ("The determinant.", 0, lambda value: np.linalg.det(_square(value).astype(float))),
    "matrixTrace": ("The sum of the diagonal.", 0, lambda value: np.trace(_square(value))),
    "matrixFnorm": ("The Frobenius norm.", 0, lambda value: np.linalg.norm(value.astype(float))),
    "matrixDiagonal": ("The diagonal, as a column.", 2, _diagonal),
    "matrixToDiag": ("The square matrix with a column as diagonal.", 2, _to_diagonal),
}


def _solved(run: Callable[..., Any], *values: Array) -> Any:
    try:
        return run(*(each.astype(float) for each in values))
    except np.linalg.LinAlgError as error:
        raise EarthEngineError(f"The matrix equation has no solution: {error}.") from None


def _multiply(left: Array, right: Array) -> Array:
    if left.shape[1] != right.shape[0]:
        raise EarthEngineError(
            f"Image.matrixMultiply: matrices of {list(left.shape)} and {list(right.shape)} do not fit.",
            placed=True,
        )
    return np.asarray(left @ right)


def _solve(left: Array, right: Array) -> Array:
    if left.shape[0] != right.shape[0]:
        raise EarthEngineError(f"Image.matrixSolve: {left.shape[0]} and {right.shape[0]} rows do not fit.", placed=True)
    if left.shape[0] < left.shape[1]:
        raise EarthEngineError("Image.matrixSolve: there are more unknowns than equations.", placed=True)
    if left.shape[0] == left.shape[1]:
        return np.asarray(_solved(np.linalg.solve, left, right))
    return np.asarray(_solved(lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], left, right))


def _register() -> None:
    for name, (text, dimensions, run) in UNARY.items():

        def unary(image: Image, dimensions: int = dimensions, run: Any = run) -> Image:
            def one(band: ImageBand) -> ImageBand:
                matrices(band)
                return computed(band.name, evolve(DOUBLE, dimensions=dimensions), band, [band], run)

            return image.with_bands(map(one, image.bands))

        unary.__doc__ = text
        function(f"Image.{name}")(unary)
    for name, text, both in (
        ("matrixMultiply", "The product of matrices.", _multiply),
        ("matrixSolve", "x of A x = B, by least squares if there are more equations.", _solve),
    ):

        def binary(left: Image, right: Image, name: str = name, both: Any = both) -> Image:
            def one(label: str, a: ImageBand, b: ImageBand) -> ImageBand:
                matrices(a)
                matrices(b)
                union = a.type.union(b.type)
                product = evolve(PixelType(union.precision), dimensions=2)
                kind = product if name == "matrixMultiply" else evolve(DOUBLE, dimensions=2)
                return computed(label, kind, a, [a, b], both)

            return left.with_bands(one(*each) for each in pairs(left, right))

        binary.__doc__ = text
        function(f"Image.{name}")(binary)


_register()


@function("Image.matrixCholeskyDecomposition")
def cholesky(image: Image) -> Image:
    """The lower triangular matrix L of L L', as the band `L`."""

    def run(value: Array) -> Array:
        if not np.allclose(_square(value), value.T):
            raise EarthEngineError("Image.matrixCholeskyDecomposition: the matrix must be symmetric.", placed=True)
        return np.asarray(_solved(np.linalg.cholesky, value))

    band = image.single()
    matrices(band)
    return image.with_bands([computed("L", evolve(DOUBLE, dimensions=2), band, [band], run)])


@function("Image.arrayDotProduct")
def array_dot_product(left: Image, right: Image) -> Image:
    """The sum of the products of the elements of two vectors."""

    def run(a: Array, b: Array) -> Any:
        if a.shape != b.shape:
            raise EarthEngineError(f"Image.arrayDotProduct: {a.size} and {b.size} elements do not fit.", placed=True)
        return a @ b

    def one(name: str, a: ImageBand, b: ImageBand) -> ImageBand:
        if arrays(a) != 1 or arrays(b) != 1:
            raise EarthEngineError("Both images must have arrays of 1 dimension.")
        return computed(name, PixelType(a.type.union(b.type).precision), a, [a, b], run)

    return left.with_bands(one(*each) for each in pairs(left, right))
