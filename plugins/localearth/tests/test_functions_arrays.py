"""Images of arrays, against the answers in Google's API samples; and matrices, against numpy."""

import ee
import numpy as np
import pytest

POINT = [-121, 42]


def pixel(image):
    """The pixel's array, as the samples print it."""
    return image.sample(ee.Geometry.Point(POINT), 500).first().get("array").getInfo()


def one(*values):
    return ee.Image(list(values)).toArray()


def two(*values):
    """2 rows."""
    return one(*values).arrayReshape(ee.Image([2, len(values) // 2]).toArray(), 2)


SAMPLES = {
    "toArray": (lambda: one(0, 1, 2), [0, 1, 2]),
    "toArray axis 1": (lambda: one(0, 1, 2).toArray(1), [[0], [1], [2]]),
    "arrayAccum": (lambda: one(1, 2, 3).arrayAccum(0, ee.Reducer.sum()), [1, 3, 6]),
    "arrayAccum axis 1": (lambda: two(1, 2, 3, 4, 5, 6).arrayAccum(1), [[1, 3, 6], [4, 9, 15]]),
    "arrayArgmax": (lambda: one(0, 1, 5, 2, 3, 4).arrayArgmax(), [2]),
    "arrayArgmax 2": (lambda: two(0, 1, 5, 2, 3, 4).arrayArgmax(), [0, 2]),
    "arrayCat": (lambda: one(0, 1, 2).arrayCat(one(3, 4, 5), 0), [0, 1, 2, 3, 4, 5]),
    "arrayCat axis 1": (lambda: one(0, 1, 2).arrayCat(one(3, 4, 5), 1), [[0, 3], [1, 4], [2, 5]]),
    "arrayDimensions": (lambda: one(0, 1, 2).toArray(1).arrayDimensions(), 2),
    "arrayLengths": (lambda: one(0, 1, 2).toArray(1).arrayLengths(), [3, 1]),
    "arrayLength": (lambda: one(0, 1, 2).toArray(1).arrayLength(1), 1),
    "arrayDotProduct": (lambda: one(0, 1, 2).arrayDotProduct(one(3, 4, 5)), 14),
    "arrayRepeat": (lambda: one(0, 1, 2).arrayRepeat(1, 2), [[0, 0], [1, 1], [2, 2]]),
    "arrayGet": (lambda: two(0, 1, 2, 3, 4, 5).arrayGet([0, 2]), 2),
    "lte": (lambda: one(0, 1, 2, 4, 0, 5).lte(2), [1, 1, 1, 0, 1, 0]),
    "arrayMask": (lambda: one(0, 1, 2, 4, 0, 5).arrayMask(one(0, 1, 2, 4, 0, 5).lte(2)), [0, 1, 2, 0]),
    "arrayMask columns": (
        lambda: two(0, 1, 2, 4, 0, 5).arrayMask(two(0, 1, 2, 4, 0, 5).arraySlice(0, 1, 2)),
        [[0, 2], [4, 5]],
    ),
    "arrayMask rows": (lambda: two(0, 1, 2, 4, 0, 5).arrayMask(two(0, 1, 2, 4, 0, 5).arraySlice(1, 1, 2)), [[0, 1, 2]]),
    "arrayPad": (lambda: one(0, 1, 2).arrayPad([5], 9), [0, 1, 2, 9, 9]),
    "arrayProject": (lambda: one(0, 1, 2).toArray(1).arrayProject([0]), [0, 1, 2]),
    "arrayReduce": (lambda: two(0, 1, 2, 3, 4, 5).arrayReduce(ee.Reducer.sum(), [0]), [[3, 5, 7]]),
    "arrayReduce both": (lambda: two(0, 1, 2, 3, 4, 5).arrayReduce(ee.Reducer.sum(), [0, 1]), [[15]]),
    "arrayReduce fields": (
        lambda: two(0, 1, 2, 3, 4, 5).toArray(2).arrayReduce(ee.Reducer.minMax(), [0], 2),
        [[[0, 3], [1, 4], [2, 5]]],
    ),
    "arraySlice": (lambda: one(0, 1, 2, 3, 4, 5).arraySlice(0, 1, -1, 2), [1, 3]),
    "arraySort": (lambda: one(3, 1, 2).arraySort(), [1, 2, 3]),
    "arraySort keys": (lambda: one(3, 1, 2).arraySort(one(3, 2, 1)), [2, 1, 3]),
    "arrayTranspose": (lambda: two(0, 1, 2, 3).arrayTranspose(), [[0, 2], [1, 3]]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_answers_of_the_samples(local, name):
    build, expected = SAMPLES[name]
    assert pixel(build()) == expected


def test_arrays_become_bands(local):
    flat = two(0, 1, 2, 3, 4, 5).arrayFlatten([["r0", "r1"], ["a", "b", "c"]])
    assert flat.bandNames().getInfo() == ["r0_a", "r0_b", "r0_c", "r1_a", "r1_b", "r1_c"]
    found = flat.reduceRegion("first", ee.Geometry.Point(POINT), 500).getInfo()
    assert list(found.values()) == [0, 1, 2, 3, 4, 5]


def test_a_collection_becomes_images_by_bands(local):
    images = [ee.Image([1, 2]), ee.Image([3, 4]).updateMask(ee.Image([1, 0])), ee.Image([5, 6])]
    assert pixel(ee.ImageCollection(images).toArray()) == [[1, 2], [5, 6]]


A = np.array([[2.0, 1, 0.5], [1, 3, 0], [0, 1, 4]])
B = np.array([[1.0], [2], [3]])


def matrix(values):
    shape = ee.Image(list(values.shape)).toArray()
    return ee.Image(values.ravel().tolist()).toDouble().toArray().arrayReshape(shape, 2)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: matrix(A).matrixMultiply(matrix(B)), A @ B),
        (lambda: matrix(A).matrixSolve(matrix(B)), np.linalg.solve(A, B)),
        (lambda: matrix(A[:, :2]).matrixSolve(matrix(B)), np.linalg.lstsq(A[:, :2], B, rcond=None)[0]),
        (lambda: matrix(A).matrixInverse(), np.linalg.inv(A)),
        (lambda: matrix(A.T @ A).matrixCholeskyDecomposition().select(["L"], ["array"]), np.linalg.cholesky(A.T @ A)),
        (lambda: matrix(A[:2]).matrixPseudoInverse(), np.linalg.pinv(A[:2])),
        (lambda: matrix(A).matrixDeterminant(), np.linalg.det(A)),
        (lambda: matrix(A).matrixTrace(), 9.0),
        (lambda: matrix(A).matrixFnorm(), np.sqrt((A**2).sum())),
        (lambda: matrix(A).matrixDiagonal(), [[2], [3], [4]]),
        (lambda: matrix(B).matrixToDiag(), np.diag([1, 2, 3])),
        (lambda: matrix(A).matrixTranspose(), A.T),
        (lambda: matrix(A).add(matrix(A)).multiply(0.5), A),
    ],
)
def test_matrices(local, build, expected):
    assert np.allclose(pixel(build()), expected)


def test_products_with_a_constant_matrix_keep_the_footprint(local):
    image = ee.Image([1, 2]).clip(ee.Geometry.Rectangle([9, 48, 9.01, 48.01])).toArray().toArray(1)
    product = ee.Image(ee.Array([[3, 4]])).matrixMultiply(image).arrayProject([0]).arrayFlatten([["p"]])
    assert product.reduceRegion("mean", scale=100).getInfo() == pytest.approx({"p": 11})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: one(1, 2).addBands(1).toArray(), "Pixels with 1 and 0 array dimensions cannot be combined"),
        (lambda: ee.Image(1).arrayLength(0), "Band 'constant' must have array pixels"),
        (lambda: one(1, 2).arrayGet(2), "position [2] is outside an array of shape [2]"),
        (lambda: one(1, 2).add(one(1, 2, 3)), "Arrays of the shapes [2] and [3] do not fit"),
        (lambda: one(1, 2).unmask(0), "cannot be combined"),
        (lambda: one(1, 2).focalMax(1), "has array pixels, which the local Earth Engine does not support here"),
        (
            lambda: matrix(A).matrixMultiply(matrix(A[:2])),
            "Image.matrixMultiply: Matrices of lengths [3, 3] and [2, 3] can't",
        ),
        (
            lambda: matrix(np.arange(1, 10).reshape(3, 3) / 10).matrixInverse(),
            "Image.matrixInverse: The matrix can't be used: it is singular",
        ),
        (lambda: matrix(np.array([[1, 2], [0, 1]])).matrixCholeskyDecomposition(), "symmetric matrix is needed"),
        (lambda: one(1, 2).arrayReduce(ee.Reducer.minMax(), [0]), "argument 'fieldAxis': is needed"),
    ],
)
def test_what_does_not_fit_is_an_error(local, build, message):
    with pytest.raises(ee.EEException) as caught:
        pixel(build())
    assert message in str(caught.value)


