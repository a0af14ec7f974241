"""What the seed's training loader reads, for want of a package of it: file names, strict JSON, and its look-ups."""

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mmearth_core.product.hdf5 import layer_names

PATTERNS = ["data_*.h5", "data_*_splits.json", "data_*_tile_info.json", "data_*_band_stats.json"]
NORMALISED = ["sentinel2", "sentinel1", "aster", "era5", "canopy_height_eth", "lat", "lon", "month"]


def strict(path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{path.name} has {constant}, which is not JSON")

    return json.loads(path.read_text(), parse_constant=refuse)


def test_it_finds_one_file_of_each_kind(made: Path) -> None:
    found = {pattern: [path.name for path in made.glob(pattern)] for pattern in PATTERNS}
    assert {pattern: len(names) for pattern, names in found.items()} == dict.fromkeys(PATTERNS, 1), found
    assert len(list(made.glob("data_*"))) > len(PATTERNS), "side files are there, and match none of the patterns"


def test_all_side_files_are_strict_json(made: Path) -> None:
    stats = strict(made / "data_1M_v001_band_stats.json")
    numbers = [each for entry in stats.values() for kind in ("mean", "std", "min", "max") for each in entry[kind]]
    assert len(numbers) > 100
    assert np.isfinite(numbers).all()
    assert all(std > 0 for name in NORMALISED for std in stats.get(name, {"std": []})["std"])
    for path in made.glob("*.json"):
        strict(path)


def test_the_table_of_tiles(made: Path) -> None:
    info = strict(made / "data_1M_v001_tile_info.json")
    with h5py.File(made / "data_1M_v001.h5") as file:
        table = file["metadata"]
        assert table.dtype == np.dtype([("tile_id", "S100"), ("S2_type", "S10")])
        assert [text.decode() for text in table["tile_id"]] == list(info)
        assert [text.decode() for text in table["S2_type"]] == [entry["S2_type"] for entry in info.values()]


def test_every_filter_is_hdf5_s_own(made: Path) -> None:
    with h5py.File(made / "data_1M_v001.h5") as file:
        for name in layer_names(file):
            plist = file[name].id.get_create_plist()
            codes = [plist.get_filter(place)[0] for place in range(plist.get_nfilters())]
            assert set(codes) <= {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE}
            assert file[name].chunks == (1, *file[name].shape[1:])


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_its_look_ups_of_a_row(made: Path, split: str) -> None:
    """A row's bands by a rising list of places, its statistics by the level that tile_info tells, classes by value."""
    splits, info = strict(made / "data_1M_v001_splits.json"), strict(made / "data_1M_v001_tile_info.json")
    stats = strict(made / "data_1M_v001_band_stats.json")
    with h5py.File(made / "data_1M_v001.h5") as file:
        for row in splits[split]:
            entry = info[file["metadata"][row][0].decode("utf-8")]
            assert entry["S2_type"] in ("l1c", "l2a")
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry["S2_DATE"])
            assert re.fullmatch(r"EPSG:32[67]\d\d", entry["CRS"])
            for layer in NORMALISED:
                key = f"{layer}_{entry['S2_type']}" if layer == "sentinel2" else layer
                places = list(range(0, file[layer].shape[1], 2))
                values = file[layer][row, places, ...]
                mean = np.array(stats[key]["mean"])[places].reshape(-1, *(1,) * (values.ndim - 1))
                std = np.array(stats[key]["std"])[places].reshape(mean.shape)
                scaled = (np.where(np.isfinite(values), values, np.nan) - mean) / std
                assert np.isfinite(scaled).any() or not np.isfinite(values).any()
            assert set(np.unique(file["dynamic_world"][row])) <= set(range(10))
            cover = {10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100, 255}
            assert set(np.unique(file["esa_worldcover"][row])) <= cover
            for layer, nodata in (("biome", 255), ("eco_region", 65535)):
                one_hot = file[layer][row].astype(int)
                assert one_hot.sum() == 1 or (one_hot == nodata).all()
            assert file["biome"][row].tolist().count(1) == (entry["biome"] is not None)
