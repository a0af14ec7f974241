"""Datasets of a few tiles, downloaded once, whose copies are post-processed by the command line in this process."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.command_line import cli, summary
from tests.few_tiles import write_few
from tests.third_party import installed

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


@pytest.fixture(scope="session", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The third party's plugin, installed for these tests and for the processes that they start."""
    with installed(tmp_path_factory.mktemp("site"), "mmearth-anyones", ANYONES) as folder:
        yield folder


@pytest.fixture(scope="session")
def downloaded(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a dataset of real pixels, with the third party's layers and one that was added later."""

    def own(number: int) -> dict[str, str]:
        return {"own": ("train", "train", "val", "test")[number % 4]}

    folder = tmp_path_factory.mktemp("downloaded")
    config = write_few(folder, TILES, "data_1M_v001", "tile", size=SIZE, partition=6, properties=own)
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
