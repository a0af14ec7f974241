"""What is left to download: the tiles of each group that have not ended, and the centroids that are missing."""

import datetime as dt

from mmearth_core.contract.modality import Anchor, Scene
from mmearth_core.download.run import PreparedRun
from mmearth_core.status import read_status
from mmearth_core.tiles.earth_source import lacks_centroids
from mmearth_core.tiles.index import TileIndex
from mmearth_preflight.declared import GroupCost, group_cost

_ANCHOR = Anchor(dt.date(2018, 7, 1), "EPSG:32631")
"""Stands for an anchor, where only the kind of question matters."""


def group_costs(job: PreparedRun) -> tuple[GroupCost, ...]:
    """What each group of a job costs.

    Raises:
        DatasetError: when a file of the dataset is damaged.
    """
    tiles, size = int(job.effective.tiles["count"]), job.config.dataset.image_size
    status, scene = read_status(job.config), _any_scene(job)
    return tuple(
        group_cost(group, scene, size, status.group(group.name).left if group.name in status.groups else tiles)
        for group in job.groups
    )


def without_centroid(job: PreparedRun) -> int:
    """Tiles whose centroid Earth Engine has to be asked for; none once the tiles are taken in."""
    if job.frame is None or not lacks_centroids(job.frame):
        return 0
    if not {"lon", "lat"} <= set(job.frame.columns):
        return len(job.frame)
    return int(job.frame[["lon", "lat"]].isna().any(axis=1).sum())


def _any_scene(job: PreparedRun) -> Scene:
    """The first tile, as plugins see it."""
    if job.frame is None:
        index = TileIndex(job.folder.tiles)
        return index.read(min(index.sizes()))[0].scene(_ANCHOR)
    row = job.frame.iloc[0].to_dict()
    polygon, tile_id = row.pop("geometry"), str(row.pop("tile_id"))
    middle = polygon.centroid
    attributes = {name: value for name, value in row.items() if name not in ("lon", "lat")}
    return Scene(tile_id, polygon, middle.x, middle.y, attributes, _ANCHOR)
