"""README.md: each of its programs and commands runs as it is shown."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from localearth.cli import command
from localearth.registry import functions
from localearth.signatures import signatures
from mmearth_devkit.testing.needs import needs_planet

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
IMAGES = Path(__file__).parents[3] / "docs/images"
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHOWN = re.findall(r"^    (localearth .*)$", README, re.MULTILINE)
NAMED = re.findall(r"`(localearth [a-z]+)`", README)


def run(program: str) -> str:
    """What a program prints, run in a process of its own."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_planet
def test_four_lines_are_enough() -> None:
    image = run(PROGRAMS[0].replace("getInfo())", "bandNames().getInfo())"))
    assert "'B8A'" in image
    assert "'QA60'" in image


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@needs_planet
def test_the_picture_is_made_by_the_program(tmp_path: Path) -> None:
    printed = run(PROGRAMS[0].replace("print", "str") + PROGRAMS[1].replace("summer.jpg", f"{tmp_path}/summer.jpg"))
    found, shown = (rasterio.open(folder / "summer.jpg").read().astype(int) for folder in (tmp_path, IMAGES))
    assert found.shape == (3, 240, 480)
    assert np.abs(found - shown).mean() < 2  # another version of the JPEG library may round otherwise
    assert set(json.loads(printed.replace("'", '"'))) == {"nd"}


def test_the_test_of_own_code_passes() -> None:
    assert run(PROGRAMS[2]) == ""


def test_the_share_of_functions_is_right() -> None:
    assert "- About five sixths of Earth Engine's functions:" in README
    assert abs(len(functions()) / len(signatures()) - 5 / 6) < 0.04


@pytest.mark.slow
@needs_planet
def test_a_program_runs_with_the_command_and_a_project_with_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "my_program.py").write_text("import ee\nee.Initialize(project='theirs')\nprint(ee.Number(1).getInfo())")
    words = shlex.split(SHOWN[1].replace("my/world.toml", "synthetic").replace("-- python", f"-- {sys.executable}"))
    done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    (tmp_path / "conftest.py").write_text(PROGRAMS[3])
    (tmp_path / "test_own.py").write_text(
        "def test_it(earth_engine):\n    assert earth_engine.Number(1).add(1).getInfo() == 2\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@needs_planet
def test_a_client_needs_the_two_lines_that_the_server_prints() -> None:
    serve = SHOWN[2]
    words = shlex.split(serve.replace("--port 8765", "--port 0"))
    with subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            url = json.loads(serving.stdout.readline())["url"]
            printed = serving.stdout.readline() + serving.stdout.readline()
            assert printed == PROGRAMS[4].replace("\n\n", "\n").replace("http://127.0.0.1:8765", url)
            assert run(f'{printed}\nprint(ee.String("a").cat("b").getInfo())') == "ab\n"
        finally:
            serving.send_signal(signal.SIGTERM)


def test_the_functions_are_printed() -> None:
    assert "localearth functions" in NAMED
    done = CliRunner().invoke(command, ["functions"])
    assert "| `Image.select(" in done.output


def test_the_help_shows_commands_that_are_understood() -> None:
    assert isinstance(command, click.Group)
    for each in (command, *command.commands.values()):
        shown = re.findall(r"^ *localearth ([^>|\n]*)", each.help or "", re.MULTILINE)
        assert shown
        for line in shown:
            name, *options = shlex.split(line)
            command.commands[name].make_context(name, options)
