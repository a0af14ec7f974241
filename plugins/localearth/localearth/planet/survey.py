"""The survey: plane coordinates in bands of one degree of latitude, for the layout of fields and towns.

Bands meet along parallels, like the townships of a land survey at their correction lines.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.planet.hashing import Floats, as_words, hash_words, salt, scramble
from localearth.planet.lattice import RADIUS

DEGREE = math.pi * RADIUS / 180.0
"""Length of a degree of latitude, metres."""

QUARTER = 1150.0
"""Mean distance of the sites around which fields have the same direction, metres."""

SECTION = 805.0
"""Side of a square of the rectangular survey (half a mile), metres."""

_ANGLES = np.radians(np.arange(32) * (180.0 / 32) + 3.0)
_COS, _SIN = np.round(np.cos(_ANGLES), 12), np.round(np.sin(_ANGLES), 12)


@frozen(eq=False)
class Parcels:
    """The field of each pixel; all (rows, cols).

    Attributes:
        code: a random word per field.
        edge: distance to the field's edge, metres.
        pivot: distance to the edge of the irrigation circle in the square, metres; negative inside.
    """

    code: NDArray[np.uint32]
    edge: Floats
    pivot: Floats


def bands(lat: Floats) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """The bands of some latitudes, each with a mask of its pixels."""
    band = np.floor(lat).astype(np.int64)
    for number in range(int(band.min()), int(band.max()) + 1):
        inside = band == number
        if inside.any():
            yield number, inside


def ring(band: int) -> float:
    """Length of the parallel in the middle of a band, metres."""
    return 360.0 * DEGREE * math.cos(math.radians(min(abs(band + 0.5), 89.4)))


def plane(lon: Floats, lat: Floats, band: int) -> tuple[Floats, Floats]:
    """Metres east of 180 W and north of the band's southern edge; continuous if the longitudes are."""
    return (lon + 180.0) * (ring(band) / 360.0), (lat - band) * DEGREE


def parcels(lon: Floats, lat: Floats, regular: Floats, seed: int) -> Parcels:
    """The fields at some pixels.

    Args:
        lon: longitude, degrees.
        lat: latitude, degrees.
        regular: above 0.5 fields follow squares, otherwise a patchwork.
        seed: the planet's seed.
    """
    code = np.zeros(lat.shape, np.uint32)
    edge, pivot = np.zeros(lat.shape), np.full(lat.shape, 1e3)
    for band, inside in bands(lat):
        x, y = plane(lon[inside], lat[inside], band)
        square = regular[inside] > 0.5
        found: list[NDArray[Any]] = [np.zeros(x.shape, np.uint32), np.zeros(x.shape), np.full(x.shape, 1e3)]
        for chosen, lay_out in ((square, _squares), (~square, _patchwork)):
            if chosen.any():
                for target, values in zip(found, lay_out(x[chosen], y[chosen], band, seed), strict=True):
                    target[chosen] = values
        code[inside], edge[inside], pivot[inside] = found
    return Parcels(code, edge, pivot)


Small = NDArray[np.float32]
Layout = tuple[NDArray[np.uint32], Floats, Floats]


def _squares(x: Floats, y: Floats, band: int, seed: int) -> Layout:
    count = int(ring(band) // SECTION)
    side = ring(band) / count
    i, j = np.floor(x / side), np.floor(y / SECTION)
    u, v = x - i * side, y - j * SECTION
    whole = hash_words(salt(seed, "section", band), i % count, j)
    # A square is one field, or is split into two or four in either direction.
    kind = whole >> np.uint32(29)
    across = np.where(kind < 2, 1, np.where(kind < 5, 2, np.where(kind < 7, 4, 1)))
    along = np.where(kind < 3, 1, np.where(kind < 6, 2, np.where(kind == 6, 1, 4)))
    a, b = u * across / side, v * along / SECTION
    code = hash_words(whole, np.floor(a), np.floor(b))
    ea, eb = a - np.floor(a), b - np.floor(b)
    edge = np.minimum(np.minimum(ea, 1 - ea) * side / across, np.minimum(eb, 1 - eb) * SECTION / along)
    radius = np.sqrt((u - side / 2) ** 2 + (v - SECTION / 2) ** 2)
    return code, edge, radius - 0.485 * SECTION


_AROUND = tuple((di, dj) for di in (-1, 0, 1) for dj in (-1, 0, 1))
"""The cells that may contain the nearest site of a point."""


def _site(fx: Small, fy: Small, i: Any, j: Any, key: int) -> tuple[Small, Small, NDArray[np.uint32]]:
    """Vectors from the site of cell (i, j) to points at (fx, fy), in cells; and the site's random word."""
    words = hash_words(key, i, j)
    ex = fx - (words >> np.uint32(16)).astype(np.float32) * np.float32(1 / 65536)
    ey = fy - (words & np.uint32(0xFFFF)).astype(np.float32) * np.float32(1 / 65536)
    return ex, ey, words


def _patchwork(x: Floats, y: Floats, band: int, seed: int) -> Layout:
    count = int(ring(band) // QUARTER)
    side = ring(band) / count
    ci, cj = np.floor(x / side).astype(np.int64), np.floor(y / QUARTER).astype(np.int64)
    key = salt(seed, "quarter", band)
    fx, fy = (x / side - ci).astype(np.float32), (y / QUARTER - cj).astype(np.float32)
    best = np.full(x.shape, 99.0, np.float32)
    second, winner = best.copy(), np.zeros(x.shape, np.int8)
    for number, (di, dj) in enumerate(_AROUND):
        ex, ey, _ = _site(fx, fy, (ci + di) % count, cj + dj, key)
        ex -= np.float32(di)
        ey -= np.float32(dj)
        gap = ex * ex + ey * ey
        winner[gap < best] = number
        np.minimum(second, np.maximum(best, gap), out=second)
        np.minimum(best, gap, out=best)
    around = np.array(_AROUND)[winner]
    right, above = around[:, 0], around[:, 1]
    ex, ey, site = _site(fx, fy, (ci + right) % count, cj + above, key)
    dx, dy = (ex.astype(np.float64) - right) * side, (ey.astype(np.float64) - above) * QUARTER
    words = scramble(site ^ np.uint32(0x5BD1E995))
    turn = words >> np.uint32(27)
    cos, sin = _COS[turn], _SIN[turn]
    a, b = dx * cos + dy * sin, dy * cos - dx * sin
    scale = 0.4 + ((words >> np.uint32(20)) & np.uint32(127)) * (1.1 / 127)
    width = (70.0 + ((words >> np.uint32(12)) & np.uint32(255))) * scale
    height = (160.0 + ((words >> np.uint32(4)) & np.uint32(255)) * 1.8) * scale
    b = b / height
    j = np.floor(b)
    a = a / width + scramble(words + as_words(j)) * 2.0**-32
    i = np.floor(a)
    code = hash_words(words, i, j)
    ea, eb = a - i, b - j
    edge = np.minimum(np.minimum(ea, 1 - ea) * width, np.minimum(eb, 1 - eb) * height)
    border = (np.sqrt(second) - np.sqrt(best)) * (0.5 * QUARTER)
    return code, np.minimum(edge, border), np.full(x.shape, 1e3)
