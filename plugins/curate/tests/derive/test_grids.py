"""Datasets of other pixels than 10 m: their grid is kept, and different grids are not merged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

Refused = Callable[..., str]


def coarse(kit: Any, path: Path, ids: list[str], pixel_size: float, origin: list[float]) -> Path:
    """A dataset of such pixels, as `post` writes it: without the attributes where they are 10 and 0."""
    kit.write(path, ids, seed=len(ids[0]))
    with h5py.File(path, "a") as file:
        if pixel_size != 10:
            file.attrs["pixel_size"] = pixel_size
        if origin != [0, 0]:
            file.attrs["origin"] = origin
    info = kit.side(path, "tile_info")
    for row, entry in enumerate(info.values()):
        x, y = (start + number * pixel_size for start, number in zip(origin, (9000 + row, 140_000), strict=True))
        entry["GRID"]["transform"] = [pixel_size, 0, x, 0, -pixel_size, y]
    path.with_name(f"{path.stem}_tile_info.json").write_text(json.dumps(info))
    return path


def test_what_is_derived_has_the_same_pixels(kit: Any, tmp_path: Path) -> None:
    path = coarse(kit, tmp_path / "in.h5", ["a", "b", "c", "d"], 30, [15, 15])
    kit.told("resize", path, tmp_path / "small.h5", "--size", "4")
    kit.cli("subset", path, tmp_path / "some.h5", "--sample", "2")
    kit.told("merge", tmp_path / "all.h5", path, coarse(kit, tmp_path / "other.h5", ["xx", "yy"], 30, [45, -15]))
    for name in ("small", "some", "all"):
        with h5py.File(tmp_path / f"{name}.h5") as file:
            assert (file.attrs["pixel_size"], *file.attrs["origin"]) == (30, 15, 15), name
    before = kit.side(path, "tile_info")
    for tile_id, entry in kit.side(tmp_path / "small.h5", "tile_info").items():
        x, y = before[tile_id]["GRID"]["transform"][2::3]
        assert entry["GRID"] == {"transform": [30, 0, x + 30, 0, -30, y - 30], "size": 4}
    for name in ("some", "all"):
        assert {**before, **kit.side(tmp_path / f"{name}.h5", "tile_info")}["a"] == before["a"]


@pytest.mark.parametrize(
    ("pixel_size", "origin", "said"),
    [
        (10, [0, 0], "the pixel size in metres 30 / 10; the origin of the pixels in metres 15, 15 / 0, 0"),
        (30, [0, 0], "the origin of the pixels in metres 15, 15 / 0, 0"),
        (30, [15, 10.5], "the origin of the pixels in metres 15, 15 / 15, 10.5"),
        (60, [15, 15], "the pixel size in metres 30 / 60"),
    ],
)
def test_other_pixels_are_not_merged(
    pixel_size: float, origin: list[float], said: str, kit: Any, refused: Refused, tmp_path: Path
) -> None:
    one = coarse(kit, tmp_path / "one.h5", ["a"], 30, [15, 15])
    other = coarse(kit, tmp_path / "other.h5", ["b"], pixel_size, origin)
    text = refused("merge", tmp_path / "both.h5", one, other)
    assert f"(shown as first / second): {said}. Build both with the same" in text
