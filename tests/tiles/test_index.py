"""The tiles inside a dataset: numbered once, read a partition at a time, readable by other tools."""

import datetime as dt
import json
import math
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from mmearth_core import Anchor
from mmearth_core.errors import DatasetError, RunStoppedError
from mmearth_core.tiles.index import TileIndex, default_partition_size, import_tiles
from mmearth_core.tiles.read import read_tiles


def squares(count):
    lon = np.linspace(-179, 178, count)
    return gpd.GeoDataFrame(
        {"tile_id": [f"t{i}" for i in range(count)], "lon": lon + 0.005, "lat": 50.005},
        geometry=[box(x, 50.0, x + 0.01, 50.01) for x in lon],
        crs="EPSG:4326",
    )


@pytest.fixture
def path(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "tiles.gpkg"


@pytest.mark.parametrize(("count", "size"), [(1, 1), (7, 3), (6, 3), (5, 100)])
def test_imported_tiles_are_read(path, count, size):
    frame = squares(count)
    import_tiles(frame, path, size)
    index = TileIndex(path)
    numbers = index.sizes()
    assert list(numbers) == list(range(math.ceil(count / size)))
    assert sum(numbers.values()) == count
    tiles = [tile for partition in numbers for tile in index.read(partition)]
    assert [tile.ordinal for tile in tiles] == list(range(count))
    assert [tile.partition for tile in tiles] == [ordinal // size for ordinal in range(count)]
    for tile, row in zip(tiles, frame.itertuples(), strict=True):
        assert (tile.tile_id, tile.lon, tile.lat) == (row.tile_id, row.lon, row.lat)
        assert tile.polygon.equals_exact(row.geometry, 0)
        assert tile.attributes == {}


def test_one_partition_holds_exactly_its_tiles(path):
    import_tiles(squares(10), path, 4)
    index = TileIndex(path)
    assert index.sizes() == {0: 4, 1: 4, 2: 2}
    assert [tile.tile_id for tile in index.read(1)] == ["t4", "t5", "t6", "t7"]
    assert index.read(3) == []


@settings(deadline=None)
@given(st.integers(1, 2_000_000))
def test_default_partition_size(tiles):
    size = default_partition_size(tiles)
    assert 25 <= size <= 1000
    if 25 < size < 1000:
        assert math.ceil(tiles / size) <= 256
        assert math.ceil(tiles / (size - 1)) > 256 or tiles <= 256 * size


@pytest.mark.parametrize(("tiles", "size"), [(1, 25), (6400, 25), (6401, 26), (100_000, 391), (1_200_000, 1000)])
def test_default_partition_sizes_of_known_datasets(tiles, size):
    assert default_partition_size(tiles) == size


def test_the_default_partition_size_is_used(path):
    import_tiles(squares(26), path)
    assert TileIndex(path).sizes() == {0: 25, 1: 1}


def test_attributes_are_plain_json_values(path):
    frame = squares(2).assign(
        biome=["Tundra", None],
        count=[3, 4],
        share=[0.5, math.nan],
        flag=[True, False],
        day=[dt.date(2018, 7, 1), dt.date(2019, 1, 31)],
        moment=pd.to_datetime(["2018-07-01T12:30:00", None]),
    )
    import_tiles(frame, path)
    first, second = (tile.attributes for tile in TileIndex(path).read(0))
    for attributes in (first, second):
        assert json.loads(json.dumps(attributes, allow_nan=False)) == attributes
    assert {key: value for key, value in first.items() if key not in ("day", "moment")} == {
        "biome": "Tundra",
        "count": 3,
        "share": 0.5,
        "flag": True,
    }
    assert type(first["flag"]) is bool
    assert type(first["count"]) is int
    assert first["day"][:10] == "2018-07-01"
    assert first["moment"][:19] == "2018-07-01T12:30:00"
    assert second["day"][:10] == "2019-01-31"
    assert (second["biome"], second["share"], second["moment"]) == (None, None, None)


def test_attributes_of_a_geojson_with_gaps(tmp_path, path):
    source = tmp_path / "tiles.geojson"
    rows = [{"level": 1, "flag": True, "mixed": 1}, {"level": None, "flag": None, "mixed": "two"}]
    frame = squares(2)
    features = [
        {"type": "Feature", "properties": {"tile_id": i, **row}, "geometry": shape}
        for i, (row, shape) in enumerate(zip(rows, frame.geometry.map(lambda s: s.__geo_interface__), strict=True))
    ]
    source.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    import_tiles(read_tiles(source).assign(lon=frame["lon"], lat=frame["lat"]), path)
    first, second = (tile.attributes for tile in TileIndex(path).read(0))
    assert first == {"level": 1, "flag": True, "mixed": "1"}
    assert second == {"level": None, "flag": None, "mixed": "two"}


def test_a_gap_elsewhere_changes_no_value(path):
    frame = squares(2).assign(
        level=pd.array([2**60 + 1, None], "Int64"),
        flag=pd.array([True, None], "boolean"),
        moment=pd.to_datetime(["2018-07-01T12:30:00.5+02:00", None]),
        plain=["2018-07-01", None],
    )
    import_tiles(frame, path)
    first, second = (tile.attributes for tile in TileIndex(path).read(0))
    assert first == {
        "level": 2**60 + 1,
        "flag": True,
        "moment": "2018-07-01T12:30:00.500000+02:00",
        "plain": "2018-07-01",
    }
    assert type(first["flag"]) is bool
    assert set(second.values()) == {None}


def test_columns_that_a_geopackage_has_itself(path):
    frame = squares(2).assign(fid=[3, 3], geom=[0.5, None], ogc_fid=[1, 1], rowid=["a", "b"])
    import_tiles(frame, path)
    first, second = (tile.attributes for tile in TileIndex(path).read(0))
    assert first == {"fid": 3, "geom": 0.5, "ogc_fid": 1, "rowid": "a"}
    assert second == {"fid": 3, "geom": None, "ogc_fid": 1, "rowid": "b"}


def test_a_scene_is_the_tile_as_plugins_see_it(path):
    import_tiles(squares(1).assign(biome="Tundra"), path)
    tile = TileIndex(path).read(0)[0]
    anchor = Anchor(dt.date(2018, 7, 1), "EPSG:32601")
    scene = tile.scene(anchor)
    assert (scene.tile_id, scene.lon, scene.lat, scene.anchor) == ("t0", tile.lon, tile.lat, anchor)
    assert scene.polygon is tile.polygon
    assert scene.attributes == {"biome": "Tundra"}
    assert tile.scene().anchor is None


def test_other_tools_read_it(path):
    frame = squares(3).assign(biome="Tundra")
    import_tiles(frame, path, 2)
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["tiles"]
    again = gpd.read_file(path)
    assert again.crs == "EPSG:4326"
    assert list(again["ordinal"]) == [0, 1, 2]
    assert list(again["partition"]) == [0, 0, 1]
    assert list(again["biome"]) == ["Tundra"] * 3


def test_the_tiles_of_one_dataset_are_a_tiles_file_for_another(tmp_path, path):
    import_tiles(squares(7).assign(biome="Tundra"), path, 2)
    other = tmp_path / "other.gpkg"
    half = read_tiles(path)
    assert list(half.columns) == ["tile_id", "lon", "lat", "biome", "geometry"]
    import_tiles(half.iloc[3:], other, 3)
    tiles = [tile for partition in TileIndex(other).sizes() for tile in TileIndex(other).read(partition)]
    assert [(tile.ordinal, tile.partition, tile.tile_id) for tile in tiles] == [
        (0, 0, "t3"),
        (1, 0, "t4"),
        (2, 0, "t5"),
        (3, 1, "t6"),
    ]
    assert tiles[0].attributes == {"biome": "Tundra"}


def test_reading_does_without_what_takes_half_a_second_to_import(path):
    import_tiles(squares(3), path)
    code = (
        "import sys\nfrom pathlib import Path\nimport mmearth_core.post.products\n"
        "from mmearth_core.tiles.index import TileIndex\n"
        f"print(len(TileIndex(Path({str(path)!r})).read(0)), {{'geopandas', 'pandas', 'pyogrio'}} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3 set()\n"


def test_nothing_but_the_file_is_left(path):
    import_tiles(squares(3), path)
    assert list(path.parent.iterdir()) == [path]


def test_a_damaged_file_is_named_with_the_remedy(path):
    import_tiles(squares(10), path, 4)
    path.write_bytes(b"garbage" * 1000)
    for read in (TileIndex(path).sizes, lambda: TileIndex(path).read(0)):
        with pytest.raises(DatasetError, match=r"tiles\.gpkg: .* damaged .*Delete it\. Run `mmearth-core run`"):
            read()


@pytest.mark.parametrize("geometry", [None, b"", b"no geometry", b"GP\x00\x0f" + bytes(40), b"GP\x00\x01" + bytes(40)])
def test_a_damaged_geometry(path, geometry):
    import_tiles(squares(2), path)
    with closing(sqlite3.connect(path)) as database, database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE tiles SET geometry = ? WHERE ordinal = 1", [geometry])
    with pytest.raises(DatasetError, match=r"tiles\.gpkg: .* damaged"):
        TileIndex(path).read(0)


def test_a_path_with_odd_characters(tmp_path):
    path = tmp_path / "a?b#c%20d" / "tiles.gpkg"
    path.parent.mkdir()
    import_tiles(squares(3), path, 2)
    assert TileIndex(path).sizes() == {0: 2, 1: 1}
    assert len(TileIndex(path).read(0)) == 2


def test_tiles_that_cannot_be_written(path, monkeypatch):
    def refuse(*_, **__):
        raise pyogrio.errors.FeatureError("Could not add feature: too many columns")

    monkeypatch.setattr(pyogrio, "write_dataframe", refuse)
    with pytest.raises(DatasetError, match=r"cannot be written there\. GDAL says: Could not add feature: too many"):
        import_tiles(squares(3), path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("fits", [0, 120_000])
def test_a_full_disk(path, fits):
    """GDAL then says `malformed` or `Failed to commit transaction`, so the system is asked."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (fits, limits[1]))  # Python ignores the signal that comes with it
    try:
        with pytest.raises(OSError, match="File too large"):
            import_tiles(squares(1000), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(path.parent.iterdir()) == []


def test_a_file_that_is_gone_is_not_called_damaged(path):
    """It may be on a disk that is unmounted: nothing must be deleted, and a run stops with status 3."""
    with pytest.raises(RunStoppedError, match=r"tiles\.gpkg is gone: No such file.* bring it back") as caught:
        TileIndex(path.parent / "unmounted" / path.name).sizes()
    assert caught.value.exit_code == 3
