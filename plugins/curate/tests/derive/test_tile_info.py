"""tile_info.json entry by entry: found in any order, and nothing else than such a file is taken for one."""

from pathlib import Path

import pytest
from mmearth_curate.derive import tile_info

from mmearth_core.errors import DatasetError


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
