"""Support for the plugin kit (`mmearth_devkit`): the world's assets, locations with data and test patterns."""

import datetime as dt
import math
from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import define, evolve, frozen
from localearth.planet.bands import LazyBands
from localearth.planet.maps import ASTER
from localearth.transport import LocalTransport
from localearth.worlds.arrays import to_lonlat
from localearth.worlds.base import (
    Area,
    BandSource,
    CollectionAsset,
    GridBand,
    ImageAsset,
    Interval,
    Mask,
    Pixels,
    World,
)
from pyproj import Transformer
from shapely.geometry import Polygon, box

from mmearth_core import Connection, Engine, Limits
from mmearth_core.errors import EngineError

if TYPE_CHECKING:
    from mmearth_devkit.stage import Pattern

_SIDE = 640.0
"""Side of the proposed tile, metres."""

_DAY = dt.date(2019, 7, 14)
"""The proposed date when images have no time."""

_FARMLAND, _PAMPA, _OTHER_DAY = (-89.9375, 44.9375), (-62.0, -31.5), dt.date(2018, 2, 10)
"""Longitude and latitude of places far from any sea on every synthetic planet, in Wisconsin and Argentina; the second
one's date."""

_COLUMNS = (
    {"biome": "Temperate Broadleaf & Mixed Forests", "eco_region": "Western Great Lakes forests"},
    {"biome": "Temperate Grasslands, Savannas & Shrublands", "eco_region": "Humid Pampas"},
)
"""Columns of the two tiles as `mmearth-core tiles` names them; the values are examples."""

_SCALES = {"uint8": (100, 60), "int8": (0, 100), "uint16": (3000, 2000), "int16": (500, 400)}
"""Mean and amplitude of the pattern's waves by dtype; 100 and 50 for any other dtype."""


class WorldEngine(Engine):
    """The local engine on a given world object, such as one of arrays."""

    name = "world"
    api_version = 1

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    @property
    def source(self) -> str:
        """`local:` and the world's name."""
        return f"local:{self._world.name}"

    def connect(self, limits: Limits) -> Connection:
        """Opens the world."""
        return Connection(project="local", transport=LocalTransport(self._world))

    def stage(self) -> "WorldStage":
        """The world for the plugin kit."""
        return WorldStage(self._world)


@frozen
class WorldStage:
    """A world as the plugin kit sees it; see `mmearth_devkit.Stage`."""

    world: World

    def assets(self) -> Collection[str]:
        """The ids of the world's assets."""
        listed: Collection[str] = self.world.assets if hasattr(self.world, "assets") else self.world.listed()  # type: ignore[attr-defined]
        return listed

    def holds(self, asset_id: str) -> bool:
        """Whether the world has this asset."""
        return self.world.find(asset_id) is not None

    def places(self) -> list[tuple[Polygon, dt.date, dict[str, str]]]:
        """The centre and date of the smallest image, and another place and date, of the image furthest from it in time.

        Of equally small images it is the latest, as modalities may look back.

        Raises:
            EngineError: when no image of the world has bounds.
        """
        if not hasattr(self.world, "assets"):
            places = zip((_FARMLAND, _PAMPA), (_DAY, _OTHER_DAY), _COLUMNS, strict=True)
            return [(square(*place, _SIDE), day, columns) for place, day, columns in places]
        images = [asset for asset in self.world.assets.values() if _is_image(asset) and asset.footprint is not None]
        if not images:
            raise EngineError(
                f"The world {self.world.name!r} has no image with bounds, so no location to try a modality is known. "
                "Pass one as `scene=` of check_modality."
            )
        smallest = min(images, key=lambda image: (image.footprint.area, -_time(image), image.id))
        other = max(images, key=lambda image: (abs(_day(image) - _day(smallest)), image.id))
        centre, (west, south, _, _) = other.footprint.centroid, other.footprint.bounds
        # Halfway to a corner, so that the place is another one in the same image.
        beside = square((west + centre.x) / 2, (south + centre.y) / 2, _SIDE)
        centre = smallest.footprint.centroid
        return [(square(centre.x, centre.y, _SIDE), _day(smallest), _COLUMNS[0]), (beside, _day(other), _COLUMNS[1])]

    def patterned(self, pattern: "Pattern") -> Engine:
        """The same world with a test pattern in place of its pixels."""
        return WorldEngine(_PatternedWorld(self.world, pattern))

    def sample(self) -> tuple[Any, ...] | None:
        """Id, band, dtype, unit and pixel size of an image asset of the world whose dtype a modality can declare."""
        if not hasattr(self.world, "assets"):
            return ASTER, "b1", "int16", "m", 30
        for asset in self.world.assets.values():
            if _is_image(asset) and asset.bands[0].dtype in (*_SCALES, "float32"):
                return asset.id, asset.bands[0].name, asset.bands[0].dtype, "1"
        return None


