"""Wheels alone in a fresh environment: core + Sentinel-2, and core + a third party's plugin + the anchor `file`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely.geometry import box, mapping

ROOT = Path(__file__).parent.parent
ELEVATION = ROOT / "tests" / "examples" / "third_party" / "mmearth-elevation"
LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*", "tests", "plugins", "demo")

pytestmark = pytest.mark.slow


def quiet(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of the core, two plugins and the third party's."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = tmp_path_factory.mktemp("sources")
    projects = {"core": ROOT, "elevation": ELEVATION}
    projects |= {name: ROOT / "plugins" / name for name in ("sentinel2", "era5", "localearth")}
    for name, project in projects.items():
        # A copy, as a build leaves files beside the source.
        shutil.copytree(project, sources / name, ignore=LEFTOVERS)
        quiet(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, sources / name)
    return folder


@pytest.fixture(scope="module")
def python(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the core and the engine from wheels, and no modality plugin."""
    environment = tmp_path_factory.mktemp("environment")
    quiet(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    engine = f"mmearth-localearth[virginia,synthetic] @ {wheel(wheels, 'localearth').as_uri()}"
    quiet(python, "-m", "pip", "install", "--quiet", "-c", constraints, wheel(wheels, "core"), engine)
    return python


def wheel(wheels: Path, name: str) -> Path:
    (found,) = wheels.glob(f"mmearth_{name}-*.whl")
    return found


def modalities(python: Path, cwd: Path) -> list[str]:
    listed = json.loads(quiet(python, "-m", "mmearth_core", "plugins", "--json", cwd=cwd))
    assert listed["broken"] == []
    return sorted(entry["name"] for entry in listed["modalities"] if entry["distribution"] != "mmearth-core")


def test_core_and_one_plugin_make_the_demo(python: Path, wheels: Path, tmp_path: Path) -> None:
    quiet(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel(wheels, "sentinel2"))
    try:
        assert modalities(python, tmp_path) == ["sentinel2"]
        quiet(python, "-m", "mmearth_core", "demo", tmp_path / "wheels", cwd=tmp_path)
    finally:
        quiet(python, "-m", "pip", "uninstall", "--quiet", "--yes", "mmearth-sentinel2")
    quiet(sys.executable, "-m", "mmearth_core", "demo", tmp_path / "here")
    made, here = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "virginia" / "stacks").rglob("*.tif")}
        for name in ("wheels", "here")
    )
    assert len(made) >= 100
    assert made == here


def test_core_a_third_partys_plugin_and_the_anchor_file(python: Path, wheels: Path, tmp_path: Path) -> None:
    quiet(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel(wheels, "elevation"))
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
    assert modalities(python, tmp_path) == ["elevation"]
    summary = json.loads(quiet(python, "-m", "mmearth_core", "run", "heights.toml", "--json", cwd=tmp_path))
    assert summary["done"] == 1
    assert summary["purposes"] == {"centroids": 1, "pixels": 1}
    with rasterio.open(tmp_path / "heights" / "stacks" / "base" / "00000" / "one.tif") as stack:
        assert stack.descriptions == ("elevation__elevation",)
        assert stack.crs == "EPSG:32618"
        column, row = ~grid @ (stack.transform.c, stack.transform.f)
        expected = heights[int(row) : int(row) + 64, int(column) : int(column) + 64]
        assert expected.shape == (64, 64)
        np.testing.assert_array_equal(stack.read(1), expected)


def test_core_one_modality_and_the_anchor_file(python: Path, wheels: Path, tmp_path: Path) -> None:
    quiet(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel(wheels, "era5"))
    try:
        assert "era5" in modalities(python, tmp_path)
        place = box(9.0, 48.0, 9.017, 48.012)
        tile = {"type": "Feature", "geometry": mapping(place), "properties": {"tile_id": "one", "date": "2019-07-14"}}
        (tmp_path / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [tile]}))
        (tmp_path / "climate.toml").write_text(
            '[dataset]\nname = "climate"\ntiles = "tiles.geojson"\n[run]\nengine = "local:synthetic"\n'
            "[modalities.file]\n[modalities.era5]\n"
        )
        summary = json.loads(quiet(python, "-m", "mmearth_core", "run", "climate.toml", "--json", cwd=tmp_path))
        assert summary["purposes"] == {"centroids": 1, "locate": 1}
        (line,) = (tmp_path / "climate" / "journal" / "base" / "00000.jsonl").read_text().splitlines()
        numbers = list(json.loads(line)["located"]["era5"]["values"].values())
        assert len(numbers) == 12
        assert all(isinstance(number, float) for number in numbers)
    finally:
        quiet(python, "-m", "pip", "uninstall", "--quiet", "--yes", "mmearth-era5")
