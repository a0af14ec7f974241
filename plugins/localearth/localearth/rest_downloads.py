"""Files that are created by a POST and fetched by a plain GET: downloads and thumbnails, tables, map tiles."""

import hashlib
import json
import math
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from io import BytesIO
from typing import Any, TypeVar

from attrs import frozen

from localearth import image_files
from localearth.errors import EarthEngineError
from localearth.expression import evaluate
from localearth.functions.image_bounds import north_up, scaled_grid
from localearth.functions.image_visualize import visualize
from localearth.functions.support import check_keys
from localearth.pixels import check_bytes, check_side, check_size, chosen_bands, compute
from localearth.promote import promote
from localearth.raster.grid import Grid
from localearth.request_grid import request_grid
from localearth.values.image import Image, ImageBand
from localearth.values.projection import WGS84
from localearth.worlds.base import World

MAX_BYTES = 32 * 2**20
"""Maximum size of a download (documentation of `Image.getDownloadURL`: "Maximum request size is 32 MB")."""
MAX_SIDE = 10_000
"""Maximum width and height, pixels (there: "maximum grid dimension is 10000")."""
THUMBNAIL_SIDE = 512
"""Larger side of a thumbnail without a size, pixels (Google's guide on the visualization of images)."""
TILE_SIDE = 256
"""Side of a map tile, pixels."""
KEPT = 1000
"""Maximum number of files kept; a new one removes the oldest."""
_EQUATOR = 2 * math.pi * 6_378_137
"""Width of the map in EPSG:3857, metres."""

_ZIPS = ("ZIPPED_GEO_TIFF", "ZIPPED_GEO_TIFF_PER_BAND")
_T = TypeVar("_T")


class Kept:
    """The prepared files and maps of one service, by name; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Any] = OrderedDict()

    def add(self, parent: str, body: Mapping[str, Any], prepared: Any) -> str:
        """Keeps a file or map and returns its name. Equal requests have the same name."""
        text = json.dumps(body, sort_keys=True).encode()
        name = f"{parent}/{hashlib.sha256(text).hexdigest()[:32]}"
        with self._lock:
            self._known[name] = prepared
            self._known.move_to_end(name)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return name

    def get(self, name: str, kind: type[_T]) -> _T:
        """The file or map of a name.

        Raises:
            EarthEngineError: when there is nothing.
        """
        with self._lock:
            found = self._known.get(name)
        if not isinstance(found, kind):
            raise EarthEngineError(f"{kind.__name__} '{name}' not found, or no longer kept.", 404)
        return found


@frozen(eq=False)
class Thumbnail:
    """A file of pixels that can be downloaded.

    Attributes:
        parts: the bands of each file, with the grid; more than one for a zip with a file per band.
        file_format: the client's name of the format.
        prefix: prefix of the file names in a zip.
    """

    parts: tuple[tuple[tuple[ImageBand, ...], Grid], ...]
    file_format: str
    prefix: str

    def content(self) -> tuple[bytes, str]:
        """Computes the file and returns it with its content type."""
        if self.file_format not in _ZIPS:
            ((bands, grid),) = self.parts
            return image_files.file_of(compute(bands, grid), self.file_format)
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for bands, grid in self.parts:
                name = self.prefix if self.file_format == "ZIPPED_GEO_TIFF" else f"{self.prefix}.{bands[0].name}"
                # A fixed time, so that equal pixels give equal files.
                archive.writestr(zipfile.ZipInfo(f"{name}.tif"), image_files.geotiff(compute(bands, grid)))
        return packed.getvalue(), "application/zip"


def thumbnail(world: World, body: Mapping[str, Any]) -> Thumbnail:
    """Prepares a download or a thumbnail.

    Raises:
        EarthEngineError: when the image cannot be computed, has no bounds, or is too large.
    """
    file_format = image_files.checked_format(body.get("fileFormat", ""), _ZIPS)
    image = requested_image(world, "thumbnails", body)
    bands = shown_bands(image, body)
    groups = [(band,) for band in bands] if file_format == "ZIPPED_GEO_TIFF_PER_BAND" else [bands]
    if file_format in image_files.PICTURES:
        bands = _picture_bands(image, body)
        parts = [(bands, north_up(_picture_grid(body, image, bands)))]
    else:
        parts = [(group, request_grid(body.get("grid"), image, group)) for group in groups]
    for _, grid in parts:
        check_side(grid.width, grid.height, MAX_SIDE)
    size = sum(grid.width * grid.height * band.type.dtype.itemsize for group, grid in parts for band in group)
    check_bytes(size, MAX_BYTES)
    for group, grid in parts:
        check_size(group, grid)
    return Thumbnail(tuple(parts), file_format, str(body.get("filenamePrefix") or "download"))


def requested_image(world: World, method: str, body: Mapping[str, Any]) -> Image:
    """The image of a request's expression, with its visualization options applied."""
    image: Image = promote(method, "expression", "Image<unknown bands>", evaluate(world, body.get("expression", {})))
    return visualized(image, body)


