"""Reducers of ranks, moments, intervals and arrays, against numpy and values that scipy 1.17 computed."""

import ee
import numpy as np
import pytest

TIMES = [1, 2, 3, 4, 6, 7, 9, 9]
SERIES = [3, 1, 4, 1, 5, 9, 2, 6.5]
EXPECTED = {
    # theilslopes(method="joint"), kendalltau, spearmanr; the p-value of Kendall's tau is null on Google's servers.
    "sensSlope": {"slope": 0.4166666666666667, "offset": 2.541666666666667},
    "kendallsCorrelation": {"tau": 0.37037037037037035, "p-value": None},
    "spearmansCorrelation": {"correlation": 0.45783132530120474, "p-value": 0.25398026687738356},
}


def reducer(name):
    return ee.Reducer.kendallsCorrelation(2) if name == "kendallsCorrelation" else getattr(ee.Reducer, name)()


@pytest.fixture
def bands(plot):
    """An image of two bands, the values, and where both are valid."""
    random = np.random.default_rng(8)
    values = random.integers(0, 90, (2, 9, 9)).astype(np.int16)
    valid = random.random((9, 9)) > 0.1
    return plot.image(*((name, band, valid) for name, band in zip("ab", values, strict=True))), values, valid


@pytest.mark.parametrize("name", EXPECTED)
def test_orders_of_lists_and_of_every_pixel(plot, bands, name):
    pairs = ee.List(TIMES).zip(SERIES)
    assert pairs.reduce(reducer(name)).getInfo() == pytest.approx(EXPECTED[name])
    image, _, valid = bands
    series = ee.ImageCollection(
        [
            ee.Image.constant(t).addBands(image.select("a").multiply(0).add(y)).rename(["t", "y"])
            for t, y in zip(TIMES, SERIES, strict=True)
        ]
    )
    # A further image is masked everywhere.
    images = series.merge(series.limit(1).map(lambda each: each.add(5).updateMask(0)))
    found = images.reduce(reducer(name))
    row, col = np.argwhere(valid)[3]
    shown = found.reduceRegion(ee.Reducer.first(), **plot.where(col, row, 1, 1)).getInfo()
    assert shown == pytest.approx(EXPECTED[name])
    assert list(shown) == found.bandNames().getInfo() == list(EXPECTED[name])


def test_a_trend_in_the_order_of_images(plot, bands):
    image, _, valid = bands
    images = ee.ImageCollection([image.select("a").multiply(0).add(y) for y in SERIES])
    both = ee.Reducer.kendallsCorrelation(1).combine(ee.Reducer.mean(), None, True)
    row, col = np.argwhere(valid)[0]
    found = images.reduce(both).reduceRegion(ee.Reducer.first(), **plot.where(col, row, 1, 1)).getInfo()
    expected = {"a_tau": 0.4000661320993193, "a_p-value": None, "a_mean": np.mean(SERIES)}
    assert found == pytest.approx(expected)
    assert ee.List([[2, 1], [2, 5], [2, 7]]).reduce(ee.Reducer.sensSlope()).getInfo() == {"slope": None, "offset": None}
    with pytest.raises(ee.EEException, match="compares the pairs of at most 4000 inputs, not of 4001"):
        ee.List.repeat(1, 4001).reduce(ee.Reducer.kendallsCorrelation()).getInfo()


def test_the_shape_of_a_distribution(plot, bands):
    image, values, valid = bands
    assert ee.List(SERIES).reduce(ee.Reducer.skew()).getInfo() == pytest.approx(0.6133520568512802)
    assert ee.List(SERIES).reduce(ee.Reducer.kurtosis()).getInfo() == pytest.approx(-0.7304506405396811)
    both = ee.Reducer.skew().combine(ee.Reducer.kurtosis(), None, True)
    found = image.select("b").reduceRegion(both.unweighted(), **plot.where(0, 0, 9, 9)).getInfo()
    away = values[1][valid] - values[1][valid].mean()
    assert found["b_skew"] == pytest.approx((away**3).mean() / away.std() ** 3)
    assert found["b_kurtosis"] == pytest.approx((away**4).mean() / away.std() ** 4 - 3)
    same = ee.ImageCollection([ee.Image.constant(0.1)] * 3).reduce(ee.Reducer.skew()).mask()
    assert same.reduceRegion(ee.Reducer.first(), plot.box(0, 0, 1, 1), 10).getInfo() == {"constant_skew": 0}


