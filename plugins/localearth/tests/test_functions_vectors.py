"""Features as pixels and pixels as features, against plain loops and shapely."""

import heapq
import math
from collections import Counter

import ee
import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer
from shapely.geometry import LineString, MultiPoint, Polygon, box, shape

SIDE = 16
GEOD = Geod(ellps="WGS84")
X, Y = 500_000.0, 5_000_000.0
CRS = "EPSG:32632"


@pytest.fixture
def image(plot):
    random = np.random.default_rng(8)
    values = random.integers(0, 3, (SIDE, SIDE)).astype(np.uint8)
    heights = random.integers(0, 99, (SIDE, SIDE)).astype(np.int16)
    valid = random.random((SIDE, SIDE)) > 0.1
    return plot.image(("c", values, valid), ("h", heights)), values, heights, valid


def square_of(row, col):
    return box(X + 10 * col, Y - 10 * row - 10, X + 10 * col + 10, Y - 10 * row)


@pytest.mark.parametrize("diagonal", [True, False])
def test_vectors_are_the_groups_of_equal_pixels(segments, image, diagonal):
    source, values, heights, valid = image
    found = source.reduceToVectors(
        "mean", eightConnected=diagonal, labelProperty="zone", geometryInNativeProjection=True, scale=10
    ).getInfo()["features"]
    expected = segments(values, valid, diagonal)
    assert len(found) == len(expected)
    for feature, group in zip(found, expected, strict=True):
        mean = np.mean([heights[each] for each in group])
        assert feature["properties"] == {"zone": int(values[group[0]]), "mean": pytest.approx(mean)}
        outline = shape(feature["geometry"])
        assert outline.is_valid and feature["geometry"]["geodesic"] is False
        assert outline.equals(shapely.union_all([square_of(*each) for each in group]))
        assert all(shapely.is_ccw(part.exterior) for part in getattr(outline, "geoms", [outline]))


@pytest.mark.parametrize("kind", ["bb", "centroid"])
def test_vectors_of_a_region_as_boxes_or_points(segments, plot, image, kind):
    source, values, _, valid = image
    region = plot.box(2, 3, 7, 7)
    found = source.select("c").reduceToVectors(geometry=region, geometryType=kind, scale=10).getInfo()["features"]
    part = np.zeros_like(valid)
    part[3:10, 2:9] = valid[3:10, 2:9]
    expected = segments(values, part, True)
    to_lonlat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform
    assert len(found) == len(expected)
    for feature, group in zip(found, expected, strict=True):
        assert feature["properties"] == {"label": int(values[group[0]]), "count": len(group)}
        row, col = np.transpose(group)
        if kind == "centroid":
            where = to_lonlat(X + 10 * col.mean() + 5, Y - 10 * row.mean() - 5)
            assert feature["geometry"]["coordinates"] == pytest.approx(where, abs=1e-9)
        else:
            x, y = [X + 10 * col.min(), X + 10 * col.max() + 10], [Y - 10 * row.max() - 10, Y - 10 * row.min()]
            ring = to_lonlat(np.array(x)[[0, 1, 1, 0]], np.array(y)[[0, 0, 1, 1]])
            assert shape(feature["geometry"]).symmetric_difference(Polygon(np.transpose(ring))).area < 1e-15


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda i: i.divide(2).reduceToVectors(), "Band 'c' must have integer values"),
        (lambda i: i.select("c").reduceToVectors("mean"), "The reducer has 1 inputs, but the image 0 other bands"),
        (lambda i: i.reduceToVectors("mean", geometryType="hull"), "'hull'; use one of polygon, bb, centroid"),
        (lambda i: i.reduceToVectors("mean", maxPixels=9), "Too many pixels in the region"),
        (lambda i: ee.FeatureCollection([]).reduceToImage(["a", "b"], "mean"), "1 inputs, but 2 properties"),
    ],
)
def test_vectors_that_cannot_be_made(image, build, message):
    with pytest.raises(ee.EEException, match=message):
        build(image[0]).getInfo()


@pytest.mark.usefixtures("client")
def test_features_become_pixels_that_they_intersect(plot):
    shapes = {
        5: Polygon([(X + 12, Y - 13), (X + 85, Y - 32), (X + 33, Y - 91)]),
        2: box(X + 50, Y - 90, X + 120, Y - 20),
        7: LineString([(X + 3, Y - 101), (X + 118, Y - 66)]),
        9: MultiPoint([(X + 25, Y - 25), (X + 144, Y - 144)]),
        4: box(X - 500, Y, X, Y + 500),
    }
    made = {k: shapely.geometry.mapping(each) for k, each in shapes.items()}
    edges = {k: {} if each["type"] == "MultiPoint" else {"geodesic": False} for k, each in made.items()}
    features = [ee.Feature(ee.Geometry(each, CRS, **edges[k]), {"k": k}) for k, each in made.items()]
    without = ee.Feature(plot.box(0, 0, 16, 16), {})
    collection = ee.FeatureCollection([*features, without])
    reducer = ee.Reducer.sum().combine("count", "", True).combine("first", "", True)
    found = plot.pixels(collection.reduceToImage(["k"], reducer), SIDE)
    for row, col in np.ndindex(SIDE, SIDE):
        cell = square_of(row, col)
        here = [
            k for k, each in shapes.items() if (each.intersection(cell).area or not each.area) and each.intersects(cell)
        ]
        assert found["sum"][row, col] == sum(here), (row, col)
        assert found["count"][row, col] == len(here)
        assert found["first"][row, col] == (here or [0])[0]
    fit = plot.pixels(collection.reduceToImage(["k", "k"], ee.Reducer.max(2)), SIDE)
    assert Counter(fit["max1"].ravel().tolist())[9] == 2


