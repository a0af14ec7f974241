"""Checks of geometries in a projection to work in, the argument `proj`."""

from typing import Any

from mmearth_devkit.engine_checks.check import API, EngineCheck, Probe, assumed, documented

_UTM = "EPSG:32632"


def _square(ee: Any, size: float) -> Any:
    """A square of UTM from its origin."""
    return ee.Geometry.Rectangle([0, 0, size, size], _UTM, False)


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
                .transform(ee.Projection(_UTM, [10, 0, 500_000, 0, -10, 5_000_000]), 0.001)
                .coordinates()
            ),
            [1.5, 2.5],
            tolerance=1e-3,
        ),
    ),
)
