"""A modality added later follows the anchor: where `base` was downloaded again on another day, it is done again too."""

import json

import pytest
from mmearth_devkit.testing.command_line import summary

PLUGIN = """
    from mmearth_core import Band, Layer, Modality, hookimpl

    class Day(Modality):
        name = "day"
        api_version = 1
        layers = (Layer("day", [Band("number", "int16", -1, description="day of the month")], "vector", "the day"),)

        def locate(self, scene):
            return {"day": scene.date.day}

        def values(self, located):
            return {"day": [located["day"]]}

    @hookimpl
    def mmearth_modalities():
        return [Day]
"""

CONFIG = """
[dataset]
name = "data"
anchor = "file"
tiles = "tiles.geojson"

[run]
engine = "local"

[modalities.file]
[modalities.tile]
"""


def run(config, *words):
    return summary("run", config, *words)


def entries(config, group):
    lines = (config.parent / "data" / "journal" / group / "00000.jsonl").read_text().splitlines()
    return {entry["tile_id"]: entry for entry in map(json.loads, lines)}


@pytest.fixture
def config(tmp_path, install):
    square = [[9.0, 45.0], [9.01, 45.0], [9.01, 45.01], [9.0, 45.01], [9.0, 45.0]]
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [square]},
            "properties": {"tile_id": name, "date": "2018-07-14"},
        }
        for name in ("a", "b")
    ]
    (tmp_path / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    config = tmp_path / "data.toml"
    config.write_text(CONFIG)
    run(config)
    install("mmearth-day", PLUGIN)
    config.write_text(f"{CONFIG}[modalities.day]\n")
    run(config)
    return config


def test_what_is_done_on_the_same_day_is_left_alone(config):
    assert run(config)["ended_in_this_run"] == 0
    assert [entry["located"] for entry in entries(config, "day").values()] == [{"day": {"day": 14}}] * 2


def test_another_day_of_base_has_it_done_again(config):
    journal = config.parent / "data" / "journal" / "base" / "00000.jsonl"
    again = entries(config, "base")["b"]
    again["anchor"]["date"] = "2019-03-02"
    with journal.open("a") as file:
        file.write(json.dumps(again) + "\n")
    assert run(config)["ended_in_this_run"] == 1
    assert entries(config, "day")["b"]["anchor"] == again["anchor"]
    assert entries(config, "day")["b"]["located"] == {"day": {"day": 2}}
    assert entries(config, "day")["a"]["located"] == {"day": {"day": 14}}
    assert run(config)["ended_in_this_run"] == 0
