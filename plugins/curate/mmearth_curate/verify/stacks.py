"""Checks stacks in a worker: checksums of all stacks, and pixels of the sampled ones.

Pixels are decoded by band name with rasterio, not with the reader that `post` uses.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from affine import Affine
from attrs import define, field, frozen
from numpy.typing import NDArray

from mmearth_core.download.folder import BadStack, DatasetRow, DownloadedDataset, PluginCallError, Tile
from mmearth_core.files import open_regular
from mmearth_core.layers import LayerDescription
from mmearth_core.product.hdf5 import opened
from mmearth_core.text import counted
from mmearth_curate.verify.findings import Finding, Severity

CHECK = "stacks"

TILES = 32
"""Number of tiles that a worker gets at once."""

_AGAIN = (
    "Verify with --return-tiles, then `mmearth-core run CONFIG --retry-failed` downloads it again and `mmearth-core "
    "post` adds it."
)
_POST = "Delete the HDF5 file and run `mmearth-core post` with this configuration."


@frozen
class StackTask:
    """The stacks of a tile.

    Attributes:
        tile: the tile.
        row: its row in the HDF5 file; None without one.
        stacks: for each group, the file and the checksum that the journal has.
        grids: for each group, the grid that the journal has.
        is_sampled: whether its pixels are also compared.
    """

    tile: Tile
    row: int | None
    stacks: Mapping[str, tuple[Path, str]]
    grids: Mapping[str, Mapping[str, Any]]
    is_sampled: bool


@frozen(eq=False)
class StackPart:
    """Some tiles.

    Attributes:
        hdf5: the HDF5 file.
        layers: its layers with pixels, by group.
        tiles: the tiles.
    """

    hdf5: Path
    layers: Mapping[str, tuple[LayerDescription, ...]]
    tiles: list[StackTask]


@define(eq=False)
class StacksResult:
    """The result for some tiles.

    Attributes:
        stacks: number of stacks that were read.
        compared: number of tiles whose pixels were compared.
        bad: stacks that differ from what was downloaded.
        findings: the findings.
    """

    stacks: int = 0
    compared: int = 0
    bad: list[BadStack] = field(factory=list)
    findings: list[Finding] = field(factory=list)


def check_stacks(part: StackPart) -> StacksResult:
    """Checks the stacks of some tiles."""
    result = StacksResult()
    with opened(part.hdf5) as file:
        for task in part.tiles:
            tile = task.tile
            for group, (path, sha256) in task.stacks.items():
                result.stacks += 1
                content, reason = _read(path, sha256)
                if reason:
                    message = f"Group {group!r}: {reason} ({path})."
                    finding = Finding(Severity.FAULT, "checksums", message, _AGAIN, task.row, tile.tile_id)
                    result.findings.append(finding)
                    result.bad.append(BadStack(tile.tile_id, tile.ordinal, tile.partition, group, reason))
                elif task.is_sampled and task.row is not None:
                    result.findings += _compare(file, task, group, content, part.layers[group])
            result.compared += task.is_sampled
    return result


def _read(path: Path, sha256: str) -> tuple[bytes, str]:
    """A stack's content, and its problem as text, if any."""
    try:
        with open_regular(path) as file:
            content = file.read()
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
    file: h5py.File, task: StackTask, group: str, content: bytes, layers: tuple[LayerDescription, ...]
) -> Iterator[Finding]:
    """Compares the pixels of a stack with a row of the HDF5 file, and its georeferencing with the journal's grid."""
    row, tile_id, grid = task.row, task.tile.tile_id, task.grids[group]
    assert row is not None
    import rasterio  # imported here because it takes a second, and only if pixels are compared
    from rasterio.io import MemoryFile

    try:
        with MemoryFile(content) as memory, memory.open(driver="GTiff") as stack:
            bands = dict(zip(stack.descriptions, stack.read(), strict=True))
            found = (stack.crs, list(stack.transform)[:6], stack.shape)
    except rasterio.errors.RasterioError as error:
        message = f"rasterio cannot read the stack: {error}."
        yield Finding(Severity.FAULT, CHECK, message, _AGAIN, row, tile_id)
        return
    wanted = (_as_stored(str(grid.get("crs"))), grid.get("transform"), (grid.get("size"),) * 2)
    for what, own, other in zip(("CRS", "transform", "size"), found, wanted, strict=True):
        if own != other:
            message = f"Group {group!r}: the {what} of the stack is {own}; the journal has {other}."
            yield Finding(Severity.FAULT, CHECK, message, _AGAIN, row, tile_id)
    for layer in layers:
        missing = [name for name in layer.stack_names if name not in bands]
        if missing:
            message = f"The stack has no bands {', '.join(missing)}; it has {', '.join(map(str, bands))}."
            yield Finding(Severity.FAULT, CHECK, message, _AGAIN, row, tile_id, layer.name)
            continue
        pixels = np.stack([bands[name] for name in layer.stack_names])
        pixels = pixels.reshape(*layer.shape[:-2], *pixels.shape[-2:])
        yield from _differences(file, layer, pixels, row, tile_id)


