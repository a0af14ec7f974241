"""Edges of geometries: geodesic or straight, across 180 degrees, and what is refused at the poles."""

from io import BytesIO

import ee
import localearth
import numpy as np
import pytest
import shapely
from localearth.worlds.arrays import ArrayBand, ArrayWorld, image
from pyproj import Geod, Transformer
from rasterio.io import MemoryFile
from shapely.geometry import shape

WIDE = [[[-10, 50], [10, 50], [10, 60], [-10, 60]]]
ACROSS = [[[179, 0], [-179, 0], [-179, 1], [179, 1]]]
ROWS = np.arange(36 * 18, dtype=np.int32).reshape(18, 36)


@pytest.fixture(scope="module", autouse=True)
def globe():
    """A world with an image of the whole globe, in pixels of ten degrees."""
    globe = image("MY/GLOBE", [ArrayBand("b", ROWS, "EPSG:4326", (10, 0, -180, 0, -10, 90))])
    east = image("MY/EAST", [ArrayBand("b", np.roll(ROWS, 18, axis=1), "EPSG:4326", (10, 0, 0, 0, -10, 90))])
    localearth.initialize(ArrayWorld(globe, east))
    yield
    ee.Reset()


def equal_area(ring):
    """The area of a ring with straight edges in longitude and latitude, in the equal-area map EPSG:6933."""
    dense = shapely.segmentize(shapely.Polygon(ring), 0.01)
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:6933", always_xy=True).transform(*shapely.get_coordinates(dense).T)
    return shapely.Polygon(np.column_stack([x, y])).area


def geodesic_area(ring):
    return abs(Geod(ellps="WGS84").polygon_area_perimeter(*np.array(ring, float).T)[0])


UTM = [[[150_000, 0], [200_000, 0], [200_000, 50_000], [150_000, 50_000]]]
SLANTED = [[[0, 40], [8, 44], [3, 52]]]
AREAS = {
    "straight": (lambda: ee.Geometry.Polygon(WIDE, None, False), equal_area(WIDE[0])),
    "slanted": (lambda: ee.Geometry.Polygon(SLANTED, None, False), equal_area(SLANTED[0])),
    "box": (lambda: ee.Geometry.BBox(-10, 50, 10, 60), equal_area(WIDE[0])),
    "globe": (lambda: ee.Geometry.BBox(-180, -90, 180, 90), 510_065_621_724_000),
    "geodesic": (lambda: ee.Geometry.Polygon(WIDE), geodesic_area(WIDE[0])),
    "across": (lambda: ee.Geometry.Polygon(ACROSS), geodesic_area(ACROSS[0])),
    "union-across": (
        lambda: ee.Geometry.BBox(179, 0, 181, 1).union(ee.Geometry.BBox(-180, 0, -178, 1)),
        equal_area([[0, 0], [3, 0], [3, 1], [0, 1]]),
    ),
    "intersection-across": (
        lambda: ee.Geometry.BBox(179, 0, 181, 1).intersection(ee.Geometry.BBox(-180, 0, -178, 1)),
        equal_area([[0, 0], [1, 0], [1, 1], [0, 1]]),
    ),
    "buffer-across": (lambda: ee.Geometry.Point([179.9, 10]).buffer(50_000), np.pi * 50_000**2),
}


@pytest.mark.parametrize("name", AREAS)
def test_areas_are_those_of_the_kind_of_edge(name):
    make, expected = AREAS[name]
    assert make().area().getInfo() == pytest.approx(expected, rel=2e-3 if "buffer" in name else 2e-6)


