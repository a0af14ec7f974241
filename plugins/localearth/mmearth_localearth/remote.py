"""Gets the world of a server started with `mmearth-core localearth serve`."""

import json
from urllib.parse import urlsplit

from mmearth_core import Limits
from mmearth_core.earthengine.client import HttpTransport
from mmearth_core.errors import EngineError

_PATIENCE = Limits(timeout=30.0, connections=1)


def remote_source(url: str) -> str:
    """The source of a server's pixels, as a dataset records it.

    Args:
        url: the server's address, e.g. `http://127.0.0.1:8765`.

    Raises:
        EngineError: when no local Earth Engine answers there.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise EngineError(
            f"engines.local: url = {url!r} is not an address. Set it to the URL that `mmearth-core localearth serve` "
            "printed, e.g. http://127.0.0.1:8765."
        )
    remedy = "Start one with `mmearth-core localearth serve`, or remove `url` to use the engine inside the process."
    try:
        answer, content = HttpTransport(_PATIENCE).request(f"{url}/world")
    except OSError as error:
        raise EngineError(f"engines.local: no local Earth Engine answers at {url}: {error}. {remedy}") from error
    try:
        source = json.loads(content)["source"] if answer.status == 200 else None
    except (ValueError, KeyError, TypeError):
        source = None
    if not isinstance(source, str):
        raise EngineError(
            f"engines.local: the server at {url} is not a local Earth Engine (HTTP status {answer.status}). {remedy}"
        )
    return source
