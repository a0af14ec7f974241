"""The program of another process: builds a modality's graphs again, with another hash seed, and prints them.

Run as `python -m mmearth_devkit.subprocess_build` by `rebuild`, which writes the task as JSON to standard input.
"""

import importlib
import importlib.util
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from mmearth_core import Modality


def main() -> None:
    """Builds the requested graphs and prints `{"locate": text, "image": text}`."""
    task = json.loads(sys.stdin.read())
    sys.path[:] = task["path"]
    from mmearth_core.config.schema import RunOptions
    from mmearth_core.earthengine.client import EarthClient
    from mmearth_devkit.graphs import graph_text
    from mmearth_devkit.rebuild import read_scene
    from mmearth_devkit.recording.engines import Replay, ReplayOptions

    EarthClient(Replay(ReplayOptions(task["recording"])), RunOptions(retry_seconds=0.0))
    modality = _modality(task)
    scene, located = read_scene(task["scene"]), task["located"]
    unanchored = read_scene({**task["scene"], "anchor": None}) if modality.can_anchor() else scene
    texts = {"locate": graph_text(modality.locate(unanchored))}
    if task["image"]:
        texts["image"] = graph_text(modality.image(scene, located))
    print(json.dumps(texts))


def _modality(task: dict[str, Any]) -> Modality:
    from mmearth_core.config.schema import structure

    values = tomllib.loads(task["options"])
    if task["registered"]:
        from mmearth_core.registry import discover

        entry = discover().modality(task["registered"])
        options = structure(values, entry.options_class, "options", "the check", entry.default_options)
        return entry.make(options)
    cls = _class(task)
    modality: Modality = cls(structure(values, cls.Options, "options", "the check"))
    return modality


def _class(task: dict[str, Any]) -> Any:
    """The modality's class: by the name of its module, or from its file where that name is another module."""
    name, file = task["module"], task["file"]
    try:
        module = importlib.import_module(name)
    except ImportError:
        module = None
    if module is None or Path(module.__file__ or "") != Path(file):
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file} is not a Python module")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    value: Any = module
    for part in task["qualname"].split("."):
        value = getattr(value, part)
    return value


if __name__ == "__main__":
    main()
