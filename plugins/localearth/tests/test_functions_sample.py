"""Pixels as features, painted features, areas and moved images."""

import ee
import numpy as np
import pytest
from localearth.values.ellipsoid import GEOD
from pyproj import Transformer
from shapely.geometry import LineString, MultiPoint, box

SIDE = 20
X, Y = 500_000.0, 5_000_000.0
CRS = "EPSG:32632"


@pytest.fixture
def image(plot):
    random = np.random.default_rng(5)
    values = random.integers(1, 4, (SIDE, SIDE)).astype(np.uint8)
    heights = (random.random((SIDE, SIDE)) * 100).astype(np.float32)
    valid = random.random((SIDE, SIDE)) > 0.2
    return plot.image(("c", values), ("h", heights, valid)), values, heights, valid


def rows_of(collection, *names):
    return [tuple(each["properties"].get(name) for name in names) for each in collection.getInfo()["features"]]


def test_sample_has_the_valid_pixels_of_a_region_row_by_row(plot, image):
    source, values, heights, valid = image
    part = slice(3, 7), slice(5, 9)
    expected = list(zip(values[part][valid[part]].tolist(), heights[part][valid[part]].tolist(), strict=True))
    assert rows_of(source.sample(plot.box(5, 3, 4, 4), 10), "c", "h") == expected
    everything = rows_of(source.sample(plot.box(5, 3, 4, 4), 10, dropNulls=False), "c", "h")
    assert [h for _, h in everything] == [
        h if v else None for h, v in zip(heights[part].flat, valid[part].flat, strict=True)
    ]


def test_sample_gives_the_centres_of_pixels(plot, image):
    source, _, _, _ = image
    found = source.select("c").sample(plot.box(5, 3, 2, 2), 10, geometries=True).getInfo()["features"]
    to_lonlat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform
    expected = [to_lonlat(X + 10 * col + 5, Y - 10 * row - 5) for row in (3, 4) for col in (5, 6)]
    assert np.allclose([each["geometry"]["coordinates"] for each in found], expected, atol=1e-9, rtol=0)


def test_a_table_of_the_pixels_of_a_region(plot, image):
    source, values, heights, valid = image
    images = ee.ImageCollection(
        [source, source.select("c").add(100).addBands(ee.Image(1).rename("h")).clip(plot.box(5, 3, 1, 1))]
    )
    table = images.getRegion(plot.box(5, 3, 2, 2), crs=CRS, crsTransform=list(plot.transform)).getInfo()
    assert table[0] == ["id", "longitude", "latitude", "time", "c", "h"]
    expected = [[values[3, 5], heights[3, 5] if valid[3, 5] else None], [values[3, 5] + 100, 1]]
    rest = [(3, 6), (4, 5), (4, 6)]
    expected += [[values[at], heights[at] if valid[at] else None] for at in rest]
    assert [row[4:] for row in table[1:]] == expected
    to_lonlat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform
    centres = [to_lonlat(X + 10 * col + 5, Y - 10 * row - 5) for row, col in ((3, 5), (3, 5), *rest)]
    assert np.allclose([row[1:3] for row in table[1:]], centres, atol=1e-9, rtol=0)
    # Two points in one pixel, and one far away, of which nothing between is read.
    points = ee.Geometry.MultiPoint([[X + 55, Y - 35], [X + 56, Y - 36], [X + 5e5, Y - 5e6], [X + 5, Y - 5]], CRS)
    found = ee.ImageCollection([ee.Image(1).toInt()]).getRegion(points, 10, CRS).getInfo()
    assert len(found) == 4


