"""Kernels. The weights are those that Google's API samples print (`ee.Kernel.circle` and the others)."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.support import check_count, refuse
from localearth.promote import is_number
from localearth.registry import function
from localearth.values.kernel import Kernel, Size, Weights

Floats = NDArray[np.float64]
Shape = Callable[[Floats, Floats, float, float], NDArray[Any]]
"""The weights from the distances to the focus in columns and rows, and the radii in pixels."""

_UNITS = "With `units` 'meters' pixels must be squares; in degrees their nominal size counts (assumed)."
_PART = _UNITS + " Pixels up to the radius belong to it, also if it is not a whole number of pixels (assumed)."

SHAPES: dict[str, tuple[str, Shape]] = {
    "square": ("A square.", lambda x, y, _r, _s: np.ones_like(x + y)),
    "circle": ("A circle.", lambda x, y, r, _s: x * x + y * y <= r * r + 1e-9),
    "diamond": ("A diamond.", lambda x, y, r, _s: x + y <= r),
    "plus": ("A plus.", lambda x, y, _r, _s: (x == 0) | (y == 0)),
    "cross": ("A diagonal cross.", lambda x, y, _r, _s: x == y),
    "octagon": ("An octagon.", lambda x, y, r, _s: x + y <= r + r // 2),
}
DISTANCES: dict[str, tuple[str, Shape]] = {
    "euclidean": ("Distances in a straight line.", lambda x, y, _r, _s: np.hypot(x, y)),
    "manhattan": ("Distances along rows and columns.", lambda x, y, _r, _s: x + y),
    "chebyshev": ("The larger of both distances.", lambda x, y, _r, _s: np.maximum(x, y)),
}
FIXED: dict[str, list[list[float]]] = {
    "laplacian4": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "laplacian8": [[1, 1, 1], [1, -8, 1], [1, 1, 1]],
    "sobel": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "roberts": [[1, 0], [0, -1]],
    "prewitt": [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
    "compass": [[1, 1, -1], [1, -2, -1], [1, 1, -1]],
    "kirsch": [[5, -3, -3], [5, 0, -3], [5, -3, -3]],
}


def in_metres(units: str) -> bool:
    """Whether a radius is in metres."""
    if units not in ("pixels", "meters"):
        raise refuse("units", units, "use 'pixels' or 'meters'")
    return units == "meters"


def _scaled(values: Floats, normalize: bool, magnitude: float) -> Floats:
    if normalize:
        if (values < 0).any():
            # The guide on convolutions says that their sum is then 0, but not how it gets there.
            raise refuse("normalize", True, "it normalizes weights that are not negative")
        total = values.sum()
        if abs(total) < 1e-12:
            raise EarthEngineError("argument 'normalize': the weights sum to 0 and cannot be normalized.")
        values = values / total
    return values * magnitude


def shaped(
    name: str, radii: tuple[float, float], units: str, normalize: bool, magnitude: float, shape: Shape | None = None
) -> Kernel:
    """A kernel of a named shape."""
    metres = in_metres(units)
    plain = name in DISTANCES and not normalize and magnitude == 1
    run = shape or (SHAPES | DISTANCES)[name][1]
    if not all(0 <= radius < math.inf for radius in radii):
        raise EarthEngineError(f"argument 'radius': must not be negative, not {min(radii)}.")

    def make(size: Size) -> Weights:
        unit = size() if metres else 1.0
        across, along = (_pixels(name, radius / unit) for radius in radii)
        cols, rows = math.floor(across + 1e-9), math.floor(along + 1e-9)
        check_count((2 * rows + 1) * (2 * cols + 1), "weights")
        x, y = np.abs(np.arange(-cols, cols + 1.0))[None, :], np.abs(np.arange(-rows, rows + 1.0))[:, None]
        values = np.broadcast_to(run(x, y, across, along), (2 * rows + 1, 2 * cols + 1)).astype(np.float64)
        return Weights(_scaled(values * unit if name in DISTANCES else values, normalize, magnitude), cols, rows)

    return Kernel(f"Kernel.{name}", make, (name, radii[0], metres) if plain else None)


def _pixels(name: str, radius: float) -> float:
    """A radius in pixels; refused where Google's answer is not known."""
    near = round(radius)
    if abs(radius - near) < 1e-9:
        radius = near
    if name == "octagon" and radius != 3:
        raise EarthEngineError("argument 'radius': the shape of Kernel.octagon is known for a radius of 3 pixels only.")
    return radius


