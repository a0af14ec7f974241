"""`Image.glcmTexture`: Haralick's and Conners' measures of texture, from the pairs of pixels around each pixel.

That logarithms are natural, that a pair counts in both orders and that both of its pixels are in the window follows
from values that a university's course published for 5 x 5 pixels: at least 0.0281 for `asm` and at most 3.577 for
`ent`. They are the means over four directions where all pixels differ: (2 / 40 + 2 / 32) / 4 and
(2 ln 40 + 2 ln 32) / 4.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.functions.image_texture import entropy_of, groups
from localearth.functions.neighborhood import GRID, STACK
from localearth.functions.support import refuse
from localearth.raster.grid import Grid
from localearth.raster.sampling import Sampled
from localearth.registry import function
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.kernel import Kernel
from localearth.values.pixel_type import DOUBLE, doubles

Floats = NDArray[np.float64]


@frozen(eq=False)
class _Pairs:
    """The pairs of pixels with a distance and direction in the window of each of n pixels.

    Attributes:
        a: the first values, (pairs, n).
        b: the second values, (pairs, n).
        known: whether both pixels are valid, (pairs, n).
    """

    a: Floats
    b: Floats
    known: NDArray[np.bool_]

    def mean(self, values: Floats) -> Any:
        """The mean over the pairs."""
        return np.where(self.known, values, 0).sum(axis=0) / np.maximum(self.known.sum(axis=0), 1)

    def entropy(self, *values: Any) -> Any:
        """The entropy of values of the pairs, in nats."""
        return entropy_of(self._stacked(values))

    def joint(self) -> NDArray[Any]:
        """The pairs in both orders, (2 * pairs, n), as complex numbers; infinite where not known."""
        return self._stacked((self.a + 1j * self.b, self.b + 1j * self.a))

    def _stacked(self, values: tuple[Any, ...]) -> NDArray[Any]:
        return np.concatenate([np.where(self.known, each, np.inf) for each in values])

    @property
    def centre(self) -> Any:
        """The mean of the values."""
        return self.mean(self.a + self.b) / 2

    @property
    def variance(self) -> Any:
        """The variance of the values."""
        return self.mean((self.a - self.centre) ** 2 + (self.b - self.centre) ** 2) / 2


def _central_moment(power: int) -> Callable[[_Pairs], Any]:
    return lambda pairs: pairs.mean((pairs.a + pairs.b - 2 * pairs.centre) ** power)


def _contrast(pairs: _Pairs) -> Any:
    return pairs.mean((pairs.a - pairs.b) ** 2)


def _angular_second_moment(pairs: _Pairs) -> Any:
    joint = pairs.joint()
    total = np.zeros(joint.shape[1:])
    for group in groups(joint):
        total += group**2
    return total / np.maximum(np.isfinite(joint).sum(axis=0), 1) ** 2


def _correlation(pairs: _Pairs) -> Any:
    spread = _nonzero(pairs, pairs.variance)
    return (pairs.mean(pairs.a * pairs.b) - pairs.centre**2) / spread


def _difference_variance(pairs: _Pairs) -> Any:
    apart = np.abs(pairs.a - pairs.b)
    return pairs.mean((apart - pairs.mean(apart)) ** 2)


def _information_correlation(pairs: _Pairs) -> Any:
    single = _nonzero(pairs, pairs.entropy(pairs.a, pairs.b))
    # A pair counts in both orders, so that both of Haralick's products of the single probabilities have this entropy.
    return (entropy_of(pairs.joint()) - 2 * single) / single


def _information_correlation_2(pairs: _Pairs) -> Any:
    gain = 2 * pairs.entropy(pairs.a, pairs.b) - entropy_of(pairs.joint())
    return np.sqrt(np.maximum(1 - np.exp(-2 * gain), 0))


def _nonzero(pairs: _Pairs, divisor: Floats) -> Any:
    if ((divisor <= 0) & pairs.known.any(axis=0)).any():
        raise EarthEngineError(
            "Image.glcmTexture: the local Earth Engine does not know corr and imcorr1 where all pixels of a window are "
            "equal; select other bands.",
            placed=True,
        )
    return np.where(divisor > 0, divisor, 1)


def _refused(name: str, why: str) -> Callable[[_Pairs], Any]:
    def measure(_pairs: _Pairs) -> Any:
        raise EarthEngineError(f"Image.glcmTexture: the local Earth Engine does not know {name}: {why}.", placed=True)

    return measure


MEASURES: dict[str, Callable[[_Pairs], Any]] = {
    "asm": _angular_second_moment,
    "contrast": _contrast,
    "corr": _correlation,
    "var": lambda pairs: pairs.variance,
    "idm": lambda pairs: pairs.mean(1 / (1 + (pairs.a - pairs.b) ** 2)),
    "savg": lambda pairs: pairs.mean(pairs.a + pairs.b),
    "svar": _refused("svar", "Haralick's formula has the sum entropy where others have the sum average"),
    "sent": lambda pairs: pairs.entropy(pairs.a + pairs.b),
    "ent": lambda pairs: entropy_of(pairs.joint()),
    "dvar": _difference_variance,
    "dent": lambda pairs: pairs.entropy(np.abs(pairs.a - pairs.b)),
    "imcorr1": _information_correlation,
    "imcorr2": _information_correlation_2,
    "maxcorr": _refused("maxcorr", "Google does not compute it"),
    "diss": lambda pairs: pairs.mean(np.abs(pairs.a - pairs.b)),
    "inertia": _contrast,
    "shade": _central_moment(3),
    "prom": _central_moment(4),
}
"""The measures in the order of their bands."""


def _directions(kernel: Kernel | None, grid: Grid) -> list[tuple[int, int]]:
    """Rows and columns from a pixel to the other of a pair; of two opposite directions the first."""
    if kernel is None:
        return [(-1, -1), (-1, 0), (-1, 1), (0, -1)]
    weights = kernel.on(grid)
    found: list[tuple[int, int]] = []
    for row, col, _ in weights.cells:
        down, right = row - weights.y, col - weights.x
        if (down, right) != (0, 0) and (-down, -right) not in found:
            found.append((down, right))
    return found


def _pairs(values: Floats, mask: NDArray[np.bool_], size: int, by: tuple[int, int]) -> _Pairs:
    """The pairs in the window of `size` pixels around each pixel; the raster has a margin of `size` pixels."""
    side, (down, right) = 2 * size + 1, by
    places = [
        (row, col)
        for row in range(max(0, -down), side - max(0, down))
        for col in range(max(0, -right), side - max(0, right))
    ]
    if not places:
        raise EarthEngineError(
            f"Image.glcmTexture: the window of {side} pixels is too small for the kernel.", placed=True
        )
    height, width = values.shape[0] - 2 * size, values.shape[1] - 2 * size

    def stacked(of: NDArray[Any], down: int, right: int) -> NDArray[Any]:
        parts = [of[row + down :, col + right :][:height, :width].ravel() for row, col in places]
        return np.stack(parts)

    known = stacked(mask, 0, 0) & stacked(mask, down, right)
    return _Pairs(stacked(values, 0, 0), stacked(values, down, right), known)


def _chunks(grid: Grid, pairs: int) -> Iterator[slice]:
    """The rows of a grid, some at a time."""
    step = max(STACK // (pairs * grid.width), 1)
    for top in range(0, grid.height, step):
        yield slice(top, min(top + step, grid.height))


@function(
    "Image.glcmTexture",
    note=GRID
    + " Integer bands, with `average`. Not the bands svar and maxcorr; corr and imcorr1 only where the pixels "
    "of a window differ. Masked pixels do not count, and stay masked (assumed). `dvar` is the variance of the absolute "
    "differences (assumed).",
)
def glcm_texture(image: Image, size: int, kernel: Kernel | None, average: bool) -> Image:
    """Measures of the co-occurrence of values in a window, averaged over the directions of a kernel."""
    if not average:
        raise refuse("average", False, "the names of the bands are not documented")
    if not 1 <= size <= 50:
        raise refuse("size", size, "use 1 to 50")

    def one(band: ImageBand, name: str, measure: Callable[[_Pairs], Any]) -> ImageBand:
        def source(grid: Grid, pull: Pull) -> Sampled:
            values, mask = pull(band.source, grid.around(size))
            numbers = doubles(values, mask)
            found, good = np.zeros(grid.shape), mask[size:-size, size:-size].copy()
            directions = _directions(kernel, grid)
            for rows in _chunks(grid, 4 * (2 * size + 1) ** 2):
                part = slice(rows.start, rows.stop + 2 * size)
                for by in directions:
                    pairs = _pairs(numbers[part], mask[part], size, by)
                    # A masked pixel stays masked, so its window must not raise an error.
                    pairs = _Pairs(pairs.a, pairs.b, pairs.known & good[rows].ravel())
                    found[rows] += measure(pairs).reshape(-1, grid.width) / len(directions)
                    good[rows] &= pairs.known.any(axis=0).reshape(-1, grid.width)
            return found, good

        return ImageBand(f"{band.name}_{name}", DOUBLE, band.projection, source)

    for band in image.bands:
        band.integers_only()
    return image.with_bands(one(band, name, measure) for band in image.bands for name, measure in MEASURES.items())
