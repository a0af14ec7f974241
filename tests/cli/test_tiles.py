"""`mmearth-core tiles` on the command line: files, counts, exit codes, and nothing written on an error."""

import hashlib
import json

import geopandas as gpd
import pytest
from mmearth_devkit.testing.command_line import cli, own_process, summary
from mmearth_devkit.testing.needs import needs_planet
from shapely.geometry import box

from mmearth_core.tiles.index import TileIndex
from mmearth_core.tiles.read import read_tiles


def call(*words):
    return cli("tiles", *words, columns=200)


@pytest.fixture
def regions(tmp_path):
    names = {"ECO_NAME": ["wide", "small", "tiny"], "BIOME_NAME": ["x", "x", "y"], "REALM": ["r", "r", "r"]}
    shapes = [box(0, 0, 30, 30), box(40, 0, 50, 10), box(60, 0, 60.01, 0.01)]
    gpd.GeoDataFrame(names, geometry=shapes, crs="EPSG:4326").to_file(tmp_path / "regions.gpkg")
    return tmp_path / "regions.gpkg"


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb"])
def test_the_number_asked_for_and_the_same_bytes_for_the_same_seed(regions, tmp_path, suffix):
    digests = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        out = tmp_path / f"{name}{suffix}"
        words = ["--number", 1001, "--source", regions, "--seed", seed, "--sampling", 2, "-o", out]
        if name == "a":  # in a process of its own, or chance could be shared
            assert own_process("tiles", *words).returncode == 0
        else:
            assert call(*words).exit_code == 0
        digests.append(hashlib.sha256(out.read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]
    frame = read_tiles(out)
    assert list(frame.columns) == ["tile_id", "biome", "eco_region", "realm", "lon", "lat", "geometry"]
    assert frame["eco_region"].value_counts().to_dict() == {"wide": 334, "small": 334, "tiny": 333}


def test_counts_as_json_and_as_a_table(regions, tmp_path):
    out = tmp_path / "t.geojson"
    done = call("--number", 11, "--source", regions, "-o", out, "--json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert (data["number"], data["made"], data["sampling"]) == (11, 11, "biome-area")
    assert data["biomes"] == {"x": {"asked": 6, "made": 6}, "y": {"asked": 5, "made": 5}}
    assert [(row["eco_region"], row["asked"]) for row in data["eco_regions"]] == [
        ("wide", 5),
        ("small", 1),
        ("tiny", 5),
    ]
    table = call("--number", 11, "--source", regions, "-o", out).output
    assert "ecoregion" in table
    assert "11 tiles in 3 ecoregions" in table


def test_a_region_without_room_is_reported_with_exit_1_and_made_up_for_if_wished(regions, tmp_path):
    words = ["--number", 20, "--sampling", "ecoregion", "--source", regions, "--no-overlap", "-o", tmp_path / "t.gpkg"]
    done = call(*words)
    assert done.exit_code == 1
    assert "tiny: " in done.output
    assert "--redistribute" in done.output
    assert len(read_tiles(tmp_path / "t.gpkg")) < 20
    done = call(*words, "--redistribute", "--json")
    assert done.exit_code == 0
    assert len(read_tiles(tmp_path / "t.gpkg")) == json.loads(done.stdout)["made"] == 20


def test_an_excluded_region_is_never_sampled(regions, tmp_path):
    gpd.GeoDataFrame(geometry=[box(0, 0, 30, 15)], crs="EPSG:4326").to_file(tmp_path / "test.geojson")
    call(
        "--number",
        200,
        "--sampling",
        1,
        "--source",
        regions,
        "--exclude",
        tmp_path / "test.geojson",
        "-o",
        tmp_path / "t.gpkg",
    )
    frame = read_tiles(tmp_path / "t.gpkg")
    wide = frame[frame["eco_region"] == "wide"]
    assert len(wide) == 50
    assert wide.geometry.bounds["miny"].min() > 15


ERRORS = [
    (["--number", "5", "-o", "t.shp"], "written as .geojson, .gpkg, .fgb"),
    (["--number", "5", "--source", "absent.gpkg", "-o", "t.gpkg"], "absent.gpkg: no such file"),
    (["--number", "5", "--engine", "absent", "-o", "t.gpkg"], "absent"),
    (["--number", "5"], "Missing option '-o'"),
    (["-o", "t.gpkg"], "Missing option '--number'"),
    (["--number", "0", "-o", "t.gpkg"], "0 is not in the range"),
    (["--seed", "3", "from-points", "p.csv", "-o", "t.gpkg"], "--seed is before 'from-points'"),
    (["from-points", "absent.csv", "-o", "t.gpkg"], "absent.csv: no such file"),
    (["from-polygons", "absent.shp", "-o", "t.gpkg"], "absent.shp: no such file"),
    (["from-points", "p.csv"], "Missing option '-o'"),
    (["--image-size", "64", "from-points", "p.csv", "-o", "t.gpkg"], "--image-size is before 'from-points'"),
    (["from-points", "p.csv", "--size", "900", "--image-size", "64", "-o", "t.gpkg"], "--size is set beside"),
    (["--number", "5", "--pixel-size", "30", "--size", "1300", "-o", "t.gpkg"], "--size is set beside"),
    (["from-points", "p.csv", "--image-size", "2048", "--pixel-size", "100", "-o", "t.gpkg"], "tiles of 205,000 m"),
    (["from-points", "p.csv", "--image-size", "1", "--pixel-size", "1", "-o", "t.gpkg"], "tiles of 3 m"),
    (["from-points", "p.csv", "--image-size", "0", "-o", "t.gpkg"], "0 is not in the range"),
    (["from-points", "p.csv", "--pixel-size", "0", "-o", "t.gpkg"], "0.0 is not in the range"),
    (["from-points", "p.csv", "--pixel-size", "nan", "-o", "t.gpkg"], "nan is not a finite number"),
    (["from-tile-info", "absent.json", "-o", "t.gpkg"], "absent.json: no such file"),
    (
        ["from-tile-info", "i.json", "--tiles", "t.gpkg", "--size", "640", "-o", "n.gpkg"],
        "are for boxes",
    ),
    (
        ["from-tile-info", "i.json", "--tiles", "t.gpkg", "--engine", "x", "-o", "n.gpkg"],
        "are for boxes",
    ),
    (["from-tile-info", "absent.json", "--tiles", "absent.gpkg", "-o", "t.gpkg"], "absent.gpkg: no such tiles file"),
]


@pytest.mark.parametrize(("words", "said"), ERRORS)
def test_errors_write_nothing_and_exit_with_2(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    done = call(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert list(tmp_path.iterdir()) == []


def test_own_points_keep_their_columns_into_the_dataset(tmp_path):
    (tmp_path / "plots.csv").write_text("plot,lon,lat,owner\n07,10,50,Ann\n08,10.001,50,Bob\n09,179.9999,10,Cy\n")
    done = call(
        "from-points", tmp_path / "plots.csv", "--id", "plot", "--no-overlap", "-o", tmp_path / "t.gpkg", "--json"
    )
    assert json.loads(done.stdout) == {"tiles": str(tmp_path / "t.gpkg"), "places": 3, "made": 2, "refused": 1}
    from mmearth_core.tiles.index import import_tiles

    import_tiles(read_tiles(tmp_path / "t.gpkg"), tmp_path / "dataset.gpkg")
    first, second = (tile.scene() for tile in TileIndex(tmp_path / "dataset.gpkg").read(0))
    assert (first.tile_id, first.lon, first.lat) == ("07", 10.0, 50.0)
    assert dict(first.attributes) == {"plot": "07", "owner": "Ann"}
    assert (second.tile_id, second.attributes["owner"]) == ("09", "Cy")
    assert second.polygon.bounds[2] > 180


@pytest.mark.parametrize(
    ("words", "side"),
    [
        ([], 1300),
        (["--image-size", 128, "--pixel-size", 10], 1300),
        (["--image-size", 512], 5140),
        (["--pixel-size", 30], 3900),
        (["--pixel-size", 0.5, "--image-size", 1024], 513),
        (["--size", 640], 640),
    ],
)
def test_the_side_of_a_tile_by_its_pixels(tmp_path, words, side):
    (tmp_path / "p.csv").write_text("lon,lat\n9,50\n")
    summary("tiles", "from-points", tmp_path / "p.csv", *words, "-o", tmp_path / "t.gpkg")
    west, south, east, north = read_tiles(tmp_path / "t.gpkg").to_crs("EPSG:32632").total_bounds
    assert (east - west, north - south) == pytest.approx((side, side), rel=1e-3)


def test_all_places_excluded_is_an_error(tmp_path):
    (tmp_path / "p.csv").write_text("lon,lat\n10,50\n")
    gpd.GeoDataFrame(geometry=[box(9, 49, 11, 51)], crs="EPSG:4326").to_file(tmp_path / "no.geojson")
    done = call("from-points", tmp_path / "p.csv", "--exclude", tmp_path / "no.geojson", "-o", tmp_path / "t.gpkg")
    assert done.exit_code == 2
    assert not (tmp_path / "t.gpkg").exists()


def test_own_polygons(tmp_path):
    gpd.GeoDataFrame({"park": ["A"]}, geometry=[box(10, 50, 10.1, 50.1)], crs="EPSG:4326").to_file(
        tmp_path / "p.geojson"
    )
    done = call("from-polygons", tmp_path / "p.geojson", "--stride", 2600, "--id", "park", "-o", tmp_path / "t.fgb")
    assert done.exit_code == 0, done.output
    frame = read_tiles(tmp_path / "t.fgb")
    assert len(frame) == pytest.approx(7156 * 11126 / 2600**2, abs=4)
    assert set(frame["park"]) == {"A"}


@needs_planet
@pytest.mark.slow
def test_from_the_synthetic_planet_to_stacks(tmp_path):
    words = ["--number", "20", "--engine", "local:synthetic", "--sampling", "0", "-o", str(tmp_path / "tiles.geojson")]
    done = call(*words, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["made"] == 20
    config = '[dataset]\nname = "d"\ntiles = "tiles.geojson"\nimage_size = 16\n[modalities.sentinel2]\n'
    (tmp_path / "d.toml").write_text(config)
    data = summary("run", tmp_path / "d.toml", "--engine", "local:synthetic")
    assert data["failed"] == data["left"] == 0
    assert data["done"] + data["skipped"] == 20
    assert data["done"] >= 15
    assert len(list((tmp_path / "d" / "stacks").rglob("*.tif"))) == data["done"]
    assert TileIndex(tmp_path / "d" / "tiles.gpkg").read(0)[0].attributes["eco_region"]


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb"])
def test_a_place_that_cannot_be_written(regions, tmp_path, suffix):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / f"tiles{suffix}"
    done = call("--number", 3, "--source", regions, "-o", out)
    assert done.exit_code == 2
    assert f"{out}: cannot be written: " in " ".join(done.stderr.split())


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_lengths_are_finite(regions, tmp_path, value):
    done = call("--number", 3, "--source", regions, "--min-distance", value, "-o", tmp_path / "tiles.geojson")
    assert done.exit_code == 2
    assert f"{value} is not a finite number" in done.stderr