def test_drawn_pixels_are_the_same_on_every_run(plot, image):
    band = image[0].select("c").addBands(ee.Image.pixelCoordinates(CRS))
    region = plot.box(0, 0, SIDE, SIDE)
    draws = [rows_of(band.sample(region, 10, numPixels=30, seed=seed), "x", "y") for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    assert len(set(draws[0])) == 30
    assert 140 < band.sample(region, 10, factor=0.5).size().getInfo() < 260


def test_sample_regions_keeps_properties_and_leaves_masked_pixels_out(plot, image):
    source, values, _, valid = image
    regions = ee.FeatureCollection(
        [
            ee.Feature(plot.box(2, 2, 3, 3), {"name": "a", "n": 1}),
            ee.Feature(plot.box(9, 9, 2, 2), {"name": "b", "n": 2}),
        ]
    )
    expected = [("a", None, value) for value in values[2:5, 2:5][valid[2:5, 2:5]].tolist()]
    expected += [("b", None, value) for value in values[9:11, 9:11][valid[9:11, 9:11]].tolist()]
    assert rows_of(source.sampleRegions(regions, ["name"], 10), "name", "n", "c") == expected
    point = ee.FeatureCollection([ee.Feature(ee.Geometry.Point([X + 15, Y - 35], CRS), {"n": 7})])
    assert rows_of(source.select("c").sampleRegions(point, scale=10), "n", "c") == [(7, values[3, 1].item())]


def test_stratified_sample_draws_from_every_class(plot, image):
    source, values, _, valid = image
    found = source.stratifiedSample(12, "c", plot.box(0, 0, SIDE, SIDE), 10, classValues=[2, 3], classPoints=[5, 1000])
    classes = [c for (c,) in rows_of(found, "c")]
    assert [classes.count(each) for each in (1, 2, 3)] == [12, 5, int((valid & (values == 3)).sum())]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda i: i.sample(factor=0.1, numPixels=3), "Only one of 'factor' and 'numPixels'"),
        (lambda i: i.stratifiedSample(1, "h"), "band 'h' must have integer values"),
        (lambda i: ee.Image(1).sample(scale=10), "Provide 'region' parameter when aggregating over an unbounded image"),
        (lambda i: i.sample(ee.Geometry.BBox(-170, -80, 170, 80), 10, "EPSG:4326"), "Too many pixels in the region"),
    ],
)
def test_samples_that_cannot_be_drawn(image, build, message):
    with pytest.raises(ee.EEException) as caught:
        build(image[0]).getInfo()
    assert message in str(caught.value)


def test_paint_fills_polygons_in_order(plot, image):
    features = [ee.Feature(plot.box(2, 2, 5, 5), {"k": 4}), ee.Feature(plot.box(5, 5, 5, 5), {"k": 9})]
    found = plot.pixels(ee.Image(0).paint(ee.FeatureCollection(features), "k"), SIDE)["constant"]
    expected = np.zeros((SIDE, SIDE))
    expected[2:7, 2:7], expected[5:10, 5:10] = 4, 9
    assert np.array_equal(found, expected)
    empty = ee.Image().byte().paint(ee.FeatureCollection(features), 1)
    mask = plot.pixels(empty.mask(), SIDE)["constant"]
    assert np.array_equal(mask, expected > 0)


