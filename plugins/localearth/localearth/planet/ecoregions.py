"""Ecoregions: the 846 regions of RESOLVE's map, as polygons that divide the land without overlaps.

Names, biomes, realms and areas are RESOLVE's; the locations are invented. Each region grows around a seed point in its
realm where the climate suits its biome, with a weight that is adjusted until its area is close to the real one. The
smallest regions are then placed as single cells. Land outside all regions (ice) belongs to none.
"""

import threading
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from localearth.planet.hashing import Floats, hash_words, salt, uniform
from localearth.planet.lattice import RADIUS, on_sphere
from localearth.planet.noise import fbm
from localearth.planet.realms import BIOMES, REALMS, biome_costs, realm_of
from localearth.planet.truth import Planet
from localearth.worlds.base import FeatureRecord

ID = "RESOLVE/ECOREGIONS/2017"

CELL = 0.125
"""Size of a cell of the final map, degrees: that of the land mask's coarse cells."""

COARSE = 4
"""Cells of the final map along one side of a cell in which regions grow."""

ICE = -14.0
"""Land with a lower annual mean temperature, degrees Celsius, belongs to no region."""

_ROUNDS = 25


@frozen
class Entry:
    """One ecoregion of RESOLVE: its number in this list, name, biome (from 1), realm, and area (km2)."""

    number: int
    name: str
    biome: int
    realm: str
    area: float


