"""Lists, dictionaries, numbers, strings, dates and conditions, through the real client."""

import datetime as dt
import math

import ee
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from localearth.functions.joda import format_date
from localearth.values.date import advance, of_datetime


def number(value):
    return ee.Number(value)


CASES = {
    "list get": (lambda: ee.List([1, 2, 3]).get(-1), 3),
    "list slice": (lambda: ee.List([1, 2, 3, 4]).slice(1, 9), [2, 3, 4]),
    "list slice beyond": (lambda: ee.List([1]).slice(5, 6), []),
    "list slice step": (lambda: ee.List.sequence(0, 9).slice(0, None, 3), [0, 3, 6, 9]),
    "list map": (lambda: ee.List([1, 2]).map(lambda x: ee.Number(x).multiply(10)), [10, 20]),
    "list map drop": (lambda: ee.List([1, 2]).map(lambda x: ee.Algorithms.If(ee.Number(x).gt(1), x, None), True), [2]),
    "list iterate": (lambda: ee.List([1, 2, 3]).iterate(lambda x, s: ee.Number(x).add(s), 10), 16),
    "list filter": (lambda: ee.List([1, 5, 9]).filter(ee.Filter.gt("item", 4)), [5, 9]),
    "list sequence": (lambda: ee.List.sequence(2, 8, 3), [2, 5, 8]),
    "list sequence count": (lambda: ee.List.sequence(0, 1, None, 3), [0, 0.5, 1]),
    "list sequence down": (lambda: ee.List.sequence(3, 1, -1), [3, 2, 1]),
    "list zip": (lambda: ee.List([1, 2]).zip(["a", "b"]), [[1, "a"], [2, "b"]]),
    "list unzip": (lambda: ee.List([[1, "a"], [2, "b"]]).unzip(), [[1, 2], ["a", "b"]]),
    "list cat": (lambda: ee.List([1]).cat([2]).add(3), [1, 2, 3]),
    "list insert": (lambda: ee.List([1, 3]).insert(1, 2), [1, 2, 3]),
    "list set": (lambda: ee.List([1, 3]).set(-1, 2), [1, 2]),
    "list swap": (lambda: ee.List([1, 2, 3]).swap(0, 2), [3, 2, 1]),
    "list sort": (lambda: ee.List([3, 1, 2]).sort(), [1, 2, 3]),
    "list sort keys": (lambda: ee.List(["a", "b", "c"]).sort([3, 1, 2]), ["b", "c", "a"]),
    "list reverse": (lambda: ee.List([1, 2]).reverse(), [2, 1]),
    "list rotate": (lambda: ee.List([1, 2, 3, 4]).rotate(1), [4, 1, 2, 3]),
    "list rotate back": (lambda: ee.List([1, 2, 3, 4]).rotate(-5), [2, 3, 4, 1]),
    "list repeat": (lambda: ee.List.repeat("x", 2), ["x", "x"]),
    "list contains": (lambda: ee.List([1, 2]).contains(2), True),
    "list contains all": (lambda: ee.List([1, 2]).containsAll([2, 3]), False),
    "list index": (lambda: ee.List([5, 6]).indexOf(6), 1),
    "list no index": (lambda: ee.List([5, 6]).indexOf(7), -1),
    "list sublist": (lambda: ee.List([1, 2, 3]).indexOfSublist([2, 3]), 1),
    "list flatten": (lambda: ee.List([1, [2, [3]]]).flatten(), [1, 2, 3]),
    "list distinct": (lambda: ee.List([2, 1, 2]).distinct(), [2, 1]),
    "list frequency": (lambda: ee.List([2, 1, 2]).frequency(2), 2),
    "list remove": (lambda: ee.List([2, 1, 2]).remove(2), [1, 2]),
    "list remove all": (lambda: ee.List([2, 1, 2]).removeAll([2]), [1]),
    "list replace": (lambda: ee.List([2, 1, 2]).replace(2, 9), [9, 1, 2]),
    "list replace all": (lambda: ee.List([2, 1, 2]).replaceAll(2, 9), [9, 1, 9]),
    "list splice": (lambda: ee.List([1, 2, 3]).splice(1, 1, [8, 9]), [1, 8, 9, 3]),
    "list join": (lambda: ee.List([1, "b"]).join("-"), "1-b"),
    "list reduce": (lambda: ee.List([1, 2, 6]).reduce(ee.Reducer.mean()), 3),
    "list reduce two": (lambda: ee.List([1, 2, 6]).reduce(ee.Reducer.minMax()), {"min": 1, "max": 6}),
    "list size": (lambda: ee.List([1, 2]).size(), 2),
    "list get number": (lambda: ee.List([1, 2]).getNumber(1), 2),
    "dictionary get": (lambda: ee.Dictionary({"a": 1}).get("a"), 1),
    "dictionary default": (lambda: ee.Dictionary({"a": 1}).get("b", 7), 7),
    "dictionary keys": (lambda: ee.Dictionary({"b": 1, "a": 2}).keys(), ["a", "b"]),
    "dictionary values": (lambda: ee.Dictionary({"b": 1, "a": 2}).values(), [2, 1]),
    "dictionary chosen values": (lambda: ee.Dictionary({"b": 1, "a": 2}).values(["b"]), [1]),
    "dictionary set": (lambda: ee.Dictionary({"b": 1}).set("a", 2), {"a": 2, "b": 1}),
    # What OpenET's interpolation needs for an absent property.
    "dictionary combine null": (
        lambda: ee.Dictionary({"a": ee.Image(1).get("no")}).combine({"a": 1}, overwrite=False),
        {"a": 1},
    ),
    "dictionary combine": (lambda: ee.Dictionary({"a": 1}).combine({"a": 2, "b": 3}), {"a": 2, "b": 3}),
    "dictionary combine kept": (lambda: ee.Dictionary({"a": 1}).combine({"a": 2}, False), {"a": 1}),
    "dictionary select": (lambda: ee.Dictionary({"a1": 1, "a2": 2, "b": 3}).select(["a.*"]), {"a1": 1, "a2": 2}),
    "dictionary remove": (lambda: ee.Dictionary({"a": 1, "b": 3}).remove(["a", "z"], True), {"b": 3}),
    "dictionary rename": (lambda: ee.Dictionary({"a": 1, "b": 3}).rename(["a"], ["c"]), {"b": 3, "c": 1}),
    "dictionary lists": (lambda: ee.Dictionary.fromLists(["a", "b"], [1, 2]), {"a": 1, "b": 2}),
    "dictionary turns": (lambda: ee.Dictionary(["a", 1, "b", 2]), {"a": 1, "b": 2}),
    "dictionary map": (lambda: ee.Dictionary({"a": 1}).map(lambda k, v: ee.Number(v).add(1)), {"a": 2}),
    "dictionary contains": (lambda: ee.Dictionary({"a": 1}).contains("a"), True),
    "dictionary size": (lambda: ee.Dictionary({"a": 1}).size(), 1),
    "number arithmetic": (lambda: number(7).add(1).multiply(2).subtract(1).divide(5), 3),
    "number divide": (lambda: number(1).divide(2), 0.5),
    "number divide by zero": (lambda: number(1).divide(0), 0),
    "number mod": (lambda: number(-7).mod(3), -1),
    "number pow": (lambda: number(2).pow(10), 1024),
    "number comparisons": (lambda: ee.List([number(1).lt(2), number(1).gte(2), number(1).eq(1)]), [1, 0, 1]),
    "number logic": (lambda: ee.List([number(2).And(0), number(2).Or(0), number(0).Not()]), [0, 1, 1]),
    "number bits": (
        lambda: ee.List([number(6).bitwiseAnd(3), number(1).leftShift(4), number(7).bitCount()]),
        [2, 16, 3],
    ),
    "number rounding": (lambda: ee.List([number(2.5).round(), number(-1.5).floor(), number(1.2).ceil()]), [3, -2, 2]),
    "number is an index": (lambda: ee.List([5, 6]).get(number(0.6).round()), 6),
    "number clamp": (lambda: number(9).clamp(0, 5), 5),
    "number unit scale": (lambda: number(5).unitScale(0, 10), 0.5),
    "number min max": (lambda: ee.List([number(3).min(1), number(3).max(1)]), [1, 3]),
    "number parse": (lambda: ee.List([ee.Number.parse("ff", 16), ee.Number.parse("1.5")]), [255, 1.5]),
    "number format": (lambda: ee.List([number(7).format("%03d"), number(1.5).format("%.2f")]), ["007", "1.50"]),
    "number as text": (lambda: ee.List([number(7).format(), ee.String(ee.Number(2))]), ["7", "2"]),
    "string cat": (lambda: ee.String("a").cat("b").toUpperCase(), "AB"),
    "string slice": (lambda: ee.String("abcd").slice(1, -1), "bc"),
    "string split": (lambda: ee.String("a_b_c").split("_"), ["a", "b", "c"]),
    "string match": (lambda: ee.String("T18SUG_x").match("T([0-9]+)"), ["T18", "18"]),
    "string no match": (lambda: ee.String("abc").match("z"), []),
    "string match all": (lambda: ee.String("a1b2").match("[0-9]", "g"), ["1", "2"]),
    "string match all without groups": (lambda: ee.String("{a} {b}").match(r"\{(.)\}", "g"), ["{a}", "{b}"]),
    "string replace": (lambda: ee.String("aa").replace("a", "b"), "ba"),
    "string replace all": (lambda: ee.String("aa").replace("(a)", "$1x", "g"), "axax"),
    "string index": (lambda: ee.List([ee.String("abcb").index("b"), ee.String("abcb").rindex("b")]), [1, 3]),
    "string length": (lambda: ee.String(" ab ").trim().length(), 2),
    "string compare": (lambda: ee.List([ee.String("a").compareTo("b"), ee.String("a").equals("a")]), [-1, True]),
    "string json": (lambda: ee.String('{"a": [1]}').decodeJSON(), {"a": [1]}),
    "date text": (lambda: ee.Date("2017-03-04").format(), "2017-03-04T00:00:00"),
    "date pattern": (
        lambda: ee.Date("2017-03-04T05:06:07").format("YYYYMMdd HH:mm:ss 'o''clock' D"),
        "20170304 05:06:07 o'clock 63",
    ),
    "date months": (lambda: ee.Date("2017-03-04").format("MMM d, yy"), "Mar 4, 17"),
    "date zone": (lambda: ee.Date("2017-03-04", "America/New_York").format("HH"), "05"),
    "date millis": (lambda: ee.Date("1970-01-02").millis(), 86_400_000),
    "date of millis": (lambda: ee.Date(86_400_000).format("YYYY-MM-dd"), "1970-01-02"),
    "date year and day": (lambda: ee.Date("1996-034").format("YYYY-MM-dd"), "1996-02-03"),
    "date advance": (lambda: ee.Date("2017-01-31").advance(1, "month").format("YYYY-MM-dd"), "2017-02-28"),
    "date back": (lambda: ee.Date("2018-03-15").advance(-1, "year").format("YYYY-MM-dd"), "2017-03-15"),
    "date days": (lambda: ee.Date("2017-12-31").advance(1.5, "day").format("YYYY-MM-dd HH"), "2018-01-01 12"),
    "date difference": (lambda: ee.Date("2017-01-31").difference("2017-01-01", "day"), 30),
    "date fields": (
        lambda: ee.List([ee.Date("2017-03-04").get(u) for u in ("year", "month", "day", "week")]),
        [2017, 3, 4, 9],
    ),
    "date relative": (lambda: ee.Date("2017-03-04").getRelative("day", "year"), 62),
    "date relative month": (lambda: ee.Date("2017-03-04").getRelative("month", "year"), 2),
    "date range": (lambda: ee.Date("2017-02-04").getRange("month").end().format("YYYY-MM-dd"), "2017-03-01"),
    "date fraction": (lambda: ee.Date("2017-01-01T12:00").getFraction("day"), 0.5),
    "date update": (lambda: ee.Date("2017-01-01").update(2018, 2).format("YYYY-MM-dd"), "2018-02-01"),
    "date of fields": (lambda: ee.Date.fromYMD(2017, 5, 6).format("YYYY-MM-dd"), "2017-05-06"),
    "range contains": (lambda: ee.DateRange("2017-01-01", "2018-01-01").contains(ee.Date("2018-01-01")), False),
    "range intersects": (lambda: ee.DateRange("2017", "2018").intersects(ee.DateRange("2017-06", "2019")), True),
    "if number": (lambda: ee.Algorithms.If(0, "yes", "no"), "no"),
    "if text": (lambda: ee.Algorithms.If("", "yes", "no"), "no"),
    "if element": (lambda: ee.Algorithms.If(ee.Image(0), "yes", "no"), "yes"),
    "if null": (lambda: ee.Algorithms.If(ee.List([None]).get(0), "yes", "no"), "no"),
    "type": (lambda: ee.Algorithms.ObjectType(ee.Image(1)), "Image"),
    "pixel type": (lambda: ee.PixelType.uint8(), {"type": "PixelType", "precision": "int", "min": 0, "max": 255}),
}


