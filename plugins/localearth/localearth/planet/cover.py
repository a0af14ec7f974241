"""The cover: which of eleven kinds of surface a pixel has, from climate, relief, fields and towns; and its height."""

from enum import IntEnum

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.planet.fields import noise_of
from localearth.planet.hashing import Floats, salt
from localearth.planet.lattice import Patch
from localearth.planet.noise import smoothstep
from localearth.planet.region import Region
from localearth.planet.survey import Parcels, parcels
from localearth.planet.terrain import Terrain
from localearth.planet.towns import Streets, Towns


class Kind(IntEnum):
    """Kinds of surface; the first nine are Dynamic World's labels."""

    WATER = 0
    TREES = 1
    GRASS = 2
    FLOODED = 3
    CROPS = 4
    SHRUB = 5
    BUILT = 6
    BARE = 7
    SNOW = 8
    MANGROVE = 9
    MOSS = 10


@frozen(eq=False)
class Cover:
    """The surface of a patch; all (rows, cols).

    Attributes:
        kind: a `Kind`, uint8.
        dense: share of the ground under plants (or, if built, houses), 0 to 1.
        conifer: share of conifers among the trees, 0 to 1.
        patchy: a smooth random field with a wavelength of some tens of metres, 0 to 1.
        broad: a smooth random field with a wavelength of some hundreds of metres, 0 to 1.
        code: a random word per field or block.
        street: True on a street.
        lot: a random number per house and garden.
        summer: mean temperature of the warmest month, degrees Celsius.
    """

    kind: NDArray[np.uint8]
    dense: Floats
    conifer: Floats
    patchy: Floats
    broad: Floats
    code: NDArray[np.uint32]
    street: NDArray[np.bool_]
    lot: Floats
    summer: Floats

    @property
    def own(self) -> Floats:
        """The random number of the field or block, in [0, 1)."""
        return self.code * 2.0**-32


