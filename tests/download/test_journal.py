"""The journal: what is written comes back, whatever a crash cuts off."""

import json
import math

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from mmearth_core.download.journal import JOURNALED, Journal, Outcome, TileOutcome
from mmearth_core.errors import DatasetError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
RECORDS = st.fixed_dictionaries(dict.fromkeys(["anchor", "located", "grid"], OBJECTS), optional={"sha256": JSON})
RECORD = {"anchor": {}, "located": {}, "grid": {}}


@st.composite
def entries(draw):
    outcome = draw(st.sampled_from(JOURNALED))
    if outcome is Outcome.DONE:
        return TileOutcome(draw(TEXT), draw(st.integers(0)), outcome, record=draw(RECORDS))
    return TileOutcome(draw(TEXT), draw(st.integers(0)), outcome, draw(TEXT))


@pytest.fixture
def journal(tmp_path):
    (tmp_path / "journal" / "base").mkdir(parents=True)
    return Journal(tmp_path / "journal" / "base" / "00000.jsonl")


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    """A journal that one example after another overwrites: hypothesis does not renew fixtures."""
    return Journal(tmp_path_factory.mktemp("journal") / "00000.jsonl")


def done(tile_id, **record):
    return TileOutcome(tile_id, 0, Outcome.DONE, record={**RECORD, **record})


def last_of_each(appended):
    return {entry.tile_id: entry for entry in appended}


@settings(deadline=None)
@given(entries())
def test_an_entry_is_one_line_of_strict_json_and_comes_back(entry):
    line = entry.to_line()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    json.loads(line, parse_constant=pytest.fail)
    assert TileOutcome.from_line(line) == entry


@settings(deadline=None)
@given(st.lists(st.lists(entries(), max_size=3), max_size=4))
def test_what_is_appended_is_read(scratch, parts):
    scratch.path.unlink(missing_ok=True)
    for part in parts:
        scratch.append(part)
    assert scratch.read() == last_of_each(entry for part in parts for entry in part)


@settings(deadline=None)
@given(entries())
def test_a_head_is_the_entry_without_its_record(entry):
    head = evolve(entry, record={})
    assert TileOutcome.from_line(entry.to_line(), head_only=True) == head
    assert TileOutcome.from_line(entry.to_line()[:-1], head_only=True) == head
    reversed_keys = dict(reversed(json.loads(entry.to_line()).items()))
    assert TileOutcome.from_line(json.dumps(reversed_keys).encode(), head_only=True) == head


@settings(deadline=None)
@given(st.lists(entries(), min_size=1, max_size=4), entries(), st.data())
def test_a_cut_at_any_byte_costs_at_most_the_torn_line(scratch, before, after, data):
    content = b"".join(entry.to_line() for entry in before)
    cut = data.draw(st.integers(0, len(content)))
    scratch.path.write_bytes(content[:cut])
    whole = before[: content[:cut].count(b"\n")]
    assert scratch.read() == last_of_each(whole)
    scratch.append([after])
    assert scratch.read() == last_of_each([*whole, after])
    assert scratch.path.read_bytes() == b"".join(entry.to_line() for entry in [*whole, after])


def test_every_byte_of_a_torn_line_is_healed(journal):
    first, torn, after = done("first"), done("Zürich", located={"x": [1, {"a": None}]}), done("after")
    for cut in range(len(torn.to_line())):
        journal.path.parent.mkdir(parents=True, exist_ok=True)
        journal.path.write_bytes(first.to_line() + torn.to_line()[:cut])
        assert list(journal.read()) == ["first"]
        journal.append([after])
        assert list(journal.read()) == ["first", "after"]


def test_the_last_entry_of_a_tile_counts(journal):
    journal.append([TileOutcome("a", 3, Outcome.FAILED, "pixels: no answer"), done("b")])
    journal.append([TileOutcome("a", 3, Outcome.DONE, record={**RECORD, "sha256": "0f"})])
    assert journal.read()["a"].outcome is Outcome.DONE
    assert journal.read()["a"].record == {**RECORD, "sha256": "0f"}
    assert len(journal.path.read_bytes().splitlines()) == 3


def test_no_journal_yet(journal):
    assert journal.read() == {}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_json_is_refused_and_nothing_written(journal, number):
    journal.append([done("a")])
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.append([done("b"), done("c", located={"x": [number]})])
    assert list(journal.read()) == ["a"]


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"",
        b"\x00\x00\x00",
        b"\xff\xfe",
        b"[1, 2]",
        b"7",
        b"[" * 100_000,
        b'{"tile_id": "b"}',
        b'{"tile_id": "b", "ordinal": 1, "outcome": "finished"}',
        b'{"tile_id": "b", "ordinal": 1, "outcome": "left"}',
        b'{"tile_id": "b", "ordinal": 1, "outcome": ["done"]}',
        b'{"tile_id": "b", "ordinal": 1, "outcome": "done"',
        b'{"tile_id": "b", "ordinal": 1, "outcome": "done"}',
        b'{"tile_id": "b", "ordinal": 1, "outcome": "done", "anchor": {}, "located": {}}',
        b'{"tile_id": "b", "ordinal": 1, "outcome": "done", "anchor": {}, "located": {}, "grid": [10]}',
        b'{"tile_id": "b", "ordinal": 1, "outcome": "done", "anchor": {}, "located": {}, "grid": {gar\x00bled}}',
        b'{"tile_id": "b", "ordinal": "1", "outcome": "skipped"}',
        b'{"tile_id": 7, "ordinal": 1, "outcome": "skipped"}',
    ],
)
@pytest.mark.parametrize("heads_only", [False, True])
def test_a_garbled_whole_line_is_named(journal, line, heads_only):
    journal.path.write_bytes(done("a").to_line() + line + b"\n" + done("c").to_line())
    with pytest.raises(DatasetError, match="line 2: not a journal entry") as caught:
        journal.read(heads_only)
    assert str(journal.path) in str(caught.value)
    assert "delete that line, and the tile is downloaded again" in str(caught.value)


def test_a_line_without_a_key_says_which(journal):
    journal.path.write_bytes(b'{"tile_id": "b"}\n')
    with pytest.raises(DatasetError, match=r"not a journal entry \(it has no valid ordinal, outcome\)"):
        journal.read()
