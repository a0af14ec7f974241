"""Bands, types, masks and composites of images, through the real client."""

import ee
import numpy as np
import pytest

ID = "TEST/SCENES/20170101T000000_S"
X, Y = 399960.0, 4200000.0


@pytest.fixture
def scene(local):
    return ee.Image(ID)


def value(image, pixels):
    """The single pixel of each band at the scene's corner."""
    got = pixels(image, X, Y, 1, 1)
    return {name: got[name].item() for name in got.dtype.names}


def dtypes(image, pixels):
    got = pixels(image, X, Y, 1, 1)
    return {name: got.dtype[name].name for name in got.dtype.names}


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (lambda i: i.select("B2"), ["B2"]),
        (lambda i: i.select("B.*"), ["B1", "B2", "B3", "B5"]),
        (lambda i: i.select([0, -1]), ["B1", "QA60"]),
        (lambda i: i.select(["B2", "B3"], ["a", "b"]), ["a", "b"]),
        (lambda i: i.select(["B2"]).rename("x"), ["x"]),
        (lambda i: i.select("B2").addBands(i.select("B2")), ["B2", "B2_1"]),
        (lambda i: i.select("B2").addBands(i.select("B3").rename("B2"), None, True), ["B2"]),
        (lambda i: i.select("B2").addBands(i, ["B3"]), ["B2", "B3"]),
        (lambda i: ee.Image.cat([i.select("B2"), 1, i.select("B2")]), ["B2", "constant", "B2_1"]),
        (lambda i: i.slice(1, 3), ["B2", "B3"]),
        (lambda i: i.regexpRename("^B", "band"), ["band1", "band2", "band3", "band5", "QA60"]),
        (lambda i: ee.Image([1, 2]), ["constant", "constant_1"]),
        (lambda i: ee.Image.constant([1, 2]), ["constant_0", "constant_1"]),
        (lambda i: ee.Image.pixelLonLat(), ["longitude", "latitude"]),
        (lambda i: i.metadata("CLOUDS"), ["CLOUDS"]),
        (lambda i: i.select(["B2", "B3"]).reduce(ee.Reducer.mean()), ["mean"]),
    ],
)
def test_band_names(scene, build, names):
    assert build(scene).bandNames().getInfo() == names


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda i: i.select("B99"),
            "Image.select: Band pattern 'B99' did not match any bands. Available bands: [B1, B2, B3",
        ),
        (lambda i: i.select("B2").rename("_x"), "Image.rename: Invalid band name: '_x'"),
        (lambda i: i.select(["B2"], ["2020-01-01 10:00"]), "Image.select: Invalid band name: '2020-01-01 10:00'"),
        (
            lambda i: i.visualize(bands=["B2", "B3"], palette=["red"]),
            "Image.visualize: Cannot provide a palette when visualizing more than one band.",
        ),
        (
            lambda i: i.visualize(opacity=0),
            "Image.visualize, argument 'opacity': Scale must be greater than zero and less than or equal to one, but "
            "was 0.0.",
        ),
        (lambda i: i.select(9), "Image.select: Invalid band number (9) specified to select. Input only contains"),
        (lambda i: i.select(["B1"], ["a", "b"]), "Image.select: Can't rename 1 bands to 2 names."),
        (lambda i: i.rename(["a"]), "Image.rename: The number of names (1) must match the number of bands (5)."),
        (
            lambda i: i.projection(),
            "Image.projection: The bands of the specified image contains different projections.",
        ),
        (
            lambda i: i.select(["B1", "B2"]).add(i.select(["B2", "B3", "B5"]).rename(["x", "y", "z"])),
            "Can't match bands",
        ),
        (lambda i: i.metadata("TILE"), "Metadata property 'TILE' is missing or is not a number."),
        (lambda i: i.set("a", 1).medialAxis(), "Image.medialAxis: the local Earth Engine does not implement"),
    ],
)
def test_failures_name_the_function(scene, build, message):
    with pytest.raises(ee.EEException) as caught:
        build(scene).getInfo()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("build", "dtype"),
    [
        (lambda i: i, "uint16"),
        (lambda i: i.add(1), "uint32"),
        (lambda i: i.subtract(1), "int32"),
        (lambda i: i.multiply(0.5), "float64"),
        (lambda i: i.divide(10_000), "float32"),
        (lambda i: i.toFloat().add(1), "float32"),
        (lambda i: i.toDouble().add(1), "float64"),
        (lambda i: i.gt(100), "uint8"),
        (lambda i: i.And(1), "uint8"),
        (lambda i: i.sqrt(), "float32"),
        (lambda i: i.clamp(0, 200), "uint8"),
        (lambda i: i.unmask(-1), "int32"),
        (lambda i: i.unmask(0), "uint16"),
        (lambda i: i.toFloat().unmask(-1), "float32"),
        (lambda i: i.bitwiseAnd(1 << 10), "uint16"),
        (lambda i: i.toUint8(), "uint8"),
        (lambda i: i.toInt8(), "int8"),
        (lambda i: i.short(), "int16"),
        (lambda i: i.uint32(), "uint32"),
        (lambda i: i.long(), "int64"),
        (lambda i: i.cast({"B2": "int8"}), "int8"),
        (lambda i: i.cast({"B2": ee.PixelType.double()}), "float64"),
        (lambda i: i.unitScale(0, 10), "float32"),
        (lambda i: i.where(i.gt(5), 70_000), "uint32"),
        (lambda i: i.resample("bilinear"), "float32"),
        (lambda i: ee.ImageCollection([i, i]).mode(), "uint16"),
        (lambda i: ee.ImageCollection([i, i]).mean(), "float64"),
        (lambda i: ee.ImageCollection([i, i]).count(), "uint8"),
        (lambda i: ee.ImageCollection([i, i.toFloat()]).mosaic(), "float32"),
    ],
)
def test_every_band_comes_in_the_type_that_it_has(scene, pixels, build, dtype):
    image = build(scene.select("B2"))
    assert set(dtypes(image, pixels).values()) == {dtype}
    (kind,) = image.bandTypes().getInfo().values()
    assert kind["type"] == "PixelType"


