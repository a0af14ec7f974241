"""The REST protocol of Earth Engine, independent of a transport."""

import json
import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import numpy as np

from localearth import image_files, pixels
from localearth.answer import JSON, Answer, file_answer, json_answer
from localearth.encode import encode
from localearth.errors import EarthEngineError
from localearth.expression import evaluate
from localearth.request_grid import request_grid
from localearth.rest_assets import asset_info, find_asset, image_of, list_features, list_images
from localearth.rest_downloads import Kept, Map, Thumbnail, map_of, requested_image, shown_bands, thumbnail, visualized
from localearth.rest_tables import Table, compute_features, table_of
from localearth.signatures import discovery, listing, methods
from localearth.values.geometry import from_geojson
from localearth.values.image import Image
from localearth.worlds.base import World

Groups = tuple[str, ...]
"""The groups of a path's pattern."""
Query = Mapping[str, str]
Body = Mapping[str, Any]
Handler = Callable[[Groups, Query, Body], Any]
"""Answers a request: with an `Answer`, or with what is sent as JSON."""

_EXPORT = (
    "{1}: the local Earth Engine does not export to Drive, Cloud Storage or assets. Use ee.data.computePixels, "
    "getDownloadURL or ee.data.computeFeatures."
)
_FOLDERS = "{0}:listAssets: the local Earth Engine has no folders. List the images of a collection by its id."