@cache
def _as_stored(crs: str) -> Any:
    """A CRS as rasterio reads it from a GeoTIFF, whose tags do not hold everything that its text may say."""
    import rasterio
    from rasterio.io import MemoryFile

    try:
        with MemoryFile() as memory:
            profile = {"driver": "GTiff", "width": 1, "height": 1, "count": 1, "dtype": "uint8"}
            with memory.open(**profile, crs=crs, transform=Affine.scale(10)):
                pass
            with memory.open() as file:
                return file.crs
    except rasterio.errors.CRSError:
        return crs


def check_vectors(source: DownloadedDataset, file: h5py.File, journal: DatasetRow, row: int) -> Iterator[Finding]:
    """Checks the vectors of a tile against those that their modality computes from the journal.

    Args:
        source: journals and modalities.
        file: the HDF5 file.
        journal: the tile's journal entries.
        row: the tile's row in the file.
    """
    tile_id = journal.tile.tile_id
    vectors = [layer for layer in source.layers if not layer.is_map]
    for name in dict.fromkeys(layer.modality for layer in vectors):
        try:
            given = source.values(journal, name)
        except PluginCallError as error:
            yield Finding(Severity.FAULT, "vectors", f"{error}.", "Repair the plugin.", row, tile_id)
            continue
        for layer in (layer for layer in vectors if layer.modality == name):
            own = given.get(layer.name) or ()
            steps = (
                [own] if layer.steps is None else [[None] * len(layer.bands) if step is None else step for step in own]
            )
            numbers = np.array([[np.nan if each is None else each for each in step] for step in steps], np.float64)
            yield from _differences(file, layer, numbers[0] if layer.steps is None else numbers, row, tile_id)


def _differences(
    file: h5py.File, layer: LayerDescription, downloaded: NDArray[Any], row: int, tile_id: str
) -> Iterator[Finding]:
    """Compares a row of the HDF5 file with what was downloaded."""
    dataset = file.get(layer.name)
    if not isinstance(dataset, h5py.Dataset) or not dataset.ndim or row >= dataset.shape[0]:
        return
    try:
        values = dataset[row]
    except OSError:  # reported with the chunks
        return
    expected = _expected(layer, downloaded)
    if values.shape != expected.shape:
        message = f"The HDF5 file has shape {values.shape}; what was downloaded has {expected.shape}."
        yield Finding(Severity.FAULT, CHECK, message, _POST, row, tile_id, layer.name)
        return
    same = (values == expected) | ((values != values) & (expected != expected))  # NaN differs from itself
    if not same.all():
        first = tuple(int(index) for index in np.argwhere(~same)[0])
        place = list(first)
        band = layer.bands[place.pop(layer.band_axis)]
        message = (
            f"{counted(int(np.count_nonzero(~same)), 'value')} other than what was downloaded: band {band} has "
            f"{values[first]} at {tuple(place)}; expected: {expected[first]}."
        )
        yield Finding(Severity.FAULT, CHECK, message, _POST, row, tile_id, layer.name)


def _expected(layer: LayerDescription, pixels: NDArray[Any]) -> NDArray[Any]:
    """The values expected in the HDF5 file: no-data for NaN; integers rounded and clamped."""
    dtype, nodata = np.dtype(layer.dtype), np.isnan(pixels)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        pixels = np.rint(np.where(nodata, 0.0, pixels)).clip(limits.min, limits.max)
    values: NDArray[Any] = np.where(nodata, layer.fill, pixels.astype(dtype))
    return values
