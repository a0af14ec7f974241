"""A request as the rules see it: its phase, its identity, and the places that it is about."""

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

from mmearth_localearth.errors import EarthEngineError
from mmearth_localearth.faults.kinds import Phase
from mmearth_localearth.pixels import parse_grid
from mmearth_localearth.raster.grid import Grid
from mmearth_localearth.values.projection import reproject

_PATHS: tuple[tuple[re.Pattern[str], Phase], ...] = (
    (re.compile(r"/\$discovery/rest|.*/algorithms"), Phase.CONNECT),
    (re.compile(r".*/value:compute"), Phase.LOCATE),
    (re.compile(r".*/image:computePixels"), Phase.PIXELS),
    (re.compile(r".*/thumbnails(/.*)?"), Phase.DOWNLOAD),
)
_LONLAT = {None, "EPSG:4326", "OGC:CRS84"}

_LABEL = re.compile(rb',\s*"workloadTag":\s*"[^"]*"')
"""What a request's computation is labelled with; as little a part of the question as the project."""


class Asked:
    """One request."""

    def __init__(self, path: str, body: bytes | None) -> None:
        """Takes what was asked.

        Args:
            path: of the URL, without host and query.
            body: JSON, or nothing.
        """
        self.phase = next((phase for pattern, phase in _PATHS if pattern.fullmatch(path)), None)
        # The path of a request with a body is ignored: it names the project, which is not part of the question.
        said = path.encode() if body is None else _LABEL.sub(b"", body)
        self._said = f"{self.phase}\n".encode() + said
        self._body = body

    @cached_property
    def identity(self) -> bytes:
        """Equal for equal requests."""
        return hashlib.blake2b(self._said, digest_size=16).digest()

    @property
    def as_npy(self) -> bool:
        """Whether pixels are to come in NPY."""
        return self.phase is Phase.PIXELS and self._content.get("fileFormat", "NPY") == "NPY"

    @cached_property
    def places(self) -> tuple[Point, ...]:
        """The places that it is about, in longitude and latitude.

        The centre of its grid, when pixels are requested; else the middle of every geometry in its expression. Not
        their outlines: those of neighbouring tiles touch.
        """
        if self.phase in (Phase.PIXELS, Phase.DOWNLOAD) and self._content.get("grid"):
            try:
                return (_centre(parse_grid(self._content["grid"])),)
            except EarthEngineError:
                return ()  # an impossible grid is nowhere
        return tuple(shape.centroid for shape in _geometries(self._content.get("expression")))

    @cached_property
    def _content(self) -> Mapping[str, Any]:
        try:
            found = json.loads(self._body or b"{}")
        except ValueError:
            found = None
        return found if isinstance(found, Mapping) else {}


def _centre(grid: Grid) -> Point:
    a, b, c, d, e, f = grid.transform
    col, row = np.array([grid.width / 2]), np.array([grid.height / 2])
    x, y = reproject(grid.crs, "EPSG:4326", a * col + b * row + c, d * col + e * row + f)
    return Point(float(x[0]), float(y[0]))


def _geometries(expression: Any) -> Iterator[BaseGeometry]:
    """The geometries that an expression is about, of those in longitude and latitude."""
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
        return None  # computed by the server, or refused by it: nothing to go by
    return shape


def _plain(node: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """A node's value without evaluating anything.

    Raises:
        KeyError: when it is not a constant.
    """
    if "valueReference" in node:
        return _plain(values[node["valueReference"]], values)
    if "arrayValue" in node:
        return [_plain(each, values) for each in node["arrayValue"]["values"]]
    return node["constantValue"]
