"""Setting up a dataset while other processes do the same."""

import pytest
from attrs import evolve

from mmearth_core.config.schema import load_config
from mmearth_core.download.prepare import prepare
from mmearth_core.download.run import establish
from mmearth_core.download.stored_config import load_stored_config
from mmearth_core.errors import DatasetError
from mmearth_core.registry import discover
from mmearth_core.tiles.index import TileIndex

TILES = """{"type": "FeatureCollection", "features": [{"type": "Feature",
"properties": {"tile_id": "a", "lon": 10.005, "lat": 50.005, "date": "2018-07-01"}, "geometry":
{"type": "Polygon", "coordinates": [[[10, 50], [10.01, 50], [10.01, 50.01], [10, 50.01], [10, 50]]]}}]}"""
CONFIG = """[dataset]
name = "data"
tiles = "tiles.geojson"
anchor = "file"
[modalities.file]
[modalities.tile]
"""


@pytest.fixture
def job(tmp_path):
    (tmp_path / "tiles.geojson").write_text(TILES)
    (tmp_path / "data.toml").write_text(CONFIG)
    (tmp_path / "data").mkdir()  # as a run does before

    def make(*only):
        return prepare(load_config(tmp_path / "data.toml"), discover(), only=only or None)

    return make


def test_a_group_that_another_process_has_added_meanwhile_is_kept(job):
    establish(job("file"), None)
    mine = job("tile")
    other = evolve(mine.stored, groups={"base": ["file"], "others": ["other"]})
    other.write(mine.folder.config)
    establish(mine, None)
    assert load_stored_config(mine.folder.config).groups == {"base": ["file"], "others": ["other"], "tile": ["tile"]}


def test_a_dataset_begun_with_other_modalities_meanwhile_is_not_changed(job):
    mine, other = job("file"), job()
    establish(other, None)
    before = mine.folder.config.read_bytes(), mine.folder.tiles.read_bytes()
    with pytest.raises(DatasetError, match=r"just started the group 'base' with file, tile, .* Rerun the command"):
        establish(mine, None)
    assert (mine.folder.config.read_bytes(), mine.folder.tiles.read_bytes()) == before
    assert job("file").stored.groups == {"base": ["file", "tile"]}


def test_the_same_job_twice_leaves_one_dataset(job):
    first, second = job(), job()
    establish(first, None)
    establish(second, None)
    tiles = {**first.stored.tiles, "imported_sha256": TileIndex(first.folder.tiles).digest()}
    assert load_stored_config(first.folder.config) == evolve(first.stored, tiles=tiles)


def test_a_dataset_made_with_the_former_option_tile_info_continues_unchanged(job):
    first = job()
    establish(first, None)
    info = {"tile_info_file": "info.json", "tile_info_size": 9, "tile_info_sha256": "2d"}
    evolve(first.stored, tiles={**first.stored.tiles, **info}).write(first.folder.config)
    again = job()
    assert (again.stored, again.frame) == (load_stored_config(first.folder.config), None)
    assert again.stored.tiles.items() >= info.items()
