"""Beliefs about places: random points, and geometries across the antimeridian."""

from typing import Any

from mmearth_devkit.beliefs.belief import API, Belief, Check, assumed, documented


def _points(ee: Any, seed: int) -> Any:
    """Five random points in a degree square."""
    return ee.FeatureCollection.randomPoints(ee.Geometry.Rectangle([10, 50, 11, 51]), 5, seed)


def _coordinates(ee: Any, seed: int) -> Any:
    return _points(ee, seed).toList(5).map(lambda point: ee.Feature(point).geometry().coordinates())


def _tile(ee: Any, lon: float) -> Any:
    return ee.Geometry.Polygon([[[lon + 0.01, 50], [lon + 0.01, 50.01], [lon - 0.01, 50.01], [lon - 0.01, 50]]])


PLACES: tuple[Belief, ...] = (
    documented(
        "randomPoints",
        "`FeatureCollection.randomPoints` gives as many points as asked for, all inside the polygon, uniform by area.",
        API + "featurecollection-randompoints",
        Check(
            lambda ee: [
                _points(ee, 1).size(),
                _points(ee, 1).filterBounds(ee.Geometry.Rectangle([9.9, 49.9, 11.1, 51.1])).size(),
            ],
            [5, 5],
        ),
    ),
    assumed(
        "randomPoints-seed",
        "The same seed gives the same points, another one others: the same tiles from the same command.",
        "the description says `a seed for the random number generator`",
        Check(
            lambda ee: [
                _coordinates(ee, 1).equals(_coordinates(ee, 1)),
                _coordinates(ee, 1).equals(_coordinates(ee, 2)),
            ],
            [True, False],
        ),
    ),
    assumed(
        "polygon-past-180",
        "A polygon may go on past 180 degrees: it is the small one across the antimeridian, not the one around the "
        "globe, and its centroid is in its middle.",
        "the practice of users",
        Check(
            lambda ee: [
                _tile(ee, 180).area(1).divide(_tile(ee, 10).area(1)),
                ee.Number(_tile(ee, 180).centroid(1).coordinates().get(0)).abs(),
            ],
            [1, 180],
            tolerance=1e-6,
        ),
    ),
)
