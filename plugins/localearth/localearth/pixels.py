"""Pixels of an image on a grid: the request's grid, the limits of a request, and the computation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.raster.mask import has_fractions
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.projection import canonical

MAX_BYTES = 48 * 2**20
"""Maximum size of a request, uncompressed, including one byte per pixel and band for the mask."""
MAX_SIDE = 32_768
MAX_BANDS = 1024
COEFFICIENTS = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
"""The names of an affine transform's coefficients in Google's JSON, in order."""
BLOCK = 1024
"""Side of a computed block, pixels. It bounds the memory: every step of a graph keeps its pixels of the block."""


def parse_grid(given: Mapping[str, Any] | None) -> Grid:
    """The complete grid of a request.

    Raises:
        EarthEngineError: when a part is missing or invalid.
    """
    given = given or {}
    missing = [key for key in ("dimensions", "affineTransform") if key not in given]
    if "crsCode" not in given and "crsWkt" not in given:
        missing.append("crsCode")
    if missing:
        raise EarthEngineError(f"The local Earth Engine needs a complete pixel grid: {', '.join(missing)} missing.")
    size, t = given["dimensions"], given["affineTransform"]
    crs = canonical(given.get("crsCode") or given["crsWkt"])
    width, height = parse_size(size)
    a, b, c, d, e, f = (float(t.get(name, 0.0)) for name in COEFFICIENTS)
    if a * e - b * d == 0:
        raise EarthEngineError("The pixel grid's affineTransform cannot be inverted.")
    return Grid(crs, (a, b, c, d, e, f), width, height)


def parse_size(given: Mapping[str, Any]) -> tuple[int, int]:
    """The width and height of a request.

    Raises:
        EarthEngineError: one is missing, not positive, or too large.
    """
    width, height = int(given.get("width", 0)), int(given.get("height", 0))
    if width < 1 or height < 1:
        raise EarthEngineError(f"Pixel grid dimensions ({width}x{height}) must be positive.")
    check_side(width, height, MAX_SIDE)
    return width, height


def check_side(width: int, height: int, most: int) -> None:
    """Refuses a grid with too many columns or rows, with Google's message."""
    if max(width, height) > most:
        raise EarthEngineError(f"Pixel grid dimensions ({width}x{height}) must be less than or equal to {most}.")


def chosen_bands(image: Image, names: list[str] | None) -> tuple[ImageBand, ...]:
    """The bands that a request names, or all bands."""
    if not names:
        return image.bands
    by_name = {band.name: band for band in image.bands}
    for name in names:
        if name not in by_name:
            raise EarthEngineError(
                f"Band '{name}' was not found in the image. Available bands: [{', '.join(image.names)}]"
            )
    return tuple(by_name[name] for name in names)


def check_size(bands: tuple[ImageBand, ...], grid: Grid) -> None:
    """Refuses a request above Google's limits, with Google's messages, and a band that no file can name."""
    if not all(band.name for band in bands):
        raise EarthEngineError("A band without a name cannot be downloaded; rename it.")
    if not bands:
        raise EarthEngineError("Image has no bands.")
    if len(bands) > MAX_BANDS:
        raise EarthEngineError(f"Number of bands ({len(bands)}) must be less than or equal to {MAX_BANDS}.")
    for band in bands:
        band.numbers_only()
    check_bytes(grid.width * grid.height * sum(band.type.dtype.itemsize + 1 for band in bands), MAX_BYTES)


def check_bytes(size: int, most: int) -> None:
    """Refuses a request of too many bytes, with Google's message."""
    if size > most:
        raise EarthEngineError(f"Total request size ({size} bytes) must be less than or equal to {most} bytes.")


@frozen(eq=False)
class Pixels:
    """The pixels of some bands on a grid.

    Attributes:
        bands: the bands.
        grid: the grid.
        values: a structured array (height, width) with a field for every band; masked pixels are 0.
        masks: which pixels are valid, (bands, height, width).
        opacity: the smallest mask of all bands, (height, width), if a mask has values between 0 and 1.
    """

    bands: tuple[ImageBand, ...]
    grid: Grid
    values: NDArray[Any]
    masks: NDArray[np.bool_]
    opacity: NDArray[np.float32] | None = None


def compute(bands: tuple[ImageBand, ...], grid: Grid) -> Pixels:
    """Computes the bands on a grid, block by block."""
    values = np.empty(grid.shape, dtype=[(band.name, band.type.dtype) for band in bands])
    masks = np.empty((len(bands), *grid.shape), bool)
    opacity: NDArray[np.float32] | None = None
    for row in range(0, grid.height, BLOCK):
        for col in range(0, grid.width, BLOCK):
            block = grid.window(row, col, min(BLOCK, grid.height - row), min(BLOCK, grid.width - col))
            place = slice(row, row + block.height), slice(col, col + block.width)
            pull = Pull()
            for position, band in enumerate(bands):
                found, mask = pull.weighted(band.source, block)
                values[band.name][place] = np.where(mask, found, 0)
                masks[position][place] = mask
                if has_fractions(mask):
                    opacity = np.ones(grid.shape, np.float32) if opacity is None else opacity
                    opacity[place] = np.minimum(opacity[place], mask)
    return Pixels(bands, grid, values, masks, opacity)
