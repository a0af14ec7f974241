"""Histograms: properties of their buckets, and values against numpy, through the real client."""

import ee
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from localearth.values.histograms import buckets_of


@pytest.fixture
def water(plot):
    """An image of dark water and bright land, its values, and where they are valid."""
    random = np.random.default_rng(3)
    values = np.where(random.random((20, 20)) < 0.4, random.normal(40, 8, (20, 20)), random.normal(120, 15, (20, 20)))
    values, valid = values.round().astype(np.int16), random.random((20, 20)) > 0.1
    return plot.image(("v", values, valid)), values, valid


ROWS = st.lists(
    st.tuples(st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3)), st.integers(1, 255)),
    min_size=1,
    max_size=40,
)


@given(ROWS, st.integers(1, 8), st.sampled_from([None, 1.0, 0.3, 50.0]), st.randoms())
def test_properties_of_buckets(rows, power, least, random):
    values, weights = (np.asarray(column, float) for column in zip(*rows, strict=True))
    found = buckets_of(values, weights / 255, 2**power, least)
    shuffled = random.sample(rows, len(rows))
    again = buckets_of(
        np.asarray([v for v, _ in shuffled]), np.asarray([w for _, w in shuffled]) / 255, 2**power, least
    )
    assert np.allclose(found.counts, again.counts) and (found.start, found.width) == (again.start, again.width)
    assert len(found.counts) <= 2**power
    assert found.counts.sum() == pytest.approx(weights.sum() / 255)
    assert (found.counts * found.means).sum() == pytest.approx((weights * values).sum() / 255, abs=1e-3)
    assert found.counts[0] > 0 and found.counts[-1] > 0
    steps = np.log2(found.width / (least or 1))
    assert steps == round(steps) and (least is None or steps >= 0)
    assert found.start / found.width == pytest.approx(round(found.start / found.width), abs=1e-6)
    edges = found.start + found.width * np.arange(len(found.counts) + 1)
    slack = 1e-9 * (1 + np.abs(edges).max())
    assert (found.means >= edges[:-1] - slack).all() and (found.means <= edges[1:] + slack).all()
    if least is None and len(set(values)) > 1:
        # Half the width would need more buckets.
        ends = np.floor([values.min() / found.width * 2, values.max() / found.width * 2])
        assert ends[1] - ends[0] + 1 > 2**power


@pytest.mark.usefixtures("client")
def test_a_histogram_of_a_list():
    values = [1, 2, 2.25, 3.5, 9.75, -0.5]
    found = ee.List(values).reduce(ee.Reducer.histogram(30)).getInfo()
    # 10.25 in 32 buckets: 1/4 needs 42, 1/2 needs 21.
    edges = np.arange(-0.5, 10.5, 0.5)
    assert (found["bucketMin"], found["bucketWidth"]) == (-0.5, 0.5)
    assert found["histogram"] == np.histogram(values, edges)[0].tolist()
    assert found["bucketMeans"][:6] == [-0.5, 0.25, 0.75, 1, 1.75, 2.125]
    table = ee.List(values).reduce(ee.Reducer.autoHistogram(30, None, None, True)).getInfo()
    assert table == np.column_stack([edges[:-1], np.histogram(values, edges)[0].cumsum()]).tolist()
    assert ee.List([7, 7]).reduce(ee.Reducer.histogram()).getInfo() == {
        "bucketMeans": [7],
        "bucketMin": 7,
        "bucketWidth": 1,
        "histogram": [2],
    }
    table = ee.FeatureCollection([])
    assert table.reduceColumns(ee.Reducer.histogram(), ["v"]).getInfo() == {"histogram": None}
    with pytest.raises(ee.EEException, match="argument 'maxBuckets': 2 or more"):
        ee.List([1]).reduce(ee.Reducer.histogram(1)).getInfo()
    with pytest.raises(ee.EEException, match="argument 'minBucketWidth': must be positive"):
        ee.List([1]).reduce(ee.Reducer.histogram(8, 0)).getInfo()


def test_a_histogram_of_a_region_has_weights(plot, water):
    image, values, valid = water
    shares = np.zeros((20, 20))
    shares[2:10, 3:12] = 1
    shares[2:10, 3] = 0.5
    weights = np.floor(np.minimum(shares * 256, 255)) / 255 * valid
    reducer = ee.Reducer.mean().combine(ee.Reducer.histogram(64, 4), None, True)
    found = image.reduceRegion(reducer, **plot.where(3.5, 2, 8.5, 8)).getInfo()
    assert found["v_mean"] == pytest.approx((weights * values).sum() / weights.sum())
    table = found["v_histogram"]
    edges = table["bucketMin"] + table["bucketWidth"] * np.arange(len(table["histogram"]) + 1)
    assert table["bucketWidth"] == 4 and edges[0] % 4 == 0
    assert np.allclose(table["histogram"], np.histogram(values, edges, weights=weights)[0])
    where = plot.where(3.6, 2, 8.4, 8)
    grouped = image.addBands(image.gt(80)).reduceRegion(ee.Reducer.histogram(2).unweighted().group(1), **where)
    totals = [sum(each["histogram"]["histogram"]) for each in grouped.getInfo()["groups"]]
    inside = values[2:10, 4:12][valid[2:10, 4:12]]
    assert sum(totals) == len(inside)


