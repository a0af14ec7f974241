"""Builds a modality's graphs again in other processes, whose hash seeds differ: sets then come in another order."""

import datetime as dt
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import shapely
import tomli_w

from mmearth_core.contract.modality import Anchor, Modality, Scene
from mmearth_core.download.stored_config import plain_options
from mmearth_core.errors import MMEarthError
from mmearth_core.registry import discover

SEEDS = ("1", "2")
"""Two, as a set of two words has the same order for every second seed."""


class RepeatError(MMEarthError, RuntimeError):
    """The graphs could not be built in a second process."""


def repeated(
    modality: Modality, scene: Scene, located: Any, steps: Sequence[str], recording: Path
) -> dict[str, list[str]]:
    """Builds the graphs once in each of some new processes.

    Args:
        modality: whose graphs.
        scene: the tile, with its anchor.
        located: the plain answer to `locate`.
        steps: what to build, of `locate` and `image`.
        recording: of the beginning of a session, from which the processes learn Earth Engine's functions.

    Returns:
        For each step, a text for each process; empty for a class that no other process can import, as one
        that is defined within a function.

    Raises:
        RepeatError: when a process fails.
    """
    target = _target(modality)
    if target is None:
        return {}
    task = {
        **target,
        "path": [str(Path(entry).absolute()) for entry in sys.path],
        "options": tomli_w.dumps(plain_options(modality.options)),  # TOML, as JSON has no dates
        "recording": str(recording),
        "scene": write_scene(scene),
        "located": located,
        "image": "image" in steps,
    }
    command = [sys.executable, "-m", "mmearth_devkit.child"]

    def build(seed: str) -> subprocess.CompletedProcess[str]:
        # The core may have been found through sys.path alone, which a process is not given.
        variables = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(task["path"])}
        return subprocess.run(
            command, input=json.dumps(task), capture_output=True, text=True, env=variables, check=False
        )

    with ThreadPoolExecutor(len(SEEDS)) as pool:
        ended = list(pool.map(build, SEEDS))
    texts: dict[str, list[str]] = {step: [] for step in steps}
    for process in ended:
        if process.returncode:
            raise RepeatError((process.stderr.strip().splitlines() or [f"exit status {process.returncode}"])[-1])
        found = json.loads(process.stdout.splitlines()[-1])
        for step in steps:
            texts[step].append(found[step])
    return texts


def _target(modality: Modality) -> dict[str, Any] | None:
    cls = type(modality)
    entry = discover().modalities.get(modality.name)
    declared = entry.declared if entry else None
    if declared is not None and cls is (declared if isinstance(declared, type) else type(declared)):
        return {"registered": modality.name}
    if "<locals>" in cls.__qualname__ or cls.__module__ == "__main__":
        return None
    return {
        "registered": None,
        "module": cls.__module__,
        "file": inspect.getsourcefile(cls),
        "qualname": cls.__qualname__,
    }


def write_scene(scene: Scene) -> dict[str, Any]:
    """A scene as JSON values."""
    anchor = scene.anchor
    return {
        "tile_id": scene.tile_id,
        "polygon": shapely.to_wkb(scene.polygon, hex=True),
        "lon": scene.lon,
        "lat": scene.lat,
        "attributes": dict(scene.attributes),
        "anchor": anchor and {"date": anchor.date.isoformat(), "crs": anchor.crs, "variant": anchor.variant},
    }


def read_scene(values: Mapping[str, Any]) -> Scene:
    """The scene that `write_scene` wrote."""
    anchor = values["anchor"]
    made = None
    if anchor is not None:
        made = Anchor(dt.date.fromisoformat(anchor["date"]), anchor["crs"], anchor["variant"])
    polygon: Any = shapely.from_wkb(values["polygon"])
    return Scene(values["tile_id"], polygon, values["lon"], values["lat"], values["attributes"], made)
