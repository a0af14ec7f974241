"""For tests of plugins: worlds of numpy arrays, and tiles downloaded from them with an ordinary run."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from attrs import frozen
from localearth.worlds.arrays import ArrayBand, ArrayCollection, ArrayWorld, image, to_lonlat
from numpy.typing import NDArray
from shapely.geometry import Polygon

from mmearth_core import Anchor, Modality, Scene
from mmearth_core.config.schema import Config, DatasetOptions, RunOptions
from mmearth_core.download.folder import BASE, Group, Journal, StoredConfig, TileOutcome, chosen_grid
from mmearth_core.download.run import PreparedRun, run
from mmearth_core.download.stack import read_stack, stack_bands
from mmearth_core.paths import DatasetPaths
from mmearth_localearth.stage import WorldEngine

__all__ = ["ArrayBand", "ArrayCollection", "ArrayWorld", "Downloaded", "download", "image", "to_lonlat"]


@frozen(eq=False)
class Downloaded:
    """The result of one tile.

    Attributes:
        entry: its line of the journal.
        bands: its pixels by `<layer>__<band>`, (size, size), NaN at no-data; empty without pixels.
        requests: number of requests by kind.
    """

    entry: TileOutcome
    bands: Mapping[str, NDArray[np.float32]]
    requests: Mapping[str, int]

    def located(self, modality: Modality) -> Any:
        """The result of a modality's `locate`, as the journal stores it."""
        return self.entry.record["located"][modality.name]


class _Given(Modality):
    """The anchor of a test: the day and grid that the test gives."""

    name = "given"
    api_version = 1
    layers = ()

    def __init__(self, anchor: Anchor) -> None:
        super().__init__()
        self._anchor = anchor

    def anchor(self, scene: Scene, located: Any) -> Anchor:
        """The given one."""
        return self._anchor


def download(
    world: Any,
    modalities: Sequence[Modality],
    polygon: Polygon,
    anchor: Anchor | None,
    folder: Path,
    size: int = 16,
    grid: Mapping[str, Any] | None = None,
) -> Downloaded:
    """Downloads one tile into a new dataset.

    Args:
        world: the world.
        modalities: the modalities to download.
        polygon: the tile, EPSG:4326.
        anchor: date and grid of the tile, for modalities added to a dataset; None to let the first modality fix them.
        folder: the folder in which a subfolder with the dataset is created.
        size: rows and columns of the tile.
        grid: `pixel_size` and `origin`, `[x, y]`, of the dataset, where they are not 10 and 0; by default those that
            the first modality proposes as the anchor.

    Raises:
        AssertionError: when a modality sends a request itself, or the run stops before the tile is finished.
    """
    members = tuple(modalities) if anchor is None else (_Given(anchor), *modalities)
    group = Group(BASE, members, members[0])
    options = RunOptions(retry_seconds=0.0, give_up_after=0)
    folder.mkdir(parents=True, exist_ok=True)
    dataset = DatasetPaths(Path(tempfile.mkdtemp(dir=folder)))
    columns = {"tile_id": ["tile"], "lon": polygon.centroid.x, "lat": polygon.centroid.y}
    described = DatasetOptions("tiles", "test", str(dataset.root), image_size=size)
    if grid is None:
        grid = chosen_grid(described, members[0].pixel_size, members[0].origin)
    prepared = PreparedRun(
        config=Config(described, options, {}, {}, folder / "test.toml"),
        folder=dataset,
        engine=WorldEngine(world),
        groups=(group,),
        stored=StoredConfig(
            {"image_size": size, **grid}, {"partition_size": 1}, groups={BASE: [m.name for m in members]}
        ),
        frame=gpd.GeoDataFrame(columns, geometry=[polygon], crs="EPSG:4326"),
        modalities={modality.name: modality for modality in members},
    )
    result = run(prepared, lambda progress: None)
    purposes, requests = dict(result.client.purposes), dict(result.client.meter.requests)
    if sum(requests.values()) != sum(purposes.values()):
        raise AssertionError(f"a plugin has sent requests itself: {requests}")
    if result.progress.left:
        raise AssertionError(result.why or "\n".join(result.progress.counts.reason_lines(1)))
    entry = Journal(dataset.journal(BASE, 0)).read()["tile"]
    bands = {}
    if "sha256" in entry.record:
        names = [band.name for band in stack_bands(modalities)]
        bands = dict(zip(names, read_stack(dataset.stack(BASE, 0, "tile"), names), strict=True))
    return Downloaded(entry, bands, purposes)
