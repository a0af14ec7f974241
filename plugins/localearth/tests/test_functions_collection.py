"""Collections, filters and properties, through the real client."""

import ee
import pytest


def indices(collection):
    return collection.aggregate_array("system:index").getInfo()


def scenes():
    return ee.ImageCollection("TEST/SCENES")


def test_a_collection_is_in_its_assets_order(local):
    assert indices(scenes()) == [f"2017010{n}T000000_S" for n in (1, 2, 3, 4)]
    assert scenes().size().getInfo() == 4


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        (lambda: ee.Filter.lt("CLOUDS", 7.5), [1, 4]),
        (lambda: ee.Filter.lte("CLOUDS", 7.5), [1, 3, 4]),
        (lambda: ee.Filter.gt("CLOUDS", 7.5), [2]),
        (lambda: ee.Filter.eq("TILE", "18SUG"), [1, 2, 3, 4]),
        (lambda: ee.Filter.neq("CLOUDS", 50), [1, 3, 4]),
        (lambda: ee.Filter.lt("ABSENT", 1), []),
        # The client sends "not equals" as the negation of "equals", which is false for what is absent.
        (lambda: ee.Filter.neq("ABSENT", 1), [1, 2, 3, 4]),
        (lambda: ee.Filter.notNull(["CLOUDS"]), [1, 2, 3, 4]),
        (lambda: ee.Filter.inList("CLOUDS", [50, 5]), [1, 2]),
        (lambda: ee.Filter.stringContains("TILE", "8S"), [1, 2, 3, 4]),
        (lambda: ee.Filter.stringEndsWith("system:index", "3T000000_S"), [3]),
        (lambda: ee.Filter.rangeContains("CLOUDS", 5, 7.5), [1, 3]),
        (lambda: ee.Filter.And(ee.Filter.gt("CLOUDS", 1), ee.Filter.lt("CLOUDS", 10)), [1, 3]),
        (lambda: ee.Filter.Or(ee.Filter.gt("CLOUDS", 10), ee.Filter.lt("CLOUDS", 1)), [2, 4]),
        (lambda: ee.Filter.gt("CLOUDS", 10).Not(), [1, 3, 4]),
        (lambda: ee.Filter.date("2017-01-02", "2017-01-04"), [2, 3]),
        (lambda: ee.Filter.calendarRange(3, 4, "day_of_month"), [3, 4]),
        (lambda: ee.Filter.dayOfYear(1, 3), [1, 2, 3]),
        (lambda: ee.Filter.bounds(ee.Geometry.Point([0, 0])), []),
        (lambda: ee.Filter.bounds(ee.Geometry.Point([-76.13, 37.93])), [1, 2, 3, 4]),
    ],
)
def test_filters(local, condition, days):
    assert indices(scenes().filter(condition())) == [f"2017010{n}T000000_S" for n in days]


def test_sorting_and_limits(local):
    assert indices(scenes().sort("CLOUDS")) == [f"2017010{n}T000000_S" for n in (4, 1, 3, 2)]
    assert indices(scenes().sort("CLOUDS", False).limit(2)) == [f"2017010{n}T000000_S" for n in (2, 3)]
    assert indices(scenes().limit(1, "CLOUDS")) == ["20170104T000000_S"]


def test_first_of_an_empty_collection_is_null(local):
    empty = scenes().filter(ee.Filter.gt("CLOUDS", 99))
    assert empty.first().getInfo() is None
    assert empty.size().getInfo() == 0
    with pytest.raises(ee.EEException, match=r"Image\.bandNames: Parameter 'image' is required and may not be null\."):
        ee.Image(empty.first()).bandNames().getInfo()


def test_mapping_keeps_the_index_and_can_drop_nulls(local):
    mapped = scenes().map(lambda image: image.set("HALF", ee.Number(image.get("CLOUDS")).divide(2)))
    assert mapped.aggregate_array("HALF").getInfo() == [2.5, 25, 3.75, 0]
    assert indices(scenes().map(lambda image: ee.Image(1).rename("one"))) == indices(scenes())
    kept = scenes().map(lambda i: ee.Algorithms.If(ee.Number(i.get("CLOUDS")).gt(6), i, None), True)
    assert indices(ee.ImageCollection(kept)) == ["20170102T000000_S", "20170103T000000_S"]


def test_an_error_in_a_map_names_the_element(local):
    with pytest.raises(ee.EEException) as caught:
        scenes().map(lambda image: image.select("NOPE")).first().bandNames().getInfo()
    text = "Error in map(ID=20170101T000000_S):\nImage.select: Band pattern 'NOPE' did not match any bands."
    assert str(caught.value).startswith(text)


def test_iterate_goes_through_all_elements(local):
    total = scenes().iterate(lambda image, sum_: ee.Number(sum_).add(ee.Number(ee.Image(image).get("CLOUDS"))), 0)
    assert ee.Number(total).getInfo() == 62.5


def test_merge_prefixes_the_ids(local):
    merged = scenes().limit(1).merge(scenes().limit(1))
    assert indices(merged) == ["1_20170101T000000_S", "2_20170101T000000_S"]


