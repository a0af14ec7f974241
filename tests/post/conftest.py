"""Datasets of a few tiles, downloaded once, whose copies are post-processed by the command line in this process."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

TILES = 20
SIZE = 32

ANYONES = """
from mmearth_core import Band, ClassLabel, Kind, Layer, Modality, hookimpl

KINDS = [ClassLabel(number, f"kind {number}") for number in range(4)]

class Anyones(Modality):
    name = "anyones"
    api_version = 1
    layers = (
        Layer("heights", [Band("low", "int16", -32768, unit="m"), Band("high", "int16", -32768, unit="m")]),
        Layer("kinds", [Band("kind", "int8", -1, classes=KINDS)], kind="classes"),
        Layer("weights", [Band(name, "float32", float("nan")) for name in ("a", "b", "c")], kind=Kind.VECTOR),
    )

    def locate(self, scene):
        return {"lon": scene.lon, "half": int(scene.tile_id) % 2}

    def image(self, scene, located):
        import ee
        red = ee.Image("COPERNICUS/S2_HARMONIZED/20171208T155631_20171208T155633_T18SVG").select("B4")
        kind = red.divide(100).toInt16().mod(5)
        return ee.Image.cat([
            red.subtract(1000).rename("low"), red.updateMask(red.gt(500)).rename("high"),
            kind.updateMask(kind.lt(4)).rename("kind"),
        ])

    def values(self, located):
        return {"weights": [located["lon"], None if located["half"] else 1e6 + located["lon"], 3]}

    def info(self, located):
        return {"BANDS": {"heights": ["low", "high"]}, "HALF": located["half"]}

@hookimpl
def mmearth_modalities():
    return [Anyones]
"""
"""A third party's sensor: integers below zero, partly masked bands, classes, and a vector with a large mean."""


def write_distribution(site: Path) -> None:
    """Puts the third party's plugin where Python finds installed packages."""
    site.mkdir()
    (site / "mmearth_anyones.py").write_text(ANYONES)
    info = site / "mmearth_anyones-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mmearth-anyones\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mmearth]\nanyones = mmearth_anyones\n")


def cli(*arguments: str | Path) -> Result:
    """`mmearth-core ARGUMENTS`."""
    from mmearth_core.cli import main

    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def summary(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """What `mmearth-core ARGUMENTS --json` prints."""
    done = cli(*arguments, "--json")
    assert done.exit_code == code, done.output
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


@pytest.fixture(scope="session", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The third party's plugin, installed for these tests and for the processes that they start."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    write_distribution(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))
        yield folder


@pytest.fixture(scope="session")
def downloaded(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a dataset of real pixels, with the third party's layers and one that was added later."""
    from mmearth_core.registry import discover
    from mmearth_core.registry.engines import engine_of

    folder = tmp_path_factory.mktemp("downloaded")
    demo = engine_of(discover(), "local:virginia").demo()
    assert demo is not None
    features = demo.tiles["features"][:TILES]
    for number, feature in enumerate(features):
        feature["properties"]["own"] = ("train", "train", "val", "test")[number % 4]
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    config = folder / "data.toml"
    text = demo.config.replace('name = "virginia"', 'name = "data_1M_v001"\npartition_size = 6')
    config.write_text(text.replace("image_size = 128", f"image_size = {SIZE}") + "[modalities.tile]\n")
    summary("run", config)
    config.write_text(config.read_text() + "[modalities.anyones]\n")
    summary("run", config)
    return config


@pytest.fixture
def config(downloaded: Path, tmp_path: Path) -> Path:
    """A copy of it, to be post-processed."""
    shutil.copytree(downloaded.parent, tmp_path / "copy")
    return tmp_path / "copy" / downloaded.name


@pytest.fixture(scope="session")
def made(downloaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a copy that is post-processed; not to be changed."""
    folder = tmp_path_factory.mktemp("made") / "copy"
    shutil.copytree(downloaded.parent, folder)
    summary("post", folder / downloaded.name, "--workers", "1")
    return folder / "data_1M_v001"


def pixels(path: Path) -> dict[str, np.ndarray]:
    """A stack's bands by name, read by rasterio."""
    import rasterio

    with rasterio.open(path) as source:
        return dict(zip(source.descriptions, source.read(), strict=True))


class Kit:
    """What tests of this folder use, as pytest's importlib mode lets them import nothing from here."""

    tiles, size = TILES, SIZE
    cli = staticmethod(cli)
    summary: Callable[..., dict[str, Any]] = staticmethod(summary)
    pixels = staticmethod(pixels)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit
