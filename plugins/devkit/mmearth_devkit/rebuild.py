"""Builds a modality's graphs again in other processes with other hash seeds, in which sets have another order."""

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

from mmearth_core import Anchor, Modality, Scene
from mmearth_core.download.folder import plain_options
from mmearth_core.errors import MMEarthError
from mmearth_core.registry import discover

SEEDS = ("1", "2")
"""Two seeds, because a set of two strings has the same order with every second seed."""


class RebuildError(MMEarthError, RuntimeError):
    """The graphs could not be built in another process."""


def rebuild(
    modality: Modality, scene: Scene, located: Any, steps: Sequence[str], recording: Path
) -> dict[str, list[str]]:
    """Builds the graphs once in each of two new processes.

    Args:
        modality: builds the graphs.
        scene: the tile, with its anchor.
        located: the plain answer to `locate`.
        steps: which of `locate` and `image` to build.
        recording: of the start of a session, from which the processes read the list of Earth Engine's functions.

    Returns:
        For each step, one text per process; empty for a class that other processes cannot import, such as one
        defined within a function.

    Raises:
        RebuildError: when a process fails.
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
    command = [sys.executable, "-m", "mmearth_devkit.subprocess_build"]

    def build(seed: str) -> subprocess.CompletedProcess[str]:
        # The core may have been found through sys.path alone, which a new process does not inherit.
        variables = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(task["path"])}
        return subprocess.run(
            command, input=json.dumps(task), capture_output=True, text=True, env=variables, check=False
        )

    with ThreadPoolExecutor(len(SEEDS)) as pool:
        processes = list(pool.map(build, SEEDS))
    texts: dict[str, list[str]] = {step: [] for step in steps}
    for process in processes:
        if process.returncode:
            raise RebuildError((process.stderr.strip().splitlines() or [f"exit status {process.returncode}"])[-1])
        built = json.loads(process.stdout.splitlines()[-1])
        for step in steps:
            texts[step].append(built[step])
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
    scene_anchor = None
    if anchor is not None:
        scene_anchor = Anchor(dt.date.fromisoformat(anchor["date"]), anchor["crs"], anchor["variant"])
    polygon: Any = shapely.from_wkb(values["polygon"])
    return Scene(values["tile_id"], polygon, values["lon"], values["lat"], values["attributes"], scene_anchor)
