"""Fair shares are the highest level water reaches in vessels of unequal height."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.budget.shares import fair_shares, slot_rates


@given(st.lists(st.integers(0, 60), max_size=90), st.integers(0, 50))
def test_fair(wants, slots):
    shares = fair_shares(wants, slots)
    assert sum(shares) == min(slots, sum(wants))
    assert all(0 <= share <= want for share, want in zip(shares, wants, strict=True))
    # Nobody who wants more has less than another by more than what cannot be divided.
    hungry = [share for share, want in zip(shares, wants, strict=True) if share < want]
    assert not hungry or max(shares) - min(hungry) <= 1
    # What cannot be divided goes to those who come first.
    assert hungry == sorted(hungry, reverse=True)


def test_examples():
    assert fair_shares([40, 40, 40], 40) == [14, 13, 13]
    assert fair_shares([1, 40, 40], 40) == [1, 20, 19]
    assert fair_shares([5, 5, 5], 2) == [1, 1, 0]


@given(st.one_of(st.integers(1, 500), st.floats(0.1, 500.0)), st.integers(1, 60))
def test_the_rate_goes_with_the_slots_in_whole_requests(per_second, slots):
    rates = slot_rates(per_second, slots)
    assert len(rates) == slots
    if per_second < slots:
        assert sum(rates) == pytest.approx(per_second)
        return
    assert all(rate >= 1 and rate.is_integer() for rate in rates)
    assert max(rates) - min(rates) <= 1
    assert per_second - 1 < sum(rates) <= per_second * (1 + 1e-9)


def test_rates():
    assert slot_rates(100, 40) == [2.0, 3.0] * 20
    assert slot_rates(100, 30)[:3] == [3.0, 3.0, 4.0]
    assert slot_rates(20, 40) == [0.5] * 40
