"""Checks of kernels with a direction, textures, outlines, and features as pixels and back."""

import math
from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    LEFT,
    NATIVE,
    TOP,
    ZONE,
    EngineCheck,
    Probe,
    assumed,
    columns,
    documented,
    row_of,
)


def _places(ee: Any) -> tuple[Any, Any]:
    """The numbers of the column and the row of each pixel from the checks' origin; negative before it."""
    both = ee.Image.pixelCoordinates(ee.Projection(ZONE, NATIVE)).floor()
    return both.select(["x"], ["a"]), both.select(["y"], ["a"])


def _numbered(ee: Any, step: int = 10) -> Any:
    """Band `a`: the column, and `step` times the row."""
    col, row = _places(ee)
    return col.add(row.multiply(step))


def _rectangle(ee: Any, west: float, south: float, east: float, north: float, **properties: Any) -> Any:
    """A rectangle in metres from the checks' origin."""
    corners = [LEFT + west, TOP + south, LEFT + east, TOP + north]
    return ee.Feature(ee.Geometry.Rectangle(corners, ZONE, False), properties)


def _painted(ee: Any, feature: Any, color: Any, width: Any = None) -> Any:
    return ee.Image(0).toByte().rename("a").paint(ee.FeatureCollection([feature]), color, width)


def _diagonal(ee: Any) -> Any:
    """The vectors of two pixels that meet at a corner."""
    col, row = _places(ee)
    return (
        col.eq(row)
        .selfMask()
        .reduceToVectors(geometry=_rectangle(ee, 0, -20, 20, 0).geometry(), scale=10, crs=ZONE, labelProperty="k")
    )


