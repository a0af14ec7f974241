"""Geometries, projections and statistics of regions, through the real client."""

import ee
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from localearth.values.geometry import Plane
from pyproj import Geod, Transformer
from shapely.geometry import MultiPoint, box, mapping, shape

GEOD = Geod(ellps="WGS84")
X, Y = 399960.0, 4200000.0
SQUARE = [[10, 50], [10.02, 50], [10.02, 50.02], [10, 50.02], [10, 50]]


def polygon():
    return ee.Geometry.Polygon([SQUARE])


def test_measures_are_the_ellipsoids(local):
    area, around = GEOD.geometry_area_perimeter(shape({"type": "Polygon", "coordinates": [SQUARE]}))
    assert polygon().area().getInfo() == pytest.approx(abs(area))
    assert polygon().perimeter().getInfo() == pytest.approx(around)
    line = ee.Geometry.LineString([[10, 50], [11, 51]])
    assert line.length().getInfo() == pytest.approx(GEOD.line_length([10, 11], [50, 51]))
    assert line.area().getInfo() == 0
    assert ee.Geometry.Point([10, 50]).distance(ee.Geometry.Point([11, 51])).getInfo() == pytest.approx(
        GEOD.inv(10, 50, 11, 51)[2]
    )


@pytest.mark.parametrize("latitude", [0, 45, -70])
def test_a_buffer_is_that_many_metres_wide(local, latitude):
    got = shape(ee.Geometry.Point([20, latitude]).buffer(500).getInfo())
    lon, lat = np.array(got.exterior.coords).T
    away = GEOD.inv(np.full(lon.shape, 20.0), np.full(lat.shape, float(latitude)), lon, lat)[2]
    np.testing.assert_allclose(away, 500, atol=0.01)


def test_the_centroid(local):
    got = polygon().centroid().getInfo()
    assert got["type"] == "Point"
    assert got["coordinates"] == pytest.approx([10.01, 50.01], abs=1e-5)


@given(
    st.floats(-180, 180),
    st.floats(-89, 89),
    st.lists(st.tuples(st.floats(-50_000, 50_000), st.floats(-50_000, 50_000)), min_size=1, max_size=5),
)
def test_the_local_plane_is_projs_azimuthal_equidistant_one(lon, lat, metres):
    metres = np.array(metres)
    back = Transformer.from_crs(f"+proj=aeqd +lat_0={lat} +lon_0={lon} +datum=WGS84", "EPSG:4326", always_xy=True)
    degrees = np.column_stack(back.transform(metres[:, 0], metres[:, 1]))
    plane = Plane(lon, lat)
    # To a millimetre: what is nearer to the middle than that, PROJ takes for the middle.
    np.testing.assert_allclose(plane.onto(degrees), metres, atol=1e-3)
    got = shapely.get_coordinates(plane.back(MultiPoint(metres)).shape)
    apart = ((got - degrees + 180) % 360 - 180) * np.column_stack([np.cos(np.radians(got[:, 1])), np.ones(len(got))])
    np.testing.assert_allclose(apart, 0, atol=1e-8)


def test_the_ring_of_bounds_starts_at_the_lower_left_and_its_third_corner_is_the_upper_right(local):
    ring = [[10, 50], [10.02, 50], [10.02, 50.02], [10, 50.02], [10, 50]]
    assert ee.Geometry.Polygon([SQUARE[::-1]]).bounds().getInfo()["coordinates"] == [ring]
    points = ee.FeatureCollection([ee.Feature(ee.Geometry.Point(corner)) for corner in ([10.02, 50], [10, 50.02])])
    assert points.geometry().bounds().coordinates().getInfo() == [ring]


def test_constructors_and_their_json(local):
    assert polygon().getInfo() == {"type": "Polygon", "coordinates": [SQUARE]}
    assert shape(ee.Geometry.Rectangle([0, 1, 2, 3], None, False).bounds().getInfo()).bounds == (0, 1, 2, 3)
    assert ee.Geometry.BBox(0, 1, 2, 3).area().getInfo() == pytest.approx(49_204_000_000, rel=1e-2)
    assert ee.Geometry.MultiPoint([[0, 1], [2, 3]]).geometries().size().getInfo() == 2
    assert ee.Geometry.MultiPolygon([[SQUARE]]).type().getInfo() == "MultiPolygon"
    assert ee.Geometry.LinearRing(SQUARE).type().getInfo() == "LinearRing"
    inside = ee.Geometry.Polygon([X, Y, X + 10, Y, X + 10, Y - 10], "EPSG:32618", False)
    assert inside.projection().crs().getInfo() == "EPSG:32618"
    assert inside.transform("EPSG:4326", 1).bounds().contains(inside).getInfo() is True
    with pytest.raises(ee.EEException, match="at least 3 points"):
        ee.Geometry(ee.ApiFunction.call_("GeometryConstructors.Polygon", ee.List([[0, 0], [1, 1]]))).area().getInfo()


