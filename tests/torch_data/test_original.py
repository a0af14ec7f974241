"""Files in the original system's layout: as tensors, and what torchgeo and the public look-ups find in derived ones."""

import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from mmearth_devkit.testing.command_line import cli, summary
from mmearth_devkit.testing.original_layout import CANOPY_MISSING, LAYERS, write_original

from mmearth_core.torch import Dataset

MISSING = {
    "aster": (-32768,),
    "canopy_height_eth": CANOPY_MISSING,
    "esa_worldcover": (0, 255),
    "sentinel1": (-np.inf,),
    "sentinel2": (0,),
    "sentinel2_cloudprod": (65535,),
    "dynamic_world": (0,),
    "sentinel2_scl": (255,),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a dataset in the original's layout, and of one that is made of it as the docs say."""
    root = tmp_path_factory.mktemp("root")
    write_original(root / "data_1M_v001")
    summary("resize", root / "data_1M_v001", root / "data_1M_v001_64", "--size", "8", "--workers", "1")
    return root


def strict(path: Path) -> Any:
    return json.loads(path.read_text(), parse_constant=lambda constant: pytest.fail(f"{constant} in {path.name}"))


@pytest.mark.parametrize("mode", ["z-score", "min-max", None])
def test_it_is_read_as_tensors(root: Path, mode: Any) -> None:
    """Normalised by its own statistics; where these are NaN, the band has no value to be normalised."""
    dataset = Dataset(root / "data_1M_v001", split="train", normalize=mode)
    stats = json.loads((root / "data_1M_v001" / "data_1M_v001_band_stats.json").read_text())
    assert math.isnan(stats["sentinel2_l2a"]["mean"][10]), "level 2A has no B10"
    assert sorted(dataset[index]["row"] for index in range(6)) == list(range(6))
    with h5py.File(root / "data_1M_v001" / "data_1M_v001.h5") as file:
        for index in range(6):
            sample = dataset[index]
            for name in LAYERS:
                raw = file[name][sample["row"]].astype(np.float64)
                mask = np.isfinite(raw) & ~np.isin(raw, MISSING.get(name, ()))
                np.testing.assert_array_equal(sample["masks"][name].numpy(), mask)
                entry = stats.get(f"{name}_{sample['variant']}", stats.get(name))
                if mode and entry and name != "sentinel2_cloudmask":
                    numbers = {key: np.reshape(entry[key], (-1, *(1,) * (raw.ndim - 1))) for key in entry}
                    offset = numbers["mean" if mode == "z-score" else "min"]
                    with np.errstate(invalid="ignore"):
                        span = numbers["std"] if mode == "z-score" else numbers["max"] - offset
                        span = np.where(np.nan_to_num(span) > 0, span, 1)
                        raw = np.where(mask, (np.where(mask, raw, 0) - offset) / span, 0)
                tensor = sample["values"][name]
                assert torch.isfinite(tensor).all() or not mode
                np.testing.assert_allclose(tensor.double().numpy(), raw, rtol=1e-5, atol=1e-6)


def test_cross_entropy_on_its_classes(root: Path) -> None:
    dataset = Dataset(root / "data_1M_v001", layers=["esa_worldcover"], classes="index")
    assert {int(each) for row in range(6) for each in dataset[row]["values"]["esa_worldcover"].unique()} == {
        -100,
        *range(11),
    }


def test_torchgeo_reads_what_is_made_of_it(root: Path, torchgeo: Any) -> None:
    made, before = (torchgeo.MMEarth(root=str(root), subset=subset) for subset in ("MMEarth64", "MMEarth"))
    assert len(made) == len(before) == 6
    stats = strict(root / "data_1M_v001_64" / "data_1M_v001_64_band_stats.json")
    with h5py.File(root / "data_1M_v001_64" / "data_1M_v001_64.h5") as file:
        for index, row in enumerate(made.indices):
            own, other = made[index], before[index]
            for key in ("tile_id", "date", "crs", "lat", "lon", "avail_bands"):
                assert own[key] == other[key]
            for name in ("mask_esa_worldcover", "mask_dynamic_world", "mask_sentinel2_scl"):
                np.testing.assert_array_equal(own[name].numpy(), other[name][..., 4:12, 4:12].numpy())
            key = f"sentinel2_{('l2a', 'l1c')[row % 2]}"
            mean, std = (np.reshape(stats[key][kind], (-1, 1, 1)) for kind in ("mean", "std"))
            expected = (file["sentinel2"][row] - mean) / std
            np.testing.assert_allclose(np.nan_to_num(own["image_sentinel2"].numpy()), expected, rtol=1e-5, atol=1e-6)


def test_the_public_look_ups_find_everything_in_it(root: Path) -> None:
    folder = root / "data_1M_v001_64"
    name = folder.name
    found = {
        what: [path.name for path in folder.glob(f"data_*{what}")]
        for what in (".h5", "_splits.json", "_tile_info.json")
    }
    assert {what: len(names) for what, names in found.items()} == dict.fromkeys(found, 1)
    info, stats = (strict(folder / f"{name}_{what}.json") for what in ("tile_info", "band_stats"))
    with h5py.File(folder / f"{name}.h5") as file:
        assert file["metadata"].dtype == np.dtype([("tile_id", "S100"), ("S2_type", "S10")])
        for row in strict(folder / f"{name}_splits.json")["train"]:
            tile_id, level = (text.decode() for text in file["metadata"][row])
            assert info[tile_id]["S2_type"] == level
            for layer, (dtype, bands) in LAYERS.items():
                assert (file[layer].dtype, file[layer].shape[1]) == (dtype, bands)
                entry = stats[f"{layer}_{level}" if layer.startswith("sentinel2") else layer]
                assert all(len(entry[kind]) == bands for kind in ("mean", "std", "min", "max"))
                assert np.isfinite([entry["mean"], entry["std"]]).all()


def test_verify_finds_no_fault_in_it(root: Path) -> None:
    """Differences from our own layout are warnings; all layers are checked, in the types of the file."""
    done = cli("verify", root / "data_1M_v001", "--workers", "1", "--json")
    report = json.loads(done.stdout)
    assert [each for each in report["findings"] if each["severity"] == "fault"] == []
    assert done.exit_code == 0
    layers = report["layers"]
    assert {name: (layers[name]["known"], layers[name]["dtype"]) for name in LAYERS} == {
        name: (True, dtype) for name, (dtype, _) in LAYERS.items()
    }
    with h5py.File(root / "data_1M_v001" / "data_1M_v001.h5") as file:
        heights = np.isin(file["canopy_height_eth"][:, 0], CANOPY_MISSING).mean()
    assert layers["canopy_height_eth"]["nodata_fraction"]["height"] == pytest.approx(heights)
