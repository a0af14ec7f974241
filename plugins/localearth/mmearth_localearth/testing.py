"""For tests of plugins: worlds of numpy arrays, and the core's real steps of a download on them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from attrs import Factory, field, frozen
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from mmearth_core import Anchor, Modality
from mmearth_core.builtin.file_anchor import FileAnchor
from mmearth_core.config.schema import RunOptions
from mmearth_core.download.journal import TileOutcome
from mmearth_core.download.locate import Locator
from mmearth_core.download.pixels import Fetcher
from mmearth_core.download.stack import read_stack, stack_bands
from mmearth_core.download.stored_config import BASE, Group
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.paths import DatasetPaths
from mmearth_core.tiles.index import Tile
from mmearth_localearth.stage import WorldEngine
from mmearth_localearth.worlds.base import CollectionAsset, ImageAsset, Mask, Pixels

Affine6 = tuple[float, float, float, float, float, float]


@frozen(eq=False)
class ArrayBand:
    """A band with the pixels of an array, (rows, columns); `valid` is False at masked pixels."""

    name: str
    pixels: NDArray[Any]
    crs: str
    transform: Affine6
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


@frozen(eq=False)
class ArrayCollection:
    """A collection of images in memory."""

    id: str
    members: Sequence[ImageAsset] = ()
    properties: Mapping[str, Any] = field(factory=dict)

    def images(
        self, region: BaseGeometry | None = None, interval: tuple[float, float] | None = None
    ) -> Sequence[ImageAsset]:
        """The images in order of time, then index."""
        found = [image for image in self.members if _touches(image, region) and _within(image, interval)]
        return sorted(found, key=lambda image: (_time(image), image.index))


def _time(image: ImageAsset) -> float:
    return float(image.properties.get("system:time_start", -np.inf))


def _within(image: ImageAsset, interval: tuple[float, float] | None) -> bool:
    return interval is None or interval[0] <= _time(image) < interval[1]


def _touches(image: ImageAsset, region: BaseGeometry | None) -> bool:
    return region is None or image.footprint is None or bool(image.footprint.intersects(region))


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
        utc = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
        properties["system:time_start"] = (utc - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
    first = bands[0]
    a, _, west, _, e, north = first.transform
    extent = box(west, north + e * first.height, west + a * first.width, north)
    return ImageAsset(asset_id, properties, tuple(bands), to_lonlat(extent, first.crs))


def to_lonlat(shape: Any, crs: str) -> Any:
    """Transforms a shape from a CRS to longitude and latitude."""
    return shapely.transform(shape, Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform, interleaved=False)


@frozen(eq=False)
class Downloaded:
    """The result of one tile.

    Attributes:
        entry: its line of the journal.
        bands: its pixels by `<layer>__<band>`, (size, size), NaN at no-data; empty without pixels.
        requests: number of requests by kind.
    """

    entry: TileOutcome
    bands: Mapping[str, NDArray[np.float32]]
    requests: Mapping[str, int]

    def located(self, modality: Modality) -> Any:
        """The result of a modality's `locate`, as the journal stores it."""
        return self.entry.record["located"][modality.name]


def download(
    world: Any, modalities: Sequence[Modality], polygon: Polygon, anchor: Anchor | None, folder: Path, size: int = 16
) -> Downloaded:
    """Downloads one tile with the steps of a run: locate, pixels, stack.

    Args:
        world: the world.
        modalities: the modalities to download.
        polygon: the tile, EPSG:4326.
        anchor: date and grid of the tile, for modalities added to a dataset; None to let the first modality fix them.
        folder: the folder for the stack.
        size: rows and columns of the tile.

    Raises:
        AssertionError: when a modality sends a request of its own.
    """
    client = EarthClient(WorldEngine(world), RunOptions(retry_seconds=0.0))
    own = anchor is None
    group = Group(BASE if own else "test", tuple(modalities), modalities[0] if own else FileAnchor())
    tile = Tile(0, 0, "tile", polygon, polygon.centroid.x, polygon.centroid.y, {})
    (ready,) = Locator(client, group).locate([tile], {} if anchor is None else {tile.tile_id: anchor})
    if isinstance(ready, TileOutcome):
        return Downloaded(ready, {}, dict(client.purposes))
    dataset = DatasetPaths(folder)
    entry = Fetcher(client, dataset, group, size).fetch(ready)
    if client.meter.requests.total() != client.purposes.total():
        raise AssertionError(f"a plugin has sent requests itself: {dict(client.meter.requests)}")
    names = [band.name for band in stack_bands(group.modalities)]
    bands = {}
    if "sha256" in entry.record:
        pixels = read_stack(dataset.stack(group.name, 0, tile.tile_id), names)
        bands = dict(zip(names, pixels, strict=True))
    return Downloaded(entry, bands, dict(client.purposes))
