"""Random places in the polygons of a file."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import shapely
from attrs import frozen
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from mmearth_core.errors import TilesError
from mmearth_core.tiles.regions import LEFT_OUT, Region, realm_of
from mmearth_core.tiles.squares import Floats, Places, area_km2, equal_area, has_room, latitude, squares
from mmearth_core.tiles.vector_files import find_column, read_polygons

_LOOSE = 4.0
"""A cover is refined while its area is more than this many times the area that it covers."""

_MUCH = 40.0

_BOXES, _MANY_BOXES = 512, 8192
"""Approximate maximum of boxes in a cover; the second one if it is more than `_MUCH` times too large.

That happens for thin or scattered polygons, where few points would hit the polygon otherwise."""

_LEVELS = 16
"""Maximum number of refinements."""

_CHUNK = 500_000
"""Maximum number of points that are tested at once; bounds the memory."""

_DECIMALS = 8
"""Decimals of places, degrees: about a millimetre."""


def uniform_points(shape: BaseGeometry, count: int, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Draws uniform random points in a polygon or multipolygon.

    Rejection sampling: points are drawn uniformly in boxes that cover the shape (in longitude and equal-area
    latitude), and those outside the shape are dropped. The rest is uniform, whatever the shape.

    Args:
        shape: longitude and latitude in degrees; it is prepared.
        count: number of points.
        random: the only source of randomness; its numbers are used in order.

    Returns:
        Longitudes and latitudes, (count,).

    Raises:
        ValueError: when the shape has no area.
    """
    if shape.is_empty or not shape.area > 0:
        raise ValueError("the geometry has no area")
    shapely.prepare(shape)
    boxes = _cover(shape)
    low = equal_area(boxes[:, 1])
    rise = equal_area(boxes[:, 3]) - low
    ends = np.cumsum((boxes[:, 2] - boxes[:, 0]) * rise)
    parts = [np.empty((2, 0))]
    accepted, tried = 0, 0
    while accepted < count:
        share = max(accepted / tried, 1e-3) if tried else 0.3
        # 5 % more than the share so far suggests, so that one more round is seldom needed.
        number = min(_CHUNK, math.ceil((count - accepted) / share * 1.05) + 16)
        which, across, up = random.random((3, number))
        box = np.minimum(np.searchsorted(ends, which * ends[-1], side="right"), len(ends) - 1)
        west, east = boxes[box, 0], boxes[box, 2]
        lon, lat = west + across * (east - west), latitude(low[box] + up * rise[box])
        inside = shapely.contains_xy(shape, lon, lat)
        parts.append(np.stack([lon[inside], lat[inside]]))
        accepted += int(inside.sum())
        tried += number
    lon, lat = np.concatenate(parts, axis=1)[:, :count]
    return lon, lat


def _cover(shape: BaseGeometry) -> NDArray[np.float64]:
    """Boxes that cover a prepared shape without overlaps, by splitting its bounds into quarters again and again.

    Returns:
        West, south, east, north, (boxes, 4).
    """
    boxes = np.asarray([shape.bounds])
    for _ in range(_LEVELS):
        loose = float(((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum()) / shape.area
        if loose <= _LOOSE or 4 * len(boxes) > (_MANY_BOXES if loose > _MUCH else _BOXES):
            break
        west, south, east, north = boxes.T
        x, y = (west + east) / 2, (south + north) / 2
        quarters = [(west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north)]
        boxes = np.concatenate([np.column_stack(quarter) for quarter in quarters])
        boxes = boxes[shapely.intersects(shape, shapely.box(*boxes.T))]
    return boxes


def seeded(seed: int, *key: int) -> np.random.SeedSequence:
    """The random stream of one draw; every region and attempt has its own, so it does not depend on other draws."""
    return np.random.SeedSequence(seed, spawn_key=key)


@frozen(eq=False)
class PolygonSource:
    """Polygons, one geometry per region.

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
        """Draws places uniformly by area.

        Args:
            wants: the number of places in each region, by its position in `regions`.
            attempt: 0, 1, 2 ...; each gives other places.

        Yields:
            The position of each wanted region, in the order of `wants`, with its places (at most as many as requested),
            or with one sentence why there are none.
        """
        for position, count in wants.items():
            random = np.random.Generator(np.random.PCG64(seeded(self.seed, position, attempt)))
            try:
                lon, lat = np.round(uniform_points(self.shapes[position], count, random), _DECIMALS)
            except ValueError as error:
                yield position, f"{error}."
                continue
            # A prepared geometry takes several times its own memory.
            shapely.destroy_prepared(self.shapes[position])
            fits = has_room(lat, self.size)
            yield position, squares(lon[fits], lat[fits], self.size) if fits.any() else "it is too near the pole."


_COLUMNS = {
    "eco_region": ("eco_region", "ecoregion", "eco_name"),
    "biome": ("biome", "biome_name"),
    "realm": ("realm",),
}
"""Names that these columns of a file may have, in order of preference and in any case."""


def polygon_source(path: Path, size: float, seed: int, columns: Mapping[str, str] | None = None) -> PolygonSource:
    """A polygon file as a source: features of one ecoregion and biome are one region.

    Args:
        path: any vector file of polygons with the columns ecoregion and biome (RESOLVE's names are known).
        size: of the tiles, metres.
        seed: of all draws.
        columns: `eco_region`, `biome`, `realm`: the file's names for them, where they are not known.

    Raises:
        TilesError: when a column is missing, or the file cannot be used.
    """
    frame, given = read_polygons(path), columns or {}
    # The realm is optional.
    wanted = [key for key in _COLUMNS if key != "realm" or key in given or key in frame.columns.str.lower()]
    options = {key: f"--{key.replace('_', '-')}-column" for key in wanted}
    names = {key: find_column(frame, path, given.get(key), _COLUMNS[key], option) for key, option in options.items()}
    texts = {key: frame[name].astype(str).where(frame[name].notna(), "").str.strip() for key, name in names.items()}
    realms = texts.get("realm", [""] * len(frame))
    parts: dict[tuple[str, str], list[int]] = {}
    for row, (name, biome) in enumerate(zip(texts["eco_region"], texts["biome"], strict=True)):
        if not (name and biome):
            remedy = "Every polygon needs an ecoregion and a biome; drop those without."
            raise TilesError(f"{path}: feature {row + 1} has no {names['biome' if name else 'eco_region']!r}. {remedy}")
        if name != LEFT_OUT:
            parts.setdefault((name, biome), []).append(row)
    if not parts:
        raise TilesError(f"{path}: has only {LEFT_OUT!r}, which is never sampled.")
    regions, shapes = [], []
    for (name, biome), rows in parts.items():
        shapes.append(shapely.union_all(frame.geometry.values[rows]) if len(rows) > 1 else frame.geometry.iloc[rows[0]])
        regions.append(Region(name, biome, realms[rows[0]] or realm_of(name, biome), area_km2(shapes[-1])))
    return PolygonSource(regions, shapes, size, seed)
