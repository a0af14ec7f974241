"""The tiles file: what is read, and that every refusal names the file, the feature and the remedy."""

import json

import geojson as geojson_package
import geopandas as gpd
import pyogrio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from shapely.geometry import MultiPolygon, Point, Polygon, box, mapping

from mmearth_core.errors import TilesError
from mmearth_core.paths import file_stem
from mmearth_core.tiles.read import MAX_ID_BYTES, read_tiles

SQUARE = box(10.0, 50.0, 10.02, 50.012)
BOW_TIE = Polygon([(10, 50), (10.02, 50.01), (10.02, 50), (10, 50.01)])
MISSING = object()


def feature(tile_id=MISSING, geometry=SQUARE, **properties):
    properties = properties if tile_id is MISSING else {"tile_id": tile_id, **properties}
    return {"type": "Feature", "properties": properties, "geometry": None if geometry is None else mapping(geometry)}


def geojson(path, *features, **members):
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": list(features)}))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tiles.geojson"


def refusal(path):
    """The text of the error; it always begins with the file."""
    with pytest.raises(TilesError) as caught:
        read_tiles(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text


def test_missing_file(path):
    assert "no such tiles file. Check `tiles` in [dataset]" in refusal(path)


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "tiles.gpkg").mkdir()
    assert "no such tiles file" in refusal(tmp_path / "tiles.gpkg")


@pytest.mark.parametrize(("name", "found"), [("tiles.shp", "suffix '.shp'"), ("tiles", "no suffix")])
def test_unknown_suffix(tmp_path, name, found):
    (tmp_path / name).write_text("x")
    text = refusal(tmp_path / name)
    assert f"a tiles file with {found} cannot be read. Allowed: .geojson, .json, .gpkg, .fgb" in text


def test_every_cut_of_a_geojson_is_refused(path):
    whole = geojson(path, feature("a"), feature("b")).read_bytes()
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        assert "may be cut short or malformed" in refusal(path)


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb"])
def test_no_vector_file_at_all(tmp_path, suffix):
    path = tmp_path / f"tiles{suffix}"
    path.write_bytes(b"\x00\x01 nothing of the kind" * 50)
    assert "cannot be read as a vector file; it may be cut short or malformed. The reader says:" in refusal(path)


def test_no_features(path):
    assert "has no tile" in refusal(geojson(path))


def test_no_tile_id(path):
    text = refusal(geojson(path, feature(name="x", biome="y"), feature(name="z")))
    assert "no tile has a property `tile_id`. Found: name, biome. Add a unique `tile_id` to every feature." in text


def test_no_property_at_all(path):
    assert "no tile has a property `tile_id`. Found: none." in refusal(geojson(path, feature()))


@pytest.mark.parametrize("nothing", [None, "", "  ", MISSING])
def test_a_feature_without_id(path, nothing):
    text = refusal(geojson(path, feature("a"), feature(nothing), feature("c"), feature(nothing)))
    assert "row 2 has no `tile_id` (2 such rows in all). Give each row a unique one." in text


@pytest.mark.parametrize("nothing", [None, MISSING])
def test_a_feature_without_id_among_numbers(path, nothing):
    assert "row 3 has no `tile_id` (1 such" in refusal(geojson(path, feature(1), feature(2), feature(nothing)))


def test_repeated_ids(path):
    text = refusal(geojson(path, *(feature(name) for name in ("a", "b", "c", "b", "a", "b"))))
    assert "tile_id 'b' is duplicated (rows 2, 4, 6); 2 ids are duplicated in all" in text
    assert "Every tile needs an id of its own" in text


def test_a_number_and_its_text_are_the_same_id(path):
    assert "tile_id '7' is duplicated (rows 1, 2)" in refusal(geojson(path, feature(7), feature("7")))


def test_whole_floats_are_numbers(path):
    assert list(read_tiles(geojson(path, feature(7.0), feature(8.0)))["tile_id"]) == ["7", "8"]


@pytest.mark.parametrize("number", [7.5, 1e300])
def test_other_floats_are_refused(path, number):
    text = refusal(geojson(path, feature(6.0), feature(number)))
    assert f"a `tile_id` is {number}. Use whole numbers or text as ids" in text


