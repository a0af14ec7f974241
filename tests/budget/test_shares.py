"""Fair shares are the highest level water reaches in vessels of unequal height."""

from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.budget.shares import fair_shares


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
