"""Values that were wrong once, and the metadata of bands and elements, asked through the real client."""

import ee
import numpy as np
import pytest

BOW_TIE = [[[0, 0], [1, 1], [1, 0], [0, 1]]]
SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
TRIANGLE = [[[0, 0], [1, 0], [0.5, 0.5]]]
WKT = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]'
)


def text(value):
    return ee.String(value)


VALUES = {
    "atan2-x-first": (lambda: ee.Number(1).atan2(0), 0),
    "atan2-y": (lambda: ee.Number(0).atan2(1), np.pi / 2),
    "bits-of-negatives": (lambda: ee.List([ee.Number(-1).bitCount(), ee.Number(-2).int8().bitCount()]), [64, 63]),
    "split-groups": (lambda: text("aBAbcD").split("(BA|c)"), ["a", "b", "D"]),
    "split-end": (lambda: text("a,b,,").split(","), ["a", "b"]),
    "split-beginning": (lambda: text(",a").split(","), ["", "a"]),
    "split-nothing": (lambda: text("").split(","), [""]),
    "split-posix": (lambda: text("a b1c").split("[[:space:][:digit:]]"), ["a", "b", "c"]),
    "replace-group": (lambda: text("2020-01").replace(r"(\d+)-(\d+)", "$2/$1"), "01/2020"),
    "replace-digits": (lambda: text("ab").replace("(a)", "$12"), "a2b"),
    "replace-quoted": (lambda: text("a").replace("a", r"\$1"), "$1"),
    "replace-boundaries": (lambda: text("ab c").replace(r"\b", "|", "g"), "|ab| |c|"),
    "regex-of-long-time": (lambda: text("a" * 100).match("(a+)+$b"), []),
    "ascii-words": (lambda: text("é").match(r"\w"), []),
    "zone-id": (lambda: ee.Date("2020-01-01").format("ZZZ", "America/New_York"), "America/New_York"),
    "zone-name": (lambda: ee.Date("2020-07-01").format("zzzz", "America/New_York"), "Eastern Daylight Time"),
    "json": (lambda: ee.String.encodeJSON({"b": [1, 2.5], "a": None}), '{"a":null,"b":[1,2.5]}'),
    "wkt-with-authority": (lambda: ee.Projection(WKT + ',AUTHORITY["EPSG","4326"]]').crs(), "EPSG:4326"),
    "wkt-without-authority": (lambda: ee.Projection(WKT + "]").crs(), None),
    "shift-distance": (lambda: ee.List([ee.Number(1).leftShift(65), ee.Number(-8).rightShift(1)]), [2, -4]),
    "parse": (lambda: ee.List([ee.Number.parse("-1.5e3"), ee.Number.parse("3E8", 16)]), [-1500, 1000]),
    "margin-negative": (lambda: ee.ErrorMargin(-1), {"type": "ErrorMargin", "unit": "meters", "value": 1}),
    "margin-infinite": (lambda: ee.ErrorMargin(2e7), {"type": "ErrorMargin", "unit": "infinite"}),
    "type-of-a-cast": (lambda: ee.Algorithms.ObjectType(ee.Number(-3).int8()), "Long"),
    "type-of-an-integer": (lambda: ee.Algorithms.ObjectType(ee.Number(-3)), "Integer"),
    "crossing-contains": (lambda: ee.Geometry.Polygon(BOW_TIE).contains(ee.Geometry.Point(0.8, 0.5)), True),
    "crossing-outside": (lambda: ee.Geometry.Polygon(BOW_TIE).contains(ee.Geometry.Point(0.5, 0.2)), False),
    "crossing-vertices": (lambda: ee.Geometry.Polygon(BOW_TIE).coordinates().get(0), [*BOW_TIE[0], [0, 0]]),
}


FORMATS = {
    # Java rounds halves of the shortest decimal notation up, and keeps zeros with g.
    ("%.0f", 2.5): "3",
    ("%.2f", 1.005): "1.01",
    ("%.2f", -0.125): "-0.13",
    ("%e", 9.9999999): "1.000000e+01",
    ("%.3e", 0): "0.000e+00",
    ("%g", 1.5): "1.50000",
    ("%g", 100000): "100000",
    ("%g", 999999.5): "1.00000e+06",
    ("%g", 0.0001): "0.000100000",
    ("%08.2f", -3.14159): "-0003.14",
    ("%-4d|", 5): "5   |",
    ("%+d", 5): "+5",
    ("%x", 255): "ff",
}


@pytest.mark.parametrize(("pattern", "value"), FORMATS)
def test_numbers_are_formatted_as_in_java(client, pattern, value):
    assert ee.Number(value).format(pattern).getInfo() == FORMATS[pattern, value]


