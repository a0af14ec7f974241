"""Datasets of a few tiles, downloaded once, whose copies are post-processed by the command line in this process."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.few_tiles import write_few
from mmearth_devkit.testing.scene_sensor import SENSOR
from mmearth_devkit.testing.third_party import site_of

TILES = 20
SIZE = 32

OWN = """
KINDS = [ClassLabel(number, f"kind {number}") for number in range(4)]

class Anyones(Sensor):
    name = "anyones"
    layers = (
        Layer("heights", [Band("low", "int16", -32768, unit="m"), Band("high", "int16", -32768, unit="m")]),
        Layer("kinds", [Band("kind", "int8", -1, classes=KINDS)], kind="classes"),
        Layer("weights", [Band(name, "float32", float("nan")) for name in ("a", "b", "c")], kind=Kind.VECTOR),
    )

    def image(self, scene, located):
        import ee
        red = red_band()
        return ee.Image.cat([
            red.subtract(1000).rename("low"), red.updateMask(red.gt(500)).rename("high"),
            kind_band(4),
        ])

    def values(self, located):
        return {"weights": [located["lon"], None if located["number"] % 2 else 1e6 + located["lon"], 3]}

    def info(self, located):
        return {"BANDS": {"heights": ["low", "high"]}, "HALF": located["number"] % 2}

@hookimpl
def mmearth_modalities():
    return [Anyones]
"""
"""A third party's sensor: integers below zero, partly masked bands, classes, and a vector with a large mean."""


site = site_of("mmearth-anyones", SENSOR + OWN)


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