def test_a_band_without_a_name_is_not_downloaded(local, pixels):
    with pytest.raises(ee.EEException, match="A band without a name"):
        pixels(ee.Image(1).regexpRename(".*", "", False), 0, 0, 1, 1)


def test_arrays_are_not_downloaded(local, pixels):
    with pytest.raises(ee.EEException, match="Band 'array' has array pixels"):
        pixels(one(1, 2), 0, 0, 1, 1)


NUMBERS = [
    ("digamma", (-1.5,), 0.703156637),
    ("digamma", (1,), -0.577215667),
    ("digamma", (100,), 4.600161852),
    ("digamma", (1e13,), 29.933606208),
    ("trigamma", (0.001,), 1000001.642533195),
    ("trigamma", (0.5,), 4.934802200),
    ("trigamma", (200,), 0.005012520),
    ("gamma", (0.001,), 999.423772484),
    ("gamma", (0.5,), 1.772453850),
    ("gamma", (100,), 9.332621544e155),
    ("lanczos", (-0.9,), 524.955196990),
    ("lanczos", (0,), 32.946318679),
    ("lanczos", (10,), 2.281783181),
    ("erfInv", (-0.001,), -0.000886227),
    ("erfcInv", (0.001,), 2.326753765),
    ("gammainc", (1, 1), 0.632120558),
    ("gammainc", (10, 1), 0.999954600),
    ("gammainc", (0, 1), 0),
]


