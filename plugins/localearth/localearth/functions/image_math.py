"""Arithmetic, comparisons and casts of images, pixel by pixel."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.arithmetic import BINARY, UNARY, Operation, cast_names, floating
from localearth.functions.image_array import computed
from localearth.functions.support import base_of, is_constant, of_pairs, pairs
from localearth.raster.grid import Grid
from localearth.raster.mask import both
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull, masked_band, of_bands, window
from localearth.values.pixel_type import NAMED, PixelType, cast
from localearth.values.projection import apply

_ALIASES = {
    "bitwiseAnd": ("Image.bitwise_and",),
    "bitwiseOr": ("Image.bitwise_or",),
    "bitwiseXor": ("Image.bitwise_xor",),
    "leftShift": ("Image.left_shift",),
    "rightShift": ("Image.right_shift",),
    "bitwiseNot": ("Image.bitwise_not",),
}


def _binary(operation: Operation, name: str, left: ImageBand, right: ImageBand) -> ImageBand:
    if left.type.dimensions or right.type.dimensions:
        return _binary_arrays(operation, name, left, right)
    kind = operation.type(left.type, right.type)

    def source(grid: Grid, pull: Pull) -> Sampled:
        a, valid = pull.weighted(left.source, grid)
        b, also = pull.weighted(right.source, grid)
        return operation.run(kind, a, b), both(valid, also)

    base = base_of(left, right)
    other = left if base is right else right
    fractional = left.fractional or right.fractional
    return ImageBand(name, kind, base.projection, source, common_dimensions(base, other), fractional)


def _binary_arrays(operation: Operation, name: str, left: ImageBand, right: ImageBand) -> ImageBand:
    """Arrays of one shape element by element, or an array with a number."""
    kind = operation.type(evolve(left.type, dimensions=0), evolve(right.type, dimensions=0))

    def run(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        if a.ndim and b.ndim and a.shape != b.shape:
            raise EarthEngineError(f"Arrays of the shapes {list(a.shape)} and {list(b.shape)} do not fit.")
        return operation.run(kind, a, b)

    most = max(left.type.dimensions, right.type.dimensions)
    return computed(name, evolve(kind, dimensions=most), base_of(left, right), [left, right], run)


def common_dimensions(base: ImageBand, other: ImageBand) -> tuple[int, ...] | None:
    """The dimensions of a result on the grid of `base`; None when the bounds of the bands differ."""
    if other.dimensions is None and is_constant(other):
        return base.dimensions
    return base.dimensions if _edges(base) == _edges(other) else None


def _edges(band: ImageBand) -> tuple[Any, ...] | None:
    """The CRS and the corners of a band."""
    inside = window(band)
    if inside is None:
        return None
    corners = (apply(band.projection.transform, *corner) for corner in (inside[:2], inside[2:]))
    return band.projection.crs, *(round(v, 6) for corner in corners for v in corner)


def unary(band: ImageBand, operation: Operation) -> ImageBand:
    """A band with an operation applied to it."""
    if band.type.dimensions:
        inner = operation.type(evolve(band.type, dimensions=0))
        outer = evolve(inner, dimensions=band.type.dimensions)
        return computed(band.name, outer, band, [band], lambda value: operation.run(inner, value))
    kind = operation.type(band.type)

    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = pull.weighted(band.source, grid)
        return operation.run(kind, values), mask

    return evolve(band, type=kind, source=source)


def cast_band(band: ImageBand, kind: PixelType) -> ImageBand:
    """A band cast to a type."""
    if band.type.dimensions:
        return computed(
            band.name, evolve(kind, dimensions=band.type.dimensions), band, [band], lambda value: cast(value, kind)
        )

    def source(grid: Grid, pull: Pull) -> Sampled:
        values, mask = pull.weighted(band.source, grid)
        return cast(values, kind), mask

    return evolve(band, type=kind, source=source)


def binary_image(operation: Operation, left: Image, right: Image) -> Image:
    """An operation on the matched bands of two images."""
    return of_pairs(left, right, (_binary(operation, label, a, b) for label, a, b in pairs(left, right)))


def _register() -> None:
    """Registers the operations of the shared tables for images."""
    for name, operation in BINARY.items():

        def binary(left: Image, right: Image, operation: Operation = operation) -> Image:
            return binary_image(operation, left, right)

        note = (
            "The result's range follows from the operands' ranges." if name in ("add", "subtract", "multiply") else ""
        )
        function(f"Image.{name}", *_ALIASES.get(name, ()), note=note)(binary)
    for name, operation in UNARY.items():

        def single(image: Image, operation: Operation = operation) -> Image:
            return image.with_bands(unary(band, operation) for band in image.bands)

        note = "Halves are rounded away from 0 (assumed)." if name == "round" else ""
        names = (f"Image.{name}", *_ALIASES.get(name, ()))
        function(*names, note=note)(single)
    for target, names in cast_names("Image").items():

        def convert(image: Image, kind: PixelType = NAMED[target]) -> Image:
            return image.with_bands(cast_band(band, kind) for band in image.bands)

        note = "Clamps to the type's range, truncates fractions; NaN becomes 0 (assumed)."
        function(*names, note=note if NAMED[target].is_integer else "")(convert)


_register()


@function("Image.cast", note="Types are strings or PixelTypes.")
def cast_bands(image: Image, types: Mapping[str, Any], order: list[str] | None) -> Image:
    """Casts bands by name; bands that are not in the image are added, masked everywhere (documented)."""
    by_name = {band.name: band for band in image.bands}
    for name, given in sorted(types.items()):
        kind = NAMED.get(given) if isinstance(given, str) else given
        if not isinstance(kind, PixelType):
            raise EarthEngineError(f"Invalid type for band '{name}'.")
        by_name[name] = cast_band(by_name[name], kind) if name in by_name else masked_band(name, kind)
    if order is not None and sorted(order) != sorted(by_name):
        raise EarthEngineError("bandOrder must name every band of the image.")
    return image.with_bands(by_name[name] for name in order or by_name)


@function("Image.clamp")
def clamp(image: Image, low: float, high: float) -> Image:
    """Clamps values to a range. Whole bounds keep an integer band integer."""
    if low > high:
        raise EarthEngineError(
            f"arguments 'low' {low:g} and 'high' {high:g}: the local Earth Engine needs low <= high; exchange them."
        )

    def one(band: ImageBand) -> ImageBand:
        band.numbers_only()
        whole = low == int(low) and high == int(high)
        precision = band.type.precision if whole or not band.type.is_integer else "double"
        ends = [min(max(edge, low), high) for edge in band.type.bounds]
        kind = PixelType(precision, *(map(int, ends) if precision == "int" else ends))

        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull.weighted(band.source, grid)
            # In single precision the bounds are rounded like the result.
            wide = values if values.dtype.kind == "f" else values.astype(np.float64)
            return np.clip(wide, low, high).astype(kind.dtype, copy=False), mask

        return evolve(band, type=kind, source=source)

    return image.with_bands(map(one, image.bands))


@function("Image.unitScale")
def unit_scale(image: Image, low: float, high: float) -> Image:
    """Maps [low, high] to [0, 1] without clamping; always floating point."""
    if low == high:
        raise EarthEngineError("arguments 'low' and 'high': must be different numbers.")
    scale = Operation(lambda values: (values - low) / (high - low), floating)
    return image.with_bands(unary(band, scale) for band in image.bands)


@function("Image.normalizedDifference", note="0 where both bands are 0 (assumed, as in `divide`).")
def normalized_difference(image: Image, names: list[str] | None) -> Image:
    """(a - b) / (a + b) of two bands; masked where an input is negative (documented)."""
    chosen = names or image.names[:2]
    if len(chosen) != 2:
        raise EarthEngineError(f"argument 'bandNames': two bands are needed, not {len(chosen)}.")
    one, two = map(image.band, chosen)
    one.numbers_only()
    two.numbers_only()

    def source(grid: Grid, pull: Pull) -> Sampled:
        a, valid = pull.weighted(one.source, grid)
        b, also = pull.weighted(two.source, grid)
        a, b = a.astype(float), b.astype(float)
        total = a + b
        found = np.where(total == 0, 0, (a - b) / np.where(total == 0, 1, total))
        return found.astype(np.float32), both(both(valid, also), (a >= 0) & (b >= 0))

    # The quotient of inputs that are not negative is between -1 and 1.
    kind = PixelType("float", -1, 1)
    fractional = one.fractional or two.fractional
    band = ImageBand("nd", kind, one.projection, source, common_dimensions(one, two), fractional)
    return of_bands([band], footprint=image.footprint)
