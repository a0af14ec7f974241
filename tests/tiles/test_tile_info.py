"""The tile_info.json of an earlier build, joined to its tiles."""

import json
from pathlib import Path

import geopandas as gpd
import pytest
import rasterio.warp
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from mmearth_core.contract.grid import Grid
from mmearth_core.errors import TilesError
from mmearth_core.tiles.grid import degrees_outside, tile_grid
from mmearth_core.tiles.index import TileIndex, import_tiles, without_centroid
from mmearth_core.tiles.own_places import join_tile_info, read_tile_info, recorded_tiles
from mmearth_core.tiles.read import read_tiles

ENTRIES = {
    "a": {
        "S2_DATE": "2018-07-11",
        "S2_type": "l1c",
        "CRS": "EPSG:32618",
        "lat": 0.005,
        "lon": 10.005,
        "biome": 3,
        "eco_region": "Somewhere",
        "BANDS": {"scl": None, "optical": ["B2", "B3"]},
        "climate": {"year": [1.0, 2.0]},
        "NO_DATA": {},
    },
    "b": {"S2_DATE": "2019-01-02", "S2_type": "l2a", "CRS": "EPSG:32718", "lat": 0.005, "lon": 11.005, "biome": 4},
    "elsewhere": {"S2_DATE": "2020-01-01", "odd": "only here"},
}


def frame(ids="ab", **columns):
    shapes = [box(10 + n, 0, 10.01 + n, 0.01) for n in range(len(ids))]
    return gpd.GeoDataFrame({"tile_id": list(ids), **columns}, geometry=shapes, crs="EPSG:4326")


def joined(tmp_path, entries, tiles=None):
    path = tmp_path / "data_tile_info.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    (frame() if tiles is None else tiles).to_file(tmp_path / "first.gpkg")
    return join_tile_info(read_tile_info(path), path, read_tiles(tmp_path / "first.gpkg"))[0]


def refusal(tmp_path, entries, tiles=None):
    with pytest.raises(TilesError) as caught:
        joined(tmp_path, entries, tiles)
    text = str(caught.value)
    assert text.startswith(str(tmp_path / "data_tile_info.json"))
    assert "\n" not in text
    return text


def test_texts_and_numbers_become_columns_and_need_no_centroid(tmp_path):
    made = joined(tmp_path, ENTRIES)
    assert list(made.columns.drop("geometry")) == [
        *("tile_id", "S2_DATE", "S2_type", "CRS", "lat", "lon", "biome", "eco_region")
    ]
    assert not without_centroid(made).any()
    import_tiles(made, tmp_path / "tiles.gpkg")
    one, other = TileIndex(tmp_path / "tiles.gpkg").read(0)
    assert (one.lon, one.lat) == (10.005, 0.005)
    assert one.attributes == {
        **{"S2_DATE": "2018-07-11", "S2_type": "l1c", "CRS": "EPSG:32618", "biome": 3, "eco_region": "Somewhere"}
    }
    assert other.attributes["eco_region"] is None


def test_a_tile_without_an_entry_keeps_its_centroid_and_has_nothing_else(tmp_path):
    tiles = frame(
        "abc",
        lon=[10.001, 11.001, 12.0078125],
        lat=[0.001, 0.001, 0.0078125],
        biome=["x", "y", "z"],
        note=["p", "q", "r"],
    )
    made = joined(tmp_path, ENTRIES, tiles).set_index("tile_id")
    assert made["lon"].tolist() == [10.005, 11.005, 12.0078125]
    assert made["lat"].tolist() == [0.005, 0.005, 0.0078125]
    assert made.loc["c", ["S2_DATE", "CRS", "biome"]].isna().all()
    assert made["note"].tolist() == ["p", "q", "r"]
    assert without_centroid(joined(tmp_path, ENTRIES, frame("abc"))).tolist() == [False, False, True]


