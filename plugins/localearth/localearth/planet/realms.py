"""Realms and biomes: the realm of a location, and how well a biome suits its climate."""

import numpy as np
from numpy.typing import NDArray

from localearth.planet.hashing import Floats
from localearth.planet.region import LAPSE, Region
from localearth.planet.terrain import moisture

REALMS = (
    "Afrotropic",
    "Antarctica",
    "Australasia",
    "Indomalayan",
    "Nearctic",
    "Neotropic",
    "Oceania",
    "Palearctic",
)

BIOMES = (
    "Tropical & Subtropical Moist Broadleaf Forests",
    "Tropical & Subtropical Dry Broadleaf Forests",
    "Tropical & Subtropical Coniferous Forests",
    "Temperate Broadleaf & Mixed Forests",
    "Temperate Conifer Forests",
    "Boreal Forests/Taiga",
    "Tropical & Subtropical Grasslands, Savannas & Shrublands",
    "Temperate Grasslands, Savannas & Shrublands",
    "Flooded Grasslands & Savannas",
    "Montane Grasslands & Shrublands",
    "Tundra",
    "Mediterranean Forests, Woodlands & Scrub",
    "Deserts & Xeric Shrublands",
    "Mangroves",
)
"""In the order of RESOLVE's BIOME_NUM, from 1."""

_IDEAL = (
    (24, 27, 0.6, 0.3, 0.7),
    (23, 27, -0.3, 0.3, 0.7),
    (18, 23, 0.1, 1.5, 0.8),
    (10, 20, 0.2, 0.3, 0.8),
    (7, 17, 0.3, 1.2, 0.8),
    (-2, 14, 0.9, 0.3, 0.9),
    (24, 28, -0.8, 0.4, 0.9),
    (9, 21, -0.9, 0.4, 1.0),
    (19, 25, -0.2, 0.1, 0.9),
    (8, 15, -0.4, 2.6, 1.0),
    (-9, 6, 0.9, 0.3, 0.7),
    (15, 23, -0.5, 0.4, 0.6),
    (19, 28, -3.0, 0.5, 0.9),
    (25, 28, 0.5, 0.0, 0.0),
)
"""The climate of each biome: annual mean and warmest month (degrees Celsius), log2 of moisture, elevation (km),
and distance from the coast (0 on the coast, 1 inland). Rough figures, set by hand."""

_SCALE = (5.0, 5.0, 0.8, 0.9, 0.45)


def realm_of(lon: Floats, lat: Floats) -> NDArray[np.int8]:
    """The number of the realm at each location; boundaries are simple lines."""
    realm = np.full(lat.shape, REALMS.index("Palearctic"), np.int8)

    def put(name: str, where: NDArray[np.bool_]) -> None:
        realm[where] = REALMS.index(name)

    put("Afrotropic", (lon > -26) & (lon < 62) & (lat < 18.0))
    put("Indomalayan", (lon >= 62) & (lon < 130) & (lat < 30.0 - 0.09 * np.maximum(lon - 78, 0.0)))
    put("Australasia", (lon > 119.4) & (lat < 2.5) | (lon > 112) & (lat < -10.5))
    put("Nearctic", (lon > -170) & (lon < -10) & (lat > 23.5) & ((lon < -30) | (lat > 67)))
    put("Neotropic", (lon > -120) & (lon < -26) & (lat <= 23.5))
    pacific = (np.abs(lat) < 30.0) & ((lon < -130) | (lon > 171) | ((lon > 130) & (lat > 2.5)))
    put("Oceania", pacific | ((lon <= -130) & (lon > -162) & (lat < 24)))
    put("Antarctica", (lat < -59) | ((lat < -46) & (lon > -60) & (lon < 160)))
    return realm


def biome_costs(region: Region) -> Floats:
    """How badly each biome suits some locations: (14, n), 0 for a perfect match."""
    elevation = region.coarse_elevation
    mean = region.mean - LAPSE * elevation
    wet = np.log2(np.clip(moisture(region.rain, mean), 0.02, 3.0))
    fields = (mean, mean + np.abs(region.swing), wet, elevation / 1000.0, region.inland)
    costs = [
        sum(((field - ideal) / scale) ** 2 for field, ideal, scale in zip(fields, row, _SCALE, strict=True))
        for row in _IDEAL
    ]
    return np.array(costs)