def test_ranges_follow_from_the_operands(scene):
    kinds = scene.select("B2").divide(10_000).bandTypes().getInfo()
    assert kinds == {"B2": {"type": "PixelType", "precision": "float", "min": 0, "max": 6.5535}}


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: ee.Image(7).divide(2), 3.5),
        (lambda: ee.Image(7).divide(0), 0),
        (lambda: ee.Image(-7).mod(3), -1),
        (lambda: ee.Image(2).pow(3), 8),
        (lambda: ee.Image(2.5).round(), 3),
        (lambda: ee.Image(-2.5).round(), -3),
        (lambda: ee.Image(-1.5).floor(), -2),
        (lambda: ee.Image(70_000).toUint16(), 65_535),
        (lambda: ee.Image(-3).toUint16(), 0),
        (lambda: ee.Image(-3.7).toInt16(), -3),
        (lambda: ee.Image(5).subtract(7), -2),
        (lambda: ee.Image(250).add(10), 260),
        (lambda: ee.Image(65_535).multiply(65_535), 65_535**2),
        (lambda: ee.Image(5).bitwiseAnd(4), 4),
        (lambda: ee.Image(1).leftShift(20), 1 << 20),
        (lambda: ee.Image(0).Not(), 1),
        (lambda: ee.Image(3).eq(3).And(ee.Image(2).lt(1)), 0),
        (lambda: ee.Image(3).max(9).min(5), 5),
        (lambda: ee.Image(-4).abs(), 4),
        (lambda: ee.Image(100).log10(), 2),
        (lambda: ee.Image(5).unitScale(0, 10), 0.5),
        (lambda: ee.Image(3).where(ee.Image(1), 8), 8),
        (lambda: ee.Image(3).where(ee.Image(0), 8), 3),
        (lambda: ee.Image(3).updateMask(0).unmask(9), 9),
        (lambda: ee.Image(3).updateMask(0), 0),
        (lambda: ee.Image(0).selfMask().unmask(4), 4),
        (lambda: ee.Image(3).updateMask(0).mask(), 0),
        (lambda: ee.Image(3).updateMask(0).add(1).unmask(-5), -5),
        (lambda: ee.Image(3).remap([3, 4], [30, 40]), 30),
        (lambda: ee.Image(5).remap([3, 4], [30, 40]).unmask(1), 1),
        (lambda: ee.Image(5).remap([3, 4], [30, 40], 2), 2),
        (lambda: ee.Image(5).blend(ee.Image(6).updateMask(0)), 5),
        (lambda: ee.Image([3, 1]).normalizedDifference(), 0.5),
        (lambda: ee.Image([3, 1]).normalizedDifference().multiply(-1).abs(), 0.5),
    ],
)
def test_pixel_arithmetic(local, pixels, build, expected):
    (got,) = value(build(), pixels).values()
    assert got == pytest.approx(expected)