def test_a_tile_across_the_antimeridian_may_be_counted_either_way(tmp_path):
    tiles = gpd.GeoDataFrame({"tile_id": ["t"]}, geometry=[box(179.995, 0, 180.005, 0.01)], crs="EPSG:4326")
    assert joined(tmp_path, {"t": {"lon": -179.999, "lat": 0.005}}, tiles)["lon"].tolist() == [-179.999]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lat": "0.005"}, "lat of tile 'b' is '0.005', not a number of degrees inside its polygon"),
        (
            {"lat": 0.5},
            "lat of tile 'b' is 0.5, not a number of degrees inside its polygon (0 to 0.01); 1 such tiles in all",
        ),
        ({"lon": 10.005}, "lon of tile 'b' is 10.005, not a number of degrees inside its polygon (11 to 11.01)"),
        ({"S2_DATE": 2019}, "key 'S2_DATE' is the text '2018-07-11' for tile 'a' and the number 2019 for tile 'b'"),
        ({"crs": "EPSG:1"}, "column 'crs' conflicts with the dataset's column 'CRS'"),
        ({"Geometry": "x"}, "column 'Geometry' conflicts with the dataset's column 'geometry'"),
    ],
)
def test_entries_that_cannot_be_right(change, words, tmp_path):
    # Both latitudes are texts in the first case: one of each would be refused as a mixture.
    entries = {**ENTRIES, "b": {**ENTRIES["b"], **change}}
    if change == {"lat": "0.005"}:
        entries["a"] = {"CRS": "x"}
    assert words in refusal(tmp_path, entries)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": {"lat": 1', "cannot be read as JSON; it may be cut short"),
        ("[1]", "is not a JSON object, but list. It must hold one object per tile"),
        ('{"a": 1}', "the entry of 'a' is 1, not an object"),
        ('{"x": {"lat": 1}}', "first id is 'x', the tiles' first 'a'"),
        ("{}", "has no entry for any of the 2 tiles; its first id is None"),
    ],
)
def test_files_that_are_not_a_tile_info(text, words, tmp_path):
    assert words in refusal(tmp_path, text)


def test_a_missing_file(tmp_path):
    with pytest.raises(TilesError, match=r"none\.json: no such file"):
        read_tile_info(tmp_path / "none.json")


def test_numbers_that_json_does_not_have_are_missing(tmp_path):
    made = joined(tmp_path, '{"a": {"height": NaN, "lat": Infinity}, "b": {"height": 2}}')
    assert made["height"].isna().tolist() == [True, False]
    assert made["lat"].isna().all()


def entry(**changes):
    grid = {"transform": [10, 0, 500_000, 0, -10, 5_540_000], "size": 128}
    return {"lat": 50.0, "lon": 9.009, "CRS": "EPSG:32632", "GRID": grid, **changes}


def recorded(tmp_path, entries):
    path = tmp_path / "data_tile_info.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return recorded_tiles(read_tile_info(path), path)


@settings(deadline=None)
@given(
    st.integers(1, 60),
    st.sampled_from([32600, 32700]),
    st.integers(-20_000, 120_000),
    st.integers(80_000, 900_000),
    st.sampled_from([1, 16, 64, 128, 256]),
)
@example(60, 32700, 83_000, 815_000, 128)  # across the antimeridian
def test_the_polygon_of_a_recorded_grid_has_its_window(zone, hemisphere, left, top, size):
    crs = f"EPSG:{hemisphere + zone}"
    grid = Grid(crs, left * 10, top * 10, size)
    places = rasterio.warp.transform(crs, "EPSG:4326", [left * 10 + 5 * size], [top * 10 - 5 * size])
    lon, lat = (axis[0] for axis in places)
    entries = {"a": {"lat": lat, "lon": lon, "CRS": crs, "GRID": {"transform": list(grid.affine)[:6], "size": size}}}
    assume(degrees_outside(crs, lon, lat) < 5.9)
    (polygon,) = recorded_tiles(entries, Path("info.json")).geometry
    assert all(round(number, 6) == number for number in polygon.bounds)
    assert tile_grid(polygon, crs, size) == grid


