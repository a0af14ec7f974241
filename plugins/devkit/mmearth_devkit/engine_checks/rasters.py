"""Checks of rasters: sampling, composites and terrain.

The requests create their own rasters: `pixelCoordinates` of a projection, fixed to its grid by `reproject`.
"""

import math
from typing import Any

from mmearth_devkit.engine_checks.check import (
    API,
    GUIDES,
    LEFT,
    REFUSED,
    TOP,
    ZONE,
    EngineCheck,
    Probe,
    assumed,
    columns,
    documented,
    fields,
    grid_at,
    row_of,
    strip,
)

_NORTH = 60.0
"""Latitude of the check in degrees."""


_DEGREE = math.pi * 6_378_137 / 180
"""Metres of a degree of the equator."""


_NO_GRID = {"type": "Projection", "crs": "EPSG:4326", "transform": [1, 0, 0, 0, 1, 0]}
"""The projection of composites and constants."""


def _ramp(ee: Any) -> Any:
    """Heights on a grid of 30 m that rise eastward by 30 m per pixel: 45 degrees."""
    return columns(ee, 30).multiply(30)


def _northern_ramp(ee: Any) -> Any:
    """Heights on a grid of 0.001 degrees at 60 degrees north that rise eastward by 100 m per pixel."""
    projection = ee.Projection("EPSG:4326", [0.001, 0, 10, 0, -0.001, _NORTH])
    return ee.Image.pixelCoordinates(projection).select("x").floor().multiply(100).reproject(projection)


SAMPLING: tuple[EngineCheck, ...] = (
    documented(
        "nearest",
        "By default a pixel has the value of the native pixel that contains its centre.",
        GUIDES + "resample",
        Probe(lambda ee: columns(ee, 20), {"x": [0, 0, 1, 1, 2, 2]}, row_of(6)),
    ),
    documented(
        "reproject-forces",
        "`reproject` computes its input on the given grid, whatever grid is requested.",
        GUIDES + "projections",
        Probe(
            lambda ee: columns(ee, 10).reproject(ZONE, [40, 0, LEFT, 0, -40, TOP]), {"x": [2, 2, 2, 2, 6]}, row_of(5)
        ),
    ),
    assumed(
        "bilinear-at-centres",
        "Bilinear values at the centres of native pixels are exactly the native values.",
        "follows from interpolation in the native projection (" + API + "image-resample)",
        Probe(lambda ee: columns(ee, 20).toFloat().resample("bilinear"), {"x": [1, 2, 3]}, row_of(3, 20, 1)),
    ),
    documented(
        "bilinear-between",
        "`resample('bilinear')` interpolates between the centres of the native pixels, in the native projection.",
        API + "image-resample",
        Probe(
            lambda ee: columns(ee, 20).toFloat().resample("bilinear"),
            {"x": [0.75, 1.25, 1.75, 2.25]},
            row_of(4, 10, 2),
            tolerance=1e-5,
        ),
    ),
    assumed(
        "bilinear-masked",
        "A masked neighbour with a positive weight masks the interpolated pixel.",
        "the description is silent",
        Probe(
            lambda ee: (
                columns(ee, 20)
                .add(10)
                .updateMask(columns(ee, 20).lt(3))
                .toFloat()
                .resample("bilinear")
                .unmask(-1, False)
            ),
            {"x": [11.75, -1, -1]},
            row_of(3, 10, 4),
            tolerance=1e-5,
        ),
    ),
    assumed(
        "bilinear-floats",
        "`resample('bilinear')` turns an integer band into float.",
        "the description is silent; the project casts to float before it resamples",
        Probe(lambda ee: columns(ee, 20).toInt16().resample("bilinear"), [["x", "float32"]], row_of(1, 10, 2), fields),
    ),
)


