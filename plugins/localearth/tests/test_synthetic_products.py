"""What programs of Google's users ask of the synthetic world: metadata, cloud probability, rain, the radar's angle."""

import datetime as dt
import re

import ee
import numpy as np
import pytest
import shapely
from localearth.planet.world import SyntheticWorld
from mmearth_devkit.testing.needs import needs_planet
from pyproj import Transformer
from shapely.geometry import Point, box

pytestmark = needs_planet

L1C, L2A = "COPERNICUS/S2_HARMONIZED", "COPERNICUS/S2_SR_HARMONIZED"
PROBABILITY = "COPERNICUS/S2_CLOUD_PROBABILITY"
S1, CHIRPS = "COPERNICUS/S1_GRD", "UCSB-CHG/CHIRPS/DAILY"
LON, LAT = -89.9375, 44.9375
PLACE = Point(LON, LAT)


@pytest.fixture
def images(planet, ms):
    """The images of a collection at the place, from a day and before another."""
    return lambda asset_id, since, until: planet.find(asset_id).images(PLACE, (ms(*since), ms(*until)))


@pytest.mark.parametrize(("asset_id", "level"), [(L1C, "1C"), (L2A, "2A")])
def test_products_have_the_names_and_formats_of_google(asset_id, level, images):
    found = [
        *images(asset_id, (2019, 6, 1), (2019, 7, 1)),
        *images(asset_id, (2022, 6, 1), (2022, 7, 1)),
    ]
    assert {image.properties["SPACECRAFT_NAME"] for image in found} == {"Sentinel-2A", "Sentinel-2B"}
    for image in found:
        about = image.properties
        taken, sensed, tile = image.index.split("_")
        craft = about["SPACECRAFT_NAME"][-1]
        version = {("1C", 2019): "02.07", ("2A", 2019): "02.12"}.get((level, int(taken[:4])), "04.00")
        assert about["PROCESSING_BASELINE"] == version
        relative = about["SENSING_ORBIT_NUMBER"]
        begin = f"S2{craft}_MSIL{level}_{taken}_N{version.replace('.', '')}_R{relative:03d}_{tile}_"
        made = about["PRODUCT_ID"].removeprefix(begin)
        assert (
            dt.datetime.strptime(made, "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC).timestamp() * 1000
            == (about["GENERATION_TIME"])
        )
        orbit = int(re.fullmatch(rf"L{level}_{tile}_A(\d{{6}})_{sensed}", about["GRANULE_ID"])[1])
        # How ESA numbers the orbits of the two satellites.
        assert relative == ((orbit + 2) if craft == "A" else (orbit - 27)) % 143 + 1
        assert about["DATATAKE_IDENTIFIER"] == f"GS2{craft}_{taken}_{orbit:06d}_N{version}"
        assert about["DATASTRIP_ID"].endswith(f"_S{sensed}_N{version}")
    # The real numbers in June 2019 were near these.
    near = {"A": 20_600, "B": 11_700}
    for image in found[:6]:
        orbit = int(image.properties["DATATAKE_IDENTIFIER"].split("_")[2])
        assert abs(orbit - near[image.properties["SPACECRAFT_NAME"][-1]]) < 400


def test_percentages_and_angles_agree_with_the_scene(planet, ms):
    # One granule is within the strip, and others are cut by its edge.
    region, dates = box(8.2, 47.5, 9.8, 48.5), (ms(2019, 6, 1), ms(2019, 7, 1))
    found = planet.find(L2A).images(region, dates)
    cut = 0
    for image in found:
        about = {name: value for name, value in image.properties.items() if isinstance(value, (int, float))}
        clouds = sum(
            about[f"{name}_PERCENTAGE"] for name in ("HIGH_PROBA_CLOUDS", "MEDIUM_PROBA_CLOUDS", "THIN_CIRRUS")
        )
        assert clouds == pytest.approx(about["CLOUDY_PIXEL_PERCENTAGE"], abs=1e-3)
        assert about["HIGH_PROBA_CLOUDS_PERCENTAGE"] >= about["MEDIUM_PROBA_CLOUDS_PERCENTAGE"] >= 0
        to_metres = Transformer.from_crs("EPSG:4326", image.bands[0].crs, always_xy=True).transform
        share = shapely.transform(image.footprint, to_metres, interleaved=False).area / 109_800**2
        assert about["NODATA_PIXEL_PERCENTAGE"] == pytest.approx(100 * (1 - share), abs=0.05)
        cut += share < 0.995
        # The satellite is east or west of the granule, at most half a swath of 290 km away, 786 km up.
        assert about["MEAN_INCIDENCE_ZENITH_ANGLE_B8A"] < 15
        assert min(abs(about["MEAN_INCIDENCE_AZIMUTH_ANGLE_B8A"] - each) for each in (104, 284)) < 8
        # Half past ten: the sun is in the southeast.
        assert 110 < about["MEAN_SOLAR_AZIMUTH_ANGLE"] < 170
        assert 20 < about["MEAN_SOLAR_ZENITH_ANGLE"] < 75
    assert 0 < cut < len(found)


def test_classes_of_clouds_have_the_shares_that_the_pixels_have(images):
    counts = np.zeros(12)
    for image in images(L2A, (2020, 3, 1), (2020, 9, 1))[::4]:
        scl = next(band for band in image.bands if band.name == "SCL")
        for row in (1200, 3600):
            values, valid = scl.read(row, 2700, 60, 60)
            counts += np.bincount(values[valid], minlength=12)
    cloudy = counts[8:11].sum()
    assert cloudy > 5000
    assert counts[9] / cloudy == pytest.approx(0.88, abs=0.1)
    assert counts[8] / cloudy == pytest.approx(0.08, abs=0.07)


@pytest.mark.parametrize("asset_id", [L1C, L2A])
def test_bands_of_quality_are_masked_when_google_masks_them(asset_id, images):
    for since, until, polygons, classes in [
        ((2022, 1, 15), (2022, 1, 25), True, None),
        ((2022, 1, 25), (2022, 2, 5), False, False),
        ((2024, 2, 18), (2024, 2, 29), False, False),
        ((2024, 2, 29), (2024, 3, 10), True, True),
    ]:
        bands = {band.name: band for band in images(asset_id, since, until)[0].bands}
        row, col = (at // 2 for at in (bands["QA60"].height, bands["QA60"].width))
        assert bands["QA60"].read(row, col, 4, 4)[1].any() == polygons
        names = [name for name in bands if name.startswith("MSK_CLASSI")]
        expected = [f"MSK_CLASSI_{each}" for each in ("OPAQUE", "CIRRUS", "SNOW_ICE")]
        assert names == ([] if classes is None else expected)
        assert all(bands[name].read(row, col, 4, 4)[1].any() == classes for name in names)
        for name, dtype, size in (("QA10", "uint16", 10980), ("QA20", "uint32", 5490)):
            values, valid = bands[name].read(size // 2, size // 2, 4, 4)
            assert (values.dtype, bands[name].width) == (dtype, size)
            assert valid.any() and not values.any()
        assert list(bands)[-3 - len(names) :] == ["QA10", "QA20", "QA60", *names]


def test_the_usual_mask_with_cloud_probabilities_works(earth, pixels):
    dates = ("2020-05-01", "2020-09-01")
    scenes, clouds = (ee.ImageCollection(name).filterBounds(earth).filterDate(*dates) for name in (L2A, PROBABILITY))
    same = ee.Filter.equals(leftField="system:index", rightField="system:index")
    joined = ee.ImageCollection(ee.Join.saveFirst("cloud_mask").apply(scenes, clouds, same))
    assert joined.size().getInfo() == scenes.size().getInfo() > 10
    image = ee.Image(joined.filter(ee.Filter.eq("system:index", "20200622T165357_20200622T170102_T16TBQ")).first())
    band = ee.Image(image.get("cloud_mask"))
    assert band.getInfo()["bands"][0]["id"] == "probability"
    assert band.get("system:footprint").getInfo()["type"] == "LinearRing"
    to_zone = Transformer.from_crs("EPSG:4326", "EPSG:32616", always_xy=True).transform
    x, y = (round(each / 20) * 20 for each in to_zone(LON, LAT))
    got = pixels(image.select(["MSK_CLDPRB"]).addBands(band), x, y, 100, 100, 10, "EPSG:32616")
    likely, cloud = got["probability"], got["MSK_CLDPRB"]
    assert likely.dtype == np.uint8
    assert 0 < (likely > 65).mean() < 1
    assert likely.max() <= 100
    assert likely[cloud > 70].min() > 65 > 20 > likely[cloud == 0].mean()


def test_rain_of_the_days_adds_up_to_the_month(earth):
    days = ee.ImageCollection(CHIRPS).filterDate("2019-07-01", "2019-08-01")
    assert days.aggregate_array("system:index").getInfo() == [f"201907{day:02d}" for day in range(1, 32)]
    area = earth.buffer(20_000)
    total = days.sum().reduceRegion(ee.Reducer.mean(), area, 5566).get("precipitation").getInfo()
    month = ee.Image("ECMWF/ERA5_LAND/MONTHLY_AGGR/201907").select("total_precipitation_sum")
    assert total == pytest.approx(
        1000 * month.reduceRegion(ee.Reducer.mean(), area, 5566).values().get(0).getInfo(), rel=0.05
    )
    first = days.first()
    assert first.bandNames().getInfo() == ["precipitation"]
    assert first.projection().nominalScale().getInfo() == pytest.approx(5566, abs=1)
    assert (ee.Number(first.get("system:time_end")).subtract(first.get("system:time_start"))).getInfo() == 86_400_000
    wet = (
        days.map(lambda image: image.gt(1)).sum().reduceRegion(ee.Reducer.mean(), area, 5566).values().get(0).getInfo()
    )
    assert 2 < wet < 25
    ocean = ee.Geometry.Point(-30, 35)
    assert first.reduceRegion(ee.Reducer.mean(), ocean, 5566).getInfo() == {"precipitation": None}
    assert ee.ImageCollection(CHIRPS).filterBounds(ee.Geometry.Point(25, 62)).size().getInfo() == 0


def test_days_of_rain_are_found_and_their_windows_do_not_depend_on_what_is_read(planet, ms):
    assert len(planet.find(CHIRPS).images()) == 3288
    assert [planet.find(f"{CHIRPS}/{each}") for each in ("20151231", "20250101", "2019071", "nothing")] == [None] * 4
    last = planet.find(f"{CHIRPS}/20240229")
    assert last in planet.find(CHIRPS).images(None, (ms(2024, 2, 29), ms(2024, 2, 29) + 1))
    assert planet.find(CHIRPS).images(None, (ms(2024, 2, 29) + 1, ms(2024, 3, 1))) == []
    values, valid = last.bands[0].read(100, 1800, 20, 20)
    small, mask = planet.find(f"{CHIRPS}/20240229").bands[0].read(107, 1811, 5, 6)
    fresh, _ = SyntheticWorld().find(f"{CHIRPS}/20240229").bands[0].read(107, 1811, 5, 6)
    np.testing.assert_array_equal(small, values[7:12, 11:17])
    np.testing.assert_array_equal(fresh, small)
    np.testing.assert_array_equal(mask, valid[7:12, 11:17])


def test_radar_scenes_have_grids_and_times_of_their_own(images):
    found = images(S1, (2019, 6, 1), (2019, 8, 1))
    assert len(found) > 3
    origins = set()
    for image in found:
        vv, vh, angle = image.bands
        assert vv.transform == vh.transform
        origins.add((vv.transform[2] % 10, vv.transform[5] % 10))
        begun = dt.datetime.strptime(image.index.split("_")[4], "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
        assert image.properties["system:time_start"] == image.properties["system:time_end"] == begun.timestamp() * 1000
        assert image.properties["orbitNumber_start"] == int(image.index.split("_")[6])
        assert (angle.width, angle.height, angle.dtype, angle.crs) == (21, 10, "float32", vv.crs)
        a, b, _, d, e, _ = angle.transform
        assert 12_500 < np.hypot(a, d) < 13_500 < 19_500 < np.hypot(b, e) < 21_000
        # Rows go along the track and columns away from it.
        up = image.properties["orbitProperties_pass"] == "ASCENDING"
        assert (e > 0, a > 0) == (up, up)
        values, valid = angle.read(0, 0, 10, 21)
        assert valid.all()
        np.testing.assert_array_equal(angle.read(3, 5, 4, 6)[0], values[3:7, 5:11])
        assert 30.5 <= values.min() < 31.5 < 44.5 < values.max() <= 45.5
        assert (np.diff(values, axis=1)[:, :18] > 0.5).all()
    assert len(origins) == len(found), "every scene has another origin"


def test_the_angle_is_that_of_the_place_and_backscatter_is_not_moved(planet, earth, pixels, images):
    image = images(S1, (2019, 6, 1), (2019, 8, 1))[0]
    vv, _, angle = image.bands
    to_zone = Transformer.from_crs("EPSG:4326", vv.crs, always_xy=True).transform
    x, y = (round(each / 10) * 10 for each in to_zone(LON, LAT))
    got = pixels(ee.Image(image.id).select(["VV", "angle"]), x, y, 40, 40, 10, vv.crs)
    # The pixels of the planet's grid, whose origin is the multiple of ten that is nearest to the scene's.
    left, top = (round(vv.transform[at] / 10) * 10 for at in (2, 5))
    values, _ = vv.read(round((top - y) / 10), round((x - left) / 10), 40, 40)
    np.testing.assert_array_equal(got["VV"], values)
    inverse = np.linalg.inv(np.array([angle.transform[:2], angle.transform[3:5]]))
    col, row = np.floor(inverse @ (np.array([x + 5, y - 5]) - [angle.transform[2], angle.transform[5]])).astype(int)
    assert got["angle"][0, 0] == angle.read(row, col, 1, 1)[0][0, 0]
    assert image.footprint.contains(box(LON - 0.01, LAT - 0.01, LON + 0.01, LAT + 0.01))


def test_a_table_of_pixels_needs_no_filter_by_place(earth):
    scenes = ee.ImageCollection(L2A).filterDate("2019-06-01", "2019-06-12").select("B4")
    found = scenes.getRegion(earth, 10).getInfo()
    assert len(found) > 1
    assert found == scenes.filterBounds(earth).getRegion(earth, 10).getInfo()


def test_the_radar_in_power_is_that_in_decibels(earth):
    scene = ee.ImageCollection(S1).filterBounds(earth).filterDate("2019-06-01", "2019-07-01").first()
    power = ee.Image(ee.String("COPERNICUS/S1_GRD_FLOAT/").cat(scene.getString("system:index")))
    found = ee.Dictionary({"dB": scene, "power": power}).map(
        lambda _, image: ee.Image(image).reduceRegion("first", earth, 10)
    )
    values = found.getInfo()
    assert values["power"]["VV"] == pytest.approx(10 ** (values["dB"]["VV"] / 10), rel=1e-6)
    assert values["power"]["angle"] == values["dB"]["angle"]
