"""Composites of image collections against numpy, through the real client."""

import ee
import numpy as np
import pytest

X, Y = 399960.0, 4200000.0


@pytest.fixture
def stack(local):
    """The B2 pixels of all scenes, and where a mask made of B3 lets them through."""
    members = local.assets["TEST/SCENES"].members
    values = np.stack([each.bands[1].pixels[:20, :20] for each in members]).astype(float) % 5
    valid = np.stack([each.bands[2].pixels[:20, :20] > 1500 for each in members])
    return np.ma.array(values, mask=~valid)


def masked_collection():
    def one(image):
        return image.select("B2").mod(5).updateMask(image.select("B3").gt(1500))

    return ee.ImageCollection("TEST/SCENES").map(one)


@pytest.mark.parametrize("name", ["mean", "min", "max", "sum", "median", "count", "product"])
def test_composites_equal_numpys(stack, pixels, name):
    got = pixels(getattr(masked_collection(), name)(), X, Y, 20, 20)["B2"]
    expected = {
        "median": lambda: np.ma.median(stack, axis=0),
        "product": lambda: stack.prod(axis=0),
    }.get(name, lambda: getattr(stack, name)(axis=0))()
    np.testing.assert_allclose(got, np.ma.filled(expected, 0))


def test_the_mode_is_the_most_frequent_value_and_the_smallest_of_equals(stack, pixels):
    got = pixels(masked_collection().mode(), X, Y, 20, 20)["B2"]
    for row in range(20):
        for col in range(20):
            column = stack[:, row, col].compressed()
            if column.size:
                names, counts = np.unique(column, return_counts=True)
                assert got[row, col] == names[counts.argmax()]
            else:
                assert got[row, col] == 0


def test_the_mode_of_many_values_is_that_of_few():
    from localearth.values.reducer import mode

    random = np.random.default_rng(0)
    few = random.integers(0, 9, (40, 50)).astype(float)
    valid = random.random(few.shape) > 0.4
    ((counted, good),) = mode(few, valid, None)
    # Far apart, the same classes take the way of sorting.
    ((ranked, also),) = mode(few * 1000, valid, None)
    np.testing.assert_array_equal(counted * 1000, ranked)
    np.testing.assert_array_equal(good, also)


def test_a_mosaic_shows_the_last_on_top(stack, pixels):
    got = pixels(masked_collection().mosaic(), X, Y, 20, 20)["B2"]
    expected = np.zeros((20, 20))
    for layer in stack:
        expected = np.where(~np.ma.getmaskarray(layer), layer.data, expected)
    np.testing.assert_array_equal(got, expected)


def test_names_of_reduced_and_flattened_collections(local):
    both = ee.ImageCollection("TEST/SCENES").select(["B2", "B3"]).limit(2)
    assert both.mean().bandNames().getInfo() == ["B2", "B3"]
    assert both.reduce(ee.Reducer.minMax()).bandNames().getInfo() == ["B2_min", "B2_max", "B3_min", "B3_max"]
    twice = ee.Reducer.mean().combine(ee.Reducer.stdDev(), sharedInputs=True)
    assert both.select("B2").reduce(twice).bandNames().getInfo() == ["B2_mean", "B2_stdDev"]
    assert both.toBands().bandNames().getInfo() == [
        f"2017010{day}T000000_S_{band}" for day in (1, 2) for band in ("B2", "B3")
    ]
    twice = ee.ImageCollection([ee.Image(1).set("system:index", "x")] * 2).toBands()
    assert twice.bandNames().getInfo() == ["x_constant", "x_constant_1"]
    assert ee.ImageCollection([ee.Image(1), ee.Image(2)]).toBands().bandNames().getInfo() == [
        "0_constant",
        "1_constant",
    ]
    assert ee.ImageCollection([]).mean().bandNames().getInfo() == []


def test_a_quality_mosaic_takes_the_best(local, pixels):
    members = local.assets["TEST/SCENES"].members
    got = pixels(ee.ImageCollection("TEST/SCENES").select(["B2", "B3"]).qualityMosaic("B3"), X, Y, 10, 10)
    best = np.stack([each.bands[2].pixels[:10, :10] for each in members]).argmax(axis=0)
    values = np.stack([each.bands[1].pixels[:10, :10] for each in members])
    np.testing.assert_array_equal(got["B2"], np.take_along_axis(values, best[None], 0)[0])