@pytest.mark.parametrize(("name", "operands", "expected"), NUMBERS)
def test_special_functions_of_the_samples(local, name, operands, expected):
    first, *others = operands
    number = getattr(ee.Number(first), name)(*others).getInfo()
    assert number == pytest.approx(expected, rel=1e-9, abs=1.1e-9)
    image = getattr(ee.Image(first).toDouble().rename("array"), name)(*others)
    assert pixel(image.rename("array")) == number


@pytest.mark.parametrize(
    ("name", "operand", "expected"),
    [
        ("digamma", 0, "-Infinity"),
        ("digamma", 5e-324, "-Infinity"),
        ("trigamma", -100, "Infinity"),
        ("trigamma", 1e-310, "Infinity"),
        ("erfcInv", 1e-310, pytest.approx(26.644806559364763)),
        ("erfcInv", 5e-324, pytest.approx(27.2, abs=0.1)),
        ("gamma", 200, "Infinity"),
        ("gamma", -1, "NaN"),
        ("toFloat", 1e300, "Infinity"),
    ],
)
def test_special_functions_at_their_poles(local, name, operand, expected):
    assert getattr(ee.Number(operand), name)().getInfo() == expected


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [("digamma", [1, 2], [-0.577, 0.423]), ("erfInv", [-0.99, 0], [-1.82, 0]), ("erfcInv", [0.1, 1], [1.163, 0])],
)
def test_special_functions_of_arrays(local, name, values, expected):
    assert getattr(ee.Array(values), name)().getInfo() == pytest.approx(expected, abs=2e-3)


def test_first_and_last_take_an_array_of_a_region(client):
    place = ee.Geometry.Point(POINT)
    image = one(3, 4).addBands(ee.Image(5))
    assert image.reduceRegion(ee.Reducer.first(), place, 500).getInfo() == {"array": [3, 4], "constant": 5}
    assert one(3, 4).reduceRegion(ee.Reducer.lastNonNull(), place, 500).getInfo() == {"array": [3, 4]}
    assert one(3, 4).updateMask(0).reduceRegion(ee.Reducer.first(), place, 500).getInfo() == {"array": None}
    with pytest.raises(ee.EEException, match="use arrayGet or arrayFlatten"):
        one(3, 4).reduceRegion(ee.Reducer.mean(), place, 500).getInfo()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ee.Image(1).updateMask(one(1, 2)),
        lambda: ee.Image(1).where(one(1, 2), 3),
        lambda: ee.Terrain.slope(one(1, 2)),
        lambda: one(1, 2).visualize(min=0, max=1),
        lambda: one(1, 2).fastDistanceTransform(),
        lambda: one(1, 2).remap([1], [2]),
        lambda: one(1, 2).reduce(ee.Reducer.mean()),
        lambda: (
            one(1, 2)
            .setDefaultProjection("EPSG:3857", None, 10)
            .reduceResolution("mean")
            .reproject("EPSG:3857", None, 20)
        ),
    ],
)
def test_where_numbers_are_needed_arrays_are_refused(client, make):
    with pytest.raises(ee.EEException, match="Band 'array' has array pixels"):
        make().reduceRegion(ee.Reducer.mean(), ee.Geometry.Point(POINT), 20).getInfo()