def test_tiles_are_made_of_the_entries_alone(tmp_path):
    made = recorded(tmp_path, {"007": entry(S2_DATE="2020-01-01", BANDS={"B2": [1]}), "b": entry(lat=70)})
    assert made["tile_id"].tolist() == ["007", "b"]
    assert (made["lat"].tolist(), made["lon"].tolist()) == ([50.0, 70.0], [9.009, 9.009])
    assert list(made.columns) == ["tile_id", "lon", "lat", "geometry"]


def test_without_a_recorded_grid_there_is_no_polygon_yet(tmp_path):
    assert recorded(
        tmp_path, {"a": entry(), "b": {"lat": 1, "lon": 2, "CRS": "EPSG:32631"}}
    ).geometry.isna().tolist() == [
        False,
        True,
    ]


NO_GRID = "not a square of square pixels near the tile"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lat": None}, "lat is None, not a number of degrees from -90 to 90"),
        ({"lat": 91}, "lat is 91, not a number of degrees"),
        ({"lat": True}, "lat is True, not a number of degrees"),
        ({"lon": "9"}, "lon is '9', not a number of degrees from -360 to 360"),
        ({"lon": float("nan")}, "lon is nan, not a number of degrees"),
        ({"CRS": None}, "CRS is None, not a text such as EPSG:32618"),
        ({"CRS": 32632}, "CRS is 32632, not a text"),
        ({"CRS": "EPSG:1"}, "CRS 'EPSG:1' is unknown"),
        ({"CRS": "EPSG:4326"}, "is not projected in metres"),
        ({"GRID": {"transform": [20, 0, 500_000, 0, -10, 5_540_000], "size": 128}}, NO_GRID),
        ({"GRID": {"transform": [-10, 0, 500_000, 0, 10, 5_540_000], "size": 128}}, NO_GRID),
        ({"GRID": {"transform": ["x", 0, 500_000, 0, -10, 5_540_000], "size": 128}}, NO_GRID),
        ({"GRID": {"transform": [10, 0, 0, 0, -10, 0], "size": 0}}, NO_GRID),
        ({"GRID": {"transform": [10, 0, 0, 0, -10, 0]}}, NO_GRID),
        ({"GRID": {"transform": [10, 0, 0], "size": 128}}, NO_GRID),
        ({"GRID": {"transform": [10, 0, "x", 0, -10, 0], "size": 128}}, NO_GRID),
        ({"GRID": {"transform": None, "size": 128}}, NO_GRID),
        ({"GRID": {"transform": [10, 0.1, 500_000, 0, -10, 5_540_000], "size": 128}}, NO_GRID),
        ({"GRID": [10, 0, 500_000, 0, -10, 5_540_000]}, NO_GRID),
        ({"GRID": {"transform": [10, 0, 5_000_000, 0, -10, 5_540_000], "size": 128}}, "does not cover the tile"),
    ],
)
def test_entries_of_which_no_tile_can_be_made(tmp_path, change, words):
    with pytest.raises(TilesError) as caught:
        recorded(tmp_path, {"a": entry(), "b": entry(**change)})
    text = " ".join(str(caught.value).split())
    assert text.startswith(f"{tmp_path / 'data_tile_info.json'}: tile 'b': ")
    assert words in text
    assert text.endswith("Correct its entry, or give the tiles file of the same build with --tiles.")


@pytest.mark.parametrize(
    ("text", "words"), [("{}", "has no tile"), ('{" a": {"lat":1,"lon":1,"CRS":"x"}}', "white space")]
)
def test_a_tile_info_of_which_no_tiles_can_be_made(tmp_path, text, words):
    with pytest.raises(TilesError, match=words):
        recorded(tmp_path, text)


def test_a_centroid_far_from_its_recorded_grid_is_refused(tmp_path):
    entries = {"a": entry(), "b": entry(lon=9.5)}
    with pytest.raises(TilesError, match=r"lon of tile 'b' is 9\.5, not a number of degrees inside its polygon"):
        join_tile_info(entries, tmp_path / "info.json", recorded(tmp_path, entries))
