"""Random points: inside, uniform by area, the same for the same seed, and quick for thin and scattered shapes."""

import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box

from mmearth_core.tiles.polygon_source import uniform_points
from mmearth_core.tiles.squares import area_km2


def draw(shape, count, seed=1):
    return uniform_points(shape, count, np.random.default_rng(seed))


STRIP = Polygon([(0, 0), (40, 40), (40.001, 40), (0.001, 0)])
ISLANDS = MultiPolygon([box(x, y, x + 0.01, y + 0.02) for x in range(-170, 170, 9) for y in range(-60, 60, 7)])
HOLE = Polygon(box(0, 0, 10, 10).exterior.coords, [box(1, 1, 9, 9).exterior.coords])


@pytest.mark.parametrize("shape", [box(0, 50, 20, 80), STRIP, ISLANDS, HOLE], ids=["box", "strip", "islands", "hole"])
def test_as_many_points_as_asked_for_and_all_inside(shape):
    lon, lat = draw(shape, 2000)
    assert len(lon) == len(lat) == 2000
    assert shapely.contains_xy(shape, lon, lat).all()


@pytest.mark.parametrize("shape", [box(0, 0, 60, 80), Polygon([(0, -50), (90, 60), (20, 75)]), HOLE, ISLANDS])
def test_every_part_gets_points_by_its_area(shape):
    count = 40_000
    lon, lat = draw(shape, count)
    west, south, east, north = shape.bounds
    for x in np.linspace(west, east, 5)[1:-1]:
        share = area_km2(shape & box(-200, -90, x, 90)) / area_km2(shape)
        assert (lon < x).mean() == pytest.approx(share, abs=4 * 0.5 / count**0.5)
    for y in np.linspace(south, north, 5)[1:-1]:
        share = area_km2(shape & box(-200, -90, 200, y)) / area_km2(shape)
        assert (lat < y).mean() == pytest.approx(share, abs=4 * 0.5 / count**0.5)


def test_the_same_seed_gives_the_same_points():
    one, two, three = draw(STRIP, 50), draw(STRIP, 50), draw(STRIP, 50, seed=2)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


def test_a_shape_without_area_is_refused():
    for shape in (Polygon(), Polygon([(0, 0), (1, 1), (0, 0)])):
        with pytest.raises(ValueError, match="no area"):
            draw(shape, 5)


def test_none_are_drawn_if_none_are_asked_for():
    assert [len(each) for each in draw(HOLE, 0)] == [0, 0]