def test_the_threshold_of_otsu(plot, water):
    image, values, valid = water
    histogram = ee.Dictionary(image.reduceRegion(ee.Reducer.histogram(255, 1), **plot.where(0, 0, 20, 20)).get("v"))
    counts, means = ee.Array(histogram.get("histogram")), ee.Array(histogram.get("bucketMeans"))
    size = means.length().get([0])

    def between(i):
        """The variance between the classes below and from bucket i on."""
        parts = []
        for start, end in ((0, i), (i, size)):
            number = counts.slice(0, start, end).reduce(ee.Reducer.sum(), [0]).get([0])
            total = counts.multiply(means).slice(0, start, end).reduce(ee.Reducer.sum(), [0]).get([0])
            parts.append((number, total.divide(number)))
        (low, dark), (high, bright) = parts
        return low.multiply(high).multiply(dark.subtract(bright).pow(2))

    steps = ee.List.sequence(1, size.subtract(1))
    found = means.slice(0, 1).sort(ee.Array(steps.map(between))).get([-1]).getInfo()
    known = values[valid].astype(float)
    scores = {
        t: (known < t).sum() * (known >= t).sum() * (known[known < t].mean() - known[known >= t].mean()) ** 2
        for t in range(int(known.min()) + 1, int(known.max()) + 1)
    }
    best = max(scores.values())
    middle = [t for t, score in scores.items() if score == pytest.approx(best)]
    assert middle[0] <= found <= middle[-1] + 0.5
    assert 55 < found < 95


def test_histograms_of_every_pixel(plot, water):
    image, values, valid = water
    images = ee.ImageCollection([image, image.add(3), image.multiply(2).updateMask(image.gt(60))])
    counts = images.reduce(ee.Reducer.autoHistogram(16, 2)).addBands(images.reduce(ee.Reducer.fixedHistogram(0, 99, 3)))
    assert counts.bandNames().getInfo() == ["v_histogram", "v_histogram_1"]
    row, col = np.argwhere(valid & (values < 60))[0]
    seen = [int(values[row, col]), int(values[row, col]) + 3]
    point = plot.where(col, row, 1, 1)
    fixed = counts.select(1).arraySlice(1, 1).arrayProject([0]).arrayFlatten([["a", "b", "c"]])
    shown = fixed.reduceRegion(ee.Reducer.first(), **point).getInfo()
    assert list(shown.values()) == np.histogram(seen, [0, 33, 66, 99])[0].tolist()
    auto = counts.select(0).arraySlice(0, 0, 1).arrayProject([1]).arrayFlatten([["edge", "count"]])
    shown = auto.reduceRegion(ee.Reducer.first(), **point).getInfo()
    edge = seen[0] - seen[0] % 2
    assert shown == {"edge": edge, "count": sum(edge <= each < edge + 2 for each in seen)}


def test_numbers_of_buckets_have_limits(engine, kit):
    engine(kit.World())
    # The width of 2 ** 1989 times the smallest is a power that no double has.
    found = ee.List([0, 1e300]).reduce(ee.Reducer.histogram(16, 1e-300)).getInfo()
    assert found["histogram"] == [1, *[0] * (len(found["histogram"]) - 2), 1]
    for reducer in (
        ee.Reducer.histogram(2**30),
        ee.Reducer.autoHistogram(2**30),
        ee.Reducer.fixedHistogram(0, 1, 10**9),
    ):
        with pytest.raises(ee.EEException, match="memory limit"):
            ee.List([0, 1.5]).reduce(reducer).getInfo()


@pytest.mark.parametrize(
    "compute",
    [
        lambda image, where: image.reduceRegion(ee.Reducer.countDistinct(), **where),
        lambda image, where: image.reduceRegion(ee.Reducer.minMax(), **where),
        lambda image, where: image.entropy(ee.Kernel.square(1)).reduceRegion(ee.Reducer.mean(), **where),
        lambda image, where: image.glcmTexture(1).select(0).reduceRegion(ee.Reducer.mean(), **where),
        lambda image, where: image.focalMode(1).reduceRegion(ee.Reducer.count(), **where),
        lambda image, where: ee.ImageCollection([image, image]).mode().reduceRegion(ee.Reducer.count(), **where),
        lambda image, where: (
            ee.FeatureCollection([ee.Feature(where["geometry"], {"v": 2**60})])
            .reduceToImage(["v"], ee.Reducer.countDistinct())
            .reduceRegion(ee.Reducer.max(), **where)
        ),
    ],
)
def test_integers_of_more_than_53_bits_are_refused(plot, water, compute):
    image, *_ = water
    large = image.toInt64().add(ee.Image(2**60).toInt64())
    with pytest.raises(ee.EEException, match="more than 53 bits"):
        compute(large, plot.where(0, 0, 2, 2)).getInfo()
    assert large.reduceRegion(ee.Reducer.count(), **plot.where(0, 0, 20, 20)).getInfo()["v"] > 0
