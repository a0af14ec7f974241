"""Contradictions between modalities in tile_info end a run before pixels are requested, instead of `post` later."""

import json
from pathlib import Path

import pytest
from mmearth_devkit.testing.command_line import cli
from mmearth_devkit.testing.few_tiles import write_few
from mmearth_devkit.testing.place import PLACE

from mmearth_core.product.hdf5 import METADATA

SOURCE = (
    PLACE
    + """
import datetime, math
from mmearth_core import Anchor

class Other(Place):
    name = "other"
    layers = (Layer("other", [Band("lon", "float32", -999)], "vector"),)

    def locate(self, scene):
        return {"lon": scene.lon, "number": int(scene.tile_id)}

    def values(self, located):
        return {"other": [located["lon"]]}

    def info(self, located):
        return OTHER

Place.info = lambda self, located: PLACE

@hookimpl
def mmearth_modalities():
    return [Place, Other]
"""
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_few(tmp_path / "data", 3, "some", "place", size=32, partition=10, properties=lambda n: {"soil": n + 7})


@pytest.fixture
def put(install, config):
    """Installs both modalities with what their info() returns, and configures the second one."""

    def put(place: str, other: str = "{}", add: bool = True) -> None:
        install("mmearth-both", SOURCE.replace("OTHER", other).replace("PLACE", place))
        if add:
            with config.open("a") as file:
                file.write("[modalities.other]\n")

    return put


def heard(*words: object) -> tuple[int, str]:
    done = cli(*words, columns=200)
    return done.exit_code, " ".join(done.output.split())


def in_order(config: Path) -> None:
    """Makes the tiles one after another."""
    config.write_text(config.read_text().replace("[run]", "[run]\nmax_concurrent = 1"))


def stacks(config: Path) -> list[Path]:
    return sorted((config.parent / "some").rglob("*.tif"))


@pytest.mark.parametrize(
    ("place", "other", "words"),
    [
        ('{"DAY": 1}', '{"DAY": 2}', ["modality 'place' and modality 'other' contradict", "DAY is 1 and 2"]),
        ('{"A": {"x": 1}}', '{"A": {"x": 2}}', ["modality 'place' and modality 'other' contradict", "A.x is 1 and 2"]),
        ('{"A": {"x": 1}}', '{"A": 5}', ["modality 'place' and modality 'other' contradict", "A is {'x': 1} and 5"]),
        ('{"CRS": "EPSG:3857"}', "{}", ["the core and modality 'place' contradict", "and 'EPSG:3857'"]),
        ('{"GRID": {"size": 3}}', "{}", ["the core and modality 'place' contradict", "GRID.size is 32 and 3"]),
        ('{"NO_DATA": False, "VERSIONS": {"place": "x"}}', "{}", []),
        ('{"NO_DATA": True}', "{}", ["the core and modality 'place' contradict", "NO_DATA is False and True"]),
        ('{"SHA256": {"base": "x"}}', "{}", ["the core and modality 'place' contradict", "SHA256.base is"]),
        ('{"TILE": {"soil": 3}}', "{}", ["the core and modality 'place' contradict", "TILE.soil is 7 and 3"]),
        ('{"S2_DATE": "1999-01-01"}', "{}", ["modality 'place'", "S2_DATE is '2017-", "and '1999-01-01'"]),
        ('{"lat": 1.0}', "{}", ["the core and modality 'place' contradict", "and 1.0"]),
    ],
)
def test_a_contradiction_ends_the_run_at_the_first_tile(place, other, words, put, config):
    put(place, other)
    in_order(config)
    status, text = heard("run", config)
    if not words:  # a key beside those of the core is no contradiction
        assert status == 0
        return
    assert status == 2, text
    for each in [*words, "in the info() of modality", "tile '0"]:
        assert each in text
    assert stacks(config) == []


def test_a_contradiction_of_a_modality_that_is_added_later_ends_its_run(put, config):
    put('{"DAY": 1}', '{"DAY": 2}', add=False)
    assert heard("run", config)[0] == 0
    before = stacks(config)
    with config.open("a") as file:
        file.write("[modalities.other]\n")
    status, text = heard("run", config)
    assert status == 2
    assert "modality 'place' and modality 'other' contradict each other in tile_info: DAY is 1 and 2" in text
    assert stacks(config) == before


def test_a_contradiction_of_a_later_tile_fails_only_this_tile(put, config):
    put('{"FIRST": True}', '{"FIRST": located["number"] != 1}')
    in_order(config)
    status, text = heard("run", config)
    assert status == 1, text
    assert "2 done, 0 skipped, 1 failed" in text
    assert "tile '001': modality 'place' and modality 'other' contradict" in text
    heard("post", config, "--workers", "1")
    info = json.loads((config.parent / "some" / "some_tile_info.json").read_text())
    assert len(info) == 2


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        ('{"share": math.nan}', "place.info raised ValueError: Out of range float values are not JSON compliant"),
        ('{"day": datetime.date(2020, 1, 1)}', "place.info raised TypeError: Object of type date is not JSON"),
        ("[1]", "place.info raised TypeError: info() must return a mapping"),
        ('{"MISSING": "no image"}', "with mappings in MISSING, MASKED, STEPS, not {'MISSING': 'no image'}"),
        ('{"MASKED": ["no image"]}', "with mappings in MISSING, MASKED, STEPS, not {'MASKED': ['no image']}"),
        ("located['nothing']", "place.info raised KeyError: 'nothing'"),
    ],
)
def test_what_cannot_be_written_fails_the_tile_and_not_post(returned, problem, put, config):
    put(returned)
    status, text = heard("run", config)
    assert status == 1
    assert problem in text
    assert stacks(config) == []


def test_a_variant_that_the_table_cannot_hold_fails_the_tile(install, config):
    returned = "Anchor(datetime.date(2020, 1, 1), 'EPSG:32618', 11 * 'x')"
    anchor = f"\n    def anchor(self, scene, located):\n        return {returned}\n"
    install(
        "mmearth-both",
        SOURCE.replace("PLACE", "{}")
        .replace("OTHER", "{}")
        .replace("class Other(Place):", "class Other(Place):" + anchor),
    )
    text = config.read_text().replace('anchor = "sentinel2"', 'anchor = "other"') + "[modalities.other]\n"
    config.write_text(text)
    status, text = heard("run", config)
    assert status == 1, text
    assert "other.anchor raised TypeError: an anchor's variant is text of at most 10 bytes, not 'xxxxxxxxxxx'" in text


def test_the_reserved_layer_name_is_that_of_the_table():
    assert METADATA == "metadata"
