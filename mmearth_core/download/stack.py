"""The bands of a stack: finishing on the server, and the GeoTIFF of a tile."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from attrs import frozen
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from mmearth_core.contract.bands import Band, Layer, Resampling
from mmearth_core.contract.modality import Modality
from mmearth_core.files import written_aside
from mmearth_core.tiles.grid import Grid

if TYPE_CHECKING:
    import ee

# Up to the stack, no-data is filled in two steps (`pixels.lay_out` adds the bands that were not requested, as NaN, and
# `post/encode.py` writes the declared value into the HDF5 file). Pixels travel in one request as integers and floats,
# and NaN cannot be a constant of an Earth Engine expression. So `finish_bands` has the server fill masked pixels with
# `StackBand.nodata`: the band's own no-data, or this number for float bands. `nodata_to_nan` turns that into NaN.
FLOAT_NODATA = float(np.finfo(np.float32).min)
"""No-data of float bands between the server and the stack."""


_CASTS = {"uint8": "toUint8", "int8": "toInt8", "uint16": "toUint16", "int16": "toInt16", "float32": "toFloat"}


@frozen
class StackBand:
    """One band of a stack.

    Attributes:
        modality: the modality's name.
        layer: its layer.
        band: its band.
        is_interpolated: whether the core has it interpolated: it is bilinear, and its modality does not do that itself.
    """

    modality: str
    layer: Layer
    band: Band
    is_interpolated: bool = False

    @property
    def name(self) -> str:
        """`<layer>__<band>`: the band's name in requests and in the stack."""
        return f"{self.layer.name}__{self.band.name}"

    @property
    def nodata(self) -> float:
        """The value of masked pixels between the server and the stack."""
        return float(self.band.nodata) if self.band.is_integer else FLOAT_NODATA


def stack_bands(modalities: Collection[Modality]) -> tuple[StackBand, ...]:
    """Returns all bands of a group's stack, in order; the same for every tile."""
    return tuple(
        StackBand(modality.name, layer, band, band.resampling is Resampling.BILINEAR and not modality.resampled)
        for modality in modalities
        for layer in modality.map_layers()
        for band in layer.bands
    )


def present_bands(modality: Modality, located: Any) -> tuple[StackBand, ...]:
    """Returns the bands that a tile's image really has, in declared order.

    Raises:
        ValueError: if the plugin names a band that it does not declare.
    """
    bands = stack_bands([modality])
    present = modality.present(located)
    if present is None:
        return bands
    unknown = set(present) - {stack_band.band.name for stack_band in bands}
    if unknown:
        raise ValueError(f"present() names bands that the modality does not declare: {', '.join(sorted(unknown))}")
    return tuple(stack_band for stack_band in bands if stack_band.band.name in present)


def is_composite(projection: Mapping[str, Any]) -> bool:
    """Whether an image has no grid of its own: it is a composite, or computed like a constant.

    Earth Engine gives it pixels of one degree from 0 N, 0 E, on which `resample` would interpolate. Source:
    https://developers.google.com/earth-engine/guides/projections.

    Args:
        projection: the value of `image.projection()`.
    """
    return projection.get("crs") == "EPSG:4326" and projection.get("transform") == [1, 0, 0, 0, 1, 0]


def composite_problem(band: StackBand) -> str:
    """Why the core cannot interpolate a band of a composite, and what its plugin must change."""
    return (
        f"modality {band.modality!r}, band {band.band.name!r}: image() returns a composite (what mosaic(), median() "
        "and other reducers make of a collection) or another image without a grid of its own, so its pixels cannot be "
        "interpolated. Either resample the images before they are combined, "
        "`mmearth_core.resample(collection).median()`, and declare `resampled = True` in the class. Or, if all images "
        "share one grid, give it to the composite: "
        "`composite.setDefaultProjection(collection.first().select(BAND).projection())`"
    )


def nodata_to_nan(pixels: NDArray[np.float32], band: StackBand) -> None:
    """Replaces, in place, the no-data values of a received band by NaN."""
    pixels[pixels == band.band.nodata] = np.nan
    if not band.band.is_integer:
        pixels[pixels == np.float32(FLOAT_NODATA)] = np.nan


def finish_bands(image: "ee.Image", bands: Collection[StackBand]) -> "list[ee.Image]":
    """Makes images that together have exactly `bands`, with their types and names, and without masked pixels.

    Args:
        image: the plugin's image; every band on its own grid.
        bands: which of its bands are wanted.

    Returns:
        One image for each combination of resampling, type and no-data value.
    """
    images = []
    alike: dict[tuple[bool, str, float], list[StackBand]] = {}
    for band in bands:
        alike.setdefault((band.is_interpolated, band.band.dtype, band.nodata), []).append(band)
    for (is_interpolated, dtype, nodata), members in alike.items():
        part = image.select([member.band.name for member in members])
        if is_interpolated:
            # As float, so that the interpolated value is rounded below and not truncated.
            part = part.toFloat().resample("bilinear")
        if np.dtype(dtype).kind in "iu":
            limits = np.iinfo(dtype)
            part = part.round().clamp(int(limits.min), int(limits.max))
        # False: also outside the image's footprint.
        part = part.unmask(nodata, False)
        images.append(getattr(part, _CASTS[dtype])().rename([member.name for member in members]))
    return images


# Measured on a stack of 29 bands (benchmarks/stack_encoding.py): a third of the raw size,
# and half the time of deflate both to write and to read.
_ENCODING = {"compress": "zstd", "zstd_level": 1, "interleave": "band"}


def encode_stack(tile_id: str, pixels: NDArray[np.float32], bands: Sequence[StackBand], grid: Grid) -> bytes:
    """Encodes the GeoTIFF of a tile; equal input gives equal bytes.

    Args:
        tile_id: written to the file's tags.
        pixels: (bands, rows, columns), NaN for no-data.
        bands: one per band of `pixels`.
        grid: the tile's grid.

    Returns:
        The file's content.
    """
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=grid.size,
            height=grid.size,
            count=len(bands),
            dtype="float32",
            nodata=np.nan,
            crs=grid.crs,
            transform=grid.affine,
            blockysize=grid.size,
            **_ENCODING,
        ) as target:
            target.write(pixels)
            target.update_tags(TILE_ID=tile_id)
            for number, stack_band in enumerate(bands, start=1):
                band = stack_band.band
                target.set_band_description(number, stack_band.name)
                target.set_band_unit(number, band.unit)
                target.update_tags(number, modality=stack_band.modality, dtype=band.dtype, nodata=repr(band.nodata))
        content: bytes = memory.read()
    return content


def write_stack(path: Path, content: bytes) -> str:
    """Writes a stack to a temporary file and renames it.

    Returns:
        The sha256 of its content.
    """
    with written_aside(path) as aside:
        aside.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def read_stack(path: Path, names: Sequence[str]) -> NDArray[np.float32]:
    """Reads bands of a stack by name, never by number.

    Args:
        path: a stack.
        names: `<layer>__<band>` of each band.

    Returns:
        (bands, rows, columns), NaN for no-data.

    Raises:
        KeyError: if the stack does not have one of them.
    """
    with rasterio.open(path, driver="GTiff") as source:
        numbers = {name: number for number, name in enumerate(source.descriptions, start=1)}
        pixels: NDArray[np.float32] = source.read([numbers[name] for name in names])
        return pixels
