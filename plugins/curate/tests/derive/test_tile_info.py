"""tile_info.json entry by entry: found in any order, and other files are refused."""

from pathlib import Path
from typing import Any

import pytest
from mmearth_curate.reading import tile_info, tile_info_of

from mmearth_core.errors import DatasetError
from mmearth_core.json_files import write_tile_info
from mmearth_core.product.reader import DatasetReader


@pytest.fixture
def reader(tmp_path: Path, kit: Any) -> DatasetReader:
    return DatasetReader.open(kit.write(tmp_path / "few.h5", ["a"]))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a"', '{"a": {}', '{"a": {"b": 1', '{"a": 1}', '{"a" {}}', '{"a": {} "b": {}}', '{"a": {x}}'],
)
def test_anything_else_is_refused(text: str, reader: DatasetReader) -> None:
    reader.paths.tile_info.write_text(text)
    with pytest.raises(DatasetError, match=r"few_tile_info\.json .* It must be \{TILE_ID: \{\.\.\.\}\}, as JSON\."):
        list(tile_info(reader))


def test_entries_are_found_in_any_order_and_others_passed_over(reader: DatasetReader) -> None:
    reader.paths.tile_info.write_text('{"a": {"n": 1}, "b": {"n": 2}, "c": {"n": 3}, "d": {"n": 4}}')
    assert list(tile_info_of(reader, ["d", "a", "c"])) == [("d", {"n": 4}), ("a", {"n": 1}), ("c", {"n": 3})]
    with pytest.raises(DatasetError, match="has no entry for tile 'x'"):
        list(tile_info_of(reader, ["a", "x"]))


def test_what_strict_json_does_not_allow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"tile_info\.json: the entry of tile 'a' is not strict JSON"):
        write_tile_info(tmp_path / "x_tile_info.json", [("a", {"n": float("nan")})])
