"""What a tile costs, by what its modalities declare: bands, dtypes and the tile's size, no sensor's name."""

import io

import numpy as np
from attrs import frozen

from mmearth_core.contract.modality import Modality, Scene
from mmearth_core.download.locate import PluginCallError, call
from mmearth_core.download.stack import StackBand, stack_bands
from mmearth_core.download.stored_config import Group

STACK_SHARE = 1 / 3
"""Of a stack's pixels after compression, on average: measured by benchmarks/stack_encoding.py."""


HDF5_SHARE = 0.41
"""Of an HDF5 file's values after compression, on average: 479 of 1,165 KB a tile of all published modalities."""


@frozen
class GroupCost:
    """What one group costs.

    Attributes:
        name: the group.
        left: tiles that are still to be downloaded.
        batch_requests: to locate a batch.
        pixel_requests: for the pixels of a tile, at most: 0 or 1.
        wire: bytes of the pixels of a tile as they travel.
        stack: bytes of its stack.
        hdf5: bytes of its pixels in the HDF5 file.
        vectors: bytes of its vectors there.
    """

    name: str
    left: int
    batch_requests: int
    pixel_requests: int
    wire: float
    stack: float
    hdf5: float
    vectors: int


def group_cost(group: Group, scene: Scene, size: int, left: int) -> GroupCost:
    """What a group costs, as its modalities declare it.

    Args:
        group: modalities downloaded together.
        scene: any of the dataset's tiles, with its anchor.
        size: rows and columns of a tile.
        left: tiles that are still to be downloaded.
    """
    bands = stack_bands(group.modalities)
    # One question for the anchors of a batch, one for all other modalities together.
    rounds = {modality is group.anchor for modality in group.modalities if _asks(modality, scene)}
    pixel = sum(np.dtype(band.band.dtype).itemsize for band in bands)
    vectors = [layer for modality in group.modalities for layer in modality.layers if not layer.is_map]
    return GroupCost(
        name=group.name,
        left=left,
        batch_requests=len(rounds),
        pixel_requests=1 if bands else 0,
        wire=_npy_bytes(bands, size),
        stack=len(bands) * np.dtype("float32").itemsize * size**2 * STACK_SHARE,
        hdf5=pixel * size**2 * HDF5_SHARE,
        vectors=sum(len(layer.bands) * np.dtype(layer.dtype).itemsize for layer in vectors),
    )


def _asks(modality: Modality, scene: Scene) -> bool:
    """Whether locating a tile takes a request: plain values and empty questions take none."""
    try:
        located = call(modality, modality.locate, scene)
    except PluginCallError:
        # Objects of Earth Engine can only be built once an engine is open.
        return True
    return located is not None and not isinstance(located, dict | list)


def _npy_bytes(bands: tuple[StackBand, ...], size: int) -> int:
    """Bytes of a structured array in NPY: a head with the bands' names, and every band in its own dtype."""
    if not bands:
        return 0
    dtype = np.dtype([(band.name, band.band.dtype) for band in bands])
    head = io.BytesIO()
    np.save(head, np.empty((0, size), dtype))
    return len(head.getvalue()) + dtype.itemsize * size**2
