"""Masks between 0 and 1: weights of reducers and opacity of pictures, against numpy."""

import ee
import numpy as np
import pytest
from pyproj import Transformer
from rasterio.io import MemoryFile

VALUES = np.arange(16, dtype=np.float32).reshape(4, 4) + 10
SHARES = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)[::-1]
CRS = "EPSG:32632"
SQUARE = 500_000, 4_999_960, 500_040, 5_000_000


@pytest.fixture(autouse=True)
def world(plot):
    plot.image(("b", VALUES), ("s", SHARES))


@pytest.fixture
def first(plot):
    """Asks for the first band of an image."""

    def ask(image):
        found = plot.pixels(image, 4)
        return found[found.dtype.names[0]]

    return ask


def soft():
    """An image with the mask SHARES."""
    return ee.Image("T/V").select("b").updateMask(ee.Image("T/V").select("s"))


def triangle():
    return ee.Geometry.Polygon([CORNERS], CRS, False)


def rectangle(west, south, east, north):
    return ee.Geometry.Rectangle([west, south, east, north], CRS, False)


HALF = np.float32(0.5)
CORNERS = [[500_000, 4_999_960], [500_040, 4_999_960], [500_000, 5_000_000]]
# Half of each pixel on the diagonal, all below it; 8 bits.
SHARE_OF_TRIANGLE = np.tri(4, k=-1) + np.eye(4) * 128 / 255
MASKS = {
    "updateMask": (soft, SHARES),
    "selfMask": (lambda: ee.Image("T/V").select("s").selfMask(), SHARES),
    "mask(image)": (lambda: ee.Image(7).mask(ee.Image("T/V").select("s")), SHARES),
    "above 1": (lambda: soft().updateMask(1.7), (SHARES > 0) * 1),
    "a new mask replaces": (lambda: soft().updateMask(0.5), (SHARES > 0) * HALF),
    "arithmetic": (lambda: soft().add(ee.Image(1).updateMask(0.5)), np.minimum(SHARES, HALF)),
    "other operations": (lambda: soft().sqrt().toInt16().multiply(2).clamp(0, 5), SHARES),
    "clip": (
        lambda: soft().clip(rectangle(*SQUARE[:2], 500_020, SQUARE[3])),
        SHARES * ([1, 1, 0, 0] * np.ones((4, 1))),
    ),
    "composite": (
        lambda: ee.ImageCollection([soft(), soft().updateMask(0.5)]).max(),
        np.maximum(SHARES, HALF) * (SHARES > 0),
    ),
    "a clip's edge": (lambda: ee.Image(1).clip(triangle()), SHARE_OF_TRIANGLE),
    "a clip's edge in degrees": (lambda: ee.Image(1).clip(triangle().transform("EPSG:4326", 0.001)), SHARE_OF_TRIANGLE),
    "a clip to points": (
        lambda: ee.Image(1).clip(ee.Geometry.MultiPoint([[500_001, 4_999_999], [499_000, 0]], CRS)),
        np.eye(1, 16).reshape(4, 4),
    ),
    "where": (lambda: soft().where(ee.Image(1).updateMask(0.5), 3), SHARES),
    "unmask": (lambda: soft().unmask(ee.Image(1).updateMask(0.5)), np.where(SHARES > 0, SHARES, HALF)),
    "remap": (lambda: ee.Image(1).remap([2], [5], ee.Image(7).updateMask(0.5)), HALF * np.ones((4, 4))),
    "mosaic": (
        lambda: ee.ImageCollection([ee.Image(1).updateMask(0.5).toFloat().rename("b"), soft()]).mosaic(),
        np.where(SHARES > 0, SHARES, HALF),
    ),
    "blend": (lambda: soft().blend(ee.Image(1).updateMask(0.5)), HALF + SHARES * HALF),
    "reproject": (lambda: soft().reproject(CRS, [20, 0, 500_000, 0, -20, 5_000_000]), None),
    "paint": (
        lambda: soft().paint(ee.FeatureCollection(rectangle(500_000, 4_999_960, 500_020, 5_000_000)), 1),
        np.where([1, 1, 0, 0], 1, SHARES),
    ),
    "colours": (lambda: ee.Image.cat([soft()] * 3).divide(99).rgbToHsv(), SHARES),
    "visualize": (lambda: soft().visualize(opacity=0.5), SHARES * HALF),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_keep_their_fractions(first, name):
    make, expected = MASKS[name]
    if expected is None:
        # The centre of a pixel of 20 m belongs to the lower right one of its four pixels.
        expected = SHARES[1::2, 1::2].repeat(2, 0).repeat(2, 1)
    found = first(make().mask())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=0.004 if "degrees" in name else 0)


