"""The table of ecoregions, and how many tiles each region gets."""

import json
from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from functools import cache
from importlib.resources import files

from attrs import frozen


@frozen
class Region:
    """One ecoregion, or a region of a polygon file.

    Attributes:
        name: its name (ECO_NAME).
        biome: the name of its biome (BIOME_NAME).
        realm: the name of its realm (REALM); None if it is unknown.
        area_km2: square kilometres.
    """

    name: str
    biome: str
    realm: str | None
    area_km2: float


@frozen(eq=False)
class EcoRegions:
    """The table of ecoregions.

    Attributes:
        biomes: their names (BIOME_NAME) by class number.
        regions: the 846 ecoregions by class number.
    """

    biomes: tuple[str, ...]
    regions: tuple[Region, ...]

    def biome(self, name: str) -> int | None:
        """The class number of a biome, or None."""
        return self.biomes.index(name) if name in self.biomes else None

    def named(self, name: str) -> tuple[Region, ...]:
        """The ecoregions of that name: none, one, or several in different biomes."""
        return tuple(region for region in self.regions if region.name == name)


@cache
def ecoregions() -> EcoRegions:
    """The table, read once."""
    content = json.loads((files("mmearth_core.tiles") / "ecoregions.json").read_text(encoding="utf-8"))
    biomes = tuple(content["biomes"])
    return EcoRegions(biomes, tuple(Region(name, biomes[biome], *row) for name, biome, *row in content["eco_regions"]))


LEFT_OUT = "Rock and Ice"
"""RESOLVE's name for land that belongs to no ecoregion; never sampled."""


def realm_of(name: str, biome: str) -> str | None:
    """The realm of an ecoregion of the table; None if there is no such one."""
    found = [region.realm for region in ecoregions().named(name) if region.biome == biome]
    return found[0] if len(found) == 1 else None


class Allocation(StrEnum):
    """How tiles are allocated to regions.

    Attributes:
        BIOME_AREA: equal per biome; within a biome proportional to the area of the ecoregion. MMEarth's 0.
        BIOME_ECOREGION: equal per biome; within a biome equal per ecoregion. MMEarth's 1.
        ECOREGION: equal per ecoregion. MMEarth's 2.
    """

    BIOME_AREA = "biome-area"
    BIOME_ECOREGION = "biome-ecoregion"
    ECOREGION = "ecoregion"


NUMBERS = {"0": Allocation.BIOME_AREA, "1": Allocation.BIOME_ECOREGION, "2": Allocation.ECOREGION}
"""MMEarth's numbers for the allocations."""


def largest_remainder(number: int, weights: Sequence[float | Fraction]) -> list[int]:
    """Whole shares that add up to `number`, each less than one off its exact share.

    Each gets the whole part of `number * weight / sum of weights`. The rest goes, one each, to those with the largest
    remainders, and among equal ones to the first. Fractions make this exact: rounding never decides.

    Args:
        number: the sum of the shares.
        weights: not negative; if all are zero, they count as equal.

    Raises:
        ValueError: when there are no weights and `number` is not 0.
    """
    if number and not weights:
        raise ValueError(f"{number} cannot be allocated without weights")
    exact = [Fraction(weight) for weight in weights]
    total = sum(exact)
    if not total:
        exact, total = [Fraction(1)] * len(exact), Fraction(len(exact))
    quotas = [number * weight / total for weight in exact]
    shares = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda position: shares[position] - quotas[position])
    for position in by_remainder[: number - sum(shares)]:
        shares[position] += 1
    return shares


def allocate(number: int, regions: Sequence[Region], allocation: Allocation) -> list[int]:
    """How many tiles each region gets; they add up to `number`.

    Biomes get their shares first, in the order in which they occur in the regions, then each biome's regions.

    Args:
        number: number of tiles.
        regions: the regions.
        allocation: the rule.
    """
    if allocation is Allocation.ECOREGION:
        return largest_remainder(number, [1] * len(regions))
    biomes: dict[str, list[int]] = {}
    for position, region in enumerate(regions):
        biomes.setdefault(region.biome, []).append(position)
    shares = [0] * len(regions)
    for part, positions in zip(largest_remainder(number, [1] * len(biomes)), biomes.values(), strict=True):
        weights = [regions[position].area_km2 if allocation is Allocation.BIOME_AREA else 1 for position in positions]
        for position, share in zip(positions, largest_remainder(part, weights), strict=True):
            shares[position] = share
    return shares
