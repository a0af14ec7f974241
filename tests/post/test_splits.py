"""Splits: seeded, of whole numbers, apart where they have to be."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.errors import ConfigError, DatasetError
from mmearth_core.json_files import write_json
from mmearth_core.post import make_splits
from mmearth_core.post.splits import PARTS, RADIUS_KM, SplitOptions, blocks_of, distances_to_nearest, shares, split
from mmearth_core.product.reader import DatasetReader

NAME = "data_1M_v001"


def places(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    noise = np.random.default_rng(seed)
    return noise.uniform(-180, 180, count), np.degrees(np.arcsin(noise.uniform(-1, 1, count)))


def great_circle(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    a, b = np.radians(lon), np.radians(lat)
    h = np.sin((b[:, None] - b) / 2) ** 2 + np.cos(b[:, None]) * np.cos(b) * np.sin((a[:, None] - a) / 2) ** 2
    return 2 * RADIUS_KM * np.arcsin(np.sqrt(np.minimum(h, 1)))


@given(count=st.integers(0, 10**6), cut=st.tuples(st.integers(0, 100), st.integers(0, 100)))
def test_shares_are_whole_and_leave_no_stray_tile(count: int, cut: tuple[int, int]) -> None:
    low, high = sorted(cut)
    fractions = [low / 100, (high - low) / 100, (100 - high) / 100]
    whole = shares(count, fractions)
    assert sum(whole) == count
    assert all(abs(part - count * share) < 1 + 1e-6 for part, share in zip(whole, fractions, strict=True))
    assert all(part == 0 for part, share in zip(whole, fractions, strict=True) if share == 0)


def test_fractions_that_do_not_add_up_in_binary_leave_no_test_tile() -> None:
    lon, lat = places(1000)
    parts = split(SplitOptions(fractions=(0.57, 0.43, 0.0)), lon, lat, [None] * 1000)
    assert [len(parts[part]) for part in PARTS] == [570, 430, 0]


@pytest.mark.parametrize("strategy", ["random", "stratified", "spatial"])
def test_every_row_once_and_the_seed_decides(strategy: str) -> None:
    lon, lat = places(1000)
    biomes = [f"biome {row % 7}" if row % 10 else None for row in range(1000)]
    made = [split(SplitOptions(strategy, seed=seed, distance_km=0), lon, lat, biomes) for seed in (1, 1, 2)]
    for parts in made:
        assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(1000))
    assert all(np.array_equal(made[0][part], made[1][part]) for part in PARTS)
    assert not np.array_equal(made[0]["test"], made[2]["test"])


def test_strata_have_their_share_in_every_split() -> None:
    sizes = {"a": 1000, "b": 100, "c": 10, None: 50}
    column = [name for name, size in sizes.items() for _ in range(size)]
    lon, lat = places(len(column))
    parts = split(SplitOptions("stratified", (0.7, 0.2, 0.1)), lon, lat, column)
    for name, size in sizes.items():
        members = {row for row, value in enumerate(column) if value == name}
        assert [len(members & set(parts[part].tolist())) for part in PARTS] == [size * 7 // 10, size // 5, size // 10]


def test_many_tiny_strata_do_not_all_go_to_training() -> None:
    lon, lat = places(3000)
    parts = split(SplitOptions("stratified"), lon, lat, [f"region {row // 3}" for row in range(3000)])
    assert 240 < len(parts["test"]) < 360


@pytest.mark.parametrize("distance", [0.0, 30.0, 200.0])
def test_spatial_splits_keep_their_distance(distance: float) -> None:
    lon, lat = places(1500, seed=5)
    parts = split(SplitOptions("spatial", (0.6, 0.2, 0.2), block_km=800, distance_km=distance), lon, lat, [None] * 1500)
    away = great_circle(lon, lat)
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert away[np.ix_(parts[one], parts[other])].min() >= distance
    assert len(parts["test"]) == pytest.approx(300, abs=60)
    dropped = set(range(1500)) - set(np.concatenate(list(parts.values())).tolist())
    held = np.concatenate([parts["val"], parts["test"]])
    assert all(away[row, held].min() < distance for row in dropped), "a tile was left out without need"


@given(seed=st.integers(0, 1000), horizon=st.sampled_from([1.0, 100.0, 3000.0]))
def test_nearest_is_the_great_circles(seed: int, horizon: float) -> None:
    lon, lat = places(60, seed)
    lon[:10], lat[:10] = np.round(lon[:10] / 180) * 180, np.round(lat[:10] / 90) * 90
    away = great_circle(lon, lat)[:30, 30:].min(axis=1)
    found = distances_to_nearest(np.arange(30), np.arange(30, 60), lon, lat, horizon)
    np.testing.assert_allclose(found, np.where(away <= horizon, away, np.inf), rtol=1e-6, atol=1e-6)


def test_blocks_are_about_as_large_as_asked_for_everywhere() -> None:
    lon, lat = places(4000)
    blocks = blocks_of(lon, lat, 1000.0)
    area = 4 * np.pi * RADIUS_KM**2 / len(np.unique(blocks))
    assert area == pytest.approx(1000.0**2, rel=0.1)
    away = great_circle(lon, lat)
    assert max(away[np.ix_(own, own)].max() for own in (blocks == block for block in np.unique(blocks))) < 1700


def test_the_users_own_splits_are_taken_from_a_column() -> None:
    lon, lat = places(4)
    parts = split(SplitOptions("column", column="mine"), lon, lat, ["test", None, "train", "test"])
    assert {part: rows.tolist() for part, rows in parts.items()} == {"train": [2], "val": [], "test": [0, 3]}
    with pytest.raises(DatasetError, match="holds 'trian'"):
        split(SplitOptions("column", column="mine"), lon, lat, ["trian", "train", "val", "test"])
    with pytest.raises(DatasetError, match="is empty or missing"):
        split(SplitOptions("column", column="mine"), lon, lat, [None] * 4)


def test_impossible_recipes_are_refused() -> None:
    for wrong in ({"fractions": (0.5, 0.4)}, {"fractions": (0.9, 0.2, -0.1)}, {"strategy": "column"}, {"block_km": 0}):
        with pytest.raises(ConfigError):
            SplitOptions(**wrong)


def test_the_command_writes_rows_and_how_they_were_made(config: Path, kit: Any) -> None:
    dataset = config.parent / NAME
    assert kit.cli("post", "splits", config).exit_code == 2, "there is no HDF5 file yet"
    kit.summary("post", config, "--workers", "1", "--strategy", "column", "--column", "own")
    splits = json.loads((dataset / f"{NAME}_splits.json").read_text())
    assert list(splits) == ["train", "val", "test"]
    assert splits["val"] == list(range(2, kit.tiles, 4))
    how = kit.summary("post", "splits", config, "--strategy", "stratified", "--seed", "3")
    assert how == json.loads((dataset / f"{NAME}_splits_made.json").read_text())
    assert how["made"] == {"strategy": "stratified", "fractions": [0.8, 0.1, 0.1], "seed": 3, "column": "biome"}
    # Without options, as before.
    before = (dataset / f"{NAME}_splits.json").read_bytes()
    kit.summary("post", "splits", config)
    assert (dataset / f"{NAME}_splits.json").read_bytes() == before


def test_splits_are_made_again_when_the_rows_change(config: Path, kit: Any) -> None:
    dataset = config.parent / NAME
    kit.summary("post", config, "--workers", "1", "--strategy", "column", "--column", "own")
    next(dataset.glob("stacks/base/*/000.tif")).unlink()
    kit.summary("post", "hdf5", config, "--workers", "1", code=1)
    splits = json.loads((dataset / f"{NAME}_splits.json").read_text())
    assert splits["val"] == list(range(1, kit.tiles - 1, 4)), "rows moved up by one, and their splits with them"


@pytest.mark.parametrize("written", [0, 1])
def test_splits_whose_writing_fails_are_never_old_rows_with_a_new_record(
    written: int, config: Path, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full before the first or the second of the two files, after rows have changed."""
    dataset = config.parent / NAME
    kit.summary("post", config, "--workers", "1", "--strategy", "column", "--column", "own")
    next(dataset.glob("stacks/base/*/000.tif")).unlink()
    done = []

    def write(path: Path, content: Any) -> None:
        if len(done) == written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        done.append(path)
        write_json(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(make_splits, "write_json", write)
        assert kit.cli("post", "hdf5", config, "--workers", "1").exit_code != 0
    reader = DatasetReader.open(dataset)
    assert len(done) == written and len(reader) == kit.tiles - 1
    assert reader.splits() is None
    kit.summary("post", "hdf5", config, "--workers", "1", code=1)
    splits = json.loads((dataset / f"{NAME}_splits.json").read_text())
    assert splits["val"] == list(range(1, kit.tiles - 1, 4)), "they are made by the options of the interrupted command"