@pytest.mark.parametrize(
    ("crs", "corner", "bounds"),
    [
        ("EPSG:32660", (830_000, 100_000), (179.97, 0, 180.03, 0.88)),
        ("EPSG:3995", (-10_000, 10_000), (-180, 89.95, 180, 90)),
    ],
)
def test_clips_across_180_degrees_and_around_a_pole(pixels, crs, corner, bounds):
    found = pixels(ee.Image(1).clip(ee.Geometry.BBox(*bounds)).mask(), *corner, 20, 20, 1000, crs)
    centre = np.arange(20) * 1000 + 500
    x, y = np.meshgrid(corner[0] + centre, corner[1] - centre)
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    inside = (bounds[0] < lon % 360) & (lon % 360 < bounds[2]) if bounds[0] > 0 else True
    np.testing.assert_array_equal(found["constant"] > 0.5, inside & (bounds[1] < lat) & (lat < bounds[3]))
    assert 10 < (found["constant"] > 0.5).sum() < 300


WEIGHT = SHARES.astype(float)
LEFT_HALF = np.minimum(WEIGHT, [1, 128 / 255, 0, 0])  # Shares have 8 bits.
REGIONS = {
    "mean": (ee.Reducer.mean, 40, np.average(VALUES, weights=WEIGHT)),
    "sum": (ee.Reducer.sum, 40, (VALUES * WEIGHT).sum()),
    # The smaller of mask and share in the region, not their product.
    "partly": (ee.Reducer.mean, 15, np.average(VALUES, weights=LEFT_HALF)),
    "count": (ee.Reducer.count, 40, 15),
    "unweighted": (lambda: ee.Reducer.mean().unweighted(), 40, VALUES[SHARES > 0].mean()),
    "histogram": (lambda: ee.Reducer.fixedHistogram(0, 100, 1), 40, [[0, WEIGHT.sum()]]),
}


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_weights_pixels_with_their_mask(name):
    reducer, width, expected = REGIONS[name]
    region = rectangle(SQUARE[0], SQUARE[1], SQUARE[0] + width, SQUARE[3])
    found = soft().reduceRegion(reducer(), region, 10).getInfo()["b"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_composites_weight_pixels_with_their_mask(first):
    other = ee.Image(2).toFloat().rename("b").updateMask(0.5)
    found = first(ee.ImageCollection([soft(), other]).mean())
    np.testing.assert_allclose(found, (VALUES * WEIGHT + 2 * 0.5) / (WEIGHT + 0.5), rtol=1e-6)
    np.testing.assert_array_equal(first(ee.ImageCollection([soft(), other]).max()), np.where(SHARES > 0, VALUES, 2))


def test_larger_pixels_multiply_mask_and_share(pixels):
    # A pixel of 20 m at the corner covers four pixels, each with a quarter.
    found = pixels(soft().reduceResolution(ee.Reducer.mean()), 500_000, 5_000_000, 2, 2, 20, CRS)["b"]
    parts = [each.reshape(2, 2, 2, 2).swapaxes(1, 2).reshape(2, 2, 4) for each in (VALUES, WEIGHT)]
    np.testing.assert_allclose(found, (parts[0] * parts[1]).sum(2) / parts[1].sum(2), rtol=1e-6)


@pytest.mark.parametrize(("by", "weigh"), [("mask", lambda w: w), ("min", lambda w: np.minimum(w, 1 / 9))])
def test_neighbourhoods_weight_pixels_with_their_mask(first, by, weigh):
    found = first(soft().reduceNeighborhood(ee.Reducer.mean(), ee.Kernel.square(1), by))
    weight = weigh(WEIGHT[:3, 1:4])
    assert found[1, 2] == pytest.approx((VALUES[:3, 1:4] * weight).sum() / weight.sum(), rel=1e-6)


def test_a_blend_mixes_values(first):
    found = first(soft().blend(ee.Image(2).updateMask(0.25)))
    over = 0.25 + WEIGHT * 0.75
    np.testing.assert_allclose(found, (2 * 0.25 + VALUES * WEIGHT * 0.75) / over, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_pictures_are_partly_transparent_and_downloads_are_not(grid_of, first):
    shown = soft().visualize(min=0, max=100)
    grid = grid_of(500_000, 5_000_000, 4, 4, crs=CRS)
    content = ee.data.computePixels({"expression": shown, "fileFormat": "PNG", "grid": grid})
    with MemoryFile(content) as memory, memory.open() as file:
        grey, alpha = file.read()
    np.testing.assert_array_equal(alpha, (SHARES * 255.0).astype(np.uint8))
    np.testing.assert_array_equal(grey, np.where(SHARES > 0, VALUES * 2.55, 0).astype(np.uint8))
    np.testing.assert_array_equal(first(soft()), np.where(SHARES > 0, VALUES, 0))
    content = ee.data.computePixels({"expression": shown, "fileFormat": "JPEG", "grid": grid})
    with MemoryFile(content) as memory, memory.open() as file:
        assert np.abs(file.read(1) - VALUES * 2.55 * SHARES).max() < 4


def test_other_functions_have_masks_of_0_and_1(first):
    found = first(soft().focalMax(1, "square", "pixels").mask())
    np.testing.assert_array_equal(found, np.ones((4, 4)))
