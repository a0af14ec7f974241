"""Fast paths give the results of the plain computation: cut pixels, frequent classes, snow, octaves of noise."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from localearth.planet.lattice import Lattice, Window
from localearth.planet.noise import octave_key, octaves, plane_noise, turned, value_noise
from localearth.planet.snow import WHITE, coldness, snow_cover
from localearth.planet.world import SyntheticWorld
from localearth.raster.shares import pixel_shares
from localearth.values.reducer import BUILTIN
from mmearth_devkit.testing.needs import needs_planet

NUMBERS = st.floats(-9.0, 9.0)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=8), st.booleans())
def test_pixels_are_cut_as_if_every_one_were(points: list[tuple[float, float]], hole: bool) -> None:
    shape = shapely.convex_hull(shapely.MultiPoint(points))
    if hole:
        shape = shape.difference(shapely.Point(0.3, 0.2).buffer(1.7))
    if not shape.area > 1e-6:
        return
    shapely.prepare(shape)
    left, top = np.meshgrid(np.arange(-10, 11), np.arange(-10, 11))
    share, centre = pixel_shares(shape, left, top, True)
    every = shapely.area(shapely.intersection(shape, shapely.box(left, top, left + 1, top + 1)))
    np.testing.assert_allclose(share, every, atol=1e-9)
    np.testing.assert_array_equal(centre, shapely.intersects_xy(shape, left + 0.5, top + 0.5))


@pytest.mark.parametrize(("kind", "low"), [("uint8", 0), ("int16", -7), ("float64", -7)])
@pytest.mark.parametrize("layers", [1, 60, 700])
def test_the_mode_of_classes_is_the_smallest_of_the_most_frequent(kind: str, low: int, layers: int) -> None:
    made = np.random.default_rng(3)
    values = made.integers(low, low + 9, (layers, 40)).astype(kind)
    values[: layers // 2, :20] = low + 4
    valid = made.random((layers, 40)) < 0.8
    ((found, good),) = BUILTIN["mode"].apply(values, valid, None)
    for column in np.flatnonzero(good):
        classes, counts = np.unique(values[valid[:, column], column], return_counts=True)
        assert found[column] == classes[counts.argmax()]
    np.testing.assert_array_equal(good, valid.any(axis=0))


def test_octaves_of_few_points_are_those_of_many() -> None:
    points = np.random.default_rng(5).uniform(-6e6, 6e6, (3, 9000))
    waves = (900.0, 410.0, 170.0)
    for number, (few, wave) in enumerate(zip(octaves(points[:, :50], waves, 7), waves, strict=True)):
        alone = value_noise(turned(points) if number % 2 else points, wave, octave_key(7, number))
        np.testing.assert_array_equal(few, alone[:50])


@given(st.integers(-2000, 2000), st.integers(-2000, 2000), st.integers(1, 30), st.integers(1, 30))
def test_plane_noise_does_not_depend_on_the_window(row: int, col: int, rows: int, cols: int) -> None:
    whole = plane_noise(Window(-5 + row, -7 + col, 50, 50), 9, 11)
    np.testing.assert_array_equal(plane_noise(Window(row, col, rows, cols), 9, 11), whole[5 : 5 + rows, 7 : 7 + cols])
    assert ((whole >= 0.0) & (whole <= 1.0)).all()


@pytest.mark.slow
@needs_planet
@settings(max_examples=8, deadline=None)
@given(st.integers(1, 365), st.sampled_from([("EPSG:32647", 500_000, 7_320_000), ("EPSG:32633", 450_000, 6_950_000)]))
def test_labels_are_snow_where_snow_covers_most(day: int, place: tuple[str, int, int]) -> None:
    crs, x, y = place
    truth = SyntheticWorld().planet.compute(Lattice(crs, 0.0, 0.0, 10.0), Window(-y // 10, x // 10, 60, 60))
    white = truth.region.swing * coldness(day) < truth.white_below
    snow = snow_cover(truth.region, truth.terrain, truth.cover, day)
    clear_cut = np.abs(snow - WHITE) > 0.01
    np.testing.assert_array_equal(white[clear_cut], (snow > WHITE)[clear_cut])
