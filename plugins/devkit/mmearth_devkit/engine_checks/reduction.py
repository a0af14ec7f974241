"""Checks of `reduceResolution`: how the pixels below a larger one are combined."""

from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    GUIDES,
    NATIVE,
    REFUSED,
    ZONE,
    EngineCheck,
    Probe,
    assumed,
    columns,
    documented,
    row_of,
)

_PAGE = API + "image-reduceresolution"


def _composite(ee: Any) -> Any:
    """A composite of the raster with itself, whose mean has no grid of its own."""
    return ee.ImageCollection([columns(ee), columns(ee)]).mean()


REDUCTION: tuple[EngineCheck, ...] = (
    documented(
        "reduce-mean",
        "`reduceResolution` combines all pixels below a larger one.",
        _PAGE,
        Probe(lambda ee: columns(ee).reduceResolution(ee.Reducer.mean()), {"x": [1, 4, 7]}, row_of(3, 30)),
    ),
    documented(
        "reduce-weights",
        "A pixel counts with the share of the larger pixel that it covers.",
        _PAGE,
        Probe(
            lambda ee: columns(ee).reduceResolution(ee.Reducer.mean()),
            {"x": [0.8, 3.2]},
            row_of(2, 25),
            tolerance=0.01,
        ),
    ),
    documented(
        "reduce-sum",
        "As the weights are shares of the larger pixel, a sum is a mean where no pixel is masked.",
        GUIDES + "resample",
        Probe(
            lambda ee: columns(ee).reduceResolution(ee.Reducer.sum()), {"x": [1, 4, 7]}, row_of(3, 30), tolerance=0.01
        ),
    ),
    documented(
        "reduce-masked",
        "Masked pixels count as absent.",
        _PAGE,
        Probe(
            lambda ee: columns(ee).updateMask(columns(ee).gt(0)).reduceResolution(ee.Reducer.mean()).unmask(-1, False),
            {"x": [1.5, 4]},
            row_of(2, 30),
            tolerance=0.01,
        ),
    ),
    assumed(
        "reduce-mode",
        "The mode counts areas, not pixels; of equal areas it returns the smallest value.",
        "the API page speaks of weights for every reducer",
        Probe(lambda ee: columns(ee).toByte().reduceResolution(ee.Reducer.mode()), {"x": [0, 3]}, row_of(2, 25)),
    ),
    assumed(
        "reduce-max",
        "Reducers without weights also use pixels that are covered in part.",
        "the description says `all input pixels corresponding to each output pixel`",
        Probe(lambda ee: columns(ee).reduceResolution(ee.Reducer.max()), {"x": [2]}, row_of(1, 22)),
    ),
    documented(
        "reduce-limit",
        "More than `maxPixels` pixels per larger one, 64 by default, are an error.",
        _PAGE,
        Probe(lambda ee: columns(ee).reduceResolution(ee.Reducer.mean()), REFUSED, row_of(1, 100)),
    ),
    assumed(
        "reduce-composite",
        "The resolution of a composite cannot be reduced: it has no valid default projection.",
        "an error message that users report",
        Probe(lambda ee: _composite(ee).reduceResolution(ee.Reducer.mean()), REFUSED, row_of(1, 30)),
    ),
    assumed(
        "region-of-no-bands",
        "`reduceRegion` of an image without bands, as the mean of no images, is an empty dictionary; `reduceRegions` "
        "of it fails.",
        "a program's notes on a fault that it met on Google's servers; messages of the servers in others",
        Probe(
            lambda ee: ee.ImageCollection([]).mean().reduceRegion("mean", ee.Geometry.Point([9, 45]), 10).size(),
            0,
        ),
    ),
    assumed(
        "reduce-default-projection",
        "That of a composite with `setDefaultProjection` can be reduced: the composite is computed on that grid.",
        "users report it as the remedy",
        Probe(
            lambda ee: _composite(ee).setDefaultProjection(ZONE, NATIVE).reduceResolution(ee.Reducer.mean()),
            {"x": [1, 4, 7]},
            row_of(3, 30),
        ),
    ),
    assumed(
        "constant-operand",
        "A constant as the first operand does not take away the other operand's projection and footprint, as in "
        "`10 ** image` and `ee.Image(matrix).matrixMultiply(image)`.",
        "no page says it; if Google took the constant's, `reduceResolution` would refuse the result, and Google's "
        "tutorial on the MAD transformation, which reduces such a product without a region, would fail",
        Probe(
            lambda ee: ee.List(
                [
                    each.projection()
                    for each in (
                        ee.Image(10).pow(columns(ee)),
                        ee.Image(ee.Array([[2]])).matrixMultiply(columns(ee).toArray().toArray(1)),
                    )
                ]
            ),
            [{"type": "Projection", "crs": ZONE, "transform": NATIVE}] * 2,
        ),
    ),
)
