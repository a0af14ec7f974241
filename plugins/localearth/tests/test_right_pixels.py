"""Pixels that were wrong once: ranges of types, and pictures that were upside down."""

from urllib.request import urlopen

import ee
import localearth
import numpy as np
import pytest
from localearth.worlds.arrays import ArrayBand, ArrayWorld, image
from rasterio.io import MemoryFile

VALUES = np.arange(16, dtype=np.uint8).reshape(4, 4)
VALID = VALUES % 5 != 1
PLACE = "EPSG:32632", (10, 0, 500_000, 0, -10, 5_000_000)


@pytest.fixture(scope="module", autouse=True)
def world():
    wide = np.full((4, 4), 2**62, np.int64)
    localearth.initialize(
        ArrayWorld(
            image("MY/BYTES", [ArrayBand("b", VALUES, *PLACE)]),
            image("MY/HOLES", [ArrayBand("b", VALUES, *PLACE, VALID)]),
            image("MY/LONGS", [ArrayBand("b", wide, *PLACE)]),
        )
    )
    yield
    ee.Reset()


@pytest.fixture
def first(pixels):
    """Asks for the first band of an image on the grid of the images."""

    def ask(image):
        found = pixels(image, 500_000, 5_000_000, 4, 4, 10, PLACE[0])
        return found[found.dtype.names[0]]

    return ask


def numbers():
    return ee.Image("MY/BYTES")


ONES = np.ones((4, 4), int)
RIGHT = {
    "remainder": (lambda: ee.Image(10).where(numbers().gt(3), ee.Image(10).mod(7)), np.where(VALUES > 3, 3, 10)),
    "clamp-above": (lambda: numbers().clamp(300, 400), 300 * ONES),
    "clamp-below": (lambda: numbers().clamp(-300, -290), -290 * ONES),
    "clamp": (lambda: numbers().clamp(3, 7), VALUES.clip(3, 7)),
    "bitwiseNot": (lambda: numbers().bitwiseNot(), ~VALUES.astype(np.int16)),
    "mask-fills": (lambda: ee.Image(5).updateMask(0).mask(1), 5 * ONES),
    "point-in-one-pixel": (
        lambda: ee.Image(
            ee.Image.pixelLonLat()
            .reduceRegion(
                ee.Reducer.count(),
                ee.Geometry.MultiPoint([[1, 1], [3, 3], [5, 5]]),
                crs="EPSG:4326",
                crsTransform=[1, 0, 0, 0, 1, 0],
            )
            .getNumber("longitude")
        ),
        3 * ONES,
    ),
    "cast-adds": (lambda: numbers().cast({"a": "int16", "b": "float"}).select("a").unmask(-3, False), -3 * ONES),
}


@pytest.mark.parametrize("name", RIGHT)
def test_values_are_inside_the_range_of_their_type(first, name):
    make, expected = RIGHT[name]
    found = first(make())
    np.testing.assert_array_equal(found, expected)


def test_the_types_of_casts_and_complements(first):
    # "the smallest signed integer type that can hold the input"
    kinds = [ee.Image(1).toUint8(), ee.Image(1).toInt8(), ee.Image(1).toUint16(), ee.Image(1).toUint32()]
    assert [first(kind.bitwiseNot()).dtype.name for kind in kinds] == ["int16", "int8", "int32", "int64"]
    # "the union of the input types"; a left shift may need a larger one
    assert [first(kind.rightShift(1)).dtype.name for kind in kinds] == ["uint8", "int8", "uint16", "uint32"]
    assert [first(kind.leftShift(1)).dtype.name for kind in kinds] == ["uint16", "int16", "uint32", "int64"]
    assert first(numbers().leftShift(6)).tolist() == (VALUES.astype(int) << 6).tolist()
    assert first(ee.Image(-9).rightShift(1)).tolist() == (-5 * ONES).tolist()
    added = numbers().cast({"z": "float", "a": "int8"})
    assert added.bandNames().getInfo() == ["b", "a", "z"]


def test_infinite_pixels_are_no_warnings(first):
    huge = ee.Image(1e300).toFloat()
    assert (first(huge) == np.inf).all()
    assert (first(huge.focalMean(1)) == np.inf).all()
    assert np.isnan(first(huge.subtract(huge).addBands(huge).reduce("mean"))).all()


REFUSED = {
    "the result of 'add', which has more than 64 bits": lambda: ee.Image("MY/LONGS").add(ee.Image("MY/LONGS")),
    "the result of 'multiply', which has more than 64 bits": lambda: ee.Image("MY/LONGS").multiply(4),
    "the result of 'add'": lambda: ee.Image(2**62).add(2**62),
    "the result of 'multiply'": lambda: ee.Image(2**62).multiply(3),
    "has no bands": lambda: ee.Terrain.slope(numbers().select([])),
    "needs low <= high": lambda: numbers().clamp(3, 2),
    "a mask has negative values": lambda: numbers().subtract(8).selfMask(),
    "must be different numbers": lambda: numbers().unitScale(3, 3),
    r"does not support '\^'": lambda: numbers().expression("b(0) ^ 2"),
    "each in 'from' once": lambda: numbers().remap([1, 1], [2, 3]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_results_that_are_not_known_are_refused(first, message):
    with pytest.raises(ee.EEException, match=message):
        first(REFUSED[message]())


def test_a_geotiff_of_mixed_types_holds_integers_of_32_bits():
    mixed = ee.Image(2**24 + 1).toInt32().addBands(ee.Image(0.5).toFloat()).clip(numbers().geometry())
    _, values = opened(
        mixed.getDownloadURL({"format": "GEO_TIFF", "scale": 10, "crs": PLACE[0], "region": numbers().geometry()})
    )
    assert values.max() == 2**24 + 1


def opened(url):
    with urlopen(url) as answer, MemoryFile(answer.read()) as memory, memory.open() as file:
        return file.transform, file.read(1)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_pictures_and_downloads_have_north_at_the_top():
    composite, region = ee.ImageCollection([numbers()]).mean(), numbers().geometry()
    shown = {"min": 0, "max": 15, "format": "png", "region": region}
    for picture in (numbers(), composite):
        _, plain = opened(
            picture.getThumbURL({"min": 0, "max": 15, "format": "png"} if picture is not composite else shown)
        )
        assert plain[plain.shape[0] // 8, plain.shape[1] // 2] < plain[-plain.shape[0] // 8, plain.shape[1] // 2]
    transform, values = opened(composite.getDownloadURL({"format": "GEO_TIFF", "scale": 10, "region": region}))
    assert transform.e < 0
    assert [row.max() for row in values if np.isfinite(row).any()] == [3, 7, 11, 15]


def test_visualize_takes_the_first_three_bands():
    assert ee.Image([1, 2, 3, 4]).visualize(min=0, max=4).bandNames().getInfo() == ["vis-red", "vis-green", "vis-blue"]