def entries() -> list[Entry]:
    """The 846 ecoregions, by number."""
    found: list[Entry] = []
    realm, biome = "", 0
    for line in files(__package__).joinpath("ecoregions.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            realm, _, text = line.strip("[]").partition(" | ")
            biome = int(text)
        else:
            number, area, name = line.split(" ", 2)
            found.append(Entry(int(number), name, biome, realm, float(area)))
    return sorted(found, key=lambda entry: entry.number)


class Ecoregions:
    """The table; see `TableAsset`. Its polygons are computed on first use (some seconds).

    Attributes:
        id: the asset id.
        properties: the properties of the table.
    """

    def __init__(self, planet: Planet) -> None:
        self.id = ID
        self.properties: Mapping[str, Any] = {"title": "Synthetic ecoregions with RESOLVE's names"}
        self._planet = planet
        self._records: list[FeatureRecord] | None = None
        self._lock = threading.Lock()

    def features(self, region: BaseGeometry | None = None) -> Sequence[FeatureRecord]:
        """The regions by number; only those that intersect `region` if one is given."""
        with self._lock:
            if self._records is None:
                self._records = _records(label_map(self._planet))
        if region is None:
            return self._records
        return [record for record in self._records if record.geometry.intersects(region)]


def label_map(planet: Planet) -> NDArray[np.int16]:
    """The ecoregion of each cell, (1440, 2880); -1 on sea and ice."""
    fine_land = planet.mask.coarse >= 113
    some_land = planet.mask.coarse >= 20
    rows, cols = (side // COARSE for side in fine_land.shape)
    lon, lat = np.meshgrid(
        -180.0 + (np.arange(cols) + 0.5) * CELL * COARSE, 90.0 - (np.arange(rows) + 0.5) * CELL * COARSE
    )
    points = on_sphere(lon, lat)
    near = _widened(np.asarray(some_land.reshape(rows, COARSE, cols, COARSE).any(axis=(1, 3))))
    realm, table = realm_of(lon, lat), entries()
    labels = np.full((rows, cols), -1, np.int16)
    fine = np.full(fine_land.shape, -1, np.int16)
    seeds = np.zeros((len(table), 3))
    land_share = fine_land.reshape(rows, COARSE, cols, COARSE).mean(axis=(1, 3))
    size = np.cos(np.radians(lat)) * (np.radians(CELL * COARSE) * RADIUS / 1000.0) ** 2 * land_share
    for number, name in enumerate(REALMS):
        members = [entry for entry in table if entry.realm == name]
        at = np.nonzero(near & (realm == number))
        place = points[:, at[0], at[1]]
        region = planet.regions.at(place, lon[at], lat[at])
        costs = biome_costs(region)
        warm = region.mean - 0.0062 * region.coarse_elevation > ICE
        chosen, found = _grow(members, place, costs, size[at], planet.seed)
        # Antarctica's regions are the few areas without ice: they are placed around their seeds below.
        labels[at] = np.where(warm & (name != "Antarctica"), chosen, -1)
        for entry, seed in zip(members, found, strict=True):
            seeds[entry.number] = seed
    _refine(fine, labels, fine_land, planet.seed)
    _complete(fine, table, seeds, planet.mask.coarse)
    return fine


def _widened(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wide = np.pad(cells, ((1, 1), (0, 0)))
    wide = wide[:-2] | wide[1:-1] | wide[2:]
    return wide | np.roll(wide, 1, axis=1) | np.roll(wide, -1, axis=1)


def _grow(
    members: list[Entry], place: Floats, costs: Floats, size: Floats, seed: int
) -> tuple[NDArray[np.int16], Floats]:
    """Divides the cells of a realm among its regions: the region number of each cell, and the seeds, (n, 3)."""
    target = np.array([entry.area for entry in members])
    scale2 = max(float(size.sum()), 1e4) * 1e6 / len(members)
    seeds = np.zeros((len(members), 3))
    distances = np.zeros((place.shape[1], len(members)), np.float32)
    nearest = np.full(place.shape[1], 1e9)
    for at in np.argsort(-target, kind="stable"):
        entry = members[int(at)]
        chance = uniform(salt(seed, "ecoregion", entry.number), np.arange(place.shape[1]))
        # The best cell: suitable climate, no other seed nearby, enough land, and a random component.
        score = costs[entry.biome - 1] * 0.6 + 2.5 * np.exp(-nearest) + 4.0 * chance + 3.0 * (size < 400.0)
        best = int(np.argmin(score))
        seeds[at] = place[:, best]
        gap = ((place - seeds[at][:, None]) ** 2).sum(axis=0) / scale2
        nearest = np.minimum(nearest, gap)
        distances[:, at] = gap + 1.2 * np.minimum(costs[entry.biome - 1], 30.0)
    weights = np.zeros(len(members), np.float32)
    chosen = np.zeros(place.shape[1], np.int64)
    goal = target * (float(size.sum()) / target.sum())
    for turn in range(_ROUNDS):
        chosen = np.argmin(distances - weights, axis=1)
        area = np.bincount(chosen, weights=size, minlength=len(members))
        step = np.clip(np.log((goal + 100.0) / (area + 100.0)), -2.0, 2.0) * (2.2 / (1.0 + 0.12 * turn))
        weights += np.round(step, 4).astype(np.float32)
    numbers = np.array([entry.number for entry in members], np.int16)
    return numbers[chosen], seeds


def _refine(fine: NDArray[np.int16], labels: NDArray[np.int16], land: NDArray[np.bool_], seed: int) -> None:
    """Samples labels at the fine cells, at positions shifted by noise, so that borders are irregular."""
    row, col = np.nonzero(land)
    lon, lat = -180.0 + (col + 0.5) * CELL, 90.0 - (row + 0.5) * CELL
    points = on_sphere(lon, lat)
    shifts = [2.2 * (fbm(points, (160e3, 70e3, 30e3), salt(seed, "border", way)) - 0.5) for way in (0, 1)]
    i = np.clip(np.floor((90.0 - lat + shifts[0]) / (CELL * COARSE)), 0, labels.shape[0] - 1).astype(np.int64)
    j = np.floor((lon + 180.0 + shifts[1]) / (CELL * COARSE)).astype(np.int64) % labels.shape[1]
    shifted = labels[i, j]
    straight = labels[row // COARSE, col // COARSE]
    fine[row, col] = np.where(shifted >= 0, shifted, straight)


def _complete(fine: NDArray[np.int16], table: list[Entry], seeds: Floats, coarse: NDArray[np.uint8]) -> None:
    """Gives every region without land the cells nearest to its seed, taken from regions with many cells."""
    counts = np.bincount(fine[fine >= 0], minlength=len(table))
    row, col = np.nonzero(coarse >= 20)
    lon, lat = -180.0 + (col + 0.5) * CELL, 90.0 - (row + 0.5) * CELL
    points = on_sphere(lon, lat)
    cell_area = (np.radians(CELL) * RADIUS / 1000.0) ** 2 * np.cos(np.radians(lat))
    order = hash_words(0, row, col)
    taken = np.zeros(row.size, bool)
    for entry in sorted(table, key=lambda each: each.area):
        if counts[entry.number]:
            continue
        seed_row = int((90.0 - np.degrees(np.arcsin(np.clip(seeds[entry.number][2] / RADIUS, -1.0, 1.0)))) / CELL)
        first, last = np.searchsorted(row, (seed_row - 80, seed_row + 81))
        gap = ((points[:, first:last] - seeds[entry.number][:, None]) ** 2).sum(axis=0)
        wanted = max(1, round(entry.area / float(cell_area[first + np.argmin(gap)])))
        reach = min(40 * wanted + 400, gap.size - 1)
        close = np.argpartition(gap, reach)[:reach]
        for at in first + close[np.lexsort((order[first + close], gap[close]))]:
            owner = fine[row[at], col[at]]
            if taken[at] or (owner >= 0 and counts[owner] < 12):
                continue
            if owner >= 0:
                counts[owner] -= 1
            fine[row[at], col[at]] = entry.number
            counts[entry.number] += 1
            taken[at] = True
            if counts[entry.number] >= wanted:
                break


def _records(labels: NDArray[np.int16]) -> list[FeatureRecord]:
    transform = Affine(CELL, 0.0, -180.0, 0.0, -CELL, 90.0)
    parts: dict[int, list[BaseGeometry]] = {}
    for outline, value in rasterio.features.shapes(labels, mask=labels >= 0, transform=transform):
        parts.setdefault(int(value), []).append(shape(outline))
    records = []
    for entry in entries():
        pieces = parts[entry.number]
        whole = pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(pieces)
        properties = {
            "OBJECTID": float(entry.number + 1),
            "ECO_NAME": entry.name,
            "ECO_ID": float(entry.number + 1),
            "BIOME_NUM": float(entry.biome),
            "BIOME_NAME": BIOMES[entry.biome - 1],
            "REALM": entry.realm,
            "ECO_BIOME_": f"{entry.realm[:2].upper()}{entry.biome:02d}",
            "SHAPE_AREA": round(whole.area, 6),
            "SHAPE_LENG": round(whole.length, 6),
        }
        records.append(FeatureRecord(f"{entry.number:020x}", whole, properties))
    return records
