"""The stack: one GeoTIFF a tile with every band of its group, float32 with NaN for no-data.

A GeoTIFF holds one dtype and one no-data value; what each band declares stands in its tags.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from mmearth_core.download.finish import StackBand
from mmearth_core.folder import written_aside
from mmearth_core.tiles.grid import Grid

# Measured on a stack of 29 bands (benchmarks/stack_encoding.py): a third of the raw size,
# and half the time of deflate both to write and to read.
_ENCODING = {"compress": "zstd", "zstd_level": 1, "interleave": "band"}


def encode_stack(tile_id: str, pixels: NDArray[np.float32], bands: Sequence[StackBand], grid: Grid) -> bytes:
    """Makes the GeoTIFF of a tile; equal input gives equal bytes.

    Args:
        tile_id: stands in the file's tags.
        pixels: (bands, rows, columns), NaN for no-data.
        bands: one for each row of `pixels`.
        grid: where the pixels lie.

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
    """Writes a stack aside and renames it.

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
        names: `<layer>__<band>` each.

    Returns:
        (bands, rows, columns), NaN for no-data.

    Raises:
        KeyError: when the stack lacks one of them.
    """
    with rasterio.open(path) as source:
        numbers = {name: number for number, name in enumerate(source.descriptions, start=1)}
        pixels: NDArray[np.float32] = source.read([numbers[name] for name in names])
        return pixels
