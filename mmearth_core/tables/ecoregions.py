"""The 846 ecoregions and 14 biomes of the world, with the class numbers of the one-hot layers.

Source: RESOLVE Ecoregions 2017 (Dinerstein et al. 2017, doi:10.1093/biosci/bix014), without 'Rock and Ice'; a class
number is a row's place in the file.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from attrs import field, frozen


@frozen
class EcoRegion:
    """One ecoregion.

    Attributes:
        label: its class number, from 0.
        name: ECO_NAME.
        biome: the class number of its biome.
        realm: REALM.
        area_km2: its area, square kilometres.
    """

    label: int
    name: str
    biome: int
    realm: str
    area_km2: float


@frozen(eq=False)
class EcoRegions:
    """The whole table.

    Attributes:
        biomes: their names (BIOME_NAME) by class number.
        regions: the ecoregions by class number.
    """

    biomes: tuple[str, ...]
    regions: tuple[EcoRegion, ...]
    _named: Mapping[str, tuple[EcoRegion, ...]] = field(init=False)

    @_named.default
    def _by_name(self) -> Mapping[str, tuple[EcoRegion, ...]]:
        named: dict[str, tuple[EcoRegion, ...]] = {}
        for region in self.regions:
            named[region.name] = (*named.get(region.name, ()), region)
        return named

    def biome(self, name: str) -> int | None:
        """The class number of a biome, or None."""
        return self.biomes.index(name) if name in self.biomes else None

    def named(self, name: str) -> tuple[EcoRegion, ...]:
        """The ecoregions of that name: none, one, or several in different biomes."""
        return self._named.get(name, ())


@cache
def ecoregions() -> EcoRegions:
    """The table, read once."""
    content = json.loads((files("mmearth_core.tables") / "ecoregions.json").read_text(encoding="utf-8"))
    regions = (EcoRegion(label, *row) for label, row in enumerate(content["eco_regions"]))
    return EcoRegions(tuple(content["biomes"]), tuple(regions))
