"""The fixtures for other projects, and addresses of downloads inside the process."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import urllib.request
import ee
import numpy as np
import pytest
import requests
from localearth.worlds.arrays import ArrayBand, ArrayWorld, image

HEIGHTS = np.arange(16.0).reshape(4, 4)


@pytest.fixture(scope="module")
def earth_engine_world():
    return ArrayWorld(image("MY/HEIGHTS", [ArrayBand("height", HEIGHTS, "EPSG:32632", (10, 0, 5e5, 0, -10, 5e6))]))


def mean():
    ee.Initialize(project="production")
    picture = ee.Image("MY/HEIGHTS")
    return picture.reduceRegion(ee.Reducer.mean(), picture.geometry(), scale=10).getInfo()


def test_own_code_is_answered(earth_engine):
    assert earth_engine is ee
    assert mean() == {"height": 7.5}


def test_addresses_are_answered_inside_the_process(earth_engine):
    url = ee.Image("MY/HEIGHTS").getDownloadURL({"format": "NPY"})
    content = requests.get(url, timeout=30).content
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == content
    shown = ee.Image("MY/HEIGHTS").getMapId({"min": 0, "max": 15})
    assert shown["tile_fetcher"].fetch_tile(0, 0, 0)[:4] == requests.get(
        shown["tile_fetcher"].format_tile_url(0, 0, 0), timeout=30
    ).content[:4]
"""


@pytest.mark.slow
def test_a_project_that_names_the_plugin_tests_its_code_offline(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["localearth.pytest_plugin"]\n')
    (tmp_path / "test_own.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.slow
def test_a_second_world_takes_the_place_of_the_first(tmp_path: Path) -> None:
    program = """
import ee, localearth, requests
from localearth.worlds.arrays import ArrayWorld
urls = []
for _ in range(2):
    localearth.initialize(ArrayWorld())
    image = ee.Image(1).clip(ee.Geometry.Rectangle([8, 46, 9, 47], None, False))
    urls.append(image.getDownloadURL({"format": "NPY", "scale": 50000 + len(urls)}))
print(*[requests.get(url, timeout=30).status_code for url in urls])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "404 200\n", done.stderr