VECTORS: tuple[EngineCheck, ...] = (
    assumed(
        "convolve-order",
        "`convolve` does not turn the kernel: the weight in its first row and column is that of the north-western "
        "neighbour.",
        "TAGEE and hydrafloods read kernels so, and TAGEE's authors compared their terrain attributes with other "
        "software (https://github.com/zecojls/tagee)",
        Probe(
            lambda ee: _numbered(ee).convolve(ee.Kernel.fixed(3, 3, [[0, 0, 0], [0, 0, 0], [0, 0, 1]])),
            {"a": [11, 12, 13]},
            row_of(3),
        ),
    ),
    assumed(
        "gaussian-size",
        "`Kernel.gaussian` is a square of the pixels that are less than the radius away in both directions: 7 x 7 for "
        "a radius of 4.",
        "the API sample of radius 3 prints 5 x 5 weights",
        Probe(
            lambda ee: _numbered(ee).reduceNeighborhood("count", ee.Kernel.gaussian(4, 3)),
            {"a_count": [49]},
            row_of(1),
        ),
    ),
    assumed(
        "neighborhood-bands",
        "`neighborhoodToBands` names bands `<band>_<x>_<y>` with x and y from the focus, y downward, row by row.",
        "programs select bands such as `elevation_0_0` and `_-1_-1`; the description of `glcmTexture` scans kernels so",
        Probe(
            lambda ee: _numbered(ee).neighborhoodToBands(ee.Kernel.fixed(3, 2, [[1, 0, 1], [0, 0, 1]], 1, 1)),
            {"a_-1_-1": [-11, -10], "a_1_-1": [-9, -8], "a_1_0": [1, 2]},
            row_of(2),
        ),
    ),
    assumed(
        "gradient",
        "`gradient` is the change per metre eastward (`x`) and northward (`y`), from the neighbours on both sides.",
        "a program's author measured on Google's servers that it is per metre, also in degrees; `Terrain` is "
        "documented to use these neighbours",
        Probe(
            lambda ee: _numbered(ee, -2).multiply(30).gradient(),
            {"x": [3, 3], "y": [6, 6]},
            row_of(2),
            tolerance=1e-6,
        ),
    ),
    assumed(
        "directional-distance",
        "`directionalDistanceTransform` searches counterclockwise from the right of the grid, in pixels; a pixel that "
        "is not 0 has the distance 0, and one that finds nothing is masked.",
        "programs that look for clouds from their shadows use 90 - azimuth of the sun where rows go south (Google's "
        "tutorial on s2cloudless), and azimuth - 90 where they go north (an older geedim)",
        Probe(
            lambda ee: (
                _places(ee)[0].eq(2).And(_places(ee)[1].eq(-2)).directionalDistanceTransform(45, 5).unmask(-1, False)
            ),
            {"distance": [math.sqrt(8), -1, -1]},
            row_of(3),
            tolerance=1e-5,
        ),
    ),
    assumed(
        "glcm-pairs",
        "`glcmTexture` counts a pair in both orders if both pixels are in the window, and uses natural logarithms.",
        "a course publishes 0.0281 and 3.577 as the extremes of `asm` and `ent` in 5 x 5 pixels "
        "(https://github.com/iamdonovan/iamdonovan.github.io, egm702), which are those of this rule",
        Probe(
            lambda ee: _numbered(ee, 7919).toInt().glcmTexture(2).select(["a_asm", "a_ent"]),
            {"a_asm": [0.028125], "a_ent": [math.log(40 * 32) / 2]},
            row_of(1),
            tolerance=1e-5,
        ),
    ),
    assumed(
        "glcm-dvar",
        "`dvar` of `glcmTexture` is the variance of the absolute differences.",
        "the usual reading of `difference variance` in Haralick's paper",
        Probe(
            lambda ee: (
                _places(ee)[0].pow(2).toInt().glcmTexture(1, ee.Kernel.fixed(3, 1, [[1, 0, 0]])).select(["a_dvar"])
            ),
            {"a_dvar": [1]},
            row_of(1, start=1),
            tolerance=1e-6,
        ),
    ),
    assumed(
        "spectral-distance",
        "`spectralDistance` is an angle in radians (sam), the sum of squares (sed), or the sum of (p - q) ln(p / q) of "
        "the bands' shares (sid), in a band `distance`.",
        "geedim takes the root of sed, and programs the cosine of sam; the usual formula of Chang's divergence",
        Probe(
            lambda ee: ee.Image.cat(
                [ee.Image([1, 2]).spectralDistance(ee.Image([4, 4]), metric) for metric in ("sam", "sed", "sid")]
            ),
            {
                "distance": [math.acos(3 / math.sqrt(10))],
                "distance_1": [13],
                "distance_2": [(0.5 - 1 / 3) * math.log(0.5 / (1 / 3)) + (0.5 - 2 / 3) * math.log(0.5 / (2 / 3))],
            },
            row_of(1),
            tolerance=1e-6,
        ),
    ),
    assumed(
        "cost-steps",
        "A step of `cumulativeCost` costs its length times the mean cost of its two pixels; a source costs 0. A pixel "
        "that no path of at most maxDistance / scale steps reaches is masked.",
        "programs based on code by Google's Matt Hancher rely on the half step inside the source pixel to fill gaps",
        Probe(
            lambda ee: (
                _places(ee)[0]
                .abs()
                .multiply(2)
                .add(1)
                .cumulativeCost(_places(ee)[0].eq(0), 20, False)
                .unmask(-1, False)
            ),
            {"a": [0, 20, 60, -1]},
            row_of(4),
            tolerance=0.01,
        ),
    ),
    assumed(
        "paint-constant",
        "`paint` on a constant image also accepts values other than the constant.",
        "programs use ee.Image(0).paint(features, 1) as a mask, although the guide on collections says that a constant "
        "is clamped to its value",
        Probe(
            lambda ee: ee.Image(0).rename("a").paint(ee.FeatureCollection([_rectangle(ee, 0, -10, 10, 0)]), 7),
            {"a": [7, 0]},
            row_of(2),
        ),
    ),
    assumed(
        "paint-width",
        "`paint` with a width covers the pixels whose centre is at most half of it from the outline, in pixels of the "
        "requested grid, with mitred corners.",
        "so does Java2D, and the server is written in Java",
        Probe(
            lambda ee: _painted(ee, _rectangle(ee, 23, -60, 77, -14), 7, 2),
            {"a": [0, 7, 7, 7, 7, 7, 7, 7, 7, 0]},
            row_of(10),
        ),
    ),
    assumed(
        "paint-touched",
        "`paint` without a width covers the pixels that a line or a point touches.",
        "programs paint roads, rivers and points so, and compute distances to them",
        Probe(
            lambda ee: _painted(
                ee, ee.Feature(ee.Geometry.LineString([[LEFT + 12, TOP - 9], [LEFT + 33, TOP - 1]], ZONE, False)), 4
            ),
            {"a": [0, 4, 4, 4, 0]},
            row_of(5),
        ),
    ),
    assumed(
        "paint-text",
        "`paint` takes a text of digits that is not a property as a number.",
        "Google's guide paints with '000000'",
        Probe(lambda ee: _painted(ee, _rectangle(ee, 0, -10, 10, 0), "000003"), {"a": [3, 0]}, row_of(2)),
    ),
    assumed(
        "reduceToImage",
        "`reduceToImage` takes the features that cover a part of a pixel, each with the weight 1.",
        "the description says `features that intersect each pixel`",
        Probe(
            lambda ee: (
                ee.FeatureCollection([_rectangle(ee, 4, -8, 11, 0, k=5), _rectangle(ee, 0, -10, 30, 0, k=1)])
                .reduceToImage(["k"], "mean")
                .unmask(-1, False)
            ),
            {"mean": [3, 3, 1, -1]},
            row_of(4),
        ),
    ),
    documented(
        "distance-features",
        "`FeatureCollection.distance` is the distance in metres to the nearest point, line or outline, also inside of "
        "polygons. The local engine measures on the ellipsoid instead of a sphere, within 0.5 %.",
        API + "featurecollection-distance",
        Probe(
            lambda ee: ee.FeatureCollection([_rectangle(ee, -5000, -5000, 35, 5000)]).distance(25).unmask(-1, False),
            {"distance": [-1, 20, 10, 0, 10]},
            row_of(5),
            tolerance=0.01,
        ),
    ),
    assumed(
        "reduceToVectors",
        "`reduceToVectors` takes the pixels whose centre is in the region; without a reducer, `count` is their number.",
        "as in `clip`; the description names the reducer countEvery",
        Probe(
            lambda ee: (
                columns(ee)
                .eq(0)
                .reduceToVectors(geometry=_rectangle(ee, 2, -8, 36, -2).geometry(), scale=10, crs=ZONE)
                .sort("label")
                .aggregate_array("count")
            ),
            [3, 1],
        ),
    ),
    assumed(
        "vectors-corners",
        "Pixels that meet at corners only are one MultiPolygon in `reduceToVectors`.",
        "the release notes of 2013-07-11 mention multi-polygon vectors",
        Probe(lambda ee: _diagonal(ee).first().geometry().type(), "MultiPolygon"),
    ),
)
