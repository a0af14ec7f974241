"""A transport on which things go wrong, inside the process: to the client it looks as HTTP does."""

import time
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httplib2
from attrs import frozen

from mmearth_core import Transport
from mmearth_localearth.faults.answers import Answer
from mmearth_localearth.faults.control import Dropped, Faults
from mmearth_localearth.faults.mangle import half


@frozen
class _Waiting:
    """A client with a timeout.

    Attributes:
        timeout: seconds that it waits.
        sleep: lets time pass.
    """

    timeout: float
    sleep: Callable[[float], None]

    def pause(self, seconds: float) -> None:
        """Waits, but not beyond the timeout."""
        if seconds >= self.timeout:
            self.hang()
        self.sleep(seconds)

    def hang(self) -> NoReturn:
        """Waits as long as the timeout is."""
        self.sleep(self.timeout)
        raise TimeoutError(f"no answer within {self.timeout:g} s")


class FaultyTransport:
    """Passes requests on to another transport, unless something goes wrong. Safe to call from many threads.

    Attributes:
        faults: what goes wrong, with its counters.
    """

    def __init__(
        self, transport: Transport, faults: Faults, timeout: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Puts itself around a transport.

        Args:
            transport: what answers.
            faults: what goes wrong.
            timeout: seconds that the client waits for an answer.
            sleep: lets time pass; tests do without.
        """
        self.faults = faults
        self._transport = transport
        self._patience = _Waiting(timeout, sleep)

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *_: Any, **__: Any
    ) -> tuple[httplib2.Response, bytes]:
        """As `httplib2.Http.request`.

        Raises:
            TimeoutError: no answer in time.
            ConnectionError: the connection broke off.
            RefreshError: the token cannot be renewed.
        """
        parts = urlsplit(uri)
        content = body.encode() if isinstance(body, str) else body

        def respond() -> Answer:
            answer, found = self._transport.request(uri, method, body, headers)
            fields = {name: value for name, value in answer.items() if name not in ("status", "content-length")}
            return int(answer.status), fields, found

        try:
            status, fields, found = self.faults.handle(parts.path, content, respond, self._patience)
        except Dropped as drop:
            if drop.within is None:
                said = "the remote end closed the connection without a response"
            else:
                whole = drop.within[2]
                said = f"it broke within the body: {len(half(whole))} of {len(whole)} bytes read"
            raise ConnectionError(f"connection to {parts.hostname} failed: {said}") from drop
        return httplib2.Response({**fields, "status": str(status), "content-length": str(len(found))}), found

    def close(self) -> None:
        """Does nothing: there is no connection of its own."""
