"""The `ee` library made quicker writes the same graphs as it does untouched."""

import inspect
import json
import warnings

import ee
import ee.deprecation
import ee.serializer
import pytest
from mmearth_devkit.testing.ee_offline import evaluate, open_client

from mmearth_core.earthengine.client import patch_ee


@pytest.fixture
def untouched(monkeypatch):
    """The library as it comes, until `make_quicker`; put back afterwards."""
    open_client(lambda kind, graph: evaluate(graph))
    monkeypatch.setattr(ee.deprecation, "inspect", inspect)
    monkeypatch.setattr(ee.serializer, "json", json)


def graph():
    """Nodes shared and nodes that differ by type alone; functions within functions; texts, numbers and nothing."""
    images = ee.ImageCollection("a/collection").select(["x"]).merge(ee.ImageCollection("another").select(["x"]))
    twice = images.map(lambda image: image.add(images.map(lambda inner: inner.multiply(2)).mean()))
    values = [1, 1.0, "1", True, None, -0.5, "a 'quoted' \"text\" \\ \u00e9", [1, [1]], {"b": 1, "a": images.size()}]
    return ee.Dictionary(
        {"values": ee.List(values), "same": twice.mean(), "again": twice.mean(), "image": ee.Image("i")}
    )


def test_graphs_are_the_same(untouched):
    before = json.dumps(ee.serializer.encode(graph()))
    patch_ee()
    assert ee.deprecation.inspect is not inspect
    assert ee.serializer.json is not json
    assert json.dumps(ee.serializer.encode(graph())) == before


def test_graphs_of_a_library_that_is_quicker_are_still_printed(untouched):
    before = graph().serialize()
    patch_ee()
    assert graph().serialize() == before
    assert json.loads(before)["values"]


def test_deprecated_assets_are_still_warned_of(untouched, monkeypatch):
    patch_ee()
    asset = ee.deprecation.DeprecatedAsset("an/old/asset", "a/new/asset", None, "")
    monkeypatch.setattr(ee.deprecation, "deprecated_assets", {asset.id: asset})
    with pytest.warns(DeprecationWarning, match="a/new/asset"):
        ee.Image("an/old/asset")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ee.Image("a/new/asset")
