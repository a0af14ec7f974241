"""Checks of the algorithms for Landsat, with scenes of one pixel that are made of constants."""

import math
from typing import Any

from mmearth_devkit.engine_checks.check import API, GUIDES, EngineCheck, Probe, assumed, documented, row_of

_NAMES = ["B2", "B3", "B4", "B5", "B6", "B7", "B10"]

_COUNTS, _GAIN, _OFFSET, _K1, _K2 = 24_680, 3.342e-4, 0.1, 774.8853, 1321.0789
"""Counts of band 10, and the constants with which they become radiance and temperature."""

_KELVIN = _K2 / math.log(_K1 / (_GAIN * _COUNTS + _OFFSET) + 1)


def _scene(ee: Any, brightness: float, **properties: Any) -> Any:
    """Equal counts in all reflective bands, and a temperature of some 291 K."""
    calibration = {"SENSOR_ID": "OLI_TIRS", "SUN_ELEVATION": 30, "WRS_PATH": 1, "WRS_ROW": 1, "CLOUD_COVER": 5}
    for number in range(2, 8):
        calibration |= {f"REFLECTANCE_MULT_BAND_{number}": 2e-5, f"REFLECTANCE_ADD_BAND_{number}": -0.1}
    calibration |= {"RADIANCE_MULT_BAND_10": _GAIN, "RADIANCE_ADD_BAND_10": _OFFSET}
    calibration |= {"K1_CONSTANT_BAND_10": _K1, "K2_CONSTANT_BAND_10": _K2}
    return ee.Image([brightness] * 6 + [_COUNTS]).toUint16().rename(_NAMES).set(ee.Dictionary(calibration | properties))


def _scored(ee: Any, blue: float) -> Any:
    """The cloud score of a pixel that is cold and bright, but for its blue."""
    image = ee.Image([blue, 0.5, 0.5, 0.5, 0.5, 0.5, 280]).toFloat().rename(_NAMES).set("SENSOR_ID", "OLI_TIRS")
    return ee.Algorithms.Landsat.simpleCloudScore(image).select("cloud")


def _composite(ee: Any, **options: Any) -> Any:
    """Two clear scenes and a bright one."""
    scenes = ee.ImageCollection([_scene(ee, brightness) for brightness in (6000, 6500, 15_000)])
    return ee.Algorithms.Landsat.simpleComposite(scenes, **options).select("B4")


LANDSAT: tuple[EngineCheck, ...] = (
    documented(
        "landsat-toa",
        "`Landsat.TOA` scales counts by the metadata: reflectance is divided by the sine of the sun's elevation, and "
        "temperature follows from the constants K1 and K2.",
        API + "algorithms-landsat-toa",
        Probe(
            lambda ee: ee.Algorithms.Landsat.TOA(_scene(ee, 6000)).select(["B4", "B10"]),
            {"B4": [0.04], "B10": [_KELVIN]},
            row_of(1),
            tolerance=1e-5,
        ),
    ),
    documented(
        "cloud-score",
        "`simpleCloudScore` is the minimum of five indicators of the published script SimpleCloudScore, from 0 to 100.",
        GUIDES + "landsat",
        Probe(lambda ee: _scored(ee, 0.2), {"cloud": [50]}, row_of(1), tolerance=0.02),
    ),
    assumed(
        "cloud-score-rounded",
        "The cloud score is a whole number, rounded to the nearest.",
        "`cloudScoreRange` of `simpleComposite` is an integer, and its bytes are documented to be rounded",
        Probe(lambda ee: _scored(ee, 0.1752), {"cloud": [38]}, row_of(1)),
    ),
    assumed(
        "composite-range",
        "`simpleComposite` accepts the pixels of a score up to the lowest one plus `cloudScoreRange`, and interpolates "
        "their percentile.",
        "the descriptions of its arguments",
        Probe(lambda ee: _composite(ee, asFloat=True), {"B4": [0.05]}, row_of(1), tolerance=1e-4),
    ),
    documented(
        "composite-bytes",
        "Without `asFloat` reflectance is multiplied by 255 and rounded.",
        API + "algorithms-landsat-simplecomposite",
        Probe(lambda ee: _composite(ee), {"B4": [13]}, row_of(1)),
    ),
    assumed(
        "path-row-limit",
        "`pathRowLimit` keeps the scenes with the least CLOUD_COVER of each path and row, and then of all.",
        "the description speaks of the best scenes",
        Probe(
            lambda ee: ee.Algorithms.Landsat.pathRowLimit(
                ee.ImageCollection([_scene(ee, 6000, CLOUD_COVER=cover) for cover in (30, 10, 20)]), 2, 9
            ).aggregate_array("CLOUD_COVER"),
            [10, 20],
        ),
    ),
)
