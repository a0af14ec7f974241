"""Sentinel-1 through the real client on a world of arrays: which image is taken, and what becomes of its pixels."""

import datetime as dt
import math

import numpy as np
import pytest
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from mmearth_sentinel1 import mmearth_modalities
from mmearth_sentinel1.modality import Sentinel1
from mmearth_sentinel1.options import Sentinel1Options
from shapely.geometry import box

from mmearth_core import Anchor, Kind
from mmearth_core.config.structure import structure
from mmearth_core.errors import ConfigError

UTM = "EPSG:32632"
LEFT, TOP, SIDE = 500_000, 5_000_000, 100
"""The images' corner, and their pixels of 10 m a side."""
TILE = to_lonlat(box(LEFT + 400, TOP - 560, LEFT + 560, TOP - 400), UTM)
INSIDE = np.s_[40:56, 40:56]
"""The tile's 16 x 16 pixels in the images' arrays."""
ANCHOR = Anchor(dt.date(2018, 7, 14), UTM)


def scene(index, time, orbit, bands=("VV", "VH"), mode="IW", side=SIDE):
    arrays = []
    for number, name in enumerate((*bands, "angle")):
        noise = np.random.default_rng([number, *index.encode()]).uniform(-25, 0, (side, side))
        arrays.append(ArrayBand(name, noise, UTM, (10, 0, LEFT, 0, -10, TOP)))
    return image(f"COPERNICUS/S1_GRD/{index}", arrays, time, instrumentMode=mode, orbitProperties_pass=f"{orbit}ENDING")


def fetch(tmp_path, *scenes, modality=None, tile=TILE, anchor=ANCHOR):
    world = ArrayWorld(ArrayCollection("COPERNICUS/S1_GRD", scenes))
    return download(world, [modality or Sentinel1()], tile, anchor, tmp_path)


def day(number, hour=0, minute=0, month=7, year=2018):
    return dt.datetime(year, month, number, hour, minute)


def chosen(result, direction):
    return [record["index"] for record in result.located(Sentinel1())[direction]]


def test_declares_the_dataset_s_layer():
    (modality,) = mmearth_modalities()
    (layer,) = modality.layers
    assert (layer.name, layer.kind, layer.dtype, layer.nodata) == ("sentinel1", Kind.REGRESSION, "float32", -math.inf)
    names = " ".join(band.name for band in layer.bands)
    assert names == "asc_VV asc_VH asc_HH asc_HV desc_VV desc_VH desc_HH desc_HV"
    assert all(band.unit == "dB" and band.resampling == "bilinear" and band.description for band in layer.bands)


def test_takes_the_nearest_image_of_each_orbit_whole_and_unchanged(tmp_path):
    near = scene("near", day(15, 17), "ASC")
    down = scene("down", day(2, 5), "DESC")
    result = fetch(tmp_path, scene("far", day(11, 5), "ASC"), near, down, scene("later", day(28, 5), "DESC"))
    assert (chosen(result, "asc"), chosen(result, "desc")) == (["near"], ["down"])
    assert result.requests == {"locate": 1, "projections": 1, "pixels": 1}
    for direction, source in (("asc", near), ("desc", down)):
        for band in source.bands[:2]:
            got = result.bands[f"sentinel1__{direction}_{band.name}"]
            np.testing.assert_allclose(got, band.pixels[INSIDE], rtol=1e-6)
        assert np.isnan(result.bands[f"sentinel1__{direction}_HH"]).all()


