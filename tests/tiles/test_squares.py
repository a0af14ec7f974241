"""The tile: a square of the asked size anywhere from 80 S to 84 N, and across the antimeridian."""

import math

import attrs
import geojson
import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from pyproj import Geod

from mmearth_core.errors import TilesError
from mmearth_core.tiles.grid import tile_grid
from mmearth_core.tiles.squares import (
    Places,
    area_km2,
    equal_area,
    has_room,
    latitude,
    radii,
    rounded,
    squares,
    within_180,
)

GEOD = Geod(ellps="WGS84")
LON, LAT = st.floats(-180, 180), st.floats(-80, 84)
SIZE = st.floats(100, 20_000)


@given(LON, LAT, SIZE)
@example(180.0, 84.0, 20_000.0)
@example(-180.0, -80.0, 1300.0)
def test_its_area_is_the_squares_within_a_percent(lon, lat, size):
    (polygon,) = squares(np.array([lon]), np.array([lat]), size).polygons()
    area, _ = GEOD.geometry_area_perimeter(polygon)
    assert area == pytest.approx(size**2, rel=0.01)


@given(LON, LAT, SIZE)
def test_its_sides_are_as_long_as_asked_for_and_its_centroid_is_the_place(lon, lat, size):
    tile = squares(np.array([lon]), np.array([lat]), size)
    west, south, east, north = (float(edge[0]) for edge in attrs.astuple(tile)[2:])
    middle = float(tile.lat[0])
    assert GEOD.line_length([west, east], [middle, middle]) == pytest.approx(size, rel=1e-3, abs=0.12)
    assert GEOD.line_length([0, 0], [south, north]) == pytest.approx(size, rel=1e-3, abs=0.12)
    assert (west + east) / 2 == pytest.approx(float(tile.lon[0]), abs=6e-7)
    assert (south + north) / 2 == pytest.approx(middle, abs=6e-7)
    assert [round(edge, 6) for edge in (west, south, east, north)] == [west, south, east, north]


ANY = st.floats(-360, 360)
HALF = st.integers(-360_000_000, 360_000_000).map(lambda number: float(f"{number}.5e-6"))
NEAR = st.builds(lambda half, steps: half + steps * math.ulp(half), HALF, st.integers(-3, 3))


@given(st.lists(st.one_of(ANY, HALF, NEAR), min_size=1, max_size=50))
@example([12.3456785, 0.0000005, -0.0000005, 2.0000035, 359.9999995, -1e-9, 70.0])
def test_coordinates_are_rounded_as_python_and_geojson_do(numbers):
    expected = [round(number, 6) for number in numbers]
    assert rounded(np.array(numbers)).tolist() == expected
    assert geojson.LineString([(number, number) for number in numbers])["coordinates"] == [[x, x] for x in expected]


@given(LON, LAT)
def test_it_is_one_valid_counter_clockwise_rectangle_that_starts_within_180(lon, lat):
    tile = squares(np.array([lon]), np.array([lat]), 1300.0)
    (polygon,) = tile.polygons()
    assert polygon.is_valid
    assert polygon.exterior.is_ccw
    assert -180 <= tile.lon[0] < 180
    assert polygon.contains(shapely.Point(tile.lon[0], tile.lat[0]))
    assert polygon.bounds[2] - polygon.bounds[0] < 1


@pytest.mark.parametrize(("lon", "crs"), [(179.999, "EPSG:32660"), (-179.999, "EPSG:32601")])
def test_across_the_antimeridian_it_goes_on_and_has_its_grid(lon, crs):
    (polygon,) = squares(np.array([lon]), np.array([66.0]), 1300.0).polygons()
    assert max(abs(polygon.bounds[0]), abs(polygon.bounds[2])) > 180
    whole, middle = tile_grid(polygon, crs, 128), squares(np.array([lon]), np.array([66.0]), 10.0).polygons()[0]
    spot = tile_grid(middle, crs, 2)
    assert abs(whole.left + 640 - spot.left) <= 20
    assert abs(whole.top - 640 - spot.top) <= 20


def test_rounding_to_180_is_minus_180():
    assert squares(np.round(np.array([179.999999999]), 8), np.array([0.0]), 1300.0).lon[0] == -180.0
    assert within_180(np.array([180.0, -180.0, 190.0, -190.0])).tolist() == [-180.0, -180.0, -170.0, 170.0]


def test_places_of_a_users_own_keep_every_digit():
    lon, lat = 12.345678901234567, -7.000000000000123
    tile = squares(np.array([lon]), np.array([lat]), 1300.0)
    assert (tile.lon[0], tile.lat[0]) == (lon, lat)


def test_no_square_at_a_pole():
    assert has_room(np.array([89.0, 89.999, -90.0]), 1300.0).tolist() == [True, False, False]
    with pytest.raises(TilesError, match="too near the pole"):
        squares(np.array([0.0]), np.array([89.999]), 1300.0)


def test_places_are_taken_and_joined_in_order():
    tiles = squares(np.array([1.0, 2.0, 3.0]), np.zeros(3), 1300.0)
    joined = Places.joined([tiles.take(np.array([2])), tiles.take(slice(0, 2))])
    assert joined.lon.tolist() == [3.0, 1.0, 2.0]
    assert len(Places.joined([])) == 0


def test_equal_steps_of_the_equal_area_latitude_are_equal_areas():
    lat = np.linspace(-89.9, 89.9, 400)
    assert np.allclose(latitude(equal_area(lat)), lat, atol=1e-7)
    area, _ = GEOD.polygon_area_perimeter([0, 90, 180, -90], [60, 60, 60, 60])
    dense = GEOD.polygon_area_perimeter(np.arange(0, 360, 0.01), np.full(36_000, 60.0))[0]
    whole = GEOD.polygon_area_perimeter(np.arange(0, 360, 0.01), np.zeros(36_000))[0]
    assert area < dense
    assert 1 - equal_area(np.array([60.0]))[0] == pytest.approx(dense / whole, rel=1e-4)


def test_areas_and_radii_are_the_ellipsoids():
    assert area_km2(shapely.box(-180, -90, 180, 90)) == pytest.approx(510_065_621.7, rel=1e-9)
    small = shapely.box(10, 60, 10.2, 60.1)
    assert area_km2(small) == pytest.approx(GEOD.geometry_area_perimeter(small)[0] / 1e6, rel=1e-4)
    north_south, east_west = radii(np.array([0.0, 90.0]))
    assert north_south[1] == pytest.approx(east_west[1])
    assert east_west[0] == 6_378_137.0
