"""`mmearth-core map`: tiles on a map of the world."""

import geopandas as gpd
import numpy as np
import pytest
from mmearth_devkit.testing.command_line import cli
from PIL import Image
from shapely.geometry import box


@pytest.fixture
def regions(tmp_path):
    names = {"ECO_NAME": ["wide", "small", "tiny"], "BIOME_NAME": ["x", "x", "y"], "REALM": ["r", "r", "r"]}
    shapes = [box(0, 0, 30, 30), box(40, 0, 50, 10), box(60, 0, 60.01, 0.01)]
    gpd.GeoDataFrame(names, geometry=shapes, crs="EPSG:4326").to_file(tmp_path / "regions.gpkg")
    return tmp_path / "regions.gpkg"


@pytest.mark.parametrize("number", [50, pytest.param(5000, marks=pytest.mark.slow)])
def test_a_map_shows_the_tiles_where_they_are(regions, tmp_path, number):
    cli("tiles", "--number", number, "--source", regions, "-o", tmp_path / "t.gpkg")
    done = cli("map", tmp_path / "t.gpkg", "-o", tmp_path / "map.png", "--title", "Three regions")
    assert f"{number} tiles" in done.output
    with Image.open(tmp_path / "map.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    warm = (pixels[..., 0] - pixels[..., 2] > 60)[150:850]
    # All regions lie east of Greenwich and north of the equator.
    assert warm.sum() > 100
    rows, columns = np.nonzero(warm)
    assert columns.min() > pixels.shape[1] / 2 - 12
    assert rows.max() < 500


@pytest.mark.parametrize(
    ("name", "said"), [("map.png", "absent.gpkg: no such tiles file"), ("map.jpg", "ends in .png")]
)
def test_what_cannot_be_drawn_is_an_error(tmp_path, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    done = cli("map", "absent.gpkg", "-o", name)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []
