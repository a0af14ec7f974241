"""Which of the places drawn may become tiles: outside excluded polygons, and away from each other."""

from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from mmearth_core.sampling.spacing import Spacing
from mmearth_core.sampling.square import Places
from mmearth_core.sampling.vector import read_polygons

_NEAR_EDGE = 90.0
"""Polygons further from 180 degrees than this cannot meet a tile across the antimeridian."""


class Excluded:
    """Polygons that no tile may touch."""

    def __init__(self, path: Path) -> None:
        """Reads a file of polygons.

        Raises:
            TilesError: when it cannot be used.
        """
        shapes = shapely.get_parts(read_polygons(path).geometry.values)
        bounds = shapely.bounds(shapes)
        # Tiles may go on past 180 degrees, and so may polygons: each is there on both sides.
        copies = [shapes]
        for turn, near in ((360.0, bounds[:, 0] < -_NEAR_EDGE), (-360.0, bounds[:, 2] > _NEAR_EDGE)):
            copies.append(shapely.transform(shapes[near], lambda points, turn=turn: points + np.array([turn, 0.0])))
        self._tree = shapely.STRtree(np.concatenate(copies))

    def touched(self, places: Places) -> NDArray[np.bool_]:
        """Which tiles touch one of them."""
        touched = np.zeros(len(places), bool)
        touched[self._tree.query(places.polygons(), predicate="intersects")[0]] = True
        return touched


class Rules:
    """All rules of one sampling. Stateful: every accepted tile keeps others away.

    Attributes:
        can_refuse: whether there is any rule.
    """

    def __init__(self, excluded: Excluded | None = None, spacing: Spacing | None = None) -> None:
        self._excluded = excluded
        self._spacing = spacing
        self.can_refuse = excluded is not None or spacing is not None

    def accept(self, places: Places, most: int) -> NDArray[np.intp]:
        """The positions of up to `most` tiles that keep all rules, in order."""
        allowed = np.arange(len(places))
        if self._excluded is not None and len(places):
            allowed = allowed[~self._excluded.touched(places)]
        if self._spacing is None:
            return allowed[:most]
        return allowed[self._spacing.accept(places.take(allowed), most)]


def make_rules(size: float, min_distance: float, no_overlap: bool, exclude: Path | None) -> Rules:
    """The rules that a command line asks for.

    Args:
        size: of the tiles, metres.
        min_distance: metres between two centroids; 0 for none.
        no_overlap: whether tiles may not overlap.
        exclude: a file of polygons, or None.
    """
    spaced = Spacing(min_distance, size if no_overlap else None) if min_distance > 0 or no_overlap else None
    return Rules(Excluded(exclude) if exclude else None, spaced)
