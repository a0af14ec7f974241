"""TOML tables become attrs classes strictly; every refusal names the key and what is allowed."""

import datetime as dt
import enum
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import field, frozen, validators
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.config.structure import describe, structure
from mmearth_core.errors import ConfigError


class Shape(enum.StrEnum):
    ROUND = "round"
    SQUARE = "square"


@frozen
class Point:
    x: float
    y: float = field(default=0.0, validator=validators.ge(0))


@frozen
class Options:
    name: str = field(metadata={"help": "what it is called"})
    count: int = field(default=3, validator=validators.in_([1, 2, 3]), metadata={"help": "how many"})
    share: float = 0.5
    deep: bool = False
    path: Path = Path("data")
    day: dt.date = dt.date(2020, 6, 30)
    moment: dt.datetime | None = None
    shape: Shape = Shape.ROUND
    mode: Literal["mean", "mode", 3] = "mean"
    years: tuple[int, ...] = (2019, 2020)
    pair: tuple[float, str] = (1.0, "a")
    names: list[str] = field(factory=list)
    row: Sequence[int] = ()
    weights: Mapping[str, float] = field(factory=dict)
    point: Point | None = None
    points: tuple[Point, ...] = ()
    either: int | str = 1
    free: Any = None
    untyped: dict = field(factory=dict)


def parse(toml: str) -> Options:
    return structure(tomllib.loads(f'name = "n"\n{toml}'), Options, "modalities.probe", "conf.toml")


def refusal(toml: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(toml)
    text = str(caught.value)
    assert text.startswith("conf.toml: [modalities.probe] ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("toml", "key", "value"),
    [
        ("count = 2", "count", 2),
        ("share = 1", "share", 1.0),
        ("deep = true", "deep", True),
        ('path = "a/b"', "path", Path("a/b")),
        ("day = 2019-02-03", "day", dt.date(2019, 2, 3)),
        ("moment = 2019-02-03T04:05:06", "moment", dt.datetime(2019, 2, 3, 4, 5, 6)),
        ('shape = "square"', "shape", Shape.SQUARE),
        ('mode = "mode"', "mode", "mode"),
        ("mode = 3", "mode", 3),
        ("years = [2018]", "years", (2018,)),
        ('pair = [2, "b"]', "pair", (2.0, "b")),
        ('names = ["a", "b"]', "names", ["a", "b"]),
        ("row = [1, 2]", "row", (1, 2)),
        ("weights = { a = 1, b = 0.5 }", "weights", {"a": 1.0, "b": 0.5}),
        ("point = { x = 1 }", "point", Point(1.0)),
        ("points = [{ x = 1 }, { x = 2, y = 3 }]", "points", (Point(1.0), Point(2.0, 3.0))),
        ('either = "a"', "either", "a"),
        ("either = 2", "either", 2),
        ("free = [1]", "free", [1]),
        ("untyped = { a = 1 }", "untyped", {"a": 1}),
    ],
)
def test_values_that_fit(toml, key, value):
    got = getattr(parse(toml), key)
    assert got == value
    assert type(got) is type(value)


def test_defaults_stand_where_the_table_is_silent():
    assert parse("") == Options("n")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('count = "2"', 'count: found "2", expected a whole number.'),
        ("count = 2.0", "count: found 2.0, expected a whole number."),
        ("count = true", "count: found true, expected a whole number."),
        ("share = true", "share: found true, expected a number."),
        ('share = "1"', 'share: found "1", expected a number.'),
        ("deep = 1", "deep: found 1, expected true or false."),
        ("path = 1", "path: found 1, expected a path."),
        ('day = "2019-02-03"', 'day: found "2019-02-03", expected a date such as 2020-06-30, without quotes.'),
        ("day = 2019-02-03T04:05:06", "day: found 2019-02-03T04:05:06, expected a date"),
        ("moment = 2019-02-03", "moment: found 2019-02-03, expected a date and time"),
        ('shape = "oval"', 'shape: found "oval", expected one of "round", "square".'),
        ('mode = "max"', 'mode: found "max", expected one of "mean", "mode", 3.'),
        ("mode = 3.0", "mode: found 3.0, expected one of"),
        ("years = 2018", "years: found 2018, expected a list, each a whole number."),
        ("years = [2018, 2019.5]", "years[1]: found 2019.5, expected a whole number."),
        ("pair = [1]", "pair: found [1], expected a list of 2: a number, text."),
        ("pair = [1, 2]", "pair[1]: found 2, expected text."),
        ('names = "ab"', 'names: found "ab", expected a list, each text.'),
        ("weights = [1]", "weights: found [1], expected a table whose values are a number."),
        ('weights = { a = "1" }', 'weights.a: found "1", expected a number.'),
        ("point = 1", "point: found 1, expected a table with the keys x, y."),
        ('point = { x = "1" }', 'point.x: found "1", expected a number.'),
        ("points = [{ x = 1 }, { x = 1, y = -1 }]", "points[1].y: 'y' must be >= 0: -1.0."),
        ("point = { y = 1 }", "point.x is missing; it has no default."),
        ("points = [{ x = 1, z = 2 }]", "points[0].z: unknown key"),
        ("either = 1.5", "either: found 1.5, expected a whole number or text."),
        ("count = 7", "count: 'count' must be in [1, 2, 3] (got 7)."),
    ],
)
def test_values_that_do_not_fit(toml, words):
    assert f"[modalities.probe] {words}" in refusal(toml)


