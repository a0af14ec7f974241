"""Greenness on a world of arrays: the year's highest index against numpy, clouds, and a year without images."""

import datetime as dt

import numpy as np
import pytest
from mmearth_devkit import check_modality
from mmearth_greenness import Greenness, Options
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box

from mmearth_core import Anchor

UTM, LEFT, TOP, SIDE = "EPSG:32632", 500_000, 5_000_000, 80
TILE = to_lonlat(box(LEFT + 601, TOP - 759, LEFT + 759, TOP - 601), UTM)
RANDOM = np.random.default_rng(7)
CLOUD, DATE, PIXELS = 0b1000, dt.date(2022, 7, 12), (SIDE, SIDE)


def scene(collection, index, day, cloudy=None):
    """An image of random reflectance in the red and near infrared, with clouds where `cloudy`."""
    bands = {name: RANDOM.integers(8000, 30_000, PIXELS).astype(np.uint16) for name in ("SR_B4", "SR_B5")}
    bands["QA_PIXEL"] = np.where(np.zeros(PIXELS, bool) if cloudy is None else cloudy, CLOUD, 0).astype(np.uint16)
    grid = UTM, (30, 0, LEFT + 5, 0, -30, TOP - 5)
    arrays = [ArrayBand(name, pixels, *grid) for name, pixels in bands.items()]
    return image(f"{collection}/{index}", arrays, day, CLOUD_COVER=5.0)


CLOUDY = np.zeros(PIXELS, bool)
CLOUDY[22, 22] = True
EIGHT, NINE = Options().collections
SPRING, SUMMER = scene(EIGHT, "a", dt.datetime(2022, 5, 1)), scene(NINE, "b", dt.datetime(2022, 8, 1), CLOUDY)
WORLD = ArrayWorld(
    ArrayCollection(EIGHT, [SPRING, scene(EIGHT, "c", dt.datetime(2021, 12, 31))]), ArrayCollection(NINE, [SUMMER])
)


def at_tile(scene):
    """The index of an image, interpolated at the centres of the tile's pixels; NaN next to clouds."""
    bands = {band.name: band.pixels.astype(float) for band in scene.bands}
    red, nir = (bands[name] * 2.75e-5 - 0.2 for name in ("SR_B4", "SR_B5"))
    index = np.where(bands["QA_PIXEL"] == 0, (nir - red) / (nir + red), np.nan)
    at = (np.arange(16) * 10 + 600) / 30 - 0.5
    first = np.floor(at).astype(int)
    share = at - first
    along = index[first] * (1 - share)[:, None] + index[first + 1] * share[:, None]
    return along[:, first] * (1 - share) + along[:, first + 1] * share


def fetch(folder, day=DATE, options=None):
    modality = Greenness(options)
    result = download(WORLD, [modality], TILE, Anchor(day, UTM), folder)
    return result, modality.info(result.located(modality))


def test_it_keeps_the_contract():
    check_modality(Greenness, engine=WorldEngine(WORLD))


def test_the_highest_index_of_the_year_between_the_pixels(tmp_path):
    result, info = fetch(tmp_path)
    expected = np.fmax(at_tile(SPRING), at_tile(SUMMER))
    assert result.bands["greenness__ndvi"] == pytest.approx(expected, abs=1e-4)
    assert info == {"GREENNESS_IMAGES": 2}
    assert result.requests == {"locate": 1, "pixels": 1}


def test_clouds_are_left_out(tmp_path):
    result, info = fetch(tmp_path, options=Options(collections=(NINE,)))
    hidden = np.isnan(at_tile(SUMMER))
    assert 0 < hidden.sum() < hidden.size
    assert (np.isnan(result.bands["greenness__ndvi"]) == hidden).all()
    assert info == {"GREENNESS_IMAGES": 1}


def test_a_year_without_an_image_says_why(tmp_path):
    result, info = fetch(tmp_path, dt.date(2019, 7, 12))
    assert info == {"GREENNESS_IMAGES": 0, "MISSING": {"greenness": "no image at the tile in the anchor's year"}}
    assert np.isnan(result.bands["greenness__ndvi"]).all()


def test_a_dataset(mmearth_dataset):
    dataset = mmearth_dataset(Greenness, engine=WorldEngine(WORLD))
    assert dataset.layers["greenness"].bands == ("ndvi",)
    assert dataset[0].masks["greenness"].any()
