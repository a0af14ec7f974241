"""The interface of a world: the assets of a local Earth Engine.

A world has one method, `find(asset_id)`. Pixels are read in windows of a band's own grid, only when a request needs
them. A collection gets the region and the interval of the request's filters, so that it can be as large as a planet.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from attrs import define, field, frozen
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from localearth.values.projection import Affine

Pixels = NDArray[Any]
Mask = NDArray[np.bool_]
Area: TypeAlias = BaseGeometry | None
"""A region in EPSG:4326; None does not limit a request."""
Interval: TypeAlias = tuple[float, float] | None
"""Start and end in milliseconds since 1970, without the end; None does not limit a request."""


class BandSource(Protocol):
    """One band of an image asset, on its own grid.

    Attributes:
        name: the band id.
        dtype: a numpy dtype name: uint8, int16, uint16, float32, float64 ...
        crs: e.g. `"EPSG:32618"`.
        transform: affine (a, b, c, d, e, f): x = a col + b row + c, y = d col + e row + f.
        width: number of columns.
        height: number of rows.
    """

    name: str
    dtype: str
    crs: str
    transform: Affine
    width: int
    height: int

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """Reads a window inside the band.

        Returns:
            The values, (rows, cols) of `dtype`, and a mask that is True at valid pixels, (rows, cols).
        """
        ...


@define(eq=False)
class GridBand:
    """The name, type and grid of a band; see `BandSource`. A subclass adds the pixels."""

    name: str
    dtype: str
    crs: str
    transform: Affine
    width: int
    height: int

    def check(self, row: int, col: int, rows: int, cols: int) -> None:
        """Refuses a window that is not inside the band.

        Raises:
            IndexError: with the window and the size of the band.
        """
        if min(row, col, rows, cols) < 0 or row + rows > self.height or col + cols > self.width:
            raise IndexError(
                f"Band {self.name!r}: the window {rows} x {cols} at row {row}, column {col} is not inside its "
                f"{self.height} x {self.width} pixels."
            )


@frozen(eq=False)
class ImageAsset:
    """One image.

    Attributes:
        id: the full asset id.
        properties: as in Earth Engine; times in milliseconds as `system:time_start` and `system:time_end`.
            Without `system:index` and `system:footprint`, which are derived.
        bands: its bands, in order.
        footprint: its footprint in EPSG:4326; None for an image without bounds.
        ring: whether `system:footprint` is the ring around the footprint, as for Sentinel and Landsat scenes.
    """

    id: str
    properties: Mapping[str, Any]
    bands: Sequence[BandSource]
    footprint: BaseGeometry | None = None
    ring: bool = False

    @property
    def index(self) -> str:
        """The last part of its id: `system:index`."""
        return self.id.rsplit("/", 1)[-1]

    @property
    def version(self) -> int:
        """`system:version`: microseconds of its ingestion; here those of its own time, and 1 without a time."""
        return int(self.properties.get("system:time_start", 0)) * 1000 or 1


class CollectionAsset(Protocol):
    """A collection of images.

    Attributes:
        id: the full asset id.
        properties: the properties of the collection itself.
    """

    id: str
    properties: Mapping[str, Any]

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The images in collection order (by time, then index).

        Args:
            region: omit images whose footprint does not intersect it (EPSG:4326).
            interval: omit images whose `system:time_start` is not in [start, end), ms.
        """
        ...


def selected(images: Sequence[ImageAsset], region: Area, interval: Interval) -> list[ImageAsset]:
    """The images of a list that a region and an interval do not exclude; see `CollectionAsset.images`."""
    if interval is not None:
        # An image without a time is in no interval.
        times = [image.properties.get("system:time_start", np.nan) for image in images]
        images = [image for image, time in zip(images, times, strict=True) if interval[0] <= time < interval[1]]
    return [each for each in images if region is None or each.footprint is None or each.footprint.intersects(region)]


def in_order(images: Iterable[ImageAsset]) -> list[ImageAsset]:
    """Images by time, then index; those without a time come first."""
    return sorted(images, key=lambda image: (image.properties.get("system:time_start", -np.inf), image.index))


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
        properties: the properties of the table itself.
    """

    id: str
    properties: Mapping[str, Any]

    def features(self, region: Area = None) -> Sequence[FeatureRecord]:
        """The features in order; only those that intersect `region` if one is given."""
        ...


class World(Protocol):
    """The assets of one local Earth Engine.

    Attributes:
        name: e.g. `"virginia"`.
    """

    name: str

    def find(self, asset_id: str) -> ImageAsset | CollectionAsset | TableAsset | None:
        """The asset with that id, including images in collections, or None."""
        ...
