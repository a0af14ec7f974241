"""Noise: smooth random fields in 3-dimensional space, so that they have no seams on the sphere.

Uses only additions, multiplications and floors, which give the same results on every processor.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from localearth.planet.hashing import Floats, Words, hash_words, scramble
from localearth.planet.lattice import Window

Small = NDArray[np.float32]

_FEW = 12_288
"""Maximum number of coordinates for which all octaves are computed at once."""

_X, _Y, _Z = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77), np.uint32(0xC2B2AE3D)

_CORNERS: Words = (
    np.array([[bits >> place & 1 for place in range(3)] for bits in range(8)], np.uint32) * np.array([_X, _Y, _Z])
).sum(axis=1, dtype=np.uint32)
"""Steps from the first corner of a cube to all eight: bit 0 of the index is a step along x, bit 1 y, bit 2 z."""

_SMALL = 6_000
"""Maximum number of points for which all corners are hashed at once."""


def _blend(a: NDArray[np.float32], b: NDArray[np.float32], t: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolates from a (t = 0) to b (t = 1); overwrites both."""
    b -= a
    b *= t
    a += b
    return a


def _line(corner: Words, u: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolates from the number of a lattice corner to that of the next one along x."""
    return _blend(scramble(corner.copy()).astype(np.float32), scramble(corner + _X).astype(np.float32), u)


def value_noise(points: Floats, wavelength: float | Floats, key: int | Words) -> Small:
    """Noise of one wavelength: hashed numbers on a cubic lattice with smooth interpolation.

    Args:
        points: points, (3, ...) metres.
        wavelength: the lattice's spacing, metres, or one per point.
        key: a salt, or one per point.

    Returns:
        Numbers in [0, 1) with mean 0.5, in the points' shape, as float32.
    """
    frequency = 1.0 / wavelength
    cells, weights = [], []
    for axis, step in zip(points, (_X, _Y, _Z), strict=True):
        at = axis * frequency
        floor = np.floor(at)
        at -= floor
        cells.append(floor.astype(np.int32).view(np.uint32) * step)
        weights.append(_quintic(at.astype(np.float32)))
    x0, y0, z0 = cells
    x0 = x0 + np.asarray(key, np.uint32)
    u, v, w = weights
    corner = x0 + y0
    corner += z0
    if corner.size <= _SMALL:
        # All eight corners of the cubes at once, because the calls are the main cost.
        numbers = scramble(_CORNERS.reshape(8, *(1 for _ in corner.shape)) + corner).astype(np.float32)
        for weight in (u, v, w):
            numbers = _blend(numbers[0::2], numbers[1::2], weight)
        result: Small = numbers[0]
    else:
        planes = []
        for _ in range(2):
            near = _line(corner, u)
            planes.append(_blend(near, _line(corner + _Y, u), v))
            corner += _Z
        result = _blend(planes[0], planes[1], w)
    result *= np.float32(2.0**-32)
    return result


def _quintic(t: Small) -> Small:
    """0 at 0 and 1 at 1, with a continuous second derivative, so that hillshades do not show the lattice."""
    s = t * np.float32(6.0)
    s -= np.float32(15.0)
    s *= t
    s += np.float32(10.0)
    for _ in range(3):
        s *= t
    return s


def plane_noise(window: Window, cell: int, key: int) -> Small:
    """Noise at whole pixels, like `value_noise` but in the plane of a raster and much faster.

    Args:
        window: the pixels.
        cell: wavelength of the noise, pixels.
        key: a salt.

    Returns:
        Numbers in [0, 1), (rows, cols).
    """
    rows, cols = window.indices()
    down, across = rows[:, 0], cols[0]
    i, j = down // cell, across // cell
    corners = hash_words(key, np.arange(i[0], i[-1] + 2)[:, None], np.arange(j[0], j[-1] + 2)[None, :])
    values = corners.astype(np.float32) * np.float32(2.0**-32)
    t = _quintic((across % cell).astype(np.float32) * np.float32(1.0 / cell))
    j -= j[0]
    values = _blend(values[:, j], values[:, j + 1], t)
    t = _quintic((down % cell).astype(np.float32) * np.float32(1.0 / cell))
    i -= i[0]
    return _blend(values[i], values[i + 1], t[:, None])


def turned(points: Floats) -> Floats:
    """The points in rotated axes, so that the lattices of consecutive octaves are not aligned."""
    x, y, z = points
    return np.stack([(2 * x - y + 2 * z) / 3.0, (2 * x + 2 * y - z) / 3.0, (2 * z + 2 * y - x) / 3.0])


def octave_key(key: int | Words, number: int) -> int | Words:
    """The key of an octave, from the key of its noise."""
    step = number * 0x632BE5AB & 0xFFFFFFFF
    return (key + step) & 0xFFFFFFFF if isinstance(key, int) else key + np.uint32(step)


def octaves(points: Floats, wavelengths: Sequence[float], key: int | Words) -> Iterator[Small]:
    """The noise of every wavelength in turn; see `value_noise`."""
    both = points, turned(points) if len(wavelengths) > 1 else points
    keys = [octave_key(key, number) for number in range(len(wavelengths))]
    if points.size > _FEW:
        for number, wavelength in enumerate(wavelengths):
            yield value_noise(both[number % 2], wavelength, keys[number])
        return
    # For few points the calls are the main cost, so all octaves are computed in one call.
    shape = (len(wavelengths), *(1 for _ in points.shape[1:]))
    stack = np.stack([both[number % 2] for number in range(len(wavelengths))], axis=1)
    words = np.array(keys, np.uint32)
    if words.ndim == 1:
        words = words.reshape(shape)
    yield from value_noise(stack, np.asarray(wavelengths, float).reshape(shape), words)


def fbm(points: Floats, wavelengths: Sequence[float], key: int | Words, gain: float = 0.5) -> Small:
    """Octaves of noise, each `gain` times the one before; in [0, 1), mean 0.5."""
    shares = weights(len(wavelengths), gain)
    total = np.zeros(points.shape[1:], np.float32)
    for share, noise in zip(shares, octaves(points, wavelengths, key), strict=True):
        noise *= np.float32(share)
        total += noise
    return total


def weights(count: int, gain: float) -> list[float]:
    """The weights of octaves, each `gain` times the one before; they add up to 1."""
    each = [gain**number for number in range(count)]
    return [one / sum(each) for one in each]


def ridges(noises: Iterable[Small], shares: Sequence[float]) -> Small:
    """Octaves of ridged noise: crests where a field crosses its mean, and roughness only near the crests.

    Args:
        noises: the octaves.
        shares: the weight of each octave; they add up to 1.

    Returns:
        Numbers from 0 in valleys to nearly 1 on crests.
    """
    total: Small | None = None
    carried: Small | None = None
    for share, noise in zip(shares, noises, strict=True):
        crest = 1.0 - np.abs(2.0 * noise - 1.0)
        crest *= crest
        term = crest if carried is None else crest * carried
        total = term * np.float32(share) if total is None else total + term * np.float32(share)
        carried = np.minimum(1.0, 0.25 + 1.3 * crest)
    assert total is not None
    return total


def smoothstep(low: float, high: float, values: Floats) -> Floats:
    """0 below `low`, 1 above `high`, and an S-shaped curve in between."""
    t = np.clip((values - low) * (1.0 / (high - low)), 0.0, 1.0)
    result: Floats = t * t * (3.0 - 2.0 * t)
    return result
