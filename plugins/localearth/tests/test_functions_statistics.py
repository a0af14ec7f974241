"""Regression, correlation, angles, colours, texture and rectangles, against numpy, tables and plain loops."""

import cmath
import colorsys
import math
from collections import Counter

import ee
import numpy as np
import pytest
import shapely
from localearth.values.regression import incomplete_beta
from pyproj import Transformer

SIDE = 24


@pytest.fixture
def image(plot):
    random = np.random.default_rng(4)
    values = random.integers(0, 9, (SIDE, SIDE)).astype(np.int16)
    valid = random.random((SIDE, SIDE)) > 0.05
    return plot.image(("v", values, valid), **{"note": 7, "system:time_start": 5}), values, valid


@pytest.fixture
def filled(plot):
    """Asks for each band of an image, (rows, cols), with NaN where it is masked."""

    def ask(image, *place):
        found = plot.pixels(image.double().unmask(-99, False), *place)
        return [np.where(found[name] == -99, np.nan, found[name]) for name in found.dtype.names]

    return ask


def test_the_pixels_of_a_rectangle(plot, image):
    band, values, valid = image
    where = plot.box(2, 3, 4, 2)
    found = band.sampleRectangle(where, defaultValue=-1).getInfo()
    assert found["properties"] == {"note": 7, "v": np.where(valid, values, -1)[3:5, 2:6].tolist()}
    # A smaller rectangle touches the same pixels; the properties can be chosen.
    found = band.sampleRectangle(plot.box(2.3, 3.1, 3.3, 1.5), ["system:time_start"], -1).getInfo()["properties"]
    assert found == {"system:time_start": 5, "v": np.where(valid, values, -1)[3:5, 2:6].tolist()}
    with pytest.raises(ee.EEException, match="Fully masked pixels / pixels outside of the image footprint"):
        band.sampleRectangle(plot.box(-1, 0, 3, 3)).getInfo()
    with pytest.raises(ee.EEException, match=r"argument 'defaultValue'.* cannot hold it"):
        band.sampleRectangle(where, defaultValue=0.5).getInfo()
    with pytest.raises(ee.EEException, match=r"must be <= 262144\. Got 262656"):
        band.sampleRectangle(plot.box(0, 0, 513, 512)).getInfo()


@pytest.mark.usefixtures("client")
def test_a_rectangle_has_the_pixels_that_it_touches():
    degrees = ee.Projection("EPSG:4326", [0.1, 0, -180.05, 0, -0.1, 90.05])
    scene = ee.Image.pixelCoordinates(degrees).select("x").floor().reproject(degrees)
    found = scene.sampleRectangle(ee.Geometry.Rectangle([84.47, 27.23, 86.47, 29.23])).get("x").getInfo()
    assert np.shape(found) == (21, 21)
    # In a zone of UTM this box is not a rectangle: its bounds are at points along the edges.
    landsat = ee.Projection("EPSG:32612", [30, 0, 390_015, 0, -30, 5_050_515])
    scene = ee.Image.pixelCoordinates(landsat).select("x").floor().reproject(landsat)
    west, south, east, north = -110.8, 44.6, -110.6, 44.7
    along = shapely.segmentize(shapely.box(west, south, east, north), 0.001)
    x, y = Transformer.from_crs(4326, 32612, always_xy=True).transform(*shapely.get_coordinates(along).T)
    cols = [math.floor((v - 15) / 30) for v in (x.min(), x.max())]
    rows = [math.floor((v - 15) / 30) for v in (y.min(), y.max())]
    found = scene.sampleRectangle(ee.Geometry.Rectangle([west, south, east, north], None, False)).get("x").getInfo()
    assert np.shape(found) == (rows[1] - rows[0] + 1, cols[1] - cols[0] + 1)


TABLE = {"x": [1, 2, 4, 5, 9, 12], "z": [3, 1, 4, 1, 5, 9], "y": [2.5, 3, 7, 6.5, 14, 16]}


