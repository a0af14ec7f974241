"""randomPoints: inside, as many as asked for, the same for the same seed, and refused without an area."""

import ee
import pytest
import shapely

from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import RequestError
from mmearth_core.registry import discover, engine_of


@pytest.fixture
def client():
    yield EarthClient(engine_of(discover(), "local"), RunOptions(retry_seconds=0))
    ee.Reset()


def points(client, region, count, seed=0):
    found = ee.FeatureCollection.randomPoints(region, count, seed).toList(max(count, 1))
    return client.compute(found.map(lambda each: ee.Feature(each).geometry().coordinates()), "test")


def test_points_are_inside_and_repeat_with_the_seed(client):
    ring = [[0, 0], [4, 1], [2, 5]]
    region = ee.Geometry.Polygon([ring], None, False)
    found = points(client, region, 300, 7)
    assert len(found) == 300
    assert shapely.contains_xy(shapely.Polygon(ring), *zip(*found, strict=True)).all()
    assert points(client, region, 300, 7) == found
    assert points(client, region, 300, 8) != found
    assert points(client, region, 300, -7) != found
    assert points(client, region, 0) == []


@pytest.mark.parametrize("make", [lambda: ee.Geometry.Point([1, 2]), lambda: ee.FeatureCollection([]).geometry()])
def test_a_region_without_an_area_is_refused(client, make):
    with pytest.raises(RequestError, match="randomPoints"):
        points(client, make(), 3)
