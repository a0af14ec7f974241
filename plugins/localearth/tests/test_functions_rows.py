"""Reducers of the rows of several bands, tables of pixels and confusion matrices, through the real client."""

import ee
import numpy as np
import pytest

REGION = {"scale": 20, "maxPixels": 1e6}


def place():
    return ee.Geometry.Point([-76.13, 37.93])


def test_rows_of_pixels(local):
    image = ee.Image(ee.ImageCollection("TEST/SCENES").first()).select([0]).rename("b")
    region = ee.Geometry.Point([-76.13, 37.93]).buffer(60)
    where = {"geometry": region, "scale": 20, "maxPixels": 1e6}
    values = image.reduceRegion(ee.Reducer.toList(), **where).getInfo()["b"]
    assert len(values) == image.reduceRegion(ee.Reducer.count(), **where).getInfo()["b"] > 9
    counted = image.reduceRegion(ee.Reducer.frequencyHistogram().unweighted(), **where).getInfo()["b"]
    assert counted == {str(value): values.count(value) for value in set(values)}
    pair = image.mod(2).addBands(ee.Image.constant(2).rename("area"))
    groups = pair.reduceRegion(ee.Reducer.sum().unweighted().group(0, "odd"), **where).getInfo()["groups"]
    assert groups == [
        {"odd": odd, "sum": 2 * sum(value % 2 == odd for value in values)}
        for odd in sorted({value % 2 for value in values})
    ]


def test_all_inputs_of_a_list_may_be_optional(local):
    table = ee.FeatureCollection([ee.Feature(None, {"a": 1}), ee.Feature(None, {"b": "x"}), ee.Feature(None)])
    found = table.reduceColumns(ee.Reducer.toList(2, 2), ["a", "b"]).getInfo()
    assert found == {"list": [[1, None], [None, "x"], [None, None]]}
    assert table.reduceColumns(ee.Reducer.toList(None, 1), ["a"]).getInfo() == {"list": [1, None, None]}
    rows = table.reduceColumns(ee.Reducer.toCollection(["a", "b"], 2), ["a", "b"]).get("features")
    assert ee.FeatureCollection(rows).size().getInfo() == 3
    # Masked pixels are no inputs.
    pair = ee.Image([1, 2]).updateMask(ee.Image([1, 0]))
    where = {"geometry": place(), "scale": 20}
    assert pair.reduceRegion(ee.Reducer.toList(2, 2), **where).getInfo() == {"list": [[1, None]]}
    assert pair.updateMask(0).reduceRegion(ee.Reducer.toList(2, 2), **where).getInfo() == {"list": []}
    with pytest.raises(ee.EEException, match="numOptional must be between 0 and 2, not 3"):
        table.reduceColumns(ee.Reducer.toList(2, 3), ["a", "b"]).getInfo()


def series():
    """Images with the bands x and y; y is masked in the last one where its pixel is odd."""
    scene = ee.Image(ee.ImageCollection("TEST/SCENES").first()).select("B2").double()
    points = [(1, 3), (2, 1), (4, 7), (5, -2)]
    images = [ee.Image.constant(x).double().addBands(scene.multiply(y)).rename(["x", "y"]) for x, y in points]
    masked = images[-1].updateMask(scene.mod(2).eq(0))
    return points, scene, ee.ImageCollection([*images[:-1], masked])


def test_lines_and_extremes_of_each_pixel(local):
    points, scene, images = series()
    found = images.reduce(ee.Reducer.linearFit()).addBands(images.select(["y", "x"]).reduce(ee.Reducer.max(2)))
    assert found.bandNames().getInfo() == ["scale", "offset", "max", "max1"]
    odd = set()
    for corner in range(4):
        where = ee.Geometry.Point([-76.13 + 0.00012 * corner, 37.93])
        pixel = {"geometry": where, "scale": 10, "crs": "EPSG:32618"}
        value = scene.rename("v").reduceRegion(ee.Reducer.first(), **pixel).getInfo()["v"]
        known = points if value % 2 == 0 else points[:-1]
        odd.add(value % 2)
        slope, offset = np.polyfit([x for x, _ in known], [y * value for _, y in known], 1)
        shown = found.reduceRegion(ee.Reducer.first(), **pixel).getInfo()
        assert (shown["scale"], shown["offset"]) == (pytest.approx(slope), pytest.approx(offset, abs=1e-6))
        assert (shown["max"], shown["max1"]) == (7 * value, 4)
    assert odd == {0, 1}
    with pytest.raises(ee.EEException, match="needs images with 2 bands"):
        images.select("x").reduce(ee.Reducer.linearFit()).getInfo()
    with pytest.raises(ee.EEException, match="for lists, tables and reduceRegion"):
        images.reduce(ee.Reducer.toList(2)).getInfo()


def test_a_table_of_the_pixels_at_a_point(local):
    scenes = ee.ImageCollection("TEST/SCENES").select([0])
    table = scenes.getRegion(place(), crs="EPSG:32618", scale=10).getInfo()
    band = scenes.first().bandNames().getInfo()
    assert table[0] == ["id", "longitude", "latitude", "time", *band]
    assert len(table) == 5
    for row, image in zip(table[1:], scenes.toList(4).getInfo(), strict=True):
        assert row[0] == image["properties"]["system:index"]
        assert row[3] == image["properties"]["system:time_start"]
        assert row[1:3] == [pytest.approx(-76.13, abs=1e-4), pytest.approx(37.93, abs=1e-4)]
        value = ee.Image(image["id"]).select([0]).reduceRegion(ee.Reducer.first(), place(), 10, "EPSG:32618")
        assert row[4] == value.getInfo()[band[0]]
    with pytest.raises(ee.EEException, match=r"Too many values: \d+ points x 1 bands x 4 images > 1048576"):
        scenes.getRegion(place().buffer(9000), 20).getInfo()
    assert scenes.cast({band[0]: "double"}, band).first().bandTypes().getInfo()[band[0]]["precision"] == "double"


def test_confusion_matrices(local):
    counts = np.array([[32, 2], [4, 12]])
    matrix = ee.ConfusionMatrix(ee.Array(counts.tolist()), [5, 7])
    assert (matrix.getInfo(), matrix.order().getInfo()) == (counts.tolist(), [5, 7])
    assert matrix.accuracy().getInfo() == 44 / 50
    assert matrix.consumersAccuracy().getInfo() == [[32 / 36, 12 / 14]]
    assert matrix.producersAccuracy().getInfo() == [[32 / 34], [12 / 16]]
    chance = (36 * 34 + 14 * 16) / 50**2
    assert matrix.kappa().getInfo() == pytest.approx((44 / 50 - chance) / (1 - chance))
    pairs = [(0, 0), (0, 1), (1, 1), (1, 1)]
    observed = ee.FeatureCollection([ee.Feature(None, {"a": a, "p": p}) for a, p in pairs])
    assert observed.errorMatrix("a", "p").getInfo() == [[1, 1], [0, 2]]
    assert observed.errorMatrix("a", "p", [1]).getInfo() == [[2]]
