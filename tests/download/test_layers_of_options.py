"""Layers that a modality has with some options only: they are downloaded, and two of one name are refused at once."""

import json
from pathlib import Path

import h5py
import pytest
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.few_tiles import write_few
from mmearth_devkit.testing.place import PLACE

SOURCE = (
    PLACE
    + """
from attrs import frozen

@frozen
class Options:
    also: str | None = None

class Place2(Place):
    name = "place2"
    layers = (Layer("place2", [Band("lon", "float32", -999)], "vector"),)
    Options = Options

    def __init__(self, options=None):
        super().__init__(options)
        if self.options.also:
            self.layers += (Layer(self.options.also, [Band("one", "float32", -999)], "vector"),)

    def values(self, located):
        return {layer.name: [5.0] for layer in self.layers}

    def info(self, located):
        return {}

@hookimpl
def mmearth_modalities():
    return [Place, Place2]
"""
)


@pytest.fixture
def config(tmp_path: Path, install) -> Path:
    install("mmearth-places", SOURCE)
    return write_few(tmp_path / "data", 2, "some", "place", size=32, partition=10)


def test_a_layer_of_an_option_is_stored(config):
    config.write_text(config.read_text() + '[modalities.place2]\nalso = "extra"\n')
    assert summary("run", config)["done"] == 2
    summary("post", config, "--workers", "1")
    with h5py.File(config.parent / "some" / "some.h5") as file:
        assert file["extra"][:].tolist() == [[5.0], [5.0]]
    assert "extra" in json.loads((config.parent / "some" / "some_band_stats.json").read_text())


def test_it_cannot_have_the_name_of_another_layer(config):
    config.write_text(config.read_text() + '[modalities.place2]\nalso = "place"\n')
    refused = cli("run", config, columns=200)
    assert refused.exit_code == 2
    text = " ".join(refused.output.split())
    assert "the modalities 'place' and 'place2' both store a layer 'place'" in text
    assert not (config.parent / "some").exists(), "before any work"
