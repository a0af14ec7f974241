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

DATASET = 'anchor = "file"'
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
            "NO_DATA": False,
            "BANDS": {"sentinel2": ["B2"], "sentinel1_asc": None},
            "era5": {"month1": [1.0, 2.0, 3.0, 4.0]},
        }
    (folder / "data_tile_info.json").write_text(json.dumps(entries))
    return folder


def join(info: Path, folder: Path, kit: Any) -> Any:
    """Joins a tile_info.json to the outlines in a folder; the new tiles file is that of the folder's configuration."""
    return kit.cli("tiles", "from-tile-info", info, "--tiles", folder / "outlines.geojson", "-o", folder / "tiles.gpkg")


def second(first: Path, kit: Any, name: str, modalities: list[str], info: Path | None = None) -> Path:
    """A configuration beside it whose tiles have columns from tile_info.json, and which asks the anchor `file`."""
    folder = first.parent / name
    folder.mkdir()
    (folder / "outlines.geojson").write_text(json.dumps(kit.tiles(NAMES, centroids=False)))
    made = join(info or first / "data_tile_info.json", folder, kit)
    assert made.exit_code == 0, made.output
    config: Path = kit.config(folder, [*modalities, "file"], dataset=DATASET, options=OPTIONS)
    config.write_text(config.read_text().replace("tiles.geojson", "tiles.gpkg"))
    return config


@pytest.fixture(scope="module")
def extended(first: Path, kit: Any) -> Path:
    config = second(first, kit, "second", NEW)
    summary = kit.run(config)
    assert summary["done"] == 3
    assert summary["purposes"] == {"locate": 1, "projections": 1, "pixels": 3}, (
        "centroids and anchors are known, so no request asks for them"
    )
    return config.parent / "planet"


@pytest.mark.slow
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


def test_the_polygons_are_those_of_the_tiles_file(extended: Path, kit: Any) -> None:
    given = gpd.read_file(extended.parent / "outlines.geojson").set_index("tile_id").geometry
    for file in (extended.parent / "tiles.gpkg", extended / "tiles.gpkg"):
        tiles = gpd.read_file(file).set_index("tile_id").geometry
        for name in NAMES:
            ring = given[name].exterior.coords
            assert list(tiles[name].exterior.coords) == [(round(x, 6), round(y, 6)) for x, y in ring]


def test_another_tile_info_is_another_dataset(first: Path, extended: Path, kit: Any) -> None:
    before = (extended / "mmearth.toml").read_bytes()
    changed = extended.parent / "changed.json"
    changed.write_text((first / "data_tile_info.json").read_text().replace('"biome": 3', '"biome": 4'))
    assert join(changed, extended.parent, kit).exit_code == 0
    refused = kit.cli("run", extended.parent / "planet.toml")
    assert refused.exit_code == 2
    assert "[tiles] sha256 is" in " ".join(refused.stderr.split())
    assert join(first / "data_tile_info.json", extended.parent, kit).exit_code == 0
    assert kit.run(extended.parent / "planet.toml")["purposes"] == {}, "the same tiles again: it continues"
    assert (extended / "mmearth.toml").read_bytes() == before


def test_biome_and_ecoregion_are_found_there(first: Path, kit: Any) -> None:
    config = second(first, kit, "third", ["tile"])
    summary = kit.run(config)
    assert (summary["done"], summary["purposes"]) == (3, {})
    located = kit.journal(config.parent / "planet", "base")["congo"]["located"]
    assert (located["tile"]["biome"], located["tile"]["eco_region"]) == (3, 321)
    assert located["tile"]["missing"] == {}
    assert located["file"]["date"]


def test_a_tile_that_it_does_not_list_is_skipped_and_a_mistake_writes_nothing(first: Path, kit: Any) -> None:
    info = json.loads((first / "data_tile_info.json").read_text())
    lone = first.parent / "lone.json"
    lone.write_text(json.dumps({"congo": info["congo"]}))
    config = second(first, kit, "fourth", ["era5"], lone)
    summary = kit.run(config)
    assert (summary["done"], summary["skipped"]) == (1, 2)
    assert summary["reasons"][0]["reason"] == "the tile has no date in column 'S2_DATE'"
    written = (config.parent / "tiles.gpkg").read_bytes()
    lone.write_text(json.dumps({"congo": {**info["congo"], "lon": 100.0}}))
    refused = join(lone, config.parent, kit)
    assert refused.exit_code == 2
    assert "lon of tile 'congo' is 100.0, not a number of degrees inside its polygon" in " ".join(
        refused.output.split()
    )
    assert (config.parent / "tiles.gpkg").read_bytes() == written


def test_a_dataset_of_ones_own_is_extended_without_its_tiles_file(first: Path, kit: Any) -> None:
    made = kit.cli("post", "info", first / "planet.toml")
    assert made.exit_code == 0, made.output
    (info,) = first.glob("planet/*_tile_info.json")
    folder = first.parent / "alone"
    folder.mkdir()
    facts = json.loads(kit.cli("tiles", "from-tile-info", info, "-o", folder / "tiles.geojson", "--json").stdout)
    assert facts == {"tiles": str(folder / "tiles.geojson"), "made": 3, "without_entry": 0, "boxes": 0}
    summary = kit.run(kit.config(folder, ["aster", "file"], dataset=DATASET, options=OPTIONS))
    assert (summary["done"], summary["purposes"]) == (3, {"locate": 1, "projections": 1, "pixels": 3}), (
        "no centroid, no anchor"
    )
    base, entries = kit.journal(first / "planet", "base"), kit.journal(folder / "planet", "base")
    for name in NAMES:
        assert (entries[name]["anchor"], entries[name]["grid"]) == (base[name]["anchor"], base[name]["grid"])
        (new,) = folder.glob(f"planet/stacks/base/*/{name}.tif")
        (old,) = first.glob(f"planet/stacks/{GROUP}/*/{name}.tif")
        with rasterio.open(new) as mine, rasterio.open(old) as theirs:
            assert mine.transform == theirs.transform
            for band, description in enumerate(mine.descriptions, 1):
                assert mine.read(band).tobytes() == theirs.read(theirs.descriptions.index(description) + 1).tobytes()


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb"])
def test_the_command_says_what_it_made(first: Path, kit: Any, suffix: str, tmp_path: Path) -> None:
    (tmp_path / "outlines.geojson").write_text(json.dumps(kit.tiles([*NAMES, "sahara"], centroids=False)))
    words = (first / "data_tile_info.json", "--tiles", tmp_path / "outlines.geojson", "-o", tmp_path / f"new{suffix}")
    made = json.loads(kit.cli("tiles", "from-tile-info", *words, "--json").stdout)
    assert made == {"tiles": str(tmp_path / f"new{suffix}"), "made": 4, "without_entry": 1, "boxes": 0}
    assert "4 tiles, 1 of them without an entry" in kit.cli("tiles", "from-tile-info", *words).output
