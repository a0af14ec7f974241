"""Landsat's algorithms against numpy: calibration, cloud scores and composites."""

import math

import ee
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("client")

NAMES = ("B2", "B3", "B4", "B5", "B6", "B7", "B10")
COEFFICIENTS = {
    "SENSOR_ID": "OLI_TIRS",
    "SUN_ELEVATION": 50,
    "CLOUD_COVER": 1,
    "WRS_PATH": 44,
    "WRS_ROW": 34,
    "RADIANCE_MULT_BAND_10": 3.342e-4,
    "RADIANCE_ADD_BAND_10": 0.1,
    "K1_CONSTANT_BAND_10": 774.8853,
    "K2_CONSTANT_BAND_10": 1321.0789,
    **{f"REFLECTANCE_MULT_BAND_{n}": 2e-5 for n in range(2, 8)},
    **{f"REFLECTANCE_ADD_BAND_{n}": -0.1 for n in range(2, 8)},
    **{f"RADIANCE_MULT_BAND_{n}": 0.01 for n in range(2, 8)},
    **{f"RADIANCE_ADD_BAND_{n}": -50 for n in range(2, 8)},
}


def scene(counts, **properties):
    """A raw scene of one pixel, with a quality band."""
    return ee.Image([*counts, 7]).rename([*NAMES, "QA_PIXEL"]).set({**COEFFICIENTS, **properties})


def values(image):
    return image.reduceRegion(ee.Reducer.first(), ee.Geometry.Point(9, 48), 30).getInfo()


def calibrated(counts):
    found = [(2e-5 * count - 0.1) / math.sin(math.radians(50)) for count in counts[:6]]
    return [*found, 1321.0789 / math.log(774.8853 / (3.342e-4 * counts[6] + 0.1) + 1)]


def score(blue, green, red, nir, swir1, swir2, kelvin):
    snow = (green - swir1) / (green + swir1)
    shares = [
        np.interp(value, limits, [0, 1])
        for value, limits in (
            (blue, [0.1, 0.3]),
            (red + green + blue, [0.2, 0.8]),
            (nir + swir1 + swir2, [0.3, 0.8]),
            (-kelvin, [-300, -290]),
            (-snow, [-0.8, -0.6]),
        )
    ]
    return round(100 * min(shares))


CLEAR, HAZY, CLOUDY = (
    [9000, 9100, 9200, 15000, 12000, 9000, 25000],
    [11000, 11500, 12000, 16000, 13500, 11000, 23500],
    [20000, 20500, 21000, 24000, 19000, 16000, 20500],
)


def test_calibration():
    found = values(ee.Algorithms.Landsat.TOA(scene(CLEAR)))
    assert [found[name] for name in NAMES] == pytest.approx(calibrated(CLEAR), rel=1e-6)
    assert found["QA_PIXEL"] == 7
    radiance = values(ee.Algorithms.Landsat.calibratedRadiance(scene(CLEAR)))
    assert radiance["B4"] == pytest.approx(0.01 * 9200 - 50)
    with pytest.raises(ee.EEException, match="numeric property 'REFLECTANCE_MULT_BAND_1'"):
        ee.Algorithms.Landsat.TOA(ee.Image(1).rename("B1")).getInfo()


@pytest.mark.parametrize("counts", [CLEAR, HAZY, CLOUDY])
def test_cloud_score(counts):
    toa = calibrated(counts)
    image = ee.Image(toa).rename(NAMES).set("SENSOR_ID", "OLI_TIRS")
    assert values(ee.Algorithms.Landsat.simpleCloudScore(image))["cloud"] == score(*toa)


def test_cloud_score_needs_a_sensor():
    with pytest.raises(ee.EEException, match="property 'SENSOR_ID': OLI_TIRS, ETM, TM; not None"):
        ee.Algorithms.Landsat.simpleCloudScore(ee.Image(1)).getInfo()


def test_composite():
    scenes = [CLOUDY, CLEAR, [count + 100 for count in CLEAR], [count + 300 for count in CLEAR]]
    collection = ee.ImageCollection([scene(counts) for counts in scenes])
    found = values(ee.Algorithms.Landsat.simpleComposite(collection, 25, asFloat=True))
    expected = np.percentile([calibrated(counts) for counts in scenes[1:]], 25, axis=0, method="hazen")
    assert list(found) == list(NAMES)
    assert list(found.values()) == pytest.approx(expected.tolist(), rel=1e-6)
    # The median as bytes: times 255, or minus 100 for temperatures.
    middle = np.array(calibrated(scenes[2]))
    expected = np.round([*(255 * middle[:6]), middle[6] - 100])
    assert list(values(ee.Algorithms.Landsat.simpleComposite(collection)).values()) == expected.tolist()


def test_the_best_scenes_of_a_path_and_row():
    collection = ee.ImageCollection(
        [scene(CLEAR, CLOUD_COVER=cover, WRS_ROW=row) for cover, row in ((30, 1), (10, 1), (20, 1), (50, 2))]
    )
    best = ee.Algorithms.Landsat.pathRowLimit(collection, 2)
    assert best.aggregate_array("CLOUD_COVER").getInfo() == [10, 20, 50]
    best = ee.Algorithms.Landsat.pathRowLimit(collection, 2, 2)
    assert best.aggregate_array("CLOUD_COVER").getInfo() == [10, 20]