ANSWERS = {
    "geodesic-north": (lambda: ee.Geometry.Polygon(WIDE).contains(ee.Geometry.Point(0, 60.3)), True),
    "straight-north": (lambda: ee.Geometry.Polygon(WIDE, None, False).contains(ee.Geometry.Point(0, 60.3)), False),
    "short-way": (lambda: ee.Geometry.Rectangle([-170, -10, 170, 10]).contains(ee.Geometry.Point(179, 0)), True),
    "straight-way": (
        lambda: ee.Geometry.Rectangle([-170, -10, 170, 10], None, False).contains(ee.Geometry.Point(179, 0)),
        False,
    ),
    "across": (lambda: ee.Geometry.Polygon(ACROSS).intersects(ee.Geometry.Point(-179.5, 0.5)), True),
    "at-180": (lambda: ee.Geometry.Polygon(ACROSS).contains(ee.Geometry.Point(-180, 0.5)), True),
    "box-across": (lambda: ee.Geometry.BBox(179, 0, -179, 1).contains(ee.Geometry.Point(-179.5, 0.5)), True),
    "projected-across": (
        lambda: ee.Geometry.Polygon(UTM, "EPSG:32601", False).contains(ee.Geometry.Point(-179.95, 0.2)),
        True,
    ),
    "centroid-across": (lambda: ee.Geometry.Polygon(ACROSS).centroid().coordinates().get(0), 180),
    "centroid-of-parts": (
        lambda: (
            ee.Geometry.MultiPolygon(
                [[[[179, 0], [180, 0], [180, 1], [179, 1]]], [[[-180, 0], [-179, 0], [-179, 1], [-180, 1]]]]
            )
            .centroid()
            .coordinates()
            .get(0)
        ),
        180,
    ),
    "distance-across": (
        lambda: ee.Geometry.Point(179.9, 0).distance(ee.Geometry.Point(-179.9, 0)),
        Geod(ellps="WGS84").inv(179.9, 0, -179.9, 0)[2],
    ),
    "clip-across": (
        lambda: (
            ee.Image(1)
            .clip(ee.Geometry.BBox(179, 0, 181, 1))
            .reduceRegion(
                ee.Reducer.count(),
                ee.Geometry.BBox(-181, 0, -179, 1),
                crs="EPSG:4326",
                crsTransform=[0.1, 0, 0, 0, 0.1, 0],
            )
            .get("constant")
        ),
        200,
    ),
    "pixels-across": (
        lambda: ee.Image("MY/GLOBE").reduceRegion(ee.Reducer.toList(), ee.Geometry.BBox(170, 0, 190, 10)).get("b"),
        ROWS[8, [35, 0]].tolist(),
    ),
    "map-across": (
        lambda: (
            ee.Image(1)
            .reduceRegion(ee.Reducer.count(), ee.Geometry.Polygon(ACROSS), crs="EPSG:3857", scale=10_000)
            .getNumber("constant")
            .lt(300)
        ),
        1,
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_follow_edges_and_go_across_180_degrees(name):
    make, expected = ANSWERS[name]
    assert make().getInfo() == pytest.approx(expected)


@pytest.mark.parametrize("geodesic", [True, False])
def test_the_distance_of_long_lines_is_that_of_their_nearest_points(geodesic):
    geod, lines = Geod(ellps="WGS84"), [[[0, -30], [60, 60]], [[25, -30], [85, 60]]]
    if geodesic:
        dense = [np.array(geod.npts(*first, *last, 500, initial_idx=0, terminus_idx=0)) for first, last in lines]
    else:
        dense = [np.linspace(first, last, 500) for first, last in lines]
    one, two = (each.repeat(500, axis=0) if at == 0 else np.tile(each, (500, 1)) for at, each in enumerate(dense))
    nearest = geod.inv(*one.T, *two.T)[2].min()
    first, last = (ee.Geometry.LineString(line, None, geodesic) for line in lines)
    assert first.distance(last).getInfo() == pytest.approx(nearest, rel=1e-3)


def test_another_kind_of_edge_keeps_the_shape():
    box = ee.Geometry.BBox(-10, 50, 10, 60)
    # Edges of a result in EPSG:4326 are geodesics: the parallels get points.
    for same in (
        box.transform("EPSG:4326", 1),
        box.union(box),
        box.dissolve(),
    ):
        assert same.geodesic().getInfo() is True
        assert same.area().getInfo() == pytest.approx(equal_area(WIDE[0]), rel=1e-5)


def test_bounds_and_buffers_are_on_one_side_of_180_degrees():
    # The highest latitude of the great circle through (-10, 60) and (10, 60) on a sphere.
    top = np.degrees(np.arctan(np.tan(np.radians(60)) / np.cos(np.radians(10))))
    assert shape(ee.Geometry.Polygon(WIDE).bounds().getInfo()).bounds == pytest.approx((-10, 50, 10, top), abs=0.01)
    around = shape(ee.Geometry.Point([179.9, 0]).buffer(50_000).getInfo()).bounds
    assert around == pytest.approx((179.4508, -0.4522, 180.3492, 0.4522), abs=1e-3)


GRIDS = {
    "east": ("EPSG:4326", (5, 0, 150, 0, -5, 40)),
    "west": ("EPSG:4326", (5, 0, -200, 0, -5, 40)),
    "zone 1": ("EPSG:32601", (200_000, 0, -600_000, 0, -200_000, 3_000_000)),
    "pole": ("EPSG:3995", (500_000, 0, -4_000_000, 0, -500_000, 4_000_000)),
}


@pytest.mark.parametrize("resampled", [False, True])
@pytest.mark.parametrize("name", GRIDS)
def test_an_image_of_the_globe_has_no_seam(name, resampled):
    crs, affine = GRIDS[name]
    names = ("scaleX", "shearX", "translateX", "shearY", "scaleY", "translateY")
    grid = {"crsCode": crs, "affineTransform": dict(zip(names, affine, strict=True))}
    grid["dimensions"] = {"width": 16, "height": 16}
    a, _, c, _, e, f = affine
    x, y = np.meshgrid(c + a * (np.arange(16) + 0.5), f + e * (np.arange(16) + 0.5))
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    col, row = (lon + 180) / 10 % 36, (90 - lat) / 10
    if resampled:
        left, top = np.floor(col - 0.5), np.floor(row - 0.5).clip(0, 16)
        across, down = col - 0.5 - left, row - 0.5 - top
        left, top = left.astype(int), top.astype(int)
        one, two = (ROWS[at, left % 36] * (1 - across) + ROWS[at, (left + 1) % 36] * across for at in (top, top + 1))
        expected = one * (1 - down) + two * down
    else:
        expected = ROWS[np.floor(row).astype(int), np.floor(col).astype(int)]
    inner = (row > 0.5) & (row < 17.5)  # at the poles nothing is left to interpolate with
    for asset in ("MY/GLOBE", "MY/EAST"):
        shown = ee.Image(asset).resample("bilinear") if resampled else ee.Image(asset)
        content = ee.data.computePixels({"expression": shown, "fileFormat": "NPY", "grid": grid})
        found = np.load(BytesIO(content))["b"]
        np.testing.assert_allclose(found[inner], expected[inner], rtol=1e-6)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632", "EPSG:3857"])
def test_a_region_covers_the_same_ground_in_every_projection(crs):
    region = ee.Geometry.Polygon([[[4, 40], [14, 40], [14, 50], [4, 50]]])
    found = ee.Image.pixelArea().reduceRegion(ee.Reducer.sum(), region, crs=crs, scale=10_000).get("area").getInfo()
    assert found == pytest.approx(geodesic_area([[4, 40], [14, 40], [14, 50], [4, 50]]), rel=1e-4)


REFUSED = {
    "around a pole": lambda: ee.Geometry.Polygon([[[-120, 80], [0, 80], [120, 80]]]),
    "half a turn": lambda: ee.Geometry.Polygon([[[-90, 10], [90, 10], [0, 20]]]),
    "a whole one": lambda: ee.Geometry.Rectangle([-180, -60, 180, 60]),
    "support geometries around a pole": lambda: ee.Geometry.Point(0, 89.9).buffer(50_000),
    "latitudes between -90 and 90": lambda: ee.Geometry.Polygon([[[0, 80], [1, 80], [1, 95]]]),
    "wider than half the globe": lambda: ee.Geometry.BBox(-170, 0, 170, 10).buffer(100),
    "encloses no area": lambda: ee.Geometry.Polygon([[[0, 0], [1, 0], [2, 0]]]).buffer(100),
    "up to 1500 km": lambda: ee.Geometry.Point(0, 0).buffer(2_000_000),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_has_no_place_in_longitude_and_latitude_is_refused(message):
    with pytest.raises(ee.EEException, match=message):
        REFUSED[message]().area().getInfo()


def test_the_sinusoidal_system_of_modis():
    radius, size = 6_371_007.181, 463.3127165275
    transform = {"scaleX": size, "shearX": 0, "translateX": 1e6, "shearY": 0, "scaleY": -size, "translateY": 5e6}
    grid = {"dimensions": {"width": 3, "height": 2}, "affineTransform": transform, "crsCode": "SR-ORG:6974"}
    places = ee.Image.pixelLonLat().addBands(ee.Image("MY/GLOBE"))
    found = ee.data.computePixels({"expression": places, "fileFormat": "NUMPY_NDARRAY", "grid": grid})
    x, y = np.meshgrid(1e6 + size * np.array([0.5, 1.5, 2.5]), 5e6 - size * np.array([0.5, 1.5]))
    lat = y / radius
    np.testing.assert_allclose(found["latitude"], np.degrees(lat), rtol=1e-12)
    np.testing.assert_allclose(found["longitude"], np.degrees(x / radius / np.cos(lat)), rtol=1e-12)
    assert (found["b"] == ROWS[4, 19]).all()
    content = ee.data.computePixels({"expression": places, "fileFormat": "GEO_TIFF", "grid": grid})
    with MemoryFile(content) as file, file.open() as opened:
        assert opened.crs.to_dict()["proj"] == "sinu"
    assert ee.Projection("sr-org:6974").crs().getInfo() == "SR-ORG:6974"