REFUSED = {
    "negative hexadecimal": (lambda: ee.Number(-255).format("%x"), "it cannot write -255"),
    "float as text": (lambda: ee.Number(1.5e-5).format("%s"), "how Java writes"),
    "groups of thousands": (lambda: ee.Number(1500).format("%,d"), "does not support '%,d'"),
    "underscore": (lambda: ee.Number.parse("1_000"), "Can't parse '1_000'"),
    "more than 64 bits": (lambda: ee.Number(2**62).multiply(4), "more than 64 bits"),
    "emoji": (lambda: ee.String("\N{SNAKE}").length(), "beyond 16 bits"),
    "exponent as text": (lambda: ee.String(ee.Number(1e21)), "how Java writes"),
    "infinite JSON": (lambda: ee.String.encodeJSON(ee.Number(1e308).multiply(10)), "how Java writes inf"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_unsure_is_refused(client, name):
    make, message = REFUSED[name]
    with pytest.raises(ee.EEException) as caught:
        make().getInfo()
    assert message in str(caught.value)


@pytest.mark.parametrize("name", VALUES)
def test_values(client, name):
    make, expected = VALUES[name]
    got = make().getInfo()
    assert got == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_a_crossing_polygon_has_the_area_of_its_triangles(client):
    # The diagonals of the square enclose two triangles: the lower and, in this order of corners, the upper one.
    bow_tie = ee.Geometry.Polygon([[[0, 0], [1, 0], [0, 1], [1, 1]]], None, False)
    rings = [[0, 0], [1, 0], [0.5, 0.5]], [[0, 1], [1, 1], [0.5, 0.5]]
    parts = [ee.Geometry.Polygon([ring], None, False) for ring in rings]
    assert bow_tie.area().getInfo() == pytest.approx(sum(part.area().getInfo() for part in parts))
    other = ee.Geometry.Rectangle([0, 0, 1, 0.5], None, False)
    assert bow_tie.intersection(other).area().getInfo() == pytest.approx(parts[0].area().getInfo())


def test_polygons_of_a_multipolygon_are_independent(client):
    square, other = ee.Geometry.Polygon([SQUARE]), ee.Geometry.Polygon([[[x + 0.5, y] for x, y in SQUARE]])
    both = ee.Geometry.MultiPolygon([square.coordinates(), other.coordinates()])
    areas = [each.area().getInfo() for each in (square, other)]
    assert both.area().getInfo() == pytest.approx(sum(areas))
    assert both.perimeter().getInfo() == pytest.approx(2 * square.perimeter().getInfo())
    assert both.contains(ee.Geometry.Point(0.75, 0.5)).getInfo()
    assert both.dissolve().area().getInfo() == pytest.approx(1.5 * areas[0], rel=1e-3)
    clipped = ee.Image(1).clip(both).reduceRegion(ee.Reducer.count(), both.bounds(), crs="EPSG:4326", scale=11132)
    assert clipped.get("constant").getInfo() == 150
    with pytest.raises(ee.EEException, match=r"Geometry.centroid: The polygons overlap.*dissolve"):
        both.centroid().getInfo()


def test_a_union_has_the_documented_id(client):
    squares = ee.FeatureCollection([ee.Geometry.Polygon([SQUARE]), ee.Geometry.Polygon(TRIANGLE)])
    assert ee.Feature(squares.union().first()).id().getInfo() == "union_result"


def test_clockwise_polygons_without_the_even_odd_rule_are_refused(client):
    assert ee.Geometry.Polygon(TRIANGLE, evenOdd=False).type().getInfo() == "Polygon"
    clockwise = ee.Geometry.Polygon([TRIANGLE[0][::-1]], evenOdd=False).buffer(1)
    with pytest.raises(ee.EEException, match="'evenOdd'"):
        clockwise.getInfo()


@pytest.mark.parametrize("regex", ["[a[b]]", "[a&&b]", r"\p{L}", r"\Qa\E", "[[:nothing:]]", "("])
def test_regular_expressions_that_java_and_re2_read_differently_are_refused(client, regex):
    with pytest.raises(ee.EEException, match=r"String.split(,|:) (argument 'regex'|Invalid regular expression)"):
        text("a").split(regex).getInfo()


def test_names_of_groups_are_javas(client):
    assert text("ab").replace("(?<first>a)", "${first}c").getInfo() == "acb"
    with pytest.raises(ee.EEException, match="has no group"):
        text("ab").replace("a", "$1").getInfo()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "Asia/Shanghai"])
def test_names_of_zones_that_differ_from_javas_are_refused(client, zone):
    with pytest.raises(ee.EEException, match="Java's name"):
        ee.Date("2020-01-01").format("z", zone).getInfo()
    with pytest.raises(ee.EEException, match="Joda's id"):
        ee.Date("2020-01-01").format("ZZZ", "US/Pacific").getInfo()


