"""Random points in a region."""

import numpy as np
from shapely.geometry import Point

from mmearth_core.tiles.polygon_source import Uniform
from mmearth_localearth.errors import EarthEngineError
from mmearth_localearth.registry import function
from mmearth_localearth.values.collection import Collection, of_elements
from mmearth_localearth.values.feature import Feature
from mmearth_localearth.values.geometry import Geometry


@function(
    "FeatureCollection.randomPoints",
    note="Polygons only, uniform by area on the ellipsoid; not the same points as Google's for a seed. `maxError` is "
    "ignored.",
)
def random_points(region: Geometry, points: int, seed: int, _margin: object) -> Collection:
    """A collection of random points, indexed from 0."""
    if points < 0:
        raise EarthEngineError("points may not be negative.")
    try:
        uniform = Uniform(region.lonlat)
    except ValueError:
        raise EarthEngineError("argument 'region': the local Earth Engine needs a polygon with an area.") from None
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(abs(seed), spawn_key=(int(seed < 0),))))
    lon, lat = uniform.draw(points, random)
    return of_elements([Feature(Geometry(Point(x, y))) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)], False)
