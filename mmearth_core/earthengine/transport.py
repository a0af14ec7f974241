"""Transports: one over HTTP for Google's servers, and three around any engine's: permits, a check and a meter."""

import io
import json
import math
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic as _now
from typing import Any
from urllib.parse import urlsplit

import httplib2
import numpy as np
import requests
from requests.adapters import HTTPAdapter

from mmearth_core.contract.engine import Limits, Transport
from mmearth_core.earthengine.faults import GarbledError

_KINDS = ("value:compute", "image:computePixels", "image:computeThumbnail", "table:computeFeatures")


_PIECE = 2**18


_QUOTA_STATUS = "x-earth-engine-quota-status"
"""The header that tells of restricted mode; the `ee` client turns it into a mere warning."""


_NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""By version of the format; the third is for names beyond Latin-1, which no band has."""


class HttpTransport:
    """httplib2's `request` over a pooled `requests.Session`, with a timeout on every request."""

    def __init__(self, limits: Limits) -> None:
        self._timeout = limits.timeout
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=limits.connections, pool_block=True)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *_: Any, **__: Any
    ) -> tuple[httplib2.Response, bytes]:
        """Sends one request.

        Raises:
            TimeoutError: no answer in time.
            ConnectionError: no connection, or it broke off.
        """
        try:
            answer, content = self._within_time(method, uri, body, headers)
        except requests.exceptions.Timeout as error:
            raise TimeoutError(f"no answer within {self._timeout:g} s") from error
        except requests.exceptions.RequestException as error:
            raise ConnectionError(f"connection to {urlsplit(uri).hostname} failed: {error}") from error
        fields = {name.lower(): value for name, value in answer.headers.items()}
        return httplib2.Response({**fields, "status": str(answer.status_code)}), content

    def _within_time(self, method: str, uri: str, body: Any, headers: Any) -> tuple[requests.Response, bytes]:
        """Sends a request and reads the answer; the library's own timeout is one between two pieces of it."""
        end = _now() + self._timeout
        with self._session.request(
            method, uri, data=body, headers=headers, timeout=self._timeout, stream=True
        ) as answer:
            pieces = []
            for piece in answer.iter_content(_PIECE):
                pieces.append(piece)
                if _now() > end:
                    raise requests.exceptions.Timeout
            return answer, b"".join(pieces)


class Checked:
    """Refuses answers that are not Earth Engine's own, such as a proxy's page or what is left of a broken answer.

    The `ee` client would take them for results.

    Attributes:
        restricted: whether an answer told that the project is in restricted mode, its quota used up.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.restricted = False

    def request(self, uri: str, *args: Any, **options: Any) -> tuple[Any, bytes]:
        """Passes a request on, and looks at what comes back.

        Raises:
            ConnectionError: a proxy answers in Earth Engine's place.
            GarbledError: the answer is garbled.
        """
        answer, body = self._transport.request(uri, *args, **options)
        if "parallelism_restricted=true" in answer.get(_QUOTA_STATUS, ""):
            self.restricted = True
            del answer[_QUOTA_STATUS]
        if answer.status < 300:
            path = urlsplit(uri).path
            try:
                if path.endswith("image:computePixels"):
                    _check_npy(body)
                elif not isinstance(json.loads(body), dict):
                    raise ValueError("no JSON object")
            except (ValueError, EOFError) as error:
                kind = path.rpartition("/")[2]
                if "html" in answer.get("content-type", ""):
                    raise ConnectionError(
                        f"the answer to {kind} is a web page; a proxy or log-in page stands between here and "
                        "Earth Engine"
                    ) from error
                raise GarbledError(
                    f"the answer to {kind} is garbled; something between here and Earth Engine, "
                    "such as a proxy, may have changed it or cut it short"
                ) from error
        return answer, body


class Permitted:
    """Sends the requests that cost quota under a permit each.

    Here and not around the `ee` client's call, which first writes a graph and then reads the answer: a permit is held
    for as long as the server is at work, and a request leaves as soon as it may.
    """

    def __init__(self, transport: Transport, permit: Callable[[], AbstractContextManager[None]]) -> None:
        self._transport = transport
        self._permit = permit

    def request(self, uri: str, *args: Any, **options: Any) -> tuple[Any, bytes]:
        """Passes a request on when it may be sent.

        Raises:
            RunStoppedError: the run is ending.
        """
        if _kind(uri) is None:
            return self._transport.request(uri, *args, **options)
        with self._permit():
            return self._transport.request(uri, *args, **options)


class Meter:
    """Counts the requests that cost quota, and the bytes that come back.

    Attributes:
        requests: requests by kind (`"value:compute"`, `"image:computePixels"` ...).
        received: bytes of the answers to these requests.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.received = 0

    def request(self, uri: str, *args: Any, **options: Any) -> tuple[Any, bytes]:
        """Passes a request on, and counts it."""
        kind = _kind(uri)
        if kind:
            with self._lock:
                self.requests[kind] += 1
        answer, body = self._transport.request(uri, *args, **options)
        if kind:
            with self._lock:
                self.received += len(body)
        return answer, body


def _check_npy(body: bytes) -> None:
    """Checks that an array is whole, without reading it: the `ee` client does that afterwards.

    Raises:
        ValueError: it is no array, or one that was cut short.
    """
    file = io.BytesIO(body)
    version = np.lib.format.read_magic(file)
    read = _NPY_HEADERS.get(version)
    if read is None:
        raise ValueError(f"NPY of version {version}")
    try:
        shape, _, dtype = read(file)
    except Exception as error:  # numpy has Python parse the header, which raises whatever its text deserves
        raise ValueError(f"NPY header: {error}") from error
    if (
        dtype.hasobject
        or any(length < 0 for length in shape)
        or len(body) - file.tell() < math.prod(shape) * dtype.itemsize
    ):
        raise ValueError("no whole array of numbers")


def _kind(uri: str) -> str | None:
    """Which of the requests that cost quota it is; None for any other."""
    path = urlsplit(uri).path
    return next((kind for kind in _KINDS if path.endswith(kind)), None)
