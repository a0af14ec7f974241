"""The pixel grid: whole 10 m, of the size asked for, over the middle of the tile, in any UTM zone."""

import json
import math

import numpy as np
import pytest
import rasterio
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer
from rasterio.transform import from_origin
from shapely.geometry import Polygon, box

from mmearth_core.contract.grid import PIXEL, Grid
from mmearth_core.errors import TilesError
from mmearth_core.tiles.grid import tile_grid

SIZES = st.integers(1, 300)


@st.composite
def utm_crs(draw):
    return f"EPSG:{draw(st.sampled_from([32600, 32700])) + draw(st.integers(1, 60))}"


@st.composite
def tiles(draw):
    """A square of degrees within some UTM zone, and the zone."""
    zone, south = draw(st.integers(1, 60)), draw(st.booleans())
    lon = zone * 6 - 183 + draw(st.floats(-2.9, 2.9))
    lat = draw(st.floats(0.1, 83.0)) * (-1 if south else 1)
    half = draw(st.floats(0.0005, 0.02))
    wide = half / math.cos(math.radians(lat))
    return box(lon - wide, lat - half, lon + wide, lat + half), f"EPSG:{(32700 if south else 32600) + zone}"


def projected(polygon, crs):
    corners = list(polygon.exterior.coords)
    xs, ys = Transformer.from_crs("OGC:CRS84", crs, always_xy=True).transform(*zip(*corners, strict=True))
    return min(xs), min(ys), max(xs), max(ys)


def on_grid(left, top, columns, rows, crs):
    """A polygon in degrees whose projection is exactly a grid of whole 10 m, but for the projection's noise."""
    back = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    xs = [left, left + columns * PIXEL, left + columns * PIXEL, left]
    ys = [top, top, top - rows * PIXEL, top - rows * PIXEL]
    return Polygon(list(zip(*back.transform(xs, ys), strict=True)))


