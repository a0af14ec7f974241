"""The canopy: the height of the vegetation."""

import numpy as np

from localearth.planet.cover import Cover, Kind
from localearth.planet.hashing import Floats
from localearth.planet.noise import smoothstep
from localearth.planet.terrain import Terrain


def canopy(terrain: Terrain, cover: Cover) -> Floats:
    """Height of the vegetation, metres, (rows, cols)."""
    tall = 9.0 + 19.0 * smoothstep(-4.0, 14.0, terrain.warmth) + 9.0 * smoothstep(18.0, 25.0, terrain.warmth)
    tall *= smoothstep(0.1, 1.2, terrain.moisture) * 0.5 + 0.5
    trees = tall * (0.35 + 0.65 * cover.dense) * (0.75 + 0.5 * cover.patchy) * (0.8 + 0.4 * cover.broad)
    height = np.zeros(trees.shape, np.float32)
    for kind, grown in (
        (Kind.TREES, np.maximum(trees, 4.0)),
        (Kind.MANGROVE, np.maximum(0.45 * trees, 3.0)),
        (Kind.SHRUB, 3.0 * cover.dense * cover.patchy),
    ):
        np.copyto(height, grown, where=cover.kind == kind, casting="same_kind")
    return height