def test_over_long_id(path):
    assert read_tiles(geojson(path, feature("x" * MAX_ID_BYTES)))["tile_id"].iloc[0] == "x" * 100
    text = refusal(geojson(path, feature("a"), feature("x" * 101)))
    assert "tile_id 'xxx" in text
    assert "has 101 bytes; at most 100 are allowed" in text


@pytest.mark.parametrize("length", [17, 25])
def test_id_that_makes_an_over_long_file_name(path, length):
    text = refusal(geojson(path, feature("a"), feature("\N{EARTH GLOBE EUROPE-AFRICA}" * length)))
    assert f"makes a file name of {12 * length} characters; at most 200 are allowed" in text
    assert "Use shorter ids or plain letters and digits" in text


def test_odd_ids_become_safe_file_names(path):
    odd = ["a/b", "../up", "Zürich 7", "a\\b", "50%", "\N{EARTH GLOBE EUROPE-AFRICA}" * 16]
    ids = list(read_tiles(geojson(path, *map(feature, odd)))["tile_id"])
    assert ids == odd
    assert all(not set("/\\") & set(file_stem(tile_id)) for tile_id in ids)


@pytest.mark.parametrize("geometry", [None, Polygon()])
def test_no_geometry(path, geometry):
    text = refusal(geojson(path, feature("a"), feature("b", geometry)))
    assert "tile 'b' (feature 2) has an empty geometry. Each tile is one Polygon in longitude and latitude." in text


def test_no_geometry_anywhere(path):
    refusal(geojson(path, feature("a", None)))


@pytest.mark.parametrize("geometry", [Point(10, 50), MultiPolygon([SQUARE])])
def test_no_polygon(path, geometry):
    text = refusal(geojson(path, feature("a"), feature("b", geometry), feature("c", geometry)))
    assert "tile 'b' (feature 2) is not a Polygon; 2 such tiles in all. Each tile is one Polygon" in text


def test_self_crossing_polygon(path):
    text = refusal(geojson(path, feature("a"), feature("bow", BOW_TIE)))
    assert "tile 'bow' (feature 2) has an invalid polygon (it crosses itself, or is too small: its coordi" in text


@pytest.mark.parametrize("size", [1e-7, 4e-7])
def test_a_polygon_that_rounding_makes_a_point(path, size):
    point = box(10.0, 50.0, 10.0 + size, 50.0 + size)
    assert "tile 'b' (feature 2) has an invalid polygon (" in refusal(geojson(path, feature("a"), feature("b", point)))
    assert read_tiles(geojson(path, feature("a", box(10, 50, 10 + 1e-6, 50 + 1e-6))))["tile_id"].tolist() == ["a"]


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb"])
def test_coordinates_are_those_that_the_geojson_package_reads(tmp_path, suffix):
    shapes = [
        box(10.1234565, -50.9876543210987, 10.14, -50.98),
        Polygon([(0, 0), (1 / 3, 0), (0.5000005, 0.1), (0, 0)]),
    ]
    gpd.GeoDataFrame({"tile_id": ["a", "b"]}, geometry=shapes, crs="EPSG:4326").to_file(tmp_path / f"t{suffix}")
    frame = read_tiles(tmp_path / f"t{suffix}").set_index("tile_id")
    for name, shape in zip("ab", shapes, strict=True):
        read = geojson_package.loads(json.dumps(mapping(shape)))
        assert list(frame.geometry[name].exterior.coords) == [tuple(point) for point in read["coordinates"][0]]


def test_metres_in_a_geojson(path):
    text = refusal(geojson(path, feature("a"), feature("b", box(4e5, 5e6, 4.01e5, 5.001e6))))
    assert "tile 'b' (feature 2) has coordinates that are not degrees (wrong CRS?)" in text


def frame(crs="EPSG:4326"):
    return gpd.GeoDataFrame(
        {"tile_id": ["a", "b"], "biome": ["Tundra", None], "count": [1, 2], "share": [0.5, None]},
        geometry=[SQUARE, box(-70.0, -30.0, -69.9, -29.9)],
        crs=crs,
    )


