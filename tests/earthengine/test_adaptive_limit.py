"""The adaptive limit: halved or raised by one per round trip, never below one request nor above the maximum."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.earthengine.retry import AdaptiveLimit


def answered(limit):
    limit.start_request()
    limit.increase()


def refused(limit):
    limit.decrease(limit.start_request())


def test_it_starts_at_the_maximum_and_stays_there():
    limit = AdaptiveLimit(40)
    for _ in range(100):
        answered(limit)
    assert (limit.current, limit.decreases) == (40, 0)


def test_all_requests_in_flight_count_as_one_sign():
    limit = AdaptiveLimit(40)
    tickets = [limit.start_request() for _ in range(40)]
    limit.decrease(tickets[0])
    assert (limit.current, limit.decreases) == (20, 1)
    for ticket in tickets[1:]:
        limit.decrease(ticket)
    assert (limit.current, limit.decreases) == (20, 1)
    refused(limit)
    assert (limit.current, limit.decreases) == (10, 2)


def test_it_is_halved_down_to_one():
    limit = AdaptiveLimit(40)
    limits = []
    for _ in range(8):
        refused(limit)
        limits.append(limit.current)
    assert limits == [20, 10, 5, 2, 1, 1, 1, 1]


def test_refused_requests_do_not_raise_it():
    limit = AdaptiveLimit(40)
    refused(limit)
    old = [limit.start_request() for _ in range(20)]
    for ticket in old:
        limit.decrease(ticket)
    assert limit.current == 10


@given(st.integers(2, 200))
def test_a_round_trip_of_answers_raises_it_by_one(maximum):
    limit = AdaptiveLimit(maximum)
    refused(limit)
    while limit.current < maximum:
        before = limit.current
        for _ in range(before + 1):
            answered(limit)
        assert limit.current in (before, before + 1) or before == 1
        for _ in range(2):
            answered(limit)
        assert limit.current > before


@given(st.integers(1, 50), st.lists(st.booleans(), max_size=300))
def test_it_stays_within_its_bounds_and_reports_every_change(maximum, signs):
    reported = [maximum]
    limit = AdaptiveLimit(maximum, reported.append)
    for good in signs:
        answered(limit) if good else refused(limit)
        assert 1 <= limit.current <= maximum
        assert reported[-1] == limit.current
    assert all(one != other for one, other in pairwise(reported))
