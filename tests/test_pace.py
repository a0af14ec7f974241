"""The pace: halved once a round trip, regained one a round trip, never below one request nor above the most."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.earthengine.retry import AdaptiveLimit


def answered(pace):
    pace.begin()
    pace.rise()


def turned_away(pace):
    return pace.cut(pace.begin())


def test_it_begins_at_the_most_and_stays_there():
    pace = AdaptiveLimit(40)
    for _ in range(100):
        answered(pace)
    assert (pace.limit, pace.cuts) == (40, 0)


def test_all_that_were_under_way_count_as_one_sign():
    pace = AdaptiveLimit(40)
    trips = [pace.begin() for _ in range(40)]
    assert [pace.cut(trip) for trip in trips] == [True] + [False] * 39
    assert pace.limit == 20
    assert turned_away(pace)
    assert pace.cuts == 2


def test_it_is_halved_down_to_one():
    pace = AdaptiveLimit(40)
    limits = []
    for _ in range(8):
        turned_away(pace)
        limits.append(pace.limit)
    assert limits == [20, 10, 5, 2, 1, 1, 1, 1]


def test_what_is_turned_away_brings_nothing_back():
    pace = AdaptiveLimit(40)
    turned_away(pace)
    old = [pace.begin() for _ in range(20)]
    pace.cut(old[0])
    for trip in old[1:]:
        pace.cut(trip)
    assert pace.limit == 10


@given(st.integers(2, 200))
def test_a_round_trip_of_answers_brings_one_back(most):
    pace = AdaptiveLimit(most)
    turned_away(pace)
    while pace.limit < most:
        before = pace.limit
        for _ in range(before + 1):
            answered(pace)
        assert pace.limit in (before, before + 1) or before == 1
        for _ in range(2):
            answered(pace)
        assert pace.limit > before


@given(st.integers(1, 50), st.lists(st.booleans(), max_size=300))
def test_it_stays_within_its_bounds_and_tells_of_every_change(most, signs):
    told = [most]
    pace = AdaptiveLimit(most, told.append)
    for good in signs:
        answered(pace) if good else turned_away(pace)
        assert 1 <= pace.limit <= most
        assert told[-1] == pace.limit
    assert all(one != other for one, other in pairwise(told))