def _time(image: ImageAsset) -> float:
    return float(image.properties.get("system:time_start", -math.inf))


def _day(image: ImageAsset) -> dt.date:
    time = _time(image)
    return dt.datetime.fromtimestamp(time / 1000, dt.UTC).date() if math.isfinite(time) else _DAY


def _is_image(asset: Any) -> bool:
    return isinstance(asset, ImageAsset)


def square(lon: float, lat: float, side: float) -> Polygon:
    """A square on the ground around a place; `side` in metres."""
    local = f"+proj=aeqd +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m"
    found: Polygon = to_lonlat(box(-side / 2, -side / 2, side / 2, side / 2), local)
    return found


@define(eq=False)
class _PatternBand(GridBand):
    """A band on the grid of another one, with a pattern as its pixels."""

    pattern: "Pattern"

    def read(self, row: int, col: int, rows: int, cols: int) -> tuple[Pixels, Mask]:
        """The pattern at the centres of a window's pixels."""
        a, b, c, d, e, f = self.transform
        right, down = np.meshgrid(np.arange(col, col + cols) + 0.5, np.arange(row, row + rows) + 0.5)
        x, y = a * right + b * down + c, d * right + e * down + f
        if self.crs != self.pattern.crs:
            x, y = Transformer.from_crs(self.crs, self.pattern.crs, always_xy=True).transform(x, y)
        middle, height = _SCALES.get(self.dtype, (100, 50))
        values = middle + height * self.pattern.values(x, y)
        whole = np.dtype(self.dtype).kind in "iu"
        return (np.rint(values) if whole else values).astype(self.dtype), np.ones((rows, cols), bool)


def _patterned(image: ImageAsset, pattern: "Pattern") -> ImageAsset:
    def band(each: BandSource) -> BandSource:
        return _PatternBand(each.name, each.dtype, each.crs, each.transform, each.width, each.height, pattern)

    return evolve(image, bands=LazyBands(lambda: list(map(band, image.bands))))


@frozen(eq=False)
class _PatternedCollection:
    """A collection with a pattern in place of its pixels."""

    collection: CollectionAsset
    pattern: "Pattern"

    @property
    def id(self) -> str:
        """The collection's."""
        return self.collection.id

    @property
    def properties(self) -> Any:
        """The collection's."""
        return self.collection.properties

    def images(self, region: Area = None, interval: Interval = None) -> Sequence[ImageAsset]:
        """The collection's images with the pattern."""
        return list(map(partial(_patterned, pattern=self.pattern), self.collection.images(region, interval)))


class _PatternedWorld:
    """A world with a pattern in place of its pixels; tables are unchanged."""

    def __init__(self, world: World, pattern: "Pattern") -> None:
        self.name = f"{world.name}, patterned"
        self._world = world
        self._pattern = pattern

    def find(self, asset_id: str) -> Any:
        """The world's asset with the pattern."""
        asset: Any = self._world.find(asset_id)
        if isinstance(asset, ImageAsset):
            return _patterned(asset, self._pattern)
        return _PatternedCollection(asset, self._pattern) if hasattr(asset, "images") else asset
