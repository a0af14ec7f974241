"""Values at the edges of types, of lists and of the calendar, and refusals of what no source says."""

import datetime as dt
from zoneinfo import ZoneInfo

import ee
import numpy as np
import pytest

EMOJI = "\N{SNAKE}"
BERLIN = "Europe/Berlin"


def millis(*fields, zone=BERLIN, fold=0):
    return round(dt.datetime(*fields, tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def text(value):
    return ee.String(ee.Number(value))


def nan():
    return ee.Number(-1).sqrt()


def table(*values):
    return ee.FeatureCollection([ee.Feature(None, {"a": value}) for value in values])


VALUES = {
    # Java: (long) 1e19 is Long.MAX_VALUE.
    "sum of the largest": (lambda: ee.Number(1e19).toInt64().add(0), 2**63 - 1),
    "cast beyond 64 bits": (lambda: ee.Number(1e19).toInt64(), 2**63 - 1),
    "bits beyond 64 bits": (lambda: ee.Number(1e19).bitwiseAnd(3), 3),
    "unitScale": (lambda: ee.Number(5).unitScale(1, 1), 0),
    "whole constants": (lambda: ee.Array([1.0, 2.0]).divide(3), [float(np.float32(n) / np.float32(3)) for n in (1, 2)]),
    "constant type": (lambda: ee.Algorithms.ObjectType(ee.Number(1.0)), "Integer"),
    "infinite": (lambda: [ee.Number(0).log(), ee.Number(1e308).multiply(10), nan()], ["-Infinity", "Infinity", "NaN"]),
    "blank sign and zeros": (lambda: ee.Number(5).format("% 05d"), " 0005"),  # Java's Formatter
    "float as text": (lambda: [text(1.5), text(-0.25), ee.Number(1.5).format()], ["1.5", "-0.25", "1.5"]),
    "not bool": (lambda: ee.List([1, 2]).join(), "12"),
    "boolean joined": (lambda: ee.List([True, False, 1]).join("-"), "true-false-1"),
    # U+1F40D begins with the unit D83D, which is less than FFFF.
    "compareTo": (lambda: ee.String("\uffff").compareTo(EMOJI), 1),
    "sort strings": (lambda: ee.List(["\uffff", EMOJI, "a"]).sort(), ["a", EMOJI, "\uffff"]),
    "filter strings": (lambda: ee.List(["\uffff", EMOJI]).filter(ee.Filter.lt("item", "\uffff")), [EMOJI]),
    "equals": (lambda: ee.String("1").equals(1), False),
    "empty text": (lambda: ee.String("").split(""), [""]),
    "json numbers": (lambda: ee.Algorithms.ObjectType(ee.String("1.0").decodeJSON()), "Integer"),
    "sort with NaN": (lambda: ee.List([3, nan(), 1]).sort(), [1, 3, "NaN"]),
    "sort booleans": (lambda: ee.List([True, False]).sort(), [False, True]),
    "equal lists": (lambda: ee.List([[1, {"a": [2]}]]).indexOf([1, {"a": [2]}]), 0),
    "equal numbers": (lambda: ee.List([1, 2]).indexOf(ee.Number(4).divide(2)), 1),
    "equal constants": (lambda: ee.List([1, 2]).indexOf(2.0), 1),
    "year of month": (lambda: ee.Date("2021-04-30").getRelative("year", "month"), 0),
    "month of day": (lambda: ee.Date("2021-04-30").getRelative("month", "day"), 0),
    "unzip": (lambda: ee.List([[1, 2], [3]]).unzip(), [[1, 3]]),
    "sequence": (lambda: ee.List.sequence(0, 1, 0.25), [0, 0.25, 0.5, 0.75, 1]),
    "map drops": (
        lambda: ee.Dictionary({"a": 1, "b": 2}).map(lambda _k, v: ee.Algorithms.If(ee.Number(v).gt(1), v, None)),
        {"b": 2},
    ),
    "combine": (lambda: ee.Dictionary({"a": 1, "b": None}).combine({"c": 2}), {"a": 1, "c": 2}),
    "type limits": (
        lambda: ee.PixelType(ee.PixelType.int8(), 0, 5),
        {"type": "PixelType", "precision": "int", "min": 0, "max": 5},
    ),
    "day kept": (lambda: ee.Date("2020-01-31").advance(1, "month").format("YYYY-MM-dd"), "2020-02-29"),
    "leap year": (lambda: ee.Date("2020-02-29").advance(-1, "year").format("YYYY-MM-dd"), "2019-02-28"),
    "milliseconds": (lambda: ee.Date("2020-01-01T00:00:00.1239").difference("2020-01-01", "second"), 0.123),
    "day over a change": (
        lambda: ee.Date("2021-03-27T12:00", BERLIN).advance(1, "day", BERLIN).millis(),
        millis(2021, 3, 28, 12),
    ),
    "twice": (
        lambda: ee.Date("2021-12-31T02:30", BERLIN).advance(-2, "month", BERLIN).millis(),
        millis(2021, 10, 31, 2, 30, fold=1),
    ),
    "first of two": (lambda: ee.Date("2021-10-31T02:30", BERLIN).millis(), millis(2021, 10, 31, 2, 30)),
    "range of a short day": (
        lambda: ee.Date("2021-03-28").getRange("day", BERLIN),
        {"type": "DateRange", "dates": [millis(2021, 3, 28), millis(2021, 3, 29)]},
    ),
    "short week year": (lambda: ee.Date("2021-01-01").format("xx ww"), "20 53"),
    "default year": (lambda: ee.Date.parse("MM-dd", "02-29").format("YYYY-MM-dd"), "2000-02-29"),
    "default day": (lambda: ee.Date.parse("HH:mm", "10:20").millis(), (10 * 60 + 20) * 60_000),
    "days of a leap year": (lambda: ee.Date("2020-366").format("YYYY-MM-dd"), "2020-12-31"),
    "type of milliseconds": (lambda: ee.Algorithms.ObjectType(ee.Date(0).millis()), "Long"),
    "dimensions": (
        lambda: ee.PixelType(ee.PixelType("double", None, None, 2)).dimensions(),
        2,
    ),
    "days of the year": (
        lambda: (
            ee.FeatureCollection([ee.Feature(None, {"system:time_start": day * 86_400_000}) for day in range(5)])
            .filter(ee.Filter.dayOfYear(2, 4))
            .size()
        ),
        3,
    ),
    "classes of an order": (
        lambda: ee.FeatureCollection([ee.Feature(None, {"a": n, "b": n % 3}) for n in range(5)]).errorMatrix(
            "a", "b", [0, 1]
        ),
        [[1, 0], [0, 1]],
    ),
    "flattened ids": (
        lambda: ee.FeatureCollection([table(1, 2), table(3)]).flatten().aggregate_array("system:index"),
        ["0_0", "0_1", "1_0"],
    ),
    "percentiles": (
        lambda: ee.List.sequence(1, 10).reduce(ee.Reducer.percentile([0, 1, 90, 100])),
        {"p0": 1, "p1": 1, "p90": 9.5, "p100": 10},
    ),
    "few values": (lambda: ee.List([1, 2, 4]).reduce(ee.Reducer.median(maxRaw=2)), 2),
    "nulls": (
        lambda: ee.Dictionary(
            ee.List([None, "a", "b", "b", None]).reduce(
                ee.Reducer.first()
                .combine(ee.Reducer.lastNonNull(), "", True)
                .combine(ee.Reducer.countDistinct(), "", True)
                .setOutputs(["x", "y", "z"])
            )
        ),
        {"x": None, "y": "b", "z": 3},
    ),
    "null in a dictionary": (lambda: ee.List([ee.Dictionary({"a": None}).get("a", 1)]), [None]),
    "totals of nothing": (
        lambda: [getattr(table(None), f"aggregate_{name}")("a") for name in ("sum", "total_sd", "sample_var")],
        [0, None, None],
    ),
    "edge of a bucket": (
        lambda: ee.Array(ee.List([0.3, 0.9]).reduce(ee.Reducer.fixedHistogram(0, 1, 10))).slice(1, 1).project([0]),
        np.histogram([0.3, 0.9], 0.1 * np.arange(11))[0].tolist(),
    ),
    "sequence that ends before it starts": (lambda: ee.List.sequence(0, -1), []),
    "edges kept": (
        lambda: ee.Feature(ee.Geometry.Rectangle([0, 0, 1, 1], None, False)).geometry(1, "EPSG:4326").geodesic(),
        False,
    ),
    "code in lower case": (lambda: ee.Projection("epsg:4326").crs(), "EPSG:4326"),
    "distinct": (lambda: table(1, 1.0, ee.Number(1).divide(1), "1").distinct("a").size(), 2),
    "in a range": (lambda: table(1, 2, 3, None).filter(ee.Filter.rangeContains("a", 2, 3)).size(), 2),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(client, name):
    make, expected = VALUES[name]
    found = [each.getInfo() for each in made] if isinstance(made := make(), list) else made.getInfo()
    assert found == expected
    assert isinstance(found, bool) == isinstance(expected, bool)


REFUSED = {
    "clamp": (lambda: ee.Number(1).clamp(3, 2), "needs min <= max"),
    "parse": (lambda: ee.Number.parse("9" * 20), "up to 64 bits"),
    "parse blanks": (lambda: ee.Number.parse(" 5"), "Can't parse"),
    "parse other digits": (lambda: ee.Number.parse("\u0663"), "Can't parse"),
    "flags": (lambda: ee.Number(5).format("%-05d"), "flags '-0'"),
    "flag without width": (lambda: ee.Number(5).format("%0d"), "flags '0'"),
    "flag of s": (lambda: ee.Number(5).format("%05s"), "flags '0'"),
    "exponent in Java": (lambda: text(12_345_678.5), "how Java writes"),
    "whole float": (lambda: ee.String(ee.Number(4).divide(2)), "how Java writes 2.0"),
    "NaN as text": (lambda: ee.String(nan()), "how Java writes nan"),
    "date as text": (lambda: ee.String(ee.Date(0)), "strings and numbers"),
    "null joined": (lambda: ee.List([None]).join(), "does not support 'Null'"),
    "list joined": (lambda: ee.List([[1]]).join(), "does not support 'List<Object>'"),
    "json escapes": (lambda: ee.String.encodeJSON("a<b"), "'a<b' is written"),
    "json of a date": (lambda: ee.String.encodeJSON(ee.Date(0)), "a Date is written"),
    "json NaN": (lambda: ee.String("NaN").decodeJSON(), "does not read NaN"),
    "json key twice": (lambda: ee.String('{"a":1,"a":2}').decodeJSON(), "duplicate key"),
    "json 64 bits": (lambda: ee.String("9" * 20).decodeJSON(), "does not read 999"),
    "wide blanks": (lambda: ee.String("\u3000a").trim(), "blanks beyond ASCII"),
    "lookahead": (lambda: ee.String("ab").split("(?=b)"), "not the same in Java and RE2"),
    "possessive": (lambda: ee.String("aa").match("a++"), "not the same in Java and RE2"),
    "back reference": (lambda: ee.String("aa").match(r"(a)\1"), "not the same in Java and RE2"),
    "open count": (lambda: ee.String("aa").match("a{,2}"), "not the same in Java and RE2"),
    "carriage return": (lambda: ee.String("a\rb").match("a.b"), "line breaks"),
    "end before a line break": (lambda: ee.String("a\n").match("a$"), "before a line break"),
    "case beyond ASCII": (lambda: ee.String("\u00c9").match("\u00e9", "i"), "ASCII letters only"),
    "word beyond ASCII": (lambda: ee.String("\u00e9a").match(r"\ba"), "belong to a word"),
    "group without part": (lambda: ee.String("a").match("(a)(b)?"), "takes no part"),
    "boolean and number": (lambda: ee.List([1]).contains(True), "whether 1 and True are equal"),
    "images": (lambda: ee.Algorithms.IsEqual(ee.Image(1), ee.Image(2).subtract(1)), "two objects of type Image"),
    "mixed order": (lambda: ee.List([1, "a"]).sort(), "a number and a string"),
    "mixed minimum": (lambda: table(1, "x").aggregate_min("a"), "a number and a string"),
    "mixed comparison": (lambda: table("x").filter(ee.Filter.gte("a", 1)).size(), "order of 'x' and 1"),
    "sequence to a rounded end": (lambda: ee.List.sequence(0, 0.3, 0.1), "whether 0.3 is reached"),
    "one of a range": (lambda: ee.List.sequence(0, 5, None, 1), "does not support 1"),
    "negative repeat": (lambda: ee.List.repeat(1, -1), "must not be negative"),
    "negative splice": (lambda: ee.List([1]).splice(0, -1), "must not be negative"),
    "unzip numbers": (lambda: ee.List([1, [2]]).unzip(), "must be lists"),
    "boolean as number": (lambda: ee.List([True]).getNumber(0), "is not a Number"),
    "key twice": (lambda: ee.Dictionary.fromLists(["a", "a"], [1, 2]), "value of a duplicate counts"),
    "rename twice": (lambda: ee.Dictionary({"a": 1, "b": 2}).rename(["a", "b"], ["c", "c"]), "needs each key once"),
    "text as a band": (lambda: ee.Dictionary({"a": "x"}).toImage(), "'a' is not a Number"),
    "remap twice": (lambda: table(1).remap([1, 1], [2, 3], "a"), "equal values"),
    "absent unless": (
        lambda: table(None).filter(ee.Filter.notEquals(leftField="a", rightField="b")).size(),
        "Filter.notEquals: an element has no value to compare",
    ),
    "empty dates": (lambda: ee.ImageCollection([]).filterDate("2020", "2020").size(), "Empty date ranges"),
    "aggregated dates": (lambda: table(ee.Date(0)).aggregate_array("a"), "does not reduce dates"),
    "histogram of booleans": (lambda: table(True).aggregate_histogram("a"), "keys of booleans"),
    "scale 0": (lambda: ee.Projection("EPSG:4326").scale(0, 1), "must not be 0"),
    "percent twice": (lambda: ee.Number(5).format("%d%%"), "does not support '%d%%'"),
    "split with g": (lambda: ee.String("aa").split("a", "g"), "use 'i'"),
    "named and excluded": (
        lambda: ee.Feature(None).copyProperties(ee.Feature(None, {"a": 1}), ["a"], ["b"]),
        "may not both be specified",
    ),
    "int without limits": (lambda: ee.PixelType("int"), "needs both"),
    "over the new year": (lambda: table(1).filter(ee.Filter.dayOfYear(360, 5)).size(), "use Filter.calendarRange"),
    "list of none": (lambda: table(1).toList(0), "Collection.toList: count must be positive. Got: 0."),
    "nearest": (lambda: ee.Image(1).resample("nearest").bandNames(), "Invalid interpolation mode: nearest"),
    "clip to nothing": (
        lambda: ee.Image(1).clip(ee.Geometry.Point(0, 0).intersection(ee.Geometry.Point(1, 1))).bandNames(),
        "Image.clip: The geometry for image clipping must not be empty.",
    ),
    "PROJ": (
        lambda: ee.Projection("+proj=utm +zone=32").crs(),
        "The CRS of a map projection could not be parsed: '+proj=utm +zone=32'.",
    ),
    "name of a CRS": (
        lambda: ee.Projection("WGS84").crs(),
        "The CRS of a map projection could not be parsed: 'WGS84'.",
    ),
    "no images in a region": (
        lambda: ee.ImageCollection([]).getRegion(ee.Geometry.Point(9, 45), 10),
        "ImageCollection.getRegion: No bands in collection.",
    ),
    "no timestamp": (
        lambda: table(1).filter(ee.Filter.calendarRange(1, 3, "month")).size(),
        "Collection.filter: Can't apply calendarRange filter to objects without a timestamp.",
    ),
    "negative month": (
        lambda: table(1).filter(ee.Filter.calendarRange(-5, 3, "month")).size(),
        "Filter.calendarRange: Start and end date values must be >= 0.",
    ),
    "sum of nothing": (lambda: ee.List([]).reduce(ee.Reducer.sum()), "the sum of no values"),
    "ring of two points": (
        lambda: ee.ApiFunction.lookup("GeometryConstructors.LinearRing").call([[0, 0], [1, 1]]),
        "a LinearRing needs at least 3 points",
    ),
    "line without points": (
        lambda: ee.ApiFunction.lookup("GeometryConstructors.MultiLineString").call([None, 1]),
        "points must be pairs of numbers",
    ),
    "function of one": (
        lambda: ee.ApiFunction.lookup("List.iterate").call([1], lambda each: each, 0),
        "A function with 1 arguments is called with 2",
    ),
    "linked number": (
        lambda: ee.Image(1).linkCollection(ee.ImageCollection([1]), ee.Number(1)).bandNames(),
        "a string or a list of strings",
    ),
    "no filters": (lambda: table(1).filter(ee.Filter.Or()).size(), "give at least one"),
    "negative limit": (lambda: table(1).limit(-1), "must not be negative"),
    "sample of one": (lambda: ee.List([5]).reduce(ee.Reducer.sampleStdDev()), "so few values"),
    "large integers": (lambda: ee.List([2**53 + 1]).reduce(ee.Reducer.max()), "more than 53 bits"),
    "equal outputs": (
        lambda: ee.List([1]).reduce(ee.Reducer.mean().combine(ee.Reducer.mean(), "", True)),
        "an output 'mean'",
    ),
    "gap": (lambda: ee.Date("2021-03-28T02:30", BERLIN), "clocks of the time zone skip"),
    "part of a month": (lambda: ee.Date("2020-01-01").advance(1.5, "month"), "by 1.5 month"),
    "far year": (lambda: ee.Date("2020-01-01").advance(9000, "year"), "years 1 to 9999"),
    "far milliseconds": (lambda: ee.Date(1e18).format(), "years 1 to 9999"),
    "day 366": (lambda: ee.Date("2019-366"), "Bad date/time"),
    "blanks around": (lambda: ee.Date(" 2020-01-01"), "Bad date/time"),
    "week of a year": (lambda: ee.Date("2021-04-30").getRelative("week", "year"), "the week in a year"),
    "day of a day": (lambda: ee.Date("2021-04-30").getRelative("day", "day"), "the day in a day"),
    "hours of a short day": (lambda: ee.Date("2021-03-28T12:00").getRelative("hour", "day", BERLIN), "clocks"),
    "open quotation": (lambda: ee.Date(0).format("YYYY'T"), "not closed"),
    "year 0": (lambda: ee.Date.parse("yyyy", "0000"), "Bad date/time"),
    "start of all": (lambda: ee.DateRange.unbounded().start(), "unbounded"),
    "ranges apart": (lambda: ee.DateRange("2020", "2021").intersection(ee.DateRange("2022", "2023")), "do not meet"),
    "array of 65 bits": (lambda: ee.Array([2**63]), "up to 64 bits"),
    "array overflow": (lambda: ee.Array([2**62]).multiply(4), "more than 64 bits"),
    "nearly singular": (
        lambda: ee.Array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]).matrixInverse(),
        "singular",
    ),
    "maximum with NaN": (lambda: ee.Array([1, 2]).subtract(2).sqrt().argmax(), "with NaN"),
    "reversed limits": (lambda: ee.PixelType("int8", 5, 0), "not within"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_source_says_is_refused(client, name):
    make, message = REFUSED[name]
    with pytest.raises(ee.EEException) as caught:
        make().getInfo()
    assert message in str(caught.value)
