"""The surface on a day: every pixel as a mixture of materials, with the season's leaves, crops and snow."""

from typing import TypeVar

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from localearth.planet.clouds import season
from localearth.planet.cover import Cover, Kind
from localearth.planet.hashing import Floats
from localearth.planet.noise import smoothstep
from localearth.planet.snow import snow_cover, today
from localearth.planet.spectra import SPECTRA
from localearth.planet.truth import Truth

MATERIALS = tuple(SPECTRA)
"""The names of the materials, in the order of the first axis of a mixture."""

T = TypeVar("T", bound=np.generic)

_AT = {name: number for number, name in enumerate(MATERIALS)}


@frozen(eq=False)
class Surface:
    """The surface of a patch on one day.

    Attributes:
        mixture: (materials, rows, cols); shares that add up to 1.
        snow: share of the ground under snow, (rows, cols), 0 to 1.
    """

    mixture: Floats
    snow: Floats


def surface(truth: Truth, day_of_year: int) -> Surface:
    """The surface of a window on a day."""
    region, terrain, cover = truth.region, truth.terrain, truth.cover
    phase = season(float(day_of_year), region.swing)
    warm = today(region, terrain, day_of_year)
    # The tropics have wet and dry seasons; elsewhere the ground is a little drier in summer.
    rhythm = np.where(np.abs(region.lat) < 28.0, 0.55, -0.15) * phase
    wet = terrain.moisture * (1.0 + rhythm)
    leaf = smoothstep(4.0, 12.5, warm + 2.0 * (cover.broad - 0.5))
    green = leaf * smoothstep(0.12, 0.85, wet + 0.12 * (cover.patchy - 0.5))
    shape = cover.kind.shape
    mix = np.zeros((len(MATERIALS), cover.kind.size), np.float32)
    for kind, make in _MAKERS.items():
        at = np.flatnonzero(cover.kind == kind)
        if at.size:
            place = _Place(truth, at, green.reshape(-1)[at], leaf.reshape(-1)[at], wet.reshape(-1)[at], day_of_year)
            for name, share in make(place).items():
                mix[_AT[name], at] = share
    snow = snow_cover(region, terrain, cover, day_of_year)
    cover_snow = snow.reshape(-1)
    mix *= 1.0 - cover_snow
    mix[_AT["snow"]] += cover_snow
    return Surface(mix.reshape(-1, *shape), snow)


@frozen(eq=False)
class _Place:
    """Inputs for the mixture of the pixels of one kind, each (n,)."""

    truth: Truth
    at: NDArray[np.int64]
    green: Floats
    leaf: Floats
    wet: Floats
    day: int

    @property
    def cover(self) -> Cover:
        return self.truth.cover

    def of(self, field: NDArray[T]) -> NDArray[T]:
        return field.reshape(-1)[self.at]


Mix = dict[str, Floats]


def _ground(place: _Place) -> tuple[Floats, Floats, Floats]:
    """Shares of soil, sand and rock in bare ground."""
    arid = smoothstep(0.30, 0.05, place.of(place.truth.terrain.moisture))
    rock = smoothstep(200.0, 1100.0, place.of(place.truth.region.rough)) * (0.5 + 0.5 * place.of(place.cover.broad))
    rock += 0.8 * smoothstep(0.55, 0.75, place.of(place.cover.broad) + 0.3 * (place.of(place.cover.patchy) - 0.5))
    rock = np.clip(rock + 0.25 * (place.of(place.cover.patchy) - 0.5), 0.0, 0.95)
    sand = np.clip(arid * (0.6 + 2.4 * (place.of(place.cover.broad) - 0.46)), 0.0, 1.0) * (1.0 - rock)
    return 1.0 - rock - sand, sand, rock


def _plants(place: _Place, living: dict[str, Floats]) -> Mix:
    """A mixture of plants and ground by the density of the plants."""
    dense = place.of(place.cover.dense)
    soil, sand, rock = _ground(place)
    rest = 1.0 - dense
    mix: Mix = {"soil": rest * soil, "sand": rest * sand, "rock": rest * rock}
    for name, share in living.items():
        mix[name] = mix.get(name, 0.0) + dense * share
    return mix


def _trees(place: _Place) -> Mix:
    conifer = place.of(place.cover.conifer)
    tropical = place.of(place.truth.terrain.warmth) > 19.0
    leaf = np.where(tropical, 0.45 + 0.55 * place.green, place.leaf)
    broad = (1.0 - conifer) * leaf
    twigs = (1.0 - conifer) * (1.0 - leaf)
    # The ground under sparse trees is grass, not bare soil.
    dense = place.of(place.cover.dense)
    gap = 1.0 - dense
    return {
        "broadleaf": dense * broad,
        "conifer": dense * (conifer + 0.45 * twigs),
        "soil": dense * 0.25 * twigs + 0.2 * gap,
        "straw": dense * 0.30 * twigs + 0.8 * gap * (1.0 - place.green),
        "grass": 0.8 * gap * place.green,
    }


def _grass(place: _Place) -> Mix:
    green = np.clip(place.green + 0.5 * (place.of(place.cover.patchy) - 0.5), 0.0, 1.0)
    return _plants(place, {"grass": green, "straw": 1.0 - green})