def test_predicates_and_overlays(local):
    other = ee.Geometry.Rectangle([10.01, 50.01, 10.05, 50.05])
    assert polygon().intersects(other).getInfo() is True
    assert polygon().contains(other).getInfo() is False
    assert polygon().contains(polygon().buffer(-10)).getInfo() is True
    assert polygon().containedIn(polygon().buffer(10)).getInfo() is True
    assert polygon().disjoint(other).getInfo() is False
    both = polygon().intersection(other).area().getInfo()
    assert both == pytest.approx(polygon().area().getInfo() / 4, rel=1e-3)
    assert polygon().union(other).area().getInfo() == pytest.approx(
        polygon().area().getInfo() + other.area().getInfo() - both, rel=1e-4
    )
    assert polygon().withinDistance(ee.Geometry.Point([10.03, 50.0]), 1000).getInfo() is True


def test_features_share_the_operations(local):
    feature = ee.Feature(polygon(), {"a": 1})
    assert feature.area().getInfo() == pytest.approx(polygon().area().getInfo())
    grown = feature.buffer(100)
    assert grown.toDictionary().getInfo() == {"a": 1}
    assert grown.contains(feature).getInfo() is True


UTM = "EPSG:32632"


def flat(x, y):
    return Transformer.from_crs("EPSG:4326", UTM, always_xy=True).transform(x, y)


def test_a_projection_to_work_in_has_its_own_units(local):
    square = ee.Geometry.Rectangle([9, 0, 10, 1], None, False)
    assert square.area(1, "EPSG:4326").getInfo() == pytest.approx(1)
    assert square.perimeter(1, "EPSG:4326").getInfo() == pytest.approx(4)
    assert ee.Geometry.Point(9, 0).distance(ee.Geometry.Point(12, 4), 1, "EPSG:4326").getInfo() == 5
    assert ee.Geometry.Point(9, 0).withinDistance(ee.Geometry.Point(12, 4), 5, 1, "EPSG:4326").getInfo() is True
    grown = ee.Geometry.Point(9, 0).buffer(1, 1, "EPSG:4326")
    assert shape(grown.getInfo()).bounds == pytest.approx((8, -1, 10, 1))
    corners = shapely.Polygon([flat(x, y) for x, y in shapely.segmentize(box(9, 0, 10, 1), 0.01).exterior.coords])
    assert square.area(1, UTM).getInfo() == pytest.approx(corners.area, rel=1e-5)
    with pytest.raises(ee.EEException, match="use a projection without a transform"):
        square.area(1, ee.Projection(UTM).atScale(10)).getInfo()


def test_results_are_in_the_projection_to_work_in(local):
    one = ee.Geometry.Rectangle([0, 0, 1000, 1000], UTM, False)
    two = ee.Geometry.Rectangle([500, 500, 2000, 2000], UTM, False)
    both = one.intersection(two, 1, UTM)
    assert shape(both.getInfo()).equals(box(500, 500, 1000, 1000))
    assert both.projection().crs().getInfo() == UTM
    assert both.geodesic().getInfo() is False
    point = ee.Geometry.Point(9.5, 0.5).centroid(1, UTM)
    assert point.coordinates().getInfo() == pytest.approx(flat(9.5, 0.5))


def test_coordinates_are_pixels_of_a_projection_with_a_transform(local):
    grid = ee.Projection(UTM, [10, 0, 500_000, 0, -10, 5_000_000])
    place = ee.Geometry.Point([500_015, 4_999_975], UTM)
    assert place.transform(grid, 1).coordinates().getInfo() == [1.5, 2.5]
    cell = ee.Geometry.Rectangle([1, 2, 2, 3], grid, False)
    assert shape(cell.bounds(1, UTM).getInfo()).bounds == (500_010, 4_999_970, 500_020, 4_999_980)


def test_an_empty_geometry_has_no_distance(local):
    nothing = polygon().intersection(ee.Geometry.Point(0, 0), 1)
    with pytest.raises(ee.EEException, match="knows no distance to an empty geometry"):
        nothing.distance(polygon(), 1).getInfo()
    assert nothing.withinDistance(polygon(), 1e6, 1).getInfo() is False
    near = ee.Filter.withinDistance(1e6, ".geo", polygon())
    assert ee.FeatureCollection([nothing, polygon()]).filter(near).size().getInfo() == 1


