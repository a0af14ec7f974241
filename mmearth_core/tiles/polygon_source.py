"""Random places in the polygons of a file."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import shapely
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from mmearth_core.errors import TilesError
from mmearth_core.tiles.regions import LEFT_OUT, Region, realm_of
from mmearth_core.tiles.squares import Floats, Places, area_km2, equal_area, has_room, latitude, squares
from mmearth_core.tiles.vector_files import read_polygons

_LOOSE = 4.0
"""A cover is refined while it is more than this many times as large as what it covers."""


_BOXES = 512
"""A cover that is not much too large has at most about this many boxes."""


_MANY_BOXES = 8192
"""The same for one that is much too large: thin or scattered polygons."""


_MUCH = 40.0


_LEVELS = 16


_CHUNK = 500_000
"""Most points that are tested at once."""


class Uniform:
    """Uniform random points in a polygon or multipolygon, longitude and latitude in degrees.

    Points are drawn uniformly in boxes that together cover the shape (in longitude and equal-area latitude), and
    those outside the shape are thrown away; so the rest is uniform, whatever the shape.
    """

    def __init__(self, shape: BaseGeometry) -> None:
        """Prepares the shape.

        Raises:
            ValueError: when it has no area.
        """
        if shape.is_empty or not shape.area > 0:
            raise ValueError("the geometry has no area")
        self._shape = shape
        shapely.prepare(shape)
        self._boxes = _cover(shape)
        low, high = equal_area(self._boxes[:, 1]), equal_area(self._boxes[:, 3])
        self._low, self._rise = low, high - low
        self._ends = np.cumsum((self._boxes[:, 2] - self._boxes[:, 0]) * self._rise)

    def draw(self, count: int, random: np.random.Generator) -> tuple[Floats, Floats]:
        """Draws points.

        Args:
            count: how many.
            random: the only source of chance; each number it gives is used in order.

        Returns:
            Longitudes and latitudes, (count,).
        """
        parts: list[tuple[Floats, Floats]] = []
        found, tried = 0, 0
        while found < count:
            share = max(found / tried, 1e-3) if tried else 0.3
            number = min(_CHUNK, math.ceil((count - found) / share * 1.05) + 16)
            lon, lat = self._candidates(number, random)
            inside = shapely.contains_xy(self._shape, lon, lat)
            parts.append((lon[inside], lat[inside]))
            found += int(inside.sum())
            tried += number
        lon, lat = (
            (np.concatenate(arrays)[:count] for arrays in zip(*parts, strict=True)) if parts else (np.empty(0),) * 2
        )
        return lon, lat

    def _candidates(self, number: int, random: np.random.Generator) -> tuple[Floats, Floats]:
        which, across, up = random.random((3, number))
        box = np.minimum(np.searchsorted(self._ends, which * self._ends[-1], side="right"), len(self._ends) - 1)
        west, east = self._boxes[box, 0], self._boxes[box, 2]
        return west + across * (east - west), latitude(self._low[box] + up * self._rise[box])


def _cover(shape: BaseGeometry) -> NDArray[np.float64]:
    """Boxes without overlaps that cover a prepared shape: west, south, east, north, (boxes, 4)."""
    boxes = np.asarray([shape.bounds])
    goal = shape.area
    for _ in range(_LEVELS):
        loose = float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum()) / goal
        if loose <= _LOOSE or 4 * len(boxes) > (_MANY_BOXES if loose > _MUCH else _BOXES):
            break
        boxes = _quarters(boxes)
        boxes = boxes[shapely.intersects(shape, shapely.box(*boxes.T))]
    return boxes


def _quarters(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    west, south, east, north = boxes.T
    x, y = (west + east) / 2, (south + north) / 2
    quarters = [(west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north)]
    return np.concatenate([np.column_stack(quarter) for quarter in quarters])


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
