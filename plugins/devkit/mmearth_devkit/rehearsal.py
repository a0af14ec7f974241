"""The rehearsal: brings one tile of a modality through the run's steps, and writes down what was seen."""

import inspect
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from attrs import evolve

from mmearth_core.builtin.file_anchor import utm_zone
from mmearth_core.config.schema import RunOptions
from mmearth_core.contract.engine import Engine
from mmearth_core.contract.modality import Anchor, Modality, Scene, Skip
from mmearth_core.download.stack import present_bands, stack_bands
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.tiles.grid import tile_grid
from mmearth_devkit.evidence import RawBand, TrialRecord
from mmearth_devkit.graphs import assets_in, graph_text
from mmearth_devkit.guard import NetworkGuard, WatchedEngine
from mmearth_devkit.recording.recording import Recorded
from mmearth_devkit.repeat import RepeatError, repeated
from mmearth_devkit.shift import shifts_of
from mmearth_devkit.stage import Stage, open_stage

T = TypeVar("T")


SIZE = 64
"""Rows and columns of the tile that is tried."""


_NOWHERE = -1e300
"""Stands for a masked pixel while raw values travel."""


class _StepError(Exception):
    """A step could not be done; the evidence says why."""


class Trial:
    """One modality on one engine."""

    def __init__(self, modality: Modality, engine: Engine) -> None:
        """Takes both.

        Args:
            modality: what is tried.
            engine: one that lends a stage.

        Raises:
            EngineError: when it lends none.
        """
        self._modality = modality
        self._engine = engine
        self._guard = NetworkGuard(inspect.getsourcefile(type(modality)))
        self.evidence = TrialRecord(modality, open_stage(engine))

    def run(self, scene: Scene | None = None, again: bool = True) -> TrialRecord:
        """Tries the modality.

        Args:
            scene: the tile, with its anchor; by default one at the stage's place.
            again: also build its graphs in other processes.
        """
        # A step that failed stands in the evidence, and ends the rehearsal.
        with tempfile.TemporaryDirectory() as folder, suppress(_StepError):
            self._all(scene or default_scene(self.evidence.stage), Path(folder) / "recording", again)
        self.evidence.calls = tuple(self._guard.calls)
        return self.evidence

    def _all(self, scene: Scene, recording: Path, again: bool) -> None:
        watched = WatchedEngine(self._engine, self._guard)
        client = EarthClient(Recorded(watched, recording), RunOptions(retry_seconds=0.0))
        self._locate(client, scene)
        image = self._image()
        if again:
            self._repeat(recording)
        self._values()
        if image is not None:
            self._pixels(client, image)
            self.evidence.shifts = self._do("image", shifts_of, self.evidence, self._guard, client, image)

    def _do(self, step: str, function: Callable[..., T], *arguments: Any) -> T:
        """Calls something of the plugin, or something that needs what it built.

        Raises:
            _StepError: when it raises anything.
        """
        try:
            return function(*arguments)
        except Exception as error:
            self.evidence.failures.append((step, f"{type(error).__name__}: {error}"))
            raise _StepError from error

    def _build(self, step: str, *arguments: Any) -> Any:
        with self._guard.building(step):
            return self._do(step, getattr(self._modality, step), *arguments)

    def _locate(self, client: EarthClient, scene: Scene) -> None:
        seen, modality = self.evidence, self._modality
        anchored = modality.can_anchor()
        asked = evolve(scene, anchor=None) if anchored else scene
        question = self._build("locate", asked)
        text = self._do("locate", graph_text, question)
        seen.graphs["locate"] = [text, self._do("locate", graph_text, self._build("locate", asked))]
        seen.assets = assets_in(text)
        answer = self._do("locate", answered, client, question)
        more = self._build("relocate", asked, answer)
        seen.asked_again = more is not None
        if more is not None:
            answer = self._do("relocate", answered, client, more)
        self._do("locate", lambda: json.dumps(answer, allow_nan=False))
        seen.located = answer
        if anchored:
            anchor = self._build("anchor", asked, answer)
            if isinstance(anchor, Skip):
                seen.failures.append(("anchor", f"the tile is skipped: {anchor.reason}"))
                raise _StepError
            scene = evolve(scene, anchor=anchor)
        seen.scene = scene

    def _image(self) -> Any:
        seen, modality = self.evidence, self._modality
        if not stack_bands([modality]):
            return None
        with self._guard.building("present"):
            seen.wanted = self._do("present", present_bands, modality, seen.located)
        if not seen.wanted:
            return None
        image = self._build("image", seen.scene, seen.located)
        if image is None:
            return None
        text = self._do("image", graph_text, image)
        again = self._do("image", graph_text, self._build("image", seen.scene, seen.located))
        seen.graphs["image"] = [text, again]
        seen.assets = sorted({*seen.assets, *assets_in(text)})
        return image

    def _repeat(self, recording: Path) -> None:
        seen = self.evidence
        if seen.scene is None:
            return
        try:
            texts = repeated(self._modality, seen.scene, seen.located, list(seen.graphs), recording)
        except RepeatError as error:
            seen.failures.append(("a second process", str(error)))
            return
        for step, found in texts.items():
            seen.graphs[step] += found

    def _values(self) -> None:
        if any(not layer.is_map for layer in self._modality.layers):
            self.evidence.vectors = self._build("values", self.evidence.located)
        told = self._build("info", self.evidence.located)
        self._do("info", lambda: json.dumps(told, allow_nan=False))

    def _pixels(self, client: EarthClient, image: Any) -> None:
        seen = self.evidence
        seen.names = self._do("image", lambda: list(client.compute(image.bandNames(), "bands")))
        have = [each for each in seen.wanted if each.band.name in seen.names]
        scene = seen.scene
        if not have or scene is None or scene.anchor is None:
            return
        grid = tile_grid(scene.polygon, scene.anchor.crs, SIZE)
        names = [each.band.name for each in have]
        raw = image.select(names).toDouble().unmask(_NOWHERE, False)
        pixels = self._do("image", client.pixels, raw, grid.request())
        values = {name: np.asarray(pixels[name], np.float64).ravel() for name in names}
        seen.raw = [RawBand(each, values[each.band.name][values[each.band.name] != _NOWHERE]) for each in have]


def answered(client: EarthClient, value: Any) -> Any:
    """The plain value of what a modality built; a plain value costs no request."""
    import ee

    return client.compute(value, "locate") if isinstance(value, ee.ComputedObject) else value


def default_scene(stage: Stage) -> Scene:
    """A tile at the place that a stage proposes, on the UTM zone's grid."""
    polygon, day = stage.place()
    centre = polygon.centroid
    anchor = Anchor(day, utm_zone(centre.x, centre.y))
    return Scene("check", polygon, centre.x, centre.y, {"date": day.isoformat()}, anchor)
