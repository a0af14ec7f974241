"""Merging: rows one after the other, the same compressed bytes, and everything beside them in step."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Refused = Callable[..., str]
SIDES = ("tile_info", "band_stats", "splits", "splits_made")


def chunks(path: Path) -> dict[str, list[bytes]]:
    """Every row's compressed bytes."""
    with h5py.File(path) as file:
        return {
            name: [
                file[name].id.read_direct_chunk((row,) + (0,) * (file[name].ndim - 1))[1] for row in range(len(data))
            ]
            for name, data in file.items()
            if name != "metadata"
        }


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_the_parts_of_a_dataset_merge_to_the_dataset(
    parts: list[int], whole: Path, kit: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    ids = np.array([f"t{number:02d}" for number in range(12)])
    order = []
    for number in sorted(set(parts)):
        own = ids[np.array(parts) == number]
        order += own.tolist()
        (folder / f"{number}.txt").write_text("# tiles\n\n" + "\n".join(own))
        kit.told("subset", whole, folder / f"part{number}", "--tiles", folder / f"{number}.txt")
    inputs = [folder / f"part{number}" for number in sorted(set(parts))]
    told = kit.told("merge", folder / "again.h5", *inputs)
    assert told == {
        "dataset": str(folder / "again.h5"),
        "rows": 12,
        "duplicates_dropped": 0,
        "statistics": "merged",
        "splits": True,
        "without_splits": [],
    }
    back = [order.index(tile_id) for tile_id in ids]
    mine, theirs = kit.contents(folder / "again.h5"), kit.contents(whole)
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name][back], values)
    packed, before = chunks(folder / "again.h5"), chunks(whole)
    assert {name: [rows[row] for row in back] for name, rows in packed.items()} == before
    kit.check_stats(folder / "again.h5")
    assert (
        kit.side(folder / "again.h5", "band_stats")["kinds"]["classes"]
        == (kit.side(whole, "band_stats")["kinds"]["classes"])
    )
    assert list(kit.side(folder / "again.h5", "tile_info").items()) == [
        (tile_id, kit.side(whole, "tile_info")[tile_id]) for tile_id in order
    ]
    splits, old = kit.side(folder / "again.h5", "splits"), kit.side(whole, "splits")
    assert {part: sorted(order[row] for row in rows) for part, rows in splits.items()} == {
        part: [str(ids[row]) for row in rows] for part, rows in old.items()
    }


def test_statistics_are_counted_where_they_cannot_be_merged(whole: Path, kit: Any, tmp_path: Path) -> None:
    other = kit.write(tmp_path / "other.h5", ["x", "y"], seed=1)
    told = kit.told("merge", tmp_path / "both", whole, other)  # one has no statistics
    assert (told["statistics"], told["rows"]) == ("counted", 14)
    kit.check_stats(tmp_path / "both" / "both.h5")
    wrong = kit.side(whole, "band_stats")
    wrong["warmth"]["count"][0] -= 1
    shutil.copytree(whole.parent, tmp_path / "copy")
    (tmp_path / "copy" / "whole_band_stats.json").write_text(json.dumps(wrong))
    kit.told("subset", whole, tmp_path / "none", "--split", "val")
    kit.told("merge", tmp_path / "more", tmp_path / "copy", other)
    kit.check_stats(tmp_path / "more" / "more.h5")


