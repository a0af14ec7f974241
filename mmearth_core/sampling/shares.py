"""Shares a number of tiles out among regions: three ways, exact to the tile."""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction

from mmearth_core.sampling.region import Region


class Way(StrEnum):
    """How tiles are shared out."""

    BIOME_AREA = "biome-area"
    """Equal per biome; within a biome by the area of its ecoregions. MMEarth's 0."""
    BIOME_ECOREGION = "biome-ecoregion"
    """Equal per biome; within a biome equal per ecoregion. MMEarth's 1."""
    ECOREGION = "ecoregion"
    """Equal per ecoregion. MMEarth's 2."""


NUMBERS = {"0": Way.BIOME_AREA, "1": Way.BIOME_ECOREGION, "2": Way.ECOREGION}
"""MMEarth's numbers for them."""


def largest_remainder(number: int, weights: Sequence[float | Fraction]) -> list[int]:
    """Whole shares that add up to `number`, each within one of its exact share.

    Each gets the whole part of `number * weight / sum of weights`; what is left goes, one each, to those
    with the largest remainders, the first of equal ones. Exact arithmetic: no rounding decides.

    Args:
        number: what is shared out.
        weights: not negative; all zero counts as all equal.

    Raises:
        ValueError: when there is something to share and no one to get it.
    """
    if not weights:
        if number:
            raise ValueError(f"{number} cannot be shared among none")
        return []
    exact = [Fraction(weight) for weight in weights]
    total = sum(exact)
    if not total:
        exact, total = [Fraction(1)] * len(exact), Fraction(len(exact))
    quotas = [number * weight / total for weight in exact]
    shares = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda place: shares[place] - quotas[place])
    for place in by_remainder[: number - sum(shares)]:
        shares[place] += 1
    return shares


def share_out(number: int, regions: Sequence[Region], way: Way) -> list[int]:
    """How many tiles each region gets; they add up to `number`.

    Biomes get their shares first, in the order in which the regions name them, then each biome's regions.

    Args:
        number: tiles in all.
        regions: who may get some.
        way: the rule.
    """
    if way is Way.ECOREGION:
        return largest_remainder(number, [1] * len(regions))
    biomes: dict[str, list[int]] = {}
    for place, region in enumerate(regions):
        biomes.setdefault(region.biome, []).append(place)
    shares = [0] * len(regions)
    for part, places in zip(largest_remainder(number, [1] * len(biomes)), biomes.values(), strict=True):
        weights = [regions[place].area_km2 if way is Way.BIOME_AREA else 1 for place in places]
        for place, share in zip(places, largest_remainder(part, weights), strict=True):
            shares[place] = share
    return shares