def test_a_huge_region_fails_before_it_needs_memory(client):
    world = ee.Geometry.Rectangle([-180, -80, 180, 80], None, False)
    with pytest.raises(ee.EEException, match="User memory limit exceeded"):
        ee.Image(1).reduceRegion(ee.Reducer.sum(), world, 10, "EPSG:4326", maxPixels=1e15).getInfo()
    with pytest.raises(ee.EEException, match="Too many pixels in the region"):
        ee.Image(1).reduceRegion(ee.Reducer.sum(), world, 10, "EPSG:4326").getInfo()


def test_atan2_of_images(client):
    point = ee.Geometry.Point(0.5, 0.5)
    got = ee.Image(0).atan2(ee.Image(2)).reduceRegion(ee.Reducer.first(), point, 1000).getInfo()
    assert got == {"constant": pytest.approx(np.pi / 2)}
    got = ee.Image(-1).bitCount().reduceRegion(ee.Reducer.first(), point, 1000).getInfo()
    assert got == {"constant": 64}


@pytest.fixture
def scene(local):
    return ee.Image("TEST/SCENES/20170101T000000_S")


def band(image, name):
    return image.select(name).getInfo()["bands"][0]


def test_normalized_difference_has_a_range(scene):
    shown = scene.normalizedDifference(["B2", "B5"]).getInfo()["bands"][0]
    assert shown["data_type"] == {"type": "PixelType", "precision": "float", "min": -1, "max": 1}
    # B5 has larger pixels and the same corners.
    assert shown["dimensions"] == [240, 240]


def test_arithmetic_keeps_the_dimensions(scene):
    assert band(scene.multiply(2).add(1), "B5")["dimensions"] == [120, 120]
    assert band(ee.Image(2).multiply(scene), "B2")["dimensions"] == [240, 240]
    assert band(scene.select("B2").add(scene.select("B1")), "B2")["dimensions"] == [240, 240]
    assert "dimensions" not in band(
        scene.select("B2").add(scene.select("B1").clip(scene.geometry().buffer(-500))), "B2"
    )


def test_a_clip_has_its_own_dimensions_and_origin(scene):
    projection = scene.select("B2").projection()
    corners = ee.Geometry.Rectangle([10.5, 20.5, 30.5, 50.5], projection, False)
    shown = band(scene.clip(corners), "B2")
    assert shown["dimensions"] == [21, 31]
    assert shown["origin"] == [10, 20]
    assert shown["crs_transform"] == band(scene, "B2")["crs_transform"]
    assert band(scene.clip(corners), "B5")["origin"] == [5, 10]
    whole = band(scene.clip(scene.geometry().buffer(1000)), "B2")
    assert whole["dimensions"] == [240, 240]
    assert "origin" not in whole
    constant = ee.Image(1).clip(ee.Geometry.Rectangle([-122.5, 37.2, -121.8, 37.9])).getInfo()["bands"][0]
    assert constant["dimensions"] == [2, 1]
    assert constant["origin"] == [-123, 37]


def test_a_clip_to_bounds_and_scale_has_dimensions(scene):
    cut = scene.select("B2").clipToBoundsAndScale(scene.geometry(), width=24, height=12)
    assert cut.getInfo()["bands"][0]["dimensions"] == [24, 12]


def test_system_id_is_the_id(scene):
    assert scene.set("system:id", "NEW/ID").getInfo()["id"] == "NEW/ID"
    assert scene.set("system:id", "NEW/ID").get("system:id").getInfo() == "NEW/ID"
    assert "system:id" not in scene.set("system:id", "NEW/ID").getInfo()["properties"]
    assert ee.Image(1).copyProperties(scene, ["system:id"]).getInfo()["id"] == "TEST/SCENES/20170101T000000_S"
    collection = ee.ImageCollection("TEST/SCENES")
    assert collection.get("system:id").getInfo() == "TEST/SCENES"
    assert ee.ImageCollection([]).set("system:id", "C").getInfo() == {"type": "ImageCollection", "bands": [], "id": "C"}
    assert ee.Feature(None, {"system:id": "F"}).get("system:id").getInfo() == "F"


def test_images_have_a_version(scene):
    shown = scene.getInfo()
    assert shown["version"] == shown["properties"]["system:time_start"] * 1000
    assert "system:version" not in shown["properties"]
    assert scene.get("system:version").getInfo() == shown["version"]


def test_absent_properties_of_a_dictionary_are_null(scene):
    assert scene.toDictionary(["TILE", "ABSENT"]).getInfo() == {"TILE": scene.get("TILE").getInfo(), "ABSENT": None}