def test_a_merged_file_describes_itself_and_the_reader_reads_it(whole: Path, kit: Any, tmp_path: Path) -> None:
    from mmearth_core.dataset import Dataset

    newer = [evolve(layer, plugin="mmearth-a 2.0") for layer in kit.layers()]
    other = kit.write(tmp_path / "other.h5", ["x", "y"], seed=1, own=newer)
    kit.told("merge", tmp_path / "data_both", whole, other)
    names = sorted(path.name for path in (tmp_path / "data_both").iterdir())
    sides = [f"{side}.json" for side in (*SIDES, "left_out")]
    assert names == sorted(["data_both.h5", *(f"data_both_{side}" for side in (*sides, "licences.md"))])
    dataset = Dataset(tmp_path / "data_both" / "data_both.h5", split="train")
    assert [tile.tile_id for tile in dataset] == ["t00", "t03", "t06", "t09", "x"]
    assert dataset.layers["heights"].plugin == "mmearth-a 1.0, mmearth-a 2.0"
    with h5py.File(whole) as old, h5py.File(dataset.path) as new:
        assert new.attrs["name"] == "data_both"
        assert json.loads(new.attrs["derived"]) == {
            "command": "merge",
            "of": [{"name": "whole", "rows": 12}, {"name": "other", "rows": 2}],
        }
        for name in set(old) - {"metadata"}:
            own, theirs = dict(new[name].attrs), dict(old[name].attrs)
            assert own.pop("provenance") != theirs.pop("provenance")
            assert own.pop("plugin") != ""
            theirs.pop("plugin")
            np.testing.assert_equal(own, theirs)
            assert (new[name].chunks, new[name].compression, new[name].shuffle) == (
                old[name].chunks,
                old[name].compression,
                old[name].shuffle,
            )
    how = kit.side(dataset.path, "splits_made")
    assert how["made"] == {
        "strategy": "kept",
        "by": "merge",
        "of": [
            {"name": "whole", "made": {"strategy": "random", "seed": 3}},
            {"name": "other", "made": None},
        ],
    }
    assert (how["rows"], how["tiles"], how["in_no_split"]) == (14, {"train": 5, "val": 5, "test": 4}, 0)
    assert kit.side(dataset.path, "left_out") == [{"tile_id": "gone", "reason": "truncated"}]


def test_without_splits_everywhere_there_are_none(whole: Path, kit: Any, tmp_path: Path) -> None:
    other = kit.write(tmp_path / "other.h5", ["x"], splits=False)
    told = kit.told("merge", tmp_path / "both", whole, other)
    assert (told["splits"], told["without_splits"]) == (False, [str(other)])
    assert not list((tmp_path / "both").glob("*_splits*"))
    assert "No splits, because these inputs have none:" in kit.cli("merge", tmp_path / "again", whole, other).stdout


def test_duplicates_are_refused_and_named(whole: Path, kit: Any, refused: Refused, tmp_path: Path) -> None:
    other = kit.write(tmp_path / "other.h5", ["x", *(f"t{number:02d}" for number in range(7))], seed=1)
    text = refused("merge", tmp_path / "both", whole, other)
    assert "7 tile ids occur more than once: 't00', 't01', 't02', 't03', 't04', ...; the first in" in text
    assert "whole.h5 and" in text
    assert "--duplicates first or last" in text


@pytest.mark.parametrize("rule", ["first", "last"])
def test_duplicates_are_dropped_by_the_rule(rule: str, whole: Path, kit: Any, tmp_path: Path) -> None:
    (tmp_path / "listed.txt").write_text("t02\nt11\n")
    other = kit.write(tmp_path / "other.h5", ["t11", "x", "t02"], seed=1)
    told = kit.told("merge", tmp_path / "both", whole, other, "--duplicates", rule)
    assert (told["rows"], told["duplicates_dropped"], told["statistics"]) == (13, 2, "counted")
    both = tmp_path / "both" / "both.h5"
    mine, first, second = kit.contents(both), kit.contents(whole), kit.contents(other)
    ids = [tile_id.decode() for tile_id in mine["metadata"]["tile_id"]]
    old = [f"t{number:02d}" for number in range(12)]
    kept = [tile_id for tile_id in old if rule == "first" or tile_id not in ("t02", "t11")]
    assert ids == [*kept, *(["x"] if rule == "first" else ["t11", "x", "t02"])]
    for row, tile_id in enumerate(ids):
        source = second if tile_id == "x" or (rule == "last" and tile_id in ("t02", "t11")) else first
        place = source["metadata"]["tile_id"].tolist().index(tile_id.encode())
        for name, values in source.items():
            np.testing.assert_array_equal(mine[name][row], values[place])
        origin = "whole" if source is first else "other"
        assert kit.side(both, "tile_info")[tile_id]["from"] == origin
    kit.check_stats(both)
    splits = kit.side(both, "splits")
    assert sorted(row for rows in splits.values() for row in rows) == list(range(13))
    assert [part for part, rows in splits.items() if ids.index("t11") in rows] == (
        ["test"] if rule == "first" else ["train"]
    )


