"""Smaller tiles: the centre as numpy slices it, on a grid that has moved along."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from mmearth_core.product.hdf5 import layer_names

Refused = Callable[..., str]


@pytest.mark.parametrize(("size", "first"), [(1, 3), (3, 2), (4, 1), (5, 1), (6, 0)])
def test_the_centre_is_kept(size: int, first: int, whole: Path, kit: Any, tmp_path: Path) -> None:
    told = kit.told("resize", whole, tmp_path / "small", "--size", size)
    path = tmp_path / "small" / "small.h5"
    assert told == {"dataset": str(path), "rows": 12, "size": size, "size_before": kit.size}
    mine, theirs = kit.contents(path), kit.contents(whole)
    assert mine.keys() == theirs.keys()
    for name, values in theirs.items():
        centre = values[:, :, first : first + size, first : first + size] if values.ndim == 4 else values
        np.testing.assert_array_equal(mine[name], centre)
        assert mine[name].dtype == values.dtype
    kit.check_stats(path)
    for tile_id, entry in kit.side(path, "tile_info").items():
        before = kit.side(whole, "tile_info")[tile_id]
        old_grid = before["GRID"]["transform"]
        moved = [10, 0, old_grid[2] + 10 * first, 0, -10, old_grid[5] - 10 * first]
        assert entry == {**before, "GRID": {"transform": moved, "size": size}}
    for side in ("splits", "splits_made", "left_out"):
        assert kit.side(path, side) == kit.side(whole, side)
    with h5py.File(whole) as old, h5py.File(path) as new:
        assert json.loads(new.attrs["derived"]) == {"command": "resize", "of": "whole", "size": size}
        for name in layer_names(old):
            assert new[name].chunks == (1, *new[name].shape[1:])
            own, before = dict(new[name].attrs), dict(old[name].attrs)
            own.pop("DIMENSION_LIST")
            before.pop("DIMENSION_LIST", None)
            assert own.pop("provenance") != before.pop("provenance")
            np.testing.assert_equal(own, before)
        for row in range(12):
            packed = new["weights"].id.read_direct_chunk((row, 0))
            assert packed == old["weights"].id.read_direct_chunk((row, 0))


def content(path: Path) -> Any:
    if path.suffix != ".h5":
        return path.read_bytes()
    with h5py.File(path) as file:
        return {name: (file[name].dtype, file[name][()].tobytes()) for name in ("metadata", *layer_names(file))}


def test_any_number_of_workers_makes_the_same_files(kit: Any, tmp_path: Path) -> None:
    source = kit.write(tmp_path / "in.h5", [f"t{number}" for number in range(40)])  # more than a block
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        done = kit.cli("resize", source, folder / "small.h5", "--size", "4", "--workers", workers)
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith("40 rows of 4 x 4 pixels, from 7 x 7\n")
    for path in (tmp_path / "1").iterdir():
        assert content(path) == content(tmp_path / "2" / path.name), path.name


def test_cropping_twice_by_even_margins_is_cropping_once(whole: Path, kit: Any, tmp_path: Path) -> None:
    kit.told("resize", whole, tmp_path / "five", "--size", "5")
    kit.told("resize", tmp_path / "five", tmp_path / "twice", "--size", "3")
    kit.told("resize", whole, tmp_path / "once", "--size", "3")
    for name, values in kit.contents(tmp_path / "once" / "once.h5").items():
        np.testing.assert_array_equal(kit.contents(tmp_path / "twice" / "twice.h5")[name], values)
    for side in ("tile_info", "band_stats"):
        assert kit.side(tmp_path / "once" / "once.h5", side) == kit.side(tmp_path / "twice" / "twice.h5", side)


def test_the_new_grid_is_where_the_pixels_are(kit: Any, tmp_path: Path) -> None:
    source = kit.write(tmp_path / "in.h5", ["t"])
    kit.told("resize", source, tmp_path / "out.h5", "--size", "4")
    profile = {"driver": "GTiff", "width": 7, "height": 7, "count": 1, "dtype": "int16", "crs": "EPSG:32618"}
    grid = kit.side(source, "tile_info")["t"]["GRID"]
    with rasterio.open(tmp_path / "t.tif", "w", transform=Affine(*grid["transform"]), **profile) as file:
        file.write(kit.contents(source)["heights"][0, :1])
    _, _, left, _, _, top = kit.side(tmp_path / "out.h5", "tile_info")["t"]["GRID"]["transform"]
    with rasterio.open(tmp_path / "t.tif") as file:
        row, column = file.index(left + 5, top - 5)  # the centre of the new first pixel
        assert file.read(1)[row, column] == kit.contents(tmp_path / "out.h5")["heights"][0, 0, 0, 0]


@pytest.mark.parametrize("size", [7, 8, 64])
def test_enlarging_is_refused(size: int, whole: Path, refused: Refused, tmp_path: Path) -> None:
    text = refused("resize", whole, tmp_path / "out", "--size", str(size))
    assert "have 7 x 7 pixels, and can only become smaller: 1 to 6" in text


def test_vectors_alone_are_refused(kit: Any, refused: Refused, tmp_path: Path) -> None:
    source = kit.write(tmp_path / "in.h5", ["t"], own=[layer for layer in kit.layers() if not layer.is_map])
    assert "all its layers are vectors" in refused("resize", source, tmp_path / "out", "--size", "3")
