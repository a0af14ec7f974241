"""Where random places come from: the interface, and polygons of a file, sampled here without Earth Engine."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import shapely
from attrs import frozen
from shapely.geometry.base import BaseGeometry

from mmearth_core.errors import TilesError
from mmearth_core.sampling.region import LEFT_OUT, Region, realm_of
from mmearth_core.sampling.sphere import area_km2
from mmearth_core.sampling.square import Places, has_room, squares
from mmearth_core.sampling.uniform import Uniform
from mmearth_core.sampling.vector import read_polygons


class Source(Protocol):
    """Draws random places in regions."""

    @property
    def regions(self) -> Sequence[Region]:
        """What tiles are shared out among."""
        ...

    def draw(self, wants: Mapping[int, int], attempt: int) -> Iterator[tuple[int, Places | str]]:
        """Draws places.

        Args:
            wants: how many in each region, by its place in `regions`.
            attempt: 0, 1, 2 ...; each gives other places.

        Yields:
            Each region wanted, in the order of `wants`, with its places (at most as many as asked for), or with one
            sentence on why there are none.
        """
        ...


def seeded(seed: int, *key: int) -> np.random.SeedSequence:
    """The chance of one draw: its own stream for every region and attempt, whatever else is drawn."""
    return np.random.SeedSequence(seed, spawn_key=key)


@frozen(eq=False)
class PolygonSource:
    """Polygons, one geometry a region.

    Attributes:
        regions: their names and areas.
        shapes: their geometries, EPSG:4326.
        size: of the tiles, metres.
        seed: of all draws.
    """

    regions: Sequence[Region]
    shapes: Sequence[BaseGeometry]
    size: float
    seed: int

    def draw(self, wants: Mapping[int, int], attempt: int) -> Iterator[tuple[int, Places | str]]:
        """Draws places uniformly by area; see `Source`."""
        for place, count in wants.items():
            try:
                uniform = Uniform(self.shapes[place])
            except ValueError as error:
                yield place, f"{error}."
                continue
            random = np.random.Generator(np.random.PCG64(seeded(self.seed, place, attempt)))
            lon, lat = uniform.draw(count, random)
            # A prepared geometry holds several times its own memory.
            shapely.destroy_prepared(self.shapes[place])
            fits = has_room(lat, self.size)
            yield place, squares(lon[fits], lat[fits], self.size) if fits.any() else "it is too near the pole."


_COLUMNS = {
    "eco_region": ("eco_region", "ecoregion", "eco_name"),
    "biome": ("biome", "biome_name"),
    "realm": ("realm",),
}
"""Names under which a file may hold them, in order of preference; upper and lower case are one."""


def polygon_source(path: Path, size: float, seed: int, columns: Mapping[str, str] | None = None) -> PolygonSource:
    """A polygon file as a source: features of one ecoregion and biome are one region.

    Args:
        path: any vector file of polygons with the columns ecoregion and biome (RESOLVE's names are known).
        size: of the tiles, metres.
        seed: of all draws.
        columns: `eco_region`, `biome`, `realm`: the file's names for them, where they are others.

    Raises:
        TilesError: when a column is missing, or the file cannot be used.
    """
    frame = read_polygons(path)
    given = columns or {}
    names = {what: _column(frame, path, what, given.get(what)) for what in _COLUMNS}
    eco, biome, realm = (
        [_text(value) for value in frame[names[what]]] if names[what] else [None] * len(frame)
        for what in ("eco_region", "biome", "realm")
    )
    parts: dict[tuple[str, str], list[int]] = {}
    for row, (name, biome_name) in enumerate(zip(eco, biome, strict=True)):
        if name is None or biome_name is None:
            raise TilesError(
                f"{path}: feature {row + 1} has no {names['eco_region' if name is None else 'biome']!r}. "
                "Every polygon needs an ecoregion and a biome; drop those without."
            )
        if name != LEFT_OUT:
            parts.setdefault((name, biome_name), []).append(row)
    if not parts:
        raise TilesError(f"{path}: holds nothing but {LEFT_OUT!r}, which is never sampled.")
    regions, shapes = [], []
    geometries = frame.geometry.values
    for (name, biome_name), rows in parts.items():
        shape = geometries[rows[0]] if len(rows) == 1 else shapely.union_all(geometries[rows])
        shapes.append(shape)
        regions.append(Region(name, biome_name, realm[rows[0]] or realm_of(name, biome_name), area_km2(shape)))
    return PolygonSource(regions, shapes, size, seed)


def _column(frame: pd.DataFrame, path: Path, what: str, given: str | None) -> str | None:
    there = [str(column) for column in frame.columns if column != "geometry"]
    if given is not None:
        if given not in there:
            raise TilesError(f"{path}: has no column {given!r}. It has: {', '.join(there) or 'none'}.")
        return given
    lower = {column.lower(): column for column in reversed(there)}
    for name in _COLUMNS[what]:
        if name in lower:
            return lower[name]
    if what == "realm":
        return None
    raise TilesError(
        f"{path}: no column says each polygon's {what}. It has: {', '.join(there) or 'none'}. Known names: "
        f"{', '.join(_COLUMNS[what])}; or name yours with --{what.replace('_', '-')}-column."
    )


def _text(value: object) -> str | None:
    return None if pd.isna(value) or not str(value).strip() else str(value).strip()
