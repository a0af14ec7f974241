"""The planet's demo, made small by the command line; and examples/train.py as a module."""

import importlib.util
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import tomli_w
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.few_tiles import demo_of
from mmearth_devkit.testing.needs import skip_without_planet

EXAMPLES = Path(__file__).parents[2] / "examples"

Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make_planet(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes the demo's dataset of every n-th tile; with a size of its own, and of two modalities, if one is given."""
    skip_without_planet()

    def make(every: int, size: int | None = None) -> Path:
        text, tiles = demo_of("local:synthetic", slice(None, None, every))
        folder = tmp_path_factory.mktemp("planet")
        config = tomllib.loads(text)
        if size is not None:
            config["dataset"]["image_size"] = size
            config["engines"]["local"] |= {"processes": 1}
            config["modalities"] = {"sentinel2": {}, "dynamic_world": {}}
        (folder / "demo.toml").write_text(tomli_w.dumps(config))
        (folder / "tiles.geojson").write_text(json.dumps(tiles))
        for words in (["run"], ["post", "--workers", "1", "--fractions", "0.7,0.2,0.1"]):
            done = cli(*words, folder / "demo.toml")
            assert done.exit_code == 0, done.output
        return folder / "planet" / "planet.h5"

    return make


@pytest.fixture(scope="session")
def planet(make_planet: Make) -> Path:
    """The HDF5 file of 24 tiles of 32 x 32 pixels."""
    return make_planet(10, 32)


@pytest.fixture(scope="session")
def train() -> ModuleType:
    """The example, imported as a module."""
    spec = importlib.util.spec_from_file_location("train", EXAMPLES / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
