"""The metadata of Sentinel-2 products, under the names and in the types of Google's catalogue.

Names, types and formats: the catalogue's pages of COPERNICUS/S2_HARMONIZED and COPERNICUS/S2_SR_HARMONIZED, and images
that users printed. Percentages that need all pixels of a granule (vegetation, water, snow, shadows) are absent.
"""

import math
from bisect import bisect_right
from functools import lru_cache
from typing import Any

import numpy as np

from localearth.planet.lattice import RADIUS
from localearth.planet.orbits import DAY_MS, SENTINEL2, milliseconds, stamp
from localearth.planet.scenes import Scene
from localearth.planet.spectra import BANDS

ALTITUDE = 786e3
"""Height of the orbit, metres."""

BASELINES = {
    True: (
        ("2016-01-01", "02.01"),
        ("2016-05-03", "02.02"),
        ("2016-06-15", "02.04"),
        ("2017-05-23", "02.05"),
        ("2017-10-23", "02.06"),
        ("2018-11-06", "02.07"),
        ("2019-07-08", "02.08"),
        ("2020-02-04", "02.09"),
    ),
    False: (
        ("2016-01-01", "02.05"),
        ("2017-10-23", "02.06"),
        ("2018-03-26", "02.07"),
        ("2018-06-11", "02.08"),
        ("2018-10-08", "02.09"),
        ("2018-11-06", "02.10"),
        ("2018-11-21", "02.11"),
        ("2019-05-06", "02.12"),
        ("2019-07-08", "02.13"),
        ("2020-02-04", "02.14"),
    ),
}
"""Processing baselines of level 1C (True) and 2A, by the date from which ESA used them (some days more or less)."""

_LATER = (
    ("2021-03-30", "03.00"),
    ("2021-06-30", "03.01"),
    ("2022-01-25", "04.00"),
    ("2022-12-06", "05.09"),
    ("2023-12-13", "05.10"),
    ("2024-07-23", "05.11"),
)
"""The later baselines, which are the same for both levels."""


def _steps(air: bool) -> tuple[list[float], list[str]]:
    steps = (*BASELINES[air], *_LATER)
    return [milliseconds(since) for since, _ in steps], [name for _, name in steps]


_STEPS = {air: _steps(air) for air in BASELINES}

_FIRST_ORBIT = {False: 143 * 19 - 2, True: 27 - 143 * 43}
"""Absolute number of relative orbit 1 in cycle 0, of Sentinel-2A and 2B: (A + 2) % 143 + 1 and (B - 27) % 143 + 1 are
the relative numbers, and the figures are near the real ones."""

_IRRADIANCE = (1884.69, 1959.72, 1823.24, 1512.06, 1424.64, 1287.61, 1162.08, 1041.63, 955.32, 812.92, 367.15, 245.59,
               85.25)  # fmt: skip
"""Solar irradiance of each band, W/m2/um; the figures of Sentinel-2A, also used for 2B."""

HIGH, MEDIUM = 0.88, 0.08
"""The shares of a scene's cloudy pixels in two classes of SCL, on average; the rest are thin cirrus."""

UNCLASSIFIED = 0.04
"""Pixels of class 7 per cloudy pixel, on average."""


def baseline(time: float, air: bool) -> str:
    """The processing baseline on a date, e.g. `"02.09"`."""
    since, names = _STEPS[air]
    return names[max(bisect_right(since, time) - 1, 0)]


def properties(scene: Scene, air: bool) -> dict[str, Any]:
    """The properties of an image of level 1C (`air`) or 2A."""
    taken, sensed, tile = scene.index.split("_")
    level, strip = "1C" if air else "2A", scene.strip
    craft = "S2B" if scene.second else "S2A"
    version = baseline(scene.time, air)
    generated = milliseconds(sensed) + (5_400_000.0 if air else 9_000_000.0) + scene.seen.key % 3600 * 1000.0
    orbit = _absolute_orbit(scene)
    east, north, up = scene.seen.sun()
    found: dict[str, Any] = {
        "system:time_start": scene.time,
        "system:time_end": scene.time,
        "CLOUDY_PIXEL_PERCENTAGE": scene.cloudy,
        "CLOUD_COVERAGE_ASSESSMENT": scene.cloudy,
        "MGRS_TILE": scene.granule.name,
        "SPACECRAFT_NAME": "Sentinel-2B" if scene.second else "Sentinel-2A",
        "SENSING_ORBIT_NUMBER": strip.relative,
        "SENSING_ORBIT_DIRECTION": "DESCENDING",
        "MEAN_SOLAR_ZENITH_ANGLE": round(math.degrees(math.acos(up)), 4),
        "MEAN_SOLAR_AZIMUTH_ANGLE": round(math.degrees(math.atan2(east, north)) % 360.0, 4),
        "PROCESSING_BASELINE": version,
        "PRODUCT_ID": f"{craft}_MSIL{level}_{taken}_N{version.replace('.', '')}_R{strip.relative:03d}_{tile}_"
        f"{stamp(generated)}",
        "GRANULE_ID": f"L{level}_{tile}_A{orbit:06d}_{sensed}",
        "DATATAKE_IDENTIFIER": f"G{craft}_{taken}_{orbit:06d}_N{version}",
        "DATASTRIP_ID": f"{craft}_OPER_MSI_L{level}_DS_SGS__{stamp(generated)}_S{sensed}_N{version}",
        "DATATAKE_TYPE": "INS-NOBS",
        "GENERATION_TIME": generated,
        "DEGRADED_MSI_DATA_PERCENTAGE": 0,
        "REFLECTANCE_CONVERSION_CORRECTION": _distance(scene.seen.day),
    }
    found |= _unchanging(strip.relative, strip.angle, scene.granule.lon, scene.granule.lat)
    if not air:
        found |= _classes(scene)
    return found


