"""A sound dataset of a few tiles, whose copies are damaged one way or another and then verified."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import pytest
from attrs import frozen
from click.testing import Result
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.few_tiles import write_few
from mmearth_devkit.testing.scene_sensor import SENSOR
from mmearth_devkit.testing.third_party import site_of

TILES, SIZE, NAME = 8, 24, "data_1M_v001"

OWN = """
KINDS = [ClassLabel(number, f"kind {number}") for number in range(4)]

class Third(Sensor):
    name = "third"
    layers = (
        Layer("verify_slopes", [Band("slope", "float32", float("-inf")), Band("low", "float32", float("-inf"))]),
        Layer("verify_kinds", [Band("kind", "int8", -1, classes=KINDS)], kind="classes"),
        Layer("verify_points", [Band(name, "float32", float("nan")) for name in ("a", "b")], kind=Kind.VECTOR),
    )

    def image(self, scene, located):
        import ee
        red = red_band()
        return ee.Image.cat([
            red.divide(7).rename("slope"), red.updateMask(red.gt(500)).rename("low"),
            kind_band(4),
        ])

    def values(self, located):
        return {"verify_points": [located["lon"], None if located["number"] % 2 else 3]}

class Later(Modality):
    name = "later"
    api_version = 1
    layers = (Layer("verify_later", [Band("lon", "float32", float("nan"))], kind=Kind.VECTOR),)

    def locate(self, scene):
        return scene.lon

    def values(self, located):
        return {"verify_later": [located]}

@hookimpl
def mmearth_modalities():
    return [Third, Later]
"""
"""A third party's sensors: floats with masked pixels, classes, and a vector; and one to add later."""


site = site_of("mmearth-third", SENSOR + OWN)


@pytest.fixture(scope="session")
def sound(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a dataset that is downloaded and post-processed; not to be changed."""
    folder = tmp_path_factory.mktemp("sound") / "data"
    parts = ["train"] * 6 + ["val", "test"]
    properties = {"properties": lambda number: {"split": parts[number]}}
    config = write_few(folder, TILES, NAME, "tile", "third", size=SIZE, partition=3, **properties)
    for words in (["run"], ["post", "--workers", "1"]):
        done = cli(*words, config)
        assert done.exit_code == 0, done.output
    return folder


@frozen
class Copy:
    """A copy that a test may damage.

    Attributes:
        config: its configuration.
    """

    config: Path

    @property
    def root(self) -> Path:
        return self.config.parent / NAME

    @property
    def h5(self) -> Path:
        return self.root / f"{NAME}.h5"

    def beside(self, what: str) -> Path:
        return self.root / f"{NAME}_{what}.json"

    @contextmanager
    def opened(self) -> Iterator[h5py.File]:
        """The HDF5 file, to be changed."""
        with h5py.File(self.h5, "r+") as file:
            yield file

    def edit(self, what: str, change: Callable[[Any], Any]) -> None:
        """Changes a side file; what the change returns, if anything, becomes its content."""
        content = json.loads(self.beside(what).read_text())
        changed = change(content)
        self.beside(what).write_text(json.dumps(content if changed is None else changed))

    def stack(self, number: int) -> Path:
        return self.root / "stacks" / "base" / f"{number // 3:05d}" / f"{number:03d}.tif"

    def verify(self, *options: str, target: Path | None = None, code: int = 1) -> "Verdict":
        """`mmearth-core verify --json`, of the HDF5 file unless it is said otherwise."""
        return Verdict(summary("verify", target or self.h5, "--workers", "1", *options, code=code))


@frozen
class Verdict:
    """A report."""

    report: dict[str, Any]

    def of(self, severity: str) -> list[dict[str, Any]]:
        return [finding for finding in self.report["findings"] if finding["severity"] == severity]

    @property
    def faults(self) -> list[dict[str, Any]]:
        return self.of("fault")

    def only_fault(self, check: str) -> dict[str, Any]:
        """The one fault there is."""
        assert [fault["check"] for fault in self.faults] == [check], self.faults
        return self.faults[0]


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Copy:
    shutil.copytree(sound, tmp_path / "copy")
    return Copy(tmp_path / "copy" / "data.toml")


@pytest.fixture(scope="session")
def run_cli() -> Callable[..., Result]:
    return cli
