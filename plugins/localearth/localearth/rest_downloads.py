"""Downloads with `getDownloadURL`: a POST creates the download, a plain GET returns the file."""

import hashlib
import json
import re
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from attrs import frozen

from localearth import pixels
from localearth.errors import EarthEngineError
from localearth.expression import evaluate
from localearth.functions.image_bounds import covering
from localearth.functions.image_grid import projection_of
from localearth.promote import promote
from localearth.raster.grid import Grid
from localearth.values.image import ImageBand
from localearth.worlds.base import World

MAX_BYTES = 32 * 2**20
"""Maximum size of a download (documentation of `Image.getDownloadURL`: "Maximum request size is 32 MB")."""
MAX_SIDE = 10_000
"""Maximum width and height, pixels (there: "maximum grid dimension is 10000")."""
KEPT = 1000
"""Maximum number of downloads kept; a new one removes the oldest."""

CREATE = re.compile(r"/v1(?:alpha)?/(projects/[^/]+/thumbnails)")
FETCH = re.compile(r"/v1(?:alpha)?/(projects/[^/]+/thumbnails/[^/]+):getPixels")
_ZIPS = ("ZIPPED_GEO_TIFF", "ZIPPED_GEO_TIFF_PER_BAND")


@frozen(eq=False)
class Download:
    """A file that can be downloaded.

    Attributes:
        bands: its bands.
        grid: its grid.
        file_format: the client's name of the format.
        prefix: prefix of the file names in a zip.
    """

    bands: tuple[ImageBand, ...]
    grid: Grid
    file_format: str
    prefix: str

    def content(self) -> tuple[bytes, str]:
        """Computes the file and returns it with its content type."""
        array = pixels.compute(self.bands, self.grid)
        if self.file_format in pixels.FORMATS:
            write, content_type = pixels.FORMATS[self.file_format]
            return write(array, self.bands, self.grid), content_type
        whole = self.file_format == "ZIPPED_GEO_TIFF"
        files = (
            {f"{self.prefix}.tif": self.bands}
            if whole
            else {f"{self.prefix}.{band.name}.tif": (band,) for band in self.bands}
        )
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, bands in files.items():
                # A fixed time, so that equal pixels give equal files.
                archive.writestr(zipfile.ZipInfo(name), pixels.geotiff(array, bands, self.grid))
        return packed.getvalue(), "application/zip"


class Downloads:
    """The downloads of one service; safe to use from many threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Download] = OrderedDict()

    def answer(
        self, method: str, path: str, read: Callable[[], Mapping[str, Any]]
    ) -> tuple[int, dict[str, str], bytes] | None:
        """Answers a request of a download; returns None for any other request.

        Args:
            method: the HTTP method.
            path: the path without host and query.
            read: parses the body's JSON.

        Raises:
            EarthEngineError: see `create` and `fetch`.
        """
        creating, fetching = CREATE.fullmatch(path), FETCH.fullmatch(path)
        if creating and method == "POST":
            named = self.create(creating[1], read())
            return 200, {"content-type": "application/json; charset=UTF-8"}, json.dumps(named).encode()
        if fetching and method == "GET":
            content, content_type = self.fetch(fetching[1])
            return 200, {"content-type": content_type}, content
        if creating or fetching:
            raise EarthEngineError(f"{path} does not support {method}.", 405)
        return None

    def create(self, parent: str, body: Mapping[str, Any]) -> dict[str, str]:
        """Prepares a download and returns its name. Equal requests have the same name.

        Raises:
            EarthEngineError: when the image cannot be computed, has no bounds, or is too large.
        """
        download = self._prepared(body)
        text = json.dumps(body, sort_keys=True).encode()
        name = f"{parent}/{hashlib.sha256(text).hexdigest()[:32]}"
        with self._lock:
            self._known[name] = download
            self._known.move_to_end(name)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return {"name": name}

    def fetch(self, name: str) -> tuple[bytes, str]:
        """The file of that name and its content type.

        Raises:
            EarthEngineError: when there is no such file.
        """
        with self._lock:
            download = self._known.get(name)
        if download is None:
            raise EarthEngineError(f"Thumbnail '{name}' not found, or no longer kept.", 404)
        return download.content()

    def _prepared(self, body: Mapping[str, Any]) -> Download:
        file_format = body.get("fileFormat", "")
        allowed = (*pixels.FORMATS, *_ZIPS)
        if file_format not in allowed:
            raise EarthEngineError(
                f"The local Earth Engine does not support the file format {file_format}; it supports "
                f"{', '.join(allowed)}."
            )
        value = evaluate(self._world, body.get("expression", {}))
        image = promote("thumbnails", "expression", "Image<unknown bands>", value)
        bands = pixels.chosen_bands(image, body.get("bandIds"))
        if body.get("grid"):
            grid = pixels.parse_grid(body["grid"])
        elif image.footprint is None:
            raise EarthEngineError("Image has no bounds: set the region of the download.")
        else:
            grid = covering(image.footprint, projection_of(image.with_bands(bands)))
        if max(grid.width, grid.height) > MAX_SIDE:
            raise EarthEngineError(
                f"Pixel grid dimensions ({grid.width}x{grid.height}) must be less than or equal to {MAX_SIDE}."
            )
        size = grid.width * grid.height * sum(band.type.dtype.itemsize for band in bands)
        if size > MAX_BYTES:
            raise EarthEngineError(
                f"Total request size ({size} bytes) must be less than or equal to {MAX_BYTES} bytes."
            )
        pixels.check_size(bands, grid)
        return Download(bands, grid, file_format, str(body.get("filenamePrefix") or "download"))
