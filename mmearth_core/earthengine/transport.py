"""Transports: HTTP to Google's servers, and the wrapper around any engine's transport that counts and checks."""

import io
import json
import math
import threading
from collections import Counter
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httplib2
import numpy as np
import requests
from requests.adapters import HTTPAdapter

from mmearth_core.contract.engine import Limits, Transport
from mmearth_core.earthengine.faults import GarbledError
from mmearth_core.earthengine.retry import RetryingSender

# Ends of the paths of requests that count against the project's quota.
_KINDS = ("value:compute", "image:computePixels", "image:computeThumbnail", "table:computeFeatures")

# Bytes read from the network at once.
_PIECE = 2**18

# The header that says that the project is in restricted mode; the `ee` client turns it into a mere warning.
_QUOTA_STATUS = "x-earth-engine-quota-status"

# By version of the NPY format; version 3 is for names beyond Latin-1, which no band has.
_NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class HttpTransport:
    """httplib2's `request` on top of a pooled `requests.Session`, with a timeout for the whole request."""

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
            ConnectionError: no connection, or it broke.
        """
        # The timeout of `requests` is one between two pieces of the answer, so the whole time is checked here.
        end = monotonic() + self._timeout
        pieces = []
        try:
            with self._session.request(
                method, uri, data=body, headers=headers, timeout=self._timeout, stream=True
            ) as answer:
                for piece in answer.iter_content(_PIECE):
                    pieces.append(piece)
                    if monotonic() > end:
                        raise requests.exceptions.Timeout
        except requests.exceptions.Timeout as error:
            raise TimeoutError(f"no answer within {self._timeout:g} s") from error
        except requests.exceptions.RequestException as error:
            raise ConnectionError(f"connection to {urlsplit(uri).hostname} failed: {error}") from error
        fields = {name.lower(): value for name, value in answer.headers.items()}
        return httplib2.Response({**fields, "status": str(answer.status_code)}), b"".join(pieces)


class CountingTransport:
    """Wraps an engine's transport: takes a permit for each request that costs quota, counts it, and checks answers.

    The permit is taken here and not around the call of the `ee` client, which first builds a graph and then decodes
    the answer: it is held only while the server works.

    Attributes:
        requests: sent requests by kind (`"value:compute"`, `"image:computePixels"` ...), retries included.
        received: bytes of the answers to them.
    """

    def __init__(self, transport: Transport, sender: RetryingSender) -> None:
        """Wraps a transport.

        Args:
            transport: sends the requests.
            sender: gives the permits, and is notified of answers in restricted mode.
        """
        self._transport = transport
        self._sender = sender
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.received = 0

    def request(self, uri: str, *args: Any, **options: Any) -> tuple[Any, bytes]:
        """Sends a request.

        Raises:
            RunStoppedError: the run is ending.
            ConnectionError: a proxy answered instead of Earth Engine.
            GarbledError: the answer was changed on its way; the `ee` client would take it for a result.
        """
        kind = urlsplit(uri).path.rpartition("/")[2]
        if kind in _KINDS:
            with self._sender.permit():
                with self._lock:
                    self.requests[kind] += 1
                answer, body = self._transport.request(uri, *args, **options)
            with self._lock:
                self.received += len(body)
        else:
            answer, body = self._transport.request(uri, *args, **options)
        is_restricted = "parallelism_restricted=true" in answer.pop(_QUOTA_STATUS, "")
        if is_restricted or kind in _KINDS:
            self._sender.note_mode(is_restricted)
        if answer.status < 300:
            _check(kind, answer, body)
        return answer, body


def _check(kind: str, answer: Any, body: bytes) -> None:
    """Checks that a successful answer is Earth Engine's: a complete array of pixels, or a JSON object.

    Raises:
        ConnectionError: it is a web page.
        GarbledError: it is anything else.
    """
    try:
        if kind == "image:computePixels":
            _check_npy(body)
        elif not isinstance(json.loads(body), dict):
            raise ValueError("no JSON object")
    except (ValueError, EOFError) as error:
        if "html" in answer.get("content-type", ""):
            raise ConnectionError(
                f"the answer to {kind} is a web page; a proxy or log-in page is between this machine and Earth Engine"
            ) from error
        raise GarbledError(
            f"the answer to {kind} is garbled; something between this machine and Earth Engine, such as a proxy, may "
            "have changed or truncated it"
        ) from error


def _check_npy(body: bytes) -> None:
    """Checks that an array is complete from its header and length alone: the `ee` client decodes it afterwards.

    Raises:
        ValueError: it is not an array of numbers, or is truncated.
    """
    file = io.BytesIO(body)
    version = np.lib.format.read_magic(file)
    read_header = _NPY_HEADERS.get(version)
    if read_header is None:
        raise ValueError(f"NPY of version {version}")
    try:
        shape, _, dtype = read_header(file)
    except Exception as error:  # numpy has Python parse the header, which may raise anything
        raise ValueError(f"NPY header: {error}") from error
    is_complete = len(body) - file.tell() >= math.prod(shape) * dtype.itemsize
    if dtype.hasobject or any(length < 0 for length in shape) or not is_complete:
        raise ValueError("not a complete array of numbers")
