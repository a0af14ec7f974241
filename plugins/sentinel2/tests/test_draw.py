"""The draw against its rule, implemented again with Python's own generator."""

import hashlib
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmearth_sentinel2.draw import TABLE, draw

YEARS = [2017, 2018, 2019, 2020]
degrees = st.one_of(st.floats(-180, 180, allow_nan=False), st.integers(-180, 180).map(float))


def by_the_rule(lat, lon):
    """The generator after year and product, as the published dataset draws it: from JSON, where 70.0 is 70."""
    lat, lon = json.loads(json.dumps([int(number) if number == int(number) else number for number in (lat, lon)]))
    seed = int(hashlib.sha256(f"{lat}_{lon}".encode()).hexdigest(), 16) % 10**5
    generator = random.Random(seed)
    return generator.randint(2017, 2020), generator.randint(0, 1), generator


@given(lat=degrees, lon=degrees)
def test_year_and_product_follow_the_rule(lat, lon):
    year, product, _ = by_the_rule(lat, lon)
    drawn = draw(lat, lon, YEARS)
    assert (drawn.year, drawn.l1c_only) == (year, product == 1)


@settings(max_examples=20)
@given(lat=degrees, lon=degrees)
def test_the_table_holds_what_the_generator_draws_for_every_size(lat, lon):
    drawn = draw(lat, lon, YEARS)
    table = drawn.table()
    assert len(table) == TABLE + 1
    assert table[0] == 0, "an empty collection must not fail its batch"
    for size in range(1, TABLE + 1):
        _, _, generator = by_the_rule(lat, lon)
        assert table[size] == generator.randint(0, size - 1)


@given(lat=degrees, lon=degrees, size=st.integers(1, 5000))
def test_any_size_can_be_drawn_from(lat, lon, size):
    _, _, generator = by_the_rule(lat, lon)
    assert draw(lat, lon, YEARS).pick(size) == generator.randint(0, size - 1)


def test_pinned_draws_stay_as_they_are():
    # Whoever changes these changes which image every published tile gets.
    drawn = draw(37.69, -75.62, YEARS)
    assert (drawn.seed, drawn.year, drawn.l1c_only) == (18726, 2019, True)
    assert [drawn.pick(size) for size in (1, 2, 10, 100, 512, 513)] == [0, 0, 8, 70, 239, 239]


@pytest.mark.parametrize(("lat", "lon", "text"), [(70.0, -12.5, "70_-12.5"), (70, 25, "70_25"), (-0.0, 8.0, "0_8")])
def test_integral_coordinates_are_hashed_without_a_fraction(lat, lon, text):
    assert draw(lat, lon, YEARS).seed == int(hashlib.sha256(text.encode()).hexdigest(), 16) % 10**5


def test_other_years_can_be_drawn():
    years = {draw(lat / 7, lat / 3, [2021, 2022]).year for lat in range(50)}
    assert years == {2021, 2022}
