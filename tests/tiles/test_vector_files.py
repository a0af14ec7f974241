"""Tiles files: the same bytes for the same tiles, and everything comes back to the last bit."""

import hashlib

import numpy as np
import pandas as pd
import pyogrio
import pytest
from shapely.geometry import Polygon, box

from mmearth_core.errors import TilesError
from mmearth_core.tiles.index import TileIndex, import_tiles
from mmearth_core.tiles.read import read_tiles
from mmearth_core.tiles.squares import squares
from mmearth_core.tiles.vector_files import SUFFIXES, write_tiles

COUNT = 500
RANDOM = np.random.default_rng(3)
PLACES = squares(360 * RANDOM.random(COUNT) - 180, 160 * RANDOM.random(COUNT) - 80, 1300.0)
COLUMNS = {
    "tile_id": np.asarray([f'tile "{number}"' for number in range(COUNT)], dtype=object),
    "biome": np.asarray(["Llanos, é"] * (COUNT - 1) + [None], dtype=object),
    "lon": PLACES.lon,
    "lat": PLACES.lat,
    "height": np.where(np.arange(COUNT) % 7, np.arange(COUNT) / 3, np.nan),
    "plot": np.arange(COUNT),
}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_tiles_give_the_same_bytes(tmp_path, suffix):
    one, two = tmp_path / f"one{suffix}", tmp_path / "other" / f"two{suffix}"
    write_tiles(one, PLACES.polygons(), COLUMNS)
    write_tiles(two, PLACES.polygons(), COLUMNS)
    assert digest(one) == digest(two)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read_back_exactly_and_in_order(tmp_path, suffix):
    path = tmp_path / f"tiles{suffix}"
    write_tiles(path, PLACES.polygons(), COLUMNS)
    frame = read_tiles(path)
    assert frame["tile_id"].tolist() == COLUMNS["tile_id"].tolist()
    assert np.array_equal(frame["lon"], PLACES.lon)
    assert np.array_equal(frame["lat"], PLACES.lat)
    assert all(a.equals(b) for a, b in zip(frame.geometry, PLACES.polygons(), strict=True))
    assert frame["plot"].tolist() == list(range(COUNT))
    assert np.array_equal(frame["height"], COLUMNS["height"], equal_nan=True)
    assert frame["biome"].isna().sum() == 1


def test_a_dataset_takes_the_columns_in(tmp_path):
    write_tiles(tmp_path / "tiles.fgb", PLACES.polygons(), COLUMNS)
    import_tiles(read_tiles(tmp_path / "tiles.fgb"), tmp_path / "taken.gpkg", 100)
    tile = TileIndex(tmp_path / "taken.gpkg").read(2)[7]
    assert (tile.ordinal, tile.tile_id) == (207, COLUMNS["tile_id"][207])
    assert tile.attributes == {"biome": "Llanos, é", "height": 69.0, "plot": 207}


def test_a_dataset_is_the_same_bytes_too(tmp_path):
    write_tiles(tmp_path / "tiles.fgb", PLACES.polygons(), COLUMNS)
    for name in ("one.gpkg", "two.gpkg"):
        import_tiles(read_tiles(tmp_path / "tiles.fgb"), tmp_path / name)
    assert digest(tmp_path / "one.gpkg") == digest(tmp_path / "two.gpkg")


def test_dates_and_further_types_become_text_in_geojson(tmp_path):
    columns = {"tile_id": np.asarray(["a", "b"], dtype=object), "day": pd.to_datetime(pd.Series(["2020-01-02", None]))}
    columns["tags"] = np.asarray([["x"], ["y", "z"]], dtype=object)
    write_tiles(tmp_path / "t.geojson", PLACES.take(slice(0, 2)).polygons(), columns)
    text = (tmp_path / "t.geojson").read_text()
    assert '"day":"2020-01-02T00:00:00"' in text
    assert '"day":null' in text
    assert '"tags":["y", "z"]' in text


def test_the_fixed_date_is_only_for_a_while(tmp_path):
    write_tiles(tmp_path / "tiles.gpkg", PLACES.polygons(), COLUMNS)
    assert b"2017-01-01T00:00:00" in (tmp_path / "tiles.gpkg").read_bytes()
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_polygons_of_any_form_are_read_back_exactly(tmp_path, suffix):
    shapes = np.array([Polygon([(0, 0), (1, 0.1), (0.3, 1)]), box(1, 1, 4, 4).difference(box(2, 2, 3, 3.3))], object)
    write_tiles(tmp_path / f"t{suffix}", shapes, {"tile_id": np.array(["a", "b"], object)})
    back = read_tiles(tmp_path / f"t{suffix}").geometry
    assert [shape.wkb for shape in back] == [shape.wkb for shape in shapes]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(TilesError, match=r"\.geojson, \.gpkg, \.fgb"):
        write_tiles(tmp_path / "tiles.shp", PLACES.polygons(), COLUMNS)
    assert list(tmp_path.iterdir()) == []
