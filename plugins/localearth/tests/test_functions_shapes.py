"""Geometries that cross themselves, constructors from geometries, nearest points, and simplified and cut lines."""

import ee
import numpy as np
import pytest
from pyproj import Geod, Transformer
from shapely.geometry import box, shape

GEOD = Geod(ellps="WGS84")
BOWTIE = [[-122.081, 37.417], [-122.086, 37.421], [-122.084, 37.418], [-122.089, 37.416]]
"""A quadrilateral of the API samples, whose edges cross."""
CROSSED = [[0, 0], [0.02, 0.02], [0.02, 0], [0, 0.02]]


def area(*rings):
    return sum(abs(GEOD.polygon_area_perimeter(*np.transpose(ring))[0]) for ring in rings)


def test_a_ring_that_crosses_itself_follows_the_even_odd_rule(local):
    polygon = ee.Geometry.Polygon([CROSSED])
    halves = area([[0, 0], [0.01, 0.01], [0, 0.02]], [[0.02, 0], [0.01, 0.01], [0.02, 0.02]])
    assert polygon.area().getInfo() == pytest.approx(halves, rel=1e-9)
    inside = [polygon.contains(ee.Geometry.Point(at)).getInfo() for at in ([0.005, 0.01], [0.01, 0.005])]
    assert inside == [True, False]
    other = ee.Geometry.Rectangle([0, 0, 0.01, 0.02])
    assert polygon.intersection(other).area().getInfo() == pytest.approx(halves / 2, rel=1e-6)
    assert polygon.coordinates().getInfo() == [[*CROSSED, CROSSED[0]]]


@pytest.mark.parametrize("name", ["union", "intersection", "difference", "symmetricDifference"])
def test_overlays_of_crossed_rings_do_not_fail(local, name):
    found = getattr(ee.Geometry.Polygon([BOWTIE]), name)(ee.Geometry.Polygon([CROSSED]).buffer(1))
    assert found.area().getInfo() >= 0


def test_regions_of_crossed_rings(local):
    counted = ee.Image(1).reduceRegion("sum", ee.Geometry.Polygon([CROSSED], None, False), crs="EPSG:4326", scale=20)
    whole = ee.Image(1).reduceRegion("sum", ee.Geometry.BBox(0, 0, 0.02, 0.02), crs="EPSG:4326", scale=20)
    assert counted.getNumber("constant").divide(whole.getNumber("constant")).getInfo() == pytest.approx(0.5, abs=0.005)


def test_overlapping_parts_are_united_in_predicates_and_regions(local):
    squares = [ee.Geometry.Rectangle([0, 0, 0.02, 0.02]), ee.Geometry.Rectangle([0.01, 0, 0.03, 0.02])]
    multi = ee.Geometry.MultiPolygon([each.coordinates() for each in squares])
    once = ee.Geometry.Rectangle([0, 0, 0.03, 0.02])
    assert multi.contains(ee.Geometry.Point([0.015, 0.01])).getInfo() is True
    assert multi.dissolve().area().getInfo() == pytest.approx(once.area().getInfo(), rel=1e-6)
    counts = [ee.Image(1).reduceRegion("count", each, 50, "EPSG:4326").getInfo() for each in (multi, once)]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("turned", [False, True])
def test_holes_are_subtracted_in_either_direction(local, turned):
    outer, hole = list(box(0, 0, 0.04, 0.04).exterior.coords), list(box(0.01, 0.01, 0.02, 0.02).exterior.coords)
    polygon = ee.Geometry.Polygon([outer, hole[::-1] if turned else hole])
    assert polygon.area().getInfo() == pytest.approx(area(outer) - area(hole), rel=1e-9)


def test_geometries_are_made_of_geometries(local):
    points = [ee.Geometry.Point(at) for at in ([0, 0], [1, 0], [1, 1])]
    line = ee.Geometry.LineString(points)
    ring = ee.Geometry.LinearRing(points)
    assert line.coordinates().getInfo() == [[0, 0], [1, 0], [1, 1]]
    assert ee.Geometry.Polygon([ring]).coordinates().getInfo() == [[[0, 0], [1, 0], [1, 1], [0, 0]]]
    assert ee.Geometry.MultiLineString([line, line]).geometries().length().getInfo() == 2
    metres = ee.Geometry.LineString(
        [ee.Geometry.Point([5e5, 0], "EPSG:32631"), ee.Geometry.Point([6e5, 0], "EPSG:32631")]
    )
    assert metres.projection().crs().getInfo() == "EPSG:32631"