def changed(kit: Any, changing: str, fields: dict[str, Any]) -> list[Any]:
    return [evolve(layer, **fields) if layer.name == changing else layer for layer in kit.layers()]


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("heights", {"dtype": "int32"}, "layer 'heights': dtype int16 / int32"),
        ("heights", {"bands": ["high", "low"]}, "layer 'heights': bands (low, high) / (high, low)"),
        ("heights", {"bands": ["low", "top"]}, "layer 'heights': bands (high) / (top)"),
        ("heights", {"units": ["m", "ft"]}, "layer 'heights': units (high: m) / (high: ft)"),
        ("warmth", {"nodata": "0.0"}, "layer 'warmth': no-data -inf / 0.0"),
        ("kinds", {"classes": ()}, "layer 'kinds': classes (kind: 0 = no, kind: 1 = yes) / ()"),
        ("weights", {"name": "masses"}, "layer 'weights' is only in the first; layer 'masses' is only in the second"),
        ("weights", {"bands": ["x"], "units": [""], "descriptions": [""], "shape": (1,)}, "shape of a row 3 / 1"),
    ],
)
def test_other_layouts_are_refused_with_what_differs(
    name: str, fields: dict[str, Any], expected: str, whole: Path, kit: Any, refused: Refused, tmp_path: Path
) -> None:
    other = kit.write(tmp_path / "other.h5", ["x"], own=changed(kit, name, fields))
    assert expected in refused("merge", tmp_path / "both", whole, other)


def test_other_sizes_and_filters_are_refused(whole: Path, kit: Any, refused: Refused, tmp_path: Path) -> None:
    small = kit.write(tmp_path / "small.h5", ["x"], size=5)
    assert "layer 'kinds': shape of a row 1 x 7 x 7 / 1 x 5 x 5" in refused("merge", tmp_path / "both", whole, small)
    plain = kit.write(tmp_path / "plain.h5", ["x"])
    with h5py.File(plain, "r+") as file:  # the same values, but chunks that the other's filters could not read
        old = file["heights"]
        values, attributes = old[:], dict(old.attrs)
        del file["heights"]
        new = file.create_dataset("heights", data=values, chunks=(1, *values.shape[1:]), compression="gzip")
        new.attrs.update(attributes)
    text = refused("merge", tmp_path / "both", whole, plain)
    assert "layer 'heights': storage chunks of 1 x 2 x 7 x 7, shuffle + deflate" in text


def test_levels_of_deflate_may_differ_and_unwritten_rows_stay_so(whole: Path, kit: Any, tmp_path: Path) -> None:
    other = kit.write(tmp_path / "other.h5", ["x", "y"])
    with h5py.File(other, "r+") as file:
        old = file["heights"]
        values, attributes = old[:], dict(old.attrs)
        del file["heights"]
        new = file.create_dataset(
            "heights", values.shape, values.dtype, chunks=(1, *values.shape[1:]), compression="gzip",
            compression_opts=9, shuffle=True, fillvalue=-32768,
        )  # fmt: skip
        new[1] = values[1]  # and nothing in row 0
        new.attrs.update(attributes)
    kit.told("merge", tmp_path / "both", whole, other)
    mine = kit.contents(tmp_path / "both" / "both.h5")["heights"]
    np.testing.assert_array_equal(mine[13], values[1])
    assert (mine[12] == -32768).all()


def test_inputs_that_are_no_datasets(whole: Path, kit: Any, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "this one has 0 (none)" in refused("merge", tmp_path / "both", whole, tmp_path / "empty")
    assert "no such file or folder" in refused("merge", tmp_path / "both", whole, tmp_path / "nowhere.h5")
    (tmp_path / "text.h5").write_text("text")
    assert "cannot be read as HDF5" in refused("merge", tmp_path / "both", whole, tmp_path / "text.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    assert "has no table `metadata`" in refused("merge", tmp_path / "both", whole, tmp_path / "foreign.h5")
    other = kit.write(tmp_path / "bare.h5", ["x"])
    (tmp_path / "bare_splits.json").write_text('{"train": [1]}')
    assert "The splits are of another file." in refused("merge", tmp_path / "both", whole, other)
    (tmp_path / "bare_splits.json").unlink()
    (tmp_path / "bare_tile_info.json").write_text('{"y": {}}')
    assert "has no entry for tile 'x'" in refused("merge", tmp_path / "both", whole, other)
    (tmp_path / "bare_tile_info.json").unlink()
    assert "bare_tile_info.json is missing" in refused("merge", tmp_path / "both", whole, other)
