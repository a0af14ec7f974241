"""People's own points and polygons: every format, their columns, and what is refused."""

import datetime as dt
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, box

from mmearth_core.errors import TilesError
from mmearth_core.tiles.own_places import inside, read_lattice, read_points
from mmearth_core.tiles.squares import squares

TABLE = "plot,Lat,E,N,height,owner\n007,1,10.5,50.25,3.5,Ann\n008,2,-180,-10,,Bob\n"


def put(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_csv_with_named_columns_keeps_the_others(tmp_path):
    own = read_points(put(tmp_path / "p.csv", TABLE), "E", "N", "plot")
    assert own.lon.tolist() == [10.5, -180.0]
    assert own.lat.tolist() == [50.25, -10.0]
    assert own["tile_id"].tolist() == ["007", "008"]
    assert own.drop(columns=["tile_id", "lon", "lat", "height"]).to_dict("list") == {
        "plot": ["007", "008"],
        "owner": ["Ann", "Bob"],
    }
    assert own["height"].tolist()[0] == 3.5


@pytest.mark.parametrize("header", ["lon,lat", "Longitude,LATITUDE", "x,y", "decimalLongitude,decimalLatitude"])
def test_usual_names_are_found_and_ids_counted(tmp_path, header):
    own = read_points(put(tmp_path / "p.csv", f"\ufeff{header}\n1.5,2\n3,4\n"))
    assert (own.lon.tolist(), own.lat.tolist(), own.tile_id.tolist()) == ([1.5, 3.0], [2.0, 4.0], ["0", "1"])
    assert list(own.columns) == ["tile_id", "lon", "lat"]


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {"lon": [1.0, 2.0], "lat": [3, 4], "tile_id": ["a", "b"], "day": pd.to_datetime(["2020-01-01"] * 2)}
    )
    frame = frame.assign(tags=[["x"], ["y", "z"]], born=[dt.date(2020, 1, 2), None])
    frame.to_parquet(tmp_path / "p.parquet")
    own = read_points(tmp_path / "p.parquet")
    assert (own.lon.tolist(), own.lat.tolist(), own.tile_id.tolist()) == ([1.0, 2.0], [3.0, 4.0], ["a", "b"])
    assert list(own.columns) == ["tile_id", "lon", "lat", "day", "tags", "born"]
    assert own["tags"].tolist() == ['["x"]', '["y", "z"]']
    assert own["born"].tolist()[0] == "2020-01-02"


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(TilesError, match=r"pip install 'mmearth-core\[parquet\]'"):
        read_points(put(tmp_path / "p.parquet", ""))


def test_a_vector_file_in_another_crs(tmp_path):
    frame = gpd.GeoDataFrame(
        {"tile_id": [3.0, 4.0], "kind": ["a", "b"]}, geometry=[Point(10, 50), Point(11, 51)], crs="EPSG:4326"
    )
    frame.to_crs("EPSG:32632").to_file(tmp_path / "p.shp")
    own = read_points(tmp_path / "p.shp")
    assert np.allclose(own.lon, [10, 11])
    assert own.tile_id.tolist() == ["3", "4"]
    assert list(own["kind"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b\n1,2\n", {}, "has no column for --lon. It has: a, b. Known names: lon, longitude"),
        ("lon,lat\n1,2\n", {"lon": "E"}, "has no column for --lon 'E'"),
        ("lon,lat\n1,2\n", {"tile_id": "plot"}, "has no column for --id 'plot'"),
        ("lon,lat\n1,2\nabc,4\n", {}, "row 2 has 'abc' in 'lon'"),
        ("lon,lat\n1,95\n", {}, "row 1 has 95 in 'lat'"),
        ("lon,lat\n1,\n", {}, "row 1 has nan in 'lat'"),
        ("lon,lat,tile_id\n1,2,a\n3,4,a\n", {}, "tile_id 'a' is duplicated (rows 1, 2)"),
        ("lon,lat,tile_id\n1,2,\n3,4,a\n", {}, "row 1 has no `tile_id`"),
        ("lon,lat,partition\n1,2,3\n", {}, "column 'partition' conflicts with the dataset's column 'partition'"),
        ("lon,lat,h,H\n1,2,3,4\n", {}, "column 'H' conflicts with the dataset's column 'h'"),
        ("lon,lat\n", {}, "has no point"),
        ("", {}, "cannot be read as a table"),
    ],
)
def test_faults_of_a_table_are_named(tmp_path, text, options, said):
    with pytest.raises(TilesError) as caught:
        read_points(put(tmp_path / "p.csv", text), **options)
    assert said in str(caught.value)


def test_polygons_are_no_points_and_a_vector_file_needs_no_columns(tmp_path):
    path = tmp_path / "p.geojson"
    gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)], crs="EPSG:4326").to_file(path)
    with pytest.raises(TilesError, match="from-polygons"):
        read_points(path)
    with pytest.raises(TilesError, match="--lon and --lat name columns of a table"):
        read_points(path, lon="x")
    with pytest.raises(TilesError, match="no such file"):
        read_points(tmp_path / "absent.csv")


@settings(max_examples=15)
@given(st.floats(-180, 175), st.floats(-80, 83), st.floats(0.01, 0.4), st.floats(200, 3000))
def test_a_lattice_fills_a_polygon_without_overlaps(west, south, width, size):
    shape = box(west, south, west + width, south + 0.2)
    lon, lat = inside(shape, size, size)
    tiles = squares(lon, lat, size).polygons()
    assert len(tiles) >= 1
    assert shapely.area(shapely.union_all(tiles)) == pytest.approx(shapely.area(tiles).sum(), rel=1e-4)
    core = shape.buffer(-2 * max(tiles[0].bounds[2] - tiles[0].bounds[0], tiles[0].bounds[3] - tiles[0].bounds[1]))
    assert core.is_empty or shapely.union_all(tiles).buffer(1e-5).contains(core)


def test_parts_on_both_sides_of_180_share_one_lattice():
    whole = MultiPolygon([box(179.8, 10, 180, 10.2), box(-180, 10, -179.8, 10.2)])
    lon, lat = inside(whole, 2000, 2000)
    assert {*np.sign(lon)} == {-1.0, 1.0}
    assert 100 < len(lon) < 500
    tiles = shapely.box(lon % 360 - 0.001, lat - 0.001, lon % 360 + 0.001, lat + 0.001)
    assert len({shape.wkb for shape in tiles}) == len(tiles)


def test_polygons_become_tiles_with_their_columns(tmp_path):
    path = tmp_path / "parks.geojson"
    frame = gpd.GeoDataFrame(
        {"park": ["A", "B"], "age": [10, 20]}, geometry=[box(0, 0, 0.03, 0.03), box(1, 1, 1.001, 1.001)]
    )
    frame.set_crs("EPSG:4326").to_file(path)
    own = read_lattice(path, 1300.0, 1300.0, "park")
    assert own.tile_id.tolist() == [*(f"A_{number}" for number in range(9)), "B_0"]
    assert own["age"].tolist() == [10] * (len(own) - 1) + [20]
    sparse = read_lattice(path, 13_000.0, 1300.0, "park")
    assert sparse.tile_id.tolist() == ["A_0", "B_0"]
