"""Rules that keep tiles apart from each other and out of excluded areas."""

import math
from itertools import product
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from mmearth_core.tiles.squares import A, Places
from mmearth_core.tiles.vector_files import read_polygons

_TOUCH = 0.999
"""Squares that overlap by less than a thousandth of their width or height only touch, because of rounding."""


_CELLS = 1 << 20
"""Maximum number of cells along an axis."""


_ROW, _LAYER = 2 * _CELLS, 4 * _CELLS * _CELLS
"""Difference of the numbers of two adjacent cells, along y and along x; along z it is 1. All numbers fit 63 bits."""


_NEIGHBOURS = sorted((x * _LAYER + y * _ROW + z for x, y, z in product((-1, 0, 1), repeat=3)), key=abs)
"""Offsets of a cell itself, where most conflicts are, and of the 26 around it."""


def _tree(path: Path) -> shapely.STRtree:
    """A spatial index of the polygons of a file, which raises `TilesError` when it cannot be used."""
    shapes = shapely.get_parts(read_polygons(path).geometry.values)
    # Tiles and polygons may continue past 180 degrees, so each polygon is there on both sides.
    turns = np.array([[-360.0, 0.0], [0.0, 0.0], [360.0, 0.0]])
    copies = [shapely.transform(shapes, lambda points, turn=turn: points + turn) for turn in turns]
    return shapely.STRtree(np.concatenate(copies))


class Rules:
    """The rules of one sampling. Stateful: every accepted tile keeps others away.

    The spatial index of the accepted tiles is a grid of cubes around the globe, so the poles and the antimeridian are
    not special.

    Attributes:
        can_refuse: whether there is any rule.
    """

    def __init__(self, size: float, min_distance: float = 0.0, no_overlap: bool = False, exclude: Path | None = None):
        """Sets the rules.

        Args:
            size: of the tiles, metres.
            min_distance: minimum distance between two centroids, metres; a straight line, on a sphere of the equator's
                radius. 0 for none.
            no_overlap: whether tiles may not overlap.
            exclude: a file of polygons that no tile may touch.

        Raises:
            TilesError: when the file cannot be used.
        """
        self._excluded = _tree(exclude) if exclude else None
        self._distance, self._no_overlap = min_distance, no_overlap
        self.can_refuse = exclude is not None or min_distance > 0 or no_overlap
        # The centres of two squares that overlap are at most a diagonal apart. So conflicts are in adjacent cells only.
        self._cell = max(min_distance, 1.05 * math.sqrt(2) * size if no_overlap else 0.0, 2.1 * A / _CELLS)
        self._cells: dict[int, list[tuple[float, ...]]] = {}

    def accept(self, places: Places, most: int) -> NDArray[np.intp]:
        """Accepts up to `most` tiles that comply with all rules, in order, and remembers them.

        Returns:
            Their positions.
        """
        allowed = np.arange(len(places))
        if self._excluded is not None and len(places):
            allowed = np.delete(allowed, self._excluded.query(places.polygons(), predicate="intersects")[0])
        if not (self._distance or self._no_overlap):
            return allowed[:most]
        return allowed[self._keep_apart(places.take(allowed), most)]

    def _keep_apart(self, places: Places, most: int) -> NDArray[np.intp]:
        """The positions of up to `most` tiles that keep their distance from all accepted so far, which are more now."""
        lon, lat = np.radians((places.west + places.east) / 2), np.radians((places.south + places.north) / 2)
        points = A * np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        cells = np.floor(points / self._cell).astype(np.int64) + _CELLS // 2
        keys = (cells @ np.array([_LAYER, _ROW, 1])).tolist()
        half = np.column_stack([places.east - places.west, places.north - places.south]) / 2
        rows = np.column_stack([points, np.degrees(lon), np.degrees(lat), half]).tolist()
        accepted: list[int] = []
        for position, (key, row) in enumerate(zip(keys, rows, strict=True)):
            if len(accepted) == most:
                break
            if not self._is_taken(key, row):
                self._cells.setdefault(key, []).append(tuple(row))
                accepted.append(position)
        return np.asarray(accepted, dtype=np.intp)

    def _is_taken(self, key: int, row: list[float]) -> bool:
        x, y, z, lon, lat, width, height = row
        limit = self._distance * self._distance
        for step in _NEIGHBOURS:
            for a, b, c, other_lon, other_lat, other_width, other_height in self._cells.get(key + step, ()):
                if (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < limit:
                    return True
                if self._no_overlap and abs(lat - other_lat) < _TOUCH * (height + other_height):
                    apart = abs(lon - other_lon)
                    if min(apart, 360.0 - apart) < _TOUCH * (width + other_width):
                        return True
        return False
