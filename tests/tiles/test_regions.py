"""Shares: exact to the tile, by all three allocations."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.tiles.regions import NUMBERS, Allocation, Region, allocate, ecoregions, largest_remainder

WEIGHTS = st.lists(st.floats(0, 1e7, allow_nan=False), min_size=1, max_size=40)


@given(st.integers(0, 10**7), WEIGHTS)
def test_shares_add_up_and_each_is_within_one_of_its_quota(number, weights):
    shares = largest_remainder(number, weights)
    assert sum(shares) == number
    total = sum(map(Fraction, weights))
    for share, weight in zip(shares, weights, strict=True):
        quota = Fraction(number * Fraction(weight) / total) if total else Fraction(number, len(weights))
        assert abs(share - quota) < 1


def test_what_is_left_goes_to_the_largest_remainders_and_the_first_of_equal_ones():
    assert largest_remainder(10, [1.0, 1.0, 1.0]) == [4, 3, 3]
    assert largest_remainder(10, [0.55, 0.25, 0.2]) == [6, 2, 2]
    assert largest_remainder(1, [0.2, 0.3, 0.3]) == [0, 1, 0]
    assert largest_remainder(3, [0.0, 0.0]) == [2, 1]
    assert largest_remainder(0, []) == []
    with pytest.raises(ValueError, match="without weights"):
        largest_remainder(1, [])


@pytest.mark.parametrize("allocation", list(Allocation))
@pytest.mark.parametrize("number", [1, 13, 846, 1000, 123_457, 1_400_000])
def test_the_number_asked_for_is_the_number_shared_out(allocation, number):
    assert sum(allocate(number, ecoregions().regions, allocation)) == number


def per_biome(shares):
    counts = Counter()
    for region, share in zip(ecoregions().regions, shares, strict=True):
        counts[region.biome] += share
    return counts


@pytest.mark.parametrize("allocation", [Allocation.BIOME_AREA, Allocation.BIOME_ECOREGION])
def test_biomes_get_equal_shares(allocation):
    counts = per_biome(allocate(100_000, ecoregions().regions, allocation))
    assert len(counts) == 14
    assert max(counts.values()) - min(counts.values()) == 1


def test_within_a_biome_by_area():
    regions = ecoregions().regions
    shares = allocate(1_400_000, regions, Allocation.BIOME_AREA)
    mangroves = [(r.area_km2, s) for r, s in zip(regions, shares, strict=True) if r.biome == "Mangroves"]
    total = sum(area for area, _ in mangroves)
    assert all(abs(share - 100_000 * area / total) < 1 for area, share in mangroves)


def test_equal_within_a_biome_and_equal_among_all():
    regions = ecoregions().regions
    shares = allocate(140_000, regions, Allocation.BIOME_ECOREGION)
    for biome in {region.biome for region in regions}:
        own = [share for region, share in zip(regions, shares, strict=True) if region.biome == biome]
        assert max(own) - min(own) <= 1
    shares = allocate(10_000, regions, Allocation.ECOREGION)
    assert Counter(shares) == {12: 10_000 - 11 * 846, 11: 846 - (10_000 - 11 * 846)}


def test_an_exact_case_by_hand():
    regions = [Region("a", "x", None, 30.0), Region("b", "y", None, 1.0), Region("c", "x", None, 10.0)]
    assert allocate(9, regions, Allocation.BIOME_AREA) == [4, 4, 1]
    assert allocate(9, regions, Allocation.BIOME_ECOREGION) == [3, 4, 2]
    assert allocate(9, regions, Allocation.ECOREGION) == [3, 3, 3]


def test_mmearths_numbers():
    assert NUMBERS == {"0": Allocation.BIOME_AREA, "1": Allocation.BIOME_ECOREGION, "2": Allocation.ECOREGION}
