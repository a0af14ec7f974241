"""The reader of tile_info: entry by entry the same as json's own, wherever the file's pieces end."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmearth_curate import strict_json
from mmearth_curate.strict_json import read_entries

from mmearth_core.json_files import JSONFileError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    content=st.dictionaries(st.text(), VALUES, max_size=4),
    chunk=st.integers(1, 40),
    indent=st.sampled_from([None, 0, 3]),
    ascii_only=st.booleans(),
)
def test_equal_to_jsons_own(
    content: dict[str, Any], chunk: int, indent: int | None, ascii_only: bool, tmp_path: Path
) -> None:
    path = tmp_path / "some.json"
    path.write_text(json.dumps(content, indent=indent, ensure_ascii=ascii_only), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_json, "_CHUNK", chunk)
        assert {key: parsed.value for key, parsed in read_entries(path)} == content


def test_numbers_are_whole_wherever_a_piece_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.json"
    path.write_text('{"a": 0.25, "b": -1e-05, "c": 12}')
    monkeypatch.setattr(strict_json, "_CHUNK", 1)
    assert [parsed.value for _, parsed in read_entries(path)] == [0.25, -1e-05, 12]


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a": 1', '{"a": 1,}', '{"a" 1}', "{1: 2}", "[1]", '{"a": 1} x'])
def test_what_is_no_object_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(text)
    with pytest.raises(JSONFileError, match="cannot be read as JSON"):
        list(read_entries(path))


def test_constants_that_strict_json_lacks_are_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.json"
    path.write_text('{"a": [NaN, -Infinity, "a long text that does not fit the first piece"], "b": 1}')
    monkeypatch.setattr(strict_json, "_CHUNK", 25)
    assert [parsed.constants for _, parsed in read_entries(path)] == [("NaN", "-Infinity"), ()]
