"""Checks of histograms."""

from typing import Any

from mmearth_devkit.engine_checks.check import EngineCheck, Probe, assumed

VALUES = [1, 2, 2.25, 3.5, 9.75, -0.5]
"""Values whose range, 10.25, needs 21 buckets of 1/2."""


def _histogram(ee: Any, values: list[float], *arguments: Any) -> Any:
    return ee.Dictionary(ee.List(values).reduce(ee.Reducer.histogram(*arguments)))


HISTOGRAMS: tuple[EngineCheck, ...] = (
    assumed(
        "histogram-keys",
        "`Reducer.histogram` gives a dictionary with `bucketMeans`, `bucketMin`, `bucketWidth` and `histogram`.",
        "public programs read these keys",
        Probe(
            lambda ee: _histogram(ee, VALUES).keys(),
            ["bucketMeans", "bucketMin", "bucketWidth", "histogram"],
        ),
    ),
    assumed(
        "histogram-width",
        "The width of buckets is the smallest power of 2, or `minBucketWidth` times 1, 2, 4 and so on, with which at "
        "most `maxBuckets`, rounded up to a power of 2, reach from the smallest to the largest value. Buckets start at "
        "multiples of the width.",
        "the descriptions speak of `any power of 2` and of a minimum; the order of values must not matter on a "
        "distributed server",
        Probe(
            lambda ee: [
                _histogram(ee, VALUES, *arguments).get(key)
                for arguments in ((30,), (8, 0.75))
                for key in ("bucketMin", "bucketWidth")
            ],
            [-0.5, 0.5, -1.5, 1.5],
        ),
    ),
    assumed(
        "histogram-default",
        "Without `maxBuckets` there are at most 256 buckets.",
        "the default of the Code Editor's charts and of geemap's",
        Probe(lambda ee: _histogram(ee, [0, 200]).get("bucketWidth"), 1),
    ),
    assumed(
        "histogram-means",
        "`bucketMeans` has the mean of the values in a bucket, and the middle of a bucket without values.",
        "programs turn the list into an array, so it has no nulls",
        Probe(
            lambda ee: _histogram(ee, VALUES, 8, 2).get("bucketMeans"),
            [-0.5, 1, 2.5833333333333335, 5, 7, 9.75],
            tolerance=1e-9,
        ),
    ),
    assumed(
        "histogram-equal",
        "Where all values are equal, there is one bucket of width `minBucketWidth`, or 1.",
        "geetools looks up the lower edge of a single bucket as the value of an image",
        Probe(
            lambda ee: _histogram(ee, [7, 7]),
            {"bucketMeans": [7], "bucketMin": 7, "bucketWidth": 1, "histogram": [2]},
        ),
    ),
    assumed(
        "histogram-nothing",
        "The histogram of no values is null.",
        "published programs test for null",
        Probe(lambda ee: ee.FeatureCollection([]).reduceColumns(ee.Reducer.histogram(), ["c"]), {"histogram": None}),
    ),
    assumed(
        "histogram-maxRaw",
        "`maxRaw` has no influence on a histogram.",
        "the description says that it is the number of values before the first histogram",
        Probe(lambda ee: ee.List(_histogram(ee, VALUES, 30, None, 2).get("histogram")).get(0), 1),
    ),
    assumed(
        "autoHistogram-buckets",
        "`autoHistogram` has the buckets of `histogram`, as rows of lower edge and count.",
        "both have the same arguments",
        Probe(
            lambda ee: ee.List(VALUES).reduce(ee.Reducer.autoHistogram(8, 2, None, True)),
            [[-2, 1], [0, 2], [2, 5], [4, 5], [6, 5], [8, 6]],
        ),
    ),
    assumed(
        "fixedHistogram-edges",
        "`fixedHistogram` puts a value in the last bucket whose lower edge, as printed, is not above it: 0.3 is below "
        "0.30000000000000004.",
        "the description says `lower (inclusive) bound`",
        Probe(
            lambda ee: ee.Array(ee.List([0.3]).reduce(ee.Reducer.fixedHistogram(0, 1, 10))).get([2, 1]),
            1,
        ),
    ),
    assumed(
        "quantiles-exact",
        "`median`, `mode`, `percentile` and `intervalMean` are computed from all values, also of more than `maxRaw`.",
        "a known difference: Google derives them from a histogram then, and does not document how",
        unchecked="Google's answers are approximate there.",
    ),
)