@pytest.mark.parametrize("case", CASES)
def test_values_are_as_documented(local, case):
    build, expected = CASES[case]
    got = build().getInfo()
    assert got == expected
    assert isinstance(got, bool) == isinstance(expected, bool)


FAILURES = {
    "key": (lambda: ee.Dictionary({"a": 1}).get("b"), "Dictionary.get: Dictionary does not contain key: 'b'."),
    "date": (lambda: ee.Date("yesterday"), "Date: Bad date/time 'yesterday'."),
    "unit": (lambda: ee.Date("2017").advance(1, "eon"), "Date.advance: Unknown unit 'eon'."),
    "zone": (lambda: ee.Date("2017", "Mars"), "The datetime zone id 'Mars' is not recognised."),
    "pattern": (lambda: ee.Date("2017").format("qq"), "does not support 'q'; letters are y"),
    "number": (lambda: ee.Number.parse("x"), "Number.parse: Can't parse 'x' as a number."),
    "lengths": (lambda: ee.Dictionary.fromLists(["a"], []), "Dictionary.fromLists: Keys and values must have"),
    "order": (lambda: ee.List([ee.Image(1), ee.Image(2)]).sort(), "List.sort: Only numbers, dates and strings"),
    "number format": (lambda: ee.Number(1.5).format("%d"), "needs a whole number"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failures_are_reported(local, case):
    build, message = FAILURES[case]
    with pytest.raises(ee.EEException) as caught:
        build().getInfo()
    assert message in str(caught.value)


@settings(deadline=None, max_examples=200)
@given(
    st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2090, 1, 1)),
    st.integers(-500, 500),
)
def test_months_are_added_by_the_calendar(when, months):
    start = of_datetime(when.replace(tzinfo=dt.UTC, microsecond=0))
    moved = advance(start, months, "month").at()
    assert (moved.year * 12 + moved.month) - (when.year * 12 + when.month) == months
    assert moved.day == when.day or (moved.day < when.day and (moved + dt.timedelta(days=1)).day == 1)


