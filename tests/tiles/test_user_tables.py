"""A user's own tables and geometries, by the commands: what is in the file is in the tiles, or it is refused."""

import csv
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmearth_devkit.testing.command_line import cli
from shapely.geometry import MultiPolygon, Point, Polygon, box, mapping

from mmearth_core.tiles.index import TileIndex, import_tiles
from mmearth_core.tiles.read import read_tiles

NAN = float("nan")


def write_table(path, *rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def geojson(path, *features):
    """Features of (properties, geometry); the geometry may be one that shapely could not hold."""
    features = [{"type": "Feature", "properties": row, "geometry": shape} for row, shape in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def made(command, path, *options, suffix=".geojson"):
    """The tiles that a command makes, with all values as the file has them."""
    output = path.with_name(f"made{suffix}")
    done = cli("tiles", command, path, *options, "-o", output)
    assert done.exit_code == 0, done.output
    if suffix == ".geojson":
        return [feature["properties"] for feature in json.loads(output.read_text(encoding="utf-8"))["features"]]
    return pyogrio.read_dataframe(output).drop(columns="geometry").to_dict("records")


def refusal(command, path, *options):
    """The one paragraph with which a command refuses a file; nothing is written."""
    done = cli("tiles", command, path, *options, "-o", path.with_name("made.geojson"))
    assert done.exit_code == 2, done.output
    assert not path.with_name("made.geojson").exists()
    text = " ".join(done.output.split())
    assert path.name in text
    assert "Traceback" not in text
    return text


# Ids are text.

LABELS = [
    "31e4",
    "+5",
    "inf",
    "1E5",
    "100000",
    "007",
    "1.0",
    "1.50",
    "nan",
    "NA",
    "None",
    "null",
    "True",
    "-0",
    "1_000",
]


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb"])
def test_ids_of_a_csv_are_its_texts(tmp_path, suffix):
    rows = [[label, 10 + number / 10, 50] for number, label in enumerate(LABELS)]
    path = write_table(tmp_path / "plots.csv", ["tile_id", "lon", "lat"], *rows)
    assert [row["tile_id"] for row in made("from-points", path, suffix=suffix)] == LABELS
    import_tiles(read_tiles(tmp_path / f"made{suffix}"), tmp_path / "tiles.gpkg", 100)
    assert [tile.tile_id for tile in TileIndex(tmp_path / "tiles.gpkg").read(0)] == LABELS


def test_ids_of_a_named_column_are_its_texts_there_and_as_a_column(tmp_path):
    rows = [[label, 10 + number / 10, 50] for number, label in enumerate(["1", "2e3", "+4"])]
    path = write_table(tmp_path / "plots.csv", ["plot", "lon", "lat"], *rows)
    tiles = made("from-points", path, "--id", "plot")
    assert [(row["tile_id"], row["plot"]) for row in tiles] == [("1", "1"), ("2e3", "2e3"), ("+4", "+4")]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="\ufffd"), min_size=1, max_size=16),
            st.from_regex(r"[+-]?[0-9]{1,4}(\.[0-9]{0,3})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
        ),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_any_text_id_of_a_csv_comes_back(tmp_path, ids):
    rows = [[label, number, 50] for number, label in enumerate(ids)]
    path = write_table(tmp_path / "plots.csv", ["tile_id", "lon", "lat"], *rows)
    assert [row["tile_id"] for row in made("from-points", path)] == ids
    assert read_tiles(tmp_path / "made.geojson")["tile_id"].tolist() == ids


@pytest.mark.parametrize("label", ["31e4", "+5", "inf", "nan", "007", "12345678901234567890123", "-0", "1e999"])
def test_labels_in_a_further_column_are_no_numbers(tmp_path, label):
    path = write_table(tmp_path / "plots.csv", ["lon", "lat", "code"], [1, 2, label], [3, 4, "5"])
    assert [row["code"] for row in made("from-points", path)] == [label, "5"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("3.50", 3.5), ("-1", -1), (".5", 0.5), ("1e-05", 1e-5), ("1.5E3", 1500.0), ("2e+10", 2e10), ("1.", 1.0)],
)
def test_numbers_in_a_further_column_are_numbers(tmp_path, text, number):
    path = write_table(tmp_path / "plots.csv", ["lon", "lat", "height"], [1, 2, text], [3, 4, ""])
    first, second = (row["height"] for row in made("from-points", path))
    assert (first, second) == (number, None)
    assert type(first) is not str


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb"])
def test_text_ids_of_a_vector_file_that_look_like_dates_stay(tmp_path, suffix):
    path = tmp_path / f"plots{suffix}"
    ids, shapes = ["2020/01/02", "2020-01-03"], [Point(1, 2), Point(3, 4)]
    if suffix == ".geojson":
        geojson(path, *(({"tile_id": each}, mapping(shape)) for each, shape in zip(ids, shapes, strict=True)))
    else:
        frame = gpd.GeoDataFrame({"tile_id": ids}, geometry=shapes, crs="EPSG:4326")
        pyogrio.write_dataframe(frame, path, **({"SPATIAL_INDEX": "NO"} if suffix == ".fgb" else {}))
    assert [row["tile_id"] for row in made("from-points", path)] == ids


