"""The demo's dataset through other engines: a recording of the run, and a server in another process."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Contents = Callable[[Path], dict[str, Any]]


RECORDED = '\n[engines.record]\nof = "local"\noptions = { world = "virginia" }\n'
"""What a configuration needs for `--engine record:FOLDER`."""


@pytest.fixture
def twin(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """The same configuration in another folder, not yet run."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("twin")
        for name in (config.name, "tiles.geojson"):
            (folder / name).write_bytes((config.parent / name).read_bytes())
        return folder / config.name

    return make


@pytest.mark.slow
def test_a_recorded_run_is_played_back_without_the_world(
    run_cli: Run, config: Path, undisturbed: Path, twin: Callable[[], Path], read_contents: Contents, tmp_path: Path
) -> None:
    answers = tmp_path / "answers"
    other = twin()
    config.write_text(config.read_text() + RECORDED)
    recorded = run_cli("run", config, "--engine", f"record:{answers}", "--json")
    assert recorded.returncode == 0, recorded.stderr
    assert read_contents(config.parent / "virginia") == read_contents(undisturbed)

    played = run_cli("run", other, "--engine", f"replay:{answers}", "--json")
    assert played.returncode == 0, played.stderr
    assert read_contents(other.parent / "virginia") == read_contents(undisturbed)
    for name in ("mmearth.toml",):
        assert (other.parent / "virginia" / name).read_bytes() == (undisturbed / name).read_bytes()
    summaries = [json.loads(done.stdout) for done in (recorded, played)]
    assert summaries[0]["requests"] == summaries[1]["requests"]
    assert summaries[0]["bytes_received"] == summaries[1]["bytes_received"]


@pytest.mark.slow
def test_a_tile_that_was_not_recorded_fails_by_name(
    run_cli: Run, config: Path, twin: Callable[[], Path], tmp_path: Path
) -> None:
    answers = tmp_path / "answers"
    other = twin()
    config.write_text(config.read_text() + RECORDED)
    assert run_cli("run", config, "--limit", "25", "--engine", f"record:{answers}").returncode == 0
    done = run_cli("run", other, "--engine", f"replay:{answers}", "--limit", "26", "--json")
    assert done.returncode == 1, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["done"], summary["failed"]) == (25, 1)
    (reason,) = [row["reason"] for row in summary["reasons"]]
    assert f"The recording {answers} has no answer to POST /v1/projects/-/value:compute" in reason


@pytest.mark.slow
def test_a_run_through_a_server_is_the_run_inside_the_process(
    run_cli: Run, config: Path, undisturbed: Path, read_contents: Contents
) -> None:
    command = [sys.executable, "-m", "mmearth_core", "localearth", "serve", "--world", "virginia", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            url = json.loads(serving.stdout.readline())["url"]
            text = config.read_text()
            assert 'world = "virginia"' in text
            config.write_text(text.replace('world = "virginia"', f'url = "{url}"'))
            done = run_cli("run", config)
        finally:
            serving.terminate()
    assert done.returncode == 0, done.stderr
    assert serving.returncode == 0
    assert read_contents(config.parent / "virginia") == read_contents(undisturbed)
    assert (config.parent / "virginia" / "mmearth.toml").read_bytes() == (undisturbed / "mmearth.toml").read_bytes()
