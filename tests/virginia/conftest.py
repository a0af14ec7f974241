"""The demo's dataset, made once a test process by the command that users type."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def mmearth(*arguments: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Runs the command line as a user would, with this Python."""
    command = [sys.executable, "-m", "mmearth_core", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, **options)


@pytest.fixture(scope="session")
def run_cli() -> Run:
    return mmearth


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `mmearth-core demo` has run to its end."""
    folder = tmp_path_factory.mktemp("demo")
    done = mmearth("demo", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def config(demo: Path, tmp_path: Path) -> Path:
    """The demo's configuration and tiles in a folder of their own, not yet run."""
    for name in ("demo.toml", "tiles.geojson"):
        shutil.copy(demo / name, tmp_path)
    return tmp_path / "demo.toml"


def contents(dataset: Path) -> dict[str, Any]:
    """What a dataset holds: its stacks' bytes by file, and its journals' entries by tile."""
    entries = {}
    for journal in sorted(dataset.glob("journal/*/*.jsonl")):
        for line in journal.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            key = f"{journal.parent.name}/{entry['tile_id']}"
            assert key not in entries or entries[key]["outcome"] == "failed", f"{key} was done twice"
            entries[key] = entry
    stacks = {str(path.relative_to(dataset)): path.read_bytes() for path in sorted(dataset.glob("stacks/**/*"))if path.is_file()}
    return {"stacks": stacks, "journal": entries}


@pytest.fixture(scope="session")
def read_contents() -> Callable[[Path], dict[str, Any]]:
    return contents