@pytest.mark.parametrize(("value", "said"), [(np.inf, "inf"), (7.5, "7.5"), (1e300, "1e+300")])
def test_a_float_that_is_no_id(tmp_path, value, said):
    frame = gpd.GeoDataFrame({"plot": [1.0, value]}, geometry=[Point(1, 2), Point(3, 4)], crs="EPSG:4326")
    frame.to_file(tmp_path / "plots.gpkg")
    text = refusal("from-points", tmp_path / "plots.gpkg", "--id", "plot")
    assert f"a `plot` is {said}. Use whole numbers or text as ids." in text


def test_a_boolean_is_no_id(tmp_path):
    path = geojson(tmp_path / "plots.geojson", ({"tile_id": True}, mapping(Point(1, 2))))
    assert "a `tile_id` is True. Use whole numbers or text as ids." in refusal("from-points", path)


# Only an empty field is missing.


@pytest.mark.parametrize("text", ["NA", "None", "nan", "NaN", "null", "NULL", "N/A", "n/a", "<NA>", "#N/A", "-nan"])
def test_only_an_empty_field_is_missing(tmp_path, text):
    path = write_table(tmp_path / "plots.csv", ["lon", "lat", "country"], [1, 2, text], [3, 4, ""], [5, 6, "DE"])
    assert [row["country"] for row in made("from-points", path)] == [text, None, "DE"]


def test_a_row_that_is_longer_than_the_header_is_not_shifted(tmp_path):
    path = write_table(tmp_path / "plots.csv", ["lon", "lat"], [1, 2, 3], [4, 5, 6])
    assert "cannot be read as a table" in refusal("from-points", path)


# Parquet.


def test_a_named_index_of_parquet_has_the_ids(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"lon": [1.0, 2.0], "lat": [3.0, 4.0]}, index=pd.Index(["b7", "a9"], name="tile_id"))
    frame.to_parquet(tmp_path / "plots.parquet")
    assert [row["tile_id"] for row in made("from-points", tmp_path / "plots.parquet")] == ["b7", "a9"]
    frame.set_index(pd.MultiIndex.from_tuples([("x", "p"), ("x", "q")], names=["site", "plot"])).to_parquet(
        tmp_path / "plots.parquet"
    )
    tiles = made("from-points", tmp_path / "plots.parquet", "--id", "plot")
    assert [(row["tile_id"], row["site"]) for row in tiles] == [("p", "x"), ("q", "x")]


@pytest.mark.parametrize("name", ["geometry", "geom", "Shape"])
def test_geoparquet_has_its_own_points_and_crs(tmp_path, name):
    pytest.importorskip("pyarrow")
    frame = gpd.GeoDataFrame(
        # Wrong degrees beside the geometry, which is what the file is about.
        {"plot": ["p", "q"], "lon": [0.0, 0.0], "lat": [0.0, 0.0]},
        geometry=[Point(10, 50), Point(11, 51)],
        crs="EPSG:4326",
    ).to_crs("EPSG:32632")
    frame = frame if name == "geometry" else frame.rename_geometry(name)
    frame.set_index("plot").to_parquet(tmp_path / "plots.parquet")
    tiles = made("from-points", tmp_path / "plots.parquet", "--id", "plot")
    assert [row["tile_id"] for row in tiles] == ["p", "q"]
    assert np.allclose([(row["lon"], row["lat"]) for row in tiles], [(10, 50), (11, 51)], atol=1e-9)


def test_polygons_of_a_geoparquet(tmp_path):
    pytest.importorskip("pyarrow")
    frame = gpd.GeoDataFrame({"park": ["A"]}, geometry=[box(0, 0, 0.001, 0.001)], crs="EPSG:4326")
    frame.to_crs("EPSG:3857").rename_geometry("outline").to_parquet(tmp_path / "parks.parquet")
    (tile,) = made("from-polygons", tmp_path / "parks.parquet", "--id", "park")
    assert tile["tile_id"] == "A_0"
    assert np.allclose([tile["lon"], tile["lat"]], 0.0005, atol=1e-6)


