"""Landsat on a world of arrays: which image is taken, its reflectance, and tiles without one."""

import datetime as dt

import numpy as np
import pytest
from mmearth_devkit import check_modality
from mmearth_landsat import SOURCES, Landsat, Options
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.testing import ArrayBand, ArrayCollection, ArrayWorld, download, image, to_lonlat
from shapely.geometry import box

from mmearth_core import Anchor

UTM, LEFT, TOP, SIDE = "EPSG:32632", 500_000, 5_000_000, 80
TILE = to_lonlat(box(LEFT + 601, TOP - 759, LEFT + 759, TOP - 601), UTM)
ROW, COL = np.mgrid[0:SIDE, 0:SIDE]


def scene(collection, index, day, base, **properties):
    """An image whose numbers grow by 30 a pixel eastward and by 60 southward."""
    bands = [
        ArrayBand(name, (base + 1000 * n + 30 * COL + 60 * ROW).astype(np.uint16), UTM, (30, 0, LEFT, 0, -30, TOP))
        for n, name in enumerate(SOURCES)
    ]
    return image(f"{collection}/{index}", bands, day, **{"CLOUD_COVER": 5.0, **properties})


EIGHT, NINE = Options().collections
WORLD = ArrayWorld(
    ArrayCollection(
        EIGHT,
        [
            scene(EIGHT, "LC08_early", dt.datetime(2022, 6, 20, 10), 8000),
            scene(EIGHT, "LC08_cloudy", dt.datetime(2022, 7, 14, 10), 9000, CLOUD_COVER=80.0),
        ],
    ),
    ArrayCollection(NINE, [scene(NINE, "LC09_near", dt.datetime(2022, 7, 4, 10), 10_000)]),
)


def fetch(folder, day, options=None):
    modality = Landsat(options)
    result = download(WORLD, [modality], TILE, Anchor(day, UTM), folder)
    return result, modality.info(result.located(modality))


def test_it_keeps_the_contract():
    check_modality(Landsat, engine=WorldEngine(WORLD))


@pytest.mark.parametrize(("day", "index"), [(dt.date(2022, 7, 12), "LC09_near"), (dt.date(2022, 6, 26), "LC08_early")])
def test_the_nearest_clear_image_of_both_satellites(day, index, tmp_path):
    _, info = fetch(tmp_path, day)
    assert info["LANDSAT_ID"].endswith(f"/{index}")


def test_more_cloud_may_be_allowed(tmp_path):
    _, info = fetch(tmp_path, dt.date(2022, 7, 12), Options(cloud_cover=90))
    assert info == {"LANDSAT_ID": f"{EIGHT}/LC08_cloudy", "LANDSAT_DATE": "2022-07-14"}


def test_reflectance_times_10000(tmp_path):
    result, _ = fetch(tmp_path, dt.date(2022, 7, 12))
    # Pixel centres of the tile, in pixels of the image; between them its numbers are linear.
    col = (np.arange(16) * 10 + 605) / 30 - 0.5
    row = col[:, None]
    for n, name in enumerate(SOURCES.values()):
        numbers = 10_000 + 1000 * n + 30 * col + 60 * row
        assert result.bands[f"landsat__{name}"] == pytest.approx((numbers * 2.75e-5 - 0.2) * 1e4, abs=1.01)
    assert result.requests == {"locate": 1, "projections": 1, "pixels": 1}


def test_a_tile_without_an_image_says_why(tmp_path):
    result, info = fetch(tmp_path, dt.date(2020, 7, 12))
    assert info == {"MISSING": {"landsat": "no image with at most 30 % cloud within 90 days"}}
    assert all(np.isnan(band).all() for band in result.bands.values())


def test_a_dataset(mmearth_dataset):
    dataset = mmearth_dataset(Landsat, engine=WorldEngine(WORLD))
    assert dataset.layers["landsat"].bands == tuple(SOURCES.values())
    assert dataset[0].masks["landsat"].all()
