"""Checks of masks between 0 and 1: weights and opacity."""

from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    GUIDES,
    NATIVE,
    ZONE,
    EngineCheck,
    Probe,
    assumed,
    documented,
    row_of,
    strip,
)

_NEWS = "https://developers.google.com/earth-engine/docs/release-notes"
_FINE = 0.01
"""Tolerance of the probes: masks may have 8 bits on the servers."""


def _masked(ee: Any, mask: float, value: float = 1) -> Any:
    return ee.Image(value).toFloat().rename("a").updateMask(mask)


def _mask(image: Any) -> Any:
    return image.mask().toFloat()


def _place(ee: Any) -> Any:
    return ee.Geometry.Rectangle([10, 50, 10.1, 50.1])


def _with_mask(image: Any) -> Any:
    return image.addBands(_mask(image))


WEIGHTS: tuple[EngineCheck, ...] = (
    documented(
        "mask-weights",
        "A mask is the weight of a pixel in weighted reducers, such as `mean` of a collection.",
        GUIDES + "reducers_weighting",
        Probe(
            lambda ee: ee.ImageCollection([_masked(ee, 0.25, 1), _masked(ee, 0.75, 5)]).mean(),
            {"a": [4]},
            row_of(1),
            tolerance=_FINE,
        ),
    ),
    assumed(
        "weighted-reducers",
        "`mean`, `sum`, `variance`, `stdDev`, `linearFit`, the circular statistics and the histograms are weighted; "
        "all others, also `sampleVariance`, take each valid pixel once.",
        "the descriptions say `(weighted)` of most of the former and of none of the latter",
        Probe(
            lambda ee: ee.ImageCollection([_masked(ee, 0.25, 1), _masked(ee, 0.75, 5)]).reduce(
                ee.Reducer.variance().combine(ee.Reducer.sampleVariance(), "sample_", True)
            ),
            {"a_variance": [3], "a_sample_variance": [8]},
            row_of(1),
            tolerance=_FINE,
        ),
    ),
    documented(
        "mask-or-share",
        "In `reduceRegion` the weight of a pixel is the smaller one of its mask and its share in the region "
        "(2017-08-28).",
        _NEWS,
        Probe(
            lambda ee: (
                _masked(ee, 0.5).reduceRegion(ee.Reducer.sum(), strip(ee, 5), crs=ZONE, crsTransform=NATIVE).get("a")
            ),
            0.5,
            tolerance=_FINE,
        ),
    ),
    documented(
        "mask-replaced",
        "`updateMask` and `selfMask` put the new mask in place of the old one, where that is not 0.",
        API + "image-selfmask",
        Probe(
            lambda ee: ee.Image.cat([_mask(_masked(ee, 0.5).updateMask(mask)) for mask in (0.25, 1)]),
            {"a": [0.25], "a_1": [1]},
            row_of(1),
            tolerance=_FINE,
        ),
    ),
    assumed(
        "mask-above-1",
        "A mask above 1 is 1.",
        "the API sample of `ee.Image.updateMask` uses 0.65 and 1.65 as masks",
        Probe(lambda ee: _mask(_masked(ee, 1.65)), {"a": [1]}, row_of(1)),
    ),
    assumed(
        "mask-type",
        "`mask()` has floats from 0 to 1 where the mask may have fractions, otherwise integers.",
        "the description says `scaled to the range [0:1]`",
        Probe(
            lambda ee: [each.mask().bandTypes().values().get(0) for each in (ee.Image(1), _masked(ee, 0.5))],
            [{"type": "PixelType", "precision": kind, "min": 0, "max": 1} for kind in ("int", "float")],
        ),
    ),
    assumed(
        "mask-minimum",
        "The mask of a result of two pixels is the smaller one of their masks.",
        "the description of `ee.Model.predictImage` says so of the masks of its inputs",
        Probe(lambda ee: _mask(_masked(ee, 0.5).multiply(_masked(ee, 0.75))), {"a": [0.5]}, row_of(1), tolerance=_FINE),
    ),
    assumed(
        "mosaic-opaque",
        "`mosaic` takes value and mask of the last image with a mask above 0; it does not blend.",
        "the API sample of `ee.ImageCollection.mosaic` explains it so, but says nothing of the mask of the result",
        Probe(
            lambda ee: _with_mask(ee.ImageCollection([_masked(ee, 1), _masked(ee, 0.5, 5)]).mosaic()),
            {"a": [5], "a_1": [0.5]},
            row_of(1),
            tolerance=_FINE,
        ),
    ),
    assumed(
        "blend-over",
        "`blend` mixes the values as `over` of Porter and Duff: the top one by its mask, the bottom one by the rest.",
        "the description says `using the masks as opacity`, the release notes `simple alpha blending`",
        Probe(
            lambda ee: ee.Image.cat(
                [_masked(ee, 1).blend(_masked(ee, 0.25, 5)), _mask(_masked(ee, 0.5).blend(_masked(ee, 0.5, 5)))]
            ),
            {"a": [2], "a_1": [0.75]},
            row_of(1),
            tolerance=_FINE,
        ),
    ),
    assumed(
        "mask-composite",
        "The mask of a composite is the largest mask of its pixels.",
        "it is masked where all of its pixels are",
        Probe(
            lambda ee: _mask(ee.ImageCollection([_masked(ee, 0.25), _masked(ee, 0.75)]).mean()),
            {"a": [0.75]},
            row_of(1),
            tolerance=_FINE,
        ),
    ),
    assumed(
        "mask-others",
        "Masks of neighbourhoods, terrain, interpolation and others that are made of several pixels are 0 or 1.",
        "their descriptions speak of masked pixels only",
        Probe(
            lambda ee: _mask(_masked(ee, 0.5).focalMax(1, "square", "pixels")), {"a": [1]}, row_of(1), tolerance=_FINE
        ),
    ),
    documented(
        "clip-shares",
        "The mask of a pixel at the edge of a `clip` is its share inside (2017-08-28); the local engine has 256 steps.",
        _NEWS,
        Probe(
            lambda ee: _mask(_masked(ee, 1).clip(strip(ee, 12))),
            {"a": [1, 0.2]},
            row_of(2),
            tolerance=_FINE,
        ),
    ),
    assumed(
        "clip-footprint",
        "`clip` sets `system:footprint` to the geometry, or to its part inside the footprint of the image; composites "
        "do not have the property.",
        "geetools relies on it (https://github.com/gee-community/geetools, `ee_image.py`), and geefetch tells its "
        "users to clip composites for this reason (https://github.com/gbelouze/geefetch)",
        Probe(
            lambda ee: [
                ee.Algorithms.IsEqual(ee.ImageCollection([ee.Image(1)]).mosaic().get("system:footprint"), None),
                ee.Geometry(ee.Image(1).clip(_place(ee)).get("system:footprint")).area(1).divide(_place(ee).area(1)),
            ],
            [True, 1],
            tolerance=1e-6,
        ),
    ),
    documented(
        "visualize-opacity",
        "`opacity` of `visualize` multiplies the mask.",
        API + "image-visualize",
        Probe(
            lambda ee: _mask(_masked(ee, 0.5).visualize(opacity=0.5)),
            {"vis-gray": [0.25]},
            row_of(1),
            tolerance=_FINE,
        ),
    ),
    assumed(
        "picture-opacity",
        "The opacity of a pixel of a PNG is the smallest mask of its bands, times 255 without the fraction.",
        "the API sample of `ee.Image.updateMask` says that a masked pixel in one band is transparent; release notes "
        "say `the minimum of the masks` of images that were exported to Google Maps Engine",
        unchecked="No modality requests pictures; the local engine offers them to other programs.",
    ),
)