def test_geoparquet_without_a_crs_and_with_lines(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "plots.parquet"
    gpd.GeoDataFrame({"plot": ["p"]}, geometry=[Point(1, 2)]).to_parquet(path)
    assert "has no CRS" in refusal("from-points", path)
    gpd.GeoDataFrame({"plot": ["p"]}, geometry=[box(0, 0, 1, 1)], crs="EPSG:4326").to_parquet(path)
    assert "feature 1 is not a Point. Fix or drop it. All must be points" in refusal("from-points", path)
    pd.DataFrame({"park": ["A"]}).to_parquet(path)
    assert "has no geometry column" in refusal("from-polygons", path)


# Geometries.

RING = [[10, 50], [10.01, 50], [10.01, 50.01], [10, 50.01]]
SQUARE = mapping(box(10, 50, 10.01, 50.01))
WRAPPED = mapping(Polygon([(179.99, 10), (-179.99, 10), (-179.99, 10.02), (179.99, 10.02)]))


def polygon(*ring):
    return {"type": "Polygon", "coordinates": [list(ring)]}


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (polygon(*RING), "has a geometry that cannot be read"),
        (polygon(RING[0], RING[1]), "its last one must equal its first"),
        (polygon([NAN, 50], *RING[1:], [NAN, 50]), "cannot be read"),
        (polygon(RING[0], [10.01, NAN], *RING[2:], RING[0]), "has a coordinate that is not a finite number"),
        (polygon([1e400, 50], *RING[1:], [1e400, 50]), "has a coordinate that is not a finite number"),
        (mapping(Polygon()), "has an empty geometry"),
        (None, "has an empty geometry"),
        (mapping(box(4e5, 5e6, 4.01e5, 5.001e6)), "has coordinates that are not degrees (wrong CRS?)"),
    ],
)
def test_a_polygon_that_cannot_be_used_is_named(tmp_path, shape, said):
    path = geojson(tmp_path / "parks.geojson", ({"tile_id": "a"}, SQUARE), ({"tile_id": "b"}, shape))
    text = refusal("from-polygons", path)
    assert "feature 2" in text
    assert said in text
    text = refusal("from-tile-info", path, "--tiles", path)
    assert "feature 2" in text
    assert said in text


@pytest.mark.parametrize("shapes", [[box(10, 50, 10.01, 50.01), Polygon()], [box(10, 50, 10.01, 50.01), None]])
def test_a_geopackage_with_an_empty_geometry(tmp_path, shapes):
    path = tmp_path / "parks.gpkg"
    gpd.GeoDataFrame({"tile_id": ["a", "b"]}, geometry=shapes, crs="EPSG:4326").to_file(path)
    for command, options in (("from-polygons", ()), ("from-tile-info", ("--tiles", path))):
        text = refusal(command, path, *options)
        assert "feature 2" in text
        assert "has an empty geometry" in text


@pytest.mark.parametrize("place", [(NAN, 5), (1e400, 5), (400, 5), (5, 95), (NAN, NAN)])
def test_a_point_that_is_no_place(tmp_path, place):
    point = {"type": "Point", "coordinates": list(place)}
    path = geojson(tmp_path / "plots.geojson", ({}, mapping(Point(1, 2))), ({}, point))
    assert "feature 2 has " in refusal("from-points", path)


def test_a_polygon_around_the_globe_by_mistake_is_refused_with_both_forms(tmp_path):
    path = geojson(tmp_path / "parks.geojson", ({}, SQUARE), ({}, WRAPPED))
    text = refusal("from-polygons", path)
    assert "feature 2 crosses the antimeridian" in text
    assert "179.99 to 180.01, or split it at 180 into a MultiPolygon" in text


@pytest.mark.parametrize(
    "shape",
    [
        Polygon([(179.99, 10), (180, 10), (-180, 10), (-179.99, 10), (-179.99, 10.02), (179.99, 10.02)]),
        MultiPolygon([box(1, 1, 1.1, 1.1), Polygon([(170, 0), (-170, 0), (-170, 1), (170, 1)])]),
        Polygon([(-179, 60), (179, 60), (179, 61)]),
    ],
)
def test_other_polygons_that_jump_at_180(tmp_path, shape):
    path = geojson(tmp_path / "parks.geojson", ({}, mapping(shape)))
    assert "feature 1 crosses the antimeridian" in refusal("from-polygons", path)


def test_the_forms_that_the_message_names_give_the_same_tiles(tmp_path):
    split = MultiPolygon([box(179.95, 10, 180, 10.04), box(-180, 10, -179.95, 10.04)])
    counts = []
    for shape in (box(179.95, 10, 180.05, 10.04), split):
        tiles = made("from-polygons", geojson(tmp_path / "parks.geojson", ({}, mapping(shape))))
        assert all(179.94 < abs(tile["lon"]) <= 180 for tile in tiles)
        counts.append(len(tiles))
    # The lattice does not close at 180, so that the split form can have a column less.
    assert counts[0] >= counts[1] > 20


