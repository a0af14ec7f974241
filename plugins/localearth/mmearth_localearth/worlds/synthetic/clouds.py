"""Clouds: how much of the sky they hide at a time and place, and where they are."""

import numpy as np
from numpy.typing import NDArray

from mmearth_localearth.worlds.synthetic.hashing import Floats, Words, salt
from mmearth_localearth.worlds.synthetic.lattice import Patch
from mmearth_localearth.worlds.synthetic.noise import fbm, octave_key, smoothstep, value_noise
from mmearth_localearth.worlds.synthetic.region import Region
from mmearth_localearth.worlds.synthetic.terrain import moisture

WEATHER = (850e3, 310e3, 130e3)
"""Wavelengths of the weather, metres."""

COARSE, FINE = (17e3, 7.1e3), (2900.0, 1230.0, 520.0, 210.0)
"""Wavelengths of the clouds, metres, of which the coarse ones are taken at the nodes of a lattice."""

_COARSE_SHARE = 1.5 / (1.5 + 0.46875)
_SPREAD = 0.128
"""Standard deviation of the cloud field below."""


def season(day_of_year: Floats | float, swing: Floats | float) -> Floats:
    """Where in the year a day stands: -1 in the coldest time, 1 in the warmest; near 0 on the equator."""
    phase = -np.cos((np.asarray(day_of_year, float) - 21.0) * (2.0 * np.pi / 365.25))
    result: Floats = np.round(phase * np.clip(np.asarray(swing) / 3.0, -1.0, 1.0), 9)
    return result


def climate(region: Region, day_of_year: Floats) -> Floats:
    """The mean cloudiness of a place at a time of the year, 0 to 1; the region is of one point."""
    wet = moisture(region.rain, region.mean)[0]
    lat = abs(float(region.lat[0]))
    mean = 0.05 + 0.44 * smoothstep(0.05, 1.1, np.array([wet]))[0] + 0.10 * (lat > 45)
    # Rain comes with the summer in the tropics, with the winter elsewhere.
    sign = 0.20 if lat < 30 else -0.16
    result: Floats = np.clip(mean + sign * season(day_of_year, float(region.swing[0])), 0.02, 0.85)
    return result


def cloudiness(points: Floats, mean: Floats | float, key: int | Words) -> Floats:
    """The share of the sky that clouds hide around points, 0 to 1.

    Args:
        points: (3, ...) metres.
        mean: the climate's.
        key: of the pass; one a point when the passes differ.
    """
    return np.clip(mean + 2.7 * (fbm(points, WEATHER, key) - 0.5), 0.0, 1.0)


def density(patch: Patch, mean: float, key: int, shift: NDArray[np.float64] | None = None) -> Floats | None:
    """How opaque the clouds are above each pixel, 0 to 1; None when the sky is clear everywhere.

    Args:
        patch: the pixels.
        mean: the climate's cloudiness.
        key: of the pass.
        shift: metres, (3,), by which to look beside the pixels: towards the sun, for shadows.
    """
    nodes = patch.nodes if shift is None else patch.nodes + shift[:, None, None]
    share = np.clip(cloudiness(nodes, mean, key), 1e-5, 1.0 - 1e-5)
    odds = np.round(np.log((1.0 - share) / share) * (_SPREAD / 1.7), 9)
    cloud_key = salt("clouds", key)
    rise = patch.spread(_COARSE_SHARE * fbm(nodes, COARSE, cloud_key) - 0.5 - odds)
    if float(rise.max()) + (1.0 - _COARSE_SHARE) <= 0.0:
        return None
    points = patch.points if shift is None else patch.points + shift[:, None, None]
    fine = np.zeros(points.shape[1:])
    weight = 0.25
    for number, wavelength in enumerate(FINE):
        fine += weight * value_noise(points, wavelength, octave_key(cloud_key, number + 2))
        weight *= 0.5
    result = smoothstep(0.0, 0.07, rise + fine * ((1.0 - _COARSE_SHARE) / 0.46875))
    return result if result.any() else None
