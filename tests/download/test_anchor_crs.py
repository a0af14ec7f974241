"""An anchor whose CRS is that of another place fails its tiles in `run`, before their pixels are requested."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from mmearth_devkit.testing.command_line import cli, summary
from shapely.geometry import box, mapping

PLUGIN = """
import ee
from mmearth_core import Band, Layer, Modality, hookimpl

class Field(Modality):
    name = "field"
    api_version = 1
    layers = (Layer("field", [Band("value", "int16", -1)]),)

    def image(self, scene, located):
        return ee.Image("FIELD")

@hookimpl
def mmearth_modalities():
    return [Field]
"""

CONFIG = """
[dataset]
name = "field"
tiles = "tiles.geojson"
image_size = 32
[run]
engine = "local:WORLD"
GIVE_UP
[modalities.file]
[modalities.field]
"""


@pytest.fixture
def make(install: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Writes a dataset of tiles near 9.5 E, 48 N with these CRSs, and a raster there."""

    def write(crs: list[str], give_up: str = "") -> Path:
        install("mmearth-field", PLUGIN)
        profile = {"driver": "GTiff", "crs": "EPSG:4326", "count": 1, "dtype": "int16", "width": 100, "height": 100}
        with rasterio.open(tmp_path / "field.tif", "w", transform=(0.01, 0, 9, 0, -0.01, 48.5), **profile) as target:
            target.write(np.full((100, 100), 7, np.int16), 1)
        tiles = [
            {
                "type": "Feature",
                "geometry": mapping(box(9.49, 47.9 + number / 50, 9.5, 47.91 + number / 50)),
                "properties": {"tile_id": f"t{number}", "date": "2020-07-14", "crs": each},
            }
            for number, each in enumerate(crs)
        ]
        (tmp_path / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": tiles}))
        (tmp_path / "world.toml").write_text('[[image]]\nid = "FIELD"\nbands = { value = "field.tif" }\n')
        text = CONFIG.replace("WORLD", str(tmp_path / "world.toml")).replace("GIVE_UP", give_up)
        (tmp_path / "field.toml").write_text(text)
        return tmp_path / "field.toml"

    return write


def test_only_tiles_with_a_crs_of_another_place_fail(make: Callable[..., Path]) -> None:
    config = make(["EPSG:32632", "EPSG:32618", "EPSG:3035", "EPSG:32633", "EPSG:2193"])
    done = summary("run", config, code=1)
    assert (done["done"], done["failed"]) == (3, 2)
    assert done["purposes"]["pixels"] == 3
    (reason,) = done["reasons"]
    assert reason["reason"].startswith(
        "pixels: The anchor's CRS 'EPSG:32618' does not cover the tile at longitude 9.4950"
    )
    assert reason["reason"].endswith("Give the tile a CRS of its place, such as its UTM zone.")
    assert {path.stem for path in config.parent.glob("field/stacks/base/*/*.tif")} == {"t0", "t2", "t3"}
    with rasterio.open(config.parent / "field" / "stacks" / "base" / "00000" / "t3.tif") as stack:
        assert (stack.read(1) == 7).all()


def test_a_run_in_which_every_tile_has_one_ends(make: Callable[..., Path]) -> None:
    # Two requests at a time, so that tiles are left when the fifth has failed.
    config = make(["EPSG:32618"] * 12, "give_up_after = 5\nmax_concurrent = 2")
    done = cli("run", config)
    assert done.exit_code == 2, done.output
    assert "tiles failed for the same reason and none is done" in " ".join(done.stderr.split())
    assert "does not cover the tile" in " ".join(done.stderr.split())
