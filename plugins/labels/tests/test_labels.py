"""Own labels, against GDAL's own warping of whole files, PROJ, shapely and numpy; from a run to the HDF5 file."""

import datetime as dt
import hashlib
import json
import os
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import h5py
import numpy as np
import pyogrio
import pytest
import rasterio
import rasterio.shutil
import shapely
import tomli_w
from click.testing import CliRunner
from mmearth_labels.modality import Labels
from mmearth_labels.options import LabelClass, LabelLayer, LabelsOptions
from mmearth_localearth.testing import ArrayWorld, download, to_lonlat
from pyproj import Transformer
from rasterio.transform import Affine
from shapely.geometry import Point, Polygon, box

from mmearth_core import Anchor, Grid
from mmearth_core.cli import main

UTM = "EPSG:32632"
LEFT, TOP, SIZE = 500_000, 5_000_000, 16
GRID = Grid(UTM, LEFT, TOP, SIZE)
TILE = to_lonlat(box(LEFT + 1, TOP - 159, LEFT + 159, TOP - 1), UTM)
ANCHOR = Anchor(dt.date(2018, 7, 14), UTM)
random = np.random.default_rng(3)


def write_raster(path, pixels, pixel=10, left=LEFT - 100, top=TOP + 100, crs=UTM, driver="GTiff", **more):
    rows, columns = pixels.shape
    profile = {"width": columns, "height": rows, "count": 1, "dtype": pixels.dtype, "crs": crs, **more}
    with rasterio.open(path, "w", driver=driver, transform=Affine(pixel, 0, left, 0, -pixel, top), **profile) as file:
        file.write(pixels, 1)
    return path


def labels(folder, **layers):
    return Labels(LabelsOptions(layers={name: LabelLayer(**keys) for name, keys in layers.items()})).prepared(folder)


def burn(folder, grid=GRID, **keys):
    """One layer as the modality makes it; None if the file does not cover the grid."""
    made = labels(folder, mine=keys).pixels(None, grid)
    return np.asarray(made["mine"])[0] if made else None


def centres(grid=GRID):
    """x and y of the centres of a grid's pixels."""
    along = grid.pixel_size * (np.arange(grid.size) + 0.5)
    return np.meshgrid(grid.left + along, grid.top - along)


COVER = random.integers(1, 5, (40, 40)).astype(np.uint8)


def test_a_cog_on_the_grid_is_its_own_pixels(tmp_path):
    write_raster(tmp_path / "cover.tif", COVER, driver="COG", nodata=4)
    got = burn(tmp_path, file="cover.tif")
    wanted = np.where(COVER == 4, np.nan, COVER)[10:26, 10:26]
    assert np.isnan(wanted).any() and np.array_equal(got, wanted, equal_nan=True)


