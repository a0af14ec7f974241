"""Our torch Dataset: tensors that are what h5py and numpy's formula say, here and in a DataLoader's workers."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, default_collate

from mmearth_core.errors import DatasetError
from mmearth_core.product.hdf5 import layer_names
from mmearth_core.torch import Dataset

FILE = "data_1M_v001.h5"
CLASSES = {"dynamic_world", "esa_worldcover", "sentinel2_scl", "sentinel2_cloudmask"}
ONE_HOT = {"biome", "eco_region"}
STORED = {"uint8": torch.uint8, "int8": torch.int8, "int16": torch.int16, "uint16": torch.int32}


def formula(file: h5py.File, stats: Any, row: int, layer: str, mode: str, missing: float) -> np.ndarray:
    """A row as it is to be, by numpy in float64."""
    values = file[layer][row].astype(np.float64)
    nodata = float(file[layer].attrs["nodata"])
    valid = np.isfinite(values) & (values != nodata)
    level = file["metadata"][row][1].decode()
    entry = stats[f"{layer}_{level}" if layer.startswith("sentinel2") else layer]
    shape = (-1,) + (1,) * (values.ndim - 1)
    mean, std, low, high = (np.reshape(entry[kind], shape) for kind in ("mean", "std", "min", "max"))
    offset, spread = (mean, std) if mode == "z-score" else (low, high - low)
    spread = np.where(spread == 0, 1, spread)
    return np.where(valid, (np.where(valid, values, 0) - offset) / spread, missing)


@pytest.mark.parametrize(("mode", "missing"), [("z-score", 0.0), ("min-max", -1.0), ("z-score", float("nan"))])
def test_quantities_are_normalised_and_nothing_else(made: Path, mode: Any, missing: float) -> None:
    dataset = Dataset(made / FILE, normalize=mode, missing=missing)
    stats = json.loads((made / "data_1M_v001_band_stats.json").read_text())
    variants = set()
    with h5py.File(made / FILE) as file:
        assert len(dataset) == len(file["metadata"])
        for row in range(len(dataset)):
            sample = dataset[row]
            variants.add(sample["variant"])
            assert sample["values"].keys() == sample["masks"].keys() == {*layer_names(file)}
            for layer, tensor in sample["values"].items():
                raw = file[layer][row]
                if layer in CLASSES | ONE_HOT:
                    assert tensor.dtype == (torch.int64 if layer in CLASSES else STORED[raw.dtype.name])
                    np.testing.assert_array_equal(tensor.numpy(), raw)
                else:
                    assert tensor.dtype == torch.float32
                    expected = formula(file, stats, row, layer, mode, missing)
                    np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-6, atol=1e-6)
    assert variants == {"l1c", "l2a"}


def test_masks_say_what_is_missing(made: Path) -> None:
    dataset = Dataset(made / FILE)
    seen = set()
    with h5py.File(made / FILE) as file:
        for row in range(len(dataset)):
            for layer, mask in dataset[row]["masks"].items():
                raw, nodata = file[layer][row], file[layer].attrs["nodata"]
                assert mask.dtype == torch.bool
                valid = (raw != nodata) & (np.isfinite(raw) if raw.dtype.kind == "f" else True)
                np.testing.assert_array_equal(mask.numpy(), valid)
                seen |= set(np.unique(valid))
    assert seen == {True, False}


def test_without_normalisation_values_are_as_stored(made: Path) -> None:
    dataset = Dataset(made / FILE, normalize=None)
    with h5py.File(made / FILE) as file:
        for layer, tensor in dataset[0]["values"].items():
            raw = file[layer][0]
            np.testing.assert_array_equal(tensor.numpy(), raw)
            expected = torch.int64 if layer in CLASSES else STORED.get(raw.dtype.name, torch.float32)
            assert tensor.dtype == expected


def test_without_normalisation_no_statistics_are_needed(made: Path, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes((made / FILE).read_bytes())
    assert len(Dataset(tmp_path / FILE, normalize=None)) > 0
    assert len(Dataset(tmp_path / FILE, layers=["esa_worldcover", "biome"])) > 0
    with pytest.raises(DatasetError, match="band_stats"):
        Dataset(tmp_path / FILE)


def test_a_split_and_a_choice_of_layers_and_bands(made: Path) -> None:
    whole = Dataset(made / FILE, split="train")
    splits = json.loads((made / "data_1M_v001_splits.json").read_text())
    chosen = {"sentinel2": ["B4", "B3", "B2"], "dynamic_world": None, "era5": ["year_avg_temp"]}
    dataset = Dataset(made / FILE, layers=chosen, split="train")
    assert dataset.bands["sentinel2"] == ("B4", "B3", "B2")
    assert dataset.bands["dynamic_world"] == ("landcover",)
    assert list(dataset.layers) == list(chosen)
    assert [dataset[index]["row"] for index in range(len(dataset))] == splits["train"]
    places = [whole.bands["sentinel2"].index(band) for band in ("B4", "B3", "B2")]
    for index in range(len(dataset)):
        some, all_of_it = dataset[index], whole[index]
        for kind in ("values", "masks"):
            assert list(some[kind]) == list(chosen)
            assert torch.equal(some[kind]["sentinel2"], all_of_it[kind]["sentinel2"][places])
            assert torch.equal(some[kind]["dynamic_world"], all_of_it[kind]["dynamic_world"])
            year = whole.bands["era5"].index("year_avg_temp")
            torch.testing.assert_close(some[kind]["era5"], all_of_it[kind]["era5"][[year]], equal_nan=True)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_return_the_same(made: Path, method: str) -> None:
    dataset = Dataset(made / FILE, normalize="min-max")
    here = [dataset[index] for index in range(len(dataset))]  # the file is open now
    loader = DataLoader(dataset, batch_size=2, num_workers=2, multiprocessing_context=method, persistent_workers=True)
    for _ in range(2 if method == "fork" else 1):
        batches = list(loader)
        expected = [default_collate(here[start : start + 2]) for start in range(0, len(here), 2)]
        assert [batch["tile_id"] for batch in batches] == [batch["tile_id"] for batch in expected]
        assert [batch["variant"] for batch in batches] == [batch["variant"] for batch in expected]
        for batch, other in zip(batches, expected, strict=True):
            assert torch.equal(batch["row"], other["row"])
            for kind in ("values", "masks"):
                for layer, tensor in batch[kind].items():
                    assert torch.equal(tensor, other[kind][layer]), (kind, layer)
    del loader


def test_a_transform_has_the_last_word(made: Path) -> None:
    def image_and_target(sample: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        return sample["values"]["sentinel2"], sample["values"]["esa_worldcover"][0]

    dataset = Dataset(made / FILE, layers=["sentinel2", "esa_worldcover"], transform=image_and_target)
    images, targets = next(iter(DataLoader(dataset, batch_size=3)))
    assert images.shape == (3, 13, 16, 16)
    assert targets.shape == (3, 16, 16)
    assert targets.dtype == torch.int64
    assert torch.isfinite(images).all()


def test_what_is_not_there_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no layer 'nosuch'"):
        Dataset(made / FILE, layers=["nosuch"])
    with pytest.raises(DatasetError, match="layer 'sentinel2' has no band 'B99'"):
        Dataset(made / FILE, layers={"sentinel2": ["B2", "B99"]})
    with pytest.raises(DatasetError, match="is not a list of bands"):
        Dataset(made / FILE, layers={"sentinel2": "B2"})
    with pytest.raises(ValueError, match="z-score, min-max"):
        Dataset(made / FILE, normalize="zscore")  # type: ignore[arg-type]
    (tmp_path / FILE).write_bytes((made / FILE).read_bytes())
    stats = json.loads((made / "data_1M_v001_band_stats.json").read_text())
    stats["sentinel2_l2a"]["std"].pop()
    (tmp_path / "data_1M_v001_band_stats.json").write_text(json.dumps(stats))
    with pytest.raises(DatasetError, match=r"'sentinel2_l2a' has no mean and std for 13 bands"):
        Dataset(tmp_path / FILE, layers=["sentinel2"])


@pytest.mark.parametrize("none", [[], {}])
def test_a_choice_of_no_layer_is_refused_with_what_is_allowed(made: Path, none: Any) -> None:
    with pytest.raises(DatasetError, match=r"chooses none\. It has .*sentinel2.*; omit `layers`"):
        Dataset(made / FILE, layers=none)
    with pytest.raises(DatasetError, match=r"'sentinel2': \[\] is not a list of bands\. It has B1, B2, .*None for all"):
        Dataset(made / FILE, layers={"sentinel2": []})


def test_an_unknown_layer_split_or_tile_is_refused_with_what_is_allowed(made: Path) -> None:
    with pytest.raises(DatasetError, match=r"no layer 'sentinel'\. Did you mean 'sentinel\d'\? It has .*era5"):
        Dataset(made / FILE, layers={"sentinel": None})
    with pytest.raises(DatasetError, match=r"no split 'tests'\. Did you mean 'test'\? It has train, val, test\."):
        Dataset(made / FILE, split="tests")
    dataset = Dataset(made / FILE)
    with pytest.raises(IndexError, match="no tile 5: 5 tiles here, indices go from -5 to 4"):
        dataset[5]
    with pytest.raises(IndexError, match="no tile -6"):
        dataset[-6]
    with pytest.raises(IndexError, match="no tile 9"):
        next(iter(DataLoader(dataset, sampler=[9])))