@pytest.mark.usefixtures("client")
def test_a_regression_of_columns():
    rows = [ee.Feature(None, {"one": 1, **{k: v[i] for k, v in TABLE.items()}}) for i in range(6)]
    fit = ee.Reducer.linearRegression(3, 1)
    found = ee.FeatureCollection(rows).reduceColumns(fit, ["one", "x", "z", "y"]).getInfo()
    x = np.column_stack([np.ones(6), TABLE["x"], TABLE["z"]])
    expected, squares, _, _ = np.linalg.lstsq(x, np.asarray(TABLE["y"]), rcond=None)
    assert np.allclose(found["coefficients"], expected[:, None])
    assert found["residuals"] == [pytest.approx(math.sqrt(squares[0] / 6))]
    # The example of Google's guide on regression.
    line = ee.List([[1, i, i] for i in range(1, 6)]).reduce(ee.Reducer.linearRegression(2, 1)).getInfo()
    assert np.allclose(line["coefficients"], [[0], [1]]) and np.allclose(line["residuals"], [0])
    short = ee.FeatureCollection(rows[:3]).reduceColumns(fit, ["one", "x", "z", "y"])
    assert short.getInfo() == {"coefficients": None, "residuals": None}
    twice = ee.FeatureCollection(rows).reduceColumns(fit, ["one", "x", "x", "y"])
    assert twice.getInfo() == {"coefficients": None, "residuals": None}


def test_a_regression_of_the_pixels_of_a_region(plot, image):
    band, values, valid = image
    bands = ee.Image.constant(1).addBands(band).addBands(band.pow(2).add(band.mod(3))).rename(["one", "x", "y"])
    fit = ee.Reducer.linearRegression(2, 1)
    found = bands.reduceRegion(fit, **plot.where(1, 2, 9, 8)).getInfo()
    x = values[2:10, 1:10][valid[2:10, 1:10]].astype(float)
    assert np.allclose(np.ravel(found["coefficients"])[::-1], np.polyfit(x, x * x + x % 3, 1))
    part = plot.where(0.7, 1.7, 9.6, 8.6)
    assert np.allclose(bands.reduceRegion(fit, **part).getInfo()["coefficients"], found["coefficients"])


def test_a_regression_and_a_correlation_of_every_pixel(image, filled):
    band, values, valid = image
    times, shares = [1, 2, 4, 8, 9], [3, 1, -2, 5, 7]
    images = ee.ImageCollection(
        [
            ee.Image.constant(1)
            .double()
            .addBands(ee.Image.constant(t))
            .addBands(band.add(1).multiply(s).add(t))
            .rename(["one", "t", "y"])
            for t, s in zip(times, shares, strict=True)
        ]
    )
    fit = images.reduce(ee.Reducer.linearRegression(2, 1).unweighted())
    assert fit.bandNames().getInfo() == ["coefficients", "residuals"]
    found = filled(fit.select("coefficients").arrayProject([0]).arrayFlatten([["a", "b"]]), 7, 6)
    related = filled(images.select(["t", "y"]).reduce(ee.Reducer.pearsonsCorrelation()), 7, 6)
    x = np.column_stack([np.ones(5), times])
    for row in range(6):
        for col in range(7):
            y = (values[row, col] + 1.0) * np.asarray(shares) + times
            expected = np.linalg.lstsq(x, y, rcond=None)[0] if valid[row, col] else [np.nan, np.nan]
            assert np.allclose([each[row, col] for each in found], expected, equal_nan=True)
            r = np.corrcoef(times, y)[0, 1] if valid[row, col] else np.nan
            assert np.allclose(related[0][row, col], r, equal_nan=True)


