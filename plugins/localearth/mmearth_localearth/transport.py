"""The transport inside the process: what `ee.Initialize(http_transport=)` takes."""

import os
import threading
from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httplib2

from mmearth_localearth.rest import Service
from mmearth_localearth.workers import ServicePool
from mmearth_localearth.worlds.base import World

_TURN = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Pixels are computed: more answers at once in this process than processors would drive out each other's caches."""


class LocalTransport:
    """Answers the requests of the real `ee` client. Safe to call from many threads.

    Attributes:
        service: what answers them.
    """

    def __init__(self, answers: World | Service | ServicePool) -> None:
        """Takes what answers.

        Args:
            answers: a service, or a world to answer from in this process.
        """
        self.service = answers if isinstance(answers, Service | ServicePool) else Service(answers)

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *_: Any, **__: Any
    ) -> tuple[httplib2.Response, bytes]:
        """As `httplib2.Http.request`; the host is not looked at."""
        parts = urlsplit(uri)
        content = body.encode() if isinstance(body, str) else body
        with nullcontext() if isinstance(self.service, ServicePool) else _TURN:
            status, fields, answer = self.service.handle(method, parts.path, dict(parse_qsl(parts.query)), content)
        return httplib2.Response({**fields, "status": str(status), "content-length": str(len(answer))}), answer

    def close(self) -> None:
        """Does nothing: there is no connection."""
