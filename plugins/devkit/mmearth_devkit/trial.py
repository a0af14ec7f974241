"""A trial: locates and downloads one tile of a modality with the steps of a run, and records what happens."""

import inspect
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from attrs import evolve

from mmearth_core import Anchor, Engine, Modality, Scene, Skip
from mmearth_core.config.schema import RunOptions
from mmearth_core.download.stack import present_bands, stack_bands
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.tiles.grid import tile_grid
from mmearth_devkit.graphs import assets_in, evaluate, graph_text
from mmearth_devkit.misalignment import find_misalignments
from mmearth_devkit.network_guard import GuardedEngine, NetworkGuard
from mmearth_devkit.rebuild import RebuildError, rebuild
from mmearth_devkit.recording.recording import Recorded
from mmearth_devkit.stage import Stage, open_stage
from mmearth_devkit.trial_record import RawBand, TrialRecord

T = TypeVar("T")


SIZE = 64
"""Rows and columns of the tile."""


_MASKED = -1e300
"""The value of masked pixels in the request for raw values; NPY has no mask."""


class _StepError(Exception):
    """A step failed; the record says why."""


class Trial:
    """One modality on one engine."""

    def __init__(self, modality: Modality, engine: Engine) -> None:
        """Opens the engine's stage.

        Args:
            modality: the modality to try.
            engine: an engine with a stage.

        Raises:
            EngineError: when the engine has none.
        """
        self._modality = modality
        self._engine = engine
        self._guard = NetworkGuard(inspect.getsourcefile(type(modality)))
        self._record = TrialRecord(modality, open_stage(engine))

    def run(self, scene: Scene | None = None, processes: bool = True) -> TrialRecord:
        """Tries the modality.

        Args:
            scene: the tile, with its anchor; by default one at the stage's place.
            processes: also build its graphs in other processes.
        """
        # A step that fails is in the record, and ends the trial.
        with tempfile.TemporaryDirectory() as folder, suppress(_StepError):
            self._all(scene or default_scene(self._record.stage), Path(folder) / "recording", processes)
        self._record.calls = tuple(self._guard.calls)
        return self._record

    def _all(self, scene: Scene, recording: Path, processes: bool) -> None:
        guarded = GuardedEngine(self._engine, self._guard)
        client = EarthClient(Recorded(guarded, recording), RunOptions(retry_seconds=0.0))
        self._locate(client, scene)
        image = self._image()
        if processes:
            self._rebuild(recording)
        self._values()
        if image is not None:
            self._pixels(client, image)
            self._record.misalignments = self._do("image", find_misalignments, self._record, self._guard, client, image)

    def _do(self, step: str, function: Callable[..., T], *arguments: Any) -> T:
        """Calls a function of the plugin, or one that uses what it built.

        Raises:
            _StepError: when it raises anything.
        """
        try:
            return function(*arguments)
        except Exception as error:
            self._record.failures.append((step, f"{type(error).__name__}: {error}"))
            raise _StepError from error

    def _build(self, step: str, *arguments: Any) -> Any:
        with self._guard.building(step):
            return self._do(step, getattr(self._modality, step), *arguments)

    def _locate(self, client: EarthClient, scene: Scene) -> None:
        record, modality = self._record, self._modality
        anchored = modality.can_anchor()
        asked = evolve(scene, anchor=None) if anchored else scene
        question = self._build("locate", asked)
        text = self._do("locate", graph_text, question)
        record.graphs["locate"] = [text, self._do("locate", graph_text, self._build("locate", asked))]
        record.assets = assets_in(text)
        answer = self._do("locate", evaluate, client, question)
        more = self._build("relocate", asked, answer)
        record.asked_again = more is not None
        if more is not None:
            answer = self._do("relocate", evaluate, client, more)
        self._do("locate", lambda: json.dumps(answer, allow_nan=False))
        record.located = answer
        if anchored:
            anchor = self._build("anchor", asked, answer)
            if isinstance(anchor, Skip):
                record.failures.append(("anchor", f"the tile is skipped: {anchor.reason}"))
                raise _StepError
            scene = evolve(scene, anchor=anchor)
        record.scene = scene

    def _image(self) -> Any:
        record, modality = self._record, self._modality
        if not stack_bands([modality]):
            return None
        with self._guard.building("present"):
            record.wanted = self._do("present", present_bands, modality, record.located)
        if not record.wanted:
            return None
        image = self._build("image", record.scene, record.located)
        if image is None:
            return None
        text = self._do("image", graph_text, image)
        again = self._do("image", graph_text, self._build("image", record.scene, record.located))
        record.graphs["image"] = [text, again]
        record.assets = sorted({*record.assets, *assets_in(text)})
        return image

    def _rebuild(self, recording: Path) -> None:
        record = self._record
        if record.scene is None:
            return
        try:
            texts = rebuild(self._modality, record.scene, record.located, list(record.graphs), recording)
        except RebuildError as error:
            record.failures.append(("a second process", str(error)))
            return
        for step, built in texts.items():
            record.graphs[step] += built

    def _values(self) -> None:
        if any(not layer.is_map for layer in self._modality.layers):
            self._record.vectors = self._build("values", self._record.located)
        info = self._build("info", self._record.located)
        self._do("info", lambda: json.dumps(info, allow_nan=False))

    def _pixels(self, client: EarthClient, image: Any) -> None:
        record = self._record
        record.names = self._do("image", lambda: list(client.compute(image.bandNames(), "bands")))
        present = [each for each in record.wanted if each.band.name in record.names]
        scene = record.scene
        if not present or scene is None or scene.anchor is None:
            return
        grid = tile_grid(scene.polygon, scene.anchor.crs, SIZE)
        names = [each.band.name for each in present]
        raw = image.select(names).toDouble().unmask(_MASKED, False)
        pixels = self._do("image", client.pixels, raw, grid.request())
        values = {name: np.asarray(pixels[name], np.float64).ravel() for name in names}
        record.raw = [RawBand(each, values[each.band.name][values[each.band.name] != _MASKED]) for each in present]


def default_scene(stage: Stage) -> Scene:
    """A tile at the place that a stage proposes, on the grid of its UTM zone."""
    polygon, day = stage.place()
    centre = polygon.centroid
    anchor = Anchor(day, _utm_zone(centre.x, centre.y))
    return Scene("check", polygon, centre.x, centre.y, {"date": day.isoformat()}, anchor)


def _utm_zone(lon: float, lat: float) -> str:
    """The UTM zone of a point in degrees, without the exceptions for Norway and Svalbard."""
    zone = int((lon + 180) % 360 // 6) + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
