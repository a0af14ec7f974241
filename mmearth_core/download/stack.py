"""The bands of a stack: finishing on the server, and the GeoTIFF of a tile."""

import hashlib
from collections.abc import Collection, Sequence
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

FLOAT_NODATA = float(np.finfo(np.float32).min)
"""Stands for no-data while float bands travel: NaN and infinities cannot be constants of a graph."""


_CASTS = {"uint8": "toUint8", "int8": "toInt8", "uint16": "toUint16", "int16": "toInt16", "float32": "toFloat"}


@frozen
class StackBand:
    """One band of a stack.

    Attributes:
        modality: the modality's name.
        layer: its layer.
        band: its band.
    """

    modality: str
    layer: Layer
    band: Band

    @property
    def name(self) -> str:
        """`<layer>__<band>`: the band's name on the wire and in the stack."""
        return f"{self.layer.name}__{self.band.name}"

    @property
    def fill(self) -> float:
        """What a missing pixel travels as."""
        return float(self.band.nodata) if self.band.is_integer else FLOAT_NODATA


def stack_bands(modalities: Collection[Modality]) -> tuple[StackBand, ...]:
    """All bands of a group's stack, in order; the same for every tile."""
    return tuple(
        StackBand(modality.name, layer, band)
        for modality in modalities
        for layer in modality.map_layers()
        for band in layer.bands
    )


def present_bands(modality: Modality, located: Any) -> tuple[StackBand, ...]:
    """The bands that a tile's image really has, in declared order.

    Raises:
        ValueError: when the plugin names a band that it does not declare.
    """
    bands = stack_bands([modality])
    present = modality.present(located)
    if present is None:
        return bands
    unknown = set(present) - {stack_band.band.name for stack_band in bands}
    if unknown:
        raise ValueError(f"present() names bands that the modality does not declare: {', '.join(sorted(unknown))}")
    return tuple(stack_band for stack_band in bands if stack_band.band.name in present)


def finish_bands(image: "ee.Image", bands: Collection[StackBand]) -> "list[ee.Image]":
    """Makes images that together have exactly `bands`, typed, filled and renamed.

    Args:
        image: the plugin's image; every band on its own grid.
        bands: which of its bands are wanted.

    Returns:
        One image for each way of finishing that the bands need.
    """
    images = []
    alike: dict[tuple[str, str, float], list[StackBand]] = {}
    for stack_band in bands:
        alike.setdefault((stack_band.band.resampling, stack_band.band.dtype, stack_band.fill), []).append(stack_band)
    for (resampling, dtype, fill), members in alike.items():
        names = [(stack_band.band.name, stack_band.name) for stack_band in members]
        part = image.select([source for source, _ in names])
        if resampling == Resampling.BILINEAR:
            # As float, so that the interpolated value is rounded by us and not cut off.
            part = part.toFloat().resample("bilinear")
        if np.dtype(dtype).kind in "iu":
            limits = np.iinfo(dtype)
            part = part.round().clamp(int(limits.min), int(limits.max))
        part = part.unmask(fill, False)
        images.append(getattr(part, _CASTS[dtype])().rename([target for _, target in names]))
    return images


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
