"""torchgeo's `MMEarth` runs unchanged on our output: what it returns is what h5py and the JSON files say."""

import base64
import hashlib
import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

SUBSETS = {"MMEarth": "data_1M_v001", "MMEarth64": "data_1M_v001_64", "MMEarth100k": "data_100k_v001"}
MASKS = ["sentinel2_cloudmask", "sentinel2_cloudprod", "sentinel2_scl"]
QUANTITIES = ["sentinel2", "sentinel1_asc", "sentinel1_desc", "aster", "canopy_height_eth", "era5"]
WORLDCOVER = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100]


class Truth:
    """What our files say, read by h5py and json alone."""

    def __init__(self, folder: Path) -> None:
        name = folder.name
        self.splits = json.loads((folder / f"{name}_splits.json").read_text())
        self.info = json.loads((folder / f"{name}_tile_info.json").read_text())
        self.stats = json.loads((folder / f"{name}_band_stats.json").read_text())
        self.file = h5py.File(folder / f"{name}.h5", "r")

    def tile_id(self, row: int) -> str:
        text: str = self.file["metadata"]["tile_id"][row].decode()
        return text

    def quantity(self, row: int, modality: str, mode: str) -> np.ndarray:
        """As torchgeo is to return it.

        It looks for no-data after it has normalised: what is infinite becomes nan, 0 and 255 are normalised like any
        other number, and a normalised number that happens to be 0 or 255 becomes nan.
        """
        layer = modality.removesuffix("_asc").removesuffix("_desc")
        values, nodata = self.file[layer][row], self.file[layer].attrs["nodata"]
        level = self.info[self.tile_id(row)]["S2_type"]
        stats = self.stats[f"sentinel2_{level}" if layer == "sentinel2" else layer]
        shape = (-1,) + (1,) * (values.ndim - 1)
        mean, std, low, high = (np.reshape(stats[kind], shape) for kind in ("mean", "std", "min", "max"))
        numbers = values.astype(np.float64)
        whole = (numbers - mean) / std if mode == "z-score" else (numbers - low) / (high - low)
        whole[whole == nodata] = np.nan
        if layer == "sentinel1":
            whole = whole[:4] if modality.endswith("asc") else whole[4:]
        return whole


@pytest.fixture
def truth(made: Path) -> Iterator[Truth]:
    truth = Truth(made)
    yield truth
    truth.file.close()


