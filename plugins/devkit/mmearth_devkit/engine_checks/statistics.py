"""Checks of regression, correlation, colours, texture and rectangles of pixels."""

import math
from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    GUIDES,
    LEFT,
    TOP,
    ZONE,
    EngineCheck,
    Probe,
    assumed,
    columns,
    documented,
    fields,
    row_of,
)


def _colour(ee: Any) -> Any:
    return ee.Image.constant([1, 0.5, 0]).rename(["r", "g", "b"]).toFloat()


STATISTICS: tuple[EngineCheck, ...] = (
    documented(
        "regression-outputs",
        "`linearRegression` gives an array of coefficients (numX, numY) and the root mean squares of the residuals, "
        "which are divided by the number of rows.",
        API + "reducer-linearregression",
        Probe(
            lambda ee: ee.List([[1, 1, 1], [1, 2, 2], [1, 3, 4]]).reduce(ee.Reducer.linearRegression(2)),
            {"coefficients": [[-2 / 3], [1.5]], "residuals": [math.sqrt(1 / 18)]},
            tolerance=1e-9,
        ),
    ),
    documented(
        "regression-null",
        "`linearRegression` of numX rows or fewer is null.",
        API + "reducer-linearregression",
        Probe(
            lambda ee: ee.List([[1, 1, 1], [1, 2, 2]]).reduce(ee.Reducer.linearRegression(2)),
            {"coefficients": None, "residuals": None},
        ),
    ),
    assumed(
        "correlation-outputs",
        "`pearsonsCorrelation` has the outputs `correlation` and `p-value`, the two-sided one of Student's t.",
        "public programs use the names; the description names the test",
        Probe(
            lambda ee: ee.List([[1, 2], [2, 1], [3, 4], [4, 3], [5, 5]]).reduce(ee.Reducer.pearsonsCorrelation()),
            {"correlation": 0.8, "p-value": 0.10408803866182788},
            tolerance=1e-9,
        ),
    ),
    documented(
        "circular-stddev",
        "The deviation of angles is the root of -2 ln R, where R is the length of their mean vector.",
        API + "reducer-circularstddev",
        Probe(
            lambda ee: ee.List([0, math.pi / 2]).reduce(ee.Reducer.circularStddev()),
            math.sqrt(math.log(2)),
            tolerance=1e-9,
        ),
    ),
    assumed(
        "circular-variance",
        "The variance of angles is 1 - R, where R is the length of their mean vector.",
        "the usual definition",
        Probe(
            lambda ee: ee.List([0, math.pi / 2]).reduce(ee.Reducer.circularVariance()),
            1 - math.sqrt(0.5),
            tolerance=1e-9,
        ),
    ),
    documented(
        "hsv-range",
        "`rgbToHsv` gives `hue`, `saturation` and `value` from 0 to 1.",
        API + "image-rgbtohsv",
        Probe(
            lambda ee: _colour(ee).rgbToHsv(),
            {"hue": [1 / 12], "saturation": [1], "value": [1]},
            row_of(1),
            tolerance=1e-6,
        ),
    ),
    assumed(
        "hsv-type",
        "`rgbToHsv` of floats gives floats.",
        "the description is silent",
        Probe(
            lambda ee: _colour(ee).rgbToHsv(),
            [["hue", "float32"], ["saturation", "float32"], ["value", "float32"]],
            row_of(1),
            fields,
        ),
    ),
    assumed(
        "unmix-names",
        "`unmix` names its bands `band_0`, `band_1` ...",
        "public programs use the names",
        Probe(lambda ee: _colour(ee).unmix([[1, 0, 0], [0, 1, 0]]).bandNames(), ["band_0", "band_1"]),
    ),
    documented(
        "object-labels",
        "`connectedComponents` adds a band `labels`, which is masked in objects of more than maxSize pixels.",
        GUIDES + "image_objects",
        Probe(lambda ee: columns(ee).connectedComponents(ee.Kernel.plus(1), 9).bandNames(), ["x", "labels"]),
    ),
    assumed(
        "object-names",
        "`reduceConnectedComponents` leaves out the label band; a single output keeps the names of the bands.",
        "public programs select the bands by these names",
        Probe(
            lambda ee: [
                _colour(ee).toInt().reduceConnectedComponents(reducer, "b").bandNames()
                for reducer in (ee.Reducer.mean(), ee.Reducer.minMax())
            ],
            [["r", "g"], ["r_min", "r_max", "g_min", "g_max"]],
        ),
    ),
    documented(
        "eigen-library",
        "`Array.eigen` gives rows of a value and its vector, the largest value first, as the library EJML computes "
        "them: the signs of the vectors are those of its QR algorithm.",
        API + "array-eigen",
        Probe(
            lambda ee: ee.Array([[0, 1], [1, 1]]).eigen(),
            [[1.618034, -0.525731, -0.850651], [-0.618034, -0.850651, 0.525731]],
            tolerance=1e-6,
        ),
    ),
    documented(
        "zero-crossing",
        "`zeroCrossing` is 1 where the right, bottom or bottom right pixel has the opposite sign.",
        GUIDES + "image_edges",
        Probe(lambda ee: columns(ee).subtract(1.5).zeroCrossing(), {"x": [0, 1, 0]}, row_of(3)),
    ),
    assumed(
        "zero-crossing-zero",
        "0 has no opposite sign in `zeroCrossing`.",
        "the guide is silent",
        Probe(lambda ee: columns(ee).subtract(1).zeroCrossing(), {"x": [0, 0, 0]}, row_of(3)),
    ),
    documented(
        "entropy",
        "`entropy` is in bits, of the values under the kernel's weights that are not 0.",
        API + "image-entropy",
        Probe(
            lambda ee: columns(ee).gt(1).entropy(ee.Kernel.fixed(5, 1, [[1, 1, 0, 1, 1]])),
            {"x": [0.8112781244591328, 1]},
            row_of(2),
            tolerance=1e-6,
        ),
    ),
    assumed(
        "rectangle-touched",
        "`sampleRectangle` takes all pixels that the bounding box of the region touches, in each band's projection.",
        "the description names the bounding box; a public program reports 21 x 21 pixels of 0.1 degrees in 2 degrees",
        Probe(
            lambda ee: (
                columns(ee)
                .sampleRectangle(ee.Geometry.Rectangle([LEFT + 8, TOP - 12, LEFT + 31, TOP - 8], ZONE, False))
                .get("x")
            ),
            [[0, 1, 2, 3]] * 2,
        ),
    ),
)
