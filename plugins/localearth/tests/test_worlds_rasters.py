"""The `rasters` world: collections, footprints, windows, masks, and forty readers at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from localearth.errors import InputError
from localearth.worlds.raster_bands import HandlePool
from localearth.worlds.rasters import RastersWorld
from pyproj import Transformer
from shapely.geometry import Point, box, shape

SIDE = 256
VALUES = np.arange(SIDE * SIDE, dtype="uint16").reshape(SIDE, SIDE)
GRID = rasterio.Affine(10, 0, 435_000, 0, -10, 4_179_000)

MANIFEST = """
name = "toy"
[[collection]]
id = "MY/SCENES"
properties = { title = "toy" }
[collection.bands]
count = "a.tif"
double = { file = "a.tif", band = 2 }
quality = { constant = 3, dtype = "uint8", like = "count" }
[[collection.image]]
index = "late"
time = 2020-01-01
[[collection.image]]
index = "z"
time = 2018-01-01
[[collection.image]]
index = "early"
time = 2018-01-01
[[collection.image]]
index = "timeless"
[[collection.image]]
index = "elsewhere"
time = 2018-06-01
footprint = "POLYGON ((10 10, 11 10, 11 11, 10 11, 10 10))"
[[collection]]
id = "MY/NOTHING"
[[image]]
id = "MY/FLOAT"
bands = { plain = "float.tif", holes = { file = "a.tif", nodata = 5 }, masked = "nodata.tif" }
footprint = { type = "Polygon", coordinates = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]] }
"""


def save(path: Path, bands: list[np.ndarray], **changes: object) -> None:
    height, width = bands[0].shape
    profile = {"driver": "GTiff", "crs": "EPSG:32618", "transform": GRID, "dtype": bands[0].dtype} | changes
    with rasterio.open(path, "w", width=width, height=height, count=len(bands), **profile) as file:
        for number, band in enumerate(bands, 1):
            file.write(band, number)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "a.tif", [VALUES, VALUES[::-1].copy()])
    floats = VALUES.astype("float32")
    floats[0, 1] = np.nan
    save(tmp_path / "float.tif", [floats])
    save(tmp_path / "nodata.tif", [VALUES], nodata=9)
    (tmp_path / "toy.toml").write_text(MANIFEST)
    return tmp_path


@pytest.fixture
def world(folder: Path) -> Iterator[RastersWorld]:
    world = RastersWorld(folder / "toy.toml")
    yield world
    world.close()


def indexes(world: RastersWorld, **filters: object) -> list[str]:
    return [image.index for image in world.find("MY/SCENES").images(**filters)]


def test_find_knows_collections_their_images_and_nothing_else(world: RastersWorld) -> None:
    assert world.name == "toy"
    assert world.find("MY/SCENES").properties == {"title": "toy"}
    assert world.find("MY/SCENES/early").id == "MY/SCENES/early"
    assert world.find("MY/FLOAT").index == "FLOAT"
    assert list(world.find("MY/NOTHING").images()) == []
    assert world.find("MY/SCENES/none") is None


def test_a_collection_is_ordered_by_time_then_index(world: RastersWorld) -> None:
    assert indexes(world) == ["timeless", "early", "z", "elsewhere", "late"]


def test_the_interval_takes_its_start_and_leaves_out_its_end(world: RastersWorld) -> None:
    start, end = 1_514_764_800_000, 1_577_836_800_000
    assert indexes(world, interval=(start, end)) == ["early", "z", "elsewhere"]
    assert indexes(world, interval=(start + 1, end + 1)) == ["elsewhere", "late"]


def test_the_region_selects_images_that_intersect_it(world: RastersWorld) -> None:
    assert indexes(world, region=Point(10.5, 10.5)) == ["elsewhere"]
    assert indexes(world, region=box(-76, 37, -75, 38), interval=(0, 1_577_836_800_000)) == ["early", "z"]


def test_the_footprint_is_the_outline_of_the_pixels(world: RastersWorld) -> None:
    footprint = world.find("MY/SCENES/early").footprint
    to_utm = Transformer.from_crs("EPSG:4326", "EPSG:32618", always_xy=True)
    x, y = to_utm.transform(*np.array(footprint.exterior.coords).T)
    left, top, size = 435_000, 4_179_000, SIDE * 10
    on_edge = (
        np.isclose(x, left, atol=0.01)
        | np.isclose(x, left + size, atol=0.01)
        | np.isclose(y, top, atol=0.01)
        | np.isclose(y, top - size, atol=0.01)
    )
    assert on_edge.all()
    assert len(x) == 81
    assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx((left, left + size, top - size, top), abs=0.01)
    assert footprint.exterior.is_ccw
    assert world.find("MY/SCENES/early").footprint is world.find("MY/SCENES/z").footprint
    assert world.find("MY/FLOAT").footprint.equals(box(0, 0, 1, 1))


def test_a_raster_across_the_date_line_needs_an_explicit_footprint(folder: Path) -> None:
    save(
        folder / "a.tif", [VALUES, VALUES], crs="EPSG:32701", transform=rasterio.Affine(1000, 0, 100_000, 0, -1000, 8e6)
    )
    with pytest.raises(InputError, match="bounds of band 'count' cannot be expressed in longitude and latitude"):
        RastersWorld(folder / "toy.toml")


def test_bands_state_their_grid_and_type(world: RastersWorld) -> None:
    count, double, quality = world.find("MY/SCENES/late").bands
    assert [band.name for band in (count, double, quality)] == ["count", "double", "quality"]
    assert (count.dtype, quality.dtype) == ("uint16", "uint8")
    for band in (count, double, quality):
        assert band.crs == "EPSG:32618"
        assert band.transform == (10, 0, 435_000, 0, -10, 4_179_000)
        assert (band.width, band.height) == (SIDE, SIDE)


def test_windows_hold_the_files_pixels(world: RastersWorld) -> None:
    count, double, quality = world.find("MY/SCENES/late").bands
    values, mask = count.read(3, 5, 7, 11)
    np.testing.assert_array_equal(values, VALUES[3:10, 5:16])
    assert values.dtype == np.uint16
    assert mask.all()
    assert mask.shape == (7, 11)
    np.testing.assert_array_equal(double.read(3, 5, 7, 11)[0], VALUES[::-1][3:10, 5:16])
    values, mask = quality.read(0, 0, 2, 3)
    assert values.dtype == np.uint8
    assert values.tolist() == [[3, 3, 3], [3, 3, 3]]
    assert mask.all()


@pytest.mark.parametrize("window", [(-1, 0, 2, 2), (0, SIDE - 1, 2, 2), (SIDE - 1, 0, 2, 1)])
def test_a_window_outside_is_refused(world: RastersWorld, window: tuple[int, int, int, int]) -> None:
    for band in world.find("MY/SCENES/late").bands:
        with pytest.raises(IndexError, match="is not inside its 256 x 256 pixels"):
            band.read(*window)


def test_masks_come_from_nan_the_manifests_nodata_and_the_files(world: RastersWorld) -> None:
    plain, holes, masked = world.find("MY/FLOAT").bands
    np.testing.assert_array_equal(np.argwhere(~plain.read(0, 0, 4, SIDE)[1]), [[0, 1]])
    np.testing.assert_array_equal(np.argwhere(~holes.read(0, 0, 4, SIDE)[1]), [[0, 5]])
    np.testing.assert_array_equal(np.argwhere(~masked.read(0, 0, 4, SIDE)[1]), [[0, 9]])


def test_a_crs_in_the_manifest_replaces_a_missing_one(folder: Path) -> None:
    save(folder / "bare.tif", [VALUES], crs=None, transform=rasterio.Affine(0.5, 0, -64, 0, -0.5, 64))
    (folder / "toy.toml").write_text('[[image]]\nid = "A"\nbands = { b = { file = "bare.tif", crs = "EPSG:4326" } }')
    image = RastersWorld(folder / "toy.toml").find("A")
    assert image.bands[0].crs == "EPSG:4326"
    assert shape(image.footprint).equals(box(-64, -64, 64, 64))


def test_forty_threads_read_the_right_pixels(world: RastersWorld) -> None:
    bands = world.find("MY/SCENES/late").bands[:2]
    truths = (VALUES, VALUES[::-1])

    def read(number: int) -> bool:
        row, col = number * 7 % (SIDE - 32), number * 13 % (SIDE - 32)
        values, mask = bands[number % 2].read(row, col, 32, 32)
        return bool(mask.all() and (values == truths[number % 2][row : row + 32, col : col + 32]).all())

    with ThreadPoolExecutor(40) as threads:
        assert all(threads.map(read, range(2000)))


def test_the_pool_gives_a_dataset_to_one_reader_and_keeps_few(folder: Path) -> None:
    pool = HandlePool(idle=1)
    path, other = folder / "a.tif", folder / "float.tif"
    with pool.borrow(path) as first, pool.borrow(path) as second:
        assert first is not second
    # Given back second, then first; only the latest is kept.
    assert second.closed
    assert not first.closed
    with pool.borrow(path) as again:
        assert again is first
    with pool.borrow(other) as third:
        assert third.name == str(other)
    assert first.closed
    with pytest.raises(ZeroDivisionError), pool.borrow(other) as failing:
        raise ZeroDivisionError
    assert failing.closed
    pool.close()