@pytest.mark.parametrize(
    ("freedom", "t", "chance"),
    [(1, 12.7062, 0.05), (8, 2.306004, 0.05), (8, 0.261921, 0.80), (30, 2.749996, 0.01), (1000, 1.962339, 0.05)],
)
def test_p_values_are_those_of_tables_of_students_t(freedom, t, chance):
    x = np.asarray([freedom / (freedom + t * t)])
    assert incomplete_beta(x, np.asarray([freedom / 2]), 0.5)[0] == pytest.approx(chance, rel=2e-5)


@pytest.mark.usefixtures("client")
def test_correlations_of_lists():
    pairs = [[1, 2], [2, 1], [3, 4], [4, 3], [5, 5]]
    found = ee.List(pairs).reduce(ee.Reducer.pearsonsCorrelation()).getInfo()
    # r is 0.8 and t = 0.8 sqrt(3 / 0.36) = 2.3094; for 3 degrees the integral of Student's density is elementary.
    angle = math.atan(0.8 / 0.6)
    assert found == {
        "correlation": pytest.approx(0.8),
        "p-value": pytest.approx(1 - 2 / math.pi * (angle + math.sin(angle) * math.cos(angle))),
    }
    assert ee.List([[1, 2], [2, 4], [3, 6]]).reduce(ee.Reducer.pearsonsCorrelation()).getInfo()["p-value"] == 0
    short = ee.List([[1, 2], [1, 3], [1, 5]]).reduce(ee.Reducer.pearsonsCorrelation())
    assert short.getInfo() == {"correlation": None, "p-value": None}


@pytest.mark.usefixtures("client")
def test_means_of_angles():
    angles = [0.1, 6.2, 1.0, -0.4]
    mean = sum(cmath.exp(1j * angle) for angle in angles) / 4
    expected = {
        "circularMean": cmath.phase(mean),
        "circularVariance": 1 - abs(mean),
        "circularStddev": math.sqrt(-2 * math.log(abs(mean))),
    }
    for name, value in expected.items():
        assert ee.List(angles).reduce(getattr(ee.Reducer, name)()).getInfo() == pytest.approx(value)


def test_reducers_for_each_band_and_distinct_values(plot, image):
    band, values, valid = image
    pair = band.addBands(band.mod(2).rename("odd"))
    where = plot.where(0, 0, 5, 5)
    pair = pair.unmask(0)
    found = pair.reduceRegion(ee.Reducer.max().forEachBand(pair), **where).getInfo()
    inside = np.where(valid, values, 0)[:5, :5]
    assert found == {"v": inside.max(), "odd": (inside % 2).max()}
    assert band.reduceRegion(ee.Reducer.countDistinct(), **where).getInfo() == {
        "v": len(set(values[:5, :5][valid[:5, :5]].tolist()))
    }
    table = ee.FeatureCollection([ee.Feature(None, {"k": key}) for key in "abca"])
    assert table.reduceColumns(ee.Reducer.countDistinct(), ["k"]).getInfo() == {"count": 3}
    more = table.merge(ee.FeatureCollection([ee.Feature(None, {})]))
    assert more.reduceColumns("countDistinct", ["k"]).getInfo() == {"count": 4}
    assert more.reduceColumns("countDistinctNonNull", ["k"]).getInfo() == {"count": 3}


def test_hue_saturation_and_value(image, filled):
    band, values, valid = image
    rgb = band.divide(9).addBands(band.multiply(5).mod(7).divide(9)).addBands(band.mod(3).divide(9))
    hsv = rgb.rgbToHsv()
    assert hsv.bandNames().getInfo() == ["hue", "saturation", "value"]
    assert hsv.hsvToRgb().bandNames().getInfo() == ["red", "green", "blue"]
    there, back = filled(hsv, SIDE), filled(hsv.hsvToRgb(), SIDE)
    for row, col in np.argwhere(valid):
        v = int(values[row, col])
        colour = (v / 9, 5 * v % 7 / 9, v % 3 / 9)
        assert np.allclose([each[row, col] for each in there], colorsys.rgb_to_hsv(*colour))
        assert np.allclose([each[row, col] for each in back], colour)
    assert np.isnan(there[0][~valid]).all()
    with pytest.raises(ee.EEException, match="must have 3 bands, not 1"):
        band.rgbToHsv().getInfo()


