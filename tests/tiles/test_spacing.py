"""Distance, overlap and exclusion: the same answers as comparing every pair, also across the antimeridian."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from mmearth_core.errors import TilesError
from mmearth_core.tiles.spacing import Rules
from mmearth_core.tiles.squares import squares

GEOD = Geod(ellps="WGS84")
SPOTS = [(0.0, 0.0), (179.99, 10.0), (20.0, 84.0), (-60.0, -80.0)]


def crowd(spot, count, seed, spread=0.06):
    random = np.random.default_rng(seed)
    lon, lat = spot
    stretch = 1 / np.cos(np.radians(lat))
    return lon + spread * stretch * (random.random(count) - 0.5), lat + spread * (random.random(count) - 0.5)


@settings(max_examples=30)
@given(st.sampled_from(SPOTS), st.integers(0, 10**6), st.floats(200, 4000))
def test_distances_are_kept_and_none_is_refused_without_need(spot, seed, distance):
    places = squares(*crowd(spot, 60, seed), 100.0)
    kept = Rules(100.0, distance).accept(places, 60).tolist()
    chosen: list[int] = []
    for number in range(60):
        gaps = [
            GEOD.inv(places.lon[number], places.lat[number], places.lon[other], places.lat[other])[2]
            for other in chosen
        ]
        # The sphere of the equator's radius is up to 0.7 % off the ellipsoid: nearer cases may go either way.
        near = min(gaps, default=np.inf) / distance
        if number in kept:
            assert near > 0.99
        else:
            assert near < 1.01
        if number in kept:
            chosen.append(number)


@settings(max_examples=30)
@given(st.sampled_from(SPOTS), st.integers(0, 10**6), st.floats(100, 1500))
def test_overlaps_are_refused_as_by_comparing_all_pairs(spot, seed, size):
    places = squares(*crowd(spot, 60, seed), size)
    kept = Rules(size, no_overlap=True).accept(places, 60).tolist()
    turned = [
        shapely.transform(places.polygons(), lambda p, turn=turn: p + np.array([turn, 0])) for turn in (-360, 0, 360)
    ]
    whole = places.polygons()
    chosen: list[int] = []
    for number in range(60):
        shared = max((shapely.area(whole[number] & side[o]) for o in chosen for side in turned), default=0.0)
        share = shared / whole[number].area
        assert (share < 2e-3) if number in kept else (share > 0)
        if number in kept:
            chosen.append(number)


def test_what_was_accepted_before_counts_and_no_more_than_asked_for_are_accepted():
    spacing = Rules(100.0, 1000.0)
    tiles = squares(np.array([0.0, 1.0, 2.0]), np.zeros(3), 100.0)
    assert spacing.accept(tiles, 2).tolist() == [0, 1]
    assert spacing.accept(tiles, 3).tolist() == [2]


@pytest.fixture
def test_region(tmp_path):
    path = tmp_path / "region.geojson"
    shapes = [shapely.box(170, 0, 179.9999, 1), shapely.box(-180, 5, -179.999, 6), shapely.box(179, 10, 181, 11)]
    gpd.GeoDataFrame(geometry=shapes, crs="EPSG:4326").to_file(path)
    return path


def test_excluded_polygons_are_not_touched_on_either_side_of_180(test_region):
    rules = Rules(1300.0, exclude=test_region)
    places = squares(
        np.array([175.0, 179.998, -179.999, 179.9999, -179.5, -178.0, 169.0]),
        np.array([0.5, 0.5, 0.5, 5.5, 10.5, 10.5, 0.5]),
        1300.0,
    )
    assert rules.accept(places, 7).tolist() == [5, 6]


def test_all_rules_together_keep_the_order(test_region):
    rules = Rules(1300.0, no_overlap=True, exclude=test_region)
    assert rules.can_refuse
    places = squares(np.array([175.0, 10.0, 10.001, 20.0, 30.0]), np.full(5, 0.5), 1300.0)
    assert rules.accept(places, 2).tolist() == [1, 3]
    assert Rules(1300.0).accept(places, 4).tolist() == [0, 1, 2, 3]


def test_a_file_to_exclude_that_holds_points_is_refused(tmp_path):
    path = tmp_path / "points.geojson"
    gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs="EPSG:4326").to_file(path)
    with pytest.raises(TilesError, match="feature 1 is not a Polygon or a MultiPolygon"):
        Rules(1300.0, exclude=path)
    with pytest.raises(TilesError, match="no such file"):
        Rules(1300.0, exclude=tmp_path / "absent.gpkg")