def test_bands_are_matched_by_name_or_in_order(scene, pixels):
    both = scene.select(["B2", "B3"])
    raw = value(both, pixels)
    swapped = value(both.subtract(scene.select(["B3", "B2"])), pixels)
    assert swapped == {"B2": 0, "B3": 0}
    renamed = value(both.subtract(scene.select(["B3", "B2"], ["x", "y"])), pixels)
    assert renamed == {"B2": raw["B2"] - raw["B3"], "B3": raw["B3"] - raw["B2"]}
    single = value(both.add(scene.select("B2")), pixels)
    assert single == {"B2": raw["B2"] * 2, "B3": raw["B3"] + raw["B2"]}


def test_unmask_stays_in_the_footprint_by_default(scene, pixels):
    band = scene.select("B2")
    outside = (X - 100, Y + 100, 5, 5)
    assert (pixels(band.unmask(7), *outside)["B2"] == 0).all()
    assert (pixels(band.unmask(7, sameFootprint=False), *outside)["B2"] == 7).all()
    inside = pixels(band.updateMask(0).unmask(7), X + 100, Y - 100, 5, 5)["B2"]
    assert (inside == 7).all()


def test_unmask_beyond_the_footprint_unites_it_with_that_of_the_values(scene):
    left, right = ee.Geometry.BBox(0, 0, 2, 1), ee.Geometry.BBox(1, 0, 3, 1)
    filled = ee.Image(1).clip(left).unmask(ee.Image(2).clip(right), sameFootprint=False)
    assert filled.geometry().bounds().coordinates().getInfo() == [[[0, 0], [3, 0], [3, 1], [0, 1], [0, 0]]]
    ones = {"reducer": ee.Reducer.frequencyHistogram(), "crs": "EPSG:4326", "crsTransform": [0.5, 0, 0, 0, 0.5, 0]}
    assert filled.reduceRegion(**ones).getInfo() == {"constant": {"1": 8, "2": 4}}
    assert ee.Image(1).clip(left).unmask(2, False).geometry().isUnbounded().getInfo()


def test_clip_masks_outside(scene, pixels, kit):
    from shapely.geometry import box, mapping

    half = ee.Geometry(mapping(kit.lonlat(box(X, Y - 200, X + 100, Y))))
    got = pixels(scene.select("B2").clip(half), X, Y, 20, 20)["B2"]
    assert got[:, :10].all()
    assert not got[:, 10:].any()


def test_update_mask_with_another_band(local, scene, pixels):
    raw = local.assets[ID].bands
    got = pixels(scene.select("B2").updateMask(scene.select("B3").gt(2500)), X, Y, 30, 30)["B2"]
    np.testing.assert_array_equal(got, np.where(raw[2].pixels[:30, :30] > 2500, raw[1].pixels[:30, :30], 0))


def test_coordinates_are_pyprojs(local, pixels):
    from pyproj import Transformer

    got = pixels(ee.Image.pixelLonLat(), X, Y, 3, 2)
    lon, lat = Transformer.from_crs("EPSG:32618", "EPSG:4326", always_xy=True).transform(X + 25, Y - 15)
    assert got["longitude"][1, 2] == pytest.approx(lon, abs=1e-12)
    assert got["latitude"][1, 2] == pytest.approx(lat, abs=1e-12)
    grid = ee.Projection("EPSG:32618", [20, 0, X, 0, -20, Y])
    cell = pixels(ee.Image.pixelCoordinates(grid), X, Y, 3, 2)
    assert cell["x"].tolist() == [[0.25, 0.75, 1.25]] * 2


def test_reproject_forces_the_grid(local, scene, pixels):
    raw = local.assets[ID].bands[1].pixels
    coarse = scene.select("B2").reproject("EPSG:32618", [30, 0, X, 0, -30, Y])
    got = pixels(coarse, X, Y, 6, 6)["B2"]
    np.testing.assert_array_equal(got, np.kron(raw[1:6:3, 1:6:3], np.ones((3, 3))))
    assert coarse.projection().nominalScale().getInfo() == 30
    assert scene.select("B5").projection().getInfo() == {
        "type": "Projection",
        "crs": "EPSG:32618",
        "transform": [20, 0, 399960, 0, -20, 4200000],
    }


def test_default_projections(scene):
    mean = ee.ImageCollection("TEST/SCENES").select("B2").mean()
    assert mean.projection().getInfo() == {"type": "Projection", "crs": "EPSG:4326", "transform": [1, 0, 0, 0, 1, 0]}
    set_ = mean.setDefaultProjection("EPSG:32618", None, 25)
    assert set_.projection().nominalScale().getInfo() == 25
    assert scene.select("B5").add(1).projection().nominalScale().getInfo() == 20
    assert ee.Image(1).add(scene.select("B5")).projection().nominalScale().getInfo() == 20
