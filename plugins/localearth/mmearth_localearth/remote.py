"""Asks a server of `mmearth-core localearth serve` what it holds."""

import json
from urllib.parse import urlsplit

from mmearth_core import Limits
from mmearth_core.earthengine.client import HttpTransport
from mmearth_core.errors import EngineError

_PATIENCE = Limits(timeout=30.0, connections=1)


def remote_source(url: str) -> str:
    """The source that a server's pixels come from, as a dataset records it.

    Args:
        url: the server's address, e.g. `http://127.0.0.1:8765`.

    Raises:
        EngineError: when no local Earth Engine answers there.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise EngineError(
            f"engines.local: url = {url!r} is not an address. Give what `mmearth-core localearth serve` printed, e.g. "
            "http://127.0.0.1:8765."
        )
    remedy = "Start one with `mmearth-core localearth serve`, or leave `url` out to work inside the process."
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
            f"engines.local: what answers at {url} (HTTP status {answer.status}) is not a local Earth Engine. {remedy}"
        )
    return source