def test_on_a_finer_grid_classes_are_those_of_the_pixel_below(tmp_path):
    write_raster(tmp_path / "cover.tif", COVER, pixel=30, left=LEFT - 35)
    wanted = COVER[(np.arange(SIZE) * 10 + 105) // 30][:, (np.arange(SIZE) * 10 + 40) // 30]
    assert (burn(tmp_path, file="cover.tif") == wanted).all()


@pytest.mark.parametrize("driver", ["GTiff", pytest.param("COG", marks=pytest.mark.slow)])
def test_on_a_coarser_grid_classes_are_the_mode_and_quantities_the_mean(tmp_path, driver):
    fine = np.repeat(np.repeat(random.integers(1, 5, (20, 20)), 4, axis=0), 4, axis=1).astype(np.uint8)
    fine[::4, ::4] = 9  # one pixel of 16
    write_raster(tmp_path / "fine.tif", fine, pixel=2.5, left=LEFT, top=TOP, driver=driver)
    classes = burn(tmp_path, file="fine.tif")
    assert (classes == fine[2::4, 2::4][:SIZE, :SIZE]).all()
    values = random.normal(size=(80, 80)).astype(np.float32)
    values[:4, :2] = values[4:8, 4:8] = np.nan
    write_raster(tmp_path / "values.tif", values, pixel=2.5, left=LEFT, top=TOP, driver=driver, nodata=np.nan)
    got = burn(tmp_path, file="values.tif", kind="regression")
    blocks = values.reshape(20, 4, 20, 4).transpose(0, 2, 1, 3).reshape(20, 20, 16)
    blocks = np.ma.masked_invalid(blocks.astype(float)).mean(axis=2).filled(np.nan)[:SIZE, :SIZE]
    assert np.isnan(got[1, 1]) and not np.isnan(got[0, 0])
    np.testing.assert_allclose(got, blocks, rtol=1e-12)


@pytest.mark.parametrize(("crs", "pixel"), [("EPSG:4326", 3e-4), ("EPSG:32633", 11.0), ("EPSG:3035", 23.0)])
def test_another_crs_is_reprojected(tmp_path, crs, pixel):
    there = Transformer.from_crs(UTM, crs, always_xy=True)
    x, y = there.transform(LEFT + 80, TOP - 80)
    left, top = x - 30 * pixel, y + 30 * pixel

    def place(grid):
        x, y = there.transform(*centres(grid))
        return (x - left) / pixel, (top - y) / pixel

    pixels = random.integers(1, 200, (60, 60)).astype(np.uint8)
    write_raster(tmp_path / "far.tif", pixels, pixel, left, top, crs)
    columns, rows = (np.floor(each).astype(int) for each in place(GRID))
    assert (burn(tmp_path, file="far.tif") == pixels[rows, columns]).all()
    # A plane is the same at every resolution, and shows a shift of a hundredth of a pixel.
    plane = 3 * np.arange(0.5, 60) + 5 * np.arange(0.5, 60)[:, None]
    write_raster(tmp_path / "plane.tif", plane.astype(np.float32), pixel, left, top, crs)
    columns, rows = place(GRID)
    got = burn(tmp_path, file="plane.tif", kind="regression")
    np.testing.assert_allclose(got, 3 * columns + 5 * rows, atol=0.01)
    coarse = Grid(UTM, LEFT - 400, TOP + 400, 4, 240)
    write_raster(
        tmp_path / "plane.tif", plane.repeat(9, 0).repeat(9, 1), pixel / 3, left - 60 * pixel, top + 60 * pixel, crs
    )
    columns, rows = place(coarse)
    got = burn(tmp_path, coarse, file="plane.tif", kind="regression")
    np.testing.assert_allclose(got, (3 * columns + 5 * rows + 8 * 60) / 3, atol=2)


@pytest.mark.parametrize("turned", [False, True])
def test_a_raster_with_its_south_on_top_or_turned_is_found(tmp_path, turned):
    # Turned by a right angle: columns go south, and rows east.
    affine = Affine(0, 10, LEFT - 100, -10, 0, TOP + 100) if turned else Affine(10, 0, LEFT - 100, 0, 10, TOP - 300)
    pixels = COVER.T if turned else COVER[::-1]
    profile = {"width": 40, "height": 40, "count": 1, "dtype": "uint8", "crs": UTM, "transform": affine}
    with rasterio.open(tmp_path / "x.tif", "w", driver="GTiff", **profile) as file:
        file.write(pixels, 1)
    assert (burn(tmp_path, file="x.tif") == COVER[10:26, 10:26]).all()


def test_a_vrt_is_its_files_and_so_is_its_digest(tmp_path):
    path = write_raster(tmp_path / "x.tif", COVER)
    rasterio.shutil.copy(path, tmp_path / "all.vrt", driver="VRT")
    assert (burn(tmp_path, file="all.vrt") == COVER[10:26, 10:26]).all()
    before = labels(tmp_path, mine={"file": "all.vrt"}).options.sha256
    assert before == labels(tmp_path, mine={"file": "all.vrt"}).options.sha256
    write_raster(path, COVER[::-1])
    assert before != labels(tmp_path, mine={"file": "all.vrt"}).options.sha256


def test_a_stated_digest_must_be_that_of_the_file(tmp_path):
    path = write_raster(tmp_path / "x.tif", COVER)
    layers = {"mine": LabelLayer("x.tif")}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert Labels(LabelsOptions(layers, sha256={"mine": digest})).prepared(tmp_path).options.sha256 == {"mine": digest}
    with pytest.raises(ValueError, match=rf"sha256.mine: found abc; the file's digest is {digest}"):
        Labels(LabelsOptions(layers, sha256={"mine": "abc"})).prepared(tmp_path)


def test_quantities_in_integers_are_rounded(tmp_path):
    write_raster(tmp_path / "x.tif", np.tile(np.array([[0, 7], [7, 7]], np.uint8), (40, 40)), pixel=5)
    assert (burn(tmp_path, file="x.tif", kind="regression", dtype="uint8") == 5).all()  # the mean is 5.25


def test_a_mask_and_another_no_data_value_are_no_label(tmp_path):
    path = write_raster(tmp_path / "x.tif", COVER)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        file.write_mask(COVER != 2)
    got = burn(tmp_path, file="x.tif", source_nodata=3)
    assert (np.isnan(got) == np.isin(COVER, [2, 3])[10:26, 10:26]).all()


SQUARES = [
    Polygon([(12, 12), (92, 14), (90, 91), (11, 88)], [[(30, 30), (61, 31), (60, 62), (33, 58)]]),
    Polygon([(44, 44), (131, 47), (77, 122)]),
    Polygon([(101, 5), (156, 6), (150, 44)]),
]


def shapes(crs=UTM):
    placed = [shapely.transform(shape, lambda points: points * [1, -1] + [LEFT, TOP]) for shape in SQUARES]
    columns = {
        "code": [3, 1, 2],
        "crop": ["rye", "oats", None],
        "sown": [dt.datetime(2018, 3, day) for day in (1, 2, 3)],
    }
    frame = gpd.GeoDataFrame(columns, geometry=placed, crs=UTM)
    return frame if crs == UTM else frame.to_crs(crs)


def by_centres(values):
    """The last polygon that contains the centre of each pixel, by shapely."""
    points = [Point(point) for point in zip(*map(np.ravel, centres()), strict=True)]
    burnt = np.full(SIZE * SIZE, np.nan)
    for shape, value in zip(shapes().geometry, values, strict=True):
        if value is not None:
            burnt[[shape.contains(point) for point in points]] = value
    return burnt.reshape(SIZE, SIZE)


@pytest.mark.parametrize("name", ["fields.gpkg", "fields.geojson", "fields.fgb"])
@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_polygons_are_burnt_by_the_centres_of_pixels(tmp_path, name, crs):
    # FlatGeobuf sorts its polygons, so that none of several that overlap is the last of the user's file.
    options = {"SPATIAL_INDEX": "NO"} if name.endswith("fgb") else {}
    pyogrio.write_dataframe(shapes(crs), tmp_path / name, **options)
    got = burn(tmp_path, file=name, column="code")
    assert np.array_equal(got, by_centres([3, 1, 2]), equal_nan=True)
    assert np.isnan(got).any() and set(got[~np.isnan(got)]) == {1, 2, 3}


def test_texts_are_numbered_by_the_names_of_classes_and_rows_without_one_are_left_out(tmp_path):
    pyogrio.write_dataframe(shapes(), tmp_path / "fields.gpkg")
    classes = (LabelClass(7, "oats"), LabelClass(9, "rye"))
    got = burn(tmp_path, file="fields.gpkg", column="crop", classes=classes)
    assert np.array_equal(got, by_centres([9, 7, None]), equal_nan=True)


def test_without_a_column_polygons_are_1_and_the_background_is_what_is_set(tmp_path):
    pyogrio.write_dataframe(shapes(), tmp_path / "fields.gpkg")
    got = burn(tmp_path, file="fields.gpkg", background=0)
    assert np.array_equal(got, np.nan_to_num(by_centres([1, 1, 1])))
    assert (burn(tmp_path, file="fields.gpkg", background=0, all_touched=True) >= got).all()


def test_threads_read_the_same_files_at_the_same_time(tmp_path):
    write_raster(tmp_path / "cover.tif", COVER, driver="COG")
    pyogrio.write_dataframe(shapes("EPSG:4326"), tmp_path / "fields.gpkg")
    modality = labels(tmp_path, cover={"file": "cover.tif"}, fields={"file": "fields.gpkg", "column": "code"})
    grids = [Grid(UTM, LEFT + 10 * (n % 8), TOP, SIZE) for n in range(64)]
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda grid: modality.pixels(None, grid), grids))
    for n, one in enumerate(made):
        assert (one["cover"][0] == COVER[10:26, 10 + n % 8 : 26 + n % 8]).all()
        assert np.array_equal(one["fields"][0], made[n % 8]["fields"][0], equal_nan=True)
    assert np.array_equal(made[0]["fields"][0], by_centres([3, 1, 2]), equal_nan=True)