class Covers:
    """Generates the cover for one seed."""

    def __init__(self, seed: int, towns: Towns) -> None:
        self.seed = seed
        self._towns = towns

    def at(self, patch: Patch, region: Region, terrain: Terrain) -> Cover:
        """The cover of a patch, given its region and terrain at the pixels."""
        broad = noise_of(patch, (2300.0, 1020.0, 470.0), self._key("broad"))
        patchy = noise_of(patch, (210.0, 96.0, 43.0), self._key("patchy"))
        summer = terrain.warmth + np.abs(region.swing)
        kind, dense = self._wild(region, terrain, broad, patchy, summer)
        lon, lat = patch.lonlat
        # Conifers prefer cold places and, slightly, the coast; noise mixes them with broadleaf trees.
        conifer = smoothstep(
            11.0,
            2.0,
            terrain.warmth + 16.0 * (broad - 0.5) + 5.0 * (patchy - 0.5) - 1.5 * smoothstep(1.2, 0.5, region.inland),
        )
        regular = noise_of(patch, (1500e3,), self._key("regular"))
        code = np.zeros(kind.shape, np.uint32)
        taken = self._arable(region, terrain, summer)
        if (taken > 0.0).any():
            fields = parcels(lon, lat, regular, self.seed)
            code = self._farm(kind, dense, terrain, fields, taken, patchy)
        streets = self._towns.at(lon, lat, broad)
        self._build(kind, dense, terrain, streets)
        code = np.where(kind == Kind.BUILT, streets.block, code)
        self._drown(kind, dense, terrain, broad, patchy)
        street = streets.street & (kind == Kind.BUILT)
        return Cover(kind, dense, conifer, patchy, broad, code, street, streets.lot, summer)

    def _wild(
        self, region: Region, terrain: Terrain, broad: Floats, patchy: Floats, summer: Floats
    ) -> tuple[NDArray[np.uint8], Floats]:
        """The natural vegetation."""
        moist = terrain.moisture * (0.72 + 0.56 * broad)
        trees = smoothstep(0.42, 1.05, moist) * smoothstep(9.3, 12.2, summer + 5.0 * (broad - 0.5))
        # A closed forest has few gaps, a savanna few trees: the density is compared with noise of 40 m to 200 m.
        gaps = 0.62 * patchy + 0.38 * broad
        is_tree = trees > 0.16 + 0.9 * smoothstep(0.26, 0.74, gaps)
        kind = np.full(broad.shape, Kind.GRASS, np.uint8)
        dry = moist + 0.10 * (patchy - 0.5)
        shrub = (dry < 0.62) & (gaps > 0.52 - 0.14 * smoothstep(0.5, 0.25, dry)) & (summer > 7.0)
        kind[shrub | ((summer > 7.5) & (summer < 11.0) & (gaps > 0.53))] = Kind.SHRUB
        kind[(summer < 9.0) & (gaps < 0.49) & (moist > 0.3)] = Kind.MOSS
        kind[is_tree] = Kind.TREES
        rocky = smoothstep(500.0, 2200.0, region.rough) * region.crest
        barren = (dry < 0.19 + 0.10 * (gaps - 0.5)) | (summer + 6.0 * (gaps - 0.5) < 4.3)
        barren |= (rocky > 0.42 + 0.5 * (patchy - 0.35)) & ~is_tree
        kind[barren] = Kind.BARE
        frozen_over = summer + 3.0 * (broad - 0.5) < 1.6
        kind[frozen_over] = Kind.SNOW
        dense = np.clip(0.25 + 0.75 * smoothstep(0.1, 0.9, moist) + 0.5 * (patchy - 0.5), 0.08, 1.0)
        dense = np.where(is_tree, np.clip(0.45 + 0.6 * trees + 0.5 * (patchy - 0.5), 0.3, 1.0), dense)
        dense = np.where(barren, 0.5 * smoothstep(0.05, 0.24, dry) * patchy, dense)
        return kind, np.where(frozen_over, 0.0, dense)

    def _arable(self, region: Region, terrain: Terrain, summer: Floats) -> Floats:
        """The share of tilled fields, 0 to 1."""
        moist = terrain.moisture
        suits = np.maximum(smoothstep(0.22, 0.5, moist), 0.9 * smoothstep(0.72, 0.95, region.farmed))
        suits *= smoothstep(12.5, 16.0, summer) * smoothstep(620.0, 260.0, region.rough)
        # The wettest tropics stay forest.
        suits *= 1.0 - 0.55 * smoothstep(1.5, 2.3, moist)
        result: Floats = suits * region.farmed * smoothstep(-0.05, 0.6, region.farmed) * 1.12
        return result

    def _farm(
        self, kind: NDArray[np.uint8], dense: Floats, terrain: Terrain, fields: Parcels, taken: Floats, patchy: Floats
    ) -> NDArray[np.uint32]:
        """Adds fields, pastures and woodlots to kind and dense; returns the word of each farmed field."""
        moist = terrain.moisture
        arid = moist < 0.42
        farmed = (fields.code * 2.0**-32 < taken) & (~arid | (fields.pivot < 0.0) | (fields.pivot > 500.0))
        use = (fields.code & np.uint32(1023)) * (1.0 / 1023.0)
        crop = farmed & (use < np.where(arid, 1.0, 0.74))
        pasture = farmed & ~crop & (use < 0.89)
        hedge = farmed & (fields.edge < 7.0) & ((fields.code >> np.uint32(10) & np.uint32(7)) < 3) & (patchy > 0.4)
        track = farmed & (fields.edge < 6.0) & ~hedge
        kind[crop] = Kind.CROPS
        kind[pasture | track] = Kind.GRASS
        wood = (farmed & ~crop & ~pasture) | hedge
        kind[wood & (moist > 0.4)] = Kind.TREES
        dense[crop] = 1.0
        dense[pasture] = 0.85
        dense[wood] = np.clip(0.75 + 0.5 * (patchy[wood] - 0.5), 0.4, 1.0)
        dense[track] = 0.35
        return np.where(farmed, fields.code, np.uint32(0))

    def _build(self, kind: NDArray[np.uint8], dense: Floats, terrain: Terrain, streets: Streets) -> None:
        """Adds towns to kind and dense."""
        core = streets.density
        share = streets.block * 2.0**-32
        # Blocks are denser towards the centre; a few are parks.
        block = (share < 0.35 + 2.6 * core) & (share > 0.05)
        built = (core > 0.0) & (block | (streets.street & (core > 0.06)))
        garden = built & ~streets.street & (streets.lot > 0.62 + 0.5 * core)
        park = (core > 0.12) & ~built
        grown = np.where(terrain.moisture > 0.35, Kind.TREES, Kind.BARE).astype(np.uint8)
        kind[park] = np.where(streets.lot[park] < 0.5, Kind.GRASS, grown[park])
        kind[garden] = np.where(streets.lot[garden] > 0.86, grown[garden], Kind.GRASS)
        built &= ~garden
        kind[built] = Kind.BUILT
        dense[built] = np.clip(0.55 + core[built], 0.0, 1.0)

    def _drown(self, kind: NDArray[np.uint8], dense: Floats, terrain: Terrain, broad: Floats, patchy: Floats) -> None:
        """Adds wetlands, mangroves, beaches and water to kind and dense."""
        coast = (terrain.shore > 0.5) & (terrain.shore < 0.93)
        low = np.maximum(terrain.bank, smoothstep(0.85, 0.55, terrain.shore))
        marsh = (low > 0.35) & (broad > 0.5) & (patchy > 0.44) & (terrain.moisture > 0.55)
        marsh &= (kind != Kind.BUILT) & (kind != Kind.SNOW) & (kind != Kind.MOSS)
        kind[marsh] = Kind.FLOODED
        dense[marsh] = 0.75
        mangrove = coast & (terrain.warmth > 21.0) & (broad > 0.47) & (terrain.shore < 0.8) & (kind != Kind.BUILT)
        mangrove &= terrain.moisture > 0.3
        kind[mangrove] = Kind.MANGROVE
        dense[mangrove] = 0.9
        beach = (terrain.shore > 0.5) & (terrain.shore < 0.545 + 0.07 * (broad - 0.5)) & ~mangrove
        kind[beach & (kind != Kind.SNOW)] = Kind.BARE
        dense[beach] = 0.05
        frozen_sea = terrain.water & (kind == Kind.SNOW) & ~terrain.sea
        kind[terrain.water & ~frozen_sea] = Kind.WATER
        dense[terrain.water] = 0.0

    def _key(self, layer: str) -> int:
        return salt(self.seed, "cover", layer)


def canopy(terrain: Terrain, cover: Cover) -> Floats:
    """Height of the vegetation, metres, (rows, cols)."""
    tall = 9.0 + 19.0 * smoothstep(-4.0, 14.0, terrain.warmth) + 9.0 * smoothstep(18.0, 25.0, terrain.warmth)
    tall *= smoothstep(0.1, 1.2, terrain.moisture) * 0.5 + 0.5
    trees = tall * (0.35 + 0.65 * cover.dense) * (0.75 + 0.5 * cover.patchy) * (0.8 + 0.4 * cover.broad)
    height = np.zeros(trees.shape, np.float32)
    for kind, grown in (
        (Kind.TREES, np.maximum(trees, 4.0)),
        (Kind.MANGROVE, np.maximum(0.45 * trees, 3.0)),
        (Kind.SHRUB, 3.0 * cover.dense * cover.patchy),
    ):
        np.copyto(height, grown, where=cover.kind == kind, casting="same_kind")
    return height
