"""The tile: a square of a given size around a place, right at any latitude and across the antimeridian.

Its edges are two meridians and two parallels, as far from the place as the ellipsoid's radii of curvature say. Its
width is exact on the middle parallel, so the area is that of the square. Longitudes start within [-180, 180) at the
place and go on past 180 (or -180) where the tile crosses the antimeridian: each tile is one plain rectangle.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import shapely
from attrs import frozen
from numpy.typing import NDArray

from mmearth_core.errors import TilesError
from mmearth_core.sampling.sphere import Floats, radii, within_180

DECIMALS = 8
"""Of the coordinates in degrees: about a millimetre."""

_WIDEST = 45.0
"""Half of a tile's width, degrees of longitude, beyond which it would be no square any more."""


@frozen(eq=False)
class Places:
    """Tiles as arrays of one length, degrees.

    Attributes:
        lon: longitude of each centroid.
        lat: latitude of each centroid.
        west: of each square; may be below -180.
        south: of each square.
        east: of each square; may be above 180.
        north: of each square.
    """

    lon: Floats
    lat: Floats
    west: Floats
    south: Floats
    east: Floats
    north: Floats

    def __len__(self) -> int:
        return len(self.lon)

    @property
    def arrays(self) -> tuple[Floats, ...]:
        """All of them, in order."""
        return self.lon, self.lat, self.west, self.south, self.east, self.north

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Places":
        """Some of them."""
        return Places(*(array[which] for array in self.arrays))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> "Places":
        """All tiles of several, in order."""
        if not parts:
            return Places(*(np.empty(0) for _ in range(6)))
        return Places(*(np.concatenate(arrays) for arrays in zip(*(part.arrays for part in parts), strict=True)))

    def polygons(self) -> NDArray[np.object_]:
        """The squares as polygons, counter-clockwise."""
        return np.asarray(shapely.box(self.west, self.south, self.east, self.north), dtype=object)


def half_sides(lat: Floats, size: float) -> tuple[Floats, Floats]:
    """Half the width and half the height of a square at some latitudes, in degrees.

    Args:
        lat: degrees.
        size: metres.
    """
    north_south, east_west = radii(lat)
    height = np.degrees(size / 2 / north_south)
    width = np.degrees(size / 2 / (east_west * np.cos(np.radians(lat))))
    return np.asarray(width), np.asarray(height)


def has_room(lat: Floats, size: float) -> NDArray[np.bool_]:
    """Where a square of that size can be: not at the poles."""
    width, height = half_sides(np.clip(lat, -89.999, 89.999), size)
    return np.asarray((np.abs(lat) + height < 90.0) & (width < _WIDEST))


def squares(lon: Floats, lat: Floats, size: float, decimals: int | None = DECIMALS) -> Places:
    """Squares around places.

    Args:
        lon: degrees; brought to [-180, 180).
        lat: degrees.
        size: width and height, metres.
        decimals: of the places in degrees; None leaves them as they are.

    Raises:
        TilesError: when one is too near a pole for a square of that size.
    """
    lon, lat = within_180(np.asarray(lon, np.float64)), np.asarray(lat, np.float64)
    if decimals is not None:
        lon, lat = within_180(np.round(lon, decimals)), np.round(lat, decimals)
    bad = np.flatnonzero(~has_room(lat, size))
    if bad.size:
        raise TilesError(
            f"A tile of {size:g} m cannot be at latitude {lat[bad[0]]:g}: it is too near the pole ({bad.size} such "
            "places in all). Leave it out, or choose a smaller --size."
        )
    width, height = half_sides(lat, size)
    edges = (lon - width, lat - height, lon + width, lat + height)
    return Places(lon, lat, *(np.round(edge, DECIMALS) for edge in edges))
