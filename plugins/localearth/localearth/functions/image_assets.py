"""Images and collections from assets."""

from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.raster.grid import Grid, outline_lonlat
from localearth.raster.sampling import Sampled, around_globe, nearest
from localearth.registry import function
from localearth.values.collection import Collection
from localearth.values.feature import Feature
from localearth.values.geometry import Geometry
from localearth.values.image import Image, ImageBand, Pull, blank
from localearth.values.pixel_type import of_dtype
from localearth.values.projection import Affine, Projection
from localearth.worlds.base import BandSource, ImageAsset, World

_FOOTPRINTS: dict[int, tuple[BaseGeometry, Geometry, Geometry]] = {}
"""The shapes of footprints by their id(), with the geometries made of them; see `_footprint`."""
_MOST_FOOTPRINTS = 4096
"""Maximum number of footprints that are kept."""


def _found(world: World, kind: str, asset_id: str) -> Any:
    """An asset of the world.

    Raises:
        EarthEngineError: it is missing; Google's error, with the most similar asset id of the world.
    """
    found = world.find(asset_id)
    if found is not None:
        return found
    known = list(world.listed() if hasattr(world, "listed") else getattr(world, "assets", ()))
    like = "".join(f"; the most similar is '{each}'" for each in get_close_matches(asset_id, known, 1))
    raise EarthEngineError(
        f"{kind} asset '{asset_id}' not found (does not exist or caller does not have access). The world "
        f"'{world.name}' of the local Earth Engine has other assets{like}. docs/worlds.md shows how to add rasters, "
        "and docs/synthetic.md lists the assets of the synthetic planet."
    )


def from_asset(asset: ImageAsset) -> Image:
    """The image of an asset; its bands are created on first use."""
    footprint, ring = (None, None) if asset.footprint is None else _footprint(asset.footprint)
    properties = {"system:version": asset.version, **asset.properties, "system:index": asset.index}
    if footprint is not None:
        properties["system:footprint"] = ring if asset.ring else footprint
    return Image(
        lambda: tuple(_band(band, footprint) for band in asset.bands), properties, id=asset.id, footprint=footprint
    )


def _footprint(shape: BaseGeometry) -> tuple[Geometry, Geometry]:
    """A footprint, and the ring around it: the footprint itself if it has several parts or holes.

    Scenes of one place share their shape, and therefore what is computed from it. The shape is kept with it, because
    its id() is only unique during its lifetime.
    """
    found = _FOOTPRINTS.get(id(shape))
    if found is None:
        if len(_FOOTPRINTS) >= _MOST_FOOTPRINTS:
            _FOOTPRINTS.clear()
        footprint = Geometry(shape, geodesic=False)
        plain = shape.geom_type == "Polygon" and not shape.interiors
        found = _FOOTPRINTS[id(shape)] = shape, footprint, Geometry(shape.exterior) if plain else footprint
    return found[1:]


@lru_cache(maxsize=4096)
def _projection(crs: str, transform: Affine) -> Projection:
    return Projection(crs, transform)


def _band(band: BandSource, footprint: Geometry | None) -> ImageBand:
    native = _projection(band.crs, band.transform)
    kind = of_dtype(band.dtype)

    def source(grid: Grid, pull: Pull) -> Sampled:
        # Most images of a long collection do not meet the grid: a bounding box shows that without reprojection.
        if footprint is not None and not _touch(footprint, grid):
            return blank(grid, kind.dtype)
        at = around_globe(pull.positions(grid, native), native, band.width)
        values, mask = nearest(at, band.read, (band.height, band.width), kind.dtype)
        return np.asarray(values, kind.dtype), mask

    return ImageBand(band.name, kind, native, source, (band.width, band.height))


def _touch(footprint: Geometry, grid: Grid) -> bool:
    """Whether the bounding boxes of a footprint and a grid meet, with a margin for footprints that are too small."""
    w, s, e, n = footprint.lonlat.bounds
    west, south, east, north = outline_lonlat(grid).bounds
    margin = 0.05
    along = any(w - margin <= east + turn and west + turn - margin <= e for turn in (0, -360, 360))
    return bool(along and s - margin <= north and south - margin <= n)


@function("Image.load", world=True, note="`version` is ignored.")
def load_image(world: World, asset_id: str, _version: int) -> Image:
    """An image asset."""
    asset = _found(world, "Image", asset_id)
    if not isinstance(asset, ImageAsset):
        raise EarthEngineError(f"Asset '{asset_id}' is not an Image.")
    return from_asset(asset)


@function("ImageCollection.load", world=True, note="`version` is ignored.")
def load_image_collection(world: World, asset_id: str, _version: int | None) -> Collection:
    """An image collection asset; it gets the region and dates of filters."""
    asset = _found(world, "ImageCollection", asset_id)
    if isinstance(asset, ImageAsset) or not hasattr(asset, "images"):
        raise EarthEngineError(f"Asset '{asset_id}' is not an ImageCollection.")
    images = asset.images
    # A request may filter one collection for many tiles: an image that several of them need is created once. The
    # asset is kept with it, because its id() is only unique during its lifetime.
    made: dict[int, tuple[ImageAsset, Image]] = {}

    def image_of(each: ImageAsset) -> Image:
        found = made.get(id(each))
        if found is None:
            found = made[id(each)] = each, from_asset(each)
        return found[1]

    def find(index: str) -> Image | None:
        each = world.find(f"{asset_id}/{index}")
        return image_of(each) if isinstance(each, ImageAsset) else None

    walk = getattr(asset, "walk", None)
    return Collection(
        lambda region, interval: [image_of(each) for each in images(region, interval)],
        True,
        id=asset_id,
        properties={"system:version": 1, **asset.properties},
        find=find,
        walk=None if walk is None else lambda interval: map(image_of, walk(interval)),
        locate=getattr(asset, "locate", None),
    )


@function("Collection.loadTable", world=True, note="`geometryColumn` and `version` are ignored.")
def load_table(world: World, asset_id: str, _column: str | None, _version: int) -> Collection:
    """A table asset; it gets the region of filters."""
    asset = _found(world, "Collection", asset_id)
    if isinstance(asset, ImageAsset):
        raise EarthEngineError(f"Asset '{asset_id}' is not a Collection.")
    if not hasattr(asset, "features"):
        return load_image_collection(world, asset_id, None)
    features = asset.features
    return Collection(
        lambda region, _interval: [
            # Edges of a table are straight in longitude and latitude, as in GeoJSON (RFC 7946).
            Feature(Geometry(each.geometry, geodesic=False), {**each.properties, "system:index": each.index})
            for each in features(region)
        ],
        False,
        id=asset_id,
        properties={"system:version": 1, **asset.properties},
    )
