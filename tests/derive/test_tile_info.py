"""tile_info.json entry by entry: what json.loads reads, in pieces of any size."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmearth_core.derive import tile_info
from mmearth_core.errors import DatasetError

TEXT = st.text(max_size=4)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN, max_size=3)
ENTRIES = st.dictionaries(TEXT, st.dictionaries(TEXT, VALUES, max_size=3), max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=ENTRIES, indent=st.sampled_from([None, 0, 3]), ascii_only=st.booleans(), piece=st.integers(1, 40))
def test_entries_are_those_of_json(
    content: dict[str, Any],
    indent: int | None,
    ascii_only: bool,
    piece: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tile_info, "_PIECE", piece)
    path = tmp_path / "info.json"
    # A lone surrogate is no text that a file can hold, but as an escape it is.
    text = json.dumps(content, indent=indent, ensure_ascii=ascii_only)
    path.write_text(text, encoding="utf-8", errors="surrogatepass" if ascii_only else "replace", newline="")
    expected = json.loads(path.read_bytes().decode())
    assert list(tile_info.entries(path)) == list(expected.items())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a"', '{"a": {}', '{"a": {"b": 1', '{"a": 1}', '{"a" {}}', '{"a": {} "b": {}}', '{"a": {x}}'],
)
def test_anything_else_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "info.json"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"info\.json: is no JSON of the form"):
        list(tile_info.entries(path))


def test_entries_are_found_in_any_order_and_others_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "info.json"
    path.write_text('{"a": {"n": 1}, "b": {"n": 2}, "c": {"n": 3}, "d": {"n": 4}}')
    assert list(tile_info.entries_of(path, ["d", "a", "c"])) == [("d", {"n": 4}), ("a", {"n": 1}), ("c", {"n": 3})]
    with pytest.raises(DatasetError, match="has no entry for tile 'x'"):
        list(tile_info.entries_of(path, ["a", "x"]))


def test_what_strict_json_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"tile 'a': its entry in tile_info\.json is no strict JSON"):
        tile_info.write_entries(tmp_path / "info.json", [("a", {"n": float("nan")})])