def test_distinct(local):
    assert indices(scenes().distinct("TILE")) == ["20170101T000000_S"]
    assert indices(scenes().distinct(["TILE", "CLOUDS"])) == indices(scenes())


@pytest.mark.parametrize(
    ("name", "value"),
    [("sum", 62.5), ("mean", 15.625), ("min", 0), ("max", 50), ("count", 4), ("product", 0)],
)
def test_aggregates(local, name, value):
    assert getattr(scenes(), f"aggregate_{name}")("CLOUDS").getInfo() == value


def test_aggregates_of_nothing_and_histograms(local):
    assert scenes().aggregate_array("ABSENT").getInfo() == []
    assert scenes().aggregate_histogram("TILE").getInfo() == {"18SUG": 4}
    assert scenes().reduceColumns(ee.Reducer.max(), ["CLOUDS"]).getInfo() == {"max": 50}


def test_properties(local):
    image = ee.Image("TEST/SCENES/20170102T000000_S")
    assert image.get("CLOUDS").getInfo() == 50
    assert image.get("ABSENT").getInfo() is None
    assert image.id().getInfo() == "20170102T000000_S"
    assert image.get("system:index").getInfo() == "20170102T000000_S"
    assert image.get("system:id").getInfo() == "TEST/SCENES/20170102T000000_S"
    assert image.toDictionary().getInfo() == {"CLOUDS": 50, "TILE": "18SUG"}
    assert image.toDictionary(["TILE"]).getInfo() == {"TILE": "18SUG"}
    assert image.date().format("YYYY-MM-dd").getInfo() == "2017-01-02"
    assert {"CLOUDS", "TILE", "system:time_start", "system:index"} <= set(image.propertyNames().getInfo())
    assert ee.Image(1).set("a", 2).set({"b": 3}).toDictionary().getInfo() == {"a": 2, "b": 3}
    assert ee.Image(1).copyProperties(image, ["TILE"]).toDictionary().getInfo() == {"TILE": "18SUG"}
    assert ee.Image(1).id().getInfo() is None


def test_an_image_is_described_as_google_does(local):
    got = ee.Image("TEST/SCENES/20170102T000000_S").select(["B1", "B5"]).getInfo()
    assert got["type"] == "Image"
    assert got["id"] == "TEST/SCENES/20170102T000000_S"
    assert got["bands"][1] == {
        "id": "B5",
        "data_type": {"type": "PixelType", "precision": "int", "min": 0, "max": 65535},
        "dimensions": [120, 120],
        "crs": "EPSG:32618",
        "crs_transform": [20, 0, 399960, 0, -20, 4200000],
    }
    assert got["properties"]["CLOUDS"] == 50
    assert got["properties"]["system:footprint"]["type"] == "Polygon"


def test_a_collection_is_described_as_google_does(local):
    got = scenes().limit(2).select("B2").getInfo()
    assert got["type"] == "ImageCollection"
    assert [each["id"] for each in got["features"]] == [f"TEST/SCENES/2017010{n}T000000_S" for n in (1, 2)]
    kept = scenes().filterDate("2017-01-01", "2017-01-03").limit(1).getInfo()
    assert (kept["id"], kept["bands"], kept["properties"]) == ("TEST/SCENES", [], {"title": "Scenes"})
    # eemont chains methods that map and ask for the id: it "works for ee.ImageCollection".
    assert scenes().map(lambda image: image.select("B2")).getInfo()["id"] == "TEST/SCENES"
    assert "id" not in ee.ImageCollection(scenes().toList(2)).getInfo()


def test_tables(local):
    table = ee.FeatureCollection("TEST/SQUARES")
    assert table.filter(ee.Filter.eq("name", "b")).first().get("size").getInfo() == 1
    assert table.filterBounds(ee.Geometry.Point([1.5, 0.5])).aggregate_array("name").getInfo() == ["b"]
    got = table.getInfo()
    assert got["type"] == "FeatureCollection"
    assert got["features"][0]["id"] == "0"
    assert got["features"][0]["properties"] == {"name": "a", "size": 0}
    grown = table.map(lambda f: f.set("area", f.geometry().area()))
    assert grown.aggregate_mean("area").getInfo() == pytest.approx(1.2309e10, rel=1e-3)


def test_features_made_by_the_client(local):
    feature = ee.Feature(ee.Geometry.Point([1, 2]), {"a": 1})
    assert feature.getInfo() == {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [1, 2]},
        "properties": {"a": 1},
    }
    collection = ee.FeatureCollection([feature, feature.set("a", 5)])
    assert collection.aggregate_max("a").getInfo() == 5
    assert collection.geometry().type().getInfo() in ("Point", "MultiPoint")
    assert feature.select(["a"], ["b"]).toDictionary().getInfo() == {"b": 1}


def test_wrong_kinds_of_assets_are_reported(local):
    with pytest.raises(ee.EEException, match="Asset 'TEST/SCENES' is not an Image"):
        ee.Image("TEST/SCENES").getInfo()
    with pytest.raises(ee.EEException, match="is not an ImageCollection"):
        ee.ImageCollection("TEST/SQUARES").size().getInfo()
    with pytest.raises(ee.EEException, match="Collection asset 'TEST/NONE' not found"):
        ee.FeatureCollection("TEST/NONE").size().getInfo()
