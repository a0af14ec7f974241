"""Every newer Python of this machine: docs/index.md installs a demo there, first a substitute, then the real scene."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from mmearth_devkit.testing.command_line import own_process

ROOT = Path(__file__).parent.parent
LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*", "tests", "demo")

pytestmark = pytest.mark.slow


def candidates(version: str) -> list[Path]:
    """Where a Python may be: on PATH, or kept by pyenv, whose commands on PATH fail for inactive versions."""
    found = shutil.which(f"python{version}")
    paths = [Path(found)] if found else []
    if pyenv := shutil.which("pyenv"):
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip()
        paths += sorted(Path(root).glob(f"versions/{version}.*/bin/python"))
    return paths


def python_of(version: str) -> Path:
    code = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
    for path in candidates(version):
        done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        if (done.returncode, done.stdout.strip()) == (0, version):
            return path
    pytest.skip(f"no Python {version} on this machine")


def documented(begins: str) -> str:
    """The one command of docs/index.md that begins like that, on a line or inside a sentence."""
    (command,) = set(re.findall(rf"(?:    |`)({re.escape(begins)}[^`\n]*)", (ROOT / "docs" / "index.md").read_text()))
    return str(command)


def stacks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "virginia" / "stacks").rglob("*.tif")}


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_install_and_demo(version: str, tmp_path: Path) -> None:
    environment, tree = tmp_path / "environment", tmp_path / "tree"
    subprocess.run([python_of(version), "-m", "venv", environment], check=True)
    shutil.copytree(ROOT, tree, ignore=LEFTOVERS)  # a build leaves files beside the source
    # Nothing from pip's cache: a wheel of the scene kept there would hide that it can no longer be built.
    own = {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "PIP_CONSTRAINT": "constraints.txt"}
    variables = {**os.environ, **own, "PIP_NO_CACHE_DIR": "1", "PIP_QUIET": "1"}

    def shell(command: str) -> str:
        done = subprocess.run(command, shell=True, cwd=tree, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shell(documented("pip install . ./plugins/curate"))
    said = shell("mmearth-core demo first")
    assert (tree / "first" / "planet").is_dir()
    (remedy,) = re.findall(r"Install it with `(.*)`\.", said)
    assert remedy.endswith(documented("pip install --no-build-isolation"))
    shell(remedy)
    assert "replaces the default" not in shell("mmearth-core demo second")
    made = stacks(tree / "second")
    assert own_process("demo", tmp_path / "here").returncode == 0
    assert len(made) >= 100
    assert made == stacks(tmp_path / "here")
