"""Random points in polygons, uniform by area on the ellipsoid: bulk rejection in a cover of boxes."""

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from mmearth_core.sampling.sphere import Floats, equal_area, latitude

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