def test_the_mean_of_an_interval(plot, bands):
    image, values, valid = bands
    inside = values[0][valid]
    low, high = np.percentile(inside, [10, 75], method="hazen")
    found = image.select("a").reduceRegion(ee.Reducer.intervalMean(10, 75), **plot.where(0, 0, 9, 9)).getInfo()
    assert found == {"a": pytest.approx(inside[(inside >= low) & (inside <= high)].mean())}
    both = ee.Reducer.min().combine(ee.Reducer.intervalMean(0, 100, maxRaw=2), "", True)
    assert ee.List(SERIES).reduce(both).getInfo() == {"min": 1, "mean": np.mean(SERIES)}
    assert ee.List([1, 5]).reduce(ee.Reducer.intervalMean(10, 90)).getInfo() == 3
    with pytest.raises(ee.EEException, match="the smaller one first"):
        ee.List([1, 5]).reduce(ee.Reducer.intervalMean(90, 10)).getInfo()


def test_the_geometric_median(plot, bands):
    image, _, valid = bands
    # The best point of a convex quadrilateral is where its diagonals cross.
    corners = [[0, 0], [4, 0], [5, 6], [0, 3]]
    median = ee.Reducer.geometricMedian(2).setOutputs(["x", "y"])
    expected = pytest.approx({"x": 20 / 13, "y": 24 / 13}, abs=1e-5)
    assert ee.List(corners).reduce(median).getInfo() == expected
    zero = image.multiply(0)
    images = ee.ImageCollection([zero.add(ee.Image(corner)) for corner in corners])
    row, col = np.argwhere(valid)[2]
    where = plot.where(col, row, 1, 1)
    assert images.reduce(median).reduceRegion(ee.Reducer.first(), **where).getInfo() == expected
    # Three equal points of five outweigh the others.
    held = ee.List([[1, 1], [1, 1], [1, 1], [5, 1], [2, 9]]).reduce(median).getInfo()
    assert held == pytest.approx({"x": 1, "y": 1}, abs=1e-5)


def test_principal_components_of_a_region(plot, bands):
    image, values, valid = bands
    region = plot.where(0, 0, 9, 9)
    expected = np.cov(values[:, valid], bias=True)
    arrays = image.toArray()
    found = arrays.reduceRegion(ee.Reducer.covariance(), **region)
    assert np.allclose(found.get("array").getInfo(), expected)
    # Google's tutorial of iMAD takes weighted means so, and counts the pixels of an image of arrays.
    pairs = image.addBands(image.multiply(0).add(2))
    means = pairs.reduceRegion(ee.Reducer.mean().repeat(2).splitWeights(), **region).toArray().project([1])
    assert np.allclose(means.getInfo(), values[:, valid].mean(axis=1))
    centered = arrays.subtract(ee.Image(means))
    assert centered.reduceRegion(ee.Reducer.count(), **region).getInfo() == {"array": valid.sum()}
    matrix = ee.Array(centered.reduceRegion(ee.Reducer.centeredCovariance(), **region).get("array"))
    assert np.allclose(matrix.eigen().slice(1, 0, 1).project([0]).getInfo(), np.linalg.eigvalsh(expected)[::-1])
    # A pixel belongs to a region by its centre.
    part = plot.where(0.7, 0.7, 5.9, 5.9)
    inside = valid[1:7, 1:7]
    expected = np.cov(values[:, 1:7, 1:7][:, inside], bias=True)
    assert np.allclose(arrays.reduceRegion(ee.Reducer.covariance(), **part).get("array").getInfo(), expected)


def test_reducers_of_parts(plot, bands):
    image, values, valid = bands
    items = ee.List([1, [2, 3], ee.Array([[4, 5]]), {"x": 6}])
    assert items.reduce(ee.Reducer.sum().disaggregate()).getInfo() == 21
    parts = ee.List([ee.Array([[1, 2], [3, 4]]), ee.Array([[3, 8], [1, 0]])])
    assert parts.reduce(ee.Reducer.mean().forEachElement()).getInfo() == [[2, 5], [2, 2]]
    found = image.toArray().reduceRegion(ee.Reducer.max().forEachElement(), **plot.where(0, 0, 9, 9))
    assert found.get("array").getInfo() == values[:, valid].max(axis=1).tolist()


def test_rows_as_features_and_counts_of_all(plot, bands):
    image, values, valid = bands
    rows = ee.List([[1, "a"], [2, None], [None, "c"]])
    table = ee.FeatureCollection(rows.reduce(ee.Reducer.toCollection(["n", "name"], 1)))
    assert [each["properties"] for each in table.getInfo()["features"]] == [{"n": 1, "name": "a"}, {"n": 2}]
    region = plot.where(0, 0, 9, 9)
    pixels = ee.FeatureCollection(image.reduceRegion(ee.Reducer.toCollection(["a", "b"]), **region).get("features"))
    assert pixels.aggregate_array("b").getInfo() == values[1][valid].tolist()
    features = ee.FeatureCollection([ee.Feature(None, {"n": 1}), ee.Feature(None, {})])
    both = ee.Reducer.countEvery().combine(ee.Reducer.sum(), "", True)
    assert features.reduceColumns(both, ["n"]).getInfo() == {"count": 2, "sum": 1}
    assert image.select("a").reduceRegion(ee.Reducer.countEvery(), **region).getInfo() == {"a": valid.sum()}
