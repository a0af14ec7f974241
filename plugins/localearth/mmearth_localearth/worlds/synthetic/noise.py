"""Noise: smooth random fields in space, so that they have no seam anywhere on the sphere.

Only additions, multiplications and floors, which every processor does alike.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmearth_localearth.worlds.synthetic.hashing import Floats, Words, scramble

_X, _Y, _Z = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77), np.uint32(0xC2B2AE3D)


def _blend(a: NDArray[np.float32], b: NDArray[np.float32], t: NDArray[np.float32]) -> NDArray[np.float32]:
    """A where t is 0, b where t is 1; overwrites both."""
    b -= a
    b *= t
    a += b
    return a


def _line(corner: Words, u: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the number of a lattice corner to that of the next one along x."""
    return _blend(scramble(corner.copy()).astype(np.float32), scramble(corner + _X).astype(np.float32), u)


def value_noise(points: Floats, wavelength: float, key: int | Words) -> Floats:
    """Noise of one wavelength: hashed numbers on a cubic lattice, joined smoothly.

    Args:
        points: (3, ...) metres.
        wavelength: the lattice's spacing, metres.
        key: a salt, or one a point.

    Returns:
        Numbers in [0, 1), mean 0.5, of the points' shape.
    """
    cells, weights = [], []
    for axis, step in zip(points, (_X, _Y, _Z), strict=True):
        at = axis * (1.0 / wavelength)
        floor = np.floor(at)
        at -= floor
        t = at.astype(np.float32)
        cells.append(floor.astype(np.int32).view(np.uint32) * step)
        # The quintic has no jump in the second derivative: hillshades show no lattice.
        s = t * np.float32(6.0)
        s -= np.float32(15.0)
        s *= t
        s += np.float32(10.0)
        for _ in range(3):
            s *= t
        weights.append(s)
    x0, y0, z0 = cells
    x0 = x0 + np.asarray(key, np.uint32)
    u, v, w = weights
    corner = x0 + y0
    corner += z0
    planes = []
    for _ in range(2):
        near = _line(corner, u)
        planes.append(_blend(near, _line(corner + _Y, u), v))
        corner += _Z
    return _blend(planes[0], planes[1], w).astype(np.float64) * 2.0**-32


def _turn(points: Floats) -> Floats:
    """The points on other axes, so that the lattices of neighbouring octaves do not line up."""
    x, y, z = points
    return np.stack([(2 * x - y + 2 * z) / 3.0, (2 * x + 2 * y - z) / 3.0, (2 * z + 2 * y - x) / 3.0])


def octave_key(key: int | Words, number: int) -> int | Words:
    """The key of an octave, from that of its noise."""
    step = number * 0x632BE5AB & 0xFFFFFFFF
    return (key + step) & 0xFFFFFFFF if isinstance(key, int) else key + np.uint32(step)


def fbm(points: Floats, wavelengths: Sequence[float], key: int | Words, gain: float = 0.5) -> Floats:
    """Octaves of noise, each weaker by `gain` than the one before; in [0, 1), mean 0.5."""
    turned = points, _turn(points)
    total = np.zeros(points.shape[1:])
    weight, weights = 1.0, 0.0
    for number, wavelength in enumerate(wavelengths):
        total += weight * value_noise(turned[number % 2], wavelength, octave_key(key, number))
        weights += weight
        weight *= gain
    return total / weights


def ridges(points: Floats, wavelengths: Sequence[float], key: int, gain: float = 0.5) -> Floats:
    """Octaves of ridged noise: crests where a field passes its middle, and rough only near the crests.

    Returns:
        Numbers from 0 in valleys to nearly 1 on crests.
    """
    turned = points, _turn(points)
    total = np.zeros(points.shape[1:])
    carried = np.ones(points.shape[1:])
    weight, weights = 1.0, 0.0
    for number, wavelength in enumerate(wavelengths):
        noise = value_noise(turned[number % 2], wavelength, octave_key(key, number))
        crest = 1.0 - np.abs(2.0 * noise - 1.0)
        crest *= crest
        total += weight * crest * carried
        carried = np.minimum(1.0, 0.25 + 1.3 * crest)
        weights += weight
        weight *= gain
    return total / weights


def smoothstep(low: float, high: float, values: Floats) -> Floats:
    """0 below `low`, 1 above `high`, and an S between."""
    t = np.clip((values - low) * (1.0 / (high - low)), 0.0, 1.0)
    result: Floats = t * t * (3.0 - 2.0 * t)
    return result
