"""Fields: noise over a patch; every octave is computed at nodes as dense as its wavelength needs."""

from collections.abc import Iterator, Sequence

import numpy as np

from localearth.planet.hashing import Floats
from localearth.planet.lattice import MID, STEP, Patch
from localearth.planet.noise import Small, octave_key, ridges, turned, value_noise, weights

SAMPLES = 8.0
"""Nodes per wavelength that a spline needs to follow the noise."""


def noise_of(patch: Patch, wavelengths: Sequence[float], key: int, gain: float = 0.5) -> Small:
    """Octaves of noise at a patch's pixels, each `gain` times the one before; see `noise.fbm`."""
    sums: dict[int, Small] = {}
    for share, (step, noise) in zip(weights(len(wavelengths), gain), _octaves(patch, wavelengths, key), strict=True):
        noise *= np.float32(share)
        sums[step] = noise if step not in sums else sums[step] + noise
    total = sums.pop(1, None)
    for step, part in sums.items():
        spread = _spread(patch, step, part)
        total = spread if total is None else np.add(total, spread, out=total)
    assert total is not None
    return total


def ridges_of(patch: Patch, wavelengths: Sequence[float], key: int, gain: float) -> Small:
    """Octaves of ridged noise at a patch's pixels; see `noise.ridges`."""
    spread = (_spread(patch, step, noise) for step, noise in _octaves(patch, wavelengths, key))
    return ridges(spread, weights(len(wavelengths), gain))


def _octaves(patch: Patch, wavelengths: Sequence[float], key: int) -> Iterator[tuple[int, Small]]:
    """For each wavelength, a suitable distance of nodes in pixels, and the noise at those nodes."""
    for number, wavelength in enumerate(wavelengths):
        step = _step(patch, wavelength)
        yield step, value_noise(_points(patch, step, number % 2 == 1), wavelength, octave_key(key, number))


def _step(patch: Patch, wavelength: float) -> int:
    pixel = patch.spacing[0]
    return next((step for step in (STEP, MID) if SAMPLES * step * pixel <= wavelength), 1)


def _points(patch: Patch, step: int, turn: bool) -> Floats:
    name = {STEP: "nodes", MID: "mids", 1: "points"}[step]
    if not turn:
        found: Floats = getattr(patch, name)
        return found
    # Most fields need the rotated points, so they are cached.
    if step not in patch.turned:
        patch.turned[step] = turned(getattr(patch, name))
    return patch.turned[step]


def _spread(patch: Patch, step: int, values: Small) -> Small:
    if step == 1:
        return values
    return patch.spread(values) if step == STEP else patch.from_mids(values)
