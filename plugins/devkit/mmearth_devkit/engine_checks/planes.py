"""Checks of geometries and moved images in a projection to work in, the argument `proj`."""

from typing import Any

from mmearth_devkit.engine_checks.check import API, REFUSED, EngineCheck, Probe, assumed, documented

_UTM = "EPSG:32632"
_PIXELS = [10, 0, 500_000, 0, -10, 5_000_000]
"""A transform of pixels of 10 m."""


def _square(ee: Any, size: float) -> Any:
    """A square of UTM from its origin."""
    return ee.Geometry.Rectangle([0, 0, size, size], _UTM, False)


def _moved(ee: Any, x: float, y: float, units: str) -> Any:
    """The coordinates of a moved image of pixel coordinates in the pixel (20, 20)."""
    projection = ee.Projection(_UTM, _PIXELS)
    moved = ee.Image.pixelCoordinates(projection).translate(x, y, units, projection)
    place = ee.Geometry.Point([500_205, 4_999_795], _UTM)
    return moved.reduceRegion(ee.Reducer.first(), place, crs=projection)


PLANES: tuple[EngineCheck, ...] = (
    documented(
        "proj-units",
        "With `proj`, areas, lengths and buffers have the units of its coordinates: degrees in EPSG:4326.",
        API + "geometry-area",
        Probe(
            lambda ee: [
                ee.Geometry.Rectangle([9, 0, 10, 1], None, False).area(1e-6, "EPSG:4326"),
                ee.Geometry.Point([9, 0]).distance(ee.Geometry.Point([12, 4]), 1e-6, "EPSG:4326"),
                _square(ee, 1000).area(0.001, _UTM),
            ],
            [1, 5, 1_000_000],
            tolerance=1e-3,
        ),
    ),
    documented(
        "proj-cuts",
        "With `proj`, `cutLines` cuts at distances in its units.",
        API + "geometry-cutlines",
        Probe(
            lambda ee: (
                ee.Geometry.LineString([[0, 0], [9, 0]], _UTM, False).cutLines([4], 0.001, _UTM).coordinates().flatten()
            ),
            [0, 0, 4, 0, 4, 0, 9, 0],
            tolerance=1e-3,
        ),
    ),
    assumed(
        "proj-result",
        "With `proj`, the results of overlays and buffers are in that projection, with straight edges.",
        "the description says that they are computed there",
        Probe(
            lambda ee: [
                found := _square(ee, 1000).intersection(_square(ee, 500), 0.001, _UTM),
                found.projection().crs(),
                found.geodesic(),
            ][1:],
            [_UTM, False],
        ),
    ),
    assumed(
        "transform-pixels",
        "A geometry in a projection with a transform has coordinates of its pixels.",
        "CoastSat (https://github.com/kvos/CoastSat) and other programs round them to whole pixels",
        Probe(
            lambda ee: (
                ee.Geometry.Point([500_015, 4_999_975], _UTM)
                .transform(ee.Projection(_UTM, _PIXELS), 0.001)
                .coordinates()
            ),
            [1.5, 2.5],
            tolerance=1e-3,
        ),
    ),
    assumed(
        "translate-y",
        "`translate` moves an image north for a positive y in metres, and to higher row numbers for one in pixels.",
        "both are the directions of the coordinates",
        Probe(
            lambda ee: [
                _moved(ee, 20, 30, "meters").getNumber("y"),
                _moved(ee, 2, 3, "pixels").getNumber("x"),
                _moved(ee, 2, 3, "pixels").getNumber("y"),
            ],
            [23.5, 18.5, 17.5],
            tolerance=1e-3,
        ),
    ),
    assumed(
        "crs-texts",
        "A CRS is a code with its authority, or WKT; PROJ strings are refused.",
        "programs report the message `The CRS of a map projection could not be parsed` for them",
        Probe(lambda ee: ee.Projection("+proj=utm +zone=32").nominalScale(), REFUSED),
    ),
    assumed(
        "clip-to-nothing",
        "`clip` to an empty geometry fails.",
        "programs recognize the message `The geometry for image clipping must not be empty`",
        Probe(
            lambda ee: (
                ee.Image(1).clip(ee.Geometry.Point([0, 0]).intersection(ee.Geometry.Point([1, 1]), 1)).bandNames()
            ),
            REFUSED,
        ),
    ),
    assumed(
        "modis-crs",
        "`SR-ORG:6974` is the sinusoidal system of MODIS on a sphere with a radius of 6,371,007.181 m; latitudes stay "
        "as they are on the ellipsoid.",
        "https://github.com/leftfield-geospatial/geedim (`geedim/image.py`) and other programs replace the code by it",
        Probe(
            lambda ee: (
                ee.Geometry.Point([1_000_000, 5_000_000], "SR-ORG:6974").transform("EPSG:4326", 0.001).coordinates()
            ),
            [12.710780, 44.966030],
            tolerance=1e-6,
        ),
    ),
)
