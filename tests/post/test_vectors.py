"""Vectors of a plugin: numbers as declared, or an error that names the plugin, the layer and the tile."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.few_tiles import write_few
from mmearth_devkit.testing.scene_sensor import SENSOR
from mmearth_devkit.testing.third_party import site_of

ODD = """
import math, os
import numpy as np

class Odd(Sensor):
    name = "odd"
    layers = (
        Layer("pair", [Band(name, "float32", math.inf, unit="m") for name in ("a", "b")], kind=Kind.VECTOR),
        Layer("whole", [Band("c", "uint8", 255, unit="m")], kind=Kind.VECTOR),
    )

    def values(self, located):
        return eval(os.environ["ODD"])

@hookimpl
def mmearth_modalities():
    return [Odd]
"""

odd_site = site_of("mmearth-odd", SENSOR + ODD, scope="module")


@pytest.fixture(scope="module")
def odd(odd_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a downloaded dataset of two tiles with the plugin."""
    config = write_few(tmp_path_factory.mktemp("odd"), 2, "data", "odd", size=8, partition=2)
    summary("run", config)
    return config


@pytest.fixture
def post(odd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Any, Path]]:
    """Post-processes a copy with a plugin that returns the value of an expression."""

    def run(returned: str) -> tuple[Any, Path]:
        monkeypatch.setenv("ODD", returned)
        shutil.copytree(odd.parent, tmp_path / "copy")
        done = cli("post", tmp_path / "copy" / odd.name, "--workers", "1")
        return done, tmp_path / "copy" / "data" / "data.h5"

    return run


@pytest.mark.parametrize(
    ("returned", "pair", "whole"),
    [
        ("{'pair': [1.5, None], 'whole': [7]}", [1.5, np.inf], 7),
        ("{'pair': np.array([math.nan, -2]), 'whole': [None]}", [np.inf, -2], 255),
        ("{'pair': (math.inf, True), 'whole': [254.6]}", [np.inf, 1], 255),
        ("{'pair': [0, np.float32(3)], 'whole': [-4]}", [0, 3], 0),
    ],
)
def test_numbers_are_stored_as_declared(post: Any, returned: str, pair: list[float], whole: int) -> None:
    done, path = post(returned)
    assert done.exit_code == 0, done.output
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["pair"][:], [pair, pair])
        np.testing.assert_array_equal(file["whole"][:], [[whole], [whole]])


PAIR = (
    "values() returns {} for layer 'pair' of tile '000', instead of 2 numbers, each finite, or None or inf for no data"
)
WHOLE = (
    "values() returns {} for layer 'whole' of tile '000', instead of 1 number, each finite, or None or 255 for no data"
)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("{'pair': [1, 'two'], 'whole': [7]}", PAIR.format("[1, 'two']")),
        ("{'pair': [1, '2'], 'whole': [7]}", PAIR.format("[1, '2']")),
        ("{'pair': '12', 'whole': [7]}", PAIR.format("'12'")),
        ("{'pair': np.array(['1', '2']), 'whole': [7]}", PAIR.format("array(['1', '2'], dtype='<U1')")),
        ("{'pair': [1, -math.inf], 'whole': [7]}", PAIR.format("[1, -inf]")),
        ("{'pair': [1, 2], 'whole': [math.inf]}", WHOLE.format("[inf]")),
        ("{'pair': [1, 2], 'whole': 7}", WHOLE.format("7")),
        ("{'pair': [1, 2, 3], 'whole': [7]}", PAIR.format("[1, 2, 3]")),
        ("{'pair': [1, {}], 'whole': [7]}", PAIR.format("[1, {}]")),
        ("{'whole': [7]}", PAIR.format("None")),
        ("None", PAIR.format("None")),
    ],
)
def test_anything_else_is_refused_by_name(post: Any, returned: str, message: str) -> None:
    done, path = post(returned)
    assert done.exit_code == 2, done.output
    text = " ".join(done.stderr.split())
    assert "modality 'odd'" in text and message in text
    assert "Repair the plugin (mmearth-odd 1.0)." in text
    assert not path.exists()


def test_the_tile_that_is_at_fault_is_named(post: Any) -> None:
    done, _ = post("{'pair': [1, math.inf if located['number'] == 0 else -math.inf], 'whole': [7]}")
    assert "of tile '001'" in " ".join(done.stderr.split())
