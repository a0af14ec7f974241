"""Datasets of a real one: merged, cut and cropped, they hold what it holds, and `verify` finds nothing wrong."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmearth_core.product.hdf5 import layer_names

NAME = "data_1M_v001"


def stats_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.with_name(f"{path.stem}_band_stats.json").read_text())
    return content


def same_stats(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for key, entry in other.items():
        assert one[key].keys() == entry.keys()
        assert [one[key].get(exact) for exact in ("count", "nodata", "classes")] == [
            entry.get(exact) for exact in ("count", "nodata", "classes")
        ]
        for what in ("mean", "std", "min", "max"):
            np.testing.assert_allclose(one[key][what], entry[what], rtol=1e-9, atol=1e-9, err_msg=f"{key} {what}")


def test_its_splits_apart_and_together_again(made: Path, kit: Any, tmp_path: Path) -> None:
    parts = ["train", "val", "test"]
    for part in parts:
        kit.summary("subset", made, tmp_path / part, "--split", part, "--workers", "1")
    kit.summary("merge", tmp_path / "data_again", *(tmp_path / part for part in parts), "--workers", "1")
    again = tmp_path / "data_again" / "data_again.h5"
    splits = json.loads((made / f"{NAME}_splits.json").read_text())
    order = [row for part in parts for row in splits[part]]
    with h5py.File(made / f"{NAME}.h5") as old, h5py.File(again) as new:
        assert new.keys() == old.keys()
        for name in ("metadata", *layer_names(old)):
            np.testing.assert_array_equal(new[name][:], old[name][:][order])
    same_stats(stats_of(again), stats_of(made / f"{NAME}.h5"))
    patterns = ("data_*.h5", "data_*_splits.json", "data_*_tile_info.json", "data_*_band_stats.json")
    assert [len(list(again.parent.glob(pattern))) for pattern in patterns] == [1, 1, 1, 1]
    for path in (again, tmp_path / "train" / "train.h5"):
        found = kit.cli("verify", path)
        assert found.exit_code == 0, found.output


def test_its_centres(made: Path, kit: Any, tmp_path: Path) -> None:
    size = kit.size // 2
    kit.summary("resize", made, tmp_path / "small", "--size", size, "--workers", "1")
    path = tmp_path / "small" / "small.h5"
    with h5py.File(made / f"{NAME}.h5") as old, h5py.File(path) as new:
        cut = slice(size // 2, size // 2 + size)
        for name in layer_names(old):
            values = old[name][:]
            np.testing.assert_array_equal(new[name][:], values[:, :, cut, cut] if values.ndim == 4 else values)
    found = kit.cli("verify", path)
    assert found.exit_code == 0, found.output
    again = path.with_name("again.h5")
    kit.summary("subset", path, again, "--bbox=-180,-90,180,90", "--workers", "1")
    assert stats_of(again) == stats_of(path), "counted from the file, they are what they were when it was made"


@pytest.mark.parametrize("column", ["TILE.own=test", "own=test"])
def test_its_tiles_by_a_column_of_the_tiles_file(column: str, made: Path, kit: Any, tmp_path: Path) -> None:
    told = kit.summary("subset", made, tmp_path / "some", "--where", column, "--workers", "1")
    assert told["rows"] == kit.tiles // 4
    info = json.loads((tmp_path / "some" / "some_tile_info.json").read_text())
    assert [entry["TILE"]["own"] for entry in info.values()] == ["test"] * told["rows"]
