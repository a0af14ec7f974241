"""An engine that answers from memory what it was asked before: real graphs in, real NPY out, and no work in between."""

import re
import threading
import time
from collections.abc import Callable
from typing import Any

from mmearth_core.contract.engine import Connection, Engine, Transport, WrappedEngine

_TAG = re.compile(r', "workloadTag": "[^"]*"')
"""The name of a run, which says nothing about the answer."""


class Canned(WrappedEngine):
    """Wraps an engine, and keeps its answers.

    Attributes:
        wait: seconds that every answered question takes; 0 while answers are collected.
        passing: called as a question comes in, and as its answer goes out.
        new: questions that the wrapped engine had to answer.
    """

    name = "canned"

    def __init__(self, engine: Engine) -> None:
        """Begins without an answer."""
        super().__init__(engine)
        self._answers: dict[tuple[str, str, str], tuple[Any, bytes]] = {}
        self._lock = threading.Lock()
        self.wait = 0.0
        self.passing: Callable[[], None] = lambda: None
        self.new = 0

    def around(self, connection: Connection) -> Transport:
        """Puts the kept answers before the engine's."""
        return _Kept(self, connection.transport)

    def answer(self, transport: Transport, uri: str, method: str, body: Any, headers: Any) -> tuple[Any, bytes]:
        """The answer to a question, kept or new."""
        self.passing()
        key = (method, uri, _TAG.sub("", body) if body else "")
        kept = self._answers.get(key)
        if kept is None:
            with self._lock:
                self.new += 1
            kept = self._answers[key] = transport.request(uri, method, body, headers)
        elif self.wait and method == "POST":
            time.sleep(self.wait)
        self.passing()
        response, content = kept
        # The client takes headers out of it.
        return type(response)(dict(response)), content


class _Kept:
    """The transport of `Canned`."""

    def __init__(self, engine: Canned, transport: Transport) -> None:
        self._engine = engine
        self._transport = transport

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *_: Any, **__: Any
    ) -> tuple[Any, bytes]:
        """Answers one request."""
        return self._engine.answer(self._transport, uri, method, body, headers)
