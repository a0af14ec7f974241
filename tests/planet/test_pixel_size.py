"""A dataset of 30 m pixels from end to end, beside one of 10 m: values, files, readers, and what is added later."""

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from mmearth_devkit.testing.command_line import cli, summary

from mmearth_core.dataset import Dataset
from mmearth_core.errors import DatasetError

pytestmark = pytest.mark.slow

NAMES = ["congo", "nebraska"]
SENSORS = ["sentinel2", "sentinel1", "aster", "dynamic_world", "canopy_height_eth"]
SIZE = 16


def band(path: Path, name: str) -> np.ndarray:
    with rasterio.open(path) as stack:
        return stack.read(stack.descriptions.index(name) + 1)


def stack(folder: Path, name: str, group: str = "base") -> Path:
    (found,) = folder.glob(f"planet/stacks/{group}/*/{name}.tif")
    return found


def made(kit: Any, folder: Path, modalities: list[str], dataset: str, size: int = SIZE) -> Path:
    """A finished dataset; returns its folder."""
    config = kit.project(folder, NAMES, modalities, dataset=dataset, size=size)
    assert kit.run(config)["done"] == len(NAMES)
    summary("post", config, "--workers", "1")
    return folder


@pytest.fixture(scope="module")
def coarse(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(kit, tmp_path_factory.mktemp("coarse"), SENSORS, "pixel_size = 30")


@pytest.fixture(scope="module")
def fine(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(kit, tmp_path_factory.mktemp("fine"), ["sentinel2", "dynamic_world"], "", size=5 * SIZE)


def test_every_file_says_the_pixel_size(coarse: Path, fine: Path) -> None:
    dataset = tomllib.loads((coarse / "planet" / "mmearth.toml").read_text())["dataset"]
    assert (dataset["pixel_size"], "origin" in dataset) == (30, False)
    assert "pixel_size" not in (fine / "planet" / "mmearth.toml").read_text()
    with h5py.File(coarse / "planet" / "planet.h5") as file, h5py.File(fine / "planet" / "planet.h5") as other:
        assert (file.attrs["pixel_size"], file["sentinel2"].shape) == (30, (2, 13, SIZE, SIZE))
        assert "pixel_size" not in other.attrs
    info = json.loads((coarse / "planet" / "planet_tile_info.json").read_text())
    for name in NAMES:
        with rasterio.open(stack(coarse, name)) as source:
            assert (source.transform.a, source.transform.c % 30, source.transform.f % 30) == (30, 0, 0)
            assert info[name]["GRID"] == {"transform": list(source.transform)[:6], "size": SIZE}
    assert (Dataset(coarse / "planet").pixel_size, Dataset(fine / "planet").pixel_size) == (30, 10)
    for folder in (coarse, fine):
        done = cli("verify", folder / "planet.toml")
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_made_of_the_nine_that_they_cover(coarse: Path, fine: Path, name: str) -> None:
    with rasterio.open(stack(coarse, name)) as large, rasterio.open(stack(fine, name)) as small:
        row, column = small.index(large.bounds.left + 5, large.bounds.top - 5)
    inside = np.s_[row : row + 3 * SIZE, column : column + 3 * SIZE]

    def nine(name_of_band: str) -> np.ndarray:
        pixels = band(stack(fine, name), name_of_band)[inside].astype(float)
        assert pixels.shape == (3 * SIZE, 3 * SIZE)
        return pixels.reshape(SIZE, 3, SIZE, 3).transpose(0, 2, 1, 3).reshape(SIZE, SIZE, 9)

    red = band(stack(coarse, name), "sentinel2__B4")
    assert np.abs(red - nine("sentinel2__B4").mean(axis=2)).max() <= 0.501
    cover, labels = band(stack(coarse, name), "dynamic_world__landcover"), nine("dynamic_world__landcover")
    counts = np.stack([(labels == each).sum(axis=2) for each in range(1, 10)])
    first, second = np.sort(counts, axis=0)[[-1, -2]]
    is_clear = first > second
    np.testing.assert_array_equal(cover[is_clear], counts.argmax(axis=0)[is_clear] + 1.0)
    assert is_clear.sum() > 50
    for layer in ("sentinel1__asc_VV", "sentinel1__desc_VV", "aster__elevation", "aster__slope", "sentinel2__B1"):
        pixels = band(stack(coarse, name), layer)
        assert np.isfinite(pixels).all() or "_VV" in layer


def test_a_modality_added_later_is_on_the_same_pixels(coarse: Path, kit: Any, tmp_path: Path) -> None:
    shutil.copytree(coarse, tmp_path / "project")
    # The dataset keeps its pixel size, also where the configuration leaves it out.
    config = kit.config(tmp_path / "project", [*SENSORS, "esa_worldcover"], size=SIZE)
    assert kit.run(config, "--modalities", "esa_worldcover")["done"] == len(NAMES)
    summary("post", config, "--workers", "1")
    assert cli("verify", config).exit_code == 0
    for name in NAMES:
        first, later = (stack(tmp_path / "project", name, group) for group in ("base", "esa_worldcover"))
        with rasterio.open(first) as old, rasterio.open(later) as new:
            assert (new.crs, new.transform, new.shape) == (old.crs, old.transform, old.shape)
    config.write_text(config.read_text().replace("[run]", "pixel_size = 20\n[run]", 1))
    done = cli("run", config, columns=500)
    assert done.exit_code == 2
    assert "[dataset] pixel_size is 30 in the dataset and 20 in the configuration" in " ".join(done.stderr.split())


def test_a_dataset_of_another_pixel_size_is_neither_merged_nor_read_together(
    coarse: Path, kit: Any, tmp_path: Path
) -> None:
    other = made(kit, tmp_path, ["sentinel2"], "pixel_size = 20\norigin = [10, 0]")
    with h5py.File(other / "planet" / "planet.h5") as file:
        assert file.attrs["origin"].tolist() == [10, 0]
    files = [coarse / "planet" / "planet.h5", other / "planet" / "planet.h5"]
    with pytest.raises(DatasetError, match="their pixels are 30 and 20 m"):
        Dataset(files, layers=["sentinel2"])
    done = cli("merge", tmp_path / "merged", *files, columns=900)
    assert done.exit_code == 2
    assert "the pixel size in metres 30 / 20" in " ".join(done.stderr.split())
    done = cli("subset", files[1], tmp_path / "some", "--sample", "1")
    assert done.exit_code == 0, done.output
    assert Dataset(tmp_path / "some").pixel_size == 20


def test_a_dataset_made_of_its_tile_info_is_on_the_same_pixels(kit: Any, tmp_path: Path) -> None:
    grid = "pixel_size = 20\norigin = [10, 0]"
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    made(kit, first, ["sentinel2"], grid)
    tiles = cli("tiles", "from-tile-info", first / "planet" / "planet_tile_info.json", "-o", second / "tiles.geojson")
    assert tiles.exit_code == 0, tiles.output
    config = kit.config(second, ["esa_worldcover"], dataset=f'{grid}\nanchor = "file"', size=SIZE)
    config.write_text(config.read_text() + '[modalities.file]\ndate = "S2_DATE"\ncrs = "CRS"\n')
    assert kit.run(config)["done"] == len(NAMES)
    for name in NAMES:
        with rasterio.open(stack(first, name)) as old, rasterio.open(stack(second, name)) as new:
            assert (new.crs, new.transform, new.shape) == (old.crs, old.transform, old.shape)
            assert (old.transform.c % 20, old.transform.f % 20) == (10, 0)


def test_torch_knows_the_pixel_size(coarse: Path) -> None:
    from mmearth_core.torch import Dataset as TorchDataset

    dataset = TorchDataset(coarse / "planet")
    assert (dataset.pixel_size, dataset[0]["values"]["sentinel2"].shape) == (30, (13, SIZE, SIZE))


def test_a_verified_grid_is_that_of_the_stored_pixel_size(coarse: Path, tmp_path: Path) -> None:
    shutil.copytree(coarse, tmp_path / "project")
    file = tmp_path / "project" / "planet" / "mmearth.toml"
    file.write_text(file.read_text().replace("pixel_size = 30", "pixel_size = 60"))
    done = cli("verify", tmp_path / "project" / "planet.toml", columns=300)
    assert done.exit_code == 1
    output = " ".join(done.output.split())
    assert "transform is" in output
    assert "Its pixel_size and origin are 30 and [0, 0]; the dataset's are 60 and [0, 0]" in output
