"""Features as pictures, against rasterio and distances in numpy."""

import ee
import numpy as np
import pytest
from rasterio.features import rasterize
from shapely.geometry import Polygon

pytestmark = pytest.mark.usefixtures("client")

X, Y, CRS = 500_000, 5_000_000, "EPSG:32632"
SIDE = 24
RED, GREEN, BLUE, NONE = (255, 0, 0), (0, 128, 0), (0, 0, 255), (-1, -1, -1)


def place(points):
    """Columns and rows as coordinates."""
    return [[X + 10 * x, Y - 10 * y] for x, y in points]


def polygon(points):
    return ee.Geometry.Polygon([place(points)], CRS, False)


@pytest.fixture
def picture(plot):
    """Asks for a picture: (SIDE, SIDE, bands), -1 where it is masked."""

    def ask(image):
        found = plot.pixels(image.toDouble().unmask(-1, False), SIDE)
        return np.stack([found[name] for name in found.dtype.names], axis=-1)

    return ask


def where(found, colour):
    return (found == colour).all(axis=-1)


CENTRES = np.stack(np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5), axis=-1)
TRIANGLE = [(2, 3), (21, 6), (8, 20)]


def test_areas_and_outlines(picture):
    features = ee.FeatureCollection([polygon(TRIANGLE)])
    found = picture(features.style(color="blue", fillColor="ff0000", width=2))
    inner = rasterize([Polygon(TRIANGLE)], (SIDE, SIDE)) == 1
    # The distance of each centre to the sides.
    corners = np.array([*TRIANGLE, TRIANGLE[0]], float)
    sides = np.diff(corners, axis=0)
    share = np.clip(((CENTRES[..., None, :] - corners[:-1]) * sides).sum(-1) / (sides**2).sum(-1), 0, 1)
    distance = np.hypot(*np.moveaxis(corners[:-1] + share[..., None] * sides - CENTRES[..., None, :], -1, 0)).min(-1)
    edge = distance <= 1
    # Mitred corners reach further than 1 from the triangle.
    ends = np.hypot(*np.moveaxis(CENTRES[..., None, :] - corners, -1, 0)).min(-1) < 4
    np.testing.assert_array_equal(where(found, BLUE)[~ends], edge[~ends])
    np.testing.assert_array_equal(where(found, RED), inner & ~where(found, BLUE))
    assert (found[~inner & ~edge & ~ends] == -1).all()


def test_a_tile_has_the_corner_of_an_outline_that_lies_beyond_it(plot):
    # The tip of a sharp corner reaches further into the right half than the size and the width of the style.
    styled = ee.FeatureCollection([polygon([(1, 11), (8, 12), (1, 13)])]).style(color="blue", width=6)
    image = styled.select("vis-blue").toDouble().unmask(-1, False)
    whole, half = (plot.pixels(image, SIDE - col, SIDE, col)["vis-blue"] for col in (0, 18))
    assert (half == 255).any()
    np.testing.assert_array_equal(half, whole[:, 18:])


def test_a_point_of_size_0_is_not_drawn(picture):
    found = picture(ee.FeatureCollection([ee.Geometry.Point(place([(3, 3)])[0], CRS)]).style(pointSize=0))
    assert (found == -1).all()


def test_points_have_markers(picture):
    point = ee.FeatureCollection([ee.Geometry.Point(place([(12.4, 12.7)])[0], CRS)])
    away = np.abs(CENTRES - [12.4, 12.7])
    disc = picture(point.style(color="red", fillColor="red", pointSize=5, width=0))
    np.testing.assert_array_equal(where(disc, RED), np.hypot(*np.moveaxis(away, -1, 0)) <= 5)
    for name, expected in (
        ("square", away.max(axis=-1) <= 5),
        ("d", away.sum(axis=-1) <= 5),
        ("plus", (away.min(axis=-1) <= 0.5) & (away.max(axis=-1) <= 5.5)),
    ):
        shape = point.style(
            color="red", fillColor="red", pointSize=5, pointShape=name, width=0 if name != "plus" else 1
        )
        np.testing.assert_array_equal(where(picture(shape), RED), expected)


def test_a_property_of_each_feature_has_its_style(picture):
    left, right = (polygon([(x, 2), (x + 8, 2), (x + 8, 20), (x, 20)]) for x in (2, 12))
    features = ee.FeatureCollection([ee.Feature(left, {"s": {"fillColor": "008000", "width": 0}}), ee.Feature(right)])
    found = picture(features.style(color="red", fillColor="blue", width=2, styleProperty="s"))
    assert [where(found, colour)[10, 2:22].sum() for colour in (GREEN, RED, BLUE)] == [8, 4, 6]
    empty = features.style(fillColor="00000000", color="red", width=2)
    assert where(picture(empty), NONE)[10, 4:9].all()


def test_areas_without_a_colour_are_half_transparent(picture):
    features = ee.FeatureCollection([polygon([(4, 4), (20, 4), (20, 20), (4, 20)])])
    mask = picture(features.draw("ff0000").mask())
    np.testing.assert_allclose([mask[12, 12], mask[12, 4], mask[1, 1]], [[0.66] * 3, [1] * 3, [0] * 3], rtol=1e-6)
    twice = features.merge(features).style(color="ff0000", width=0)
    np.testing.assert_allclose(picture(twice.mask())[12, 12], 1 - 0.34**2, rtol=1e-6)
    assert (picture(twice)[12, 12] == RED).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lineType": "dotted"}, "argument 'lineType': .* it draws solid lines"),
        ({"pointShape": "hat"}, "argument 'pointShape': must be one of circle, square, .*; not 'hat'"),
        ({"color": "reddish"}, "colour 'reddish'"),
        ({"width": -1}, "argument 'width'"),
        ({"styleProperty": "s"}, "argument 'styleProperty': 's' must be a dictionary, not 5"),
    ],
)
def test_other_styles_are_refused(options, said, picture):
    features = ee.FeatureCollection([ee.Feature(ee.Geometry.Point(9, 45), {"s": 5})])
    with pytest.raises(ee.EEException, match=f"Collection.style.*{said}"):
        picture(features.style(**options))


@pytest.mark.parametrize(
    ("style", "said"),
    [
        (
            {"colour": "red"},
            r"'styleProperty': unknown key 'colour' \('red'\); the keys are color, pointSize, pointShape",
        ),
        ({"pointShape": ["o"]}, r"'pointShape': must be one of circle, square, .*; not \['o'\]"),
        ({"fillColor": 7}, "'fillColor': must be the text of a colour, not 7"),
        ({"lineType": ["solid"]}, r"'lineType': .* \['solid'\]; it draws solid lines"),
        ({"pointSize": None}, "'pointSize': must be a number of pixels, not None"),
    ],
)
def test_other_styles_of_a_feature_are_refused(style, said, picture):
    features = ee.FeatureCollection([ee.Feature(ee.Geometry.Point(9, 45), {"s": style})])
    with pytest.raises(ee.EEException, match=f"Collection.style.*argument {said}"):
        picture(features.style(styleProperty="s"))
