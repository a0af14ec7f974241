"""Joins, filters as text, reducers of rows and columns of tables, through the real client."""

import ee
import numpy as np
import pytest


def table():
    rows = [("a", 1, 10.0, "x"), ("b", 2, 30.0, "y"), ("c", 4, 20.0, "x"), ("d", 8, 60.0, "y")]
    return ee.FeatureCollection(
        [
            ee.Feature(ee.Geometry.Point([n, 0]), {"name": name, "n": n, "value": value, "kind": kind})
            for name, n, value, kind in rows
        ]
    )


def others():
    rows = [("p", 1, 2), ("q", 4, 1), ("r", 5, 3)]
    return ee.FeatureCollection(
        [ee.Feature(ee.Geometry.Point([n, 0]), {"label": label, "m": n, "rank": rank}) for label, n, rank in rows]
    )


def names(collection, name="name"):
    return collection.aggregate_array(name).getInfo()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n < 4", "ab"),
        ("n<=4 && value > 10.0", "bc"),
        ('kind == "x" || n >= 8', "acd"),
        ("!(kind == 'x')", "bd"),
        ("! n > 2 && n != 1", "b"),
        ("n > 1e0 && n > -3", "bcd"),
        ("4 > n", "ab"),
        ("value == n", ""),
        ("absent < 3", ""),
    ],
)
def test_filters_as_text(local, text, expected):
    assert "".join(names(table().filter(text))) == expected
    assert "".join(names(table().filter(ee.Filter.expression(text)))) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n <", "ends too early"),
        ("n = 3", "can't read"),
        ("n < 3 4", "'4' is unexpected"),
        ("(n < 3", "is not closed"),
        ("3 < 4", "not a comparison of a property"),
        ("absent != 3", "does not know whether it passes"),
        ("n < 1 and n > 3", "can't read"),
    ],
)
def test_a_wrong_filter_is_an_error(local, text, message):
    with pytest.raises(ee.EEException, match=message):
        table().filter(text).size().getInfo()


def test_a_filter_on_two_fields_compares_properties_of_an_element(local):
    both = ee.FeatureCollection([ee.Feature(None, {"a": a, "b": b}) for a, b in ((1, 1), (1, 2), (3, 2))])
    for condition, expected in (
        (ee.Filter.equals(leftField="a", rightField="b"), [0]),
        (ee.Filter.lessThan(leftField="a", rightField="b"), [1]),
        (ee.Filter.greaterThanOrEquals(leftField="a", rightField="b"), [0, 2]),
        (ee.Filter.maxDifference(1, leftField="a", rightField="b"), [0, 1, 2]),
        (ee.Filter.equals(leftField="a", rightField="absent"), []),
    ):
        assert [int(each) for each in names(both.filter(condition), "system:index")] == expected


def test_filters_of_types_distances_and_ranges_of_dates(local):
    assert names(table().filter(ee.Filter.hasType("kind", "String"))) == list("abcd")
    assert names(table().filter(ee.Filter.hasType(".geo", "Polygon"))) == []
    near = ee.Filter.withinDistance(150_000, leftField=".geo", rightValue=ee.Geometry.Point([1, 0]))
    assert names(table().filter(near)) == ["a", "b"]
    span = ee.DateRange("2017-01-02", "2017-01-04")
    scenes = ee.ImageCollection("TEST/SCENES")
    assert scenes.filterDate(span).size().getInfo() == 2
    assert ee.DateRange(span).getInfo() == span.getInfo()


def same(limit=0):
    return ee.Filter.maxDifference(limit, leftField="n", rightField="m")


