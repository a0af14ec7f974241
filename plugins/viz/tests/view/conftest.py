"""A small finished dataset with layers of every sort, made once, of which sheets and pages are drawn."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.few_tiles import write_few
from mmearth_devkit.testing.scene_sensor import SENSOR
from mmearth_devkit.testing.third_party import site_of

TILES, SIZE, NAME = 12, 24, "looked"

OWN = """
KINDS = [ClassLabel(0, "none <b>", "#0b5c39"), ClassLabel(1, "one", "#c81e74"), ClassLabel(2, "two", "#1e46c8")]

class Looks(Sensor):
    name = "looks"
    layers = (
        Layer("view_kinds", [Band("kind", "uint8", 255, classes=KINDS)], kind="classes", preview=Preview(("kind",))),
        Layer("view_heights", [Band("low", "int16", -32768, unit="m"), Band("high", "int16", -32768, unit="m")],
              preview=Preview(("high",), low=-50, high=2500, colormap="gray")),
        Layer("view_plain", [Band("own", "float32", float("-inf"), unit="K")]),
        Layer("view_weights", [Band(name, "float32", float("nan"), unit="kg") for name in ("a", "b", "c")],
              kind=Kind.VECTOR, preview=Preview(("b", "a"))),
        Layer("view_choice", [Band(name, "uint8", 255) for name in ("p", "q", "r", "s")], kind=Kind.VECTOR),
    )

    def image(self, scene, located):
        import ee
        red = red_band()
        high = red.updateMask(red.gt(100000 if located["number"] % 4 == 0 else 600))
        return ee.Image.cat([
            kind_band(3), red.subtract(100).rename("low"), high.rename("high"),
            red.divide(7).rename("own"),
        ])

    def values(self, located):
        number = located["number"]
        return {
            "view_weights": [None if number % 2 else located["lon"], 2.0 * number, 3],
            "view_choice": [int(number % 4 == place) for place in range(4)],
        }

    def info(self, located):
        number = located["number"]
        return {"SEASON": ("wet", "dry & <i>hot</i>")[number % 2], "LOOK_DATE": f"2019-{1 + number % 3:02d}-04",
                "LOOK_ID": f"look/{number}"}

@hookimpl
def mmearth_modalities():
    return [Looks]
"""
"""A third party's sensor: classes, a masked band, a layer that says nothing of its colours, and two vectors."""


site = site_of("mmearth-looks", SENSOR + OWN)


@pytest.fixture(scope="session")
def finished(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a dataset that is downloaded and post-processed; not to be changed."""

    def biome(number: int) -> dict[str, str]:
        return {"biome": ("Tundra", "Mangroves", "Boreal Forests/Taiga")[number % 3]}

    folder = tmp_path_factory.mktemp("finished") / "data"
    config = write_few(folder, TILES, NAME, "looks", size=SIZE, partition=5, properties=biome)
    for words in (["run"], ["post", "--workers", "1", "--fractions", "0.5,0.25,0.25"]):
        done = cli(*words, config)
        assert done.exit_code == 0, done.output
    return config


@pytest.fixture
def config(finished: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(finished.parent, tmp_path / "copy")
    return tmp_path / "copy" / finished.name


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; Debian's package is installed if it is missing, and without it the tests fail."""
    if shutil.which("chromium") is None:
        assert os.getuid() == 0, "the tests in a browser need Debian's package chromium, which only root can install"
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        for words in (
            ["update", "-qq"],
            ["-o", "DPkg::Lock::Timeout=600", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
        ):
            done = subprocess.run(
                ["apt-get", *words], env={**os.environ, **quiet}, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
    path = shutil.which("chromium")
    assert path is not None
    return path


class Kit:
    """What tests of this folder use, as pytest's importlib mode lets them import nothing from here."""

    tiles, size, name = TILES, SIZE, NAME
    cli: Callable[..., Result] = staticmethod(cli)
    summary: Callable[..., dict[str, Any]] = staticmethod(summary)


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit
