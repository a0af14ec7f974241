"""What composites by season need, against numpy, through the real client: masks, medians, best pixels, steps."""

import ee
import numpy as np

X, Y = 399960.0, 4200000.0
NAMES = [f"2017010{day}T000000_S" for day in (1, 2, 3, 4)]


def stack(local, at=1):
    members = local.assets["TEST/SCENES"].members
    return np.stack([each.bands[at].pixels[:20, :20] for each in members]).astype(float)


def test_a_composite_per_interval_made_by_the_server(local, pixels):
    """Two days each; the third interval has no image, so it has no band."""

    def interval(number):
        start = ee.Date("2017-01-01").advance(ee.Number(number).multiply(2), "day")
        images = ee.ImageCollection("TEST/SCENES").filterDate(start, start.advance(2, "day"))
        return images.select(["B2"]).median().set("system:time_start", start.millis())

    steps = ee.ImageCollection.fromImages(ee.List.sequence(0, 2).map(interval))
    assert steps.toBands().bandNames().getInfo() == ["0_B2", "1_B2"]
    got = pixels(steps.toBands(), X, Y, 20, 20)
    two = stack(local)
    np.testing.assert_array_equal(got["0_B2"], two[:2].mean(axis=0))
    np.testing.assert_array_equal(got["1_B2"], two[2:].mean(axis=0))


def test_masks_of_classes_bits_and_scores(local, pixels):
    two, three = stack(local), stack(local, 2)

    def classes(image):
        code = image.select("B3").mod(12)
        return image.updateMask(code.neq(3).And(code.neq(8)).And(code.neq(9)))

    def bits(image):
        flags = image.select("B3").toUint16()
        return image.updateMask(flags.bitwiseAnd(1 << 10).eq(0).And(flags.bitwiseAnd(1 << 11).eq(0)))

    def score(image):
        return image.updateMask(image.select("B3").divide(5000).gte(0.6))

    code, flags = three % 12, three.astype(int)
    for mask, valid in (
        (classes, (code != 3) & (code != 8) & (code != 9)),
        (bits, (flags & 1 << 10 == 0) & (flags & 1 << 11 == 0)),
        (score, three / 5000 >= 0.6),
    ):
        got = pixels(ee.ImageCollection("TEST/SCENES").map(mask).select("B2").reduce(ee.Reducer.median()), X, Y, 20, 20)
        expected = np.ma.median(np.ma.array(two, mask=~valid), axis=0).filled(0)
        np.testing.assert_array_equal(got["B2_median"], expected)


def test_percentiles_are_those_of_hazen(local, pixels):
    reducer = ee.Reducer.percentile([25, 50, 90])
    got = pixels(ee.ImageCollection("TEST/SCENES").select("B2").reduce(reducer), X, Y, 20, 20)
    for share in (25, 50, 90):
        np.testing.assert_allclose(got[f"B2_p{share}"], np.percentile(stack(local), share, axis=0, method="hazen"))
    masked = ee.ImageCollection("TEST/SCENES").map(lambda each: each.updateMask(each.select("B2").gt(2500)))
    got = pixels(masked.select("B2").reduce(ee.Reducer.percentile([40], ["low"])).unmask(-1), X, Y, 20, 20)["B2_low"]
    two = np.where(stack(local) > 2500, stack(local), np.nan)
    some = ~np.isnan(two).all(axis=0)
    np.testing.assert_allclose(got[some], np.nanpercentile(two[:, some], 40, axis=0, method="hazen"))
    assert (got[~some] == -1).all()


def test_the_least_cloudy_images_in_order(local, pixels):
    images = ee.ImageCollection("TEST/SCENES").filter(ee.Filter.lt("CLOUDS", 20)).limit(2, "CLOUDS")
    assert images.aggregate_array("system:index").getInfo() == [NAMES[3], NAMES[0]]
    got = pixels(images.sort("system:time_start").select("B2").toBands(), X, Y, 20, 20)
    assert got.dtype.names == (f"{NAMES[0]}_B2", f"{NAMES[3]}_B2")
    np.testing.assert_array_equal(got[f"{NAMES[3]}_B2"], stack(local)[3])


def test_bands_of_a_linked_collection(local, pixels, kit):
    scores = [
        kit.Asset(
            f"TEST/SCORES/{each.index}",
            {"system:time_start": each.properties["system:time_start"], "VERSION": 2},
            [kit.Band("cs", each.bands[2].pixels / 5000, kit.utm, each.bands[2].transform)],
            each.footprint,
        )
        for each in local.assets["TEST/SCENES"].members[:3]
    ]
    collection = local.add(kit.Collection("TEST/SCORES", scores))
    linked = ee.ImageCollection("TEST/SCENES").linkCollection(ee.ImageCollection("TEST/SCORES"), ["cs"], ["VERSION"])
    assert linked.size().getInfo() == 4
    assert linked.aggregate_array("VERSION").getInfo() == [2, 2, 2]
    assert collection.asked == [], "an index is looked up, the collection is not listed"
    first = ee.Image(linked.first())
    assert first.bandNames().getInfo() == ["B1", "B2", "B3", "B5", "QA60", "cs"]
    assert first.get("system:index").getInfo() == NAMES[0]
    best = pixels(linked.qualityMosaic("cs").select("B2"), X, Y, 20, 20)["B2"]
    two, three = stack(local)[:3], stack(local, 2)[:3]
    np.testing.assert_array_equal(best, np.take_along_axis(two, three.argmax(axis=0)[None], axis=0)[0])
    last = ee.Image(linked.toList(1, 3).get(0))
    assert (pixels(last.select("cs").unmask(-1), X, Y, 4, 4)["cs"] == -1).all()
    days = ee.ImageCollection("TEST/SCORES").filterDate("2017-01-02", "2017-01-03")
    found = ee.ImageCollection("TEST/SCENES").linkCollection(days, ["cs"], ["VERSION"])
    assert found.filter(ee.Filter.notNull(["VERSION"])).aggregate_array("system:index").getInfo() == [NAMES[1]]
    by_time = ee.ImageCollection("TEST/SCENES").linkCollection(
        ee.ImageCollection("TEST/SCORES"), linkedProperties="VERSION", matchPropertyName="system:time_start"
    )
    assert by_time.aggregate_array("VERSION").getInfo() == [2, 2, 2]
