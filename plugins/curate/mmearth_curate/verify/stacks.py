"""What a worker does with some tiles: checksums of all their stacks, and of sampled ones the pixels.

Pixels are decoded by band name with rasterio, not with the reader that wrote the HDF5 file.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core.download.journal import BadStack
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import opened
from mmearth_core.text import counted
from mmearth_curate.verify.findings import Finding, Severity

CHECK = "stacks"


TILES = 32
"""Tiles that a worker takes at once."""


_AGAIN = (
    "Verify with --send-back, then `mmearth-core run CONFIG --retry-failed` downloads it again and `mmearth-core post` "
    "takes it in."
)


_POST = "Delete the HDF5 file and run `mmearth-core post` with this configuration."


@frozen
class StackTask:
    """A tile.

    Attributes:
        tile_id: which one.
        ordinal: its place among the tiles.
        partition: its unit of work.
        row: its row in the HDF5 file; None without one.
        sampled: its pixels are compared too.
        stacks: of each group, its file and the checksum that the journal has.
    """

    tile_id: str
    ordinal: int
    partition: int
    row: int | None
    sampled: bool
    stacks: Mapping[str, tuple[Path, str]]


@frozen(eq=False)
class StackPart:
    """Some tiles.

    Attributes:
        hdf5: the file that was made of them.
        layers: its layers with pixels, by group.
        tiles: the tiles.
    """

    hdf5: Path
    layers: Mapping[str, tuple[LayerDescription, ...]]
    tiles: list[StackTask]


@define(eq=False)
class StacksSeen:
    """What came of some tiles.

    Attributes:
        stacks: how many were read.
        compared: tiles whose pixels were compared.
        bad: those that are not what was downloaded.
        findings: what is wrong.
    """

    stacks: int = 0
    compared: int = 0
    bad: list[BadStack] = field(factory=list)
    findings: list[Finding] = field(factory=list)


def check_stacks(part: StackPart) -> StacksSeen:
    """Checks the stacks of some tiles."""
    result = StacksSeen()
    with opened(part.hdf5) as file:
        for task in part.tiles:
            for group, (path, sha256) in task.stacks.items():
                result.stacks += 1
                content, reason = _read(path, sha256)
                if reason:
                    message = f"Group {group!r}: {reason} ({path})."
                    result.findings.append(
                        Finding(Severity.FAULT, "checksums", message, _AGAIN, task.row, task.tile_id)
                    )
                    result.bad.append(BadStack(task.tile_id, task.ordinal, task.partition, group, reason))
                elif task.sampled and task.row is not None:
                    result.findings += _compare(file, task, content, part.layers[group])
            result.compared += task.sampled
    return result


def _read(path: Path, sha256: str) -> tuple[bytes, str]:
    """A stack's content, and what is wrong with it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b"", "the stack is missing"
    except OSError as error:
        return b"", f"the stack cannot be read: {error.strerror}"
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        size = counted(len(content), "byte")
        return b"", f"the stack of {size} has the checksum {found[:12]}..., the journal {sha256[:12]}..."
    return content, ""


def _compare(
    file: h5py.File, task: StackTask, content: bytes, layers: tuple[LayerDescription, ...]
) -> Iterator[Finding]:
    import rasterio  # only where pixels are compared, as it costs a worker a second
    from rasterio.io import MemoryFile

    try:
        with MemoryFile(content) as memory, memory.open() as stack:
            bands = dict(zip(stack.descriptions, stack.read(), strict=True))
    except rasterio.errors.RasterioError as error:
        message = f"rasterio cannot read the stack: {error}."
        yield Finding(Severity.FAULT, CHECK, message, _AGAIN, task.row, task.tile_id)
        return
    for layer in layers:
        missing = [band for band in layer.bands if f"{layer.name}__{band}" not in bands]
        if missing:
            message = f"The stack lacks the bands {', '.join(missing)}; it has {', '.join(map(str, bands))}."
            yield Finding(Severity.FAULT, CHECK, message, _AGAIN, task.row, task.tile_id, layer.name)
            continue
        due = expected(layer, np.stack([bands[f"{layer.name}__{band}"] for band in layer.bands]))
        yield from differences(file, layer, due, task.row, task.tile_id)


def expected(layer: LayerDescription, pixels: NDArray[Any]) -> NDArray[Any]:
    """What the HDF5 file should hold: no-data for NaN; whole numbers rounded and clamped."""
    dtype, missing = np.dtype(layer.dtype), np.isnan(pixels)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        pixels = np.rint(np.where(missing, 0.0, pixels)).clip(limits.min, limits.max)
    values: NDArray[Any] = np.where(missing, layer.fill, pixels.astype(dtype))
    return values


def differences(
    file: h5py.File, layer: LayerDescription, due: NDArray[Any], row: int | None, tile_id: str
) -> Iterator[Finding]:
    """A row of the HDF5 file against what it should hold."""
    dataset = file.get(layer.name)
    if not isinstance(dataset, h5py.Dataset) or row is None or not dataset.ndim or row >= dataset.shape[0]:
        return
    try:
        values = dataset[row]
    except OSError:  # told with the chunks
        return
    if values.shape != due.shape:
        message = f"The HDF5 file has shape {values.shape}; what was downloaded makes {due.shape}."
        yield Finding(Severity.FAULT, CHECK, message, _POST, row, tile_id, layer.name)
        return
    same = (values == due) | ((values != values) & (due != due))  # NaN is what differs from itself
    if not same.all():
        place = tuple(int(index) for index in np.argwhere(~same)[0])
        message = (
            f"{counted(int(np.count_nonzero(~same)), 'value')} other than what was downloaded: band "
            f"{layer.bands[place[0]]} has {values[place]} at {place[1:]}, due is {due[place]}."
        )
        yield Finding(Severity.FAULT, CHECK, message, _POST, row, tile_id, layer.name)
