"""Worlds of numpy arrays, made in Python: for tests of code that uses Earth Engine."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from attrs import Factory, define, field, frozen
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from localearth.values.projection import Affine
from localearth.worlds.base import Area, CollectionAsset, ImageAsset, Interval, Mask, Pixels, in_order, selected
from localearth.worlds.tables import milliseconds


@frozen(eq=False)
class ArrayBand:
    """A band with the pixels of an array, (rows, columns); `valid` is False at masked pixels."""

    name: str
    pixels: NDArray[Any]
    crs: str
    transform: Affine
    valid: NDArray[np.bool_] = field(
        default=Factory(lambda self: np.ones(self.pixels.shape, dtype=bool), takes_self=True)
    )

    @property
    def dtype(self) -> str:
        """The array's."""
        return str(self.pixels.dtype)

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """Reads a window."""
        window = np.s_[row : row + rows, col : col + cols]
        return self.pixels[window], self.valid[window]


@define(eq=False)
class ArrayCollection:
    """A collection of images in memory."""

    id: str
    members: Sequence[ImageAsset] = ()
    properties: Mapping[str, Any] = field(factory=dict)

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The images in order of time, then index; those without a time come first."""
        return in_order(selected(self.members, region, interval))

    def find(self, index: str) -> ImageAsset | None:
        """The image of that index, or None."""
        return next((image for image in self.members if image.index == index), None)


class ArrayWorld:
    """A world of the given images and collections."""

    def __init__(self, *assets: ImageAsset | CollectionAsset, name: str = "arrays") -> None:
        self.name = name
        members = (each for asset in assets if isinstance(asset, ArrayCollection) for each in asset.members)
        self.assets = {asset.id: asset for asset in (*assets, *members)}

    def find(self, asset_id: str) -> ImageAsset | CollectionAsset | None:
        """The asset of that id, or None."""
        return self.assets.get(asset_id)


def image(asset_id: str, bands: Sequence[Any], time: dt.datetime | None = None, **properties: Any) -> ImageAsset:
    """An image with the extent of its first band as footprint; a `time` without an offset is UTC."""
    if time is not None:
        properties["system:time_start"] = milliseconds(time)
    first = bands[0]
    a, _, west, _, e, north = first.transform
    extent = box(west, north + e * first.height, west + a * first.width, north)
    return ImageAsset(asset_id, properties, tuple(bands), to_lonlat(extent, first.crs))


def to_lonlat(shape: BaseGeometry, crs: str) -> BaseGeometry:
    """Transforms a shape from a CRS to longitude and latitude."""
    return shapely.transform(shape, Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform, interleaved=False)
