"""tile_info.json: merged all the way down, strict, in the order of the rows."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio

from mmearth_core.download.tile_info import merge_info
from mmearth_core.errors import DatasetError
from mmearth_core.tiles.regions import ecoregions

NAME = "data_1M_v001"


def refuse(constant: str) -> float:
    raise AssertionError(f"{constant} is no strict JSON")


def test_every_tile_says_what_it_is_made_of(made: Path, kit: Any) -> None:
    info = json.loads((made / f"{NAME}_tile_info.json").read_text(), parse_constant=refuse)
    assert list(info) == [f"{number:03d}" for number in range(kit.tiles)]
    lines = [json.loads(line) for path in sorted(made.glob("journal/base/*")) for line in path.read_text().splitlines()]
    base = {line["tile_id"]: line for line in lines}
    for tile_id, entry in info.items():
        line = base[tile_id]
        assert entry["CRS"] == "EPSG:32618"
        assert entry["S2_DATE"] == line["anchor"]["date"]
        assert entry["S2_type"] == line["anchor"]["variant"]
        assert entry["GRID"] == {"transform": line["grid"]["transform"], "size": kit.size}
        assert entry["SHA256"]["base"] == line["sha256"]
        assert entry["SHA256"].keys() == {"base", "anyones"}
        # Three modalities, of two groups, in one object.
        assert entry["BANDS"]["heights"] == ["low", "high"]
        assert "QA60" in entry["BANDS"]["sentinel2"]
        assert entry["HALF"] == int(tile_id) % 2
        # The columns of the tiles file, as they are.
        assert entry["TILE"]["biome"] == "Temperate Grasslands, Savannas & Shrublands"
        assert ecoregions().biomes[entry["biome"]] == "Temperate Grasslands, Savannas & Shrublands"
        assert round(entry["lat"]) == 38
        # A reader that skips tiles with `if entry["NO_DATA"]` skips none.
        assert entry["NO_DATA"] is False
        assert "VERSIONS" not in entry


def test_what_is_equal_for_all_tiles_is_in_the_hdf5_file(made: Path) -> None:
    with h5py.File(made / f"{NAME}.h5") as file:
        nodata = {name: float(file[name].attrs["nodata"]) for name in ("sentinel2", "lat", "weights")}
        np.testing.assert_equal(nodata, {"sentinel2": 0.0, "lat": -np.inf, "weights": np.nan})
        assert file["heights"].attrs["plugin"] == "mmearth-anyones 1.0"
        assert file["sentinel2"].attrs["plugin"].startswith("mmearth-sentinel2 ")


def test_the_stacks_have_the_entry_of_their_tile_in_their_tags(made: Path) -> None:
    info = json.loads((made / f"{NAME}_tile_info.json").read_text())
    for path in (made / "stacks").glob("*/*/*.tif"):
        with rasterio.open(path) as stack:
            tags = stack.tags()
        entry = info[json.loads(tags["TILE_ID"])]
        assert tags["DATE"] == entry["S2_DATE"]
        if path.parts[-3] == "base":
            assert (tags["S2_ID"], tags["S2_type"]) == (entry["S2_ID"], entry["S2_type"])
            assert json.loads(tags["BANDS.sentinel2"]) == entry["BANDS"]["sentinel2"]
        else:
            assert json.loads(tags["HALF"]) == entry["HALF"]
            assert "S2_ID" not in tags


def test_info_is_also_a_command_of_its_own(config: Path, made: Path, kit: Any) -> None:
    kit.summary("post", "info", config, "--workers", "1")
    name = f"{NAME}_tile_info.json"
    assert (config.parent / NAME / name).read_bytes() == (made / name).read_bytes()
    assert not (config.parent / NAME / f"{NAME}.h5").exists()


def test_merging_goes_all_the_way_down_and_refuses_a_contradiction() -> None:
    entry: dict[str, Any] = {}
    told: dict[str, str] = {}
    first = {"a": {"b": {"c": 1}}, "d": None, "e": [1]}
    merge_info(entry, first, told, "modality 'one'")
    merge_info(entry, {"a": {"b": {"x": 2}}, "e": [1]}, told, "modality 'two'")
    assert entry == {"a": {"b": {"c": 1, "x": 2}}, "d": None, "e": [1]}
    assert first == {"a": {"b": {"c": 1}}, "d": None, "e": [1]}, "a plugin's own object was changed"
    with pytest.raises(DatasetError, match=r"'two' and modality 'three' contradict each other .* a\.b\.x is 2 and 3"):
        merge_info(entry, {"a": {"b": {"x": 3}}}, told, "modality 'three'")
    with pytest.raises(DatasetError, match="a is "):
        merge_info(entry, {"a": 5}, told, "modality 'three'")


def test_a_layer_that_came_wholly_masked_says_so_unless_its_plugin_knows_better(config: Path, kit: Any) -> None:
    journal = sorted((config.parent / NAME).glob("journal/base/*.jsonl"))[0]
    entry = json.loads(journal.read_text().splitlines()[0])
    with journal.open("a") as file:
        file.write(json.dumps({**entry, "masked": ["sentinel2_cloudmask"]}) + "\n")
    kit.summary("post", "info", config, "--workers", "1")
    info = json.loads((config.parent / NAME / f"{NAME}_tile_info.json").read_text())
    assert info[entry["tile_id"]]["MISSING"] == {"sentinel2_cloudmask": "every pixel of what was found is masked"}
    assert [tile for tile in info if "MISSING" in info[tile]] == [entry["tile_id"]]
