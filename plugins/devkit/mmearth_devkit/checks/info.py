"""The check of the keys that a modality adds to tile_info."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from attrs import evolve

from mmearth_core import Engine, Modality, Scene
from mmearth_core.config.schema import RunOptions
from mmearth_core.download.folder import PluginCallError
from mmearth_core.download.tile_info import tile_entry
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import DatasetError
from mmearth_core.registry import discover
from mmearth_devkit.graphs import evaluate
from mmearth_devkit.trial_record import Finding, TrialRecord


def info(record: TrialRecord) -> Iterator[Finding]:
    """What `info` reports contradicts neither the core nor another installed modality."""
    modality, scene = record.modality, record.scene
    if scene is None or record.engine is None or record.failures:
        return
    found = [_contradiction(record, (modality, record.located))]
    if found == [None]:
        others = [entry.make() for name, entry in discover().modalities.items() if name != modality.name]
        found = [
            _contradiction(record, other, (modality, record.located))
            for other in _located(record.engine, scene, others)
            if _contradiction(record, other) is None
        ]
    for problem in filter(None, found):
        yield Finding(
            "info",
            "info()",
            f"{problem.partition('. Use ')[0]}.",
            "Otherwise no dataset can be made with both: use another key, such as one that starts with the modality's "
            "name, and None for missing numbers.",
        )


def _contradiction(record: TrialRecord, *located: tuple[Modality, Any]) -> str | None:
    """How modalities contradict each other or the core, if they do."""
    scene = record.scene
    if scene is None or scene.anchor is None:
        return None
    grid = record.grid(scene.polygon, scene.anchor.crs)
    described = {"crs": grid.crs, "transform": list(grid.affine)[:6], "size": grid.size}
    try:
        tile_entry(scene, described, {"base": "a checksum"}, located)
    except (DatasetError, PluginCallError) as error:
        return str(error)
    return None


def _located(engine: Engine, scene: Scene, modalities: list[Modality]) -> Iterator[tuple[Modality, Any]]:
    """Those modalities that the engine can locate at the tile, with what they located."""
    client = EarthClient(engine, RunOptions(retry_seconds=0.0))
    for modality in modalities:
        asked = evolve(scene, anchor=None) if modality.can_anchor() else scene
        with suppress(Exception):  # others are not under test: their assets may be missing on this engine
            located = evaluate(client, modality.locate(asked))
            second = modality.relocate(asked, located)
            yield modality, located if second is None else evaluate(client, second)
