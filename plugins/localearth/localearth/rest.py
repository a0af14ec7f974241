"""The REST protocol of Earth Engine, independent of a transport."""

import json
import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from localearth import pixels
from localearth.encode import encode
from localearth.errors import EarthEngineError
from localearth.expression import evaluate
from localearth.promote import promote
from localearth.rest_downloads import Downloads
from localearth.signatures import discovery, listing
from localearth.worlds.base import World

Answer = tuple[int, dict[str, str], bytes]
_JSON = {"content-type": "application/json; charset=UTF-8"}


class Service:
    """An Earth Engine over one world. Safe to call from many threads; its only state is the list of downloads."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._downloads = Downloads(world)
        self._routes: tuple[tuple[str, re.Pattern[str], Callable[[Any], Answer]], ...] = (
            ("GET", re.compile(r"/\$discovery/rest"), lambda _body: (200, dict(_JSON), discovery())),
            ("GET", re.compile(r"/v1(alpha)?/projects/[^/]+/algorithms"), lambda _body: (200, dict(_JSON), listing())),
            ("POST", re.compile(r"/v1(alpha)?/projects/[^/]+/value:compute"), self._value),
            ("POST", re.compile(r"/v1(alpha)?/projects/[^/]+/image:computePixels"), self._pixels),
        )

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes | None) -> Answer:
        """Answers one request.

        Args:
            method: the HTTP method.
            path: the path without host and query, e.g. `/v1/projects/local/value:compute`.
            query: the query's parameters; they do not change the answer.
            body: JSON, or None.

        Returns:
            Status, headers and body. Errors are also answers, in Google's JSON form.
        """
        try:
            download = self._downloads.answer(method, path, lambda: _parse(body))
            if download is not None:
                return download
            known = [(verb, run) for verb, pattern, run in self._routes if pattern.fullmatch(path)]
            if not known:
                raise EarthEngineError(f"The local Earth Engine has no method at {path}.", 404)
            for verb, run in known:
                if verb == method:
                    return run(_parse(body) if method == "POST" else None)
            raise EarthEngineError(f"{path} does not support {method}.", 405)
        except EarthEngineError as error:
            return _answer(error.body(), error.status)
        except Exception as error:  # noqa: BLE001 - a server must answer every request; the answer contains the error
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"The local Earth Engine failed: {type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            return _answer(EarthEngineError(text).body(), 400)

    def _value(self, body: Mapping[str, Any]) -> Answer:
        return _answer({"result": encode(evaluate(self.world, body.get("expression", {})))})

    def _pixels(self, body: Mapping[str, Any]) -> Answer:
        file_format = body.get("fileFormat", "NPY")
        if file_format not in pixels.FORMATS:
            raise EarthEngineError(
                f"The local Earth Engine does not support the file format {file_format}; "
                f"it supports {', '.join(pixels.FORMATS)}."
            )
        grid = pixels.parse_grid(body.get("grid"))
        value = evaluate(self.world, body.get("expression", {}))
        image = promote("image:computePixels", "expression", "Image<unknown bands>", value)
        bands = pixels.chosen_bands(image, body.get("bandIds"))
        pixels.check_size(bands, grid)
        write, content_type = pixels.FORMATS[file_format]
        try:
            content = write(pixels.compute(bands, grid), bands, grid)
        except RecursionError:
            raise EarthEngineError("The expression is nested too deeply.") from None
        return 200, {"content-type": content_type}, content


def _parse(body: bytes | None) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        raise EarthEngineError("Invalid JSON payload received.") from None
    if not isinstance(found, dict):
        raise EarthEngineError("Invalid JSON payload received: an object is expected.")
    return found


def _answer(content: Any, status: int = 200) -> Answer:
    return status, dict(_JSON), json.dumps(content, separators=(",", ":")).encode()