def test_tiles_outside_a_file_and_without_a_label_say_so(tmp_path):
    write_raster(tmp_path / "far.tif", COVER, left=LEFT + 9000)
    write_raster(tmp_path / "empty.tif", np.full((40, 40), 255, np.uint8), nodata=255)
    modality = labels(tmp_path, far={"file": "far.tif"}, empty={"file": "empty.tif"})
    result = download(ArrayWorld(), [modality], TILE, ANCHOR, tmp_path)
    assert result.requests == {} and result.entry.outcome == "done"
    assert all(np.isnan(band).all() for band in result.bands.values())
    info = modality.info(result.located(modality))
    assert info["MISSING"] == {"far": "the tile is outside far.tif"}
    assert info["MASKED"] == {"empty": "empty.tif has no label in the tile"}
    assert set(result.entry.record["masked"]) == {"far", "empty"}


def test_a_value_that_is_no_class_fails_the_tile_with_the_reason(tmp_path):
    write_raster(tmp_path / "x.tif", COVER)
    modality = labels(tmp_path, mine={"file": "x.tif", "classes": (LabelClass(1, "a"), LabelClass(2, "b"))})
    result = download(ArrayWorld(), [modality], TILE, ANCHOR, tmp_path)
    assert result.entry.outcome == "failed"
    assert "labels.pixels raised ValueError" in result.entry.reason
    assert "which is not in `classes` of layer 'mine': 1, 2" in result.entry.reason


