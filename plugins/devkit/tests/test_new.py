"""`mmearth-core plugin new`: what it writes passes its own tests at once; bad and taken names are refused."""

import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.outside import outside, own_tests
from mmearth_devkit.testing.third_party import declare

from mmearth_core.contract.bands import DTYPES

ROOT = Path(__file__).parents[3]


def new(*words):
    return cli("plugin", "new", *words)


def offer(project, site):
    """Makes a project importable and its entry points known, as pip would, without building it."""
    data = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    declare(site, data["name"], data["version"], data["entry-points"])
    return [project, site]


@pytest.mark.parametrize("kind", ["image", pytest.param("vector", marks=pytest.mark.slow)])
def test_what_is_written_passes_its_tests_and_downloads(kind, tmp_path):
    done = new("snow-depth", "--kind", kind, "--dir", tmp_path)
    assert done.exit_code == 0, done.output
    project = tmp_path / "mmearth-snow-depth"
    assert f"cd {project}" in done.output and "pip install" in done.output
    path = offer(project, tmp_path / "site")
    tests = own_tests(project, path=path)
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "4 passed" in tests.stdout
    run = outside(project, sys.executable, "-m", "mmearth_core", "run", "example.toml", path=path)
    assert run.returncode == 0, run.stderr
    assert "2 done, 0 skipped, 0 failed" in run.stdout


@pytest.mark.parametrize(
    ("kind", "dtype"), [*(("image", dtype) for dtype in DTYPES), ("vector", "int16")], ids=lambda value: value
)
def test_any_asset_and_dtype_make_code_that_is_in_order(kind, dtype, tmp_path):
    given = ("--asset", "projects/mine/assets/a-very/long/path/of/heights", "--band", "height", "--dtype", dtype)
    done = new("my_heights", "--kind", kind, "--dir", tmp_path, "--unit", "m", *given)
    assert done.exit_code == 0, done.output
    project = tmp_path / "mmearth-my-heights"
    rules = ("--isolated", "--select", "E,F,I,UP,B,SIM", "--line-length", "120")
    ruff = outside(project, sys.executable, "-m", "ruff", "check", *rules, ".")
    assert ruff.returncode == 0, ruff.stdout + ruff.stderr
    namespace = {}
    exec((project / "mmearth_my_heights" / "__init__.py").read_text(), namespace)
    (modality,) = namespace["mmearth_modalities"]()
    assert modality().options.asset == "projects/mine/assets/a-very/long/path/of/heights"
    (layer,) = modality.layers
    assert (layer.dtype, layer.bands[0].unit) == (dtype if kind == "image" else "float32", "m")


@pytest.mark.parametrize("name", ["Snow", "1snow", "snow__depth", "snow depth", "snow/depth", "mmearth-", "_snow"])
def test_a_bad_name_is_refused(name, tmp_path):
    done = new(name, "--dir", tmp_path)
    assert done.exit_code == 2
    assert "cannot be the name of a plugin" in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("aster", "mmearth-aster"),
        ("sentinel2_scl", "mmearth-sentinel2"),
        ("landcover", "mmearth-landcover is installed"),
    ],
)
def test_a_taken_name_is_refused(name, owner, tmp_path):
    done = new(name, "--dir", tmp_path)
    assert done.exit_code == 2
    assert "is taken" in done.stderr and owner in " ".join(done.stderr.split())


def test_an_existing_folder_is_left_alone(tmp_path):
    theirs = tmp_path / "mmearth-snow" / "notes.txt"
    theirs.parent.mkdir()
    theirs.write_text("mine")
    done = new("snow", "--dir", tmp_path)
    assert done.exit_code == 2
    assert "exists" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["mmearth-snow", "notes.txt"]


def test_a_folder_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    done = new("snow", "--dir", tmp_path / "file" / "below")
    assert done.exit_code == 2
    assert "cannot be written" in " ".join(done.stderr.split())


def test_asset_and_band_come_together(tmp_path):
    done = new("snow", "--dir", tmp_path, "--asset", "OWNER/SNOW")
    assert done.exit_code == 2
    assert "--asset and --band must be given together" in done.stderr


@pytest.mark.slow
def test_it_is_installed_by_pip(tmp_path):
    """As the command prints it: editable, in an environment with the core; pytest finds the fixtures by itself."""
    python = tmp_path / "env" / "bin" / "python"
    assert outside(tmp_path, sys.executable, "-m", "venv", tmp_path / "env").returncode == 0
    # What these tests run with, seen after the environment's own.
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "also.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    source = tmp_path / "core"  # a copy, as a build leaves files beside the source
    shutil.copytree(ROOT / "mmearth_core", source / "mmearth_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    core = outside(tmp_path, python, "-m", "pip", "install", "-q", "--no-deps", source)
    assert core.returncode == 0, core.stderr
    assert new("snow_depth", "--dir", tmp_path).exit_code == 0
    project = tmp_path / "mmearth-snow-depth"
    pip = outside(project, python, "-m", "pip", "install", "-q", "--no-deps", "-e", ".[test]")
    assert pip.returncode == 0, pip.stderr
    check = outside(project, python, "-m", "mmearth_core", "plugin", "check", "mmearth-snow-depth")
    assert check.returncode == 0, check.stdout + check.stderr
    assert "snow_depth: nothing is wrong." in check.stdout
    tests = outside(project, python, "-m", "pytest", "-q", "-W", "error")
    assert tests.returncode == 0, tests.stdout + tests.stderr
