"""Checks of numbers, text and metadata whose rules Google's API samples show."""

from typing import Any

from mmearth_devkit.engine_checks.check import API, EngineCheck, Probe, assumed, documented


def _crossing(ee: Any) -> Any:
    """A polygon whose edges cross in the middle of a square: two of the square's four triangles."""
    return ee.Geometry.Polygon([[[0, 0], [1, 1], [1, 0], [0, 1]]], None, False)


def _square(ee: Any) -> Any:
    return ee.Geometry.Polygon([[[0, 0], [1, 0], [1, 1], [0, 1]]])


def _twice(ee: Any) -> Any:
    """A MultiPolygon of two equal squares."""
    return ee.Geometry.MultiPolygon([_square(ee).coordinates()] * 2)


ANSWERS: tuple[EngineCheck, ...] = (
    documented(
        "atan2-order",
        "`x.atan2(y)` is the angle of the vector [x, y]: x comes first.",
        API + "number-atan2",
        Probe(lambda ee: [ee.Number(1).atan2(0), ee.Number(-1).atan2(0)], [0, 3.141592653589793], tolerance=1e-9),
    ),
    documented(
        "bitCount-negative",
        "`bitCount` counts the bits of the 64-bit two's complement.",
        API + "number-bitcount",
        Probe(lambda ee: [ee.Number(-1).bitCount(), ee.Number(-2).bitCount()], [64, 63]),
    ),
    documented(
        "split-groups",
        "`String.split` returns no captured groups and no empty strings at the end, and knows POSIX classes.",
        API + "string-split",
        Probe(
            lambda ee: [ee.String("aBAb,").split("(BA|,)"), ee.String("a b").split("[[:space:]]")],
            [["a", "b"], ["a", "b"]],
        ),
    ),
    assumed(
        "replace-groups",
        "`$1` in a replacement is a group, and a backslash quotes the next character.",
        "Java's Matcher.appendReplacement, as the server is written in Java",
        Probe(lambda ee: ee.String("ab").replace("(a)(b)", r"$2\$1"), "b$1"),
    ),
    documented(
        "json-blanks",
        "`encodeJSON` writes no blanks, and keys in alphabetical order.",
        API + "string-encodejson",
        Probe(lambda ee: ee.String.encodeJSON(ee.Dictionary({"b": [1, 2], "a": "c"})), '{"a":"c","b":[1,2]}'),
    ),
    documented(
        "cast-long",
        "An integer of a program is an `Integer`, and one that was cast is a `Long`.",
        API + "algorithms-objecttype",
        Probe(lambda ee: [ee.Algorithms.ObjectType(each) for each in (1, ee.Number(1).int8())], ["Integer", "Long"]),
    ),
    documented(
        "even-odd",
        "The inside of a polygon whose edges cross follows the even-odd rule.",
        API + "geometry-polygon",
        Probe(
            lambda ee: [_crossing(ee).contains(ee.Geometry.Point(p), 1) for p in ([0.8, 0.5], [0.5, 0.2])],
            [True, False],
        ),
    ),
    documented(
        "area-overlap",
        "Where polygons of a MultiPolygon overlap, the area counts the overlap for each of them.",
        API + "geometry-multipolygon-area",
        Probe(lambda ee: _twice(ee).area(1).divide(_square(ee).area(1)), 2, tolerance=1e-6),
    ),
    assumed(
        "inside-overlap",
        "A point in any polygon of a MultiPolygon is inside it, also where two overlap.",
        "`dissolve` is documented to unite multi geometries",
        Probe(lambda ee: _twice(ee).contains(ee.Geometry.Point([0.5, 0.5]), 1), True),
    ),
    assumed(
        "range-of-nd",
        "The pixels of `normalizedDifference` have the type float from -1 to 1.",
        "common practice",
        Probe(
            lambda ee: ee.Image([1, 2]).normalizedDifference().bandTypes().get("nd"),
            {"type": "PixelType", "precision": "float", "min": -1, "max": 1},
        ),
    ),
    assumed(
        "clip-window",
        "A clipped band has the `dimensions` and the `origin` of the whole pixels around the geometry.",
        "common practice",
        unchecked="The rest of an image's metadata differs between engines.",
    ),
    assumed(
        "dictionary-absent",
        "`toDictionary` gives null for a named property that is missing.",
        "`get` of one property is null; geeViz asks for `system:time_end` of images that do not have it "
        "(https://github.com/gee-community/geeViz, `gee2Pandas.py`)",
        Probe(lambda ee: ee.Feature(None, {"a": 1}).toDictionary(["a", "b"]), {"a": 1, "b": None}),
    ),
    assumed(
        "dimensions-kept",
        "Arithmetic keeps the `dimensions` of a band, unless the other operand has other bounds.",
        "common practice",
        unchecked="It needs an image asset, and no request names one.",
    ),
)
