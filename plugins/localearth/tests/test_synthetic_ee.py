"""The synthetic world through the unmodified `ee` client: what plugins and scripts ask of it."""

from collections.abc import Iterator
from importlib.util import find_spec

import ee
import numpy as np
import pytest
from localearth.planet.world import SyntheticWorld
from localearth.transport import LocalTransport

pytestmark = pytest.mark.skipif(find_spec("global_land_mask") is None, reason="needs mmearth-localearth[planet]")


@pytest.fixture(scope="module", autouse=True)
def client() -> Iterator[None]:
    ee.Reset()
    ee.Initialize(credentials=None, project="local", http_transport=LocalTransport(SyntheticWorld()))
    yield
    ee.Reset()


def tile() -> ee.Geometry:
    return ee.Geometry.Polygon([[[8.39, 48.49], [8.41, 48.49], [8.41, 48.51], [8.39, 48.51], [8.39, 48.49]]])


@pytest.mark.parametrize("collection", ["COPERNICUS/S2_HARMONIZED", "COPERNICUS/S1_GRD", "LANDSAT/LC08/C02/T1_L2"])
def test_the_footprint_of_a_scene_is_a_ring(collection: str) -> None:
    found = ee.ImageCollection(collection).filterBounds(tile()).filterDate("2019-06-01", "2019-09-01").first()
    ring = found.get("system:footprint").getInfo()
    assert ring["type"] == "LinearRing"
    geometry = found.geometry().getInfo()
    assert geometry["type"] == "Polygon"
    assert geometry["coordinates"] == [ring["coordinates"]]


def test_a_scene_is_found_by_place_date_and_cloud() -> None:
    scenes = (
        ee.ImageCollection("COPERNICUS/S2_SR_HARMONIZED")
        .filterBounds(tile())
        .filterDate("2019-01-01", "2020-01-01")
        .filter(ee.Filter.lt("CLOUDY_PIXEL_PERCENTAGE", 10))
        .filter(ee.Filter.contains(leftField=".geo", rightValue=tile().buffer(200)))
    )
    assert 2 < scenes.size().getInfo() < 60
    info = scenes.first().getInfo()
    bands = {band["id"]: band for band in info["bands"]}
    assert bands["B2"]["crs"] == "EPSG:32632"
    assert bands["B2"]["dimensions"] == [10980, 10980]
    assert bands["B2"]["crs_transform"] == [10, 0, 399960, 0, -10, 5400000]
    assert bands["SCL"]["data_type"]["max"] == 255
    assert info["properties"]["CLOUDY_PIXEL_PERCENTAGE"] < 10
    again = ee.Image(info["id"])
    assert again.date().format("YYYYMMdd").getInfo() == info["properties"]["system:index"][:8]


def test_pixels_of_every_sensor_arrive_on_one_grid() -> None:
    year = ("2019-01-01", "2020-01-01")
    labels = ee.ImageCollection("GOOGLE/DYNAMICWORLD/V1").filterBounds(tile()).filterDate("2019-06-01", "2019-07-01")
    radar = ee.ImageCollection("COPERNICUS/S1_GRD").filterBounds(tile()).filterDate(*year).select(["VV", "VH"])
    image = ee.Image.cat(
        labels.select("label").mode().unmask(9).toUint8().rename("label"),
        radar.mean().float(),
        ee.ImageCollection("ESA/WorldCover/v100").first().rename("cover"),
        ee.Image("projects/sat-io/open-datasets/ASTER/GDEM").resample("bilinear").float().rename("height"),
    )
    grid = {
        "dimensions": {"width": 64, "height": 64},
        "affineTransform": {"scaleX": 10, "scaleY": -10, "translateX": 455_400, "translateY": 5_372_000},
        "crsCode": "EPSG:32632",
    }
    pixels = ee.data.computePixels({"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": grid})
    assert pixels.shape == (64, 64)
    assert set(np.unique(pixels["cover"])) <= {10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100}
    seen = pixels["label"] != 9
    trees = (pixels["label"] == 1)[seen] == np.isin(pixels["cover"], (10, 95))[seen]
    assert trees.mean() > 0.9
    assert -22 < pixels["VV"].mean() < 0
    assert pixels["VV"].mean() > pixels["VH"].mean()
    assert 0 < pixels["height"].min() <= pixels["height"].max() < 3000


def test_a_month_is_reduced_over_a_tile() -> None:
    month = ee.Image("ECMWF/ERA5_LAND/MONTHLY_AGGR/201907")
    values = month.reduceRegion(ee.Reducer.mean(), tile(), 1000).getInfo()
    assert 280 < values["temperature_2m_min"] < values["temperature_2m"] < values["temperature_2m_max"] < 310
    assert 0 < values["total_precipitation_sum"] < 1


def test_a_question_about_the_whole_planet_says_what_to_do() -> None:
    with pytest.raises(ee.EEException, match="filterBounds"):
        ee.ImageCollection("COPERNICUS/S2_HARMONIZED").size().getInfo()