def test_unknown_key_is_answered_with_all_keys():
    text = refusal("cuont = 1")
    assert "[modalities.probe] cuont: unknown key. Did you mean 'count'?" in text
    assert "Allowed in [modalities.probe]: name (text; required), count (a whole number; default 3), share" in text
    assert 'shape (one of "round", "square"; default "round")' in text


def test_missing_key():
    with pytest.raises(ConfigError, match=r"\[a\] name is missing; it has no default\. Allowed in \[a\]: name \(text"):
        structure({}, Options, "[a]", "f")


def test_several_mistakes_come_together():
    text = refusal('count = "x"\nshare = "y"\nother = 1')
    for words in ("count: found", "share: found", "other: unknown key"):
        assert words in text


def test_not_a_table():
    with pytest.raises(ConfigError, match="f: `a` is 3; it must be a table"):
        structure(3, Options, "a", "f")


def test_class_without_options():
    @frozen
    class Nothing:
        pass

    assert structure({}, Nothing, "a", "f") == Nothing()
    with pytest.raises(ConfigError, match=r"x: unknown key\. Allowed in \[a\]: nothing, it has no options"):
        structure({"x": 1}, Nothing, "a", "f")


def test_errors_of_custom_validators_converters_and_the_class_are_named():
    @frozen
    class Custom:
        low: int = field(default=0)
        high: int = 1
        text: str = field(default="a", converter=str.lower)

        @low.validator
        def _check(self, _attribute, value):
            if value < 0:
                raise RuntimeError("below zero")

        def __attrs_post_init__(self):
            if self.low > self.high:
                raise ValueError("low is above high")

    with pytest.raises(ConfigError, match=r"f: \[a\] low: below zero\."):
        structure({"low": -1}, Custom, "a", "f")
    with pytest.raises(ConfigError, match=r"f: \[a\]: low is above high\."):
        structure({"low": 3}, Custom, "a", "f")
    assert structure({"text": "AB"}, Custom, "a", "f").text == "ab"
    with pytest.raises(ConfigError, match=r"f: \[a\]: low is above high\."):
        structure({"low": 1}, Custom, "a", "f", defaults=Custom(low=0, high=0))


def test_given_defaults_hold_where_the_table_is_silent():
    base = Options("n", count=1, share=0.25, years=(1,))
    assert structure({"name": "m", "years": [2]}, Options, "a", "f", defaults=base) == Options(
        "m", count=1, share=0.25, years=(2,)
    )


def test_validators_are_on_after_a_refusal():
    refusal("count = 7")
    assert not validators.get_disabled()


def test_describe():
    keys = {key.key: key for key in describe(Options)}
    assert list(keys)[:2] == ["name", "count"]
    assert keys["name"] == ("name", "text", None, "what it is called")
    assert keys["count"] == ("count", "a whole number", "3", "how many")
    assert keys["path"].default == '"data"'
    assert keys["day"].default == "2020-06-30"
    assert keys["moment"].default == "none"
    assert keys["names"].default == "[]"
    assert keys["points"].type == "a list, each a table with the keys x, y"


def test_describe_shows_nested_and_derived_defaults():
    @frozen
    class Nested:
        point: Point = Point(1.0)
        low: int = 1
        high: int = field()

        @high.default
        def _high(self):
            return self.low + 1

    keys = {key.key: key.default for key in describe(Nested)}
    assert keys == {"point": "{x = 1.0, y = 0.0}", "low": "1", "high": "derived from the other keys"}


_ANY_VALUE = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
_EXACT = {"count": int, "deep": bool, "name": str, "day": dt.date}


@given(key=st.sampled_from(sorted(_EXACT)), value=_ANY_VALUE)
def test_whatever_is_written_is_either_kept_or_refused(key, value):
    table = {"name": "n", key: value}
    try:
        made = getattr(structure(table, Options, "a", "f"), key)
    except ConfigError as error:
        assert f"[a] {key}: " in str(error)
        assert type(value) is not _EXACT[key] or key == "count"
    else:
        assert made == value
        assert type(made) is type(value) is _EXACT[key]
