"""End to end, through the real client: the requests of an optical plugin for a tile."""

import datetime as dt

import ee
import numpy as np
import pytest
from shapely.geometry import mapping


def candidates(tile):
    polygon = ee.Geometry(mapping(tile))
    return (
        ee.ImageCollection("TEST/SCENES")
        .filterBounds(polygon)
        .filterDate("2017-01-01", "2017-01-04")
        .filter(ee.Filter.lt("CLOUDS", 10))
        .filter(ee.Filter.contains(".geo", polygon.buffer(200)))
    )


def describe(image):
    image = ee.Image(image)
    return ee.Dictionary(
        {
            "id": image.get("system:id"),
            "index": image.id(),
            "bands": image.bandNames(),
            "date": image.date().format("YYYY-MM-dd"),
            "crs": image.select(0).projection().crs(),
        }
    )


def test_locates_the_images_of_a_tile_in_one_request(local, tile):
    found = ee.Dictionary(
        {"n": candidates(tile).size(), "image": candidates(tile).toList(1, 1).map(describe)}
    ).getInfo()
    assert found == {
        "n": 2,
        "image": [
            {
                "id": "TEST/SCENES/20170103T000000_S",
                "index": "20170103T000000_S",
                "bands": ["B1", "B2", "B3", "B5", "QA60"],
                "date": "2017-01-03",
                "crs": "EPSG:32618",
            }
        ],
    }


def test_region_and_interval_are_pushed_down_to_the_asset(local, tile):
    candidates(tile).size().getInfo()
    ((region, interval),) = local.assets["TEST/SCENES"].asked
    assert region.equals_exact(tile, 1e-9)
    assert interval == tuple(dt.datetime(2017, 1, day, tzinfo=dt.UTC).timestamp() * 1000 for day in (1, 4))


def test_asking_for_more_images_than_there_are_is_an_empty_list(local, tile):
    assert candidates(tile).toList(1, 5).map(describe).getInfo() == []


def test_a_tile_at_the_edge_is_not_contained_with_its_margin(local, kit):
    from shapely.geometry import box

    x, y = kit.origin
    near = kit.lonlat(box(x + 100, y - 1500, x + 1100, y - 500))
    assert candidates(near).size().getInfo() == 0


def finished(image, names):
    """As the core finishes bands for download."""
    bands = [
        image.select(name)
        .toFloat()
        .resample("bilinear")
        .round()
        .clamp(0, 65535)
        .toUint16()
        .unmask(0, sameFootprint=False)
        for name in names
    ]
    return ee.Image.cat(bands).rename([f"scene__{name}" for name in names])


def test_native_pixels_come_unchanged_on_an_aligned_grid(local, pixels, kit):
    x, y = kit.origin
    asset = local.assets["TEST/SCENES/20170101T000000_S"]
    got = pixels(finished(ee.Image(asset.id), ["B2", "B3"]), x + 500, y - 500, 128, 100)
    assert got.dtype.names == ("scene__B2", "scene__B3")
    assert got.dtype["scene__B2"] == np.uint16
    np.testing.assert_array_equal(got["scene__B2"], asset.bands[1].pixels[50:150, 50:178])
    np.testing.assert_array_equal(got["scene__B3"], asset.bands[2].pixels[50:150, 50:178])


def test_only_the_window_is_read_and_only_once(local, pixels, kit):
    x, y = kit.origin
    asset = local.assets["TEST/SCENES/20170101T000000_S"]
    image = ee.Image(asset.id).select("B2")
    pixels(image.add(image).multiply(image), x + 500, y - 500, 16, 16)
    assert asset.bands[1].reads == [(50, 50, 16, 16)]


def test_pixels_beyond_the_image_are_filled(local, pixels, kit):
    x, y = kit.origin
    asset = local.assets["TEST/SCENES/20170101T000000_S"]
    got = pixels(finished(ee.Image(asset.id), ["B2"]), x - 50, y + 30, 10, 10)["scene__B2"]
    expected = np.zeros((10, 10), np.uint16)
    expected[3:, 5:] = asset.bands[1].pixels[:7, :5]
    np.testing.assert_array_equal(got, expected)


def test_an_unknown_asset_is_named_as_google_does_with_the_remedy(local):
    with pytest.raises(
        ee.EEException,
        match=r"Image.load: Image asset 'TEST/SCENE' not found \(does not exist or caller does not have access\). "
        r"The world 'memory' .* other assets; the most similar is 'TEST/SCENES'. docs/worlds.md shows how to add",
    ):
        ee.Image("TEST/SCENE").getInfo()
    with pytest.raises(ee.EEException, match=r"ImageCollection\.load: ImageCollection asset 'TEST/NONE' not found"):
        ee.ImageCollection("TEST/NONE").size().getInfo()