def test_left_inside_is_refused_where_it_differs(local):
    clockwise = [[0, 0], [0, 1], [1, 1], [1, 0]]
    assert ee.Geometry.Polygon([clockwise[::-1]], None, True, None, False).area().getInfo() > 0
    with pytest.raises(ee.EEException, match=r"'evenOdd' false: .* supports simple counterclockwise"):
        ee.Geometry.Polygon([clockwise], None, True, None, False).area().getInfo()


def test_nearest_points_are_nearest_on_the_ground(local):
    """At 60 degrees a degree of longitude is half as long as one of latitude."""
    corner = ee.Geometry.LineString([[10, 60.05], [10.08, 60.05], [10.08, 60]])
    point = ee.Geometry.Point([10, 60])
    across = GEOD.inv(10, 60, 10.08, 60)[2]
    assert point.distance(corner).getInfo() == pytest.approx(across, abs=1)
    assert point.distance(corner).getInfo() < GEOD.inv(10, 60, 10, 60.05)[2]
    found = point.closestPoints(corner).getInfo()
    assert found["left"]["coordinates"] == pytest.approx([10, 60], abs=1e-9)
    assert found["right"]["coordinates"] == pytest.approx([10.08, 60], abs=1e-4)
    nearest = ee.Geometry(point.closestPoint(corner))
    assert nearest.coordinates().getInfo() == pytest.approx(found["right"]["coordinates"])


def test_lines_are_cut_at_distances(local):
    line = ee.Geometry.LineString([[10, 50], [10.01, 50], [10.01, 50.02]])
    pieces = line.cutLines([100, 1000, 99_999]).getInfo()
    assert pieces["type"] == "MultiLineString"
    lengths = [GEOD.line_length(*np.transpose(piece)) for piece in pieces["coordinates"]]
    assert lengths == pytest.approx([100, 900, line.length().getInfo() - 1000], abs=1e-3)
    assert ee.Geometry.Point([0, 0]).cutLines([5]).getInfo() == {"type": "MultiLineString", "coordinates": []}


def test_simplified_lines_stay_within_the_error(local):
    wave = [[10 + n * 1e-4, 50 + 2e-5 * np.sin(n)] for n in range(100)]
    line = ee.Geometry.LineString(wave)
    found = line.simplify(20).getInfo()["coordinates"]
    assert len(found) < 10
    assert (
        shape({"type": "LineString", "coordinates": found}).hausdorff_distance(
            shape({"type": "LineString", "coordinates": wave})
        )
        < np.degrees(20 / 6371e3) * 1.6
    )
    assert ee.Geometry.Point([1, 2]).simplify(5).coordinates().getInfo() == [1, 2]


def test_bounds_in_another_projection(local):
    found = ee.Geometry.Point([9, 45]).buffer(1000).bounds(1, "EPSG:32632").getInfo()
    assert found["crs"]["properties"]["name"] == "EPSG:32632" and found["geodesic"] is False
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True).transform(9, 45)
    assert shape(found).bounds == pytest.approx((x - 1000, y - 1000, x + 1000, y + 1000), abs=3)


def test_a_covering_grid_has_the_cells_that_a_geometry_touches(local):
    line = ee.Geometry.LineString([[5e5 + 50, 50], [5e5 + 250, 50], [5e5 + 250, 150]], "EPSG:32632", False)
    cells = line.coveringGrid("EPSG:32632", 100).getInfo()["features"]
    corners = sorted(shape(cell["geometry"]).bounds[:2] for cell in cells)
    assert corners == [(5e5, 0), (5e5 + 100, 0), (5e5 + 200, 0), (5e5 + 200, 100)]


def test_lines_in_a_projection_are_cut_and_simplified_in_its_units(local):
    line = ee.Geometry.LineString([[0, 0], [0, 3], [4, 3]], "EPSG:32632", False)
    pieces = line.cutLines([1, 5], 1, "EPSG:32632").coordinates().getInfo()
    assert pieces == [[[0, 0], [0, 1]], [[0, 1], [0, 3], [2, 3]], [[2, 3], [4, 3]]]
    assert ee.Geometry.LineString([[0, 0], [2, 0]], None, False).cutLines(
        [0.5], 1, "EPSG:4326"
    ).coordinates().getInfo() == [[[0, 0], [0.5, 0]], [[0.5, 0], [2, 0]]]
    bent = ee.Geometry.LineString([[0, 0], [50, 1], [100, 0]], "EPSG:32632", False)
    kept = [bent.simplify(error, "EPSG:32632").coordinates().size().getInfo() for error in (0.9, 1.1)]
    assert kept == [3, 2]
    far = ee.Geometry(ee.Geometry.Point([5, 5], "EPSG:32632").closestPoint(line, 1, "EPSG:32632"))
    assert far.coordinates().getInfo() == [4, 3]