@pytest.mark.usefixtures("client")
def test_distances_to_the_nearest_feature(pixels):
    shapes = [
        ee.Geometry.Point([9.02, 45.12]),
        ee.Geometry.LineString([[9.05, 45.05], [9.3, 45.07]]),
        ee.Geometry.Polygon([[[8.9, 45.0], [9.0, 45.0], [9.0, 45.1], [8.9, 45.1]]]),
    ]
    rings = ee.FeatureCollection([*shapes[:2], ee.Geometry.LineString(shapes[2].coordinates().get(0))])
    found = pixels(ee.FeatureCollection(shapes).distance(6000).unmask(-1, False), X - 5000, Y, 6, 7, 3000.0, CRS)
    to_lonlat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform
    cells = list(np.ndindex(7, 6))
    centres = [ee.Geometry.Point(to_lonlat(X - 3500 + 3000 * col, Y - 1500 - 3000 * row)) for row, col in cells]
    asked = [rings.map(lambda f, p=point: f.set("d", f.distance(p))).aggregate_min("d") for point in centres]
    for cell, metres in zip(cells, ee.List(asked).getInfo(), strict=True):
        assert found["distance"][cell] == pytest.approx(metres if metres <= 6000 else -1, rel=1e-5)
    assert -1 < found["distance"].max() <= 6000 and found["distance"].min() == -1
    with pytest.raises(ee.EEException, match="above 0 and at most 1000000"):
        ee.FeatureCollection(shapes).distance(0).getInfo()


def test_costs_of_the_cheapest_ways(plot, image, pixels):
    source, values, heights, valid = image
    cost = source.select("h").updateMask(source.select("c").mask())
    starts = source.select("c").eq(1).And(source.select("h").gt(60))
    found = plot.pixels(cost.cumulativeCost(starts, 600, False).unmask(-1, False), SIDE)["h"]
    best = dict.fromkeys(zip(*np.nonzero((values == 1) & (heights > 60) & valid), strict=True), 0.0)
    todo = [(0.0, each) for each in best]
    while todo:
        so_far, (row, col) = heapq.heappop(todo)
        for near in ((row + down, col + right) for down in (-1, 0, 1) for right in (-1, 0, 1)):
            if min(near) >= 0 and max(near) < SIDE and valid[near]:
                length = 10 * math.hypot(near[0] - row, near[1] - col)
                total = so_far + length * (int(heights[row, col]) + int(heights[near])) / 2
                if total < best.get(near, math.inf):
                    best[near] = total
                    heapq.heappush(todo, (total, near))
    expected = np.array([[best.get((row, col), -1) for col in range(SIDE)] for row in range(SIDE)])
    assert np.allclose(found, expected)
    # On the sphere, a step of 0.01 degrees of longitude shrinks with the cosine of latitude; three steps are too many.
    east = ee.Image.pixelCoordinates("EPSG:4326").select("x").floor().eq(9)
    far = (
        ee.Image(1).cumulativeCost(east.reproject("EPSG:4326", [0.01, 0, 9, 0, -0.01, 60.005]), 2500).unmask(-1, False)
    )
    row = pixels(far, 10, 60.005, 4, 1, 0.01, "EPSG:4326")["constant"][0]
    step = math.radians(0.01) * 6_378_137 * 0.5
    assert row == pytest.approx([step, 2 * step, -1, -1], rel=1e-6)


def test_a_cost_of_nan_does_not_spread(plot):
    costs = np.array([[1.0, np.nan, 1.0], [1.0, 1.0, 1.0]])
    image = plot.image(("c", costs))
    start = (
        ee.Image.pixelCoordinates(CRS).select("x").lt(X + 10).And(ee.Image.pixelCoordinates(CRS).select("y").gt(Y - 10))
    )
    found = plot.pixels(image.cumulativeCost(start, 100, False).unmask(-1, False), 3, 2)["c"]
    root = 10 * math.sqrt(2)
    assert found == pytest.approx(np.array([[0, -1, 2 * root], [10, root, root + 10]]))