def test_footprints(local, kit):
    image = ee.Image("TEST/SCENES/20170101T000000_S")
    expected = kit.lonlat(box(X, Y - 2400, X + 2400, Y))
    assert shape(image.geometry().getInfo()).equals_exact(expected, 1e-9)
    assert shape(image.get("system:footprint").getInfo()).equals_exact(expected, 1e-9)


def test_projections(local):
    projection = ee.Projection("EPSG:32618")
    assert projection.nominalScale().getInfo() == 1
    assert projection.atScale(20).nominalScale().getInfo() == pytest.approx(20)
    assert ee.Projection("EPSG:4326").nominalScale().getInfo() == pytest.approx(111_319.49, rel=1e-6)
    assert projection.scale(2, 3).translate(1, 0).getInfo()["transform"] == [2, 0, 2, 0, 3, 0]
    assert projection.wkt().getInfo().startswith('PROJCS["WGS 84 / UTM zone 18N"')


def region(kit, west, south, east, north):
    return ee.Geometry(mapping(kit.lonlat(box(X + west, Y + south, X + east, Y + north))))


@pytest.fixture
def b2(local):
    return local.assets["TEST/SCENES/20170101T000000_S"].bands[1].pixels.astype(float)


def reduced(reducer, geometry, **options):
    image = ee.Image("TEST/SCENES/20170101T000000_S").select("B2")
    return image.reduceRegion(reducer, geometry, **options).getInfo()


@pytest.mark.parametrize("name", ["mean", "sum", "min", "max", "count", "stdDev", "median", "first"])
def test_statistics_of_whole_pixels_are_numpys(b2, kit, name):
    geometry = region(kit, 100, -300, 400.001, -99.999)
    got = reduced(getattr(ee.Reducer, name)(), geometry, scale=10)["B2"]
    inside = b2[10:30, 10:40]
    expected = {"count": inside.size, "stdDev": inside.std(), "median": np.median(inside), "first": inside[0, 0]}
    assert got == pytest.approx(expected.get(name, getattr(inside, name, lambda: None)()), rel=2e-3)


def test_a_region_inside_one_pixel_has_a_mean_but_no_minimum(b2, kit):
    corner = region(kit, 100.5, -104, 104, -100.5)
    assert reduced(ee.Reducer.mean(), corner, scale=10) == {"B2": b2[10, 10]}
    assert reduced(ee.Reducer.min(), corner, scale=10) == {"B2": None}
    tiny = region(kit, 100.1, -100.3, 100.3, -100.1)
    assert reduced(ee.Reducer.mean(), tiny, scale=10) == {"B2": None}, "below 1/256 of the pixel"


def test_weights_are_the_shares_of_pixels(b2, kit):
    # A whole pixel, and a quarter of its neighbour.
    got = reduced(ee.Reducer.mean(), region(kit, 100, -110, 112.5, -100), scale=10)["B2"]
    assert got == pytest.approx((b2[10, 10] + 0.25 * b2[10, 11]) / 1.25, rel=5e-3)


def test_reducers_together_and_points(b2, kit, local):
    both = ee.Reducer.mean().combine(ee.Reducer.max(), sharedInputs=True)
    got = reduced(both, region(kit, 100, -300, 400, -100), scale=10)
    assert set(got) == {"B2_mean", "B2_max"}
    lon, lat = np.array(kit.lonlat(box(X + 104, Y - 106, X + 105, Y - 105)).centroid.coords[0])
    assert reduced(ee.Reducer.first(), ee.Geometry.Point([lon, lat]), scale=10) == {"B2": b2[10, 10]}


def test_too_many_pixels(local, kit):
    with pytest.raises(
        ee.EEException, match=r"Too many pixels in the region\. Found \d+, but maxPixels allows only 10\."
    ):
        reduced(ee.Reducer.mean(), region(kit, 0, -500, 500, 0), scale=10, maxPixels=10)


def test_reduce_regions(b2, kit, local):
    image = ee.Image("TEST/SCENES/20170101T000000_S").select("B2")
    features = ee.FeatureCollection([ee.Feature(region(kit, 0, -100, 100, 0), {"name": "a"})])
    got = image.reduceRegions(features, ee.Reducer.max(), 10).first().toDictionary().getInfo()
    assert got == {"name": "a", "max": b2[:10, :10].max()}


def test_large_regions_are_measured_in_parts(b2, kit, local, monkeypatch):
    from localearth.raster import shares

    geometry = region(kit, 3, -777, 1234, -5)
    whole = reduced(ee.Reducer.sum(), geometry, scale=10)
    monkeypatch.setattr(shares, "_CHUNK", 500)
    assert reduced(ee.Reducer.sum(), geometry, scale=10) == whole