COMPOSITES: tuple[EngineCheck, ...] = (
    assumed(
        "mode-ties",
        "Of equally frequent values `mode` returns the smallest.",
        "the description says `the most common value`",
        Probe(
            lambda ee: ee.ImageCollection([ee.Image(n).toUint8().rename("a") for n in (5, 3, 5, 3, 9)]).mode(),
            {"a": [3]},
            row_of(1),
        ),
    ),
    assumed(
        "median-even",
        "Of two middle values `median` returns the mean.",
        "the description is silent",
        Probe(
            lambda ee: ee.ImageCollection([ee.Image(n).rename("a") for n in (1, 2, 4, 9)]).median().toDouble(),
            {"a": [3]},
            row_of(1),
        ),
    ),
    assumed(
        "masked-members",
        "Masked pixels do not count in a composite; where all are masked, the composite is masked, with its bands.",
        "guides say so for reducers",
        Probe(
            lambda ee: (
                ee.ImageCollection(
                    [ee.Image(n).rename("a").updateMask(ee.Image(valid)) for n, valid in ((1, 1), (5, 0))]
                )
                .sum()
                .addBands(ee.ImageCollection([ee.Image(5).rename("b").updateMask(0)]).mean())
                .unmask(-1, False)
            ),
            {"a": [1], "b": [-1]},
            row_of(1),
        ),
    ),
    documented(
        "mosaic-last",
        "`mosaic` returns the last image that is not masked.",
        GUIDES + "ic_composite_mosaic",
        Probe(
            lambda ee: ee.ImageCollection(
                [ee.Image(1).rename("a"), ee.Image(2).rename("a"), ee.Image(3).rename("a").updateMask(0)]
            ).mosaic(),
            {"a": [2]},
            row_of(1),
        ),
    ),
    documented(
        "composite-grid",
        "A composite of images with different projections has no grid of its own: its projection is EPSG:4326 with "
        "pixels of one degree.",
        GUIDES + "projections",
        Probe(lambda ee: ee.ImageCollection([columns(ee, 20), columns(ee, 30)]).mosaic().projection(), _NO_GRID),
    ),
    assumed(
        "composite-of-one-grid",
        "A composite of images that share one grid has no grid of its own either.",
        "the guide speaks of different projections; if Google kept the shared grid, the core would interpolate on it",
        Probe(lambda ee: ee.ImageCollection([columns(ee, 20), columns(ee, 20)]).median().projection(), _NO_GRID),
    ),
    assumed(
        "constant-grid",
        "A constant has no grid of its own either.",
        "common practice",
        Probe(lambda ee: ee.Image(1).projection(), _NO_GRID),
    ),
    documented(
        "aggregation-grid",
        "Pixels of an image without a grid of its own are reduced or sampled on a given grid only: without a scale, a "
        "CRS and a transform it is an error.",
        GUIDES + "projections",
        Probe(
            lambda ee: (
                ee.ImageCollection([columns(ee, 20), columns(ee, 30)]).mosaic().reduceRegion("max", strip(ee, 10))
            ),
            REFUSED,
        ),
    ),
    documented(
        "composite-resampled",
        "A composite of images that were resampled is interpolated.",
        API + "image-resample",
        Probe(
            lambda ee: ee.ImageCollection([columns(ee, 20).toFloat().resample("bilinear")]).mosaic(),
            {"x": [0.75, 1.25, 1.75, 2.25]},
            row_of(4, 10, 2),
            tolerance=1e-5,
        ),
    ),
    documented(
        "composite-given-a-grid",
        "`setDefaultProjection` gives a composite the grid on which `resample` then interpolates it.",
        API + "image-setdefaultprojection",
        Probe(
            lambda ee: (
                ee.ImageCollection([columns(ee, 20)])
                .mosaic()
                .setDefaultProjection(columns(ee, 20).projection())
                .toFloat()
                .resample("bilinear")
            ),
            {"x": [0.75, 1.25, 1.75, 2.25]},
            row_of(4, 10, 2),
            tolerance=1e-5,
        ),
    ),
)


TERRAIN: tuple[EngineCheck, ...] = (
    assumed(
        "slope-native",
        "`Terrain.slope(heights).resample('bilinear')` computes the slope on the heights' own grid, then "
        "interpolates it.",
        "follows from what " + GUIDES + "resample says of inputs",
        Probe(
            lambda ee: ee.Terrain.slope(_ramp(ee)).toFloat().resample("bilinear"),
            {"slope": [45, 45, 45]},
            row_of(3, 10, 4),
            tolerance=1e-4,
        ),
    ),
    documented(
        "slope-pulled",
        "`Terrain.slope` alone is computed on the requested grid, from the four neighbours there.",
        GUIDES + "projections",
        Probe(
            lambda ee: ee.Terrain.slope(_ramp(ee)),
            {"slope": [math.degrees(math.atan(1.5)), 0, math.degrees(math.atan(1.5))]},
            row_of(3, 10, 3),
            tolerance=1e-4,
        ),
    ),
    assumed(
        "slope-ground",
        "`Terrain.slope` measures distances on the ground, also in degrees and on the web map (EPSG:3857).",
        "the description is silent; a slope in degrees does not depend on the map",
        unchecked="The test images are in UTM.",
    ),
    documented(
        "slope-edges",
        "`Terrain.slope` is masked where one of the four neighbours is masked.",
        API + "terrain-slope",
        Probe(
            lambda ee: ee.Terrain.slope(columns(ee, 10).multiply(10).updateMask(columns(ee, 10).gte(3))).unmask(
                -1, False
            ),
            {"slope": [-1, 45, 45]},
            row_of(3, 10, 3),
            tolerance=1e-4,
        ),
    ),
    assumed(
        "slope-degrees",
        "On a geographic grid the width of a pixel shrinks with the cosine of latitude.",
        "the description is silent",
        Probe(
            lambda ee: ee.Terrain.slope(_northern_ramp(ee)),
            {"slope": [math.degrees(math.atan(100 / (0.001 * _DEGREE * math.cos(math.radians(_NORTH)))))] * 2},
            grid_at(10.002, _NORTH, 2, 0.001, "EPSG:4326"),
            tolerance=0.01,
        ),
    ),
    assumed(
        "aspect-flat",
        "`Terrain.aspect` is 0 on flat ground, and not masked.",
        "the description is silent; no modality uses it, but the local engine offers it",
        Probe(
            lambda ee: ee.Terrain.aspect(columns(ee, 10).multiply(0)).unmask(-1, False),
            {"aspect": [0]},
            row_of(1, 10, 2),
        ),
    ),
)
