"""Objects of connected pixels, against a flood fill."""

import ee
import numpy as np
import pytest

SIDE = 20


@pytest.fixture
def image(plot):
    random = np.random.default_rng(2)
    values = random.integers(1, 4, (SIDE, SIDE)).astype(np.uint8)
    valid = random.random((SIDE, SIDE)) > 0.1
    extra = random.random((SIDE, SIDE))
    return plot.image(("c", values, valid), ("e", extra, valid)), values, valid, extra


@pytest.mark.parametrize("diagonal", [False, True])
def test_labels_of_objects(segments, plot, image, diagonal):
    band, values, valid, _ = image
    kernel = ee.Kernel.square(1) if diagonal else ee.Kernel.plus(1)
    labelled = band.select("c").connectedComponents(kernel, 9)
    assert labelled.bandNames().getInfo() == ["c", "labels"]
    masked = labelled.select("labels").addBands(labelled.select("labels").mask().rename("m"))
    pixels = plot.pixels(masked, SIDE)
    found, mask = pixels["labels"], pixels["m"] > 0
    seen = set()
    for group in segments(values, valid, diagonal):
        here = {int(found[at]) for at in group if mask[at]}
        assert (len(here), here & seen) == (int(len(group) <= 9), set())
        assert len({bool(mask[at]) for at in group}) == 1
        seen |= here
    assert len(seen) > 20
    # Another grid of the same pixels has the same labels.
    part = plot.pixels(labelled.select("labels"), 6, 4, 5, 7)["labels"]
    assert part.tolist() == found[7:11, 5:11].tolist()
    with pytest.raises(ee.EEException, match="does not know whether band 'c' is masked in objects of more than 2"):
        plot.pixels(band.select("c").connectedComponents(kernel, 2).select("c"), SIDE)


def test_statistics_of_objects(segments, plot, image):
    band, values, valid, extra = image
    found = band.reduceConnectedComponents(ee.Reducer.mean(), "c", 4)
    assert found.bandNames().getInfo() == ["e"]
    both = band.reduceConnectedComponents(ee.Reducer.minMax(), None, 4)
    assert both.bandNames().getInfo() == ["e_min", "e_max"]
    got = plot.pixels(found.addBands(both).unmask(-1, False), SIDE)
    kept = 0
    for group in segments(values, valid, True):
        inside = [extra[at] for at in group]
        fits = all(np.ptp([at[axis] for at in group]) < 4 for axis in (0, 1))
        kept += fits
        expected = (np.mean(inside), min(inside), max(inside)) if fits else (-1, -1, -1)
        for at in group:
            assert np.allclose([got[name][at] for name in ("e", "e_min", "e_max")], expected)
    assert kept > 10
    assert (got["e"][~valid] == -1).all()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda image: image.connectedComponents(ee.Kernel.circle(2), 9), "argument 'connectedness'"),
        (lambda image: image.connectedComponents(ee.Kernel.plus(1), 2000), "must be from 1 to 1024, not 2000"),
        (lambda image: image.reduceConnectedComponents(ee.Reducer.toList()), "argument 'reducer'"),
        (
            lambda image: image.reduceConnectedComponents(ee.Reducer.sum(), "x"),
            "No band named 'x'",
        ),
    ],
)
def test_what_is_refused(plot, image, build, message):
    with pytest.raises(ee.EEException, match=message):
        plot.pixels(build(image[0]), SIDE)
