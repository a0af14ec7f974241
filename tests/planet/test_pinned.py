"""The same planet, the same tiles: identical pixels in every run and on every machine, pinned for a dozen tiles.

With other versions of libraries than those of constraints.txt a last digit may differ: with pyproj 3.8 it is one slope
of the tile australia.

When the planet is changed on purpose: `python tests/planet/pinned.py "the reason"`.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from mmearth_devkit.testing.command_line import own_process

from tests.planet import pinned

HERE = Path(__file__).parent


PINNED = json.loads((HERE / "pinned.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All modalities of a dozen tiles, 128 pixels wide."""
    folder = tmp_path_factory.mktemp("pinned")
    kit.run(kit.project(folder, kit.places, pinned.MODALITIES, size=128))
    found: dict[str, Any] = pinned.digests(folder / "planet", kit.journal(folder / "planet", "base"))
    return found


@pytest.mark.slow
def test_every_place_is_pinned_and_has_pixels(made: dict[str, Any], kit: Any) -> None:
    assert sorted(PINNED["tiles"]) == sorted(made) == sorted(kit.places)
    assert all("pixels" in tile for tile in made.values())
    assert len({tile["pixels"] for tile in made.values()}) == 12
    assert PINNED["reason"]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PINNED["tiles"]))
def test_a_tile_never_changes(name: str, made: dict[str, Any]) -> None:
    assert made[name] == PINNED["tiles"][name]


@pytest.mark.slow
def test_another_process_in_another_order_writes_the_same_bytes(made: dict[str, Any], kit: Any, tmp_path: Path) -> None:
    names = ["svalbard", "amazon", "bangkok"]
    config = kit.project(tmp_path, names, pinned.MODALITIES, size=128)
    config.write_text(config.read_text().replace("max_concurrent = 2", "max_concurrent = 5\nbatch_size = 2"))
    done = own_process("run", config)
    assert done.returncode == 0, done.stderr
    again = pinned.digests(tmp_path / "planet", kit.journal(tmp_path / "planet", "base"))
    assert again == {name: made[name] for name in sorted(names)}


def test_hashes_see_a_single_pixel_and_a_last_digit(tmp_path: Path) -> None:
    import numpy as np
    import rasterio

    def stack(value: float) -> str:
        path = tmp_path / f"{value}.tif"
        with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=1, dtype="float32", crs="EPSG:32632",
                           transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5e6)) as file:  # fmt: skip
            pixels = np.full((8, 8), np.nan, np.float32)
            pixels[3, 4] = value
            file.write(pixels, 1)
            file.set_band_description(1, "layer__band")
        return str(pinned.digest_stack(path))

    assert stack(1.0) != stack(1.0000001)
    assert pinned.digest_located({"a": [1.0]}) == pinned.digest_located({"a": [1.0 + 1e-12]})
    assert pinned.digest_located({"a": [1.0]}) != pinned.digest_located({"a": [1.00001]})
