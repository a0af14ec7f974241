"""Random images, random colours and styled layer descriptors."""

import ee
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("client")


@pytest.fixture
def steps(plot):
    """A band `a` with the number of the column."""
    return ee.Image.pixelCoordinates(ee.Projection(plot.crs, list(plot.transform))).select(["x"], ["a"]).floor()


def test_random_numbers_belong_to_the_pixels(plot):
    found = plot.pixels(ee.Image.random(5), 100)["random"]
    assert found.min() >= 0
    assert found.max() < 1
    assert abs(np.histogram(found, 10, (0, 1))[0] - 1000).max() < 150
    assert abs(np.corrcoef(found[:, :-1].ravel(), found[:, 1:].ravel())[0, 1]) < 0.05
    np.testing.assert_array_equal(plot.pixels(ee.Image.random(5), 90, 100, col=10)["random"], found[:, 10:])
    assert (plot.pixels(ee.Image.random(6), 100)["random"] != found).all()
    normal = plot.pixels(ee.Image.random(5, "normal"), 100)["random"]
    assert (abs(normal.mean()) < 0.05, abs(normal.std() - 1) < 0.05) == (True, True)


def test_every_value_has_a_random_colour(plot, steps):
    found = plot.pixels(steps.divide(4).floor().randomVisualizer(), 12, 1)
    assert found.dtype.names == ("viz-red", "viz-green", "viz-blue", "a")
    colours = [tuple(row)[:3] for row in found[0].tolist()]
    assert [len(set(colours[4 * i : 4 * i + 4])) for i in range(3)] == [1, 1, 1]
    assert len(set(colours)) == 3


@pytest.fixture
def sld(plot, steps):
    """Asks for the colours of the pixels 0 to 5 by a document with a ColorMap; -1 where they are masked."""

    def ask(kind, entries):
        rows = "".join(f'<ColorMapEntry color="{color}" quantity="{value}" {more}/>' for color, value, more in entries)
        text = f'<RasterSymbolizer><ColorMap type="{kind}">{rows}</ColorMap></RasterSymbolizer>'
        found = plot.pixels(steps.sldStyle(text).toInt16().unmask(-1, False), 6, 1)
        return list(zip(*(found[name][0].tolist() for name in found.dtype.names), strict=True))

    return ask


RED, GREEN, BLUE, NONE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (-1, -1, -1)
ENTRIES = [("#ff0000", 1, ""), ("green", 3, ""), ("#0000FF", 5, "")]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("intervals", [RED, GREEN, GREEN, BLUE, BLUE, NONE]),
        ("values", [NONE, RED, NONE, GREEN, NONE, BLUE]),
        ("ramp", [RED, RED, (128, 64, 0), GREEN, (0, 64, 128), BLUE]),
    ],
)
def test_a_color_map(sld, kind, expected):
    assert sld(kind, ENTRIES) == expected


def test_an_entry_without_opacity_is_masked(sld):
    assert sld("intervals", [*ENTRIES[:2], ("#0000ff", 5, 'opacity="0"')])[2:5] == [GREEN, NONE, NONE]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<RasterSymbolizer>", "not a valid XML document"),
        ("<a/>", "exactly one RasterSymbolizer"),
        ("<RasterSymbolizer><ContrastEnhancement/></RasterSymbolizer>", "one ColorMap, not ContrastEnhancement"),
        ('<RasterSymbolizer><ColorMap type="x"/></RasterSymbolizer>', "of type ramp, intervals or values"),
    ],
)
def test_other_documents_are_refused(text, said):
    with pytest.raises(ee.EEException, match=f"Image.sldStyle, argument 'sldXml': .*{said}"):
        ee.Image(1).sldStyle(text).getInfo()
