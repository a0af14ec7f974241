"""Snow: its cover on a day, and which days are cold enough for it."""

import math

import numpy as np

from localearth.planet.cover import Cover, Kind
from localearth.planet.hashing import Floats
from localearth.planet.noise import smoothstep
from localearth.planet.region import Region
from localearth.planet.terrain import Terrain

NONE, FULL = 0.5, -4.5
"""Mean temperatures of a day at which snow starts to remain and at which it covers all ground, degrees Celsius."""

ICE, CLOSED = -3.0, -6.0
"""The same for ice on lakes and rivers; the sea does not freeze."""

WHITE = 0.55
"""Minimum share of snow in a pixel that is labelled as snow."""


def coldness(day_of_year: int) -> float:
    """Position of a day in the year of the northern hemisphere: -1 on the coldest day, 1 on the warmest."""
    return -round(math.cos((day_of_year - 21.0) * (2.0 * math.pi / 365.25)), 9)


def today(region: Region, terrain: Terrain, day_of_year: int) -> Floats:
    """The mean temperature of a day, degrees Celsius."""
    result: Floats = terrain.warmth + region.swing * coldness(day_of_year)
    return result


def snow_cover(region: Region, terrain: Terrain, cover: Cover, day_of_year: int) -> Floats:
    """The share of the ground with visible snow, 0 to 1."""
    warmth = today(region, terrain, day_of_year)
    if float(warmth.min()) > NONE + 2.0:
        return np.zeros(warmth.shape, np.float32)
    snow = smoothstep(NONE, FULL, warmth + 4.0 * (cover.patchy - 0.5)) * _fallen(terrain)
    snow = np.where(terrain.water, np.where(terrain.sea, np.float32(0.0), smoothstep(ICE, CLOSED, warmth)), snow)
    # Snow falls through branches and is cleared from streets.
    visible = np.ones(len(Kind), np.float32)
    visible[[Kind.TREES, Kind.BUILT]] = 0.25, 0.55
    return snow * visible[cover.kind]


def white_below(region: Region, terrain: Terrain, cover: Cover) -> Floats:
    """How much colder than the annual mean a day must be for a pixel to be labelled as snow, Kelvin.

    This is `snow_cover` solved for the day, so that a year of labels needs one comparison per day.

    Returns:
        (rows, cols): snow where `region.swing * coldness(day)` is lower; -inf where there is never snow.
    """
    fallen = _fallen(terrain).astype(np.float64)
    open_ground = (cover.kind != Kind.TREES) & (cover.kind != Kind.BUILT) & ~terrain.water & (fallen > WHITE)
    share = WHITE / np.where(open_ground, fallen, 1.0)
    limit = NONE + (FULL - NONE) * _inverse(share) - 4.0 * (cover.patchy - 0.5)
    lake = terrain.water & ~terrain.sea
    limit = np.where(lake, ICE + (CLOSED - ICE) * _inverse(np.array(WHITE)), limit)
    # Rounded, because the last bits of sines differ between processors.
    below = np.round((limit - terrain.warmth) * 1024.0) / 1024.0
    return np.where(open_ground | lake, below, -np.inf).astype(np.float32)


def _fallen(terrain: Terrain) -> Floats:
    return smoothstep(0.05, 0.3, terrain.moisture)


def _inverse(share: Floats) -> Floats:
    """The position between its ends at which a smoothstep has a value."""
    result: Floats = 0.5 - np.sin(np.arcsin(1.0 - 2.0 * share) / 3.0)
    return result
