"""A trial: takes tiles of a modality through the steps of a run, and records what happens."""

import inspect
import json
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
from attrs import evolve

from mmearth_core import Engine, Grid, Modality, Resampling, Scene, Skip
from mmearth_core.config.schema import DatasetOptions, RunOptions
from mmearth_core.download.folder import GRID, chosen_grid
from mmearth_core.download.pixels import local_pixels
from mmearth_core.download.stack import (
    StackBand,
    images_by_step,
    is_composite,
    present_bands,
    stack_bands,
)
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.tiles.grid import degrees_outside, require_aligned
from mmearth_devkit.finished import raw_pixels, wrong_pixels
from mmearth_devkit.graphs import assets_in, evaluate, graph_text
from mmearth_devkit.memory import Memory
from mmearth_devkit.misalignment import (
    COARSEST,
    MISALIGNED,
    Window,
    composite_sizes,
    find_blocks,
    in_run,
    measure_shifts,
    window_for,
)
from mmearth_devkit.network_guard import GuardedEngine, NetworkGuard
from mmearth_devkit.places import tiles_of
from mmearth_devkit.rebuild import RebuildError, rebuild
from mmearth_devkit.recording.recording import Recorded
from mmearth_devkit.stage import open_stage
from mmearth_devkit.trial_record import ON_PATTERN, Failure, RawBand, Shift, TrialRecord, TriedTile

T = TypeVar("T")


BESIDE = 1.2
"""How far outside the area of its CRS a tile of the kit may be, degrees of a great circle (133 km).

Sentinel-2's images reach 110 km into the next UTM zone. A run allows more, as some countries use one zone for all their
area; but an anchor that takes the next zone at the kit's places has counted wrong.
"""


_OTHER_START = 0.4
"""Where a second pattern begins, in pixels: elsewhere in a pixel than the first one."""


class _StepError(Exception):
    """A step failed; the record says why."""