def _flooded(place: _Place) -> Mix:
    wet = 0.22 + 0.3 * (place.of(place.cover.patchy) - 0.45)
    return {"silt": wet, "grass": (1 - wet) * (0.2 + 0.5 * place.green), "conifer": (1 - wet) * 0.25,
            "straw": (1 - wet) * (0.55 - 0.5 * place.green)}  # fmt: skip


def _crops(place: _Place) -> Mix:
    code = place.of(place.cover.code)
    south = place.of(place.truth.region.lat) < 0.0
    warm = place.of(place.truth.terrain.warmth) > 20.0
    pick = (code >> np.uint32(13) & np.uint32(7)).astype(np.int64)
    peak = np.array([135.0, 150.0, 165.0, 195.0, 205.0, 215.0, 225.0, 250.0])[pick]
    peak = np.where(warm, pick * 45.0, peak) + (code >> np.uint32(17) & np.uint32(15))
    day = np.where(south & ~warm, place.day + 182.6, float(place.day))
    gap = (day - peak + 182.6) % 365.25 - 182.6
    wide = 62.0 + 2.0 * (code >> np.uint32(21) & np.uint32(15))
    green = smoothstep(1.0, 0.0, np.abs(gap) / wide)
    green = np.clip(green * 1.25 + 0.10 * (place.of(place.cover.patchy) - 0.5), 0.0, 1.0)
    ripe = (1.0 - green) * smoothstep(0.0, 30.0, gap) * smoothstep(140.0, 70.0, gap)
    bare = 1.0 - green - ripe
    dark = np.clip(
        (code >> np.uint32(25) & np.uint32(15)) * (1 / 15.0) + 0.4 * (place.of(place.cover.broad) - 0.5), 0, 1
    )
    return {"crop": green, "straw": ripe + 0.12 * bare, "soil": bare * (0.43 + 0.45 * dark),
            "sand": bare * 0.20 * (1 - dark), "rock": bare * 0.25 * (1 - dark) }  # fmt: skip


def _shrub(place: _Place) -> Mix:
    return _plants(place, {"conifer": 0.45 + 0.1 * place.green, "grass": 0.25 * place.green,
                          "straw": 0.55 - 0.35 * place.green})  # fmt: skip


def _built(place: _Place) -> Mix:
    lot = place.of(place.cover.lot)
    block = place.of(place.cover.code) * 2.0**-32
    paved = place.of(place.cover.street)
    dense = place.of(place.cover.dense)
    tiled = place.of(place.truth.terrain.warmth) > 6.0
    bright = np.where((lot > 0.86) | (block > 0.93), 0.5, 0.12)
    red = np.where(tiled & (lot < 0.42) & (block < 0.8), 0.55, 0.0)
    garden = 0.30 * (1.0 - dense)
    house = 1.0 - garden
    mix = {
        "roof": house * bright,
        "tile": house * (1.0 - bright) * red,
        "asphalt": house * (1.0 - bright) * (1.0 - red),
        "grass": garden * place.green,
        "straw": garden * (1.0 - place.green),
    }
    street = {"asphalt": 0.94, "roof": 0.06}
    return {name: np.where(paved, street.get(name, 0.0), share) for name, share in mix.items()}


def _bare(place: _Place) -> Mix:
    return _plants(place, {"straw": 1.0 - 0.6 * place.green, "grass": 0.6 * place.green})


def _snow(place: _Place) -> Mix:
    rock = np.clip(0.9 * (place.of(place.cover.patchy) - 0.62), 0.0, 0.3)
    return {"snow": 1.0 - rock, "rock": rock}


def _mangrove(place: _Place) -> Mix:
    share = np.full(place.at.size, 1.0)
    return {"broadleaf": 0.45 * share, "conifer": 0.35 * share, "silt": 0.2 * share}


def _moss(place: _Place) -> Mix:
    patchy = place.of(place.cover.patchy)
    return {"grass": 0.35 * place.leaf, "straw": 0.65 - 0.35 * place.leaf, "rock": 0.35 * patchy,
            "soil": 0.35 * (1.0 - patchy)}  # fmt: skip


def _water(place: _Place) -> Mix:
    near = place.of(place.truth.terrain.shore)
    sea = place.of(place.truth.terrain.sea)
    silt = np.where(sea, 0.75 * smoothstep(0.0, 0.5, near), 0.25 + 0.5 * place.of(place.truth.region.farmed))
    silt = np.clip(silt * (0.35 + 1.1 * place.of(place.cover.broad)) + 0.05 * place.of(place.cover.patchy), 0.0, 0.95)
    return {"silt": silt, "water": 1.0 - silt}


_MAKERS = {
    Kind.WATER: _water,
    Kind.TREES: _trees,
    Kind.GRASS: _grass,
    Kind.FLOODED: _flooded,
    Kind.CROPS: _crops,
    Kind.SHRUB: _shrub,
    Kind.BUILT: _built,
    Kind.BARE: _bare,
    Kind.SNOW: _snow,
    Kind.MANGROVE: _mangrove,
    Kind.MOSS: _moss,
}
