"""A region: what tiles are shared out among."""

from attrs import frozen

from mmearth_core.tables.ecoregions import ecoregions

LEFT_OUT = "Rock and Ice"
"""RESOLVE's name for land that belongs to no ecoregion; never sampled."""


@frozen
class Region:
    """One ecoregion, or whatever a polygon file calls so.

    Attributes:
        name: of the ecoregion.
        biome: the name of its biome.
        realm: the name of its realm; None where it is not known.
        area_km2: square kilometres.
    """

    name: str
    biome: str
    realm: str | None
    area_km2: float


def known_regions() -> tuple[Region, ...]:
    """The 846 ecoregions of the project's table, in its order."""
    table = ecoregions()
    return tuple(Region(each.name, table.biomes[each.biome], each.realm, each.area_km2) for each in table.regions)


def realm_of(name: str, biome: str) -> str | None:
    """The realm of an ecoregion in the project's table; None when it is not there."""
    table = ecoregions()
    found = [each.realm for each in table.named(name) if table.biomes[each.biome] == biome]
    return found[0] if len(found) == 1 else None
