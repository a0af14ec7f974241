"""Checks of single values: numbers, strings, lists, dictionaries and dates."""

from mmearth_devkit.engine_checks.check import API, REFUSED, EngineCheck, Probe, assumed, documented

JODA = "Joda time, whose patterns Google documents for dates, does so: "

TEXT: tuple[EngineCheck, ...] = (
    assumed(
        "constant-numbers",
        "1.0 in a program is the integer 1.",
        "the API's `constantValue` is a protobuf value, which has one type of number",
        Probe(lambda ee: ee.Algorithms.ObjectType(ee.Number(1.0)), "Integer"),
    ),
    assumed(
        "infinite-numbers",
        "Infinite numbers and NaN are sent as text.",
        "JSON has none, and the API sample of `ee.Array.pow` prints so",
        Probe(lambda ee: ee.Number(0).log(), "-Infinity"),
    ),
    documented(
        "cast-limits",
        "`toInt64` of a number beyond 64 bits is the nearest integer of 64 bits.",
        API + "number-toint64",
        Probe(lambda ee: ee.Number(1e19).toInt64().subtract(9_223_372_036_854_775_800), 7),
    ),
    documented(
        "unit-scale-equal",
        "`Number.unitScale` is 0 if both ends are equal.",
        API + "number-unitscale",
        Probe(lambda ee: ee.Number(5).unitScale(1, 1), 0),
    ),
    documented(
        "relative-larger",
        "`Date.getRelative` is 0 if the unit is larger than the other.",
        API + "date-getrelative",
        Probe(lambda ee: ee.Date("2021-04-30").getRelative("month", "day"), 0),
    ),
    assumed(
        "match-all",
        "`String.match` with the flag g returns all matches, without their groups.",
        "a test of geetools' `String.format`, which passes on Google's servers, needs it",
        Probe(lambda ee: ee.String("a1b2").match("[a-z]([0-9])", "g"), ["a1", "b2"]),
    ),
    assumed(
        "list-equal",
        "Numbers in lists are equal by value: 2 and 4 / 2.",
        "a test of geetools' `DateRange.split`, which passes on Google's servers, needs it for floats",
        Probe(lambda ee: ee.List([1, 2]).indexOf(ee.Number(4).divide(2)), 1),
    ),
    documented(
        "unzip-shortest",
        "`List.unzip` gives as many lists as the shortest inner list has elements.",
        API + "list-unzip",
        Probe(lambda ee: ee.List([[1, 2], [3]]).unzip(), [[1, 3]]),
    ),
    assumed(
        "join-booleans",
        "`List.join` writes booleans as `true` and `false`.",
        "the description says that their text is well-defined; Java writes so",
        Probe(lambda ee: ee.List([True, 1, "a"]).join(","), "true,1,a"),
    ),
    assumed(
        "combine-null",
        "`Dictionary.combine` takes the other dictionary's value for a key whose value is null.",
        "a default by `combine` for an absent property, with `overwrite=False`, is common: OpenET's interpolation "
        "(https://github.com/Open-ET/openet-core) needs it",
        Probe(
            lambda ee: ee.Dictionary({"a": ee.Image(1).get("absent")}).combine({"a": 1}, False),
            {"a": 1},
        ),
    ),
    documented(
        "map-drops-nulls",
        "`Dictionary.map` drops keys whose new value is null.",
        API + "dictionary-map",
        Probe(
            lambda ee: ee.Dictionary({"a": 1, "b": 2}).map(
                lambda _key, value: ee.Algorithms.If(ee.Number(value).gt(1), value, None)
            ),
            {"b": 2},
        ),
    ),
    assumed(
        "text-order",
        "Strings are ordered by their UTF-16 code units.",
        "Java's `String.compareTo` does so",
        Probe(lambda ee: ee.String("\uffff").compareTo("\N{SNAKE}"), 1),
    ),
    assumed(
        "date-milliseconds",
        "Dates are whole milliseconds; the rest is cut off.",
        f"{JODA}an instant is a number of milliseconds",
        Probe(lambda ee: ee.Date("2020-01-01T00:00:00.1239").millis(), 1_577_836_800_123),
    ),
    assumed(
        "date-gap",
        "A local time that does not exist, because clocks go forward, is an error.",
        f"{JODA}`IllegalInstantException`",
        Probe(lambda ee: ee.Date("2021-03-28T02:30", "CET").millis(), REFUSED),
    ),
    assumed(
        "date-twice",
        "A date that is moved to a local time that occurs twice, because clocks go back, keeps its offset from UTC.",
        f"{JODA}`DateTimeZone.convertLocalToUTC`",
        Probe(
            lambda ee: ee.Date("2021-12-31T02:30", "CET").advance(-2, "month", "CET").millis(),
            1_635_643_800_000,
        ),
    ),
    assumed(
        "date-default-year",
        "`Date.parse` of a month or a day without a year is in the year 2000.",
        f"{JODA}`DateTimeFormatter.withDefaultYear`",
        Probe(lambda ee: ee.Date.parse("MM-dd", "02-29").format("YYYY-MM-dd"), "2000-02-29"),
    ),
    assumed(
        "rotate-direction",
        "`List.rotate` moves elements towards the end of the list.",
        "its description has the words of Java's `Collections.rotate`, which does so",
        Probe(lambda ee: ee.List([1, 2, 3, 4]).rotate(1), [4, 1, 2, 3]),
    ),
)
