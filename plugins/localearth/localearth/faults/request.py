"""What fault rules need to know of a request: its phase, its identity and its locations."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.faults.kinds import Phase
from localearth.pixels import parse_grid
from localearth.raster.grid import Grid
from localearth.values.projection import apply, reproject

_PATHS: tuple[tuple[re.Pattern[str], Phase], ...] = (
    (re.compile(r"/\$discovery/rest|.*/algorithms"), Phase.CONNECT),
    (re.compile(r".*/value:compute|.*/table:computeFeatures"), Phase.LOCATE),
    (re.compile(r".*/image:computePixels|.*/assets/.*:getPixels"), Phase.PIXELS),
    (re.compile(r".*/(thumbnails|tables|maps)(/.*)?"), Phase.DOWNLOAD),
)
_LONLAT = {None, "EPSG:4326", "OGC:CRS84"}

_LABEL = re.compile(rb',\s*"workloadTag":\s*"[^"]*"')
"""The workload label; it does not change the computation, so it is not part of a request's identity."""


class Request:
    """One request."""

    def __init__(self, path: str, body: bytes | None) -> None:
        """Reads the phase from the path.

        Args:
            path: the URL's path, without host and query.
            body: JSON, or None.
        """
        self.phase = next((phase for pattern, phase in _PATHS if pattern.fullmatch(path)), None)
        # The path of a request with a body is ignored: it contains the project, which does not change the result.
        content = path.encode() if body is None else _LABEL.sub(b"", body)
        self._identifying = f"{self.phase}\n".encode() + content
        self._body = body

    @cached_property
    def identity(self) -> bytes:
        """A hash that is equal for equal requests."""
        return hashlib.blake2b(self._identifying, digest_size=16).digest()

    @property
    def as_npy(self) -> bool:
        """Whether it requests pixels as NPY."""
        return self.phase is Phase.PIXELS and self._content.get("fileFormat", "NPY") == "NPY"

    @cached_property
    def places(self) -> tuple[Point, ...]:
        """The locations that it concerns, in longitude and latitude.

        For a request of pixels this is the centre of its grid, otherwise the centroid of every geometry in its
        expression. Outlines are not used because those of neighbouring tiles touch.
        """
        if self.phase in (Phase.PIXELS, Phase.DOWNLOAD) and self._content.get("grid"):
            try:
                return (_centre(parse_grid(self._content["grid"])),)
            except EarthEngineError:
                return ()  # an invalid grid has no location
        return tuple(shape.centroid for shape in _geometries(self._content.get("expression")))

    @cached_property
    def _content(self) -> Mapping[str, Any]:
        try:
            content = json.loads(self._body or b"{}")
        except ValueError:
            content = None
        return content if isinstance(content, Mapping) else {}


def _centre(grid: Grid) -> Point:
    col, row = np.array([grid.width / 2]), np.array([grid.height / 2])
    x, y = reproject(grid.crs, "EPSG:4326", *apply(grid.transform, col, row))
    return Point(float(x[0]), float(y[0]))


def _geometries(expression: Any) -> Iterator[BaseGeometry]:
    """The constant geometries of an expression in longitude and latitude."""
    values = expression.get("values") if isinstance(expression, Mapping) else None
    if not isinstance(values, Mapping):
        return
    waiting: list[Any] = list(values.values())
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            call = node.get("functionInvocationValue")
            name = str(call.get("functionName", "")) if isinstance(call, Mapping) else ""
            if isinstance(call, Mapping) and name.startswith("GeometryConstructors."):
                shape = _geometry(name.partition(".")[2], call.get("arguments", {}), values)
                if shape is not None and not shape.is_empty:
                    yield shape
            else:
                waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _geometry(kind: str, arguments: Mapping[str, Any], values: Mapping[str, Any]) -> BaseGeometry | None:
    try:
        crs = _plain(arguments["crs"], values) if "crs" in arguments else None
        if crs not in _LONLAT:
            return None
        coordinates = _plain(arguments["coordinates"], values)
        shape: BaseGeometry = shapely.geometry.shape({"type": kind, "coordinates": coordinates})
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, shapely.errors.ShapelyError):
        return None  # the server computes or refuses it, so its location is unknown here
    return shape


def _plain(node: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """The value of a constant node.

    Raises:
        KeyError: when it is not a constant.
    """
    if "valueReference" in node:
        return _plain(values[node["valueReference"]], values)
    if "arrayValue" in node:
        return [_plain(each, values) for each in node["arrayValue"]["values"]]
    return node["constantValue"]