def test_another_crs(tmp_path):
    path = tmp_path / "tiles.gpkg"
    frame().to_crs("EPSG:3857").to_file(path)
    text = refusal(path)
    assert "wrong CRS, WGS 84 / Pseudo-Mercator (EPSG:3857)" in text
    assert "`ogr2ogr -t_srs EPSG:4326 tiles_4326.geojson tiles.gpkg` converts it" in text


def test_no_crs(tmp_path):
    path = tmp_path / "tiles.gpkg"
    with pytest.warns(UserWarning, match="crs"):
        frame(crs=None).to_file(path)
    text = refusal(path)
    assert "has no CRS" in text
    assert "ogr2ogr" in text


def test_several_layers(tmp_path):
    path = tmp_path / "tiles.gpkg"
    for layer in ("first", "second"):
        pyogrio.write_dataframe(frame(), path, layer=layer)
    text = refusal(path)
    assert text == f"{path}: has 2 layers (first, second); exactly one is needed. Export it to a file of its own."


def test_a_table_without_geometry(tmp_path):
    path = tmp_path / "tiles.gpkg"
    pyogrio.write_dataframe(frame().drop(columns="geometry"), path, driver="GPKG")
    assert "has no geometry column. Use a vector file, such as GeoJSON or GeoPackage." in refusal(path)


def test_properties_of_a_published_tiles_file(path):
    tile = feature("0_1", biome="Tundra", eco_region="Arctic coastal tundra", id="0")
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    tiles = read_tiles(geojson(path, tile, crs=crs))
    row = tiles.iloc[0]
    assert (row["tile_id"], row["biome"], row["eco_region"]) == ("0_1", "Tundra", "Arctic coastal tundra")
    assert row["geometry"].equals(SQUARE)


def test_all_formats_read_equal(tmp_path):
    tables = []
    for name in ("tiles.geojson", "tiles.json", "tiles.gpkg", "tiles.fgb"):
        frame().to_file(tmp_path / name, driver="GeoJSON" if name.endswith("json") else None)
        # FlatGeobuf orders its features in space.
        tables.append(read_tiles(tmp_path / name).sort_values("tile_id", ignore_index=True))
    assert list(tables[0]["tile_id"]) == ["a", "b"]
    for table in tables[1:]:
        assert_frame_equal(tables[0].drop(columns="geometry"), table.drop(columns="geometry"), check_dtype=False)
        assert table.geometry.geom_equals_exact(tables[0].geometry, 1e-9).all()


def test_three_dimensions_become_two(path):
    heights = Polygon([(x, y, 5.0) for x, y in SQUARE.exterior.coords])
    tiles = read_tiles(geojson(path, feature("a", heights)))
    assert tiles.crs == "EPSG:4326"
    assert not tiles.geometry.iloc[0].has_z
    assert tiles.geometry.iloc[0].equals(SQUARE)


def test_ids_may_be_numbers_here_and_text_there(path):
    assert list(read_tiles(geojson(path, feature(7), feature("b-8")))["tile_id"]) == ["7", "b-8"]


def test_lists_and_objects_become_json_text(path):
    tiles = read_tiles(geojson(path, feature("a", x={"ä": [1]}, y=[1, 2], z=["p"]), feature("b", x=None, y=[], z=[])))
    assert tiles["x"].iloc[0] == '{"ä": [1]}'
    assert list(tiles["y"]) == ["[1, 2]", "[]"]
    assert list(tiles["z"]) == ['["p"]', "[]"]


@pytest.mark.parametrize(("one", "other"), [("Biome", "biome"), ("x", "Ordinal"), ("x", "Geometry")])
def test_columns_that_differ_in_case_only(path, one, other):
    text = refusal(geojson(path, feature("a", **{one: 1, other: 2})))
    assert f"column {other!r} conflicts with the dataset's column " in text
    assert "ignores upper and lower case" in text


def test_a_tile_across_the_antimeridian_may_go_on(path):
    beyond = box(179.99, 10.0, 180.01, 10.02)
    assert read_tiles(geojson(path, feature("a", beyond))).geometry.iloc[0].equals(beyond)


