"""A dataset in which tiles were done, skipped, failed and left, made by the command line on the offline engine."""

import json
import shutil
from pathlib import Path

import pytest
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.few_tiles import demo_of

TILES, PARTITION, SIZE = 24, 6, 16
SEA, HEAVY = "004", ("007", "013")
"""A tile without an image, and two whose pixels are too much for the server."""


def mended(config: Path) -> None:
    """Takes the faults away."""
    config.write_text(config.read_text().partition("[[engines.local.faults]]")[0])


class Kit:
    """What tests of this folder use, as pytest's importlib mode lets them import nothing from here."""

    tiles, partition = TILES, PARTITION
    sea, heavy = SEA, HEAVY
    cli = staticmethod(cli)
    summary = staticmethod(summary)
    mended = staticmethod(mended)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that was never run."""
    folder = tmp_path_factory.mktemp("status")
    _, collection = demo_of("local:virginia", slice(TILES))
    sea = next(feature for feature in collection["features"] if feature["properties"]["tile_id"] == SEA)
    (ring,) = sea["geometry"]["coordinates"]
    sea["geometry"]["coordinates"] = [[[x + 40, y] for x, y in ring]]
    sea["properties"] = {"tile_id": SEA}
    (folder / "tiles.geojson").write_text(json.dumps(collection))
    faults = "".join(
        f'[[engines.local.faults]]\nkind = "400-memory"\nphase = "pixels"\n'
        f'tiles = "{folder / "tiles.geojson"}"\ntile = "{tile}"\n'
        for tile in HEAVY
    )
    (folder / "data.toml").write_text(
        f'[dataset]\nname = "data"\ntiles = "tiles.geojson"\nimage_size = {SIZE}\npartition_size = {PARTITION}\n'
        '[run]\nengine = "local"\nmax_concurrent = 2\n[modalities.sentinel2]\n'
        f'[engines.local]\nworld = "virginia"\n{faults}'
    )
    return folder / "data.toml"


@pytest.fixture(scope="session")
def half_made(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a dataset of which three of four partitions were run; not to be changed."""
    folder = tmp_path_factory.mktemp("half") / "half"
    shutil.copytree(fresh.parent, folder)
    done = cli("run", folder / "data.toml", "--limit", str(3 * PARTITION))
    assert done.exit_code == 1, done.output
    return folder / "data.toml"


@pytest.fixture
def config(half_made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(half_made.parent, tmp_path / "copy")
    return tmp_path / "copy" / "data.toml"
