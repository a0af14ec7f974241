"""Rules as text and as tables: valid rules are equal in both forms, and errors have the allowed values."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from localearth.errors import InputError
from localearth.faults.kinds import OF_PIXELS, Kind, Phase
from localearth.faults.rules import FaultRule, parse_rule
from mmearth_localearth.engine import LocalOptions

from mmearth_core.config.structure import structure
from mmearth_core.errors import ConfigError

counts = st.none() | st.integers(1, 10**6)
bounds = st.tuples(st.floats(-180, 0), st.floats(-90, 0), st.floats(1, 180), st.floats(1, 90))


@st.composite
def rules(draw) -> FaultRule:
    kind = draw(st.sampled_from(Kind))
    tiles = draw(st.none() | st.just("C:/some where/tiles.geojson"))
    return FaultRule(
        kind=kind,
        phase=Phase.PIXELS if kind in OF_PIXELS else draw(st.none() | st.sampled_from(Phase)),
        rate=draw(st.floats(0, 1, exclude_min=True)),
        first=draw(counts),
        after=draw(counts),
        every=draw(counts),
        times=draw(counts),
        always=draw(st.booleans()),
        bounds=draw(st.none() | bounds),
        tile=draw(st.none() | st.sampled_from(["7", "a tile", "1e5", "true"])) if tiles else None,
        tiles=tiles,
        seconds=draw(st.floats(0.001, 1e6)) if kind is Kind.SLOW else None,
    )


@given(rules())
def test_a_rule_reads_its_own_text(rule: FaultRule) -> None:
    assert parse_rule(str(rule)) == rule


@given(rules())
def test_a_table_means_what_the_text_means(rule: FaultRule) -> None:
    table = {key: value for key, value in attrs.asdict(rule).items() if value is not None}
    plain = {key: str(value) if key in ("kind", "phase") else value for key, value in table.items()}
    options = structure({"faults": [plain]}, LocalOptions, "engines.local", "my.toml")
    assert options.faults == (rule,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("418", r"kind: found '418', expected one of 429, .*hang"),
        ("429:rat=0.1", r"rat: unknown key.*Did you mean.*rate.*Allowed: kind, .*bounds"),
        ("429:rate=often", r"rate: found 'often', expected a number"),
        ("429:rate=1.5", r"rate.* must be <= 1"),
        ("429:first=0", r"first.* must be >= 1"),
        ("429:first=1.5", r"first: found '1\.5', expected a whole number"),
        ("429:phase=post", r"phase: found 'post', expected one of connect, locate, pixels, download"),
        ("429:first=1:first=2", r"first is duplicated"),
        ("slow", r"`seconds` is the delay of kind slow"),
        ("429:seconds=3", r"`seconds` is the delay of kind slow"),
        ("shape:phase=locate", r"kind shape occurs in pixels only"),
        ("429:tile=7", r"set `tiles` to that file"),
        ("429:bounds=1,2,3", r"bounds: found '1,2,3', expected 4 numbers"),
        ("429:rate=nan", r"rate: found 'nan', expected a number"),
        ("429:always=yes", r"always: found 'yes', expected true or false"),
        ("429:rate=often:first=x", r"rate: found 'often'.* first: found 'x', expected a whole number"),
        ("429:bounds=3,2,1,4", r"`bounds` are west, south, east, north"),
    ],
)
def test_a_wrong_rule_is_reported(text: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"(?s)^--fault '{text}': .*{said}"):
        parse_rule(text)


def test_a_wrong_table_is_reported_with_its_position() -> None:
    table = {"faults": [{"kind": "429"}, {"kind": "500", "rate": 2.0}]}
    with pytest.raises(ConfigError, match=r"my\.toml: \[engines\.local\] faults\[1\]\.rate: .* must be <= 1"):
        structure(table, LocalOptions, "engines.local", "my.toml")
