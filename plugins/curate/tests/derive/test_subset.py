"""Subsets: which tiles each criterion takes, and what is beside them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

Refused = Callable[..., str]
WET = [1, 3, 5, 7, 9, 11]


def rows_of(path: Path, kit: Any) -> list[int]:
    return [int(tile_id[1:]) for tile_id in kit.contents(path)["metadata"]["tile_id"]]


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        (["--split", "val"], [1, 4, 7, 10]),
        (["--split", "val", "--split", "test"], [1, 2, 4, 5, 7, 8, 10, 11]),
        (["--biome", "1"], [1, 4, 7, 10]),
        (["--biome", "Tundra", "--biome", "2"], [0, 2, 3, 5, 6, 8, 9, 11]),
        (["--where", "season=wet"], WET),
        (["--where", "TILE.season=wet"], WET),
        (["--where", "GRID.size=7"], list(range(12))),
        (["--where", "order=3", "--where", "order=4.0"], [3, 4]),
        (["--where", "order=3", "--where", "season=dry", "--where", "order=4"], [4]),
        (["--where", "lon=-179", "--seed", "5"], [0]),
        (["--bbox", "-159,-90,-139,90"], [2, 3, 4]),
        (["--bbox", "-159,-90,-139,-25"], [2, 3]),
        (["--bbox", "-99,-90,-170,90"], [0, 8, 9, 10, 11]),
        (["--split", "val", "--where", "season=wet", "--bbox=-170,-90,180,90"], [1, 7]),
        (["--split", "train", "--sample", "4"], [0, 3, 6, 9]),
    ],
)
def test_each_criterion_takes_its_tiles(
    options: list[str], rows: list[int], whole: Path, kit: Any, tmp_path: Path
) -> None:
    told = kit.told("subset", whole, tmp_path / "some.h5", *options)
    assert told == {"dataset": str(tmp_path / "some.h5"), "rows": len(rows), "rows_before": 12}
    assert rows_of(tmp_path / "some.h5", kit) == rows


def test_a_subset_is_a_dataset(whole: Path, kit: Any, tmp_path: Path) -> None:
    kit.told("subset", whole.parent, tmp_path / "data_wet", "--where", "season=wet", "--sample", "5", "--seed", "3")
    path = tmp_path / "data_wet" / "data_wet.h5"
    names = ["band_stats.json", "licences.md", "splits.json", "splits_made.json", "tile_info.json"]
    assert sorted(each.name for each in path.parent.iterdir()) == ["data_wet.h5", *(f"data_wet_{n}" for n in names)]
    rows = rows_of(path, kit)
    assert len(rows) == 5
    assert set(rows) < set(WET)
    mine, theirs = kit.contents(path), kit.contents(whole)
    for name, values in theirs.items():
        np.testing.assert_array_equal(mine[name], values[rows])
    with h5py.File(whole) as old, h5py.File(path) as new:
        for number, row in enumerate(rows):
            packed = new["heights"].id.read_direct_chunk((number, 0, 0, 0))
            assert packed == old["heights"].id.read_direct_chunk((row, 0, 0, 0))
        assert json.loads(new.attrs["derived"]) == {
            "command": "subset",
            "of": "whole",
            "by": {"where": {"season": ["wet"]}, "sample": 5, "seed": 3},
        }
    kit.check_stats(path)
    info = kit.side(whole, "tile_info")
    assert list(kit.side(path, "tile_info").items()) == [(f"t{row:02d}", info[f"t{row:02d}"]) for row in rows]
    splits = kit.side(path, "splits")
    assert {part: [rows[new] for new in members] for part, members in splits.items()} == {
        part: [row for row in old if row in rows] for part, old in kit.side(whole, "splits").items()
    }
    how = kit.side(path, "splits_made")
    assert how["made"]["of"] == [{"name": "whole", "made": {"strategy": "random", "seed": 3}}]
    assert how["tiles"] == {part: len(members) for part, members in splits.items()}


def test_a_sample_depends_on_its_seed_alone(whole: Path, kit: Any, tmp_path: Path) -> None:
    found = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", 3)):
        kit.told("subset", whole, tmp_path / f"{name}.h5", "--sample", "6", "--seed", seed)
        found[name] = rows_of(tmp_path / f"{name}.h5", kit)
        assert found[name] == sorted(set(found[name]))
    assert found["a"] == found["b"]
    assert len({tuple(rows) for rows in found.values()}) > 1


def test_a_biome_may_be_a_name_in_the_tiles_column(kit: Any, tmp_path: Path) -> None:
    source = kit.write(tmp_path / "in.h5", ["t0", "t1"])
    info = kit.side(source, "tile_info")
    for entry, name in zip(info.values(), ("Mangroves", "Tundra"), strict=True):
        entry["TILE"]["biome"] = name
        del entry["biome"]
    (tmp_path / "in_tile_info.json").write_text(json.dumps(info))
    kit.told("subset", source, tmp_path / "out.h5", "--biome", "Mangroves")
    assert rows_of(tmp_path / "out.h5", kit) == [0]


def test_the_list_of_tiles_may_be_in_any_order(whole: Path, kit: Any, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\ufeff# mine\nt07\n\n  t02 \nt07\n", encoding="utf-8")
    kit.told("subset", whole, tmp_path / "out.h5", "--tiles", tmp_path / "list.txt")
    assert rows_of(tmp_path / "out.h5", kit) == [2, 7]


def test_an_id_that_starts_as_a_comment_can_be_listed(kit: Any, tmp_path: Path) -> None:
    source = kit.write(tmp_path / "in.h5", ["#7", "7", "1e5", "100000"], splits=False)
    (tmp_path / "list.txt").write_text("#7\n# 7\r\n1e5\n", encoding="utf-8")
    kit.told("subset", source, tmp_path / "out.h5", "--tiles", tmp_path / "list.txt")
    assert [bytes(each) for each in kit.contents(tmp_path / "out.h5")["metadata"]["tile_id"]] == [b"#7", b"1e5"]


def test_a_dataset_without_splits_has_none_afterwards(kit: Any, refused: Refused, tmp_path: Path) -> None:
    source = kit.write(tmp_path / "in.h5", ["t0", "t1"], splits=False)
    assert "so tiles cannot be selected by split" in refused("subset", source, tmp_path / "out", "--split", "val")
    kit.told("subset", source, tmp_path / "out", "--sample", "1")
    assert not list((tmp_path / "out").glob("*_splits*"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "Choose tiles by"),
        (["--seed", "3"], "Choose tiles by"),
        (["--split", "dev"], "there is no split 'dev'. Splits: train, val, test"),
        (["--biome", "Mangrove"], "'Mangrove' is not a biome. Did you mean 'Mangroves'?"),
        (["--biome", "14"], "'14' is not a biome."),
        (["--where", "seasons=wet"], "no tile has a column 'seasons'. Did you mean 'season'?"),
        (["--where", "season"], "'season' is not of the form COLUMN=VALUE"),
        (
            ["--where", "season=hot", "--split", "val"],
            "of its 12 tiles 0 fulfil all criteria (each alone: 4 split val, 0",
        ),
        (["--sample", "13"], "of its 12 tiles 12 fulfil all criteria, and 13 must."),
        (["--bbox", "1,2,3"], "not of the form WEST,SOUTH,EAST,NORTH"),
        (["--bbox", "0,50,10,40"], "the southern one first"),
        (["--tiles", "nowhere.txt"], "cannot be read as text"),
    ],
)
def test_what_cannot_be_fulfilled_is_refused(
    options: list[str], expected: str, whole: Path, refused: Refused, tmp_path: Path
) -> None:
    assert expected in refused("subset", whole, tmp_path / "out", *options)


def test_a_list_with_unknown_tiles_is_refused(whole: Path, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("t01\nt1\nx\n")
    text = refused("subset", whole, tmp_path / "out", "--tiles", tmp_path / "list.txt")
    assert "lists 2 tiles that" in text
    assert "does not have: 't1', 'x'. Remove them from the list" in text
