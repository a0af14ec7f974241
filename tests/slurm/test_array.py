"""The shipped scripts, submitted by hand to a real Slurm."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from mmearth_devkit.testing.command_line import own_process
from mmearth_devkit.testing.few_tiles import demo_of

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "slurm" / "download.sbatch"

pytestmark = pytest.mark.slow


def sbatch(environment: dict[str, str], folder: Path, *arguments: str | Path) -> int:
    """Submits and waits; the array's highest exit code."""
    path = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = ["timeout", "300", "sbatch", "--wait", *map(str, arguments)]
    return subprocess.run(command, env={**environment, "PATH": path}, cwd=folder, check=False).returncode


def test_an_array_makes_the_dataset_and_another_size_continues_it(slurm: dict[str, str], tmp_path: Path) -> None:
    assert own_process("demo", tmp_path).returncode == 0
    whole = {path.name: path.read_bytes() for path in (tmp_path / "virginia" / "stacks").rglob("*.tif")}

    config = tmp_path / "demo.toml"
    text = (
        config.read_text().replace('name = "virginia"', 'name = "array"').replace("[run]", "[run]\nmax_concurrent = 2")
    )
    config.write_text(text)
    assert sbatch(slurm, tmp_path, "--array=0-2", SCRIPT, config, "--limit", "10") == 0
    partly = list((tmp_path / "array" / "stacks").rglob("*.tif"))
    assert len(partly) == 30
    assert sbatch(slurm, tmp_path, "--array=1-4%2", SCRIPT, config) == 0

    stacks = {path.name: path.read_bytes() for path in (tmp_path / "array" / "stacks").rglob("*.tif")}
    assert stacks == whole
    lines = [
        line for path in (tmp_path / "array" / "journal").rglob("*.jsonl") for line in path.read_text().splitlines()
    ]
    assert sorted(json.loads(line)["tile_id"] for line in lines) == sorted(name.removesuffix(".tif") for name in whole)


def test_tasks_that_cannot_connect_are_requeued(slurm: dict[str, str], tmp_path: Path) -> None:
    """The first task loses its connection, the second waits in vain; both start again and end."""
    (tmp_path / "tiles.geojson").write_text(json.dumps(demo_of("local", slice(40))[1]))
    rules = ("--fault=drop:phase=connect:first=1", "--fault=hang:phase=connect:first=2")
    command = [sys.executable, "-m", "mmearth_core", "localearth", "serve", "--world=virginia", "--port=0", *rules]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        config = tmp_path / "start.toml"
        config.write_text(
            '[dataset]\nname = "start"\ntiles = "tiles.geojson"\npartition_size = 20\n[modalities.sentinel2]\n'
            f'[run]\nengine = "local"\nretry_seconds = 0\ntimeout = 5\n[engines.local]\nurl = "{url}"\n'
        )
        status = sbatch(slurm, tmp_path, "--array=0-1", SCRIPT, config, "--limit", "2")
        server.terminate()
    logs = [path.read_text() for path in tmp_path.glob("*.log")]
    assert status == 0, logs
    for log in logs:
        assert "Earth Engine does not answer (tried for 0 s): " in " ".join(log.split())
        assert log.count("status 3); requeued, to continue") == 1
    assert len(list((tmp_path / "start" / "stacks").rglob("*.tif"))) == 4


def test_an_array_with_gaps_is_refused(slurm: dict[str, str], tmp_path: Path) -> None:
    assert sbatch(slurm, tmp_path, "--array=0-6:2", SCRIPT, tmp_path / "demo.toml") == 2
    assert "gaps" in (tmp_path / next(tmp_path.glob("*.log")).name).read_text()


def test_commands_of_the_page_are_taken(slurm: dict[str, str]) -> None:
    """Every `sbatch` line of docs/slurm.md, and of the scripts' own heads, as far as Slurm itself can tell."""
    sources = [ROOT / "docs" / "slurm.md", *sorted((ROOT / "slurm").glob("*.sbatch"))]
    shown = {line for path in sources for line in re.findall(r"^#?\s+(sbatch .*)$", path.read_text(), re.MULTILINE)}
    assert len(shown) >= 5

    def submit(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["sbatch", *words], env=slurm, cwd=ROOT, capture_output=True, text=True, check=False)

    job = submit("--parsable", "--hold", "--output=/dev/null", "--wrap=true").stdout.strip()
    for line in sorted(shown):
        _, *words = shlex.split(line.replace("JOB", job))
        tested = submit("--test-only", *words)
        assert tested.returncode == 0, f"{line}: {tested.stderr}"
    subprocess.run(["scancel", job], env=slurm, check=True)
