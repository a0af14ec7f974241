"""Clouds: their cover at a time and location, and their positions."""

import numpy as np

from localearth.planet.hashing import Floats, Words, salt
from localearth.planet.lattice import Patch
from localearth.planet.noise import fbm, octave_key, smoothstep, value_noise
from localearth.planet.region import Region
from localearth.planet.terrain import moisture

WEATHER = (850e3, 310e3, 130e3)
"""Wavelengths of the weather, metres."""

COARSE = (17e3, 7.1e3, 2900.0, 1230.0, 560.0)
"""Wavelengths of the clouds that are computed at the nodes of a patch, metres."""

FINE = 230.0
"""The finest wavelength, computed at the middle nodes, every 40 m."""

_COARSE_SHARE = 1.9375 / 1.96875
_SPREAD = 0.128
"""Standard deviation of the cloud field below."""

_EDGE = 0.07
"""How far above its threshold the field is an opaque cloud."""


def season(day_of_year: Floats | float, swing: Floats | float) -> Floats:
    """Position of a day in the year: -1 at the coldest time, 1 at the warmest; near 0 on the equator."""
    phase = -np.cos((np.asarray(day_of_year, float) - 21.0) * (2.0 * np.pi / 365.25))
    result: Floats = np.round(phase * np.clip(np.asarray(swing) / 3.0, -1.0, 1.0), 9)
    return result


def climate(region: Region, day_of_year: Floats) -> Floats:
    """The mean cloudiness of a location at a time of the year, 0 to 1; the region has one point."""
    wet = moisture(region.rain, region.mean)[0]
    lat = abs(float(region.lat[0]))
    mean = 0.05 + 0.44 * smoothstep(0.05, 1.1, np.array([wet]))[0] + 0.10 * (lat > 45)
    # Rain falls in summer in the tropics, in winter elsewhere.
    sign = 0.20 if lat < 30 else -0.16
    result: Floats = np.clip(mean + sign * season(day_of_year, float(region.swing[0])), 0.02, 0.85)
    return result


def cloudiness(points: Floats, mean: Floats | float, key: int | Words) -> Floats:
    """The share of the sky that clouds cover around points, 0 to 1.

    Args:
        points: points on the sphere, (3, ...) metres.
        mean: the mean cloudiness of the climate.
        key: the key of the pass, or one key per point.
    """
    return np.clip(mean + 2.7 * (fbm(points, WEATHER, key) - 0.5), 0.0, 1.0)


def sky(patch: Patch, mean: float, key: int, shift: Floats) -> tuple[Floats | None, Floats | None]:
    """The opacity of the clouds above each pixel, and in the direction of the sun, 0 to 1.

    Args:
        patch: the pixels.
        mean: the mean cloudiness of the climate.
        key: the key of the pass.
        shift: metres towards the sun at the clouds' height, (3,).

    Returns:
        Clouds and shadows, (rows, cols) each; None if the sky is clear everywhere.
    """
    nodes = np.stack([patch.nodes, patch.nodes + shift[:, None, None]], axis=1)
    share = cloudiness(nodes, mean, key)
    # With so few clouds the field cannot exceed the threshold below anywhere.
    if float(share.max()) < 1e-3:
        return None, None
    share = np.clip(share.astype(np.float64), 1e-5, 1.0 - 1e-5)
    odds = np.round(np.log((1.0 - share) / share) * (_SPREAD / 1.7), 6)
    cloud_key = salt("clouds", key)
    rise = (_COARSE_SHARE * fbm(nodes, COARSE, cloud_key) - 0.5 - odds).astype(np.float32)
    fine_key = octave_key(cloud_key, len(COARSE))
    return _opaque(patch, rise[0], fine_key, None), _opaque(patch, rise[1], fine_key, shift)


def _opaque(patch: Patch, nodes: Floats, key: int | Words, shift: Floats | None) -> Floats | None:
    rest = 1.0 - _COARSE_SHARE
    high, low = float(nodes.max()), float(nodes.min())
    # The spline below overshoots by less than this.
    over = rest + 0.3 * (high - low)
    if high + over <= 0.0:
        return None
    if low - over >= _EDGE:
        return np.ones((patch.window.rows, patch.window.cols), np.float32)
    points = patch.mids if shift is None else patch.mids + shift[:, None, None]
    rise = patch.to_mids(nodes)
    rise += np.float32(rest) * value_noise(points, FINE, key)
    if float(rise.max()) <= 0.0:
        return None
    return smoothstep(0.0, _EDGE, patch.straight_from_mids(rise))