def test_info_has_the_published_keys_and_the_images(tmp_path):
    result = fetch(tmp_path, scene("a", day(15), "ASC"), scene("d", day(16), "DESC", ("HH", "HV")))
    assert Sentinel1().info(result.located(Sentinel1())) == {
        "BANDS": {"sentinel1_asc": ["VV", "VH"], "sentinel1_desc": ["HH", "HV"]},
        "S1_asc_ID": "COPERNICUS/S1_GRD/a",
        "S1_asc_DATE": "2018-07-15",
        "S1_desc_ID": "COPERNICUS/S1_GRD/d",
        "S1_desc_DATE": "2018-07-16",
    }


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param({"b": day(13, 12), "a": day(14, 12)}, "b", id="equally far: the earlier, whatever the index"),
        pytest.param({"a": day(14, 12), "b": day(13, 12, 1)}, "b", id="a minute decides"),
        pytest.param({"a": day(14, 12), "b": day(13, 11, 59)}, "a", id="a minute decides the other way"),
        pytest.param({"b": day(14, 6), "a": day(14, 6)}, "a", id="one instant: by index"),
        pytest.param({"a": day(14, 23), "b": day(13, 2)}, "b", id="not the day counts but its first instant"),
    ],
)
def test_nearest_to_the_first_instant_of_the_anchor_s_day(tmp_path, times, expected):
    result = fetch(tmp_path, *(scene(index, time, "ASC") for index, time in times.items()))
    assert chosen(result, "asc") == [expected]


def test_nearest_is_taken_whatever_its_polarisations(tmp_path):
    horizontal = scene("hh", day(14, 1), "ASC", ("HH", "HV"))
    result = fetch(tmp_path, horizontal, scene("vv", day(15), "ASC"), scene("single", day(14), "DESC", ("HH",)))
    np.testing.assert_allclose(result.bands["sentinel1__asc_HV"], horizontal.bands[1].pixels[INSIDE], rtol=1e-6)
    assert np.isnan(result.bands["sentinel1__asc_VV"]).all()
    assert Sentinel1().info(result.located(Sentinel1()))["BANDS"]["sentinel1_desc"] == ["HH"]


def test_a_missing_orbit_is_no_data_with_its_reason(tmp_path):
    result = fetch(tmp_path, scene("down", day(14), "DESC"))
    assert result.entry.outcome == "done"
    assert np.isnan(result.bands["sentinel1__asc_VV"]).all() and np.isfinite(result.bands["sentinel1__desc_VV"]).all()
    info = Sentinel1().info(result.located(Sentinel1()))
    assert info["BANDS"] == {"sentinel1_asc": None, "sentinel1_desc": ["VV", "VH"]}
    assert "S1_asc_ID" not in info
    assert info["MISSING"]["sentinel1"].startswith("no ascending image of mode IW covers the tile and 200 m around it")


def test_a_tile_without_any_image_is_done_without_asking_for_pixels(tmp_path):
    result = fetch(tmp_path)
    assert (result.entry.outcome, result.requests) == ("done", {"locate": 1})
    assert all(np.isnan(band).all() for band in result.bands.values())
    why = Sentinel1().info(result.located(Sentinel1()))["MISSING"]["sentinel1"]
    assert "no ascending" in why and "no descending" in why


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(scene("x", day(14), "ASC", mode="EW"), id="another mode", marks=pytest.mark.slow),
        pytest.param(scene("x", day(14), "ASC", side=75), id="the margin is not covered"),
        pytest.param(scene("x", day(31, month=12, year=2020), "ASC"), id="the window's end is not part of it"),
        pytest.param(
            scene("x", day(31, 23, month=12, year=2016), "ASC"), id="before the window", marks=pytest.mark.slow
        ),
    ],
)
def test_other_images_are_left_out(tmp_path, other):
    assert chosen(fetch(tmp_path, other), "asc") == []


def test_the_window_s_last_day_counts(tmp_path):
    assert chosen(fetch(tmp_path, scene("x", day(30, 23, 59, 12, 2020), "ASC")), "asc") == ["x"]


def test_options_move_window_mode_and_margin(tmp_path):
    options = structure(
        {"window": [dt.date(2021, 1, 1), dt.date(2022, 1, 1)], "instrument_mode": "EW", "margin": 0},
        Sentinel1Options,
        "modalities.sentinel1",
        "conf.toml",
    )
    moved = scene("x", day(1, year=2021), "ASC", mode="EW", side=57)
    result = fetch(tmp_path, scene("old", day(14), "ASC"), moved, modality=Sentinel1(options))
    assert chosen(result, "asc") == ["x"]


def test_a_window_that_ends_before_it_begins_is_refused():
    window = {"window": [dt.date(2021, 1, 1), dt.date(2020, 1, 1)]}
    with pytest.raises(ConfigError, match="window"):
        structure(window, Sentinel1Options, "modalities.sentinel1", "conf.toml")