ON_A_GRID = {
    "reduceRegion": lambda image, place, grid: image.reduceRegion("max", place, **grid),
    "reduceRegions": lambda image, place, grid: image.reduceRegions(ee.Feature(place), "max", **grid),
    "sample": lambda image, place, grid: image.sample(place, **{k: v for k, v in grid.items() if k == "scale"}),
    "sampleRegions": lambda image, place, grid: image.sampleRegions(ee.Feature(place), scale=grid.get("scale")),
    "stratifiedSample": lambda image, place, grid: image.int().stratifiedSample(1, "B2", place, grid.get("scale")),
    "reduceToVectors": lambda image, place, grid: image.int().reduceToVectors(geometry=place, **grid),
}


@pytest.mark.parametrize("name", ON_A_GRID)
def test_pixels_of_a_composite_are_counted_on_a_given_grid_only(local, name):
    images = ee.ImageCollection("TEST/SCENES").select("B2")
    place = ee.Geometry.Rectangle([X, Y - 50, X + 50, Y], "EPSG:32618", False)
    with pytest.raises(ee.EEException) as caught:
        ON_A_GRID[name](images.mean(), place, {}).getInfo()
    assert str(caught.value) == (
        f"Image.{name}: The default WGS84 projection is invalid for aggregations. Specify a scale or crs & "
        "crs_transform."
    )
    assert ON_A_GRID[name](images.mean(), place, {"scale": 30}).getInfo()
    assert ON_A_GRID[name](images.first(), place, {}).getInfo()


WITHOUT_BANDS = {
    "Image.lt: If one image has no bands, the other must also have no bands. Got 0 and 1.": lambda none: none.lt(1),
    "Image.add: If one image has no bands, the other must also have no bands. Got 2 and 0.": (
        lambda none: ee.Image([1, 2]).add(none)
    ),
    "Image.unmask: If one image has no bands, the other must also have no bands. Got 0 and 1.": (
        lambda none: none.unmask(0)
    ),
    "Image.updateMask: Incompatible number of bands in the mask image: 0. Expected 1 or 1.": (
        lambda none: ee.Image(1).updateMask(none)
    ),
    "Image.reduceRegions: Image has no bands.": (
        lambda none: none.reduceRegions(ee.Feature(ee.Geometry.Point(0, 0)), "mean", 10)
    ),
    "Dictionary.get: Dictionary does not contain key: 'a'.": (
        lambda none: none.reduceRegion("mean", ee.Geometry.Point(0, 0), 10).get("a")
    ),
}


@pytest.mark.parametrize("scale", [0.05, 17])
@pytest.mark.parametrize("name", ON_A_GRID)
def test_the_range_of_tile_scales(local, name, scale):
    function = ee.ApiFunction.lookup(f"Image.{name}")
    place = ee.Geometry.Rectangle([X, Y - 50, X + 50, Y], "EPSG:32618", False)
    given = {"collection": ee.Feature(place), "reducer": "max", "numPoints": 1, "tileScale": scale, "scale": 10}
    known = {each["name"] for each in function.getSignature()["args"]}
    options = {key: value for key, value in given.items() if key in known}
    image = ee.Image(ee.ImageCollection("TEST/SCENES").first()).select("B2").int()
    with pytest.raises(ee.EEException, match=r"Valid tileScales are 0\.1 to 16\."):
        function.apply({"image": image, **options}).getInfo()


@pytest.mark.parametrize("message", WITHOUT_BANDS)
def test_errors_of_images_without_bands_have_the_messages_that_programs_recognize(local, message):
    with pytest.raises(ee.EEException) as caught:
        WITHOUT_BANDS[message](ee.ImageCollection([]).mean()).getInfo()
    assert str(caught.value) == message
    assert ee.ImageCollection([]).mean().add(ee.ImageCollection([]).sum()).bandNames().getInfo() == []
