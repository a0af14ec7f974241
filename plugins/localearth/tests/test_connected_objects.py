"""Objects of connected pixels, against a flood fill."""

import ee
import numpy as np
import pytest

SIDE = 20
X, Y = 500_000.0, 5_000_000.0
CRS = "EPSG:32632"


@pytest.fixture
def image(kit, engine):
    random = np.random.default_rng(2)
    values = random.integers(1, 4, (SIDE, SIDE)).astype(np.uint8)
    valid = random.random((SIDE, SIDE)) > 0.1
    extra = random.random((SIDE, SIDE))
    world = kit.World()
    bands = [
        kit.Band(name, pixels, (10.0, 0.0, X, 0.0, -10.0, Y), CRS, valid)
        for name, pixels in (("c", values), ("e", extra))
    ]
    world.add(kit.Asset("T/C", {}, bands, None))
    engine(world)
    return ee.Image("T/C"), values, valid, extra


def box(col=0, row=0, cols=SIDE, rows=SIDE):
    """Whole pixels, as a geometry."""
    corners = [X + 10 * col, Y - 10 * (row + rows), X + 10 * (col + cols), Y - 10 * row]
    return ee.Geometry.Rectangle(corners, CRS, False)


def labels(image, *place):
    """The labels on a grid, and where they are valid."""
    band = image.select("labels")
    filled = band.addBands(band.mask().rename("m")).unmask(0, False).double()
    found = filled.sampleRectangle(box(*place)).getInfo()["properties"]
    return np.asarray(found["labels"]), np.asarray(found["m"]) > 0


def flooded(values, valid, diagonal):
    """A set of pixels for each object."""
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)] + ([(1, 1), (1, -1), (-1, 1), (-1, -1)] if diagonal else [])
    left, found = {tuple(at) for at in np.argwhere(valid)}, []
    while left:
        group, todo = set(), [left.pop()]
        while todo:
            at = todo.pop()
            group.add(at)
            for down, right in steps:
                near = at[0] + down, at[1] + right
                if near in left and values[near] == values[at]:
                    left.remove(near)
                    todo.append(near)
        found.append(group)
    return found


@pytest.mark.parametrize("diagonal", [False, True])
def test_labels_of_objects(image, diagonal):
    band, values, valid, _ = image
    kernel = ee.Kernel.square(1) if diagonal else ee.Kernel.plus(1)
    labelled = band.select("c").connectedComponents(kernel, 9)
    assert labelled.bandNames().getInfo() == ["c", "labels"]
    found, mask = labels(labelled)
    seen = set()
    for group in flooded(values, valid, diagonal):
        here = {int(found[at]) for at in group if mask[at]}
        assert (len(here), here & seen) == (int(len(group) <= 9), set())
        assert len({bool(mask[at]) for at in group}) == 1
        seen |= here
    assert len(seen) > 20
    # Another grid of the same pixels has the same labels.
    part, _ = labels(labelled, 5, 7, 6, 4)
    assert part.tolist() == found[7:11, 5:11].tolist()
    with pytest.raises(ee.EEException, match="does not know whether band 'c' is masked in objects of more than 2"):
        band.select("c").connectedComponents(kernel, 2).select("c").sampleRectangle(box(), defaultValue=0).getInfo()


def test_statistics_of_objects(image):
    band, values, valid, extra = image
    found = band.reduceConnectedComponents(ee.Reducer.mean(), "c", 4)
    assert found.bandNames().getInfo() == ["e"]
    both = band.reduceConnectedComponents(ee.Reducer.minMax(), None, 4)
    assert both.bandNames().getInfo() == ["e_min", "e_max"]
    filled = found.addBands(both).unmask(-1, False).sampleRectangle(box())
    got = {name: np.asarray(value) for name, value in filled.getInfo()["properties"].items()}
    kept = 0
    for group in flooded(values, valid, True):
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
def test_what_is_refused(image, build, message):
    with pytest.raises(ee.EEException, match=message):
        build(image[0]).sampleRectangle(box()).getInfo()
