"""What a world is: the assets that a local Earth Engine holds, seen from the evaluator.

A world answers one question, `find(asset_id)`. Pixels are read by window, in a band's own
grid, only when a request needs them; a collection is asked with the region and interval that
the request's filters leave, so that it may be as large as a planet.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Pixels = NDArray[Any]
Mask = NDArray[np.bool_]


class BandSource(Protocol):
    """One band of an image asset, on its own grid.

    Attributes:
        name: the band id.
        dtype: a numpy dtype name: uint8, int16, uint16, float32, float64 ...
        crs: e.g. `"EPSG:32618"`.
        transform: affine (a, b, c, d, e, f): x = a col + b row + c, y = d col + e row + f.
        width: columns.
        height: rows.
    """

    name: str
    dtype: str
    crs: str
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """Reads a window that lies inside the band.

        Returns:
            values, (rows, cols) of `dtype`; and True where a pixel is valid, (rows, cols).
        """
        ...


@frozen(eq=False)
class ImageAsset:
    """One image.

    Attributes:
        id: the full asset id.
        properties: as Earth Engine shows them; times as milliseconds in `system:time_start`
            and `system:time_end`. `system:index` and `system:footprint` are derived, not listed.
        bands: its bands, in order.
        footprint: in EPSG:4326; None for an image without bounds.
    """

    id: str
    properties: Mapping[str, Any]
    bands: Sequence[BandSource]
    footprint: BaseGeometry | None = None

    @property
    def index(self) -> str:
        """The last part of its id: `system:index`."""
        return self.id.rsplit("/", 1)[-1]


class CollectionAsset(Protocol):
    """A collection of images.

    Attributes:
        id: the full asset id.
        properties: of the collection itself.
    """

    id: str
    properties: Mapping[str, Any]

    def images(
        self, region: BaseGeometry | None = None, interval: tuple[float, float] | None = None
    ) -> Sequence[ImageAsset]:
        """The images in collection order (by time, then index).

        Args:
            region: leave out those whose footprint does not intersect it (EPSG:4326).
            interval: leave out those whose `system:time_start` is not in [start, end), ms.
        """
        ...


@frozen(eq=False)
class FeatureRecord:
    """One row of a table asset: a geometry in EPSG:4326 and its properties."""

    index: str
    geometry: BaseGeometry
    properties: Mapping[str, Any] = field(factory=dict)


class TableAsset(Protocol):
    """A collection of features.

    Attributes:
        id: the full asset id.
        properties: of the table itself.
    """

    id: str
    properties: Mapping[str, Any]

    def features(self, region: BaseGeometry | None = None) -> Sequence[FeatureRecord]:
        """The features in order, those that intersect `region` if one is given."""
        ...


class World(Protocol):
    """Everything that one local Earth Engine holds.

    Attributes:
        name: e.g. `"virginia"`.
    """

    name: str

    def find(self, asset_id: str) -> ImageAsset | CollectionAsset | TableAsset | None:
        """The asset of that id (images inside collections too), or None."""
        ...
