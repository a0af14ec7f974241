"""Checks of reducers of ranks and moments, and of reducers made of others."""

from typing import Any

from mmearth_devkit.engine_checks.check import API, ZONE, EngineCheck, Probe, assumed, columns, documented, strip

TIMES, SERIES = [1, 2, 3, 4, 6, 7, 9, 9], [3, 1, 4, 1, 5, 9, 2, 6.5]
"""Pairs with equal values; scipy computed the statistics below."""


def _pairs(ee: Any) -> Any:
    return ee.List(TIMES).zip(SERIES)


def _gaps(ee: Any) -> Any:
    """A table with a null in one column."""
    return ee.FeatureCollection([ee.Feature(None, {"a": 1}), ee.Feature(None, {"a": 2, "b": 5})])


REDUCERS: tuple[EngineCheck, ...] = (
    assumed(
        "percentile-middle",
        "`percentile` interpolates between the inputs, each in the middle of its share, as by Hazen: the 90th "
        "percentile of 1 to 10 is 9.5. The smallest and the largest input are the limits.",
        "9.5 is the answer of Google's servers in a program's test (https://github.com/eHealthAfrica/"
        "heatwave_modelling_CHAP); other rules are possible where number times share is not whole",
        Probe(
            lambda ee: [
                ee.List.sequence(1, 10).reduce(ee.Reducer.percentile([90])),
                ee.List([1, 3, 7]).reduce(ee.Reducer.percentile([40])),
                ee.List([1, 3, 7]).reduce(ee.Reducer.percentile([10])),
            ],
            [9.5, 2.4, 1],
            tolerance=1e-9,
        ),
    ),
    assumed(
        "interval-mean",
        "Both percentiles of `intervalMean` belong to the interval, and are those of `percentile`. Where no value lies "
        "in it, the result is its middle.",
        "from 0 to 100 it must be the mean",
        Probe(
            lambda ee: [
                ee.List([1, 2, 3, 4, 100]).reduce(ee.Reducer.intervalMean(0, 75)),
                ee.List([1, 5]).reduce(ee.Reducer.intervalMean(10, 90)),
            ],
            [2.5, 3],
            tolerance=1e-9,
        ),
    ),
    assumed(
        "skew-population",
        "`skew` is that of a population, m3 / m2^1.5.",
        "the reducers of samples have names with `sample`",
        Probe(lambda ee: ee.List(SERIES).reduce(ee.Reducer.skew()), 0.6133520568512802, tolerance=1e-9),
    ),
    assumed(
        "kurtosis-excess",
        "`kurtosis` is that of a population, m4 / m2^2 - 3, which is 0 for normal values.",
        "the report SAND2008-6212, which the description of `covariance` names, defines it so",
        Probe(lambda ee: ee.List(SERIES).reduce(ee.Reducer.kurtosis()), -0.7304506405396811, tolerance=1e-9),
    ),
    assumed(
        "sen-offset",
        "`sensSlope` gives `slope` and `offset`; the offset is the median of y - slope * x.",
        "programs select the names; Google's tutorial nonparametric-trends computes the intercept so, and names the "
        "reducer for it",
        Probe(
            lambda ee: _pairs(ee).reduce(ee.Reducer.sensSlope()),
            {"slope": 0.4166666666666667, "offset": 2.541666666666667},
            tolerance=1e-9,
        ),
    ),
    assumed(
        "kendall-outputs",
        "`kendallsCorrelation` gives `tau`, which is tau-b, and `p-value`, which is null. With one input it is the "
        "correlation with the order.",
        "a user's published log of a run on Google's servers has these names, and no p-value for 12 pairs",
        Probe(
            lambda ee: [
                _pairs(ee).reduce(ee.Reducer.kendallsCorrelation(2)),
                ee.Dictionary(ee.List(SERIES).reduce(ee.Reducer.kendallsCorrelation())).get("tau"),
            ],
            [{"tau": 0.37037037037037035, "p-value": None}, 0.4000661320993193],
            tolerance=1e-9,
        ),
    ),
    assumed(
        "spearman-outputs",
        "`spearmansCorrelation` has the outputs of `pearsonsCorrelation`, of the ranks; equal values share a rank.",
        "programs read `correlation`; the library that the description names does so",
        Probe(
            lambda ee: _pairs(ee).reduce(ee.Reducer.spearmansCorrelation()),
            {"correlation": 0.45783132530120474, "p-value": 0.25398026687738356},
            tolerance=1e-9,
        ),
    ),
    assumed(
        "correlation-few",
        "Correlations of fewer than three pairs, or of equal values, are null.",
        "there is no p-value; the library that the descriptions name gives NaN, which JSON cannot hold",
        Probe(
            lambda ee: ee.List([[1, 2], [1, 3], [1, 5]]).reduce(ee.Reducer.pearsonsCorrelation()),
            {"correlation": None, "p-value": None},
        ),
    ),
    documented(
        "geometric-median",
        "`geometricMedian` has the smallest sum of distances: of four corners it is where the diagonals cross.",
        API + "reducer-geometricmedian",
        Probe(
            lambda ee: ee.List([[0, 0], [4, 0], [5, 6], [0, 3]]).reduce(
                ee.Reducer.geometricMedian(2).setOutputs(["x", "y"])
            ),
            {"x": 20 / 13, "y": 24 / 13},
            tolerance=1e-2,
        ),
    ),
    assumed(
        "covariance-count",
        "`covariance` and `centeredCovariance` divide by the number of arrays.",
        "as `variance`; Google's tutorial imad-tutorial-pt1 multiplies by this number to replace it by the weights",
        Probe(
            lambda ee: ee.List([ee.Array([0, 0]), ee.Array([2, 4])]).reduce(ee.Reducer.covariance()),
            [[1, 2], [2, 4]],
            tolerance=1e-9,
        ),
    ),
    assumed(
        "statistics-unweighted",
        "Regressions of several inputs, correlations and covariances use the pixels whose centre is in a region, "
        "without weights.",
        'their descriptions do not say "(weighted)", as that of `linearFit` does',
        Probe(
            lambda ee: columns(ee).toArray().reduceRegion(ee.Reducer.covariance(), strip(ee, 24), 10).get("array"),
            [[0.25]],
            tolerance=1e-9,
        ),
    ),
    documented(
        "disaggregate",
        "`disaggregate` passes the items of arrays, lists and dictionaries to the reducer.",
        API + "reducer-disaggregate",
        Probe(
            lambda ee: ee.List([1, [2, 3], ee.Array([[4, 5]]), {"x": 6}]).reduce(ee.Reducer.sum().disaggregate()),
            21,
        ),
    ),
    documented(
        "forEachElement",
        "`forEachElement` reduces each position of arrays of equal shape.",
        API + "reducer-foreachelement",
        Probe(
            lambda ee: ee.List([ee.Array([[1, 2]]), ee.Array([[3, 8]])]).reduce(ee.Reducer.sum().forEachElement()),
            [[4, 10]],
        ),
    ),
    assumed(
        "inputs-null",
        "A null of a list or a table is an input of `first`, `last` and `countDistinct`.",
        "other reducers, such as `firstNonNull`, are described as those of the non-null inputs",
        Probe(
            lambda ee: [
                ee.List([None, 1, 2, None]).reduce(getattr(ee.Reducer, name)())
                for name in ("first", "last", "countDistinct", "countDistinctNonNull")
            ],
            [None, None, 3, 2],
        ),
    ),
    assumed(
        "countEvery-nulls",
        "`countEvery` counts nulls, but not masked pixels.",
        "the description says `the number of inputs`; a guide says that masked pixels are not used",
        Probe(
            lambda ee: [
                _gaps(ee).reduceColumns(ee.Reducer.countEvery(), ["b"]).get("count"),
                columns(ee)
                .updateMask(columns(ee).gt(0))
                .reduceRegion(ee.Reducer.countEvery(), strip(ee, 30), 10)
                .get("x"),
            ],
            [2, 2],
        ),
    ),
    assumed(
        "sum-of-masked",
        "`reduceRegion` with `sum` is null where no pixel is valid.",
        "public programs replace the null by 0; the `sum` of a collection is masked there",
        Probe(
            lambda ee: columns(ee).updateMask(0).reduceRegion(ee.Reducer.sum(), strip(ee, 30), 10).get("x"),
            None,
        ),
    ),
    assumed(
        "combined-nulls",
        "Where combined reducers have separate inputs, as in `repeat`, each drops only the nulls of its own inputs.",
        "the description says that they run in parallel",
        Probe(lambda ee: _gaps(ee).reduceColumns(ee.Reducer.mean().repeat(2), ["a", "b"]), {"mean": [1.5, 5]}),
    ),
    assumed(
        "combine-weights",
        "A combination of weighted and unweighted reducers uses the pixels of the weighted ones: `count` beside `mean` "
        "also counts pixels that are covered in part.",
        "combined reducers share their inputs",
        Probe(
            lambda ee: [
                ee.Image(1).reduceRegion(reducer, strip(ee, 23), 10, ZONE).get(name)
                for reducer, name in (
                    (ee.Reducer.count(), "constant"),
                    (ee.Reducer.mean().combine(ee.Reducer.count(), "", True), "constant_count"),
                )
            ],
            [2, 3],
        ),
    ),
    assumed(
        "splitWeights-order",
        "`splitWeights` of copies takes all values, then all weights.",
        "Google's tutorial imad-tutorial-pt1 gives the bands in this order",
        Probe(
            lambda ee: ee.List([[1, 2, 3, 4], [5, 6, 1, 0]]).reduce(ee.Reducer.mean().repeat(2).splitWeights()),
            [2, 2],
        ),
    ),
    assumed(
        "toCollection-output",
        "The output of `toCollection` is named `features`.",
        "programs read it",
        Probe(lambda ee: ee.Reducer.toCollection(["a"]).getOutputs(), ["features"]),
    ),
)
