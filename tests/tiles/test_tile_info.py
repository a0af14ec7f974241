"""The tile_info.json of an earlier build, joined to its tiles."""

import json

import geopandas as gpd
import pytest
from shapely.geometry import box

from mmearth_core.errors import TilesError
from mmearth_core.tiles.index import TileIndex, import_tiles, without_centroid
from mmearth_core.tiles.own_places import join_tile_info

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
    return join_tile_info(path, tmp_path / "first.gpkg")[0]


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
        ("{}", "first.gpkg; its first id is None"),
    ],
)
def test_files_that_are_not_a_tile_info(text, words, tmp_path):
    assert words in refusal(tmp_path, text)


def test_a_missing_file(tmp_path):
    frame().to_file(tmp_path / "first.gpkg")
    with pytest.raises(TilesError, match=r"none\.json: no such file"):
        join_tile_info(tmp_path / "none.json", tmp_path / "first.gpkg")


def test_numbers_that_json_does_not_have_are_missing(tmp_path):
    made = joined(tmp_path, '{"a": {"height": NaN, "lat": Infinity}, "b": {"height": 2}}')
    assert made["height"].isna().tolist() == [True, False]
    assert made["lat"].isna().all()