def test_a_file_that_changes_during_a_run_fails_the_tile(tmp_path):
    path = write_raster(tmp_path / "x.tif", COVER)
    modality = labels(tmp_path, mine={"file": "x.tif"})
    os.utime(path, (1, 1))
    with pytest.raises(ValueError, match=r"x\.tif has changed since the run started"):
        modality.pixels(None, GRID)


# Through the command line: two tiles side by side, and a file that covers the first and half of the second.
KEYS = """
[dataset]
name = "mine"
tiles = "tiles.geojson"
anchor = "file"
image_size = 16

[run]
engine = "local:synthetic"

[modalities.file]
"""
LAYER = """
[modalities.labels]
licence = "CC0"

[modalities.labels.layers.cover]
file = "maps/cover.tif"
description = "land cover of the county"
classes = [
    { value = 1, name = "water", colour = "#0000ff" },
    { value = 2, name = "trees" },
    { value = 3, name = "fields" },
    { value = 4, name = "houses" },
]

[modalities.labels.layers.fields]
file = "maps/fields.gpkg"
column = "code"
background = 0
"""


@pytest.fixture
def project(tmp_path):
    tiles = [to_lonlat(box(left + 1, TOP - 159, left + 159, TOP - 1), UTM) for left in (LEFT, LEFT + 300)]
    columns = {"tile_id": ["a", "b"], "date": "2018-07-14", "lon": 9.0, "lat": 45.15}
    gpd.GeoDataFrame(columns, geometry=tiles, crs="EPSG:4326").to_file(tmp_path / "tiles.geojson")
    (tmp_path / "maps").mkdir()
    write_raster(tmp_path / "maps" / "cover.tif", COVER[:, :48], left=LEFT, top=TOP)
    pyogrio.write_dataframe(shapes("EPSG:4326"), tmp_path / "maps" / "fields.gpkg")
    (tmp_path / "mine.toml").write_text(KEYS + LAYER)
    return tmp_path


def run(*arguments, expected=0):
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == expected, done.output
    return " ".join(done.output.split())


@pytest.mark.slow  # tests/docs/test_labels_docs.py is quicker
def test_a_dataset_of_labels_only_costs_no_request(project, monkeypatch):
    monkeypatch.chdir(project.parent)  # paths are relative to the configuration
    config = project / "mine.toml"
    assert "labels bands made on this machine, without Earth Engine" in run("doctor", config)
    plan = json.loads(run("plan", config, "--json"))
    assert plan["requests"]["total"] == 0
    summary = json.loads(run("run", config, "--json"))
    assert (summary["done"], summary["requests"]) == (2, {})
    assert "differs" not in run("post", "all", config)
    run("verify", config)
    with h5py.File(project / "mine" / "mine.h5") as file:
        cover, fields = file["cover"][:, 0], file["fields"][:, 0]
        assert file["cover"].attrs["licence"] == "CC0"
    assert (cover[0] == COVER[:SIZE, :SIZE]).all()
    assert (cover[1][:, :10] == COVER[:SIZE, 30:40]).all() and (cover[1][:, 10:] == 255).all()
    assert np.array_equal(fields[0], np.nan_to_num(by_centres([3, 1, 2])))
    assert (fields[1] == 255).all()
    info = json.loads((project / "mine" / "mine_tile_info.json").read_text())
    assert info["b"]["MISSING"] == {"fields": "the tile is outside maps/fields.gpkg"}
    stored = tomllib.loads((project / "mine" / "mmearth.toml").read_text())["modalities"]["labels"]
    assert info["a"]["LABELS"]["cover"] == {"file": "maps/cover.tif", "sha256": stored["sha256"]["cover"]}
    # The dataset no longer needs the files.
    (project / "maps" / "cover.tif").unlink()
    run("post", "all", config)
    assert "There is no such file" in run("run", config, expected=2) or "cannot be read" in run(
        "run", config, expected=2
    )


