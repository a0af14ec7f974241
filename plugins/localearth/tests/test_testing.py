"""Helpers for plugin tests: they download a tile, and report a plugin that breaks the contract."""

import datetime as dt

import numpy as np
import pytest
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box

from mmearth_core import Anchor, Band, Layer, Modality
from mmearth_core.download.journal import Outcome

UTM = "EPSG:32632"
PIXELS = np.arange(400, dtype=np.int16).reshape(20, 20)
ASSET = image("MY/HEIGHTS", [ArrayBand("h", PIXELS, UTM, (10, 0, 500_000, 0, -10, 5_000_000))])
TILE = to_lonlat(box(500_001, 4_999_841, 500_159, 4_999_999), UTM)
ANCHOR = Anchor(dt.date(2018, 7, 14), UTM)


class Heights(Modality):
    name = "heights"
    api_version = 1
    layers = (Layer("heights", [Band("h", "int16", -1)]),)

    def image(self, scene, located):
        import ee

        return ee.Image("MY/HEIGHTS")


class Nosy(Heights):
    def locate(self, scene):
        import ee

        return {"bands": ee.Image("MY/HEIGHTS").bandNames().getInfo()}


class Unwritable(Heights):
    def locate(self, scene):
        return {"height": float("nan")}


def test_a_tile_is_downloaded(tmp_path):
    result = download(ArrayWorld(ASSET), [Heights()], TILE, ANCHOR, tmp_path)
    assert result.requests == {"pixels": 1}
    assert (result.bands["heights__h"] == PIXELS[:16, :16]).all()


def test_a_plugin_that_sends_its_own_requests_fails(tmp_path):
    with pytest.raises(AssertionError, match="has sent requests itself"):
        download(ArrayWorld(ASSET), [Nosy()], TILE, ANCHOR, tmp_path)


def test_an_answer_that_is_not_json_fails(tmp_path):
    entry = download(ArrayWorld(ASSET), [Unwritable()], TILE, ANCHOR, tmp_path).entry
    assert entry.outcome is Outcome.FAILED
    assert "what is located must be JSON" in entry.reason


def test_a_collection_is_in_order_of_time_then_index():
    band = ASSET.bands[0]
    days = {"b": 1, "c": 2, "a": 2}
    members = [image(f"C/{name}", [band], dt.datetime(2018, 1, day)) for name, day in days.items()]
    collection = ArrayCollection("C", members)
    assert [each.index for each in collection.images()] == ["b", "a", "c"]
    start, end = (dt.datetime(2018, 1, day, tzinfo=dt.UTC).timestamp() * 1000 for day in (1, 2))
    assert [each.index for each in collection.images(interval=(start, end))] == ["b"]
    assert collection.images(region=box(0, 0, 1, 1)) == []
