"""An engine whose answers are timed."""

import threading
import time
from typing import Any

from attrs import evolve

from mmearth_core.contract.engine import Connection, Engine, Limits, Transport


class Timed(Engine):
    """Passes everything on to another engine.

    Attributes:
        requests: how many were answered, or failed.
        seconds: how long they took, together.
    """

    name = "timed"
    api_version = 1

    def __init__(self, engine: Engine) -> None:
        """Wraps an engine.

        Args:
            engine: who answers.
        """
        super().__init__(engine.options)
        self.requests = 0
        self.seconds = 0.0
        self._engine = engine
        self._transport: Transport | None = None
        self._lock = threading.Lock()

    @property
    def source(self) -> str:
        """That of the engine."""
        return self._engine.source

    def connect(self, limits: Limits) -> Connection:
        """Connects the engine.

        Raises:
            EngineError: when that is not possible.
        """
        connection = self._engine.connect(limits)
        self._transport = connection.transport
        return evolve(connection, transport=self)

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: Any = None,
        redirections: int | None = None,
        connection_type: Any = None,
    ) -> tuple[Any, bytes]:
        """Passes a request on; those that the client begins with, by GET, are not timed."""
        if self._transport is None:
            raise RuntimeError("nothing can be asked before the engine is connected")
        begin = time.perf_counter()
        try:
            return self._transport.request(uri, method, body, headers, redirections, connection_type)
        finally:
            if method == "POST":
                with self._lock:
                    self.requests += 1
                    self.seconds += time.perf_counter() - begin
