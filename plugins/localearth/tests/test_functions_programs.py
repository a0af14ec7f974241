"""Functions that were missing or wrong for other programs: xee, geedim, geemap, eemont, geetools and wxee."""

import ee
import numpy as np
import pytest
from shapely.geometry import box, mapping, shape

NAMES = ["20170101T000000_S", "20170102T000000_S", "20170103T000000_S", "20170104T000000_S"]


def scenes():
    return ee.ImageCollection("TEST/SCENES")


@pytest.mark.parametrize(
    "condition",
    [
        lambda name: ee.Filter.eq("system:index", name),
        lambda name: ee.Filter.And(ee.Filter.lt("CLOUDS", 101), ee.Filter.equals("system:index", name)),
        lambda name: ee.Filter.equals(rightField="system:index", leftValue=name),
    ],
)
def test_an_element_is_found_by_its_index_without_listing_the_others(local, condition):
    """As geedim looks for the cloud score of an image."""
    asset = local.assets["TEST/SCENES"]
    found = scenes().filter(condition(NAMES[1]))
    assert found.aggregate_array("CLOUDS").getInfo() == [50]
    assert scenes().filter(condition("absent")).size().getInfo() == 0
    assert found.filter(ee.Filter.lt("CLOUDS", 50)).size().getInfo() == 0
    assert found.filterDate("2018-01-01", "2018-02-01").size().getInfo() == 0
    assert asset.asked == []


def test_a_join_by_index_does_not_list_the_second_collection(local):
    """As eemont joins cloud probabilities."""
    one = ee.ImageCollection([ee.Image(f"TEST/SCENES/{NAMES[1]}"), ee.Image(1).set("system:index", "absent")])
    same = ee.Filter.equals(leftField="system:index", rightField="system:index")
    joined = ee.ImageCollection(ee.Join.saveFirst("match").apply(one, scenes(), same))
    assert joined.aggregate_array("system:index").getInfo() == [NAMES[1]]
    assert ee.Image(joined.first().get("match")).get("CLOUDS").getInfo() == 50
    few = scenes().filter(ee.Filter.lt("CLOUDS", 50))
    assert ee.Join.simple().apply(one, few, same).size().getInfo() == 0
    assert ee.Join.inverted().apply(one, few, same).size().getInfo() == 2
    assert local.assets["TEST/SCENES"].asked == []


def test_a_join_keeps_the_id_of_its_first_collection(local):
    same = ee.Filter.equals(leftField="system:index", rightField="system:index")
    joined = ee.ImageCollection(ee.Join.saveFirst("match").apply(scenes(), scenes(), same))
    assert joined.get("system:id").getInfo() == "TEST/SCENES"


def test_an_array_becomes_a_constant_image(local):
    """As geemap makes images of numpy arrays."""
    numbers = np.arange(6).reshape(2, 3)
    image = ee.Image(ee.Array(numbers.tolist()))
    place = ee.Geometry.Point([0, 0])
    values = {}
    for row in range(2):
        for column in range(3):
            cell = image.arrayGet([row, column]).reduceRegion(ee.Reducer.first(), place, 1).getInfo()
            values[row, column] = cell["constant"]
    assert values == {at: numbers[at] for at in np.ndindex(2, 3)}
    assert image.arrayLength(1).reduceRegion("first", place, 1).getInfo() == {"constant": 3}


@pytest.mark.parametrize(
    ("palette", "colour"),
    [(["navy", "White"], (0, 0, 128)), ("rebeccapurple,red", (0x66, 0x33, 0x99)), (["#0f0", "red"], (0, 255, 0))],
)
def test_colours_have_names(local, palette, colour):
    """Names and values of CSS Color Module Level 4."""
    seen = ee.Image(0).visualize(min=0, max=1, palette=palette)
    found = seen.reduceRegion(ee.Reducer.first(), ee.Geometry.Point([0, 0]), 1).getInfo()
    assert tuple(found[f"vis-{name}"] for name in ("red", "green", "blue")) == colour


def test_an_unknown_colour_is_refused(local):
    with pytest.raises(ee.EEException, match=r"Image.visualize: The colour 'rouge' is not supported"):
        ee.Image(0).visualize(min=0, max=1, palette=["rouge", "red"]).getInfo()


def test_polygons_become_a_multipolygon(local):
    """As geetools sorts the parts of a geometry."""
    parts = [box(0, 0, 1, 1), box(2, 0, 3, 1)]
    found = ee.Geometry.MultiPolygon([ee.Geometry(mapping(part)) for part in parts])
    assert shape(found.getInfo()).equals(parts[0].union(parts[1]))


def test_a_collection_with_an_unbounded_image_is_unbounded(local):
    """As wxee clips averages to the geometry of their collection."""
    both = ee.ImageCollection([ee.Image(f"TEST/SCENES/{NAMES[0]}").select("B2"), ee.Image(1).rename("B2")])
    assert [each.geometry().isUnbounded().getInfo() for each in (both, ee.Image(1), scenes(), scenes().first())] == [
        True,
        True,
        False,
        False,
    ]
    assert (
        not ee.FeatureCollection([ee.Feature(None), ee.Feature(ee.Geometry.Point(1, 2))])
        .geometry()
        .isUnbounded()
        .getInfo()
    )


def test_a_float_keeps_a_time(local):
    """geetools' own test of DateRange.split passes on Google's servers with 30 days only if it does."""
    day, start = 86_400_000, 1_577_836_800_000
    times = ee.List.sequence(start, start + 30 * day, day).add(ee.Number(start + 30 * day).toFloat())
    assert times.distinct().size().getInfo() == 31
    assert ee.Number(0.5).toFloat().getInfo() == 0.5
    assert ee.Number(0.1).toFloat().getInfo() == 0.1
