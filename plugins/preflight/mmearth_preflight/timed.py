"""An engine whose answers are timed."""

import threading
import time
from typing import Any

from mmearth_core.contract.engine import Connection, Engine, Transport, WrappedEngine


class Timed(WrappedEngine):
    """Passes everything on to another engine.

    Attributes:
        requests: how many were answered, or failed.
        seconds: how long they took, together.
    """

    name = "timed"

    def __init__(self, engine: Engine) -> None:
        """Wraps an engine.

        Args:
            engine: who answers.
        """
        super().__init__(engine)
        self.requests = 0
        self.seconds = 0.0
        self._lock = threading.Lock()

    def around(self, connection: Connection) -> Transport:
        """Times what the connection's transport does."""
        return _Timing(self, connection.transport)

    def add(self, seconds: float) -> None:
        """Counts a request."""
        with self._lock:
            self.requests += 1
            self.seconds += seconds


class _Timing:
    """The transport of `Timed`."""

    def __init__(self, engine: Timed, transport: Transport) -> None:
        self._engine = engine
        self._transport = transport

    def request(self, uri: str, method: str = "GET", *args: Any, **options: Any) -> tuple[Any, bytes]:
        """Passes a request on; those that the client begins with, by GET, are not timed."""
        begin = time.perf_counter()
        try:
            return self._transport.request(uri, method, *args, **options)
        finally:
            if method == "POST":
                self._engine.add(time.perf_counter() - begin)
