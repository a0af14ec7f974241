"""The guard: tells on a plugin that calls the network while it should only build graphs."""

import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from mmearth_core.contract.engine import Connection, Engine, Transport, WrappedEngine


@frozen
class NetworkCall:
    """A call that should not have been.

    Attributes:
        step: the function of the modality that was running.
        what: the request, or the address.
        place: `file, line N` of the plugin's own code.
    """

    step: str
    what: str
    place: str


class NetworkGuard:
    """Watches one plugin. Requests to the engine are noted and let through; other connections are refused.

    Attributes:
        calls: what was noted.
    """

    def __init__(self, source: str | None) -> None:
        """Takes what the plugin's own code is.

        Args:
            source: the file of the modality's class; its folder is the plugin's code.
        """
        self.calls: list[NetworkCall] = []
        self._folder = str(Path(source).parent) if source else ""
        self._step: str | None = None
        self._thread = threading.get_ident()

    @contextmanager
    def building(self, step: str) -> Iterator[None]:
        """While inside, nothing may be sent."""
        self._step, self._thread = step, threading.get_ident()
        inherited = "connect" not in vars(socket.socket)
        connect = socket.socket.connect

        def refuse(_socket: socket.socket, address: Any) -> None:
            self.note(f"a connection to {address}")
            raise ConnectionRefusedError(f"{step}() must not call the network, and asks for {address}")

        socket.socket.connect = refuse  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            self._step = None
            if inherited:
                del socket.socket.connect
            else:
                socket.socket.connect = connect  # type: ignore[method-assign]

    def note(self, what: str) -> None:
        """Notes a call, if something is being built."""
        if self._step is not None:
            self.calls.append(NetworkCall(self._step, what, self._place()))

    def _place(self) -> str:
        own = [frame for frame in traceback.extract_stack() if self._folder and frame.filename.startswith(self._folder)]
        return f"{own[-1].filename}, line {own[-1].lineno}" if own else "code that it calls"


class _Watched:
    """A transport that tells the guard of every request."""

    def __init__(self, transport: Transport, guard: NetworkGuard) -> None:
        self._transport = transport
        self._guard = guard

    def request(self, uri: str, *args: Any, **options: Any) -> tuple[Any, bytes]:
        """Passes a request on."""
        self._guard.note(f"a request {urlsplit(uri).path.rpartition('/')[2]!r}")
        return self._transport.request(uri, *args, **options)


class WatchedEngine(WrappedEngine):
    """An engine whose requests a guard sees."""

    name = "watched"

    def __init__(self, engine: Engine, guard: NetworkGuard) -> None:
        super().__init__(engine)
        self._guard = guard

    def around(self, connection: Connection) -> Transport:
        """Tells the guard of every request."""
        return _Watched(connection.transport, self._guard)
