"""Images of matrices: products, inverses and measures, as in linear algebra."""

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.image_array import arrays, computed, matrices
from localearth.functions.support import base_of, of_pairs, pairs
from localearth.registry import function
from localearth.values import matrix
from localearth.values.image import Image, ImageBand
from localearth.values.pixel_type import DOUBLE, PixelType

Array = NDArray[Any]


UNARY: dict[str, tuple[str, int, Callable[[Array], Any]]] = {
    "matrixInverse": ("The inverse.", 2, matrix.inverse),
    "matrixPseudoInverse": ("The pseudo-inverse.", 2, matrix.pseudo_inverse),
    "matrixDeterminant": ("The determinant.", 0, matrix.determinant),
    "matrixTrace": ("The sum of the diagonal.", 0, matrix.trace),
    "matrixFnorm": ("The Frobenius norm.", 0, matrix.norm),
    "matrixDiagonal": ("The diagonal, as a column.", 2, matrix.diagonal),
    "matrixToDiag": ("The square matrix with a column as diagonal.", 2, matrix.to_diagonal),
}


def _named(name: str, run: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a pixel, with errors that name the function of images."""

    def named(*values: Array) -> Any:
        try:
            return run(*values)
        except EarthEngineError as error:
            raise error.at(f"Image.{name}") from None

    return named


def _multiply(left: Array, right: Array) -> Array:
    matrix.check_product(left, right)
    return np.asarray(left @ right)


def _register() -> None:
    for name, (text, dimensions, compute) in UNARY.items():
        run = _named(name, compute)

        def unary(image: Image, dimensions: int = dimensions, run: Any = run) -> Image:
            def one(band: ImageBand) -> ImageBand:
                matrices(band)
                return computed(band.name, evolve(DOUBLE, dimensions=dimensions), band, [band], run)

            return image.with_bands(map(one, image.bands))

        unary.__doc__ = text
        function(f"Image.{name}")(unary)
    for name, text, of_two in (
        ("matrixMultiply", "The product of matrices.", _multiply),
        ("matrixSolve", "x of A x = B, by least squares if there are more equations.", matrix.solve),
    ):
        both = _named(name, of_two)

        def binary(left: Image, right: Image, name: str = name, both: Any = both) -> Image:
            def one(label: str, a: ImageBand, b: ImageBand) -> ImageBand:
                matrices(a)
                matrices(b)
                union = a.type.union(b.type)
                product = evolve(PixelType(union.precision), dimensions=2)
                kind = product if name == "matrixMultiply" else evolve(DOUBLE, dimensions=2)
                return computed(label, kind, base_of(a, b), [a, b], both)

            return of_pairs(left, right, (one(*each) for each in pairs(left, right)))

        binary.__doc__ = text
        function(f"Image.{name}")(binary)


_register()


@function("Image.matrixCholeskyDecomposition")
def cholesky(image: Image) -> Image:
    """The lower triangular matrix L of L L', as the band `L`."""
    band = image.single()
    matrices(band)
    run = _named("matrixCholeskyDecomposition", matrix.cholesky)
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
        return computed(name, PixelType(a.type.union(b.type).precision), base_of(a, b), [a, b], run)

    return of_pairs(left, right, (one(*each) for each in pairs(left, right)))