@pytest.mark.parametrize("lat", ["north", 90.5, -91.0])
def test_centroids_that_are_no_degrees(path, lat):
    geojson(path, feature("a", lon=10.0, lat=50.0), feature("b", lon=10.0, lat=lat))
    message = refusal(path)
    assert f"lat of tile 'b' is {lat!r}, not a number of degrees inside its polygon (50 to 50.012)" in message
    assert "the first one is feature 2" in message
    assert "drop `lon` and `lat`" in message


def test_centroids_written_as_text_keep_every_digit(path):
    geojson(
        path,
        feature("a", box(10, 50.12, 10.02, 50.13), lon="10.01", lat="50.123456789012345"),
        feature("b", box(-0.11, -33.31, -0.09, -33.29), lon="-0.1", lat="-33.3"),
    )
    frame = read_tiles(path)
    assert frame["lat"].tolist() == [50.123456789012345, -33.3]
    assert frame["lon"].tolist() == [10.01, -0.1]


def test_a_tile_may_lack_its_centroid(path):
    geojson(path, feature("a", lon=10.01, lat=50.006), feature("b"))
    assert read_tiles(path)["lat"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("lon", "lat", "named"),
    [
        (50.006, 10.01, "lon of tile 'b' is 50.006"),
        (0, 0, "lon of tile 'b' is 0.0,"),
        (10.5, 50.006, "lon of tile 'b' is 10.5"),
        (10.01, 51, "lat of tile 'b' is 51.0"),
        (10.01, -50.006, "lat of tile 'b' is -50.006"),
    ],
)
def test_centroids_that_contradict_the_polygon(path, lon, lat, named):
    text = refusal(geojson(path, feature("a", lon=10.01, lat=50.006), feature("b", lon=lon, lat=lat)))
    assert named in text
    assert "not a number of degrees inside its polygon (" in text
    assert "the first one is feature 2" in text
    assert "drop `lon` and `lat`" in text


@pytest.mark.parametrize("values", [(True, True), (True, False)])
def test_booleans_are_no_centroids(path, values):
    near = box(0.99, 0.99, 1.01, 1.01)
    text = refusal(geojson(path, *(feature(str(i), near, lon=value, lat=1.0) for i, value in enumerate(values))))
    assert "lon of tile '0' is True, not a number of degrees inside its polygon (0.99 to 1.01)" in text


@pytest.mark.parametrize("lon", [179.995, -180.005, -179.995, 180.005])
def test_centroids_at_the_antimeridian_may_be_counted_either_way(path, lon):
    for shape in (box(179.99, 10, 180.01, 10.02), box(-180.01, 10, -179.99, 10.02)):
        assert read_tiles(geojson(path, feature("a", shape, lon=lon, lat=10.01)))["lon"].tolist() == [lon]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.floats(-180, 180), st.floats(-85, 85), st.sampled_from([-360, 0, 360]), st.floats(0.05, 359.95))
def test_any_place_on_earth_is_its_own_centroid_and_no_other_is(path, lon, lat, turn, away):
    shape = box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01)
    given_lon = lon + turn if abs(lon + turn) <= 360 else lon
    assert read_tiles(geojson(path, feature("a", shape, lon=given_lon, lat=lat)))["lon"].tolist() == [given_lon]
    refusal(geojson(path, feature("a", shape, lon=(lon + away) % 360, lat=lat)))
    refusal(geojson(path, feature("a", shape, lon=given_lon, lat=lat + 0.05)))


def test_a_tile_around_the_globe_by_mistake(path):
    wrapped = Polygon([(179.99, 10), (-179.99, 10), (-179.99, 10.02), (179.99, 10.02)])
    text = refusal(geojson(path, feature("a"), feature("b", wrapped)))
    assert "tile 'b' (feature 2) crosses the antimeridian, but its longitudes jump by 360 degrees there" in text
    assert "(let them continue past 180, such as 179.99 to 180.01). Each tile is one Polygon" in text


def test_more_columns_than_a_geopackage_holds(tmp_path):
    names = {f"c{number}": number for number in range(2500)}
    feature = {"type": "Feature", "properties": {"tile_id": "a", **names}, "geometry": mapping(box(0, 0, 0.01, 0.01))}
    path = tmp_path / "wide.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(TilesError, match=r"wide\.geojson: has 250\d columns; a GeoPackage holds 1990"):
        read_tiles(path)
