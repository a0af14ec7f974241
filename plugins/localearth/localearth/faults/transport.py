"""A transport with faults, inside the process; the client sees the same errors as over HTTP."""

import time
from collections.abc import Callable
from typing import Any, NoReturn, Protocol
from urllib.parse import urlsplit

import httplib2
from attrs import frozen

from localearth.answer import Answer
from localearth.faults.control import ConnectionDropped, Faults
from localearth.faults.mangle import half


class Transport(Protocol):
    """What `ee.Initialize(http_transport=)` accepts: httplib2's `request`; must be safe to call from many threads."""

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None
    ) -> tuple[httplib2.Response, bytes]:
        """Sends one request and returns its answer, with the status and headers, and the body."""
        ...


@frozen
class _TimeoutWait:
    """Makes a client with a timeout wait; see `ClientWait`.

    Attributes:
        timeout: the client's timeout, seconds.
        sleep: waits for some seconds.
    """

    timeout: float
    sleep: Callable[[float], None]

    def pause(self, seconds: float) -> None:
        """Waits, at most until the timeout."""
        if seconds >= self.timeout:
            self.hang()
        self.sleep(seconds)

    def hang(self) -> NoReturn:
        """Waits until the timeout."""
        self.sleep(self.timeout)
        raise TimeoutError(f"no answer within {self.timeout:g} s")


class FaultyTransport:
    """Passes requests to another transport, with faults. Safe to call from many threads.

    Attributes:
        faults: the faults, with their counters.
    """

    def __init__(
        self, transport: Transport, faults: Faults, timeout: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Wraps a transport.

        Args:
            transport: gives the correct answers.
            faults: the faults to add.
            timeout: the client's timeout, seconds.
            sleep: waits for some seconds; replaced in tests.
        """
        self.faults = faults
        self._transport = transport
        self._wait = _TimeoutWait(timeout, sleep)

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *_: Any, **__: Any
    ) -> tuple[httplib2.Response, bytes]:
        """As `httplib2.Http.request`.

        Raises:
            TimeoutError: no answer within the timeout.
            ConnectionError: the connection was closed.
            RefreshError: the token cannot be renewed.
        """
        parts = urlsplit(uri)
        content = body.encode() if isinstance(body, str) else body

        def respond() -> Answer:
            answer, received = self._transport.request(uri, method, body, headers)
            fields = {name: value for name, value in answer.items() if name not in ("status", "content-length")}
            return int(answer.status), fields, received

        try:
            status, fields, received = self.faults.handle(parts.path, content, respond, self._wait)
        except ConnectionDropped as drop:
            if drop.within is None:
                reason = "the remote end closed the connection without a response"
            else:
                full = drop.within[2]
                reason = f"it broke within the body: {len(half(full))} of {len(full)} bytes read"
            raise ConnectionError(f"connection to {parts.hostname} failed: {reason}") from drop
        return httplib2.Response({**fields, "status": str(status), "content-length": str(len(received))}), received

    def close(self) -> None:
        """Does nothing: it has no connection of its own."""