class Service:
    """An Earth Engine over one world. Safe to call from many threads; its only state is the list of downloads."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kept = Kept()
        project, asset = "(projects/[^/]+)", "(projects/[^/]+/assets/.+?)"
        routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", r"/\$discovery/rest", lambda *_: file_answer(discovery(), JSON)),
            ("GET", f"{project}/algorithms", lambda *_: file_answer(listing(), JSON)),
            ("POST", f"{project}/value:compute", self._value),
            ("POST", f"{project}/image:computePixels", self._compute_pixels),
            ("POST", f"{project}/table:computeFeatures", lambda _p, _q, body: compute_features(world, body)),
            ("POST", f"{project}/thumbnails", lambda p, _q, body: self._keep(p, "thumbnails", body, thumbnail)),
            ("POST", f"{project}/tables", lambda p, _q, body: self._keep(p, "tables", body, table_of)),
            ("POST", f"{project}/maps", lambda p, _q, body: self._keep(p, "maps", body, map_of)),
            ("GET", f"({project[1:-1]}/thumbnails/[^/]+):getPixels", lambda p, *_: self._file(p[0], Thumbnail)),
            ("GET", f"({project[1:-1]}/tables/[^/]+):getFeatures", lambda p, *_: self._file(p[0], Table)),
            ("GET", rf"({project[1:-1]}/maps/[^/]+)/tiles/(\d+)/(\d+)/(\d+)", self._tile),
            ("POST", rf"{project}/(\w+:export)", _refuse(_EXPORT)),
            ("GET", f"{project}/operations", lambda *_: {"operations": []}),
            ("GET", f"{project}:listAssets", _refuse(_FOLDERS)),
            ("GET", f"{asset}:(?:listAssets|listImages)", lambda p, q, _: list_images(world, p[0], q)),
            ("GET", f"{asset}:listFeatures", lambda p, q, _: list_features(world, p[0], q)),
            ("POST", f"{asset}:getPixels", lambda p, _q, body: self._pixels(image_of(world, p[0]), body)),
            ("GET", f"{asset[:-4]}[^:]+)", lambda p, *_: asset_info(find_asset(world, p[0]))),
        )
        self._routes = [
            (verb, re.compile(path if path.startswith("/") else f"/v1(?:alpha)?/{path}"), _answering(run))
            for verb, path, run in routes
        ]

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes | None) -> Answer:
        """Answers one request.

        Args:
            method: the HTTP method.
            path: the path without host and query, e.g. `/v1/projects/local/value:compute`.
            query: the query's parameters.
            body: JSON, or None.

        Returns:
            Status, headers and body. Errors are also answers, in Google's JSON form.
        """
        try:
            found = [(verb, pattern.fullmatch(unquote(path)), run) for verb, pattern, run in self._routes]
            known = [(verb, match, run) for verb, match, run in found if match]
            for verb, match, run in known:
                if verb == method:
                    # Infinite numbers and NaN are answers; a project may turn NumPy's warnings into errors.
                    with np.errstate(all="ignore"):
                        return run(match.groups(), query, _parse(body) if method == "POST" else {})
            raise _refusal(method, path, bool(known))
        except EarthEngineError as error:
            return error.answer()
        except MemoryError:
            text = "User memory limit exceeded: this machine has no memory left for the request. Request less at once."
            return EarthEngineError(text).answer()
        except Exception as error:  # noqa: BLE001 - a server must answer every request; the answer contains the error
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"The local Earth Engine failed: {type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            return EarthEngineError(text).answer()

    def _value(self, _path: Groups, _query: Query, body: Body) -> Any:
        return {"result": encode(evaluate(self.world, body.get("expression", {})))}

    def _compute_pixels(self, _path: Groups, _query: Query, body: Body) -> Answer:
        image_files.checked_format(body.get("fileFormat", "NPY"))
        if {"dimensions", "affineTransform", "crsCode"} <= (body.get("grid") or {}).keys():
            pixels.parse_grid(body["grid"])  # a wrong grid is refused before anything is computed
        return self._pixels(requested_image(self.world, "image:computePixels", body), body, visible=True)

    def _pixels(self, image: Image, body: Body, visible: bool = False) -> Answer:
        file_format = image_files.checked_format(body.get("fileFormat", "NPY"))
        bands = shown_bands(image if visible else visualized(image, body), body)
        if file_format in image_files.PICTURES:
            image_files.check_picture(bands)
        region = from_geojson(body["region"]) if body.get("region") else None
        grid = request_grid(body.get("grid"), image, bands, region)
        pixels.check_size(bands, grid)
        try:
            return file_answer(*image_files.file_of(pixels.compute(bands, grid), file_format))
        except RecursionError:
            raise EarthEngineError("The expression is nested too deeply.") from None

    def _keep(self, path: Groups, kind: str, body: Body, prepare: Callable[[World, Body], Any]) -> Any:
        """Prepares a file or a map, so that an error is raised at once, and returns its name."""
        return {"name": self._kept.add(f"{path[0]}/{kind}", body, prepare(self.world, body))}

    def _file(self, name: str, kind: type[Thumbnail] | type[Table]) -> Answer:
        return file_answer(*self._kept.get(name, kind).content())

    def _tile(self, path: Groups, _query: Query, _body: Body) -> Answer:
        name, zoom, x, y = path
        return file_answer(*self._kept.get(name, Map).tile(int(zoom), int(x), int(y)))


def _answering(run: Handler) -> Callable[[Groups, Query, Body], Answer]:
    """A handler that always returns an `Answer`."""

    def answer(groups: Groups, query: Query, body: Body) -> Answer:
        found = run(groups, query, body)
        return found if isinstance(found, tuple) else json_answer(found)

    return answer


def _refuse(message: str) -> Handler:
    """Refuses a request, with the groups of its path's pattern in the message."""

    def refuse(path: Groups, _query: Query, _body: Body) -> Answer:
        raise EarthEngineError(message.format(*path))

    return refuse


def _refusal(method: str, path: str, known: bool) -> EarthEngineError:
    """The error of a request that has no handler: never 404, which the client takes for a missing asset."""
    for name, verb, pattern in methods():
        # Not 501, which the client asks for again for half a minute.
        if verb == method and pattern.fullmatch(unquote(path)):
            return EarthEngineError(
                f"{name}: the local Earth Engine does not implement this method. It computes values, images and "
                "tables; it has no animations and starts no tasks, and it never changes assets."
            )
    if known:
        return EarthEngineError(f"{path} does not support {method}.", 405)
    return EarthEngineError(f"The local Earth Engine does not implement the method at {path}.", 501)


def _parse(body: bytes | None) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        raise EarthEngineError("Invalid JSON payload received.") from None
    if not isinstance(found, dict):
        raise EarthEngineError("Invalid JSON payload received: an object is expected.")
    return found