@settings(deadline=None)
@given(tiles(), SIZES)
def test_laws_of_the_grid(tile, size):
    polygon, crs = tile
    grid = tile_grid(polygon, crs, size)
    west, south, east, north = projected(polygon, crs)
    assert grid.crs == crs
    assert grid.size == size
    assert grid.left % PIXEL == 0
    assert grid.top % PIXEL == 0
    half = size * PIXEL / 2
    assert abs(grid.left + half - (west + east) / 2) <= PIXEL
    assert abs(grid.top - half - (south + north) / 2) <= PIXEL


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's own use of affine
@settings(deadline=None)
@given(tiles(), SIZES)
def test_the_window_is_the_middle_of_the_bounds_snapped_outward(tile, size):
    polygon, crs = tile
    west, south, east, north = projected(polygon, crs)
    # The whole raster that covers the bounds, as rasterio has it, and then a window of it.
    left, top = np.floor(west / 10) * 10, np.ceil(north / 10) * 10
    raster = from_origin(left, top, 10, 10)
    height, width = round((top - np.floor(south / 10) * 10) / 10), round((np.ceil(east / 10) * 10 - left) / 10)
    window = rasterio.windows.Window((width - size) // 2, (height - size) // 2, size, size)
    assert tile_grid(polygon, crs, size).affine == rasterio.windows.transform(window, raster)


@settings(deadline=None)
@given(utm_crs(), st.integers(20_000, 80_000), st.integers(10_000, 900_000), SIZES, SIZES, SIZES)
def test_noise_of_the_projection_does_not_move_the_grid(crs, column, row, columns, rows, size):
    left, top = column * PIXEL, row * PIXEL
    polygon = on_grid(left, top, columns, rows, crs)
    # A polygon that jumps from 180 to -180 degrees is refused when tiles are read.
    assume(polygon.bounds[2] - polygon.bounds[0] < 180)
    grid = tile_grid(polygon, crs, size)
    assert grid.left == left + (columns - size) // 2 * PIXEL
    assert grid.top == top - (rows - size) // 2 * PIXEL


@settings(deadline=None)
@given(
    tiles(), SIZES, st.sampled_from([0.5, 10, 30, 463.312716528, 1000.0]), st.floats(-1000, 1000), st.floats(-1e7, 1e7)
)
def test_edges_are_whole_pixels_from_the_origin(tile, size, pixel_size, origin_x, origin_y):
    polygon, crs = tile
    grid = tile_grid(polygon, crs, size, pixel_size, (origin_x, origin_y))
    for edge, origin in ((grid.left, origin_x), (grid.top, origin_y)):
        assert edge == origin + round((edge - origin) / pixel_size) * pixel_size
    west, south, east, north = projected(polygon, crs)
    half = size * pixel_size / 2
    assert abs(grid.left + half - (west + east) / 2) <= pixel_size * 1.001
    assert abs(grid.top - half - (south + north) / 2) <= pixel_size * 1.001
    assert grid.bounds == rasterio.transform.array_bounds(size, size, grid.affine)


@settings(deadline=None)
@given(tiles(), SIZES, st.integers(-100, 100), st.integers(-100, 100))
def test_an_origin_of_whole_pixels_changes_nothing(tile, size, columns, rows):
    polygon, crs = tile
    shifted = tile_grid(polygon, crs, size, 10.0, (columns * 10, rows * 10))
    assert shifted == tile_grid(polygon, crs, size)
    assert json.dumps(shifted.request()) == json.dumps(tile_grid(polygon, crs, size).request()), "without a point"


def test_a_tile_of_the_size_asked_for_is_its_own_grid():
    grid = tile_grid(on_grid(433_210, 4_160_120, 128, 128, "EPSG:32618"), "EPSG:32618", 128)
    assert grid == Grid("EPSG:32618", 433_210, 4_160_120, 128)


def test_a_smaller_tile_grows_by_the_same_rule():
    # (125 - 128) // 2 is -2: two pixels more to the west and north, one to the east and south.
    grid = tile_grid(on_grid(433_210, 4_160_120, 125, 125, "EPSG:32618"), "EPSG:32618", 128)
    assert grid == Grid("EPSG:32618", 433_190, 4_160_140, 128)


def test_the_request_and_the_affine_say_the_same():
    grid = Grid("EPSG:32618", 433_210, 4_160_120, 128)
    request = grid.request()
    affine = request["affineTransform"]
    assert request["crsCode"] == "EPSG:32618"
    assert request["dimensions"] == {"width": 128, "height": 128}
    assert tuple(grid.affine)[:6] == tuple(
        affine[key] for key in ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    )
    # Row and column 0, 0 begin at the north-west corner, and rows go south.
    assert tuple(grid.affine)[:6] == (10, 0, 433_210, 0, -10, 4_160_120)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4979", "OGC:CRS84"])
def test_degrees_are_refused(crs):
    with pytest.raises(TilesError, match=f"CRS '{crs}' .* is not projected in metres, as a pixel grid needs"):
        tile_grid(box(0, 0, 0.01, 0.01), crs, 128)


def test_feet_are_refused():
    assert CRS("EPSG:2263").axis_info[0].unit_name == "US survey foot"
    with pytest.raises(TilesError, match=r"CRS 'EPSG:2263' .* is not projected in metres"):
        tile_grid(box(-74, 40.7, -73.99, 40.71), "EPSG:2263", 128)


@pytest.mark.parametrize("crs", ["EPSG:99999", "nonsense", ""])
def test_an_unknown_crs_is_refused(crs):
    with pytest.raises(TilesError, match=f"CRS '{crs}' is unknown"):
        tile_grid(box(0, 0, 0.01, 0.01), crs, 128)


def around(lon, lat):
    return box(lon - 0.005, lat - 0.005, lon + 0.005, lat + 0.005)


@pytest.mark.parametrize(
    ("lon", "lat", "crs"),
    [
        (93, -1, "EPSG:32601"),
        (-75.6, 37.7, "EPSG:32633"),
        (9.5, 48, "EPSG:32635"),
        (25, 1, "EPSG:32633"),  # 7 degrees east of the zone: the next zone but one
        (-175, 1, "EPSG:32659"),
        (-75.6, 37.7, "EPSG:3035"),
        (9.5, 50, "EPSG:3413"),
        (9.5, -50, "EPSG:3413"),
        (9.5, 48, "EPSG:2193"),
        (9.5, 48, "+proj=utm +zone=18"),
    ],
)
def test_a_crs_of_another_place_is_refused(lon, lat, crs):
    with pytest.raises(TilesError) as refused:
        tile_grid(around(lon, lat), crs, 128)
    assert f"CRS {crs!r} does not cover the tile at longitude {lon:.4f}, latitude {lat:.4f}" in str(refused.value)


@pytest.mark.parametrize(
    ("lon", "lat", "crs"),
    [
        (9.5, 48, "EPSG:32632"),
        (12.9, 48, "EPSG:32632"),  # an image of Sentinel-2 reaches 110 km into the next zone
        (3.1, 61, "EPSG:32632"),  # zone 32V
        (9.1, 78, "EPSG:32633"),  # zone 33X
        (31.0, 70.3, "EPSG:25833"),  # all of Norway is mapped in zone 33
        (18.4, 40.2, "EPSG:32632"),  # and all of Italy in zone 32
        (-179.99, -16.5, "EPSG:32760"),
        (180.2, -16.5, "EPSG:32760"),
        (179.99, -16.5, "EPSG:32601"),
        (25.0, -30.0, "EPSG:32635"),  # Landsat: a northern zone in the south
        (9.5, 48, "EPSG:3035"),
        (-25.5, 37.8, "EPSG:3035"),
        (-2, 52, "EPSG:27700"),
        (174, -41, "EPSG:2193"),
        (-96, 40, "EPSG:5070"),
        (-45, 75, "EPSG:3413"),
        (100, 89.9, "EPSG:32661"),
        (100, -80, "EPSG:3031"),
        (-140, 60, "EPSG:3857"),
        (77, -89, "EPSG:6933"),
        (5, 5, "+proj=laea +lat_0=5 +lon_0=5"),
    ],
)
def test_a_crs_that_is_in_use_at_a_place_is_accepted(lon, lat, crs):
    assert tile_grid(around(lon, lat), crs, 128).crs == crs


def test_a_tile_that_cannot_be_projected_is_refused():
    with pytest.raises(TilesError, match=r"does not cover the tile at longitude 100\.0000"):
        tile_grid(around(100, 5), "+proj=ortho +lat_0=5 +lon_0=-90", 128)


def test_a_crs_that_earth_engine_cannot_read_is_a_clear_error():
    sinusoidal = "+proj=sinu +R=6371007.181 +units=m"
    assert Grid(sinusoidal, 0, 0, 8).request()["crsWkt"].startswith('PROJCS["unknown",')
    with pytest.raises(TilesError, match=r"CRS '\+proj=eqearth' has no EPSG code and no WKT 1"):
        Grid("+proj=eqearth", 0, 0, 8).request()
