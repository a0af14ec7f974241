"""Datasets of a few tiles of real pixels, planned and downloaded by the command line in this process."""

import json
from pathlib import Path

import pytest
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
