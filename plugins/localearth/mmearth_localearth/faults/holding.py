"""Keeps HTTP clients waiting, without polling: until the time is over, the client goes away or the server ends."""

import selectors
import socket
import threading
import time
from typing import NoReturn

from attrs import frozen

from mmearth_localearth.faults.control import Dropped


class Holding:
    """All clients of a server that are kept waiting. Safe to call from many threads."""

    def __init__(self) -> None:
        self._bell, self._rope = socket.socketpair()
        self._changed = threading.Condition()
        self._held = 0
        self._ended = False

    @property
    def held(self) -> int:
        """How many clients are kept waiting."""
        return self._held

    def wait(self, connection: socket.socket, seconds: float | None) -> None:
        """Keeps one client waiting.

        Args:
            connection: to the client.
            seconds: how long; None for as long as the client waits.

        Raises:
            Dropped: the client has gone away, or the server ends.
        """
        with self._changed:
            if self._ended:
                raise Dropped
            self._held += 1
        try:
            self._watch(connection, seconds)
        finally:
            with self._changed:
                self._held -= 1
                self._changed.notify_all()

    def release(self) -> None:
        """Lets all clients go, and returns when nobody is kept waiting; from now on nobody is."""
        with self._changed:
            if self._ended:
                return
            self._ended = True
            self._rope.close()  # which everybody who watches the bell sees
            self._changed.wait_for(lambda: self._held == 0)
            self._bell.close()

    def _watch(self, connection: socket.socket, seconds: float | None) -> None:
        over = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            selector.register(connection, selectors.EVENT_READ)
            while True:
                left = None if over is None else over - time.monotonic()
                if left is not None and left <= 0:
                    return
                for key, _ in selector.select(left):
                    if key.fileobj is self._bell or _is_closed(connection):
                        raise Dropped
                    selector.unregister(connection)  # its next request; it is not read before this one's answer


@frozen
class Held:
    """One client that is kept waiting, as `Faults` sees it.

    Attributes:
        holding: the server's.
        connection: to the client.
    """

    holding: Holding
    connection: socket.socket

    def pause(self, seconds: float) -> None:
        """Keeps the client waiting.

        Raises:
            Dropped: the client has gone away, or the server ends.
        """
        self.holding.wait(self.connection, seconds)

    def hang(self) -> NoReturn:
        """Keeps the client waiting until it goes away, or the server ends.

        Raises:
            Dropped: always.
        """
        self.holding.wait(self.connection, None)
        raise Dropped


def _is_closed(connection: socket.socket) -> bool:
    """Whether what there is to read is the end."""
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True
