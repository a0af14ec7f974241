"""computePixels: an image on a grid, as a file.

NPY is a structured array in which every band has its own dtype; GEO_TIFF has one dtype. Neither has a mask: masked
pixels are 0 (assumed; a graph can set another value with `unmask`).
"""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid
from localearth.values.image import Image, ImageBand, Pull
from localearth.values.pixel_type import cast, numbers_only
from localearth.values.projection import canonical

MAX_BYTES = 48 * 2**20
"""Maximum size of a request, uncompressed, including one byte per pixel and band for the mask."""
MAX_SIDE = 32_768
MAX_BANDS = 1024
BLOCK = 1024
"""Side of a computed block, pixels. It bounds the memory: every step of a graph keeps its pixels of the block."""


def parse_grid(given: Mapping[str, Any] | None) -> Grid:
    """The grid of a request.

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
    crs = given.get("crsCode") or given["crsWkt"]
    crs = canonical(crs)
    width, height = int(size.get("width", 0)), int(size.get("height", 0))
    if width < 1 or height < 1:
        raise EarthEngineError(f"Pixel grid dimensions ({width}x{height}) must be positive.")
    if max(width, height) > MAX_SIDE:
        raise EarthEngineError(f"Pixel grid dimensions ({width}x{height}) must be less than or equal to {MAX_SIDE}.")
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    a, b, c, d, e, f = (float(t.get(name, 0.0)) for name in names)
    if a * e - b * d == 0:
        raise EarthEngineError("The pixel grid's affineTransform cannot be inverted.")
    return Grid(crs, (a, b, c, d, e, f), width, height)


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
    """Refuses a request above Google's limits, with Google's messages."""
    if not bands:
        raise EarthEngineError("Image has no bands.")
    if len(bands) > MAX_BANDS:
        raise EarthEngineError(f"Number of bands ({len(bands)}) must be less than or equal to {MAX_BANDS}.")
    for band in bands:
        numbers_only(band.type, band.name)
    size = grid.width * grid.height * sum(band.type.dtype.itemsize + 1 for band in bands)
    if size > MAX_BYTES:
        raise EarthEngineError(f"Total request size ({size} bytes) must be less than or equal to {MAX_BYTES} bytes.")


def compute(bands: tuple[ImageBand, ...], grid: Grid) -> NDArray[Any]:
    """The structured array (height, width) of the bands; masked pixels are 0."""
    result = np.empty(grid.shape, dtype=[(band.name, band.type.dtype) for band in bands])
    for row in range(0, grid.height, BLOCK):
        for col in range(0, grid.width, BLOCK):
            block = grid.window(row, col, min(BLOCK, grid.height - row), min(BLOCK, grid.width - col))
            pull = Pull()
            for band in bands:
                values, mask = pull(band.source, block)
                result[band.name][row : row + block.height, col : col + block.width] = np.where(mask, values, 0)
    return result


def npy(pixels: NDArray[Any], _bands: tuple[ImageBand, ...], _grid: Grid) -> bytes:
    """The pixels as an NPY file."""
    file = io.BytesIO()
    np.save(file, pixels)
    return file.getvalue()


def geotiff(pixels: NDArray[Any], bands: tuple[ImageBand, ...], grid: Grid) -> bytes:
    """The pixels as a GeoTIFF in a type that holds all bands."""
    from rasterio import MemoryFile

    shared = bands[0].type
    for band in bands[1:]:
        shared = shared.union(band.type)
    layout = {"driver": "GTiff", "height": grid.height, "width": grid.width, "count": len(bands)}
    with MemoryFile() as memory:
        with memory.open(
            **layout, dtype=shared.dtype_name, crs=grid.crs, transform=Affine(*grid.transform), compress="deflate"
        ) as file:
            for number, band in enumerate(bands, 1):
                file.write(cast(pixels[band.name], shared), number)
                file.set_band_description(number, band.name)
        return bytes(memory.read())


FORMATS = {"NPY": (npy, "application/octet-stream"), "GEO_TIFF": (geotiff, "image/tiff")}