def test_fractions_of_end_members(image, filled):
    band, values, valid = image
    three = band.addBands(band.multiply(2)).addBands(band.pow(2))
    members = [[1, 4, 2], [3, 3, 9]]
    found = filled(three.unmix(members), 5, 4)
    matrix = np.asarray(members, float).T
    for row, col in np.argwhere(valid[:4, :5]):
        v = float(values[row, col])
        expected = np.linalg.lstsq(matrix, np.asarray([v, 2 * v, v * v]), rcond=None)[0]
        assert np.allclose([each[row, col] for each in found], expected)
    with pytest.raises(ee.EEException, match="argument 'sumToOne'"):
        three.unmix(members, True).getInfo()


def test_entropy_and_zero_crossings(image, filled):
    band, values, valid = image
    (found,) = filled(band.entropy(ee.Kernel.circle(2)), 6, 6, 5, 5)
    signed = values.astype(int) - 4
    (crossed,) = filled(band.subtract(4).zeroCrossing(), 6, 6, 5, 5)
    circle = [(r, c) for r in range(-2, 3) for c in range(-2, 3) if r * r + c * c <= 4]
    for row in range(6):
        for col in range(6):
            at, around = (row + 5, col + 5), [(row + 5 + r, col + 5 + c) for r, c in circle]
            seen = Counter(int(values[each]) for each in around if valid[each])
            total = sum(seen.values())
            expected = -sum(n / total * math.log2(n / total) for n in seen.values()) if valid[at] else math.nan
            assert found[row, col] == pytest.approx(expected, nan_ok=True)
            others = [(at[0] + r, at[1] + c) for r, c in ((0, 1), (1, 0), (1, 1))]
            known = all(valid[each] for each in (at, *others))
            opposite = any(signed[at] * signed[each] < 0 for each in others)
            assert crossed[row, col] == pytest.approx(float(opposite) if known else math.nan, nan_ok=True)
    with pytest.raises(ee.EEException, match="must have integer values"):
        band.divide(2).entropy(ee.Kernel.square(1)).getInfo()


def test_spectral_distances(plot, filled):
    one, two = ee.Image([3, 0.5, 2]), ee.Image([1.0, 4, 2.5])
    a, b = np.array([3, 0.5, 2]), np.array([1, 4, 2.5])
    p, q = a / a.sum(), b / b.sum()
    relative = (p * np.log(p / q)).sum() + (q * np.log(q / p)).sum()
    angle = math.acos(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    for metric, expected in (("sam", angle), ("sid", relative), ("sed", np.linalg.norm(a - b) ** 2)):
        assert filled(one.spectralDistance(two, metric), 1)[0].item() == pytest.approx(expected)
    for build, message in (
        (lambda: one.spectralDistance(two, "emd"), "use one of sam, sid, sed"),
        (lambda: one.spectralDistance(two.multiply(0)), "has no angle"),
        (lambda: one.spectralDistance(two.multiply(-1), "sid"), "values above 0"),
        (lambda: one.spectralDistance(ee.Image([1, 2])), "equally many bands, not 3 and 2"),
    ):
        with pytest.raises(ee.EEException, match=message):
            filled(build(), 1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ee.Reducer.ridgeRegression(2), "Reducer.ridgeRegression: .* how Google scales the predictors"),
        (lambda: ee.Image(1).derivative(), "Image.derivative: .* not documented"),
        (lambda: ee.Classifier.smileCart(), "Classifier.smileCart: .* not planned"),
        (
            lambda: ee.Image(1).medialAxis(),
            "does not implement this function .`localearth functions`",
        ),
    ],
)
def test_a_refusal_has_a_reason(local, build, message):
    with pytest.raises(ee.EEException, match=message):
        build().getInfo()
