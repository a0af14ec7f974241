"""Datasets of a few tiles of real pixels, planned and downloaded by the command line in this process."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

TILES = 12


def cli(*arguments: str | Path) -> Result:
    """`mmearth-core ARGUMENTS`."""
    from mmearth_core.cli import main

    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def printed(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """What `mmearth-core ARGUMENTS --json` prints."""
    done = cli(*arguments, "--json")
    assert done.exit_code == code, done.output
    result: dict[str, Any] = json.loads(done.stdout)
    return result


class Kit:
    """What tests of this folder use, as pytest's importlib mode lets them import nothing from here."""

    tiles = TILES
    cli = staticmethod(cli)
    printed = staticmethod(printed)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that was never run: 12 tiles in batches of 5, pixels and a vector layer."""
    from mmearth_core.registry import discover
    from mmearth_core.registry.engines import engine_of

    demo = engine_of(discover(), "local:virginia").demo()
    assert demo is not None
    features = demo.tiles["features"][:TILES]
    (tmp_path / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    (tmp_path / "data.toml").write_text(
        '[dataset]\nname = "My.Data"\ntiles = "tiles.geojson"\nimage_size = 128\npartition_size = 4\n'
        '[run]\nengine = "local"\nmax_concurrent = 2\nbatch_size = 5\n'
        '[engines.local]\nworld = "virginia"\n[modalities.sentinel2]\n[modalities.tile]\n'
    )
    return tmp_path / "data.toml"