def test_texture_of_pairs(plot, image):
    source, values, _, valid = image
    names = ["asm", "contrast", "corr", "var", "idm", "savg", "sent", "ent", "dvar", "dent", "imcorr1", "imcorr2"]
    names += ["diss", "inertia", "shade", "prom"]
    asked = source.select("c").glcmTexture(2, ee.Kernel.fixed(3, 3, [[0, 0, 1], [1, 0, 1], [0, 0, 0]]))
    found = plot.pixels(asked.select([f"c_{name}" for name in names]), 2, col=6, row=6)
    for row, col in np.ndindex(2, 2):
        part = slice(row + 4, row + 9), slice(col + 4, col + 9)
        both = [haralick(values[part].astype(int), valid[part], by) for by in ((-1, 1), (0, -1))]
        for at, name in enumerate(names):
            expected = (both[0][at] + both[1][at]) / 2 if valid[row + 6, col + 6] else 0
            assert found[f"c_{name}"][row, col] == pytest.approx(expected), name


def haralick(values, valid, by):
    """Haralick's formulas on the matrix itself."""
    matrix = np.zeros((3, 3))
    for row, col in np.ndindex(5, 5):
        other = row + by[0], col + by[1]
        if min(other) >= 0 and max(other) < 5 and valid[row, col] and valid[other]:
            matrix[values[row, col], values[other]] += 1
            matrix[values[other], values[row, col]] += 1
    p = matrix / matrix.sum()
    i, j = np.mgrid[0:3, 0:3]
    px, py = p.sum(axis=1), p.sum(axis=0)
    mean, var = (i * p).sum(), (((i - (i * p).sum()) ** 2) * p).sum()
    total = np.array([p[i + j == k].sum() for k in range(5)])
    apart = np.array([p[abs(i - j) == k].sum() for k in range(3)])
    k = np.arange(3)

    def entropy(q):
        return -(q[q > 0] * np.log(q[q > 0])).sum()

    product = np.outer(px, py)
    cross = -(p * np.log(np.where(product > 0, product, 1))).sum()
    contrast, diss = ((i - j) ** 2 * p).sum(), (abs(i - j) * p).sum()
    return [
        (p**2).sum(),
        contrast,
        ((i * j * p).sum() - mean**2) / var,
        var,
        (p / (1 + (i - j) ** 2)).sum(),
        (np.arange(5) * total).sum(),
        entropy(total),
        entropy(p),
        ((k - (k * apart).sum()) ** 2 * apart).sum(),
        entropy(apart),
        (entropy(p) - cross) / max(entropy(px), entropy(py)),
        np.sqrt(1 - np.exp(-2 * (entropy(product) - entropy(p)))),
        diss,
        contrast,
        ((i + j - 2 * mean) ** 3 * p).sum(),
        ((i + j - 2 * mean) ** 4 * p).sum(),
    ]


def test_texture_has_the_extremes_that_a_course_published(plot, client):
    numbered = ee.Image.pixelCoordinates(CRS).toInt64()
    unlike = numbered.select("x").add(numbered.select("y").multiply(7919)).toInt64().rename("g")
    found = plot.pixels(unlike.glcmTexture(2).select(["g_asm", "g_ent"]), 1)
    assert (round(found["g_asm"].item(), 4), round(found["g_ent"].item(), 3)) == (0.0281, 3.577)
    for name, message in (("svar", "sum average"), ("maxcorr", "does not compute it")):
        with pytest.raises(ee.EEException, match=message):
            plot.pixels(unlike.glcmTexture().select(f"g_{name}"), 1)
    with pytest.raises(ee.EEException, match="does not know corr"):
        plot.pixels(ee.Image(3).glcmTexture().select("constant_corr"), 1)


@pytest.mark.parametrize("crs_and_corner", [("EPSG:4326", 170), ("EPSG:4326", -190), ("EPSG:32660", None)])
def test_features_across_180_degrees(engine, kit, pixels, crs_and_corner):
    crs, west = crs_and_corner
    engine(kit.World())
    points = ee.FeatureCollection([ee.Geometry.Point([179.9, 0.3]), ee.Geometry.Point([-179.9, 1.2])])
    square = ee.FeatureCollection([ee.Feature(ee.Geometry.Rectangle([175, -5, 188, 5], None, False), {"v": 3})])
    place = (west, 10, 40, 40, 0.5, crs) if west else (700_000, 200_000, 40, 40, 10_000, crs)
    step = place[4]
    x, y = place[0] + step * (np.arange(40) + 0.5), place[1] - step * (np.arange(40)[:, None] + 0.5)
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(*np.broadcast_arrays(x, y))
    far = [
        GEOD.inv(lon, lat, np.full(lon.shape, a), np.full(lon.shape, b))[2] for a, b in ((179.9, 0.3), (-179.9, 1.2))
    ]
    nearest = np.min(far, axis=0)
    got = pixels(points.distance(300_000).unmask(-1), *place)["distance"]
    np.testing.assert_allclose(got, np.where(nearest <= 300_000, nearest, -1), rtol=1e-7)
    inside = ((lon % 360 > 175) & (lon % 360 < 188) & (np.abs(lat) < 5)).sum()
    assert pixels(ee.Image(0).paint(square, 1), *place)["constant"].sum() == inside
    if west:
        assert (pixels(square.reduceToImage(["v"], ee.Reducer.max()), *place)["max"] == 3).sum() == inside
        # Outlines of two pixels, and half a pixel more around the painted square.
        assert pixels(ee.Image(0).paint(square, 1, 2), *place)["constant"].sum() == 2 * (26 + 20) * 2
