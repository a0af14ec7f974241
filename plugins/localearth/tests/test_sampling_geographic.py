"""Sampling from rasters in degrees, between zones and at the edges of masks, against GDAL through rasterio."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from localearth.raster.grid import Grid
from localearth.raster.sampling import bilinear, nearest, positions
from localearth.values.projection import Projection
from pyproj import Transformer
from rasterio.warp import Resampling

SIZE = 80
DEGREES = (1 / 3600, 0.0, 10.5, 0.0, -1 / 3600, 50.25)
"""A second of arc a pixel, about 20 m by 31 m at this latitude: as elevation models come."""
UTM = (20.0, 0.0, 400_000.0, 0.0, -20.0, 4_200_000.0)

KINDS = {
    "degrees to a zone": ("EPSG:4326", DEGREES, "EPSG:32632"),
    "degrees to the zone beside it": ("EPSG:4326", DEGREES, "EPSG:32633"),
    "zone to the zone beside it": ("EPSG:32618", UTM, "EPSG:32617"),
    "zone to degrees": ("EPSG:32618", UTM, "EPSG:4326"),
    "north to south of a zone": ("EPSG:32618", UTM, "EPSG:32718"),
}


def native(seed, share_valid=1.0):
    random = np.random.default_rng(seed)
    return random.uniform(0, 10_000, (SIZE, SIZE)), random.random((SIZE, SIZE)) < share_valid


def target(crs, transform, other, dx, dy, metres=10.0, size=30):
    """A grid in another CRS around the middle of the raster, shifted by fractions of its pixel."""
    a, _, x, _, e, y = transform
    middle = Transformer.from_crs(crs, other, always_xy=True).transform(x + a * SIZE / 2, y + e * SIZE / 2)
    step = metres / 111_320 if other == "EPSG:4326" else metres
    corner = (middle[0] - step * (size / 2 + dx), middle[1] + step * (size / 2 + dy))
    return Grid(other, (step, 0, corner[0], 0, -step, corner[1]), size, size)


fractions = st.floats(-5, 5, allow_nan=False)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(dx=fractions, dy=fractions, seed=st.integers(0, 99))
def test_bilinear_is_gdals(reader, by_gdal, kind, dx, dy, seed):
    crs, transform, other = KINDS[kind]
    values, mask = native(seed)
    grid = target(crs, transform, other, dx, dy)
    got, valid = bilinear(positions(grid, Projection(crs, transform)), reader(values, mask))
    assert valid.all()
    # Coordinates agree to a few millimetres, and neighbours differ by thousands.
    np.testing.assert_allclose(got, by_gdal(values, crs, transform, grid, Resampling.bilinear), atol=10)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(dx=fractions, dy=fractions, seed=st.integers(0, 99))
def test_nearest_is_gdals_with_its_mask(reader, by_gdal, kind, dx, dy, seed):
    crs, transform, other = KINDS[kind]
    values, mask = native(seed, 0.7)
    grid = target(crs, transform, other, dx, dy)
    got, valid = nearest(
        positions(grid, Projection(crs, transform)), reader(values, mask), (SIZE, SIZE), np.dtype(np.float64)
    )
    expected = by_gdal(np.where(mask, values, np.nan), crs, transform, grid, Resampling.nearest)
    # A centre on the seam of two pixels may fall to either.
    same = np.where(valid, got == expected, np.isnan(expected))
    assert same.mean() > 0.99


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(dx=fractions, dy=fractions, seed=st.integers(0, 99))
def test_bilinear_is_masked_exactly_where_one_of_the_four_neighbours_is(reader, kind, dx, dy, seed):
    crs, transform, other = KINDS[kind]
    values, mask = native(seed, 0.9)
    grid = target(crs, transform, other, dx, dy)
    got, valid = bilinear(positions(grid, Projection(crs, transform)), reader(values, mask))
    # Independent: each centre by PROJ into native pixels, and its four neighbours one by one.
    a, _, x0, _, e, y0 = transform
    x, y = np.meshgrid(
        grid.transform[2] + grid.transform[0] * (np.arange(grid.width) + 0.5),
        grid.transform[5] + grid.transform[4] * (np.arange(grid.height) + 0.5),
    )
    there = Transformer.from_crs(other, crs, always_xy=True).transform(x, y)
    col, row = (there[0] - x0) / a - 0.5, (there[1] - y0) / e - 0.5
    left, top = np.floor(col).astype(int), np.floor(row).astype(int)
    expected = np.ones(grid.shape, bool)
    total = np.zeros(grid.shape)
    for down in (0, 1):
        for right in (0, 1):
            weight = np.abs(1 - right - (col - left)) * np.abs(1 - down - (row - top))
            expected &= mask[top + down, left + right]
            total += weight * values[top + down, left + right]
    # On a neighbour's very centre, rounding decides which four they are; parallel grids half a pixel apart, for
    # example, share every second centre and show too little.
    sure = (np.abs(col - np.rint(col)) > 1e-6) & (np.abs(row - np.rint(row)) > 1e-6)
    assume(sure.mean() > 0.9)
    np.testing.assert_array_equal(valid[sure], expected[sure])
    np.testing.assert_allclose(got[valid], total[valid], rtol=1e-6, atol=1e-3)


@settings(max_examples=30)
@given(dx=st.floats(-60, 60), dy=st.floats(-60, 60), scale=st.sampled_from([7.0, 10.0, 20.0, 31.0]))
def test_beyond_the_edge_nothing_is_made_up(reader, dx, dy, scale):
    values, mask = native(1)
    grid = Grid("EPSG:32618", (scale, 0, UTM[2] - 100 + dx, 0, -scale, UTM[5] + 100 + dy), 20, 20)
    col = (grid.transform[2] + scale * (np.arange(20) + 0.5) - UTM[2]) / 20
    row = (UTM[5] - grid.transform[5] + scale * (np.arange(20) + 0.5)) / 20
    at = positions(grid, Projection("EPSG:32618", UTM))
    _, near = nearest(at, reader(values, mask), (SIZE, SIZE), np.dtype(np.float64))
    _, smooth = bilinear(at, reader(values, mask), (SIZE, SIZE))
    seams = np.concatenate((col, row))
    if np.abs(seams * 2 - np.round(seams * 2)).min() > 1e-6:
        # Inside the raster for nearest; half a pixel further in for bilinear, which needs neighbours on all sides.
        np.testing.assert_array_equal(near, (row[:, None] >= 0) & (col >= 0))
        np.testing.assert_array_equal(smooth, (row[:, None] >= 0.5) & (col >= 0.5))
