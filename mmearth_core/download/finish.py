"""Finishes a plugin's image on the server: every band in its declared type, filled and renamed.

Pure graph building: nothing here sends a request.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from mmearth_core.contract.bands import Band, Layer, Resampling
from mmearth_core.contract.modality import Modality

if TYPE_CHECKING:
    import ee

STAND_IN = float(np.finfo(np.float32).min)
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
        return float(self.band.nodata) if self.band.is_integer else STAND_IN


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


def finished(image: "ee.Image", bands: Collection[StackBand]) -> "list[ee.Image]":
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
