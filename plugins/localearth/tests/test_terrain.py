"""Slope against Zevenbergen and Thorne's formula, written out pixel by pixel, and against planes of known slope."""

import math

import ee
import numpy as np
import pyproj
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

shared = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def by_formula(z, dx, dy):
    """As GDAL documents `-alg ZevenbergenThorne`: the west, east, north and south neighbours, over two pixels each."""
    out = np.full(z.shape, np.nan)
    for row in range(1, z.shape[0] - 1):
        for col in range(1, z.shape[1] - 1):
            east = (z[row, col + 1] - z[row, col - 1]) / (2 * dx)
            north = (z[row - 1, col] - z[row + 1, col]) / (2 * dy)
            out[row, col] = math.degrees(math.atan(math.sqrt(east * east + north * north)))
    return out


@shared
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([10.0, 30.0, 90.0]), steep=st.floats(0.1, 500))
def test_slope_of_any_relief_is_zevenbergen_thornes(dem, pixels, kit, seed, scale, steep):
    random = np.random.default_rng(seed)
    heights = (random.random((16, 12)) * steep).astype(np.float32)
    valid = random.random((16, 12)) > 0.05
    x, y = kit.origin
    image = dem(heights, (scale, 0.0, x, 0.0, -scale, y), kit.utm, valid)
    got = pixels(ee.Terrain.slope(image).unmask(-1, False), x, y, 12, 16, scale)["slope"]
    expected = by_formula(np.where(valid, heights.astype(float), np.nan), scale, scale)
    expected[~valid] = np.nan  # its own height does not count, but a hole has no slope
    np.testing.assert_allclose(got, np.nan_to_num(expected, nan=-1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("latitude", [-46.5, 0.0, 60.0])
def test_a_slope_on_the_web_map_is_that_on_the_ground(dem, pixels, latitude):
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(9.0, latitude)
    rise = np.mgrid[0:9, 0:9][1] * 10.0
    image = dem(rise, (10.0, 0.0, x, 0.0, -10.0, y), "EPSG:3857")
    got = pixels(ee.Terrain.slope(image), x, y, 9, 9, 10, "EPSG:3857")["slope"]
    # Ten metres of the map are ten times the cosine of the latitude on the ground.
    ground = pyproj.Geod(a=6378137, b=6378137).inv(9.0, latitude, 9.0 + math.degrees(10 / 6378137), latitude)[2]
    assert got[4, 4] == pytest.approx(math.degrees(math.atan(10 / ground)), abs=0.01)


@shared
@given(latitude=st.floats(-75, 75), degrees=st.floats(1, 60), facing=st.floats(0, 360))
def test_a_plane_in_degrees_has_its_slope_at_any_latitude(dem, pixels, latitude, degrees, facing):
    step = 1 / 3600
    rows, cols = np.mgrid[0:9, 0:9]
    metre = 6378137 * math.pi / 180  # of a degree, on the sphere that Earth Engine's nominal scale knows
    east = cols * step * metre * math.cos(math.radians(latitude - 4.5 * step))
    north = -rows * step * metre
    away = math.radians(facing)
    heights = math.tan(math.radians(degrees)) * (east * math.sin(away) + north * math.cos(away))
    image = dem(heights, (step, 0.0, 20.0, 0.0, -step, latitude), "EPSG:4326")
    got = pixels(ee.Terrain.slope(image), 20.0, latitude, 9, 9, step, "EPSG:4326")["slope"]
    assert got[4, 4] == pytest.approx(degrees, abs=0.01)
    aspect = pixels(ee.Terrain.aspect(image), 20.0, latitude, 9, 9, step, "EPSG:4326")["aspect"][4, 4]
    assert (aspect - facing) % 360 == pytest.approx(180, abs=0.1), "it faces down the slope"


@shared
@given(seed=st.integers(0, 10_000))
def test_native_slope_resampled_to_a_finer_grid(dem, pixels, kit, seed):
    """The order of the plugin's graph: slope on native pixels, then bilinear to 10 m."""
    heights = np.random.default_rng(seed).random((12, 12)) * 100
    x, y = kit.origin
    image = dem(heights, (30.0, 0.0, x, 0.0, -30.0, y), kit.utm)
    got = pixels(ee.Terrain.slope(image).resample("bilinear"), x + 60, y - 60, 24, 24)["slope"]
    slope = by_formula(heights, 30, 30)
    at = (np.arange(24) * 10 + 65) / 30 - 0.5
    low, part = np.floor(at).astype(int), at - np.floor(at)
    rows = slope[low] * (1 - part)[:, None] + slope[low + 1] * part[:, None]
    expected = rows[:, low] * (1 - part) + rows[:, low + 1] * part
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_the_gradient_is_per_metre_eastward_and_northward(dem, pixels, kit):
    heights = np.random.default_rng(1).random((8, 9)).astype(np.float32)
    x, y = kit.origin
    image = dem(heights, (20.0, 0.0, x, 0.0, -20.0, y), kit.utm)
    found = pixels(image.gradient(), x, y, 9, 8, 20)
    south, east = np.gradient(heights.astype(float), 20)
    inner = slice(1, -1), slice(1, -1)
    np.testing.assert_allclose(found["x"][inner], east[inner])
    np.testing.assert_allclose(found["y"][inner], -south[inner])
    # Measured on Google's servers by a program's author: 1.4e-4 for 10 times the longitude at 50 degrees north.
    slanted = pixels(ee.Image.pixelLonLat().select("longitude").multiply(10).gradient(), 9, 50, 1, 1, 0.01, "EPSG:4326")
    assert slanted["x"].item() == pytest.approx(1.4e-4, rel=0.01)
    with pytest.raises(ee.EEException, match="exactly one band"):
        ee.Image([1, 2]).gradient().getInfo()