def turned(points, degrees=30):
    """Points in pixels around (10, 10), turned, as coordinates of the CRS."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return [[X + 10 * (10 + u * cos - v * sin), Y - 10 * (10 + u * sin + v * cos)] for u, v in points]


def test_paint_draws_outlines_with_square_ends_and_mitred_corners(plot, image, pixels):
    row, col = np.mgrid[0:SIDE, 0:SIDE] + 0.5 - 10
    u = col * np.cos(np.pi / 6) + row * np.sin(np.pi / 6)
    v = row * np.cos(np.pi / 6) - col * np.sin(np.pi / 6)
    ring = ee.Geometry.Polygon([turned([(-6, -6), (6, -6), (6, 6), (-6, 6)])], CRS, False)
    line = ee.Geometry.LineString(turned([(-3, 0), (2, 0)]), CRS, False)
    features = ee.FeatureCollection([ee.Feature(ring, {"w": 2.5}), ee.Feature(line, {"w": 4})])
    found = plot.pixels(ee.Image(0).paint(features, "000003", "w"), SIDE)["constant"]
    drawn = np.abs(np.maximum(np.abs(u), np.abs(v)) - 6) <= 1.25
    drawn |= (np.abs(v) <= 2) & (u >= -5) & (u <= 4)
    assert np.array_equal(found, drawn * 3)
    line, dots = LineString([(12, 21), (95, 64)]), MultiPoint([(3, 3), (151, 99)])
    places = [
        ee.Geometry.LineString([[X + x, Y - y] for x, y in line.coords], CRS, False),
        ee.Geometry.MultiPoint([[X + each.x, Y - each.y] for each in dots.geoms], CRS),
    ]
    touched = plot.pixels(ee.Image(0).paint(ee.FeatureCollection(places), 1), SIDE)["constant"]
    for at in np.ndindex(SIDE, SIDE):
        cell = box(10 * at[1], 10 * at[0], 10 * at[1] + 10, 10 * at[0] + 10)
        assert touched[at] == (line.intersects(cell) or dots.intersects(cell))
    # An outline along the edges of pixels is as wide as it should be.
    thin = plot.pixels(ee.Image(0).paint(plot.box(2, 2, 5, 5), 1, 1), SIDE)["constant"]
    assert thin.sum() == 20 and thin[1:7, [1, 6]].all() and thin[[1, 6], 1:7].all()


@pytest.mark.parametrize(
    ("color", "width", "message"),
    [(300, None, "300 is not a value of the band's type uint8"), (1, 0, "argument 'width'")],
)
def test_paint_refuses_what_is_unsure(plot, image, color, width, message):
    with pytest.raises(ee.EEException) as caught:
        ee.Image(0).byte().paint(ee.FeatureCollection([ee.Feature(plot.box(0, 0, 1, 1))]), color, width).getInfo()
    assert message in str(caught.value)


def test_pixel_area_is_that_on_the_ellipsoid(image, pixels):
    area = ee.Image.pixelArea()
    assert area.projection().getInfo()["transform"] == [1, 0, 0, 0, 1, 0]
    found = pixels(area, X, Y, 3, 3, 1000.0, CRS)["area"]
    to_lonlat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform
    for row, col in np.ndindex(3, 3):
        ring = [(X + 1e3 * c, Y - 1e3 * r) for r, c in ((row, col), (row, col + 1), (row + 1, col + 1), (row + 1, col))]
        lon, lat = np.transpose([to_lonlat(*each) for each in ring])
        assert found[row, col] == pytest.approx(abs(GEOD.polygon_area_perimeter(lon, lat)[0]), rel=1e-6)
    # Users report about 893 square metres, not 900, for 30 m of Web Mercator near the equator.
    assert pixels(area, 0, 30, 1, 1, 30.0, "EPSG:3857")["area"].item() == pytest.approx(893.97, abs=0.01)


def test_images_are_moved(plot, image, pixels):
    source, values, _, _ = image
    band = source.select("c")
    moved = plot.pixels(band.translate(20, 30), SIDE, col=2, row=-3)["c"]
    assert np.array_equal(moved, values)
    other = pixels(band.changeProj(CRS, "EPSG:32633"), X, Y, SIDE, SIDE, 10.0, "EPSG:32633")["c"]
    assert np.array_equal(other, values)
    assert band.changeProj(CRS, "EPSG:32633").projection().getInfo()["crs"] == "EPSG:32633"
    steps = plot.pixels(band.translate(2, 3, "pixels"), SIDE, col=2, row=3)["c"]
    assert np.array_equal(steps, values)
    composite = ee.ImageCollection([band, band]).mosaic()
    with pytest.raises(ee.EEException, match="on grids of EPSG:4326 only, not of EPSG:32632"):
        plot.pixels(composite.changeProj(CRS, "EPSG:4326"), 1)


def test_a_moved_image_has_its_own_pixels_in_another_crs(image, pixels):
    source, values, _, _ = image
    to_other = Transformer.from_crs(CRS, "EPSG:32633", always_xy=True).transform
    x, y = to_other(X + 45, Y - 35)  # the middle of the pixel in column 4 and row 3
    moved = source.select("c").translate(20, 30)
    found = pixels(moved, x - 1, y + 1, 2, 2, 1.0, "EPSG:32633")["c"]
    assert (found == values[6, 2]).all()


def test_hillshade_is_the_angle_to_the_light(plot, image):
    terrain = ee.Terrain.products(image[0].select("h").unmask(50).rename("elevation"))
    assert terrain.bandNames().getInfo() == ["elevation", "slope", "aspect", "hillshade"]
    found = plot.pixels(terrain, 10, col=2, row=2)
    slope, aspect = np.radians(found["slope"].astype(float)), np.radians(found["aspect"].astype(float))
    zenith = np.radians(45)
    light = np.cos(zenith) * np.cos(slope) + np.sin(zenith) * np.sin(slope) * np.cos(np.radians(270) - aspect)
    assert np.abs(found["hillshade"] - np.clip(255 * light, 0, 255)).max() <= 1
    flat = plot.pixels(ee.Terrain.hillshade(ee.Image(5)), 1)["hillshade"]
    assert flat.item() == 180


def test_best_effort_takes_larger_pixels(plot, image):
    source, values, _, _ = image
    region = plot.box(0, 0, SIDE, SIDE)
    options = {"reducer": "mean", "geometry": region, "scale": 10, "bestEffort": True}
    assert source.select("c").reduceRegion(**options).getInfo() == {"c": pytest.approx(values.mean())}
    # 20 x 20 pixels of 10 m become 10 x 10 of 20 m.
    larger = source.reduceRegion("mean", region, 20).getInfo()
    assert source.reduceRegion(**options, maxPixels=100).getInfo() == larger
    # The area is 63 pixels: 7.94 x 7.94, of which 8 x 8 have their centre inside.
    fewer = ee.Image(1).reduceRegion("count", region, 10, "EPSG:32632", bestEffort=True, maxPixels=63)
    assert fewer.getInfo() == {"constant": 64}
    with pytest.raises(ee.EEException, match="Found 400, but maxPixels allows only 100"):
        source.reduceRegion(**options | {"bestEffort": False}, maxPixels=100).getInfo()


def test_the_number_of_pixels_is_the_area_of_a_region(plot, image):
    # The guide on debugging prints this number.
    globe = ee.Geometry.Rectangle([-180, -90, 180, 90], None, False)
    with pytest.raises(ee.EEException, match=r"Found 80300348117, but maxPixels allows only 10000000\."):
        ee.Image(1).reduceRegion("count", globe, 100).getInfo()
    apart = plot.box(0, 0, 2, 2).union(plot.box(500, 0, 2, 2), proj=CRS)
    assert ee.Image(1).reduceRegion("count", apart, 10, CRS, maxPixels=8).getInfo() == {"constant": 8}
    effort = ee.Image(1).reduceRegion("count", apart, 10, CRS, maxPixels=2, bestEffort=True)
    assert effort.getInfo() == {"constant": 2}


def test_a_huge_region_fails_before_memory_is_taken(image):
    everything = ee.Geometry.BBox(-170, -80, 170, 80)
    with pytest.raises(
        ee.EEException, match=r"Too many pixels in the region. Found \d+, but maxPixels allows only 10000000"
    ):
        image[0].reduceRegion("mean", everything, 10, "EPSG:4326").getInfo()
    with pytest.raises(ee.EEException, match="of which the local Earth Engine computes at most"):
        image[0].reduceRegion("mean", everything, 10, "EPSG:4326", maxPixels=1e15).getInfo()


def test_too_many_features_of_a_sample_fail_before_they_are_made(plot, image, monkeypatch):
    monkeypatch.setattr("localearth.functions.sample.FEATURES", 300)
    zones = ee.FeatureCollection([ee.Feature(plot.box(0, 0, 15, 15)), ee.Feature(plot.box(5, 5, 15, 15))])
    pixels = image[0].select("c")
    assert pixels.sample(plot.box(0, 0, SIDE, SIDE), numPixels=300).size().getInfo() == 300
    for many in (
        pixels.sample(plot.box(0, 0, SIDE, SIDE)),
        pixels.sampleRegions(zones),
        pixels.stratifiedSample(200, "c"),
    ):
        with pytest.raises(ee.EEException, match=r"User memory limit exceeded: \d+ features"):
            many.size().getInfo()


def test_a_normalized_difference_lies_between_minus_1_and_1(image):
    kind = image[0].normalizedDifference(["c", "h"]).getInfo()["bands"][0]["data_type"]
    assert kind == {"type": "PixelType", "precision": "float", "min": -1, "max": 1}