@pytest.mark.parametrize(
    "shape",
    [
        box(-180, -60.001, 180, -60),
        box(0, -60.001, 360, -60),
        Polygon([(-180, -84), (-90, -83.99), (0, -84), (90, -83.99), (180, -84), (180, -84.01), (-180, -84.01)]),
        Polygon([(-10, 10), (80, 10), (175, 10), (175, 10.001)]).union(box(-10, 10, 80, 10.001)),
    ],
)
def test_polygons_that_are_as_wide_as_that_are_taken(tmp_path, shape):
    path = geojson(tmp_path / "parks.geojson", ({}, mapping(shape)))
    assert len(made("from-polygons", path, "--stride", 500_000)) >= 1


def test_a_polygon_that_its_own_crs_carries_across_180(tmp_path):
    shape = shapely.box(800_000, 1_100_000, 850_000, 1_110_000)
    gpd.GeoDataFrame(geometry=[shape], crs="EPSG:32660").to_file(tmp_path / "parks.gpkg")
    assert "feature 1 crosses the antimeridian" in refusal("from-polygons", tmp_path / "parks.gpkg")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.floats(-180, 180), st.floats(-84, 84), st.floats(0.001, 2))
def test_a_box_anywhere_on_earth_is_taken_in_one_form_and_refused_if_it_is_wrapped(tmp_path, lon, lat, width):
    west, east = lon - width / 2, lon + width / 2
    path = tmp_path / "parks.geojson"
    assert len(made("from-polygons", geojson(path, ({}, mapping(box(west, lat, east, lat + 0.001)))), "--stride", 1e5))
    path.with_name("made.geojson").unlink()
    west, east = ((edge + 180) % 360 - 180 for edge in (west, east))
    if west > east:
        shape = Polygon([(west, lat), (east, lat), (east, lat + 0.001), (west, lat + 0.001)])
        assert "crosses the antimeridian" in refusal("from-polygons", geojson(path, ({}, mapping(shape))))


# Columns.


@pytest.mark.parametrize("name", ["fid", "FID", "geom", "rowid", "_rowid_", "ogc_fid", "oid", "tiles", "id", "select"])
@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb"])
def test_columns_named_as_in_a_database_work(tmp_path, name, suffix):
    path = write_table(tmp_path / "plots.csv", ["longitude", "latitude", name], [10, 50, "v"])
    made("from-points", path, suffix=suffix)
    import_tiles(read_tiles(tmp_path / f"made{suffix}"), tmp_path / "tiles.gpkg")
    assert TileIndex(tmp_path / "tiles.gpkg").read(0)[0].attributes == {name: "v"}


def test_a_row_number_of_another_dataset_is_dropped_and_a_similar_name_refused(tmp_path):
    path = geojson(tmp_path / "tiles.geojson", ({"tile_id": "a", "mmearth_row": 7}, SQUARE))
    assert list(read_tiles(path).columns) == ["tile_id", "geometry"]
    path = write_table(tmp_path / "plots.csv", ["lon", "lat", "mmearth_row"], [10, 50, 7])
    assert "column 'mmearth_row' conflicts with the dataset's column 'mmearth_row'" in refusal("from-points", path)


@pytest.mark.parametrize("name", ["partition", "ordinal"])
def test_one_column_of_the_numbering_is_a_user_s_own_and_not_dropped(tmp_path, name):
    path = geojson(tmp_path / "tiles.geojson", ({"tile_id": "a", name: "north"}, SQUARE))
    assert f"column '{name}' conflicts with the dataset's column '{name}'" in refusal(
        "from-tile-info", path, "--tiles", path
    )


def test_lon_and_lat_in_capitals_are_the_centroid(tmp_path):
    path = geojson(tmp_path / "tiles.geojson", ({"tile_id": "a", "Lon": 10.004, "LAT": 50.006}, SQUARE))
    import_tiles(read_tiles(path), Path(tmp_path / "imported.gpkg"))
    (tile,) = TileIndex(tmp_path / "imported.gpkg").read(0)
    assert (tile.lon, tile.lat, tile.attributes) == (10.004, 50.006, {})


def test_durations_are_text(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"lon": [1.0], "lat": [2.0], "age": pd.to_timedelta(["2 days"])})
    frame.to_parquet(tmp_path / "plots.parquet")
    assert [row["age"] for row in made("from-points", tmp_path / "plots.parquet")] == ["2 days 00:00:00"]