@settings(deadline=None)
@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)))
def test_patterns_are_strftimes(when):
    aware = when.replace(tzinfo=dt.UTC)
    assert format_date(aware, "YYYY-MM-dd'T'HH:mm:ss") == aware.strftime("%Y-%m-%dT%H:%M:%S")


@settings(deadline=None)
@given(
    st.floats(-1e12, 1e12, allow_nan=False), st.sampled_from(["uint8", "int8", "uint16", "int16", "int32", "uint32"])
)
def test_casts_clamp_and_cut_off_fractions(value, name):
    from localearth.values.pixel_type import NAMED, cast

    limits = np.iinfo(name)
    assert cast(np.asarray([value]), NAMED[name])[0] == min(max(math.trunc(value), limits.min), limits.max)


def test_casts_of_numbers_are_as_google_documents_them(local):
    got = ee.List([ee.Number(1.7).toUint16(), ee.Number(77880).toUint16(), ee.Number(-12345).toUint16()]).getInfo()
    assert got == [1, 65535, 0]


def test_rounding_is_exact_at_the_edges_of_precision():
    from localearth.functions.arithmetic import half_up

    values = [0.49999997, 0.5, 1.5, 2.5, -0.5, -2.5, 8388609.0, -0.2]
    assert half_up(np.asarray(values, np.float32)).tolist() == [0, 1, 2, 3, -1, -3, 8388609, 0]
    assert half_up(np.asarray([0.49999999999999994, 2.0**52 + 1])).tolist() == [0, 2.0**52 + 1]