def test_joins(local):
    join = lambda kind, limit=0: ee.FeatureCollection(kind.apply(table(), others(), same(limit)))  # noqa: E731
    assert names(join(ee.Join.simple())) == ["a", "c"]
    assert names(join(ee.Join.inverted())) == ["b", "d"]
    first = join(ee.Join.saveFirst("match", "rank", True, "distance", outer=True), 1)
    assert names(first) == list("abcd")
    matched = first.filter(ee.Filter.notNull(["match"]))
    found = matched.map(lambda f: ee.Feature(None, {"label": ee.Feature(f.get("match")).get("label")}))
    assert names(found, "label") == ["p", "p", "q"]
    best = join(ee.Join.saveBest("match", "distance"), 2).toList(9).map(lambda f: ee.Feature(f).get("match")).getInfo()
    assert [(each["properties"]["label"], each["properties"]["distance"]) for each in best] == [
        ("p", 0),
        ("p", 1),
        ("q", 0),
    ]
    every = join(ee.Join.saveAll("matches", "rank", False), 1).toList(9).map(lambda f: ee.Feature(f).get("matches"))
    labels = [[each["properties"]["label"] for each in matches] for matches in every.getInfo()]
    assert labels == [["p"], ["p"], ["r", "q"]]
    pairs = join(ee.Join.inner("left", "right", "gap"), 1).getInfo()["features"]
    for pair in (each["properties"] for each in pairs):
        assert pair["gap"] == abs(pair["left"]["properties"]["n"] - pair["right"]["properties"]["m"])
    found = [(f["properties"]["left"]["properties"]["name"], f["properties"]["right"]["id"]) for f in pairs]
    assert found == [("a", "0"), ("b", "0"), ("c", "1"), ("c", "2")]


def test_joins_of_images_and_of_places(local):
    scenes = ee.ImageCollection("TEST/SCENES")
    condition = ee.Filter.And(
        ee.Filter.equals(leftField="TILE", rightField="TILE"),
        ee.Filter.lessThan(leftField="system:time_start", rightField="system:time_start"),
    )
    later = ee.ImageCollection(ee.Join.saveFirst("next", "system:time_start").apply(scenes, scenes, condition))
    assert later.size().getInfo() == 3
    second = ee.Image(later.first().get("next"))
    assert second.get("system:index").getInfo() == "20170102T000000_S"
    near = ee.Filter.withinDistance(150_000, leftField=".geo", rightField=".geo")
    assert names(ee.FeatureCollection(ee.Join.simple().apply(table(), others(), near))) == ["a", "b", "c"]
    touching = ee.Filter.intersects(leftField=".geo", rightField=".geo")
    assert names(ee.FeatureCollection(ee.Join.simple().apply(table(), others(), touching))) == ["a", "c"]


def test_a_join_needs_a_condition_on_two_fields(local):
    with pytest.raises(ee.EEException, match=r"Join\.apply, argument 'condition'.*Filter\.lessThan is none"):
        ee.Join.simple().apply(table(), others(), ee.Filter.lt("n", 3)).getInfo()
    with pytest.raises(ee.EEException, match="a measure needs one maxDifference"):
        condition = ee.Filter.equals(leftField="n", rightField="m")
        ee.Join.saveBest("match", "measure").apply(table(), others(), condition).getInfo()


