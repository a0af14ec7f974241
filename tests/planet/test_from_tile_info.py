"""A dataset that starts from an earlier build's tile_info.json and tiles: the new modality is pixel on pixel."""

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio

NAMES = ["congo", "siberia", "nebraska"]
NEW = ["sentinel1", "era5", "aster"]
GROUP = "+".join(NEW)

DATASET = 'anchor = "file"\ntile_info = "../first/data_tile_info.json"'
OPTIONS = 'date = "S2_DATE"\ncrs = "CRS"\nvariant = "S2_type"'


@pytest.fixture(scope="module")
def first(kit: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of Sentinel-2 with three modalities added, and its tile_info.json as MMEarth publishes it."""
    folder = tmp_path_factory.mktemp("start") / "first"
    folder.mkdir()
    kit.run(kit.project(folder, NAMES, ["sentinel2"]))
    kit.run(kit.config(folder, ["sentinel2", *NEW]), "--modalities", ",".join(NEW))
    entries = {}
    for name, entry in kit.journal(folder / "planet", "base").items():
        lon, lat = kit.places[name]
        entries[name] = {
            "S2_DATE": entry["anchor"]["date"],
            "S2_type": entry["anchor"]["variant"],
            "CRS": entry["anchor"]["crs"],
            "lat": lat,
            "lon": lon,
            "biome": 3,
            "eco_region": 321,
            "NO_DATA": {"sentinel2": 0, "aster": None},
            "BANDS": {"sentinel2": ["B2"], "sentinel1_asc": None},
            "era5": {"month1": [1.0, 2.0, 3.0, 4.0]},
        }
    (folder / "data_tile_info.json").write_text(json.dumps(entries))
    return folder


def second(first: Path, kit: Any, name: str, modalities: list[str]) -> Path:
    """A configuration beside it that knows only the tiles' outlines, and asks the anchor `file`."""
    folder = first.parent / name
    folder.mkdir()
    (folder / "tiles.geojson").write_text(json.dumps(kit.tiles(NAMES, centroids=False)))
    return kit.config(folder, [*modalities, "file"], dataset=DATASET, options=OPTIONS)


@pytest.fixture(scope="module")
def extended(first: Path, kit: Any) -> Path:
    config = second(first, kit, "second", NEW)
    summary = kit.run(config)
    assert summary["done"] == 3
    assert summary["purposes"] == {"locate": 1, "pixels": 3}, "neither a centroid nor an anchor is asked for"
    return config.parent / "planet"


def test_it_has_the_same_grids_and_pixels(first: Path, extended: Path, kit: Any) -> None:
    base, added = (kit.journal(first / "planet", group) for group in ("base", GROUP))
    entries = kit.journal(extended, "base")
    for name in NAMES:
        assert entries[name]["anchor"] == base[name]["anchor"]
        assert entries[name]["grid"] == base[name]["grid"]
        assert {key: entries[name]["located"][key] for key in NEW} == added[name]["located"]
        (new,) = extended.glob(f"stacks/base/*/{name}.tif")
        (old,) = first.glob(f"planet/stacks/{GROUP}/*/{name}.tif")
        with rasterio.open(new) as mine, rasterio.open(old) as theirs:
            assert (mine.crs, mine.transform, mine.descriptions) == (theirs.crs, theirs.transform, theirs.descriptions)
            assert mine.read().tobytes() == theirs.read().tobytes()
            assert max(np.unique(band).size for band in mine.read()) > 100, "and they are no empty ones"


def test_the_keys_are_columns_of_its_tiles(extended: Path, kit: Any) -> None:
    tiles = gpd.read_file(extended / "tiles.gpkg").set_index("tile_id")
    assert {"S2_DATE", "S2_type", "CRS", "biome", "eco_region"} <= set(tiles.columns)
    assert not {"NO_DATA", "BANDS", "era5"} & set(tiles.columns)
    assert {name: (tiles.loc[name, "lon"], tiles.loc[name, "lat"]) for name in NAMES} == {
        name: kit.places[name] for name in NAMES
    }
    text = (extended / "mmearth.toml").read_text()
    assert 'tile_info_file = "../first/data_tile_info.json"' in text


def test_another_tile_info_is_another_dataset(first: Path, extended: Path, kit: Any) -> None:
    before = (extended / "mmearth.toml").read_bytes()
    source = first / "data_tile_info.json"
    text = source.read_text()
    try:
        source.write_text(text.replace('"biome": 3', '"biome": 4'))
        changed = kit.cli("run", extended.parent / "planet.toml")
    finally:
        source.write_text(text)
    assert changed.exit_code == 2
    assert "[tiles] tile_info_sha256 is" in " ".join(changed.stderr.split())
    assert kit.run(extended.parent / "planet.toml")["purposes"] == {}, "put back, it goes on"
    assert (extended / "mmearth.toml").read_bytes() == before


def test_biome_and_ecoregion_are_found_there(first: Path, kit: Any) -> None:
    config = second(first, kit, "third", ["tile"])
    summary = kit.run(config)
    assert (summary["done"], summary["purposes"]) == (3, {})
    located = kit.journal(config.parent / "planet", "base")["congo"]["located"]
    assert (located["tile"]["biome"], located["tile"]["eco_region"]) == (3, 321)
    assert located["tile"]["missing"] == {}
    assert located["file"]["date"]


def test_a_tile_that_it_does_not_list_is_skipped_and_a_mistake_starts_nothing(first: Path, kit: Any) -> None:
    config = second(first, kit, "fourth", ["era5"])
    info = json.loads((first / "data_tile_info.json").read_text())
    lone = config.parent / "info.json"
    config.write_text(config.read_text().replace("../first/data_tile_info.json", "info.json"))
    lone.write_text(json.dumps({"congo": {**info["congo"], "lon": 100.0}}))
    refused = kit.cli("run", config)
    assert refused.exit_code == 2
    assert "lon of tile 'congo' is 100, outside its polygon" in " ".join(refused.stderr.split())
    assert not (config.parent / "planet").exists()
    lone.write_text(json.dumps({"congo": info["congo"]}))
    summary = kit.run(config)
    assert (summary["done"], summary["skipped"]) == (1, 2)
    assert summary["reasons"][0]["reason"] == "the tile has no date in column 'S2_DATE'"
