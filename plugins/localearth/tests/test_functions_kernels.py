"""Kernels, and what is computed under them; against the weights in Google's API samples and plain loops."""

import ee
import numpy as np
import pytest

SIDE = 24

SAMPLES = {
    "circle": (lambda: ee.Kernel.circle(3), 29, [[0, 0, 0, 1, 0, 0, 0], [0, 1, 1, 1, 1, 1, 0]]),
    "diamond": (lambda: ee.Kernel.diamond(3), 25, [[0, 0, 0, 1, 0, 0, 0], [0, 0, 1, 1, 1, 0, 0]]),
    "octagon": (lambda: ee.Kernel.octagon(3), 37, [[0, 0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1, 0]]),
    "plus": (lambda: ee.Kernel.plus(3), 13, [[0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0]]),
    "cross": (lambda: ee.Kernel.cross(3), 13, [[1, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 1, 0]]),
    "rectangle": (lambda: ee.Kernel.rectangle(2, 1), 15, [[1, 1, 1, 1, 1]] * 2),
    "manhattan": (lambda: ee.Kernel.manhattan(3), 1, [[6, 5, 4, 3, 4, 5, 6], [5, 4, 3, 2, 3, 4, 5]]),
    "chebyshev": (lambda: ee.Kernel.chebyshev(3), 1, [[3] * 7, [3, 2, 2, 2, 2, 2, 3]]),
    "euclidean": (
        lambda: ee.Kernel.euclidean(3),
        1,
        [[4.242, 3.605, 3.162, 3, 3.162, 3.605, 4.242], [3.605, 2.828, 2.236, 2, 2.236, 2.828, 3.605]],
    ),
    "gaussian": (
        lambda: ee.Kernel.gaussian(3),
        1,
        [[0.00296, 0.0133, 0.0219, 0.0133, 0.00296], [0.0133, 0.0596, 0.0983, 0.0596, 0.0133]],
    ),
    "compass": (lambda: ee.Kernel.compass(), 1, [[1, 1, -1], [1, -2, -1], [1, 1, -1]]),
    "kirsch": (lambda: ee.Kernel.kirsch(), 1, [[5, -3, -3], [5, 0, -3], [5, -3, -3]]),
    "prewitt": (lambda: ee.Kernel.prewitt(), 1, [[1, 0, -1], [1, 0, -1], [1, 0, -1]]),
    "roberts": (lambda: ee.Kernel.roberts(), 1, [[1, 0], [0, -1]]),
    "rotate": (lambda: ee.Kernel.sobel().rotate(1), 1, [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "rotate back": (lambda: ee.Kernel.sobel().rotate(-2), 1, [[1, 0, -1], [2, 0, -2], [1, 0, -1]]),
    "inverse": (lambda: ee.Kernel.sobel().inverse(), 1, [[-1, 0, 1], [-0.5, 0, 0.5], [-1, 0, 1]]),
    "laplacian": (lambda: ee.Kernel.laplacian8(), 1, [[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_weights_are_those_of_the_samples(local, name):
    build, total, first_rows = SAMPLES[name]
    weights = np.asarray(build().getInfo()["weights"])
    assert np.abs(weights[: len(first_rows)] * total - first_rows).max() < 1.1e-3


def test_a_sum_of_kernels_aligns_their_centres(local):
    added = ee.Kernel.chebyshev(3).add(ee.Kernel.square(1, "pixels", False, 100)).getInfo()["weights"]
    assert [row[2:5] for row in added[2:5]] == [[101, 101, 101], [101, 100, 101], [101, 101, 101]]
    assert added[0] == [3] * 7 and added[3] == [3, 2, 101, 100, 101, 2, 3]


@pytest.fixture
def image(plot):
    random = np.random.default_rng(4)
    values = random.integers(0, 9, (SIDE, SIDE)).astype(np.int16)
    valid = random.random((SIDE, SIDE)) > 0.1
    return plot.image(("v", values, valid)), values, valid


@pytest.fixture
def got(plot):
    """Asks for the pixels of an image with one band, NaN where it is masked."""

    def ask(image):
        both = plot.pixels(image.rename("v").addBands(image.mask().rename("m")), SIDE)
        return np.where(both["m"] > 0, both["v"], np.nan)

    return ask


def under(values, valid, weights, run):
    """A function of the values and weights under a kernel at every pixel; None masks it."""
    reach = len(weights) // 2
    values, valid = np.pad(values.astype(float), reach), np.pad(valid, reach)
    found = np.full((SIDE, SIDE), np.nan)
    for row, col in np.ndindex(SIDE, SIDE):
        part = slice(row, row + 2 * reach + 1), slice(col, col + 2 * reach + 1)
        keep = valid[part] & (weights != 0)
        result = run(values[part], weights, keep)
        found[row, col] = np.nan if result is None else result
    return found


CIRCLE = (np.hypot(*np.mgrid[-2:3, -2:3]) <= 2).astype(float)
WEIGHTS = np.array([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
FIXED = [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
ASKEW = [[1, 2, -3], [4, 5, 6], [7, -8, 9]]


def least(values, _weights, keep):
    return values[keep].min() if keep.any() else None


def mean(values, weights, keep):
    return (values * weights)[keep].sum() / weights[keep].sum() if keep.any() else None


@pytest.mark.parametrize(
    ("build", "weights", "run", "skip"),
    [
        (lambda i: i.focalMax(2), CIRCLE, lambda v, _w, k: v[k].max() if k.any() else None, False),
        (
            lambda i: i.focal_min(20, "circle", "meters"),
            CIRCLE,
            lambda v, _w, k: v[k].min() if k.any() else None,
            False,
        ),
        (lambda i: i.focalMedian(2), CIRCLE, lambda v, _w, k: np.median(v[k]) if k.any() else None, False),
        (lambda i: i.focalMean(1.5), np.ones((3, 3)), mean, False),
        (lambda i: i.reduceNeighborhood("mean", ee.Kernel.fixed(3, 3, FIXED)), WEIGHTS, mean, True),
        (
            lambda i: i.reduceNeighborhood("mean", ee.Kernel.fixed(3, 3, FIXED), "mask", False),
            WEIGHTS,
            lambda v, _w, k: v[k].mean() if k.any() else None,
            False,
        ),
        (
            lambda i: i.convolve(ee.Kernel.fixed(3, 3, ASKEW)),
            np.array(ASKEW),
            lambda v, w, k: (v * w).sum() if k.all() else None,
            False,
        ),
    ],
    ids=["focalMax", "focal_min", "focalMedian", "focalMean", "reduce", "reduce mask", "convolve"],
)
def test_pixels_under_a_kernel(image, got, build, weights, run, skip):
    source, values, valid = image
    expected = under(values, valid, weights, run)
    if skip:
        expected[~valid] = np.nan
    assert np.allclose(got(build(source)), expected, equal_nan=True)


@pytest.mark.parametrize(("radius", "units", "sigma", "reach"), [(4, "pixels", 2, 3), (25, "meters", 15, 2)])
def test_a_gaussian_has_the_pixels_nearer_than_its_radius(image, got, radius, units, sigma, reach):
    source, values, valid = image
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma / 10 if units == "meters" else sigma)) ** 2)
    smooth = np.where(valid, values, 0).astype(float)
    for axis in (0, 1):
        smooth = np.apply_along_axis(np.convolve, axis, smooth, line / line.sum(), "same")
    found = got(source.unmask(0).convolve(ee.Kernel.gaussian(radius, sigma, units)))
    inner = slice(reach, -reach), slice(reach, -reach)
    assert np.allclose(found[inner], smooth[inner])


def test_neighbors_become_bands_row_by_row(image, got):
    source, values, valid = image
    kernel = ee.Kernel.fixed(3, 2, [[1, 0, 2], [0, 0, 3]], 1, 0)
    found = source.neighborhoodToBands(kernel)
    assert found.bandNames().getInfo() == ["v_-1_0", "v_1_0", "v_1_1"]
    shown = got(found.select("v_1_1"))
    assert np.array_equal(shown[:-1, :-1], np.where(valid, values, np.nan)[1:, 1:], equal_nan=True)


@pytest.mark.parametrize(
    ("angle", "step", "length"), [(0, (0, 1), 1), (90, (-1, 0), 1), (-135, (1, -1), 2**0.5), (180, (0, -1), 1)]
)
def test_distances_in_a_direction(image, got, angle, step, length):
    source, values, valid = image
    hit = (values == 8) & valid
    expected = np.full((SIDE, SIDE), np.nan)
    for row, col in np.ndindex(SIDE, SIDE):
        for count in range(5):
            at = row + count * step[0], col + count * step[1]
            if count * length <= 4 and min(at) >= 0 and max(at) < SIDE and hit[at] and np.isnan(expected[row, col]):
                expected[row, col] = count * length
    assert np.allclose(got(source.eq(8).directionalDistanceTransform(angle, 4)), expected, equal_nan=True)


def test_iterations_are_repeated(image, got):
    source, _, _ = image
    twice = source.focalMax(1, "square", "pixels", 2)
    assert np.array_equal(got(twice), got(source.focalMax(2.5, "square")), equal_nan=True)


def test_names_and_types(image):
    source, _, _ = image
    reducer = ee.Reducer.mean().combine(ee.Reducer.max(), "", True)
    bands = source.reduceNeighborhood(reducer, ee.Kernel.square(1)).getInfo()["bands"]
    assert [(band["id"], band["data_type"]["precision"]) for band in bands] == [("v_mean", "double"), ("v_max", "int")]
    assert source.focalMode(1).bandNames().getInfo() == ["v"]


def test_distances(image, got):
    source, values, valid = image
    hits = np.argwhere((values == 8) & valid)
    rows, cols = np.mgrid[:SIDE, :SIDE]
    apart = np.abs(hits[:, 0, None, None] - rows), np.abs(hits[:, 1, None, None] - cols)
    squared = (apart[0] ** 2 + apart[1] ** 2).min(axis=0).astype(float)
    target = source.eq(8)
    assert np.array_equal(got(target.fastDistanceTransform(40)), squared)
    far = np.where(squared > 2**2, np.inf, squared)
    assert np.isinf(far).any() and np.array_equal(got(target.fastDistanceTransform(2)), far)
    near = np.where(np.sqrt(squared) <= 3, np.sqrt(squared) * 10, np.nan)
    found = target.distance(ee.Kernel.euclidean(30, "meters"))
    assert np.allclose(got(found), np.where(valid, near, np.nan), equal_nan=True)
    everywhere = target.distance(ee.Kernel.manhattan(3), False)
    city = (apart[0] + apart[1]).min(axis=0).astype(float)
    assert np.allclose(got(everywhere), np.where(city <= 3, city, np.nan), equal_nan=True)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda i: i.convolve(ee.Kernel.gaussian(5, 0)), "'radius' and 'sigma': must be positive, not 5 and 0"),
        (lambda i: i.neighborhoodToBands(ee.Kernel.circle(20, "meters")), "depend on the pixels"),
        (lambda i: i.focalMax(2, "octagon"), "Kernel.octagon is known for a radius of 3 pixels only"),
        (lambda i: i.focalMax(2, "star"), "'star'; use one of circle, square"),
        (lambda i: i.distance(ee.Kernel.circle(2)), "supports Kernel.euclidean, Kernel.manhattan and"),
        (lambda i: i.reduceNeighborhood("mean", ee.Kernel.laplacian4()), "must not be negative"),
        (lambda i: i.convolve(ee.Kernel.laplacian4(1, True)), "it normalizes weights that are not negative"),
    ],
)
def test_what_is_unsure_is_refused(plot, image, build, message):
    with pytest.raises(ee.EEException) as caught:
        plot.pixels(build(image[0]), 2)
    assert message in str(caught.value)


def test_metres_are_nominal_and_pixels_must_be_squares(plot, image, pixels):
    ones = ee.Image(1).reduceNeighborhood("count", ee.Kernel.circle(150, "meters"))
    # 150 m are 1.3 pixels of 0.001 degrees, at any latitude.
    assert pixels(ones, 9.0, 60.0, 2, 2, 1e-3, "EPSG:4326")["constant_count"].tolist() == [[5, 5], [5, 5]]
    long = image[0].focalMax(20, "circle", "meters").reproject(plot.crs, [10, 0, plot.x, 0, -20, plot.y])
    with pytest.raises(ee.EEException, match="square pixels only; use units 'pixels'"):
        plot.pixels(long, 2)


def test_neighborhoods_become_arrays(image, got):
    source, values, valid = image
    middle = source.neighborhoodToArray(ee.Kernel.square(1), 7).arrayGet([0, 2])
    expected = np.where(np.roll(valid, (1, -1), (0, 1)), np.roll(values, (1, -1), (0, 1)), 7).astype(float)
    expected[~valid] = np.nan
    inner = slice(1, -1), slice(1, -1)
    assert np.array_equal(got(middle)[inner], expected[inner], equal_nan=True)


def test_connected_pixels_are_counted(segments, image, got):
    source, values, valid = image
    found = got(source.gt(4).connectedPixelCount(30, False))
    expected = np.full((SIDE, SIDE), np.nan)
    for group in segments(values > 4, valid, False):
        expected[tuple(zip(*group, strict=True))] = min(len(group), 30)
    assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [("extrapolate", [-10, 5, 25]), ("clamp", [0, 5, 20]), ("input", [-1, 5, 4]), ("mask", [-99, 5, -99])],
)
def test_curves(plot, behavior, expected):
    numbers = ee.Image([-1, 0.5, 4]).rename(["a", "b", "c"])
    bands = [numbers.select([n]).interpolate([0, 1, 3], [0, 10, 20], behavior).unmask(-99) for n in range(3)]
    found = plot.pixels(ee.Image.cat(bands), 1)
    assert [found[name].item() for name in "abc"] == expected
    curve = plot.pixels(ee.Image(2).toDouble().polynomial([1, 0, 3]), 1)
    assert curve["constant"].item() == 13