COLUMNS = {
    "list": (ee.Reducer.toList, ["n"], {"list": [1, 2, 4, 8]}),
    "tuples": (lambda: ee.Reducer.toList(2), ["n", "kind"], {"list": [[1, "x"], [2, "y"], [4, "x"], [8, "y"]]}),
    "lists": (lambda: ee.Reducer.toList().repeat(2), ["n", "name"], {"list": [[1, 2, 4, 8], ["a", "b", "c", "d"]]}),
    "means": (lambda: ee.Reducer.mean().repeat(2), ["n", "value"], {"mean": [3.75, 30]}),
    "frequencies": (ee.Reducer.frequencyHistogram, ["kind"], {"histogram": {"x": 2, "y": 2}}),
    "buckets": (lambda: ee.Reducer.fixedHistogram(0, 8, 2), ["n"], {"histogram": [[0, 2], [4, 1]]}),
    "cumulative": (lambda: ee.Reducer.fixedHistogram(0, 10, 2, True), ["n"], {"histogram": [[0, 3], [5, 4]]}),
    "groups": (
        lambda: ee.Reducer.sum().repeat(2).group(2, "kind"),
        ["n", "value", "kind"],
        {"groups": [{"kind": "x", "sum": [5, 30]}, {"kind": "y", "sum": [10, 90]}]},
    ),
    "groups of groups": (
        lambda: ee.Reducer.count().group(1, "n").group(1, "kind"),
        ["value", "kind", "n"],
        {
            "groups": [
                {"kind": "x", "groups": [{"n": 1, "count": 1}, {"n": 4, "count": 1}]},
                {"kind": "y", "groups": [{"n": 2, "count": 1}, {"n": 8, "count": 1}]},
            ]
        },
    ),
    "two": (
        lambda: ee.Reducer.mean().combine(ee.Reducer.max(), "top_", False),
        ["n", "value"],
        {"mean": 3.75, "top_max": 60},
    ),
    "shared": (
        lambda: ee.Reducer.count().combine(ee.Reducer.toList(), "", True),
        ["n"],
        {"count": 4, "list": [1, 2, 4, 8]},
    ),
    "first of texts": (ee.Reducer.first, ["kind"], {"first": "x"}),
    "last of texts": (ee.Reducer.last, ["kind"], {"last": "y"}),
    "names": (lambda: ee.Reducer.sum().forEach(["p", "q"]), ["n", "value"], {"p": 15, "q": 120}),
    "largest": (lambda: ee.Reducer.max(2), ["value", "name"], {"max": 60, "max1": "d"}),
    "split weights": (lambda: ee.Reducer.mean().splitWeights(), ["value", "n"], {"mean": (10 + 60 + 80 + 480) / 15}),
    "distinct": (ee.Reducer.countDistinctNonNull, ["value"], {"count": 4}),
    "bits": (ee.Reducer.bitwiseOr, ["n"], {"bitwiseOr": 15}),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_columns(local, case):
    reducer, columns, expected = COLUMNS[case]
    assert table().reduceColumns(reducer(), columns).getInfo() == expected


def test_more_of_reducers(local):
    mean = table().reduceColumns(ee.Reducer.mean(), ["value"], ["n"]).getInfo()
    assert mean == {"mean": pytest.approx((10 + 60 + 80 + 480) / 15)}
    line = table().reduceColumns(ee.Reducer.linearFit(), ["n", "value"]).getInfo()
    slope, offset = np.polyfit([1, 2, 4, 8], [10, 30, 20, 60], 1)
    assert line == {"scale": pytest.approx(slope), "offset": pytest.approx(offset)}
    gaps = ee.FeatureCollection([ee.Feature(None, {"a": 1}), ee.Feature(None, {"a": 2, "b": 5})])
    assert gaps.reduceColumns(ee.Reducer.toList(2), ["a", "b"]).getInfo() == {"list": [[2, 5]]}
    assert gaps.reduceColumns(ee.Reducer.toList(2, 1), ["a", "b"]).getInfo() == {"list": [[1, None], [2, 5]]}
    assert gaps.reduceColumns(ee.Reducer.mean().repeat(2), ["a", "b"]).getInfo() == {"mean": [1.5, 5]}
    assert ee.List([3, 1, 3]).reduce(ee.Reducer.frequencyHistogram()).getInfo() == {"1": 1, "3": 2}
    assert ee.List([1, 1, 2, 1]).reduce(ee.Reducer.countRuns()).getInfo() == 3
    # From the API sample of Reducer.count.
    assert ee.List([1, "", None, 3]).reduce(ee.Reducer.count()).getInfo() == 3
    assert ee.List([["a", 1], ["b", 2]]).reduce(ee.Reducer.toList(2)).getInfo() == [["a", 1], ["b", 2]]
    for run, message in (
        (table().reduceColumns(ee.Reducer.mean(), ["name"]), "needs numbers, not 'a'"),
        (table().reduceColumns(ee.Reducer.mean(), ["n", "value"]), "needs 1 selectors, not 2"),
        (ee.Image([1, 2]).reduce(ee.Reducer.toList()), "but not for single pixels"),
    ):
        with pytest.raises(ee.EEException, match=message):
            run.getInfo()


def test_aggregates(local):
    values = np.array([10.0, 30, 20, 60])
    found = table().aggregate_stats("value").getInfo()
    assert found == {
        "max": 60,
        "mean": 30,
        "min": 10,
        "sample_sd": pytest.approx(values.std(ddof=1)),
        "sample_var": pytest.approx(values.var(ddof=1)),
        "sum": 120,
        "sum_sq": 5000,
        "total_count": 4,
        "total_sd": pytest.approx(values.std()),
        "total_var": 350,
        "valid_count": 4,
        "weight_sum": 4,
        "weighted_sum": 120,
    }
    assert table().aggregate_total_sd("value").getInfo() == found["total_sd"]
    assert table().aggregate_sample_var("value").getInfo() == found["sample_var"]
    assert table().aggregate_count_distinct("kind").getInfo() == 2


def test_columns_of_tables(local):
    random = table().randomColumn(seed=3)
    shares = names(random, "random")
    assert shares == names(random, "random") and len(set(shares)) == 4 and all(0 <= each < 1 for each in shares)
    assert shares != names(table().randomColumn(seed=4), "random")
    numbers = ee.FeatureCollection(ee.List.sequence(1, 2000).map(lambda n: ee.Feature(None, {"n": n})))
    normal = numbers.randomColumn("z", distribution="normal").aggregate_stats("z").getInfo()
    assert abs(normal["mean"]) < 0.1 and abs(normal["total_sd"] - 1) < 0.1
    assert sorted(ee.List([1, 2, 3]).shuffle(1).getInfo()) == [1, 2, 3]
    remapped = table().remap(["x"], [7], "kind")
    assert (names(remapped), names(remapped, "kind")) == (["a", "c"], [7, 7])
    columns = ee.FeatureCollection(ee.ApiFunction.call_("Collection.fromColumns", [[1, 2], ["p", None]], ["a", "b"]))
    assert [each["properties"] for each in columns.getInfo()["features"]] == [{"a": 1, "b": "p"}, {"a": 2}]
    assert names(table().makeArray(["n", "value"], "both"), "both")[1] == [2, 30]
    scenes = ee.ImageCollection("TEST/SCENES").limit(2)
    combined = scenes.select([0]).combine(scenes.select([0], ["other"]))
    assert combined.first().bandNames().size().getInfo() == 2
    assert ee.List([1, 2, 1, 2]).lastIndexOfSubList([1, 2]).getInfo() == 2


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        # From the API sample of Date.parse.
        ("YYYY MM dd", "2021 4 30", "2021-04-30T00:00:00"),
        ("MM/dd/YY", "4/30/21", "2021-04-30T00:00:00"),
        ("MMM. dd, YYYY", "Apr. 30, 2021", "2021-04-30T00:00:00"),
        ("YYYY-MM-dd HH:mm:ss", "2021-4-30 00:00:00", "2021-04-30T00:00:00"),
        ("yyyyMMdd'T'HHmm", "20210430T1745", "2021-04-30T17:45:00"),
        ("yyyy-DDD", "2021-032", "2021-02-01T00:00:00"),
    ],
)
def test_dates_from_text(local, pattern, text, expected):
    assert ee.Date.parse(pattern, text).format().getInfo() == expected


def test_more_of_dates(local):
    local_noon = ee.Date.parse("yyyy-MM-dd", "2021-07-01", "America/Los_Angeles")
    assert local_noon.format().getInfo() == "2021-07-01T07:00:00"
    with pytest.raises(ee.EEException, match="century of year 50"):
        ee.Date.parse("yy", "50").getInfo()
    with pytest.raises(ee.EEException, match="Bad date/time 'x'"):
        ee.Date.parse("yyyy", "x").getInfo()
