"""The transport inside the process, for `ee.Initialize(http_transport=)`."""

import os
import threading
from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httplib2

from localearth.profile import with_profile
from localearth.rest import Service
from localearth.workers import ServicePool
from localearth.worlds.base import World

_TURN = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Requests computed at once: pixels are computed, and more than one per processor would evict each other's caches."""


class LocalTransport:
    """Answers the requests of the real `ee` client. Safe to call from many threads.

    Attributes:
        service: answers the requests.
    """

    def __init__(self, answers: World | Service | ServicePool) -> None:
        """Uses a service, or creates one for a world.

        Args:
            answers: a service, or a world to serve in this process.
        """
        self.service = answers if isinstance(answers, Service | ServicePool) else Service(answers)

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *_: Any, **__: Any
    ) -> tuple[httplib2.Response, bytes]:
        """As `httplib2.Http.request`; the host is ignored."""
        parts = urlsplit(uri)
        content = body.encode() if isinstance(body, str) else body
        with nullcontext() if isinstance(self.service, ServicePool) else _TURN:
            found = self.service.handle(method, parts.path, dict(parse_qsl(parts.query)), content)
        status, fields, answer = with_profile(headers, parts.path, found)
        return httplib2.Response({**fields, "status": str(status), "content-length": str(len(answer))}), answer

    def close(self) -> None:
        """Does nothing: it has no connection."""
