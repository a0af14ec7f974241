"""Landsat, Cloud Score+ and the embeddings of the synthetic world, through the real client."""

import ee
import numpy as np
import pytest
from mmearth_devkit.testing.needs import needs_planet
from pyproj import Transformer
from shapely.geometry import Point, box

pytestmark = needs_planet

L8, L9 = "LANDSAT/LC08/C02/T1_L2", "LANDSAT/LC09/C02/T1_L2"
CLEAR = "GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED"
EMBEDDINGS = "GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL"
S2 = "COPERNICUS/S2_SR_HARMONIZED"
LON, LAT = -89.9375, 44.9375
ZONE = "EPSG:32616"


def corner(step, origin, crs=ZONE):
    """A grid's corner near the point."""
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(LON, LAT)
    return tuple((each - origin) // step * step + origin for each in (x, y))


def test_landsat_has_the_real_names_days_and_grids(planet, ms):
    # Landsat 8 passed over San Francisco Bay on 2021-05-08; its repeat cycle is 16 days, Landsat 9's is 8 days later.
    scene = planet.find(f"{L8}/LC08_044034_20210508")
    assert scene.footprint.contains(Point(-122.2, 37.6))
    hour = scene.properties["system:time_start"] / 3_600_000 % 24
    assert hour == pytest.approx(18.75, abs=0.1)
    assert planet.find(f"{L8}/LC08_044034_20210509") is None
    assert scene.properties["LANDSAT_PRODUCT_ID"].startswith("LC08_L2SP_044034_20210508_")
    near = Point(-122.2, 37.6)
    for name, since in ((L8, (2021, 6, 1)), (L9, (2022, 6, 1))):
        images = planet.find(name).images(near, (ms(*since), ms(2023, 6, 1)))
        times = [each.properties["system:time_start"] for each in images if each.properties["WRS_PATH"] == 44]
        gaps = np.unique(np.diff(sorted({round(time / 86_400_000) for time in times})))
        assert set(gaps) <= {0, 16, 32}
        # 2021-05-08 plus whole cycles.
        away = {(round((time - ms(2021, 5, 8)) // 86_400_000)) % 16 for time in times}
        assert away == {0 if name == L8 else 8}
    assert not planet.find(L9).images(near, (0, ms(2021, 10, 31)))
    south = planet.find(L8).images(Point(-62.0, -31.5), (ms(2018, 1, 1), ms(2018, 3, 1)))
    for image in (scene, *south):
        for band in image.bands:
            assert band.crs.startswith("EPSG:326")
            assert (band.transform[0], band.transform[2] % 30, band.transform[5] % 30) == (30, 15, 15)
    assert south and south[0].bands[0].transform[5] < 0


@pytest.mark.slow
def test_every_place_on_land_is_in_a_scene_of_each_cycle(planet, ms):
    rng = np.random.default_rng(3)
    found, total = 0, 0
    while total < 60:
        lon, lat = float(rng.uniform(-179, 179)), float(rng.uniform(-55, 70))
        if planet.planet.mask.coarse[int((90 - lat) * 8), int((lon + 180) * 8)] > 112:
            total += 1
            images = planet.find(L8).images(Point(lon, lat), (ms(2019, 6, 1), ms(2019, 6, 17)))
            found += bool(images)
    # Some acquisitions are missing.
    assert found >= 54


def test_landsat_sees_what_sentinel2_sees_and_is_not_shifted(earth, pixels):
    # Two clear scenes, six days apart.
    x, y = corner(30, 15)
    got = pixels(ee.Image(f"{L8}/LC08_024029_20200728"), x, y, 64, 64, 30, ZONE)
    assert (got["QA_PIXEL"] & (1 << 6) > 0).all()
    optical = ee.Image(f"{S2}/20200722T165357_20200722T170032_T16TBQ").select(["B4", "B8A"])
    other = pixels(optical.reduceResolution(ee.Reducer.mean()), x, y, 64, 64, 30, ZONE)
    for band, like in (("SR_B4", "B4"), ("SR_B5", "B8A")):
        values = (got[band] * 0.0000275 - 0.2) * 10_000
        assert values.mean() == pytest.approx(other[like].mean(), rel=0.15)
        likeness = {
            (dy, dx): np.corrcoef(
                values[2:-2, 2:-2].ravel(), np.roll(other[like], (dy, dx), (0, 1))[2:-2, 2:-2].ravel()
            )[0, 1]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        }
        assert max(likeness, key=likeness.get) == (0, 0)
        assert likeness[0, 0] > 0.9
    kelvin = got["ST_B10"] * 0.00341802 + 149.0
    assert 283 < kelvin.mean() < 313


def test_quality_bits_agree_with_the_pixels(earth, pixels):
    images = ee.ImageCollection(L8).filterBounds(earth).filterDate("2019-05-01", "2019-10-01").sort("CLOUD_COVER")
    listed = images.toList(20)
    x, y = corner(30, 15)
    quality, blue = [], []
    for number in (0, 7, 10, 13):
        got = pixels(ee.Image(listed.get(number)).select(["QA_PIXEL", "SR_B2"]), x, y, 100, 100, 30, ZONE)
        quality.append(got["QA_PIXEL"].astype(int)[got["SR_B2"] > 0])
        blue.append(got["SR_B2"].astype(float)[got["SR_B2"] > 0])
    bits, values = np.concatenate(quality), np.concatenate(blue)
    cloud, clear = bits & 8 > 0, bits & 64 > 0
    assert 0.02 < cloud.mean() < 0.98
    assert not (cloud & clear).any()
    assert ((bits >> 8 & 3 == 3) == cloud).all(), "high confidence with the bit"
    assert values[cloud].mean() > values[clear].mean() + 4000
    # 21824 is clear land, 22280 a cloud: values that the catalogue's users know.
    assert {21824, 22280} <= set(bits.tolist())


def test_cloud_score_belongs_to_its_scene(earth, pixels):
    scenes = ee.ImageCollection(S2).filterBounds(earth).filterDate("2020-05-01", "2020-09-01")
    linked = scenes.linkCollection(ee.ImageCollection(CLEAR), ["cs", "cs_cdf"])
    assert linked.size().getInfo() == scenes.size().getInfo()
    half = linked.filter(ee.Filter.eq("system:index", "20200622T165357_20200622T170102_T16TBQ")).first()
    assert half.bandNames().getInfo()[-2:] == ["cs", "cs_cdf"]
    x, y = corner(10, 0)
    got = pixels(half.select(["cs", "MSK_CLDPRB"]), x, y, 100, 100, 10, ZONE)
    score, cloud = got["cs"], got["MSK_CLDPRB"]
    assert score.min() >= 0
    assert score.max() <= 1
    assert 0 < (cloud > 60).mean() < 1
    assert score[cloud > 60].max() < 0.5 < score[cloud == 0].mean()
    ids = ee.ImageCollection(CLEAR).filterBounds(earth).filterDate("2020-05-01", "2020-09-01")
    assert ids.aggregate_array("system:index").getInfo() == scenes.aggregate_array("system:index").getInfo()


def test_embeddings_are_unit_vectors_that_are_alike_at_like_places(earth, pixels):
    years = ee.ImageCollection(EMBEDDINGS).filterBounds(earth)
    assert years.size().getInfo() == 8
    names = [f"A{axis:02d}" for axis in range(64)]
    first = ee.Image(years.filterDate("2019-01-01", "2020-01-01").first())
    assert first.bandNames().getInfo() == names
    assert ee.Image(f"{EMBEDDINGS}/{first.get('system:index').getInfo()}").bandNames().getInfo() == names
    x, y = corner(10, 0)

    def vectors(image):
        got = pixels(image, x, y, 48, 48, 10, ZONE)
        return np.stack([got[name] for name in names]).reshape(64, -1)

    one, two = vectors(first), vectors(years.filterDate("2020-01-01", "2021-01-01").first())
    # The 8-bit form changes the length by about a percent.
    np.testing.assert_allclose(np.linalg.norm(one, axis=0), 1, atol=0.02)
    codes = np.sign(one) * np.sqrt(np.abs(one)) * 127.5
    np.testing.assert_allclose(codes, codes.round(), atol=1e-6)
    assert (one * two).sum(axis=0).mean() > 0.9, "another year is alike"
    kinds = pixels(ee.Image("ESA/WorldCover/v200/2021"), x, y, 48, 48, 10, ZONE)["Map"].ravel()
    common = [kind for kind in np.unique(kinds) if (kinds == kind).sum() > 50]
    assert len(common) > 1
    means = {kind: one[:, kinds == kind].mean(axis=1) for kind in common}
    for kind in common:
        likest = {other: (one[:, kinds == kind] * means[other][:, None]).sum(axis=0).mean() for other in common}
        assert max(likest, key=likest.get) == kind


def test_windows_of_the_new_sensors_do_not_depend_on_what_is_read(planet, ms):
    place = box(LON - 0.02, LAT - 0.02, LON + 0.02, LAT + 0.02)
    summer = (ms(2022, 6, 1), ms(2022, 8, 1))
    images = [planet.find(name).images(place, summer)[0] for name in (L8, CLEAR)]
    images.append(planet.find(EMBEDDINGS).images(place, (ms(2022, 1, 1), ms(2023, 1, 1)))[0])
    for image in images:
        for band in (image.bands[0], image.bands[-2]):
            row, col = band.height // 2, band.width // 2
            small, inner = band.read(row + 7, col + 11, 6, 5)
            large, mask = band.read(row, col, 40, 50)
            np.testing.assert_array_equal(small, large[7:13, 11:16])
            np.testing.assert_array_equal(inner, mask[7:13, 11:16])
    with pytest.raises(Exception, match="filterBounds"):
        planet.find(EMBEDDINGS).images(None)
    assert planet.find(f"{EMBEDDINGS}/nothing") is None


def test_elevation_tiles_meet_without_a_seam_and_need_a_projection(earth, pixels):
    # At the corner of four tiles.
    corner_of_four = ee.Geometry.Point(-90, 45)
    tiles = ee.ImageCollection("COPERNICUS/DEM/GLO30").filterBounds(corner_of_four.buffer(1000))
    names = ["N44_00_W090_00", "N44_00_W091_00", "N45_00_W090_00", "N45_00_W091_00"]
    assert tiles.aggregate_array("system:index").getInfo() == names
    assert ee.Image(f"COPERNICUS/DEM/GLO30/{names[0]}").bandNames().getInfo() == ["DEM"]
    x, y = Transformer.from_crs("EPSG:4326", ZONE, always_xy=True).transform(-90, 45)
    x, y = round(x / 90) * 90 - 900, round(y / 90) * 90 + 900
    mosaic = tiles.mosaic()
    with pytest.raises(ee.EEException, match="valid default projection"):
        pixels(mosaic.reduceResolution(ee.Reducer.mean()), x, y, 4, 4, 90, ZONE)
    native = mosaic.setDefaultProjection(ee.Image(tiles.first()).projection())
    heights = pixels(native.reduceResolution(ee.Reducer.mean()), x, y, 20, 20, 90, ZONE)["DEM"]
    assert (heights > 0).all()
    other = pixels(
        ee.Image("projects/sat-io/open-datasets/ASTER/GDEM").reduceResolution(ee.Reducer.mean()), x, y, 20, 20, 90, ZONE
    )
    np.testing.assert_allclose(heights, other["b1"], atol=8)
    assert np.abs(heights - other["b1"]).mean() < 1.5


def test_srtm_is_on_its_own_grid_and_agrees_with_the_tiles(earth):
    """Its pixels are those of the tiles of GLO-30, in whole metres."""
    srtm = ee.Image("USGS/SRTMGL1_003")
    info = srtm.getInfo()["bands"][0]
    assert (info["id"], info["dimensions"], info["crs"]) == ("elevation", [1296001, 417601], "EPSG:4326")
    step = 1 / 3600
    assert info["crs_transform"] == pytest.approx([step, 0, -180 - step / 2, 0, -step, 60 + step / 2], abs=1e-12)
    place = ee.Geometry.Point(10.02, 46.52)
    tiles = ee.ImageCollection("COPERNICUS/DEM/GLO30").filterBounds(place).mosaic()
    grid = {"crs": "EPSG:4326", "crsTransform": [step, 0, 10, 0, -step, 46.5]}
    area = ee.Geometry.Rectangle([10, 46.49, 10.01, 46.5], None, False)
    rows = srtm.addBands(tiles).reduceRegion(ee.Reducer.toList(), area, **grid).getInfo()
    metres, exact = np.array(rows["elevation"]), np.array(rows["DEM"])
    assert len(metres) > 1000
    assert np.abs(metres - exact).max() <= 0.5 + 1 / 128  # tiles are rounded to 1/64 m
    assert srtm.date().format("YYYY-MM-dd").getInfo() == "2000-02-11"
    coast = srtm.reduceRegion(ee.Reducer.minMax(), ee.Geometry.Point(-30, 40), 30).getInfo()
    assert coast == {"elevation_min": 0, "elevation_max": 0}


def test_srtm_of_three_seconds_has_the_real_grid_and_the_same_ground(earth):
    coarse = ee.Image("CGIAR/SRTM90_V4")
    info = coarse.getInfo()["bands"][0]
    assert (info["id"], info["dimensions"], info["crs"]) == ("elevation", [432000, 144000], "EPSG:4326")
    assert info["crs_transform"] == pytest.approx([1 / 1200, 0, -180, 0, -1 / 1200, 60], abs=1e-12)
    means = [
        image.reduceRegion("mean", earth.buffer(1000), 90).get("elevation")
        for image in (coarse, ee.Image("USGS/SRTMGL1_003"))
    ]
    assert np.ptp(ee.List(means).getInfo()) < 2


@pytest.mark.parametrize("harmonized", ["COPERNICUS/S2_HARMONIZED", S2])
def test_products_since_2022_have_1000_more_than_the_harmonized_ones(earth, harmonized):
    for day, added in (("2021-06-01", 0), ("2022-06-01", 1000)):
        made = ee.ImageCollection(harmonized.removesuffix("_HARMONIZED")).filterBounds(earth)
        image = ee.Image(made.filterDate(day, ee.Date(day).advance(1, "month")).first())
        other = ee.Image(ee.String(harmonized + "/").cat(image.getString("system:index")))
        more = image.select(["B1", "B4", "QA20"]).subtract(other.select(["B1", "B4", "QA20"]))
        assert more.reduceRegion("first", earth, 10).getInfo() == {"B1": added, "B4": added, "QA20": 0}
        assert (image.getString("PROCESSING_BASELINE").getInfo() >= "04.00") == bool(added)
