"""The network guard: reports a plugin that uses the network while it should only build graphs."""

import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from mmearth_core import Connection, Engine, Transport, WrappedEngine


@frozen
class NetworkCall:
    """A forbidden network call.

    Attributes:
        step: the function of the modality that was running.
        what: the request, or the address.
        where: `file, line N` of the plugin's own code.
    """

    step: str
    what: str
    where: str


class NetworkGuard:
    """Watches one plugin. Requests to the engine are recorded and sent; other connections are refused.

    Attributes:
        calls: the calls so far.
    """

    def __init__(self, source: str | None) -> None:
        """Creates a guard.

        Args:
            source: the file of the modality's class; its folder holds the plugin's code.
        """
        self.calls: list[NetworkCall] = []
        self._folder = str(Path(source).parent) if source else ""
        self._step: str | None = None
        self._thread = threading.get_ident()

    @contextmanager
    def building(self, step: str) -> Iterator[None]:
        """Within this context, nothing may be sent."""
        self._step, self._thread = step, threading.get_ident()
        # `connect` is inherited from the C class: the override must be deleted afterwards, not set to the original.
        inherited = "connect" not in vars(socket.socket)
        connect = socket.socket.connect

        def refuse(_socket: socket.socket, address: Any) -> None:
            self.record(f"a connection to {address}")
            raise ConnectionRefusedError(f"{step}() must not use the network, but connects to {address}")

        socket.socket.connect = refuse  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            self._step = None
            if inherited:
                del socket.socket.connect
            else:
                socket.socket.connect = connect  # type: ignore[method-assign]

    def record(self, what: str) -> None:
        """Records a call, if a graph is being built."""
        if self._step is not None:
            self.calls.append(NetworkCall(self._step, what, self._where()))

    def _where(self) -> str:
        own = [frame for frame in traceback.extract_stack() if self._folder and frame.filename.startswith(self._folder)]
        return f"{own[-1].filename}, line {own[-1].lineno}" if own else "code that it calls"


class _GuardedTransport:
    """A transport that reports every request to the guard."""

    def __init__(self, transport: Transport, guard: NetworkGuard) -> None:
        self._transport = transport
        self._guard = guard

    def request(self, uri: str, *args: Any, **options: Any) -> tuple[Any, bytes]:
        """Records and sends a request."""
        self._guard.record(f"a request {urlsplit(uri).path.rpartition('/')[2]!r}")
        return self._transport.request(uri, *args, **options)


class GuardedEngine(WrappedEngine):
    """An engine whose requests a guard sees."""

    name = "watched"

    def __init__(self, engine: Engine, guard: NetworkGuard) -> None:
        super().__init__(engine)
        self._guard = guard

    def around(self, connection: Connection) -> Transport:
        """Wraps the transport."""
        return _GuardedTransport(connection.transport, self._guard)
