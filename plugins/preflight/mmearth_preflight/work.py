"""The rest of a download and its cost, from the bands, dtypes and tile size that the modalities declare."""

import datetime as dt
import io
import math
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pyogrio
from attrs import frozen

from mmearth_core import Anchor, Modality, Scene
from mmearth_core.download.folder import Group, Journal, OutcomeCounts, TileIndex
from mmearth_core.download.pixels import PixelRequest
from mmearth_core.download.run import PreparedRun
from mmearth_core.download.stack import StackBand, stack_bands

STACK_SHARE = 1 / 3
"""Size of a stack after compression, on average: measured by benchmarks/stack_encoding.py."""


HDF5_SHARE = 0.41
"""Size of HDF5 values after compression, on average: 479 of 1,165 KB per tile with all published modalities."""


SEED = 0
"""Seed of the draw, so that a plan made twice downloads the same tiles."""


_TILES_LAYER = "tiles"


PLACEHOLDER = Anchor(dt.date(2018, 7, 1), "EPSG:32631")
"""A placeholder for the anchor, where only the kind of request matters."""


@frozen
class GroupCost:
    """The cost of one group.

    Attributes:
        name: its name.
        left: tiles that are left to download.
        first_requests: requests before the first pixels: 1 for the projections of bands that need them, or 0.
        batch_requests: requests to locate a batch.
        pixel_requests: requests for the pixels of a tile: 0 or 1, or more for large tiles.
        wire: bytes of the pixels of a tile as they are transferred.
        stack: bytes of its stack.
        hdf5: bytes of its pixels in the HDF5 file.
        vectors: bytes of its vectors in the HDF5 file.
    """

    name: str
    left: int
    first_requests: int
    batch_requests: int
    pixel_requests: int
    wire: float
    stack: float
    hdf5: float
    vectors: int


def group_costs(job: PreparedRun) -> tuple[GroupCost, ...]:
    """The cost of each group of a run.

    Raises:
        DatasetError: when a file of the dataset is damaged.
    """
    tiles, scene = int(job.stored.tiles["count"]), scenes(tiles_of(job, [0]), PLACEHOLDER)[0]
    return tuple(_group_cost(job, group, scene, _left(job, group, tiles)) for group in job.groups)


def _left(job: PreparedRun, group: Group, tiles: int) -> int:
    """How many tiles of a group no run has finished."""
    journals = job.folder.journal(group.name, 0).parent.glob("*.jsonl")
    entries = (entry for path in journals for entry in Journal(path).read(heads_only=True).values())
    return OutcomeCounts.of(tiles, entries).left


def centroids_to_request(job: PreparedRun) -> int:
    """Tiles whose centroid Earth Engine has to compute; none once the tiles are imported."""
    if job.frame is None:
        return 0
    return int(job.frame.reindex(columns=["lon", "lat"]).isna().any(axis=1).sum())


def modalities_with_requests(job: PreparedRun) -> list[Modality]:
    """The modalities that cost requests: for their pixels, or to be located."""
    members = [modality for group in job.groups for modality in group.modalities]
    scene = scenes(tiles_of(job, [0]), PLACEHOLDER)[0]
    return [each for each in members if (each.map_layers() and not each.is_local()) or _needs_request(each, scene)]


def drawn(job: PreparedRun, number: int, seed: int = SEED) -> gpd.GeoDataFrame:
    """One random tile of each of `number` ranges of equal length, in the order of the tiles."""
    tiles = int(job.stored.tiles["count"])
    ends = np.linspace(0, tiles, min(number, tiles) + 1).astype(int)
    return tiles_of(job, np.random.default_rng(seed).integers(ends[:-1], ends[1:]).tolist())


def tiles_of(job: PreparedRun, ordinals: Sequence[int]) -> gpd.GeoDataFrame:
    """Some tiles of a run, by their number from 0, as a tiles file has them."""
    if job.frame is not None:
        return job.frame.iloc[ordinals].reset_index(drop=True)
    TileIndex(job.folder.tiles).sizes()  # raises a clear error if the file is damaged
    where = f"ordinal IN ({', '.join(map(str, ordinals))})"
    frame = pyogrio.read_dataframe(job.folder.tiles, layer=_TILES_LAYER, where=where, IMMUTABLE="YES")
    return frame.sort_values("ordinal").drop(columns=["ordinal", "partition"]).reset_index(drop=True)


def scenes(frame: gpd.GeoDataFrame, anchor: Anchor | None = None) -> list[Scene]:
    """Tiles as plugins see them; a missing centroid is computed here.

    Args:
        frame: the tiles.
        anchor: their anchor, if it is known.
    """
    found = []
    for row in frame.to_dict("records"):
        polygon, tile_id = row.pop("geometry"), str(row.pop("tile_id"))
        lon, lat = row.pop("lon", None), row.pop("lat", None)
        if lon is None or lat is None or math.isnan(lon + lat):
            lon, lat = polygon.centroid.x, polygon.centroid.y
        found.append(Scene(tile_id, polygon, float(lon), float(lat), row, anchor))
    return found


def _group_cost(job: PreparedRun, group: Group, scene: Scene, left: int) -> GroupCost:
    """The cost of a group, from the declarations of its modalities.

    Args:
        job: the run.
        group: modalities downloaded together.
        scene: any of the dataset's tiles, with its anchor.
        left: tiles that are left to download.
    """
    bands, size = stack_bands(group.modalities), job.config.dataset.image_size
    requested = stack_bands([modality for modality in group.modalities if not modality.is_local()])
    first = left and any(band.needs_grid(job.stored.pixel_size) for band in requested)
    # One request for the anchors of a batch, one for all other modalities together.
    rounds = {modality is group.anchor for modality in group.modalities if _needs_request(modality, scene)}
    pixel = sum(np.dtype(band.band.dtype).itemsize for band in bands)
    vectors = [layer for modality in group.modalities for layer in modality.layers if not layer.is_map]
    return GroupCost(
        name=group.name,
        left=left,
        first_requests=1 if first else 0,
        batch_requests=len(rounds),
        pixel_requests=len(PixelRequest(requested, 0, 0, size, size).fitting(size)) if requested else 0,
        wire=_npy_bytes(requested, size),
        stack=len(bands) * np.dtype("float32").itemsize * size**2 * STACK_SHARE,
        hdf5=pixel * size**2 * HDF5_SHARE,
        vectors=sum((layer.steps or 1) * len(layer.bands) * np.dtype(layer.dtype).itemsize for layer in vectors),
    )


def _needs_request(modality: Modality, scene: Scene) -> bool:
    """Whether locating a tile needs a request: plain values and None do not."""
    try:
        located = modality.locate(scene)
    except Exception:  # noqa: BLE001 - a plugin may raise anything
        # Earth Engine objects can only be made when an engine is open.
        return True
    return located is not None and not isinstance(located, dict | list)


def _npy_bytes(bands: tuple[StackBand, ...], size: int) -> int:
    """Bytes of a structured array in NPY format: a header with the bands' names, and each band in its own dtype."""
    if not bands:
        return 0
    dtype = np.dtype([(band.name, band.band.dtype) for band in bands])
    head = io.BytesIO()
    np.save(head, np.empty((0, size), dtype))
    return len(head.getvalue()) + dtype.itemsize * size**2
