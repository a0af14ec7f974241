"""Checks of tables: joins, reducers of several columns, filters on two fields, and arrays."""

from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    LEFT,
    REFUSED,
    TOP,
    ZONE,
    EngineCheck,
    Probe,
    assumed,
    documented,
    row_of,
)


def _table(ee: Any, name: str, values: list[Any]) -> Any:
    """Features of one property; null values are left out."""
    return ee.FeatureCollection([ee.Feature(None, {} if each is None else {name: each}) for each in values])


def _joined(ee: Any, join: Any, limit: float) -> Any:
    near = ee.Filter.maxDifference(limit, leftField="a", rightField="b")
    return ee.FeatureCollection(join.apply(_table(ee, "a", [1, 5]), _table(ee, "b", [2, 1, 9]), near))


def _match(ee: Any, join: Any, name: str) -> Any:
    return ee.Feature(_joined(ee, join, 1).first().get("match")).get(name)


def _pairs(ee: Any) -> Any:
    rows = [{"a": 1, "b": 1, "k": "x"}, {"a": 2, "b": 3, "k": "y"}, {"a": 4, "k": "x"}]
    return ee.FeatureCollection([ee.Feature(None, row) for row in rows])


TABLES: tuple[EngineCheck, ...] = (
    assumed(
        "filter-two-fields",
        "A filter with `leftField` and `rightField` compares two properties of one element outside of joins.",
        "the API samples of `ee.Filter.equals` do so",
        Probe(
            lambda ee: _pairs(ee).filter(ee.Filter.equals(leftField="a", rightField="b")).aggregate_array("a"),
            [1],
        ),
    ),
    assumed(
        "filter-text",
        "A filter as text reads `&&` before `||`; what is absent does not pass `==`, `<` and `>`.",
        "the description lists the operators only",
        Probe(lambda ee: _pairs(ee).filter('b > 0 || k == "x" && a > 3').aggregate_array("a"), [1, 2, 4]),
    ),
    assumed(
        "flatten-ids",
        "`flatten` joins the ids of the collection and the element, as in `0_1`.",
        "common practice; `merge` is documented to prefix ids so",
        Probe(
            lambda ee: (
                ee.FeatureCollection([_table(ee, "a", [1, 2]), _table(ee, "a", [3])])
                .flatten()
                .aggregate_array("system:index")
            ),
            ["0_0", "0_1", "1_0"],
        ),
    ),
    documented(
        "day-of-year",
        "`Filter.dayOfYear` includes both ends.",
        f"{API}filter-dayofyear",
        Probe(
            lambda ee: (
                _table(ee, "system:time_start", [0, 86_400_000, 172_800_000]).filter(ee.Filter.dayOfYear(1, 2)).size()
            ),
            2,
        ),
    ),
    assumed(
        "band-names",
        "Names of bands do not begin with an underscore, and contain no colon and no blank.",
        "messages of Google's servers in comments of several programs, such as `Image.rename: Invalid band name: "
        "'_label'`; the full rule is not known",
        Probe(lambda ee: ee.Image(1).rename("_label").bandNames(), REFUSED),
    ),
    assumed(
        "toList-none",
        "`toList(0)` fails.",
        "programs report the message `Collection.toList: count must be positive`",
        Probe(lambda ee: _table(ee, "a", [1]).toList(0), REFUSED),
    ),
    assumed(
        "region-of-no-images",
        "`getRegion` of a collection without images fails.",
        "several programs recognize the message `ImageCollection.getRegion: No bands in collection.`",
        Probe(lambda ee: ee.ImageCollection([]).getRegion(ee.Geometry.Point([9, 45]), 10), REFUSED),
    ),
    assumed(
        "calendar-refusals",
        "`Filter.calendarRange` refuses numbers below 0, and elements without a start time.",
        "messages of Google's servers in a program's notes (https://github.com/eHealthAfrica/heatwave_modelling_CHAP)",
        Probe(lambda ee: _table(ee, "a", [1]).filter(ee.Filter.calendarRange(1, 12, "month")).size(), REFUSED),
    ),
    documented(
        "error-matrix-order",
        "`errorMatrix` with an order uses its values only.",
        f"{API}featurecollection-errormatrix",
        Probe(lambda ee: _pairs(ee).filter(ee.Filter.notNull(["b"])).errorMatrix("a", "b", [1, 3]), [[1, 0], [0, 0]]),
    ),
    documented(
        "join-simple",
        "`simple` keeps the primary elements with a match, `inverted` those without.",
        f"{API}join-simple",
        Probe(
            lambda ee: [
                _joined(ee, ee.Join.simple(), 1).aggregate_array("a"),
                _joined(ee, ee.Join.inverted(), 1).aggregate_array("a"),
            ],
            [[1], [5]],
        ),
    ),
    assumed(
        "join-first",
        "`saveFirst` without an ordering adds the first match in the order of the secondary collection.",
        "the description is silent",
        Probe(lambda ee: _match(ee, ee.Join.saveFirst("match"), "b"), 2),
    ),
    documented(
        "join-measure",
        "`saveBest` adds the match with the smallest measure, which becomes a property of the match.",
        f"{API}join-savebest",
        Probe(
            lambda ee: [_match(ee, ee.Join.saveBest("match", "m"), name) for name in ("b", "m")],
            [1, 0],
        ),
    ),
    assumed(
        "join-inner-id",
        "The id of a pair of an inner join is made of both ids, as in `0_1`.",
        "common practice",
        Probe(
            lambda ee: _joined(ee, ee.Join.inner(), 1).aggregate_array("system:index"),
            ["0_0", "0_1"],
        ),
    ),
    documented(
        "toList-nulls",
        "`toList(n)` drops rows with a null, except in the last `numOptional` columns.",
        f"{API}reducer-tolist",
        Probe(
            lambda ee: [
                _pairs(ee).reduceColumns(ee.Reducer.toList(2, optional), ["a", "b"]).get("list") for optional in (0, 1)
            ],
            [[[1, 1], [2, 3]], [[1, 1], [2, 3], [4, None]]],
        ),
    ),
    assumed(
        "group-order",
        "`group` gives a list `groups` of dictionaries in ascending order of the group.",
        "the description is silent",
        Probe(
            lambda ee: _pairs(ee).reduceColumns(ee.Reducer.sum().group(1, "k"), ["a", "k"]),
            {"groups": [{"k": "x", "sum": 5}, {"k": "y", "sum": 2}]},
        ),
    ),
    documented(
        "repeat-lists",
        "`repeat` gives each output as a list of the copies' outputs.",
        f"{API}reducer-repeat",
        Probe(
            lambda ee: _pairs(ee).limit(2).reduceColumns(ee.Reducer.sum().repeat(2), ["a", "b"]),
            {"sum": [3, 4]},
        ),
    ),
    assumed(
        "extreme-rows",
        "`max(n)` and `min(n)` name further outputs `max1`, `max2` ..., and take the first of equal rows.",
        "common practice",
        Probe(
            lambda ee: ee.List([[1, 7], [2, 8], [2, 9]]).reduce(ee.Reducer.max(2)),
            {"max": 2, "max1": 8},
        ),
    ),
    assumed(
        "array-cast",
        "A cast of an array rounds, unlike a cast of a number.",
        "the API sample of `ee.Array.byte` prints so",
        Probe(lambda ee: [ee.Array([-0.1, 0.5, 127.1, 255.9]).byte(), ee.Number(0.5).byte()], [[0, 1, 127, 255], 0]),
    ),
    assumed(
        "array-floats",
        "Operations on integer arrays that give fractions have single precision.",
        "the API sample of `ee.Array.pow` prints so",
        Probe(lambda ee: ee.Array([10]).pow([-1]).get([0]).multiply(1e9).round(), 100000001),
    ),
    assumed(
        "array-shapes",
        "Two arrays in arithmetic have equal lengths, or one is a number without dimensions.",
        "the API samples show only these",
        Probe(lambda ee: ee.Array([1, 2]).add(ee.Array([1, 2, 3])), REFUSED),
    ),
    assumed(
        "map-id",
        "A mapped collection and the result of a join keep the id of their (first) collection.",
        "eemont chains methods that map, join and ask for the id; its author writes that this works for collections "
        "(https://github.com/davemlz/eemont/issues/77)",
        unchecked="It needs a collection asset, and no request names one.",
    ),
    assumed(
        "float-time",
        "`Number.toFloat` does not change a number that single precision cannot hold, such as a time.",
        "the test of geetools' `DateRange.split` passes on Google's servers only then",
        Probe(lambda ee: [ee.Number(n).toFloat() for n in (1_580_428_800_000, 0.1)], [1_580_428_800_000, 0.1]),
    ),
    assumed(
        "constant-array",
        "An array as an image has one band `constant`, whose pixels are that array.",
        "geemap names the bands of its images of numpy arrays so",
        Probe(
            lambda ee: ee.Image(ee.Array([[1, 2], [3, 4]])).arrayGet([1, 0]),
            {"constant": [3]},
            row_of(1),
        ),
    ),
    documented(
        "array-get-last",
        "Position -1 of `Array.get` is the last.",
        "https://developers.google.com/earth-engine/tutorials/community/histogram-matching",
        Probe(lambda ee: ee.Array([5, 6, 7]).get([-1]), 7),
    ),
    assumed(
        "dictionary-rows",
        "`Dictionary.toArray` turns each list into a row.",
        "Google's tutorial imad-tutorial-pt1 projects the result to its second axis",
        Probe(lambda ee: ee.Dictionary({"a": [1, 2]}).toArray(), [[1, 2]]),
    ),
    assumed(
        "dictionary-null",
        "The default of `Dictionary.get` does not replace a value that is null.",
        "the description says `If the dictionary does not contain the given key`",
        Probe(
            lambda ee: (
                ee.Image(1)
                .rename("a")
                .updateMask(0)
                .reduceRegion(ee.Reducer.mean(), ee.Geometry.Point([LEFT + 5, TOP - 5], ZONE), 10)
                .get("a", 9)
            ),
            None,
        ),
    ),
    assumed(
        "sequence-empty",
        "`List.sequence` is [] where the end lies before the start.",
        "the description says `from start to end`",
        Probe(lambda ee: ee.List.sequence(0, -1), []),
    ),
    assumed(
        "aggregate-nothing",
        "`aggregate_sum` of no values is 0, aggregated deviations and variances of no values are null.",
        "the sum of nothing is 0, and it has no mean",
        Probe(
            lambda ee: [
                getattr(_table(ee, "a", [1, None]), f"aggregate_{name}")("c")
                for name in ("sum", "total_sd", "sample_var")
            ],
            [0, None, None],
        ),
    ),
)