def visualized(image: Image, body: Mapping[str, Any]) -> Image:
    """An image with a request's visualization options applied, if it has some."""
    options = body.get("visualizationOptions")
    if not options:
        return image
    check_keys("visualizationOptions", options, ("ranges", "paletteColors", "gamma", "opacity"))
    chosen = image.with_bands(chosen_bands(image, body.get("bandIds")))
    ranges = options.get("ranges") or []
    low, high = ([each.get(edge, 0.0) for each in ranges] or None for edge in ("min", "max"))
    gamma, opacity = options.get("gamma"), options.get("opacity")
    if isinstance(gamma, Mapping):
        gamma = gamma.get("value")  # The client sends an object, the reference describes a number.
    if opacity is not None:
        opacity = promote("visualizationOptions", "opacity", "Number", opacity)
    return visualize(chosen, None, None, None, low, high, gamma, opacity, options.get("paletteColors") or None, False)


def shown_bands(image: Image, body: Mapping[str, Any]) -> tuple[ImageBand, ...]:
    """The bands that a request chooses from a visualized image; `visualized` has applied `bandIds` to others."""
    return image.bands if body.get("visualizationOptions") else chosen_bands(image, body.get("bandIds"))


def _picture_bands(image: Image, body: Mapping[str, Any]) -> tuple[ImageBand, ...]:
    """The bands of a picture, as bytes.

    Without visualization options the first three bands are stretched by their types (Google's guide on the
    visualization of images); an image that the client has visualized stays the same.
    """
    bands = shown_bands(image, body)
    if body.get("visualizationOptions"):
        return bands
    return visualize(image.with_bands(bands), None, None, None, None, None, None, None, None, False).bands


def _picture_grid(body: Mapping[str, Any], image: Image, bands: tuple[ImageBand, ...]) -> Grid:
    """The grid of a thumbnail: by default 512 pixels along its larger side, in EPSG:4326 (Google's guide)."""
    text = json.dumps(body.get("expression"))
    if body.get("grid") or '"Image.clipToBoundsAndScale"' in text:
        return request_grid(body.get("grid"), image, bands)
    if image.footprint is None:
        raise EarthEngineError("Image has no bounds: set the region of the thumbnail.")
    # The client turns the parameters `crs` and `crs_transform` into one of these functions.
    given = any(f'"Image.{name}"' in text for name in ("reproject", "setDefaultProjection"))
    projection = bands[0].projection if given else WGS84
    return scaled_grid(projection, image.footprint, None, None, THUMBNAIL_SIDE, None)


@frozen(eq=False)
class Map:
    """Map tiles of an image.

    Attributes:
        bands: one or three bands of bytes.
        file_format: PNG, JPEG or AUTO_JPEG_PNG.
    """

    bands: tuple[ImageBand, ...]
    file_format: str

    def tile(self, zoom: int, x: int, y: int) -> tuple[bytes, str]:
        """One tile of the usual map in EPSG:3857, and its content type.

        Raises:
            EarthEngineError: there is no such tile.
        """
        if zoom > 24 or max(x, y) >= 2**zoom:
            raise EarthEngineError(f"There is no map tile {zoom}/{x}/{y}.")
        side = _EQUATOR / 2**zoom
        step = side / TILE_SIDE
        corner = (step, 0.0, x * side - _EQUATOR / 2, 0.0, -step, _EQUATOR / 2 - y * side)
        grid = Grid("EPSG:3857", corner, TILE_SIDE, TILE_SIDE)
        return image_files.file_of(compute(self.bands, grid), self.file_format)


def map_of(world: World, body: Mapping[str, Any]) -> Map:
    """Prepares map tiles.

    Raises:
        EarthEngineError: when the image cannot be computed, or is not a picture.
    """
    file_format = str(body.get("fileFormat") or "AUTO_JPEG_PNG")
    if file_format not in image_files.PICTURES:
        raise EarthEngineError(f"Map tiles are {', '.join(image_files.PICTURES)}, not {file_format}.")
    image = requested_image(world, "maps", body)
    return Map(_picture_bands(image, body), file_format)
