"""Sampling against independent implementations: GDAL through rasterio, and numpy."""

import ee
import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from localearth.raster.grid import Grid
from localearth.raster.sampling import bilinear, nearest, positions
from localearth.values.projection import Projection
from pyproj import Transformer
from rasterio.transform import Affine
from rasterio.warp import Resampling

UTM18, UTM17, LONLAT = "EPSG:32618", "EPSG:32617", "EPSG:4326"
SIZE = 90
NATIVE = (20.0, 0.0, 400_000.0, 0.0, -20.0, 4_200_000.0)


def native(seed, dtype=np.float64):
    return np.random.default_rng(seed).uniform(0, 10_000, (SIZE, SIZE)).astype(dtype)


def inner(grid, margin=2):
    """Where a grid's centres lie well inside the native raster."""
    x, y = grid.centres_in(UTM18)
    col, row = (x - NATIVE[2]) / 20, (NATIVE[5] - y) / 20
    return (col > margin) & (col < SIZE - margin) & (row > margin) & (row < SIZE - margin)


# In whole millimetres: GDAL takes an offset below a millionth of a pixel as 0.
offsets = st.integers(-300_000, 300_000).map(lambda millimetres: millimetres / 1000)


@settings(deadline=None, max_examples=40)
@given(dx=offsets, dy=offsets, scale=st.sampled_from([5.0, 10.0, 13.7, 20.0]))
def test_bilinear_is_gdals_in_one_crs(reader, by_gdal, dx, dy, scale):
    values = native(1)
    grid = Grid(UTM18, (scale, 0, 400_600 + dx, 0, -scale, 4_199_400 + dy), 40, 30)
    got, mask = bilinear(positions(grid, Projection(UTM18, NATIVE)), reader(values))
    assert mask.all()
    np.testing.assert_allclose(got, by_gdal(values, UTM18, NATIVE, grid, Resampling.bilinear), rtol=1e-6)


@settings(deadline=None, max_examples=15)
@given(dx=offsets, dy=offsets)
def test_bilinear_is_gdals_between_utm_zones(reader, by_gdal, dx, dy):
    values = native(2)
    x, y = Transformer.from_crs(UTM18, UTM17, always_xy=True).transform(400_800, 4_199_200)
    grid = Grid(UTM17, (20, 0, x - 400 + dx, 0, -20, y + 400 + dy), 40, 40)
    got, mask = bilinear(positions(grid, Projection(UTM18, NATIVE)), reader(values))
    inside = inner(grid)
    assert mask[inside].all()
    # GDAL transforms in steps of its own; coordinates agree to a few millimetres of 20 m pixels.
    np.testing.assert_allclose(got[inside], by_gdal(values, UTM18, NATIVE, grid, Resampling.bilinear)[inside], atol=10)


@settings(deadline=None, max_examples=15)
@given(dx=st.floats(-0.002, 0.002), dy=st.floats(-0.002, 0.002))
def test_nearest_is_gdals_in_degrees(reader, by_gdal, dx, dy):
    values = native(3)
    lon, lat = Transformer.from_crs(UTM18, LONLAT, always_xy=True).transform(400_500, 4_199_500)
    grid = Grid(LONLAT, (0.0002, 0, lon + dx, 0, -0.0002, lat + dy), 30, 25)
    got, mask = nearest(positions(grid, Projection(UTM18, NATIVE)), reader(values), (SIZE, SIZE), values.dtype)
    expected = by_gdal(values, UTM18, NATIVE, grid, Resampling.nearest)
    inside = inner(grid)
    assert mask[inside].all()
    # A centre on the seam of two pixels may fall to either.
    assert (got[inside] == expected[inside]).mean() > 0.995


def test_centres_on_native_centres_give_exactly_those_pixels(reader):
    values = native(4)
    valid = np.random.default_rng(5).random(values.shape) > 0.3
    grid = Grid(UTM18, NATIVE, SIZE, SIZE)
    got, mask = bilinear(positions(grid, Projection(UTM18, NATIVE)), reader(values, valid))
    np.testing.assert_array_equal(mask, valid)
    np.testing.assert_array_equal(got[valid], values[valid])


def test_a_masked_neighbour_with_a_weight_masks_the_result(reader):
    values, valid = native(6), np.ones((SIZE, SIZE), bool)
    valid[40, 40] = False
    at = Projection(UTM18, NATIVE)
    half = Grid(UTM18, (20, 0, NATIVE[2] + 10, 0, -20, NATIVE[5]), SIZE - 1, SIZE)
    _, mask = bilinear(positions(half, at), reader(values, valid))
    assert sorted(map(tuple, np.argwhere(~mask))) == [(40, 39), (40, 40)]
    tilted = Grid(UTM18, (20, 1e-5, NATIVE[2] + 10, 0, -20, NATIVE[5] - 10), SIZE - 1, SIZE - 1)
    _, mask = bilinear(positions(tilted, at), reader(values, valid))
    assert sorted(map(tuple, np.argwhere(~mask))) == [(39, 39), (39, 40), (40, 39), (40, 40)]


def test_beyond_the_edge_is_masked(reader):
    grid = Grid(UTM18, (20, 0, NATIVE[2] - 40, 0, -20, NATIVE[5] + 40), 5, 5)
    at = positions(grid, Projection(UTM18, NATIVE))
    _, mask = nearest(at, reader(native(7)), (SIZE, SIZE), np.dtype(float))
    expected = np.zeros((5, 5), bool)
    expected[2:, 2:] = True
    np.testing.assert_array_equal(mask, expected)
    away = Grid(UTM18, (20, 0, 0, 0, -20, 0), 5, 5)
    values, mask = nearest(positions(away, Projection(UTM18, NATIVE)), reader(native(7)), (SIZE, SIZE), np.dtype(float))
    assert not mask.any()
    assert not values.any()


