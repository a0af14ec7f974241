"""Night lights on a world of arrays: the year's mean against numpy, the surroundings, and a year without data."""

import datetime as dt

import numpy as np
import pytest
from mmearth_devkit import check_modality
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from mmearth_nightlights import Nightlights, Options
from shapely.geometry import box

from mmearth_core import Anchor

UTM, LEFT, TOP, PIXEL, SIDE = "EPSG:32632", 500_000, 5_000_000, 500, 60
LAMP = (30, 30)
"""Row and column of the one bright pixel, in the middle."""
TILE = to_lonlat(box(LEFT + 15_050, TOP - 15_450, LEFT + 15_450, TOP - 15_050), UTM)
COLLECTION = Options().collection


def month(day, lamp):
    light = np.ones((SIDE, SIDE), np.float32)
    light[LAMP] = lamp
    bands = [ArrayBand("avg_rad", light, UTM, (PIXEL, 0, LEFT, 0, -PIXEL, TOP))]
    return image(f"{COLLECTION}/{day:%Y%m%d}", bands, dt.datetime(day.year, day.month, day.day))


WORLD = ArrayWorld(
    ArrayCollection(
        COLLECTION,
        # The month before the year, two within it, and the anchor's own.
        [
            month(dt.date(2018, 6, 1), 1000),
            month(dt.date(2018, 7, 1), 20),
            month(dt.date(2019, 6, 1), 40),
            month(dt.date(2019, 7, 1), 1000),
        ],
    )
)


def fetch(folder, day):
    modality = Nightlights()
    result = download(WORLD, [modality], TILE, Anchor(day, UTM), folder)
    located = result.located(modality)
    return result, modality.values(located)["nightlights"], modality.info(located)


def test_it_keeps_the_contract():
    check_modality(Nightlights, engine=WorldEngine(WORLD))


def test_the_mean_of_the_twelve_months_before(tmp_path):
    result, (tile, around), info = fetch(tmp_path, dt.date(2019, 7, 14))
    assert tile == pytest.approx(30)
    # Within 5 km of the square: its own area, four strips, and a quarter of a disk at each corner; 1 but for the lamp.
    area = 400**2 + 4 * 400 * 5000 + np.pi * 5000**2
    assert around == pytest.approx(1 + 29 * 500**2 / area, rel=0.01)
    assert info == {"NIGHTLIGHTS_MONTHS": 2}
    assert result.requests == {"locate": 1}


def test_a_year_without_data_is_told(tmp_path):
    _, values, info = fetch(tmp_path, dt.date(2012, 1, 1))
    assert values == [None, None]
    assert info == {"NIGHTLIGHTS_MONTHS": 0, "MISSING": {"nightlights": f"{COLLECTION} has no image"}}


def test_a_dataset(mmearth_dataset):
    dataset = mmearth_dataset(Nightlights, engine=WorldEngine(WORLD))
    assert dataset.layers["nightlights"].units == ("nW cm-2 sr-1",) * 2
    assert dataset[0].masks["nightlights"].all()