def _classes(scene: Scene) -> dict[str, Any]:
    """The properties that only level 2A has. High, medium and cirrus add up to CLOUDY_PIXEL_PERCENTAGE, as usual."""
    high, medium = (round(scene.cloudy * share, 4) for share in (HIGH, MEDIUM))
    return {
        "HIGH_PROBA_CLOUDS_PERCENTAGE": high,
        "MEDIUM_PROBA_CLOUDS_PERCENTAGE": medium,
        "THIN_CIRRUS_PERCENTAGE": max(round(scene.cloudy - high - medium, 4), 0.0),
        "UNCLASSIFIED_PERCENTAGE": round(scene.cloudy * UNCLASSIFIED, 4),
        "NODATA_PIXEL_PERCENTAGE": round(100.0 * (1.0 - scene.strip.share), 4),
        "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE": 0,
        "AOT_RETRIEVAL_ACCURACY": 0,
        "WATER_VAPOUR_RETRIEVAL_ACCURACY": 0,
        "RADIATIVE_TRANSFER_ACCURACY": 0,
    }


def _absolute_orbit(scene: Scene) -> int:
    first = SENTINEL2.start(scene.strip.relative, scene.strip.angle)
    cycle = int((scene.time - first) // (SENTINEL2.days * DAY_MS))
    return _FIRST_ORBIT[scene.second] + SENTINEL2.turns * cycle + scene.strip.relative - 1


def _distance(day: int) -> float:
    """The correction for the distance from the sun: 1 / d2, with ESA's formula."""
    return round(1.0 / (1.0 - 0.01673 * math.cos(0.0172 * (day - 2))) ** 2, 9)


@lru_cache(maxsize=1024)
def _unchanging(relative: int, angle: float, lon: float, lat: float) -> dict[str, Any]:
    """The properties that all scenes of a granule from one orbit share."""
    zenith, azimuth = _view_angles(relative, angle, lon, lat)
    checks = ("FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "RADIOMETRIC_QUALITY", "SENSOR_QUALITY")
    found: dict[str, Any] = dict.fromkeys(checks, "PASSED")
    for name, value in zip(BANDS, _IRRADIANCE, strict=True):
        found[f"SOLAR_IRRADIANCE_{name}"] = value
        found[f"MEAN_INCIDENCE_ZENITH_ANGLE_{name}"] = zenith
        found[f"MEAN_INCIDENCE_AZIMUTH_ANGLE_{name}"] = azimuth
    return found


def _view_angles(relative: int, angle: float, lon: float, lat: float) -> tuple[float, float]:
    """Zenith and azimuth of the satellite, degrees, from a point beside its track at that angle along it."""
    lons, lats = SENTINEL2.ground(relative, np.array([angle - 0.01, angle + 0.01]), 0.0)
    east = np.radians((lons - lon + 180.0) % 360.0 - 180.0) * math.cos(math.radians(lat))
    north = np.radians(lats - lat)
    # The foot of the perpendicular from the point to the track.
    ahead = np.array([east[1] - east[0], north[1] - north[0]])
    first = np.array([east[0], north[0]])
    foot = first - ahead * float(first @ ahead) / float(ahead @ ahead)
    gamma = float(np.hypot(*foot))
    nadir = math.atan2(RADIUS * math.sin(gamma), RADIUS + ALTITUDE - RADIUS * math.cos(gamma))
    return round(math.degrees(gamma + nadir), 6), round(math.degrees(math.atan2(foot[0], foot[1])) % 360.0, 6)