def test_a_grid_off_the_map_is_masked(reader):
    # The far side of the globe has no coordinates in this zone.
    grid = Grid("+proj=ortho +lat_0=0 +lon_0=0", (1e6, 0, -1e7, 0, -1e6, 1e7), 20, 20)
    _, mask = bilinear(positions(grid, Projection(UTM18, NATIVE)), reader(native(8)), (SIZE, SIZE))
    assert not mask.any()


@pytest.fixture
def relief(dem, kit):
    """A smooth relief of 30 m pixels as an image asset."""
    rows, cols = np.mgrid[0:60, 0:60]
    heights = 300 + 80 * np.sin(cols / 7) + 50 * np.cos(rows / 5) + 2.5 * cols
    x, y = kit.origin
    dem(heights.astype(np.float32), (30.0, 0.0, x, 0.0, -30.0, y))
    return heights.astype(np.float32)


def test_slope_is_zevenbergen_thornes(relief, pixels, kit):
    x, y = kit.origin
    got = pixels(ee.Terrain.slope(ee.Image("DEM")), x, y, 60, 60, 30)["slope"]
    # Independent: numpy's central differences, which use the same four neighbours.
    south, east = np.gradient(relief.astype(float), 30)
    expected = np.degrees(np.arctan(np.hypot(south, east)))
    np.testing.assert_allclose(got[1:-1, 1:-1], expected[1:-1, 1:-1], rtol=1e-5)
    edge = np.ones((60, 60), bool)
    edge[1:-1, 1:-1] = False
    assert not got[edge].any(), "edge pixels are masked"


def test_aspect_points_down_the_slope(dem, pixels, kit):
    x, y = kit.origin
    rows, cols = np.mgrid[0:9, 0:9]
    facing = {}
    for name, heights in (("east", -cols), ("south", -rows), ("west", cols), ("north", rows)):
        aspect = ee.Terrain.aspect(dem(heights.astype(np.float32), (30.0, 0.0, x, 0.0, -30.0, y)))
        facing[name] = pixels(aspect, x + 60, y - 60, 1, 1, 30)["aspect"].item()
    assert facing == pytest.approx({"east": 90, "south": 180, "west": 270, "north": 0})


def test_slope_on_the_request_grid_differs_from_slope_on_the_native_one(relief, pixels, kit):
    x, y = kit.origin
    dem = ee.Image("DEM")
    fine = pixels(ee.Terrain.slope(dem), x + 300, y - 300, 30, 30)["slope"]
    # Nearest pixels of 30 m on a grid of 10 m are steps: flat inside a pixel.
    assert (fine == 0).mean() > 0.1
    forced = pixels(ee.Terrain.slope(dem).reproject(dem.projection()), x + 300, y - 300, 30, 30)["slope"]
    south, east = np.gradient(relief.astype(float), 30)
    expected = np.degrees(np.arctan(np.hypot(south, east)))[10:20, 10:20]
    np.testing.assert_allclose(forced, np.kron(expected, np.ones((3, 3))), rtol=1e-5)
    smooth = pixels(ee.Terrain.slope(dem).resample("bilinear"), x + 300 + 10, y - 300 - 10, 1, 1)["slope"].item()
    assert smooth == pytest.approx(expected[0, 0], rel=1e-5)


def test_slope_in_degrees_knows_the_latitude(dem, pixels):
    step = 1 / 3600
    _, cols = np.mgrid[0:20, 0:20]
    heights = (cols * step * np.pi / 180 * 6378137 * np.cos(np.radians(60))).astype(np.float64)
    image = dem(heights, (step, 0.0, 10.0, 0.0, -step, 60.0), "EPSG:4326")
    got = pixels(ee.Terrain.slope(image), 10 + 5 * step, 60 - 5 * step, 5, 5, step, "EPSG:4326")["slope"]
    np.testing.assert_allclose(got, 45, atol=0.02)


def test_bilinear_through_the_client_is_gdals(by_gdal, local, pixels, kit):
    x, y = kit.origin
    band = local.assets["TEST/SCENES/20170101T000000_S"].bands[3]
    image = ee.Image("TEST/SCENES/20170101T000000_S").select("B5").toFloat().resample("bilinear")
    got = pixels(image, x + 200, y - 200, 50, 40)["B5"]
    grid = Grid(band.crs, (10, 0, x + 200, 0, -10, y - 200), 50, 40)
    expected = by_gdal(band.pixels, band.crs, band.transform, grid, Resampling.bilinear)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_bilinear_is_that_of_a_warped_vrt_between_zones(local, pixels, kit):
    band = local.assets["TEST/SCENES/20170101T000000_S"].bands[3]
    x, y = Transformer.from_crs(UTM18, UTM17, always_xy=True).transform(kit.origin[0] + 1000, kit.origin[1] - 1000)
    image = ee.Image("TEST/SCENES/20170101T000000_S").select("B5").toFloat().resample("bilinear")
    got = pixels(image, x, y, 40, 40, 10, UTM17)["B5"]
    profile = {"driver": "GTiff", "height": band.height, "width": band.width, "count": 1, "dtype": "float32"}
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile, crs=band.crs, transform=Affine(*band.transform)) as file:
            file.write(band.pixels.astype(np.float32), 1)
        with (
            memory.open() as file,
            rasterio.vrt.WarpedVRT(
                file,
                crs=UTM17,
                transform=Affine(10, 0, x, 0, -10, y),
                width=40,
                height=40,
                resampling=Resampling.bilinear,
                XSCALE=1,
                YSCALE=1,
            ) as vrt,
        ):
            expected = vrt.read(1)
    np.testing.assert_allclose(got, expected, atol=10)
