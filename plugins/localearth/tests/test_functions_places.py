"""Composites of collections that cannot be listed without a region: they list the images of each requested grid."""

import ee
import numpy as np
import pytest
from attrs import frozen
from localearth.errors import EarthEngineError


@pytest.fixture
def endless(kit, engine, world):
    """The collection of scenes without a list of all, and its pixels of band B2, (4, 20, 20)."""

    @frozen(eq=False)
    class Endless(kit.Collection):
        def images(self, region=None, interval=None):
            if region is None:
                raise EarthEngineError("filter by bounds")
            return super().images(region, interval)

        def walk(self, interval):
            yield from kit.Collection.images(self, None, interval)[:2]
            raise EarthEngineError("filter by bounds")

    members = world.find("TEST/SCENES").members
    far = kit.scene("20170105T000000_S", 0, 1.0, 9)
    beside = type(far)(far.id, far.properties, far.bands, kit.lonlat(far.footprint.centroid.buffer(1), "EPSG:32633"))
    made = kit.World()
    collection = made.add(Endless("TEST/SCENES", [*members, beside]))
    engine(made)
    return collection, np.stack([each.bands[1].pixels[:20, :20] for each in members]).astype(float)


def collection():
    return ee.ImageCollection("TEST/SCENES").select(["B2", "B3"]).map(lambda image: image.add(1).copyProperties(image))


@pytest.mark.parametrize(
    ("compose", "expected"),
    [
        (lambda images: images.median(), lambda values: np.median(values, axis=0) + 1),
        (lambda images: images.sum(), lambda values: (values + 1).sum(axis=0)),
        (lambda images: images.mosaic(), lambda values: values[-1] + 1),
        (lambda images: images.qualityMosaic("B2"), lambda values: values.max(axis=0) + 1),
        (lambda images: images.reduce(ee.Reducer.max()).select([0], ["B2"]), lambda values: values.max(axis=0) + 1),
        (
            lambda images: images.filter(ee.Filter.lt("CLOUDS", 10)).mean(),
            lambda values: values[[0, 2, 3]].mean(axis=0) + 1,
        ),
        (
            lambda images: (
                images.filter(ee.Filter.lt("CLOUDS", 6)).merge(images.filter(ee.Filter.gt("CLOUDS", 40))).min()
            ),
            lambda values: values[[0, 1, 3]].min(axis=0) + 1,
        ),
        # A reducer of rows: the slope of twice a band by that band.
        (
            lambda images: (
                images.map(lambda image: image.select(["B2"], ["x"]).addBands(image.select("B2").multiply(2)))
                .reduce(ee.Reducer.linearFit())
                .select(["scale"], ["B2"])
            ),
            lambda values: np.full(values[0].shape, 2.0),
        ),
        # No image that passes is found soon.
        (lambda images: images.filter(ee.Filter.lt("CLOUDS", 1)).mean(), lambda values: values[3] + 1),
    ],
)
def test_a_composite_of_a_grid(endless, pixels, kit, compose, expected):
    asset, values = endless
    got = pixels(compose(collection()).select("B2"), *kit.origin, 20, 20)["B2"]
    np.testing.assert_array_equal(got, expected(values))
    # One list for all bands of a request, and two for a merged collection.
    regions = [region for region, _ in asset.asked if region is not None]
    assert len(regions) == 1 + ("ImageCollection.merge" in compose(collection()).serialize())
    assert regions[0].area < 0.03
    assert compose(collection()).bandNames().getInfo() in (["B2"], ["B2", "B3"])


@pytest.mark.parametrize("compose", [lambda images: images.mean(), lambda images: images.qualityMosaic("B2")])
def test_a_grid_without_images_is_masked(endless, pixels, kit, compose):
    got = pixels(compose(collection()).unmask(-1, False).select("B2"), kit.origin[0] - 50_000, kit.origin[1], 5, 5)[
        "B2"
    ]
    assert (got == -1).all()


def test_bounds_after_a_map_reach_the_asset(endless, kit):
    asset, _ = endless
    place = ee.Geometry.Point(asset.members[0].footprint.centroid.coords[0])
    assert collection().filterBounds(place).size().getInfo() == 4
    assert len([region for region, _ in asset.asked if region is not None]) == 1


def test_counts_need_a_region(endless):
    with pytest.raises(ee.EEException, match=r"reduce\.count: filter by bounds"):
        collection().count().getInfo()
    with pytest.raises(ee.EEException, match="filter by bounds"):
        collection().reduce(ee.Reducer.count()).getInfo()


@pytest.mark.parametrize(
    ("function", "moved"),
    [
        (lambda image: image.translate(-30_000, 0, "meters", "EPSG:32618"), 30_000),
        (lambda image: image.changeProj("EPSG:32618", ee.Projection("EPSG:32618", [1, 0, -90_000, 0, 1, 0])), 90_000),
        (lambda image: image.reduceNeighborhood(ee.Reducer.sum(), wide_kernel(6_000), "kernel", False), 6_000),
    ],
)
def test_images_far_away_that_functions_move_into_the_grid(endless, pixels, kit, function, moved):
    _, values = endless
    images = ee.ImageCollection("TEST/SCENES").select(["B2"]).map(function)
    got = pixels(images.sum(), kit.origin[0] - moved, kit.origin[1], 20, 20)
    np.testing.assert_array_equal(got[got.dtype.names[0]], values.sum(axis=0))


def test_a_reducer_of_two_bands_of_which_one_is_valid_everywhere(endless, pixels, kit):
    _, values = endless
    timed = collection().map(lambda image: image.addBands(ee.Image(image.getNumber("CLOUDS").add(1)).toDouble()))
    fit = timed.filter(ee.Filter.gte("CLOUDS", 0)).select([2, 0]).reduce(ee.Reducer.linearFit())
    got = pixels(fit, *kit.origin, 20, 20)
    slope, offset = np.polyfit([6.0, 51.0, 8.5, 1.0], values.reshape(4, -1) + 1, 1).reshape(2, 20, 20)
    np.testing.assert_allclose(got["scale"], slope, atol=1e-9)
    np.testing.assert_allclose(got["offset"], offset)


def wide_kernel(metres):
    """A kernel that takes the pixel so many metres to the right."""
    return ee.Kernel.fixed(metres // 10 + 1, 1, [[0] * (metres // 10) + [1]], 0, 0)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda image: ee.Image(1), "pixels where its images have none"),
        (lambda image: image.unmask(0, False), "pixels where its images have none"),
        (lambda image: image.translate(-400_000, 0, "meters", "EPSG:32618"), "more than 3 degrees"),
    ],
)
def test_images_that_contribute_everywhere_are_refused(endless, pixels, kit, function, reason):
    images = ee.ImageCollection("TEST/SCENES").select(["B2"]).map(function)
    with pytest.raises(ee.EEException, match=reason):
        pixels(images.sum(), *kit.origin, 2, 2)
