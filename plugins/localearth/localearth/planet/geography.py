"""Geography: mountains, deserts, rain and settlement roughly as on Earth, so that places are recognisable.

The figures are rough and drawn by hand from common knowledge, not from a data set. Noise, which depends on the seed,
adds the details.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from attrs import frozen

from localearth.planet.hashing import Floats
from localearth.planet.lattice import on_sphere

Line = tuple[float, float, tuple[tuple[float, float], ...]]

CHAINS: tuple[Line, ...] = (
    (4200, 170, ((-75, 10), (-78, 0), (-77, -10), (-69, -17), (-68, -25), (-70, -35), (-72, -45), (-73, -52))),
    (2500, 260, ((-150, 62), (-135, 60), (-122, 52), (-114, 46), (-107, 39), (-106, 34))),
    (2200, 110, ((-122, 48), (-120, 38), (-117, 34))),
    (1500, 300, ((-117, 41), (-111, 37))),
    (2000, 160, ((-108, 29), (-103, 21), (-97, 17), (-91, 15), (-84, 10))),
    (900, 110, ((-84, 35), (-78, 39), (-72, 44))),
    (1300, 120, ((-155, 68), (-142, 69))),
    (2600, 480, ((-42, 66), (-40, 76))),
    (3000, 100, ((5.5, 44.5), (8, 46.3), (13, 47))),
    (2200, 50, ((-1, 42.8), (2, 42.5))),
    (1400, 80, ((19, 49), (25, 48), (25, 45.5))),
    (1500, 100, ((14, 45.5), (21, 41), (23, 38.5))),
    (1300, 140, ((7, 60), (15, 66), (20, 69))),
    (1500, 50, ((9, 44.4), (13, 42.5), (16, 39.5))),
    (3000, 80, ((40, 43.5), (48, 41))),
    (1900, 190, ((30, 38), (40, 39), (46, 36), (53, 30), (58, 28))),
    (2000, 120, ((-8, 31), (3, 35))),
    (1500, 150, ((6, 23),)),
    (1600, 120, ((18, 21),)),
    (1800, 110, ((42, 19), (45, 14))),
    (2300, 240, ((38, 8), (39, 13))),
    (1700, 170, ((36, 0), (35, -5))),
    (1500, 90, ((29.5, -2),)),
    (1900, 110, ((29, -29), (31, -24))),
    (1100, 120, ((47, -19),)),
    (5000, 150, ((72, 36), (80, 31), (88, 28), (96, 28.5))),
    (4600, 380, ((82, 34), (95, 33.5))),
    (3800, 150, ((78, 36.5), (92, 37.5), (100, 38.5))),
    (3000, 170, ((70, 41), (80, 42), (88, 43))),
    (2000, 190, ((86, 50), (96, 48))),
    (1200, 320, ((100, 46), (112, 46))),
    (800, 80, ((58, 54), (60, 66))),
    (2800, 230, ((99, 30), (101, 24))),
    (600, 240, ((108, 26), (117, 26))),
    (1200, 320, ((128, 68), (140, 62), (155, 63))),
    (1200, 280, ((105, 52), (125, 56))),
    (1100, 110, ((103, 20), (107, 15))),
    (1400, 80, ((138, 36), (141, 40))),
    (1500, 110, ((159, 55),)),
    (1000, 60, ((74, 18), (76.5, 10))),
    (2000, 70, ((168, -45), (172, -42.5))),
    (2800, 110, ((135, -3.5), (147, -8))),
    (900, 120, ((146, -20), (151, -30), (147, -37))),
    (1200, 70, ((98, 3), (104, -4))),
    (1000, 140, ((115, 3),)),
    (2200, 40, ((121, 23.7),)),
    (1200, 60, ((121, 17),)),
    (900, 80, ((128, 38),)),
    (800, 240, ((-44, -20), (-42, -13))),
    (900, 190, ((-62, 5),)),
    (800, 100, ((-18, 64.8),)),
    (600, 60, ((-4.5, 57),)),
    (2800, 1500, ((80, -78), (0, -86))),
    (2500, 200, ((165, -76), (-150, -85), (-80, -78))),
)
"""Mountain chains and highlands: height (m), half-width (km), points (longitude, latitude)."""

Spot = tuple[float, float, float, float]

RAIN: tuple[Spot, ...] = (
    *((-8, 23, 900, 0.06), (8, 23, 900, 0.05), (25, 23, 900, 0.04), (48, 22, 900, 0.08), (60, 32, 700, 0.25)),
    *((71, 27, 350, 0.3), (83, 40, 600, 0.08), (105, 43, 700, 0.2), (64, 44, 800, 0.3), (128, -25, 1000, 0.3)),
    *((20, -25, 550, 0.35), (14, -23, 250, 0.08), (47, 7, 500, 0.25), (-69.5, -22, 380, 0.03), (39, 2, 350, 0.45)),
    *((-69, -45, 450, 0.3), (-113, 34, 500, 0.3), (-116, 40, 450, 0.35), (-105, 29, 400, 0.4), (-104, 41, 450, 0.55)),
    *((-63, -4, 1300, 1.25), (-40, -9, 350, 0.45), (105, 12, 900, 1.7), (80, 21, 700, 2.2), (91, 24, 450, 3.0)),
    *((113, 26, 700, 2.4), (137, 36, 600, 2.0), (118, 32, 450, 1.6), (-87, 33, 800, 2.1), (-78, 40, 600, 1.35)),
    *((-125, 49, 300, 2.3), (6, 61, 250, 2.0), (-74, -46, 350, 2.5), (169, -44, 200, 2.5), (-80, 20, 900, 2.0)),
    *((-84, 12, 500, 1.8), (-54, -27, 700, 2.1), (-60, -34, 450, 1.4), (135, 65, 900, 0.6), (151, -28, 350, 1.7)),
)
"""Regions with more or less rain than their latitude suggests: longitude, latitude, radius (km), factor."""

PEOPLE: tuple[Spot, ...] = (
    *((5, 49, 650, 1.0), (20, 50, 600, 0.9), (35, 49, 600, 0.9), (45, 52, 600, 0.6), (80, 25, 700, 1.0)),
    *((77, 17, 500, 0.8), (115, 33, 650, 1.0), (125, 45, 400, 0.8), (-92, 41, 650, 1.0), (-82, 40, 400, 0.7)),
    *((-60, -34, 450, 0.9), (-108, 51, 450, 0.9), (-98, 38, 450, 0.8), (-49, -22, 500, 0.8), (138, 36, 250, 0.7)),
    *((110, -7, 350, 0.9), (7, 9, 500, 0.7), (38, 9, 300, 0.6), (31, 30, 160, 1.0), (145, -36, 350, 0.8)),
    *((117, -32, 250, 0.8), (68, 54, 500, 0.6), (12, 44, 300, 0.8), (-4, 40, 350, 0.7), (32, 39, 350, 0.6)),
    *((28, -27, 300, 0.6), (100, 15, 300, 0.9), (106, 20, 200, 0.8), (-120, 37, 160, 0.9), (-76, 38, 250, 0.55)),
    *((74, 31, 300, 1.0), (-1, 52, 250, 0.9), (-55, -14, 350, 0.6), (-88, 34, 350, 0.5), (69, 40, 200, 0.9)),
)
"""Regions with most farmland: longitude, latitude, radius (km), weight."""


@frozen(eq=False)
class _Segments:
    start: Floats
    along: Floats
    length2: Floats
    height: Floats
    width2: Floats


@lru_cache(maxsize=1)
def _segments() -> _Segments:
    rows = []
    for height, width, line in CHAINS:
        ends = line if len(line) > 1 else (line[0], line[0])
        for (lon, lat), (lon2, lat2) in pairwise(ends):
            points = on_sphere(np.array([lon, lon2], float), np.array([lat, lat2], float))
            rows.append((points[:, 0], points[:, 1] - points[:, 0], height, (width * 1e3) ** 2))
    along = np.array([row[1] for row in rows])
    return _Segments(
        np.array([row[0] for row in rows]),
        along,
        np.maximum((along * along).sum(axis=1), 1.0),
        np.array([row[2] for row in rows], float),
        np.array([row[3] for row in rows]),
    )


def highlands(points: Floats) -> Floats:
    """Height of the mountains around each point, metres; 0 far from every chain."""
    chains = _segments()
    flat = points.reshape(3, -1)
    rel = [flat[axis][None, :] - chains.start[:, axis][:, None] for axis in range(3)]
    dot = sum(rel[axis] * chains.along[:, axis][:, None] for axis in range(3))
    t = np.clip(dot / chains.length2[:, None], 0.0, 1.0)
    gap = sum((rel[axis] - t * chains.along[:, axis][:, None]) ** 2 for axis in range(3))
    heights = chains.height[:, None] * np.exp(-gap / chains.width2[:, None])
    result: Floats = heights.max(axis=0).reshape(points.shape[1:])
    return result


@lru_cache(maxsize=2)
def _spots(which: str) -> tuple[Floats, Floats, Floats]:
    table = np.array(RAIN if which == "rain" else PEOPLE, float)
    return on_sphere(table[:, 0], table[:, 1]), (table[:, 2] * 1e3) ** 2, table[:, 3]


def _nearness(points: Floats, which: str) -> tuple[Floats, Floats]:
    centres, radius2, weights = _spots(which)
    flat = points.reshape(3, -1)
    gap = sum((flat[axis][None, :] - centres[axis][:, None]) ** 2 for axis in range(3))
    return np.exp(-gap / radius2[:, None]), weights


def rain_factor(points: Floats) -> Floats:
    """Ratio of a point's rain to the mean rain of its latitude."""
    near, weights = _nearness(points, "rain")
    # Overlapping deserts must not multiply: only the lowest and the highest factor count.
    logs = near * np.log(weights)[:, None]
    result: Floats = np.exp(logs.min(axis=0) + logs.max(axis=0)).reshape(points.shape[1:])
    return result


def settled(points: Floats) -> Floats:
    """Share of the suitable land that is farmed, 0 to 1."""
    near, weights = _nearness(points, "people")
    result: Floats = (near * weights[:, None]).max(axis=0).reshape(points.shape[1:])
    return result
