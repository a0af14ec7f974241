"""The synthetic world through the unmodified `ee` client: what plugins and scripts ask of it."""

from collections.abc import Iterator

import ee
import numpy as np
import pytest
from localearth.planet.world import SyntheticWorld
from localearth.transport import LocalTransport
from mmearth_devkit.testing.needs import needs_planet
from shapely.geometry import box

pytestmark = needs_planet


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


@pytest.mark.parametrize("collection", ["COPERNICUS/S2_SR_HARMONIZED", "COPERNICUS/S1_GRD", "LANDSAT/LC09/C02/T1_L2"])
def test_the_first_image_of_the_planet_needs_no_bounds(collection: str) -> None:
    """As cubexpress asks for the names of a collection's bands."""
    everything = ee.ImageCollection(collection)
    image = ee.Image(everything.first()).getInfo()
    assert image["id"].startswith(f"{collection}/")
    start, time = everything.get("date_range").getInfo()[0], image["properties"]["system:time_start"]
    around = ee.Image(image["id"]).geometry().buffer(200_000)
    earlier = everything.filterBounds(around).filterDate(int(start), int(time) + 1)
    assert earlier.aggregate_array("system:index").getInfo() == [image["properties"]["system:index"]]
    assert everything.map(lambda each: each.select(0)).first().bandNames().getInfo() == [image["bands"][0]["id"]]
    assert (
        everything.filterDate(int(time), int(time) + 1).first().get("system:index").getInfo()
        == (image["properties"]["system:index"])
    )


def test_the_scenes_of_a_path_and_row_need_no_bounds() -> None:
    scenes = ee.ImageCollection("LANDSAT/LC08/C02/T1_L2").filterDate("2017-01-01", "2018-01-01")
    path, row = ee.Filter.eq("WRS_PATH", 44), ee.Filter.eq("WRS_ROW", 34)
    there = scenes.filterBounds(ee.Geometry.Point(-122.3, 37.6)).filter(ee.Filter.And(path, row))
    expected = there.aggregate_array("system:index").getInfo()
    assert len(expected) > 20
    for found in (scenes.filter(path).filter(row), scenes.filter(ee.Filter.And(path, row))):
        assert found.aggregate_array("system:index").getInfo() == expected
    with pytest.raises(ee.EEException, match="filter the collection by bounds first"):
        scenes.filter(path).size().getInfo()


@pytest.mark.slow
def test_a_search_of_the_whole_planet_ends() -> None:
    with pytest.raises(ee.EEException, match="filterBounds"):
        ee.ImageCollection("LANDSAT/LC09/C02/T1_L2").filter(ee.Filter.eq("WRS_PATH", 999)).first().getInfo()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("collection", "minutes"),
    [("COPERNICUS/S2_HARMONIZED", 1), ("COPERNICUS/S1_GRD", 3), ("LANDSAT/LC08/C02/T1_L2", 3)],
)
def test_the_images_of_the_planet_come_in_order_and_are_complete(collection: str, minutes: int) -> None:
    """The same images as those of a region around the flight, found by place."""
    asset = SyntheticWorld().find(collection)
    first = next(asset.walk((1559383000000.0, 1559400000000.0)))
    start = first.properties["system:time_start"]
    span = (start, start + 60_000.0 * minutes)
    walked = [(image.properties["system:time_start"], image.index) for image in asset.walk(span)]
    assert walked == sorted(set(walked))
    lon, lat = first.footprint.centroid.coords[0]
    listed = {
        image.index
        for west in (lon - 15, lon - 5, lon + 5)
        for image in asset.images(box(west, lat - 5, west + 10, lat + 5), span)
    }
    assert first.index in listed
    assert len(listed) > 1
    assert listed <= {index for _, index in walked}
