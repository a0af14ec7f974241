"""Arrays, through the real client. The values are answers of Google's servers, printed in its API samples."""

import ee
import numpy as np
import pytest


def array(values, kind=None):
    return ee.Array(values, kind)


def empty():
    return ee.Array([], ee.PixelType.int8())


A = [[0, 1, 2], [3, 4, 5]]
CUBE = [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
OTHER = [[[10, 11], [12, 13]], [[14, 15], [16, 17]]]
SIX = [1, 2, 3, 4, 5, 6]

SAMPLES = {
    "empty": (lambda: ee.Array([[], []], ee.PixelType.float()), [[], []]),
    "sequence": (lambda: array(ee.List.sequence(0, 10, 2)), [0, 2, 4, 6, 8, 10]),
    "number": (lambda: array([ee.Number(123).toUint8()]), [123]),
    "accum": (lambda: array([2, -2, 3, 1]).accum(0), [2, 0, 3, 4]),
    "accum 1": (lambda: array([[1, 3], [5, 7]]).accum(1), [[1, 4], [5, 12]]),
    "accum mean": (lambda: array([2, -2, 3, 1]).accum(0, ee.Reducer.mean()), [2, 0, 1, 1]),
    "accum product": (lambda: array([2, -2, 3]).accum(0, ee.Reducer.product()), [2, -4, -12]),
    "argmax": (lambda: array([[3, 4, 2], [6, 5, 7]]).argmax(), [1, 2]),
    "argmax nothing": (lambda: empty().argmax(), None),
    "cut": (lambda: array(A).cut([-1, 0]), [[0], [3]]),
    "dot": (lambda: array([1.5, 2.5]).dotProduct(array([3, 4])), 14.5),
    "get": (lambda: array(A).get([1, 2]), 5),
    "slice far": (lambda: array(SIX).slice(0, 0, 10, 1), SIX),
    "slice nothing": (lambda: array(SIX).slice(0, 6), []),
    "slice negative": (lambda: array(SIX).slice(0, -2, 6), [5, 6]),
    "slice step": (lambda: array(SIX).slice(0, 0, 6, 4), [1, 5]),
    "slice axis": (lambda: array([[1, 2], [3, 4], [5, 6]]).slice(1, 1), [[2], [4], [6]]),
    "mask": (lambda: array([0, 1, 2, 3]).mask([0, 4, -1, 1.2]), [1, 2, 3]),
    "mask none": (lambda: array([[1, 2, 3, 4]]).mask([[0, 0, 0, 0]]), [[]]),
    "mask row": (lambda: array([[1], [2], [3], [4]]).mask([[1], [0], [1], [1]]), [[1], [3], [4]]),
    "bits": (lambda: ee.Array.bitsToArray(5), [1, 0, 1]),
    "bits of -1": (lambda: ee.Array.bitsToArray(-1), [1] * 64),
    "cat": (lambda: ee.Array.cat([array([0, 1, 2]), array([3, 4, 5])], 1), [[0, 3], [1, 4], [2, 5]]),
    "cat empty": (lambda: ee.Array.cat([empty(), array([1])]), [1]),
    "cat 1": (
        lambda: ee.Array.cat([array(CUBE), array(OTHER)], 1).slice(0, 0, 1),
        [[[0, 1], [2, 3], [10, 11], [12, 13]]],
    ),
    "identity": (lambda: ee.Array.identity(2), [[1, 0], [0, 1]]),
    "byte": (lambda: array([-0.1, 0.1, 0.5, 127.1, 255.1, 255.9, 256]).byte(), [0, 0, 1, 127, 255, 255, 255]),
    "add": (lambda: array(A).add(1), [[1, 2, 3], [4, 5, 6]]),
    "first non-zero": (lambda: array([-1, 0, 1]).first_nonzero([2, -1, 2]), [-1, -1, 1]),
    "divide by 0": (lambda: array(2).divide(0), 0),
    "pow": (lambda: array([10, 10, 10]).pow([-1, 0, 2]), [0.10000000149011612, 1, 100]),
    "infinity": (lambda: array([0, 0]).pow([-1, 2]), ["Infinity", 0]),
    "mod": (lambda: array([-1, -7, -8, -9]).mod(array([8, 8, 8, 8])), [-1, -7, 0, -1]),
    "floats differ": (lambda: array([1.1]).float().eq(array([1.1])), [0]),
    "not": (lambda: array(0xFF).bitwiseNot(), -256),
    "xor": (lambda: array(-1).bitwiseAnd(array(0xFF)), 255),
    "floor": (lambda: array([-2.1, 2.9]).floor(), [-3, 2]),
    "dictionary": (lambda: ee.Dictionary({"B1": 182, "B2": 219}).toArray(), [182, 219]),
    "dictionary get": (lambda: ee.Dictionary({"a": array([1, 2])}).getArray("a"), [1, 2]),
    "collection get": (lambda: ee.FeatureCollection([]).set("p", array([1, 2, 3, 4])).getArray("p"), [1, 2, 3, 4]),
}
RULES = {
    "length": (lambda: array(A).length(), [2, 3]),
    "to list": (lambda: array(A).toList(), A),
    "pad": (lambda: array(A).pad([2, 4], 9), [[0, 1, 2, 9], [3, 4, 5, 9]]),
    "project": (lambda: array([[7], [8]]).project([0]), [7, 8]),
    "repeat": (lambda: array([1, 2]).repeat(1, 2), [[1, 1], [2, 2]]),
    "reshape": (lambda: array(A).reshape([-1, 2]), [[0, 1], [2, 3], [4, 5]]),
    "sort": (lambda: array([3, 1, 2]).sort(), [1, 2, 3]),
    "sort by keys": (lambda: array(A).sort([[2, 0, 1]]), [[1, 2, 0], [4, 5, 3]]),
    "transpose": (lambda: array(A).transpose(), [[0, 3], [1, 4], [2, 5]]),
    "reduce": (lambda: array(A).reduce(ee.Reducer.sum(), [1]), [[3], [12]]),
    "reduce all": (lambda: array(A).reduce(ee.Reducer.max(), [0, 1]), [[5]]),
    "reduce to fields": (lambda: array([[4], [6]]).reduce(ee.Reducer.minMax(), [0], 1), [[4, 6]]),
    "feature": (lambda: ee.Feature(None, {"a": 1, "b": 2.5}).toArray(["b", "a"]), [2.5, 1]),
    "list get": (lambda: ee.List([array([1])]).getArray(0), [1]),
    "type": (lambda: ee.Algorithms.ObjectType(array([1])), "Array"),
    "diagonal": (lambda: array([[1, 2], [3, 4]]).matrixDiagonal(), [[1], [4]]),
    "to diagonal": (lambda: array([[1], [4]]).matrixToDiag(), [[1, 0], [0, 4]]),
}


@pytest.mark.parametrize("case", [*SAMPLES, *RULES])
def test_arrays(local, case):
    make, expected = {**SAMPLES, **RULES}[case]
    assert make().getInfo() == expected


def test_matrices(local):
    a, b = np.array([[4.0, 1.0], [1.0, 3.0]]), np.array([[1.0], [2.0]])
    left, right = array(a.tolist()), array(b.tolist())
    found = ee.Dictionary(
        {
            "product": left.matrixMultiply(right),
            "solution": left.matrixSolve(right),
            "inverse": left.matrixInverse(),
            "pseudo": right.matrixPseudoInverse(),
            "L": left.matrixCholeskyDecomposition().getArray("L"),
            "numbers": [left.matrixDeterminant(), left.matrixTrace(), left.matrixFnorm()],
        }
    ).getInfo()
    assert found["product"] == (a @ b).tolist()
    np.testing.assert_allclose(found["solution"], np.linalg.solve(a, b))
    np.testing.assert_allclose(found["inverse"], np.linalg.inv(a))
    np.testing.assert_allclose(found["pseudo"], [[0.2, 0.4]])
    np.testing.assert_allclose(found["L"], np.linalg.cholesky(a))
    np.testing.assert_allclose(found["numbers"], [11, 7, np.sqrt(27)])


HALF, THIRD = 2**-0.5, 3**-0.5
EIGEN = [
    # Google's API sample of Array.eigen; the last two vectors belong to one eigenvalue.
    ([[0, 0], [0, 1]], [[1, 0, 1], [0, 1, 0]]),
    ([[0, 1], [1, 0]], [[1, HALF, HALF], [-1, HALF, -HALF]]),
    ([[1, 1], [1, 0]], [[1.618034, 0.850651, 0.525731], [-0.618034, 0.525731, -0.850651]]),
    ([[0, 1], [1, 1]], [[1.618034, -0.525731, -0.850651], [-0.618034, -0.850651, 0.525731]]),
    ([[2, 0, 0], [0, 3, 0], [0, 0, 4]], [[4, 0, 0, 1], [3, 0, 1, 0], [2, 1, 0, 0]]),
    ([[1, 0, 0], [0, 0, 0], [0, 0, 0]], [[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    (
        [[1, 1, 1]] * 3,
        [[3, -THIRD, -THIRD, -THIRD], [0, 0, -HALF, HALF], [0, -2 * THIRD * HALF, THIRD * HALF, THIRD * HALF]],
    ),
    # The symmetric eigenvalue decomposition of EJML, run on this matrix.
    (
        [[4, 1, -2, 2, 0], [1, 2, 0, 1, 3], [-2, 0, 3, -2, 1], [2, 1, -2, -1, 5], [0, 3, 1, 5, 2]],
        [
            [8.265507, -0.450646, -0.417879, 0.254493, -0.497686, -0.556630],
            [5.481745, 0.565422, -0.270555, -0.607761, -0.053577, -0.484617],
            [1.538287, 0.649970, 0.223154, 0.660974, -0.250623, -0.167460],
            [0.298069, 0.195479, -0.824730, 0.288028, 0.338567, 0.289862],
            [-5.583609, -0.128614, 0.148996, 0.214508, 0.756306, -0.585872],
        ],
    ),
]


@pytest.mark.parametrize(("matrix", "expected"), EIGEN)
def test_eigenvectors_have_the_signs_of_the_server(local, matrix, expected):
    np.testing.assert_allclose(array(matrix).eigen().getInfo(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: array([[1], [2, 3]]), "must have the same length"),
        (lambda: array([]), "No numbers in 'values', must provide a type"),
        (lambda: array(["a"]), "needs numbers"),
        (lambda: array([1, 2]).add([1, 2, 3]), r"\[2\] and \[3\]"),
        (lambda: array([-0.5]).int8(), "negative half"),
        (lambda: ee.Array.bitsToArray(6), "order of the bits"),
        (lambda: array([1]).get([1]), "outside the array"),
        (lambda: array(A).matrixDeterminant(), "square matrix"),
        (lambda: array([[1, 1], [1, 1]]).matrixInverse(), "singular"),
        (lambda: array(A).reshape([4, -1]), "can't be reshaped"),
        (lambda: array(A).reduce(ee.Reducer.minMax(), [0]), "needs a fieldAxis"),
        (lambda: array(A).reduce(ee.Reducer.toList(), [0]), "not for single pixels"),
        (lambda: array([[1, 0], [1, 1]]).eigen(), "Array.eigen: the local Earth Engine supports symmetric matrices"),
        (lambda: array([[0, 0], [0, 0]]).eigen(), "symmetric matrices that are not 0"),
    ],
)
def test_what_is_refused(local, make, message):
    with pytest.raises(ee.EEException, match=message):
        make().getInfo()