def test_its_module_is_the_one_that_was_published(torchgeo: Any) -> None:
    (listed,) = [path for path in importlib.metadata.files("torchgeo") or () if path.match("datasets/mmearth.py")]
    assert listed.hash
    digest = hashlib.sha256(Path(torchgeo.__file__).read_bytes()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == listed.hash.value


def test_the_tiles_are_of_every_sort(truth: Truth) -> None:
    rows = truth.splits["train"]
    assert {truth.info[truth.tile_id(row)]["S2_type"] for row in rows} == {"l1c", "l2a"}
    bands = [truth.info[truth.tile_id(row)]["BANDS"]["sentinel1_asc"] or [] for row in rows]
    assert any({"HH", "HV"} <= set(each) for each in bands)
    assert any({"VV", "VH"} <= set(each) for each in bands)


@pytest.mark.parametrize("subset", SUBSETS)
@pytest.mark.parametrize("mode", ["z-score", "min-max"])
def test_each_published_name_opens(torchgeo: Any, root: Path, subset: str, mode: str) -> None:
    chosen = ["sentinel2", "aster", *MASKS]
    dataset = torchgeo.MMEarth(root, subset=subset, normalization_mode=mode, modalities=chosen)
    truth = Truth(root / SUBSETS[subset])
    assert dataset.indices == truth.splits["train"]
    assert len(dataset) == len(truth.splits["train"]) > 0
    size = truth.file["sentinel2"].shape[-1]
    assert dataset[0]["image_sentinel2"].shape == (13, size, size)
    truth.file.close()


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("mode", ["z-score", "min-max"])
def test_every_value_of_every_tile(torchgeo: Any, made: Path, truth: Truth, mode: str, split: str) -> None:
    dataset = torchgeo.MMEarth(made.parent, normalization_mode=mode)
    dataset.split = split  # its constructor knows "train" only
    dataset.indices = dataset._load_indices()
    assert dataset.indices == truth.splits[split]
    for index, row in enumerate(truth.splits[split]):
        sample = dataset[index]
        for modality in QUANTITIES:
            tensor = sample[torchgeo.MMEarth.modality_category_name[modality] + modality]
            assert tensor.dtype == torch.float32
            np.testing.assert_allclose(tensor.numpy(), truth.quantity(row, modality, mode), rtol=1e-5, atol=1e-5)
        for modality in MASKS:
            np.testing.assert_array_equal(sample[f"mask_{modality}"].numpy(), truth.file[modality][row])
            assert sample[f"mask_{modality}"].dtype == torch.int64
        for modality in ("biome", "eco_region"):
            np.testing.assert_array_equal(sample[modality].numpy()[0], truth.file[modality][row][0])
        classes = truth.file["dynamic_world"][row].astype(float) - 1
        np.testing.assert_array_equal(sample["mask_dynamic_world"].numpy(), np.where(classes < 0, np.nan, classes))
        cover = truth.file["esa_worldcover"][row]
        places = [[255 if value == 255 else WORLDCOVER.index(value) for value in line] for line in cover[0]]
        np.testing.assert_array_equal(sample["mask_esa_worldcover"].numpy()[0], places)


def test_missing_values_become_nan_and_only_they(torchgeo: Any, made: Path, truth: Truth) -> None:
    dataset = torchgeo.MMEarth(made.parent)
    levels = set()
    for index, row in enumerate(truth.splits["train"]):
        sample, level = dataset[index], truth.info[truth.tile_id(row)]["S2_type"]
        levels.add(level)
        for orbit, bands in (("asc", slice(0, 4)), ("desc", slice(4, 8))):
            absent = np.isneginf(truth.file["sentinel1"][row][bands])
            np.testing.assert_array_equal(~np.isfinite(sample[f"image_sentinel1_{orbit}"].numpy()), absent)
        b10 = torchgeo.MMEarth.all_modality_bands["sentinel2"].index("B10")
        assert truth.file["sentinel2"].attrs["bands"][b10] == "B10"
        empty = np.isnan(sample["image_sentinel2"].numpy()).reshape(13, -1)
        assert np.flatnonzero(empty.any(axis=1)).tolist() == ([b10] if level == "l2a" else [])
        assert empty[b10].all() == (level == "l2a")
        np.testing.assert_array_equal(np.isnan(sample["era5"].numpy()), np.isnan(truth.file["era5"][row]))
    assert levels == {"l1c", "l2a"}


def test_what_it_tells_of_a_tile(torchgeo: Any, made: Path, truth: Truth) -> None:
    dataset = torchgeo.MMEarth(made.parent)
    for index, row in enumerate(truth.splits["train"]):
        sample, entry = dataset[index], truth.info[truth.tile_id(row)]
        assert sample["tile_id"] == truth.tile_id(row)
        assert (sample["lat"], sample["lon"]) == (entry["lat"], entry["lon"])
        assert (sample["date"], sample["crs"]) == (entry["S2_DATE"], entry["CRS"])
        assert list(sample["avail_bands"]) == list(torchgeo.MMEarth.all_modalities)


@pytest.mark.parametrize("modality", ["sentinel2", "sentinel1_asc", "sentinel1_desc", "aster", "era5"])
def test_a_choice_of_modalities_and_bands(torchgeo: Any, made: Path, truth: Truth, modality: str) -> None:
    bands = torchgeo.MMEarth.all_modality_bands[modality]
    chosen = bands[1::2]
    dataset = torchgeo.MMEarth(made.parent, modalities=[modality], modality_bands={modality: chosen})
    key = torchgeo.MMEarth.modality_category_name[modality] + modality
    for index, row in enumerate(truth.splits["train"]):
        sample = dataset[index]
        assert {"lat", "lon", "date", "crs", "tile_id", "avail_bands", key} == set(sample)
        assert sample["avail_bands"] == {modality: chosen}
        expected = truth.quantity(row, modality, "z-score")[1::2]
        np.testing.assert_allclose(sample[key].numpy(), expected, rtol=1e-5, atol=1e-5)


def test_transforms_batches_and_pictures(torchgeo: Any, made: Path, truth: Truth) -> None:
    def mark(sample: dict[str, Any]) -> dict[str, Any]:
        return {**sample, "marked": True}

    dataset = torchgeo.MMEarth(made.parent, transforms=mark)
    batch = next(iter(DataLoader(dataset, batch_size=len(dataset))))
    assert batch["tile_id"] == [truth.tile_id(row) for row in truth.splits["train"]]
    assert batch["marked"].all()
    with matplotlib.rc_context({"backend": "agg"}):
        figure = torchgeo.MMEarth(made.parent).plot(dataset[0])
        assert figure.axes[0].get_title() == "Sentinel-2 RGB"
        plt.close(figure)
