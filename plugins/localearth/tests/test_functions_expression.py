"""`Image.expression` against numpy, through the real client."""

import ee
import numpy as np
import pytest

X, Y = 399960.0, 4200000.0
SCENE = "TEST/SCENES/20170101T000000_S"


@pytest.fixture
def scene(local):
    """B2 and B3 of a scene."""
    return [local.assets[SCENE].bands[at].pixels[:10, :10].astype(float) for at in (1, 2)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b('B2') + b('B3') * 2", lambda a, c: a + c * 2),
        ("(b(1) - b(2)) / (b(1) + b(2))", lambda a, c: (a - c) / (a + c)),
        (
            '2.5 * (b("B2") - b("B3")) / (b("B2") + 6 * b("B3") - 7.5e0 + 1)',
            lambda a, c: 2.5 * (a - c) / (a + 6 * c - 6.5),
        ),
        ("-b('B2') ** 2", lambda a, c: -(a**2)),
        ("2 ** 3 ** 2 - b('B2')", lambda a, c: 512 - a),
        ("10 - 4 - 3 + b('B2') * 0", lambda a, c: 3 + 0 * a),
        ("b('B2') > 2000 && !(b('B3') <= 1000) || b('B2') == 7", lambda a, c: ((a > 2000) & (c > 1000)) | (a == 7)),
        (
            "b('B2') > 2000 ? b('B3') : b('B2') > 1000 ? 1 : 2",
            lambda a, c: np.where(a > 2000, c, np.where(a > 1000, 1, 2)),
        ),
        (
            "min(b('B2'), b('B3'), 900) + sqrt(other.B3) + abs(-3)",
            lambda a, c: np.minimum(np.minimum(a, c), 900) + np.sqrt(c) + 3,
        ),
        ("other['B3'] % 7 + Math.PI", lambda a, c: c % 7 + np.pi),
    ],
)
def test_an_expression_is_numpys(scene, pixels, text, expected):
    image = ee.Image(SCENE).toDouble()
    got = pixels(image.expression(text, {"other": image}), X, Y, 10, 10)
    assert len(got.dtype.names) == 1
    np.testing.assert_allclose(got[got.dtype.names[0]], expected(*scene), rtol=1e-12)


def test_names_masks_and_projections(local, pixels):
    image = ee.Image(SCENE)
    assert image.expression("ndvi = b('B2') / b('B3')").bandNames().getInfo() == ["ndvi"]
    assert image.expression("b('B2', 'B3') * 2").bandNames().getInfo() == ["B2", "B3"]
    half = image.updateMask(image.select("B2").gt(2500))
    chosen = half.expression("b('B2') > 3000 ? 1 : 0").unmask(9)
    got = pixels(chosen, X, Y, 10, 10)
    two = local.assets[SCENE].bands[1].pixels[:10, :10]
    np.testing.assert_array_equal(got[got.dtype.names[0]], np.where(two > 2500, two > 3000, 9))
    power = image.select("B2").expression("10 ** (b(0) / 5000)").reduceResolution(ee.Reducer.mean())
    mean = (10 ** (local.assets[SCENE].bands[1].pixels[:12, :12] / 5000)).reshape(4, 3, 4, 3).mean(axis=(1, 3))
    got = pixels(power, X, Y, 4, 4, 30)
    np.testing.assert_allclose(got[got.dtype.names[0]], mean, rtol=1e-6)


@pytest.mark.parametrize("text", ["b('B2') +", "b('B2') $ 2", "(b('B2')", "nobody + 1", "b('B2') b('B3')"])
def test_a_wrong_expression_is_an_error_that_shows_it(local, text):
    with pytest.raises(ee.EEException) as error:
        ee.Image(SCENE).expression(text).getInfo()
    assert text in str(error.value)
