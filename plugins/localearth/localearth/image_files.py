"""Files of pixels: NPY, GeoTIFF, PNG and JPEG.

NPY is a structured array in which every band has its own type; it has no mask, and masked pixels are 0 (assumed; a
graph can set another value with `unmask`). A GeoTIFF has one type, and a no-data value that depends on it. A PNG is
transparent where it is masked, partly where the smallest mask of its bands is below 1; a JPEG has a black
background (assumed).
"""

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from localearth.errors import EarthEngineError
from localearth.pixels import Pixels
from localearth.values.image import ImageBand
from localearth.values.pixel_type import DOUBLE, cast
from localearth.values.projection import definition

PICTURES = ("PNG", "JPEG", "AUTO_JPEG_PNG")
"""Formats that need one or three bands of 8 bits, such as `Image.visualize` makes."""


def nodata(dtype: np.dtype[Any]) -> float:
    """The value of masked pixels in a GeoTIFF: -inf, or the minimum of an integer type (0 if unsigned).

    From geedim's table and its tests of downloads (`geedim/image.py`, `tests/integration.py`) and from published
    MMEarth files; docs/fidelity.md has the rule.
    """
    return -np.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


def npy(pixels: Pixels) -> bytes:
    """The pixels as an NPY file."""
    file = io.BytesIO()
    np.save(file, pixels.values)
    return file.getvalue()


def geotiff(pixels: Pixels) -> bytes:
    """The pixels as a GeoTIFF in a type that holds all bands, with the no-data tag."""
    from rasterio import MemoryFile

    bands, grid = pixels.bands, pixels.grid
    shared = bands[0].type
    for band in bands[1:]:
        shared = shared.union(band.type)
    if not shared.is_integer and any(band.type.is_integer and band.type.dtype.itemsize > 2 for band in bands):
        # Single precision does not hold integers of 32 bits.
        shared = DOUBLE
    # Integers of 64 bits are sent as float64; their masked pixels are 0, although the tag is -inf (geedim's notes).
    wide = shared.dtype == np.int64
    dtype = np.dtype(np.float64) if wide else shared.dtype
    hole = nodata(dtype)
    layout = {"driver": "GTiff", "height": grid.height, "width": grid.width, "count": len(bands)}
    place = {"crs": definition(grid.crs), "transform": Affine(*grid.transform)}
    with MemoryFile() as memory:
        with memory.open(**layout, **place, dtype=dtype.name, nodata=hole, compress="deflate") as file:
            for number, (band, mask) in enumerate(zip(bands, pixels.masks, strict=True), 1):
                values = cast(pixels.values[band.name], shared).astype(dtype)
                file.write(np.where(mask, values, dtype.type(0 if wide else hole)), number)
                file.set_band_description(number, band.name)
        return bytes(memory.read())


def check_picture(bands: tuple[ImageBand, ...]) -> None:
    """Refuses bands of which no picture can be made.

    Raises:
        EarthEngineError: there are not one or three bands, or one has more than 8 bits.
    """
    wide = [band.name for band in bands if band.type.dtype != np.uint8]
    if len(bands) not in (1, 3) or wide:
        found = f"; {', '.join(wide)} have more than 8 bits" if wide else ""
        raise EarthEngineError(
            f"A PNG or JPEG needs one or three bands of 8 bits, not {len(bands)}{found}. Use Image.visualize, or the "
            "parameters 'bands', 'min' and 'max'."
        )


def _picture(driver: str, pixels: Pixels) -> bytes:
    from rasterio import Env, MemoryFile

    values = [pixels.values[band.name] for band in pixels.bands]
    shown = pixels.masks.all(axis=0)
    opacity = 1.0 if pixels.opacity is None else pixels.opacity
    # Fractions of a byte are cut off, as in `visualize` (assumed).
    black = opacity if driver == "JPEG" else 1.0
    layers: list[NDArray[Any]] = [np.asarray(np.where(shown, each, 0) * black).astype(np.uint8) for each in values]
    if driver == "PNG" and (pixels.opacity is not None or not shown.all()):
        layers.append(np.asarray(shown * 255 * opacity).astype(np.uint8))
    size = {"height": pixels.grid.height, "width": pixels.grid.width, "count": len(layers)}
    # A file without a position would make rasterio warn; PAM would store the position in a second file.
    with Env(GDAL_PAM_ENABLED=False), MemoryFile() as memory:
        with memory.open(driver=driver, dtype="uint8", transform=Affine(*pixels.grid.transform), **size) as file:
            file.write(np.stack(layers))
        return bytes(memory.read())


FORMATS: dict[str, tuple[Callable[[Pixels], bytes], str]] = {
    "NPY": (npy, "application/octet-stream"),
    "GEO_TIFF": (geotiff, "image/tiff"),
    "PNG": (partial(_picture, "PNG"), "image/png"),
    "JPEG": (partial(_picture, "JPEG"), "image/jpeg"),
}
"""The writers and content types by format."""


def file_of(pixels: Pixels, file_format: str) -> tuple[bytes, str]:
    """The pixels as a file, and its content type; the format `AUTO_JPEG_PNG` is PNG where a pixel is masked."""
    if file_format == "AUTO_JPEG_PNG":
        file_format = "JPEG" if pixels.masks.all() and pixels.opacity is None else "PNG"
    write, content_type = FORMATS[file_format]
    return write(pixels), content_type


def checked_format(file_format: str, more: tuple[str, ...] = ()) -> str:
    """The name of a format, after a check that it can be written.

    Raises:
        EarthEngineError: the format is not supported.
    """
    allowed = (*FORMATS, "AUTO_JPEG_PNG", *more)
    if file_format not in allowed:
        raise EarthEngineError(
            f"The local Earth Engine does not support the file format {file_format}; it supports {', '.join(allowed)}."
        )
    return file_format
