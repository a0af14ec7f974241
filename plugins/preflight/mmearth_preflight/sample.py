"""A sample: some tiles are downloaded into a temporary folder, to measure what a tile costs."""

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
from attrs import evolve, frozen
from numpy.typing import NDArray

from mmearth_core import Connection, Engine, Transport, WrappedEngine
from mmearth_core.config.schema import Config
from mmearth_core.download.run import PreparedRun, ProgressListener, RunResult, StopRequest, run
from mmearth_core.download.stack import read_stack
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import DatasetPaths
from mmearth_core.product.hdf5_rows import compress_row

SEED = 0
"""Seed of the draw, so that a plan made twice downloads the same tiles."""


_SUFFIX = "-sample"


_TILES_LAYER = "tiles"


@frozen(eq=False)
class Sample:
    """The measured cost of some tiles.

    Attributes:
        tiles: number of tiles.
        result: the result of the run.
        latency: mean seconds until a request was answered.
        stacks: bytes of the stacks.
        hdf5: bytes of their values in the HDF5 file.
        workload_tag: the label of their computations.
    """

    tiles: int
    result: RunResult
    latency: float
    stacks: int
    hdf5: int
    workload_tag: str

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        summary = self.result.summary()
        failed = summary["failed"] + summary["left"]
        return {
            "tiles": self.tiles,
            "seed": SEED,
            **{key: summary[key] for key in ("done", "skipped", "failed", "left")},
            "failed_share": failed / max(summary["tiles"], 1),
            "requests": summary["requests"].total(),
            "retries": sum(summary["retries"].values()),
            "bytes_received": summary["bytes_received"],
            "bytes_of_stacks": self.stacks,
            "bytes_in_hdf5": self.hdf5,
            "seconds": summary["seconds"],
            "latency": round(self.latency, 4),
            "reasons": summary["reasons"],
            "workload_tag": self.workload_tag,
            "stopped": self.result.why,
        }


def draw_sample(
    job: PreparedRun, config: Config, number: int, on_progress: ProgressListener, stop: StopRequest
) -> Sample:
    """Downloads some tiles, spread over all of them, with every group of a run. The dataset itself is not changed.

    Args:
        job: the run that is planned.
        config: its configuration, with the planned concurrency.
        number: maximum number of tiles.
        on_progress: called after every tile.
        stop: asks to end early.

    Raises:
        MMEarthError: as a run raises it.
    """
    with tempfile.TemporaryDirectory(prefix="mmearth-plan-") as folder:
        frame = _drawn(job, number)
        root = Path(folder) / config.dataset.name
        budget = config.budget if config.budget.is_dir() else root / "budget"
        tag = config.workload_tag and config.workload_tag[: 63 - len(_SUFFIX)].rstrip("-_") + _SUFFIX
        timed = Timed(job.engine)
        trial = evolve(
            job,
            config=evolve(
                config,
                dataset=evolve(config.dataset, path=str(root)),
                run=evolve(config.run, budget=str(budget), workload_tag=tag),
            ),
            folder=DatasetPaths(root),
            engine=timed,
            stored=evolve(job.stored, tiles={**job.stored.tiles, "partition_size": number}),
            frame=frame,
        )
        result = run(trial, on_progress, stop=stop)
        stacks = sorted(root.glob("stacks/*/*/*.tif"))
        return Sample(
            tiles=len(frame),
            result=result,
            latency=timed.seconds / max(timed.requests, 1),
            stacks=sum(path.stat().st_size for path in stacks),
            hdf5=_hdf5_bytes(trial, stacks),
            workload_tag=tag,
        )


def _drawn(job: PreparedRun, number: int) -> gpd.GeoDataFrame:
    """One random tile of each of `number` ranges of equal length, in the order of the tiles."""
    tiles = int(job.stored.tiles["count"])
    ends = np.linspace(0, tiles, min(number, tiles) + 1).astype(int)
    ordinals = np.random.default_rng(SEED).integers(ends[:-1], ends[1:])
    if job.frame is not None:
        return job.frame.iloc[ordinals].reset_index(drop=True)
    where = f"ordinal IN ({', '.join(map(str, ordinals))})"
    frame = pyogrio.read_dataframe(job.folder.tiles, layer=_TILES_LAYER, where=where, IMMUTABLE="YES")
    return frame.sort_values("ordinal").drop(columns=["ordinal", "partition"]).reset_index(drop=True)


def _hdf5_bytes(job: PreparedRun, stacks: list[Path]) -> int:
    """Bytes of the stacks' values in the HDF5 file, compressed as post-processing does it."""
    size, total = job.config.dataset.image_size, 0
    for group in job.groups:
        layers = tuple(
            LayerDescription.of(layer, modality, size, "")
            for modality in group.modalities
            for layer in modality.map_layers()
        )
        for path in stacks:
            if path.parent.parent.name == group.name:
                total += sum(len(compress_row(_values(layer, path))) for layer in layers)
    return total


def _values(layer: LayerDescription, stack: Path) -> NDArray[Any]:
    """A layer's values of a tile, as the HDF5 file has them. The server has rounded and clamped them already."""
    pixels = read_stack(stack, [f"{layer.name}__{band}" for band in layer.bands])
    return np.where(np.isnan(pixels), layer.fill, pixels).astype(layer.dtype)


class Timed(WrappedEngine):
    """Measures how long another engine takes to answer.

    Attributes:
        requests: number of requests that were answered or failed.
        seconds: their total duration.
    """

    name = "timed"

    def __init__(self, engine: Engine) -> None:
        """Wraps an engine.

        Args:
            engine: the engine to measure.
        """
        super().__init__(engine)
        self.requests = 0
        self.seconds = 0.0
        self._lock = threading.Lock()

    def around(self, connection: Connection) -> Transport:
        """Wraps the connection's transport."""
        return _Timing(self, connection.transport)

    def add(self, seconds: float) -> None:
        """Counts one request."""
        with self._lock:
            self.requests += 1
            self.seconds += seconds


class _Timing:
    """The transport of `Timed`."""

    def __init__(self, engine: Timed, transport: Transport) -> None:
        self._engine = engine
        self._transport = transport

    def request(self, uri: str, method: str = "GET", *args: Any, **options: Any) -> tuple[Any, bytes]:
        """Passes a request on; the client's first ones, which are GET requests, are not counted."""
        begin = time.perf_counter()
        try:
            return self._transport.request(uri, method, *args, **options)
        finally:
            if method == "POST":
                self._engine.add(time.perf_counter() - begin)
