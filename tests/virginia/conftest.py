"""The demo's dataset, made once a test process by the command that users type."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmearth_devkit.testing.command_line import cli, own_process
from mmearth_devkit.testing.few_tiles import write_few

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*arguments: object, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """`mmearth-core ARGUMENTS` in this process, or in a new one if it needs an environment of its own."""
    if env is not None:
        return own_process(*arguments, env=env)
    done = cli(*arguments)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def run_cli() -> Run:
    return run


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `mmearth-core demo` has run to its end."""
    folder = tmp_path_factory.mktemp("demo")
    done = own_process("demo", folder)
    assert done.returncode == 0, done.stderr
    return folder


SMALL = 40
"""Tiles of the datasets that are made many times; 4 partitions of 10."""


def small_copy(folder: Path) -> Path:
    """The demo's configuration with its first tiles, not yet run."""
    return write_few(folder, SMALL, "virginia", size=128, partition=10).rename(folder / "demo.toml")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of 40 tiles in a folder of its own, not yet run."""
    return small_copy(tmp_path)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset that one process makes of that configuration without a break."""
    config = small_copy(tmp_path_factory.mktemp("undisturbed"))
    done = own_process("run", config)
    assert done.returncode == 0, done.stderr
    return config.parent / "virginia"


def contents(dataset: Path) -> dict[str, Any]:
    """What a dataset holds: its stacks' bytes by file, and its journals' entries by tile."""
    entries = {}
    for journal in sorted(dataset.glob("journal/*/*.jsonl")):
        for line in journal.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            key = f"{journal.parent.name}/{entry['tile_id']}"
            assert key not in entries or entries[key]["outcome"] == "failed", f"{key} was done twice"
            entries[key] = entry
    stacks = {
        str(path.relative_to(dataset)): path.read_bytes()
        for path in sorted(dataset.glob("stacks/**/*"))
        if path.is_file()
    }
    return {"stacks": stacks, "journal": entries}


@pytest.fixture(scope="session")
def read_contents() -> Callable[[Path], dict[str, Any]]:
    return contents
