"""A sample: some tiles are downloaded into a temporary folder, to measure what a tile costs."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from mmearth_core import Engine
from mmearth_core.config.schema import Config
from mmearth_core.download.folder import BASE, Group
from mmearth_core.download.run import PreparedRun, ProgressListener, RunResult, StopRequest, run
from mmearth_core.download.stack import read_stack
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.layers import LayerDescription
from mmearth_core.paths import DatasetPaths
from mmearth_core.product.hdf5_rows import compress_row
from mmearth_preflight.measure import MeasuredEngine
from mmearth_preflight.work import SEED, drawn, modalities_with_requests

ALONE = 5
"""Tiles that are also downloaded once for each modality, to separate their costs."""


_SUFFIX = "-sample"


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
        eecu: EECU-seconds by kind of request; empty if the engine does not tell them.
    """

    tiles: int
    result: RunResult
    latency: float
    stacks: int
    hdf5: int
    workload_tag: str
    eecu: Mapping[str, float] = field(factory=dict)

    @property
    def eecu_seconds(self) -> float | None:
        """EECU-seconds per tile; None if unknown."""
        return sum(self.eecu.values()) / self.tiles if self.eecu else None

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
            "eecu_seconds": dict(self.eecu),
            "workload_tag": self.workload_tag,
            "stopped": self.result.why,
        }


@frozen(eq=False)
class Trial:
    """Downloads of some tiles into temporary folders. The dataset itself is not changed.

    Attributes:
        job: the run that is planned.
        config: its configuration, with the planned concurrency.
        on_progress: called after every tile.
        stop: asks to end early.
    """

    job: PreparedRun
    config: Config
    on_progress: ProgressListener
    stop: StopRequest

    def prepare(self, root: Path, frame: gpd.GeoDataFrame, engine: Engine) -> PreparedRun:
        """The same run, of other tiles, into another folder.

        Args:
            root: the folder.
            frame: the tiles.
            engine: the engine that answers.
        """
        config, job = self.config, self.job
        budget = config.budget if config.budget.is_dir() else root / "budget"
        tag = config.workload_tag and config.workload_tag[: 63 - len(_SUFFIX)].rstrip("-_") + _SUFFIX
        return evolve(
            job,
            config=evolve(
                config,
                dataset=evolve(config.dataset, path=str(root)),
                run=evolve(config.run, budget=str(budget), workload_tag=tag),
            ),
            folder=DatasetPaths(root),
            engine=engine,
            stored=evolve(job.stored, tiles={**job.stored.tiles, "partition_size": len(frame)}),
            frame=frame,
        )

    def sample(self, number: int, engine: Engine | None = None, seed: int = SEED) -> Sample:
        """Downloads some tiles, spread over all of them, with every group of the run.

        Args:
            number: maximum number of tiles.
            engine: the engine that answers; by default that of the run.
            seed: of the choice of the tiles.

        Raises:
            MMEarthError: as a run raises it.
        """
        engine = engine or self.job.engine
        measured = MeasuredEngine(engine)
        with tempfile.TemporaryDirectory(prefix="mmearth-plan-") as folder:
            frame = drawn(self.job, number, seed)
            root = Path(folder) / self.config.dataset.name
            trial = self.prepare(root, frame, measured)
            result = run(trial, self.on_progress, stop=self.stop)
            stacks = sorted(root.glob("stacks/*/*/*.tif"))
            return Sample(
                tiles=len(frame),
                result=result,
                latency=measured.latency,
                stacks=sum(path.stat().st_size for path in stacks),
                hdf5=_hdf5_bytes(trial, stacks),
                workload_tag=trial.config.workload_tag,
                eecu=self._eecu(trial, measured, engine),
            )

    def endpoints(self, sample: Sample) -> dict[str, Sample]:
        """The samples of each endpoint: the given one of the configured endpoint, and one of other tiles of each other.

        Other tiles, as an endpoint may answer from the other one's cache. Empty if the engine has no endpoints to
        choose from, or is configured with another address.

        Raises:
            MMEarthError: as a run raises it.
        """
        engine, names = self.job.engine, self.job.engine.endpoints
        if getattr(engine.options, "url", None) not in names:
            return {}
        others = [name for name in names if name != engine.options.url]
        return {engine.options.url: sample} | {
            name: self.sample(sample.tiles, engine.configured(evolve(engine.options, url=name)), SEED + 1)
            for name in others
        }

    def modalities(self, sample: Sample) -> dict[str, float]:
        """EECU-seconds per tile of each modality, downloaded alone; empty if the engine does not tell them.

        A request for pixels has all modalities of a tile, and its profile does not separate them. So a few other tiles
        are downloaded once for each modality.

        Args:
            sample: the sample of whole tiles.

        Raises:
            MMEarthError: as a run raises it.
        """
        anchor, costly = self.job.groups[0].anchor, modalities_with_requests(self.job)
        others = [modality for modality in costly if modality is not anchor]
        if sample.eecu_seconds is None or not others:
            return {} if sample.eecu_seconds is None else {anchor.name: sample.eecu_seconds}
        groups = (Group(BASE, (anchor,), anchor), *(Group(each.name, (each,), anchor) for each in others))
        costs: dict[str, float] = {}
        with tempfile.TemporaryDirectory(prefix="mmearth-plan-") as folder:
            frame = drawn(self.job, min(sample.tiles, ALONE), SEED + 2)
            trial = self.prepare(Path(folder) / self.config.dataset.name, frame, self.job.engine)
            names = {group.name: [modality.name for modality in group.modalities] for group in groups}
            trial = evolve(trial, stored=evolve(trial.stored, groups=names))
            for group in groups:
                if self.stop.requested:
                    return {}
                measured = MeasuredEngine(self.job.engine)
                run(evolve(trial, engine=measured, groups=(group,)), self.on_progress, stop=self.stop)
                trial = evolve(trial, frame=None)  # the tiles are in the folder now
                costs[group.modalities[0].name] = sum(self._eecu(trial, measured, self.job.engine).values()) / len(
                    frame
                )
        return costs

    def _eecu(self, trial: PreparedRun, measured: MeasuredEngine, engine: Engine) -> dict[str, float]:
        """What the requests of a run have cost; the engine that was measured is asked, as it has the profiles."""
        if self.stop.requested or not any(measured.profiles.values()):
            return {}
        # The client of the run has given back its share of the budget.
        return measured.eecu_seconds(EarthClient(engine, trial.config.run, workload_tag=trial.config.workload_tag))


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
    pixels = read_stack(stack, layer.stack_names)
    return np.where(np.isnan(pixels), layer.fill, pixels).astype(layer.dtype)
