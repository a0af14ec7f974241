"""Datasets of a few tiles of real pixels, planned and downloaded by the command line in this process."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.few_tiles import demo_of

TILES = 12


class Kit:
    """What tests of this folder use, as pytest's importlib mode lets them import nothing from here."""

    tiles = TILES
    cli = staticmethod(cli)
    summary = staticmethod(summary)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that was never run: 12 tiles in batches of 5, pixels and a vector layer."""
    _, collection = demo_of("local:virginia", slice(TILES))
    (tmp_path / "tiles.geojson").write_text(json.dumps(collection))
    (tmp_path / "data.toml").write_text(
        '[dataset]\nname = "My.Data"\ntiles = "tiles.geojson"\nimage_size = 128\npartition_size = 4\n'
        '[run]\nengine = "local"\nmax_concurrent = 2\nbatch_size = 5\n'
        '[engines.local]\nworld = "virginia"\n[modalities.sentinel2]\n[modalities.tile]\n'
    )
    return tmp_path / "data.toml"


@pytest.fixture
def odd_world(tmp_path: Path) -> Path:
    """A configuration whose assets exist, and are not what the plugins expect: one raster of degrees for each."""

    def write(name: str, value: int, dtype: str) -> None:
        profile = {"driver": "GTiff", "width": 360, "height": 180, "count": 1, "dtype": dtype, "crs": "EPSG:4326"}
        with rasterio.open(tmp_path / name, "w", transform=Affine(1, 0, -180, 0, -1, 90), **profile) as file:
            file.write(np.full((1, 180, 360), value, dtype))

    for name, value, dtype in (("zero.tif", 0, "int16"), ("tall.tif", 300, "int16"), ("seven.tif", 7, "uint8")):
        write(name, value, dtype)
    (tmp_path / "world.toml").write_text(
        'name = "wrong"\n'
        '[[image]]\nid = "my/zero"\nbands = { b1 = "zero.tif" }\n'
        '[[image]]\nid = "my/tall"\nbands = { b1 = "tall.tif" }\n'
        '[[collection]]\nid = "my/seven"\n[[collection.image]]\nindex = "a"\nbands = { Map = "seven.tif" }\n'
    )
    ring = [[-76.0, 37.0], [-75.999, 37.0], [-75.999, 37.001], [-76.0, 37.001], [-76.0, 37.0]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"tile_id": "one", "lon": -75.9995, "lat": 37.0005, "date": "2019-06-01", "crs": "EPSG:32618"},
    }
    (tmp_path / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (tmp_path / "data.toml").write_text(
        '[dataset]\nname = "wrong"\ntiles = "tiles.geojson"\nimage_size = 16\n'
        f'[run]\nengine = "local"\n[engines.local]\nworld = "{tmp_path / "world.toml"}"\n[modalities.file]\n'
        '[modalities.aster]\nasset = "my/zero"\n[modalities.esa_worldcover]\ncollection = "my/seven"\n'
        '[modalities.canopy_height_eth]\nheight = "my/tall"\nstd = "my/zero"\n'
    )
    return tmp_path / "data.toml"
