"""The documentation's example plugin: it is what the docs print, and it installs and works."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mmearth_core.config.structure import structure
from mmearth_core.registry import discover

ROOT = Path(__file__).parent.parent
EXAMPLE = Path(__file__).parent / "examples" / "third_party" / "mmearth-elevation"
MODULE = EXAMPLE / "mmearth_elevation" / "__init__.py"


def test_docs_print_the_example_verbatim():
    docs = (ROOT / "docs" / "plugins.md").read_text()
    assert f"```python\n{MODULE.read_text()}```" in docs
    assert f"```toml\n{(EXAMPLE / 'pyproject.toml').read_text()}```" in docs


def test_example_is_about_thirty_lines():
    assert len(MODULE.read_text().splitlines()) <= 35


def test_example_declares_what_the_registry_wants(install):
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    install(project["name"], MODULE.read_text(), entry_points=project["entry-points"]["mmearth"])
    registry = discover()
    assert [fault for fault in registry.faults if fault.distribution == project["name"]] == []
    entry = registry.modality("elevation")
    options = structure({"asset": "a/b"}, entry.options_class, "modalities.elevation", "conf.toml")
    assert entry.make(options).options.asset == "a/b"


@pytest.mark.slow
def test_example_is_built_and_installed_by_pip(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for path in EXAMPLE.rglob("*"):  # a copy, as a build leaves files beside the source
        if path.is_file() and path.suffix in {".py", ".toml"}:
            copy = source / path.relative_to(EXAMPLE)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(source)]
    subprocess.run(pip, check=True)
    paths = os.pathsep.join([str(site), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "mmearth_core", "plugins", "--json"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    (entry,) = [entry for entry in json.loads(done.stdout)["modalities"] if entry["name"] == "elevation"]
    assert (entry["distribution"], entry["version"]) == ("mmearth-elevation", "1.0")
    assert entry["layers"][0]["nodata"] == -32768