@pytest.mark.slow
def test_labels_are_added_to_a_finished_dataset_and_made_again(project):
    config = project / "mine.toml"
    config.write_text(KEYS + "[modalities.tile]\n")
    run("run", config)
    config.write_text(KEYS + "[modalities.tile]\n" + LAYER)
    summary = json.loads(run("run", config, "--json"))
    assert (summary["done"], summary["requests"]) == (4, {})
    stack = project / "mine" / "stacks" / "labels" / "00000" / "a.tif"
    before = stack.read_bytes()
    stack.unlink()
    run("post", "hdf5", config, expected=1)  # the tile is returned for download
    run("redownload", config, "--modalities", "labels")
    assert stack.read_bytes() == before


@pytest.mark.slow
def test_a_file_that_changed_since_the_dataset_began_is_refused(project):
    config = project / "mine.toml"
    run("run", config)
    write_raster(project / "maps" / "cover.tif", COVER[::-1], left=LEFT, top=TOP)
    text = run("run", config, expected=2)
    assert "[modalities.labels] sha256 is {'cover': '" in text and "in the configuration" in text


def test_quantities_have_a_picture_where_its_ends_are_given():
    assert LabelLayer("height.tif", "regression").layer("height").preview is None
    assert LabelLayer("height.tif", "regression", shown=(0.0, 30.0)).layer("height").preview.ranges == ((0.0, 30.0),)


def edited(**keys):
    table = tomllib.loads(KEYS + LAYER)
    layers = table["modalities"]["labels"]["layers"]
    for key, value in keys.items():
        layer, _, name = key.partition("__")
        layers[layer] = {**layers[layer], name: value}
    return tomli_w.dumps(table)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"cover__file": "none.tif"}, "layers.cover.file: "),
        ({"fields__file": "none.gpkg"}, "none.gpkg: there is no such file"),
        ({"cover__file": "x.shp"}, "layers.cover.file: found 'x.shp'; allowed are names that end in .tif, .tiff,"),
        ({"cover__band": 2}, "layers.cover.band: found 2; "),
        ({"cover__column": "code"}, "layers.cover.column: 'maps/cover.tif' has pixels, and this key is for polygons"),
        ({"fields__resampling": "nearest"}, "layers.fields.resampling: 'maps/fields.gpkg' has polygons"),
        ({"fields__column": "codes"}, "layers.fields.column: found 'codes'; "),
        ({"fields__source_layer": "roads"}, "layers.fields.source_layer: found 'roads'; "),
        ({"fields__column": "crop"}, "has the text 'oats' in 'crop'; `classes` has no name"),
        ({"fields__column": "sown"}, "Use a column of numbers or of texts"),
        ({"fields__nodata": 3.0}, "has the value 3, which means no data here"),
        ({"fields__background": 0.5}, "has the value 0.5, which uint8 cannot hold"),
        ({"fields__classes": [{"value": 1, "name": "oats"}]}, "which is not in `classes`: 1"),
        ({"cover__nodata": 1.0}, "class value 1 is no-data or does not fit uint8"),
        ({"cover__resampling": "bilinear"}, "its resampling cannot be bilinear"),
        ({"cover__colour": "red"}, "cover.colour: unknown key"),
        ({"cover__shown": [3.0, 3.0]}, "layers.cover.shown: found [3.0, 3.0]; the first number must be below"),
    ],
)
def test_a_wrong_key_is_refused_before_any_work(project, keys, message):
    (project / "mine.toml").write_text(edited(**keys))
    text = run("run", project / "mine.toml", expected=2)
    assert message in text and "[modalities.labels]" in text
    assert not (project / "mine").exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: write_raster(path, COVER, crs=None), "has no CRS. Give it one"),
        (lambda path: write_raster(path, COVER.astype(np.complex64)), "has complex numbers"),
        (lambda path: path.write_text("not a raster"), "cannot be read"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_that_cannot_be_used_is_refused(project, make, message):
    make(project / "maps" / "cover.tif")
    assert message in run("run", project / "mine.toml", expected=2)


def test_a_vector_file_that_cannot_be_used_is_refused(project):
    path: Path = project / "maps" / "fields.gpkg"
    pyogrio.write_dataframe(shapes(), path, layer="more", append=True)
    assert "source_layer: is missing; " in run("run", project / "mine.toml", expected=2)
    path.unlink()
    pyogrio.write_dataframe(shapes()[:0], path)
    assert "has no polygon" in run("run", project / "mine.toml", expected=2)
    path.write_text("not a file of polygons")
    assert "cannot be read" in run("run", project / "mine.toml", expected=2)


def test_a_table_without_a_layer_is_refused(project):
    (project / "mine.toml").write_text(KEYS + "[modalities.labels]\n")
    assert "layers: there is none; add a table" in run("run", project / "mine.toml", expected=2)
