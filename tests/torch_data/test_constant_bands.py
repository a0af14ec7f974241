"""Bands whose values are all the same: other readers divide by `std` or by `max - min`, and must get finite numbers."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmearth_devkit.testing.command_line import cli, summary

from mmearth_core.torch import Dataset

VECTORS = ["lat", "lon", "month", "era5"]


@pytest.fixture(scope="module")
def single(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of one tile, so of one place and one month; every band of a vector is constant."""
    folder = tmp_path_factory.mktemp("single")
    (folder / "tiles.txt").write_text("nebraska\n")
    summary("subset", made, folder / "data_1M_v001", "--tiles", folder / "tiles.txt", "--workers", "1")
    splits = folder / "data_1M_v001" / "data_1M_v001_splits.json"
    splits.write_text(json.dumps({"train": [0], "val": [0], "test": [0]}))
    return folder / "data_1M_v001"


def stats_of(folder: Path) -> Any:
    return json.loads((folder / f"{folder.name}_band_stats.json").read_text())


def test_the_statistics_say_what_to_divide_by_and_what_is_true(single: Path, made: Path) -> None:
    stats, found = stats_of(single), set()
    with h5py.File(single / "data_1M_v001.h5") as file:
        for key, entry in stats.items():
            name = key.removesuffix("_l1c").removesuffix("_l2a")
            for band, count in enumerate(entry["count"]):
                if not count:
                    assert (entry["std"][band], entry["true_std"][band]) == (1, 1)
                    assert (entry["min"][band], entry["max"][band], entry["true_max"][band]) == (0, 1, 1)
                    continue
                values = file[name][0, band].astype(np.float64)
                values = values[np.isfinite(values) & (values != float(file[name].attrs["nodata"]))]
                assert (entry["min"][band], entry["true_max"][band]) == (values.min(), values.max())
                np.testing.assert_allclose(entry["true_std"][band], values.std(), atol=1e-9 * abs(values).max())
                if np.ptp(values):
                    assert entry["std"][band] == entry["true_std"][band]
                    assert entry["max"][band] == entry["true_max"][band]
                else:
                    found.add(name)
                    assert (entry["std"][band], entry["true_std"][band]) == (1, 0)
                    assert entry["max"][band] == entry["min"][band] + 1
    assert {*VECTORS, "biome", "sentinel2_cloudmask"} <= found
    assert stats_of(made)["lat"]["std"] == stats_of(made)["lat"]["true_std"]


@pytest.mark.parametrize("mode", ["z-score", "min-max"])
def test_torchgeo_gives_finite_numbers(torchgeo: Any, single: Path, mode: str) -> None:
    # torchgeo's list of modalities has no month; its code knows it.
    class All(torchgeo.MMEarth):  # type: ignore[misc]
        all_modalities = (*torchgeo.MMEarth.all_modalities, "month")

    chosen = ["aster", "canopy_height_eth", "sentinel1_asc", "sentinel2", "month", "era5"]
    sample = All(single.parent, modalities=chosen, normalization_mode=mode)[0]
    with h5py.File(single / "data_1M_v001.h5") as file:
        for name in ("month", "era5"):
            assert np.isfinite(file[name][0]).all()
            np.testing.assert_allclose(sample[name].numpy(), 0, atol=1e-5)
        assert np.isfinite(sample["image_aster"].numpy()).all()


def test_the_first_loss_of_a_dataset_of_one_month_is_finite(single: Path) -> None:
    """As the training loader computes it: the mean square of what (value - mean) / std leaves."""
    stats = stats_of(single)
    with h5py.File(single / "data_1M_v001.h5") as file:
        for name in VECTORS:
            assert np.isfinite(file[name][0]).all()
            scaled = (file[name][0] - np.array(stats[name]["mean"])) / np.array(stats[name]["std"])
            assert float(np.mean(scaled**2)) < 1e-9


@pytest.mark.parametrize("mode", ["z-score", "min-max"])
def test_our_own_sample_is_zero_there(single: Path, mode: Any) -> None:
    values = Dataset(single, VECTORS, normalize=mode)[0]["values"]
    for name in VECTORS:
        np.testing.assert_allclose(values[name].numpy(), 0, atol=1e-6)


def test_merge_takes_the_true_values_of_old_files_and_new_ones(single: Path, made: Path, tmp_path: Path) -> None:
    single = shutil.copytree(single, tmp_path / "single" / single.name)
    others = tmp_path / "others.txt"
    others.write_text("brittany\nsvalbard\npatagonia\njava\n")
    summary("subset", made, tmp_path / "rest", "--tiles", others, "--workers", "1")
    whole = stats_of(made)
    for version in ("new", "old"):
        if version == "old":
            for folder in (single, tmp_path / "rest"):
                as_before(folder)
        joined = tmp_path / version
        assert summary("merge", joined, single, tmp_path / "rest", "--workers", "1")["statistics"] == "merged"
        for key, entry in stats_of(joined).items():
            for name, values in entry.items():
                if name != "classes":
                    np.testing.assert_allclose(values, whole[key][name], rtol=1e-9, atol=1e-9, err_msg=f"{key} {name}")


def as_before(folder: Path) -> None:
    """Writes the statistics as earlier versions did."""
    path = folder / f"{folder.name}_band_stats.json"
    stats = json.loads(path.read_text())
    for entry in stats.values():
        true_std, entry["max"] = entry.pop("true_std"), entry.pop("true_max")
        entry["std"] = [true if count else 1 for true, count in zip(true_std, entry["count"], strict=True)]
    path.write_text(json.dumps(stats))


def test_old_and_new_statistics_are_verified_and_reported(single: Path, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    (tmp_path / "one.txt").write_text("java\n")
    summary("subset", made, folder, "--tiles", tmp_path / "one.txt", "--workers", "1")
    new = stats_of(folder)
    for version in ("new", "old"):
        if version == "old":
            as_before(folder)
            assert "true_std" not in stats_of(folder)["lat"]
        assert summary("verify", folder, "--workers", "1")["faults"] == 0
        page = tmp_path / f"{version}.html"
        assert cli("report", folder, "-o", page, "--workers", "1", "--tiles", "0").exit_code == 0
        row = page.read_text().partition('aria-label="Statistics of month"')[2].partition("</table>")[0]
        cells = re.findall('<td class="num">(.*?)</td>', row)
        assert cells[:4] == ["-1", "0", "-1", "-1"]  # the true values, not what readers divide by
    wrong = {**stats_of(folder)}
    wrong["lat"]["std"] = new["lat"]["std"]
    (folder / "old_band_stats.json").write_text(json.dumps(wrong))
    (fault, *_) = summary("verify", folder, "--workers", "1", code=1)["findings"]
    assert fault["message"].startswith("lat: std of band sin is 1; the HDF5 file's values give 0")