class Trial:
    """One modality on one engine."""

    def __init__(self, modality: Modality, engine: Engine, pixel_size: float | None = None) -> None:
        """Opens the engine's stage.

        Args:
            modality: the modality to try.
            engine: an engine with a stage.
            pixel_size: of the tiles' grid, metres; by default the one that the modality proposes as an anchor, or 10.

        Raises:
            EngineError: when the engine has none.
        """
        self._modality = modality
        self._engine = engine
        self._guard = NetworkGuard(inspect.getsourcefile(type(modality)))
        pixel, origin = _grid_of(modality, pixel_size)
        self._is_proposed = pixel_size is None
        self._record = TrialRecord(modality, open_stage(engine), pixel_size=pixel, origin=origin)
        self._label = ""

    def run(self, scene: Scene | None = None, processes: bool = True) -> TrialRecord:
        """Tries the modality.

        Args:
            scene: the first tile, with its anchor; by default one at the stage's first place.
            processes: also build its graphs in other processes.
        """
        record, memory = self._record, Memory(self._modality)
        record.tiles = tiles_of(record.stage, scene, self._modality.can_anchor())
        with tempfile.TemporaryDirectory() as folder:
            guarded = GuardedEngine(self._engine, self._guard)
            client = EarthClient(Recorded(guarded, Path(folder) / "recording"), RunOptions(retry_seconds=0.0))
            # A step that fails is in the record, and ends the trial.
            with suppress(_StepError):
                image = self._first(client, Path(folder) / "recording", processes)
                for tile in record.tiles[1:]:
                    with suppress(_StepError):
                        self._another(client, tile)
                self._ask_again(memory)
                if image is not None:
                    self._judge(client, image)
        # The next trial in this process must not get what these tiles left behind.
        memory.forget()
        record.calls = tuple(self._guard.calls)
        return record

    def _first(self, client: EarthClient, recording: Path, processes: bool) -> Any:
        """The tile with data: graphs are built twice, and pixels are downloaded."""
        record, tile = self._record, self._record.tiles[0]
        self._locate(client, tile)
        skip = self._anchor(tile)
        if skip is not None:
            self._fail("anchor", f"the tile is skipped: {skip.reason}")
        images = self._images(tile)
        image = None
        if images:
            image, record.wanted = images[0]
            text = self._do("image", graph_text, tile.image)
            rebuilt = self._do("image", graph_text, self._build("image", tile.scene, tile.located))
            record.graphs["image"] = [text, rebuilt]
            record.assets = sorted({*record.assets, *assets_in(text)})
        if processes:
            self._rebuild(tile, recording)
        self._values(tile)
        if image is not None:
            self._pixels(client, image)
        for other, wanted in images[1:]:
            self._require_bands(client, other, wanted)
        return image

    def _another(self, client: EarthClient, tile: TriedTile) -> None:
        """Another tile, which may have no data: no step may fail."""
        self._label = tile.label
        try:
            self._locate(client, tile)
            if self._anchor(tile) is not None:
                return
            self._values(tile)
            for image, wanted in self._images(tile):
                self._require_bands(client, image, wanted)
        finally:
            self._label = ""

    def _require_bands(self, client: EarthClient, image: Any, wanted: Sequence[StackBand]) -> None:
        """The image has all its bands that the first tile's image has."""
        names = self._do("image", client.compute, image.bandNames(), "bands")
        missing = [each.band.name for each in wanted if each.band.name in (self._record.names or ())]
        missing = [name for name in missing if name not in names]
        if missing:
            self._fail("image", f"the image has no band {', '.join(missing)}; it has {', '.join(names) or 'none'}")

    def _do(self, step: str, function: Callable[..., T], *arguments: Any) -> T:
        """Calls a function of the plugin, or one that uses what it built.

        Raises:
            _StepError: when it raises anything.
        """
        try:
            return function(*arguments)
        except Exception as error:
            self._record.failures.append(Failure(step, f"{type(error).__name__}: {error}", self._label))
            raise _StepError from error

    def _fail(self, step: str, problem: str) -> NoReturn:
        self._record.failures.append(Failure(step, problem, self._label))
        raise _StepError

    def _build(self, step: str, *arguments: Any) -> Any:
        with self._guard.building(step):
            return self._do(step, getattr(self._modality, step), *arguments)

    def _locate(self, client: EarthClient, tile: TriedTile) -> None:
        question = self._build("locate", tile.asked)
        text = self._do("locate", graph_text, question)
        if tile is self._record.tiles[0]:
            rebuilt = self._do("locate", graph_text, self._build("locate", tile.asked))
            self._record.graphs["locate"] = [text, rebuilt]
            self._record.assets = assets_in(text)
        answer = self._do("locate", evaluate, client, question)
        more = self._build("relocate", tile.asked, answer)
        tile.asked_again = more is not None
        if more is not None:
            answer = self._do("relocate", evaluate, client, more)
        self._do("locate", lambda: json.dumps(answer, allow_nan=False))
        tile.located = answer

    def _anchor(self, tile: TriedTile) -> Skip | None:
        """Completes the scene of a tile whose anchor is the modality; returns why it has none."""
        if not self._modality.can_anchor():
            return None
        anchor = self._build("anchor", tile.asked, tile.located)
        if isinstance(anchor, Skip):
            return anchor
        # Raises for a CRS that is unknown, not in metres, or that of another place.
        grid = self._do("anchor", self._record.grid, tile.asked.polygon, anchor.crs)
        if self._is_proposed and anchor.transform is not None:
            self._do("anchor", require_aligned, anchor.transform, grid)
        outside = degrees_outside(anchor.crs, tile.asked.lon, tile.asked.lat)
        if outside > BESIDE:
            self._fail("anchor", f"the tile is {111 * outside:.0f} km outside the area of its CRS {anchor.crs!r}")
        tile.scene = evolve(tile.asked, anchor=anchor)
        return None

    def _images(self, tile: TriedTile) -> list[tuple[Any, tuple[StackBand, ...]]]:
        """The tile's image, or that of each time step, with the bands that it should have; empty if it has none."""
        if not stack_bands([self._modality]):
            return []
        if self._modality.is_local():
            if tile.scene is not None and tile.scene.anchor is not None:
                grid = self._record.grid(tile.scene.polygon, tile.scene.anchor.crs)
                with self._guard.building("pixels"):
                    self._do("pixels", local_pixels, self._modality, tile.scene, grid)
            return []
        with self._guard.building("present"):
            wanted = self._do("present", present_bands, self._modality, tile.located)
        tile.image = self._build("image", tile.scene, tile.located) if wanted else None
        images = self._do("image", images_by_step, self._modality, tile.image)
        return [(image, tuple(band for band in wanted if band.step == step)) for step, image in images]

    def _rebuild(self, tile: TriedTile, recording: Path) -> None:
        record = self._record
        if tile.scene is None:
            return
        try:
            texts = rebuild(self._modality, tile.scene, tile.located, list(record.graphs), recording)
        except RebuildError as error:
            record.failures.append(Failure("a second process", str(error)))
            return
        for step, built in texts.items():
            record.graphs[step] += built

    def _values(self, tile: TriedTile) -> None:
        if any(not layer.is_map for layer in self._modality.layers):
            vectors = self._build("values", tile.located)
            if not isinstance(vectors, Mapping):
                self._fail("values", f"it returns {vectors!r} instead of a dictionary")
            tile.vectors = vectors
        info = self._build("info", tile.located)
        if not isinstance(info, Mapping):
            self._fail("info", f"it returns {info!r} instead of a dictionary")
        self._do("info", lambda: json.dumps(info, allow_nan=False))

    def _pixels(self, client: EarthClient, image: Any) -> None:
        record = self._record
        record.names = self._do("image", lambda: list(client.compute(image.bandNames(), "bands")))
        present = [each for each in record.wanted if each.band.name in record.names]
        scene = record.scene
        if not present or scene is None or scene.anchor is None:
            return
        grid = record.grid(scene.polygon, scene.anchor.crs)
        raw = self._do("image", raw_pixels, client, image, [each.band.name for each in present], grid.request())
        record.raw = [RawBand(each, raw[each.band.name][~np.isnan(raw[each.band.name])]) for each in present]

    def _judge(self, client: EarthClient, image: Any) -> None:
        """Compares finished pixels with a local computation, and looks for bands that are shifted or in blocks."""
        record, scene = self._record, self._record.scene
        bands = [raw.stack_band for raw in record.raw if raw.values.size]
        if not bands or scene is None or scene.anchor is None:
            return
        grid = record.grid(scene.polygon, scene.anchor.crs)
        described = self._do("image", _projections, client, image, [band.band.name for band in bands])
        projections = {name: projection for name, (projection, _) in described.items()}
        composites = {name for name, projection in projections.items() if is_composite(projection)}
        needing = [band for band in bands if band.needs_grid(grid.pixel_size)]
        record.composites = [band for band in needing if band.band.name in composites]
        bands = [band for band in bands if band not in record.composites]
        if not bands:
            return
        record.wrong_pixels = self._do("image", wrong_pixels, client, image, bands, projections, grid)
        sizes = {name: max(grid.pixel_size, scale) for name, (_, scale) in described.items() if name not in composites}
        self._measure(grid, bands, {name: size for name, size in sizes.items() if size <= COARSEST}, composites)

    def _measure(
        self, grid: Grid, bands: Sequence[StackBand], sizes: dict[str, float], composites: Collection[str]
    ) -> None:
        """Measures bands on the patterned engine; `sizes` has the size of the pixels of those with their own grid."""
        record = self._record
        self._label = ON_PATTERN
        window = window_for(grid, sizes)
        unknown = [band.band.name for band in bands if band.band.name in composites]
        client, image = self._patterned(window) if unknown or sizes else (None, None)
        if unknown and image is not None:
            sizes |= self._do("image", composite_sizes, client, image, unknown, window, grid.pixel_size)
            if window_for(grid, sizes) != window:
                window = window_for(grid, sizes)
                client, image = self._patterned(window)
        fine = [band for band in bands if band.band.name in sizes]
        if fine and client is not None and image is not None:
            record.shifts = self._do("image", measure_shifts, client, image, fine, sizes, window, grid)
            own = [band for band in fine if band.band.resampling is Resampling.BILINEAR and band.is_resampled]
            record.blocks = self._do("image", find_blocks, client, image, own, sizes, grid)
            record.misalignments = self._do("image", self._misaligned, client, image, window, grid)

    def _misaligned(self, client: EarthClient, image: Any, window: Window, grid: Grid) -> list[Shift]:
        """Those of the shifts that are too far; drops those that another pattern does not show.

        A band of bits changes so quickly along a wave that few of its pixels fall into each part of it. What looks like
        a shift of such a band depends on where the wave begins.
        """
        record = self._record
        far = [shift for shift in record.shifts if shift.in_pixels > MISALIGNED]
        if not far:
            return []
        bands, sizes = [each.stack_band for each in far], {each.stack_band.band.name: each.pixel for each in far}
        tile = evolve(window, count=round(window.side / grid.pixel_size))
        on_tile = {each.name: each for each in measure_shifts(client, image, bands, sizes, tile, grid)}
        # From here on, requests go to the second pattern: there is one session per process.
        moved = evolve(window, moved=_OTHER_START * min(sizes.values()))
        again = {each.name: each for each in measure_shifts(*self._patterned(moved), bands, sizes, moved, grid)}
        unsure = [
            shift
            for shift in far
            if shift.name not in again or shift.away_from(again[shift.name]) > MISALIGNED * shift.pixel
        ]
        record.shifts = [shift for shift in record.shifts if shift not in unsure]
        found = [in_run(shift, on_tile.get(shift.name), grid) for shift in far if shift not in unsure]
        return [shift for shift in found if shift is not None]

    def _patterned(self, window: Window) -> tuple[EarthClient, Any]:
        """A session with the patterned engine, and the modality's image there."""
        first = self._record.tiles[0]
        engine = GuardedEngine(self._record.stage.patterned(window.pattern), self._guard)
        client = EarthClient(engine, RunOptions(retry_seconds=0.0))
        polygon = window.tile()
        scene = None if first.scene is None else evolve(first.scene, polygon=polygon)
        tile = TriedTile(scene, evolve(first.asked, polygon=polygon))
        self._locate(client, tile)
        images = self._images(tile)
        return client, (images[0][0] if images else None)

    def _ask_again(self, memory: Memory) -> None:
        """Asks for all tiles in order, in the reverse order, and in the reverse order as if nothing was asked before.

        As in a run, all tiles are located before the first image is built.
        """
        failed = {failure.tile for failure in self._record.failures}
        tiles = [tile for tile in self._record.tiles if tile.label not in failed]
        for turn, order in enumerate((tiles, tiles[::-1], tiles[::-1])):
            if turn == 2:
                memory.forget()
            for tile in order:
                tile.answers.append({"locate": self._answer("locate", tile.asked)})
            for tile in order:
                if self._modality.can_anchor():
                    tile.answers[-1]["anchor"] = self._answer("anchor", tile.asked, tile.located)
                if tile.scene is not None:
                    for step in ("present", "values", "info"):
                        tile.answers[-1][step] = self._answer(step, tile.located)
                    tile.answers[-1]["image"] = self._answer("image", tile.scene, tile.located)

    def _answer(self, step: str, *arguments: Any) -> str:
        """What a function of the plugin returns, as text."""
        try:
            with self._guard.building(step):
                answer = getattr(self._modality, step)(*arguments)
            return graph_text(sorted(answer) if step == "present" and answer is not None else answer)
        except Exception as error:  # noqa: BLE001 - it is the answer, which is compared
            return f"{type(error).__name__}: {error}"


def _projections(client: EarthClient, image: Any, names: Sequence[str]) -> dict[str, tuple[Any, float]]:
    """The projection of each band, and the nominal size of its pixels in metres."""
    import ee

    own = [image.select([name]).projection() for name in names]
    answers = client.compute(ee.List([[projection, projection.nominalScale()] for projection in own]), "projections")
    return dict(zip(names, answers, strict=True))


def _grid_of(modality: Modality, pixel_size: float | None) -> tuple[float, tuple[float, float]]:
    """Pixel size and origin of a dataset: those that the modality proposes if it is the anchor."""
    proposed = (modality.pixel_size, modality.origin) if modality.can_anchor() else (None, 0)
    grid = GRID | chosen_grid(DatasetOptions("tiles", "check", pixel_size=pixel_size), *proposed)
    return grid["pixel_size"], tuple(grid["origin"])
