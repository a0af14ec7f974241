"""Eigenvalues and eigenvectors of symmetric matrices, with the signs of Google's server.

The description of `Array.eigen` names the library EJML, whose symmetric QR algorithm (Householder reflections to a
tridiagonal matrix, its eigenvalues, then one rotation chase with each of them as the shift) is repeated here operation
by operation: whether a step is needed, and so the sign of a vector, depends on the last bit.
"""

import math

from localearth.errors import EarthEngineError

Rows = list[list[float]]

EPSILON = 2.0**-52
_STEPS = 15
"""After these steps for one eigenvalue EJML takes random shifts."""


def eigen(matrix: Rows) -> list[tuple[float, list[float]]]:
    """The eigenvalues and their vectors, the largest value first.

    Args:
        matrix: a symmetric matrix, of which the upper triangle is read.

    Raises:
        EarthEngineError: when the algorithm would use random numbers.
    """
    diagonal, beside, vectors = _tridiagonal(matrix)
    values = list(diagonal)
    _iterate(values, list(beside), None, None)
    _iterate(diagonal, beside, vectors, values)
    return sorted(zip(diagonal, vectors, strict=True), key=lambda pair: -pair[0])


def _tridiagonal(matrix: Rows) -> tuple[list[float], list[float], Rows]:
    """The diagonals of a similar matrix, and the rows of the orthogonal one that transforms to it."""
    n = len(matrix)
    work = [[float(value) for value in row] for row in matrix]
    reflections: list[tuple[int, float, list[float]]] = []
    for k in range(1, n):
        u = work[k - 1]
        top = max(abs(value) for value in u[k:])
        if not top > 0:
            continue
        squares = 0.0
        for i in range(k, n):
            u[i] /= top
            squares += u[i] * u[i]
        tau = math.sqrt(squares) if u[k] >= 0 else -math.sqrt(squares)
        nu = u[k] + tau
        u[k] = 1.0
        for i in range(k + 1, n):
            u[i] /= nu
        _reflect(work, u, k, nu / tau)
        reflections.append((k, nu / tau, list(u)))
        u[k] = -tau * top
    vectors = [[float(i == j) for j in range(n)] for i in range(n)]
    for k, gamma, u in reversed(reflections):
        for row in vectors[k:]:
            total = 0.0
            for j in range(k, n):
                total += row[j] * u[j]
            total *= -gamma
            for j in range(k, n):
                row[j] += total * u[j]
    return [work[i][i] for i in range(n)], [work[i][i + 1] for i in range(n - 1)], vectors


def _reflect(work: Rows, u: list[float], k: int, gamma: float) -> None:
    """A reflection from both sides of the upper triangle from row and column k on."""
    n = len(work)
    w = [0.0] * n
    for i in range(k, n):
        total = 0.0
        for j in range(k, n):
            total += (work[j][i] if j < i else work[i][j]) * u[j]
        w[i] = -gamma * total
    alpha = 0.0
    for i in range(k, n):
        alpha += u[i] * w[i]
    alpha *= -0.5 * gamma
    for i in range(k, n):
        w[i] += alpha * u[i]
    for i in range(k, n):
        for j in range(i, n):
            work[i][j] += w[i] * u[j] + w[j] * u[i]


def _iterate(d: list[float], e: list[float], vectors: Rows | None, shifts: list[float] | None) -> None:
    """Makes the off-diagonal zero; with known eigenvalues these are the shifts, and the vectors are rotated along."""
    first, last, steps, splits = 0, len(d) - 1, 0, list[int]()
    while True:
        zero = _last_zero(d, e, first, last)
        if first == last:
            if not splits:
                return
            last, steps = splits.pop(), 0
            first = splits[-1] + 1 if splits else 0
        elif shifts is None and last - first == 1:
            scale, _, large, small = _two(d[first], e[first], d[last])
            d[first], d[last], e[first], first, steps = scale * large, scale * small, 0.0, last, 0
        elif steps > _STEPS:
            raise EarthEngineError("the local Earth Engine does not find the eigenvalues of this matrix.")
        elif zero is not None:
            splits.append(zero)
            first = zero + 1
        elif shifts is not None and steps > 10:
            shifts = []
        else:
            _chase(d, e, vectors, first, last, shifts[last] if shifts else _shift(d, e, last))
        steps += 1


def _last_zero(d: list[float], e: list[float], first: int, last: int) -> int | None:
    for i in range(last - 1, first - 1, -1):
        if abs(e[i]) <= (abs(d[i]) + abs(d[i + 1])) * EPSILON:
            return i
    return None


def _two(a: float, b: float, c: float) -> tuple[float, float, float, float]:
    """A scale, and the scaled corner c and eigenvalues of a symmetric matrix of two rows."""
    scale = max(abs(a), abs(b), abs(c)) or 1.0
    a, b, c = a / scale, b / scale, c / scale
    left, half = (a + c) * 0.5, (a - c) * 0.5
    right = math.sqrt(half * half + b * b)
    return scale, c, left + right, left - right


def _shift(d: list[float], e: list[float], last: int) -> float:
    """Wilkinson's shift: of the last two rows, the eigenvalue closer to the corner."""
    scale, corner, large, small = _two(d[last - 1], e[last - 1], d[last])
    return scale * (large if abs(large - corner) < abs(small - corner) else small)


def _rotation(run: float, rise: float) -> tuple[float, float, float, float, float]:
    """The cosine and sine of an angle, their squares and their product."""
    if abs(rise) > abs(run):
        k = run / rise
        bottom = 1.0 + k * k
        return k / math.sqrt(bottom), 1.0 / math.sqrt(bottom), k * k / bottom, 1.0 / bottom, k / bottom
    t = rise / run
    bottom = 1.0 + t * t
    return 1.0 / math.sqrt(bottom), t / math.sqrt(bottom), 1.0 / bottom, t * t / bottom, t / bottom


def _chase(d: list[float], e: list[float], vectors: Rows | None, first: int, last: int, shift: float) -> None:
    """One implicit QR step: a rotation with a shift, and further ones that chase the bulge off the matrix."""
    bulge = 0.0
    for i in range(first, last):
        if i == first:
            c, s, cc, ss, cs = _rotation(d[i] - shift, e[i])
        elif bulge == 0:
            return
        else:
            c, s, cc, ss, cs = _rotation(e[i - 1], bulge)
            e[i - 1] = c * e[i - 1] + s * bulge
        a, b, f = d[i], e[i], d[i + 1]
        d[i] = cc * a + 2.0 * cs * b + ss * f
        d[i + 1] = cc * f - 2.0 * cs * b + ss * a
        e[i] = b * (cc - ss) + cs * (f - a)
        if i + 1 < last:
            bulge, e[i + 1] = s * e[i + 1], c * e[i + 1]
        if vectors is not None:
            pairs = list(zip(vectors[i], vectors[i + 1], strict=True))
            vectors[i] = [c * x + s * y for x, y in pairs]
            vectors[i + 1] = [-s * x + c * y for x, y in pairs]