def _register() -> None:
    for name, (text, _) in (SHAPES | DISTANCES).items():

        def run(radius: float, units: str, normalize: bool, magnitude: float, name: str = name) -> Kernel:
            return shaped(name, (radius, radius), units, normalize, magnitude)

        run.__doc__ = text
        function(f"Kernel.{name}", note=_UNITS + " Only 3 pixels." if name == "octagon" else _PART)(run)
    for name, weights in FIXED.items():

        def fixed_(magnitude: float, normalize: bool, name: str = name, weights: Any = weights) -> Kernel:
            values = _scaled(np.asarray(weights, float), normalize, magnitude)
            # Of the kernel with 2 x 2 weights, the sample gives [1, 1] as the centre.
            return constant(f"Kernel.{name}", values, len(weights) // 2, len(weights) // 2)

        fixed_.__doc__ = f"The {name} kernel."
        function(f"Kernel.{name}")(fixed_)


def constant(name: str, values: Floats, x: int, y: int) -> Kernel:
    """A kernel with given weights."""
    found = Weights(values, x, y)
    return Kernel(name, lambda _size: found)


_register()


@function("Kernel.rectangle", note=_PART)
def rectangle(x: float, y: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    """A rectangle."""
    return shaped("rectangle", (x, y), units, normalize, magnitude, SHAPES["square"][1])


@function(
    "Kernel.gaussian",
    note=_UNITS + " A square of the pixels that are less than the radius away in both directions (assumed).",
)
def gaussian(radius: float, sigma: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    """A Gaussian: for radius 3 and sigma 1 the sample shows 5 x 5 weights exp(-d^2 / 2), normalized."""
    metres = in_metres(units)
    if not (0 < radius < math.inf and 0 < sigma < math.inf):
        raise EarthEngineError(f"arguments 'radius' and 'sigma': must be positive, not {radius:g} and {sigma:g}.")

    def make(size: Size) -> Weights:
        unit = size() if metres else 1.0
        reach = max(math.ceil(radius / unit - 1e-9) - 1, 0)
        check_count((2 * reach + 1) ** 2, "weights")
        line = np.exp(-0.5 * (np.arange(-reach, reach + 1.0) * unit / sigma) ** 2)
        return Weights(_scaled(np.outer(line, line), normalize, magnitude), reach, reach)

    return Kernel("Kernel.gaussian", make)


@function("Kernel.fixed", note="The focus is the middle, or `x` and `y` from the upper left corner.")
def fixed(width: int, height: int, weights: list[Any], x: int, y: int, normalize: bool) -> Kernel:
    """A kernel with given weights."""
    if not weights or not all(isinstance(row, list) and all(map(is_number, row)) for row in weights):
        raise EarthEngineError("argument 'weights': must be a list of lists of numbers.")
    rows, cols = len(weights), len(weights[0])
    if any(len(row) != cols for row in weights) or cols == 0:
        raise EarthEngineError("argument 'weights': all rows must have the same length, at least 1.")
    if width not in (-1, cols) or height not in (-1, rows):
        raise EarthEngineError(f"The weights are {cols} x {rows}, not {width} x {height}.")
    values = _scaled(np.asarray(weights, float), normalize, 1)
    return constant("Kernel.fixed", values, _focus("x", x, cols), _focus("y", y, rows))


def _focus(name: str, at: int, count: int) -> int:
    """The position of the focus. Google's guide gives the middle of nine as -4, so minus the middle is the middle."""
    middle = count // 2
    if at in (-1, -middle) and (at or count == 1) and count % 2:
        return middle
    if not 0 <= at < count:
        raise refuse(name, at, f"give a position from 0 to {count - 1}")
    return at


@function("Kernel.rotate")
def rotate(kernel: Kernel, rotations: int) -> Kernel:
    """The kernel turned clockwise by quarter turns."""

    def make(size: Size) -> Weights:
        found = kernel.make(size)
        values, x, y = found.values, found.x, found.y
        for _ in range(rotations % 4):
            values, x, y = np.rot90(values, -1), values.shape[0] - 1 - y, x
        return Weights(values, x, y)

    return Kernel("Kernel.rotate", make)


@function("Kernel.add")
def add(one: Kernel, two: Kernel, normalize: bool) -> Kernel:
    """The sum of two kernels with the same focus; where one has no weight, the other's counts."""

    def make(size: Size) -> Weights:
        a, b = one.make(size), two.make(size)
        x, y = max(a.x, b.x), max(a.y, b.y)
        cols = x + max(each.values.shape[1] - each.x for each in (a, b))
        rows = y + max(each.values.shape[0] - each.y for each in (a, b))
        total = np.zeros((rows, cols))
        for each in (a, b):
            top, left = y - each.y, x - each.x
            total[top : top + each.values.shape[0], left : left + each.values.shape[1]] += each.values
        return Weights(_scaled(total, normalize, 1), x, y)

    return Kernel("Kernel.add", make)


@function("Kernel.inverse")
def inverse(kernel: Kernel) -> Kernel:
    """The kernel with the reciprocals of its weights; 0 stays 0."""

    def make(size: Size) -> Weights:
        found = kernel.make(size)
        safe = np.where(found.values == 0, 1, found.values)
        return Weights(np.where(found.values == 0, 0, 1 / safe), found.x, found.y)

    return Kernel("Kernel.inverse", make)
