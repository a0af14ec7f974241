"""Makes HTTP clients wait, without polling, until the time is over, the client disconnects or the server stops."""

import selectors
import socket
import threading
import time
from typing import NoReturn

from attrs import frozen

from localearth.faults.control import ConnectionDropped


class WaitingClients:
    """The waiting clients of a server. Safe to call from many threads."""

    def __init__(self) -> None:
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._changed = threading.Condition()
        self._count = 0
        self._released = False

    @property
    def count(self) -> int:
        """The number of waiting clients."""
        return self._count

    def wait(self, connection: socket.socket, seconds: float | None) -> None:
        """Makes one client wait.

        Args:
            connection: the client's.
            seconds: how long; None for as long as the client waits.

        Raises:
            ConnectionDropped: the client has disconnected, or the server stops.
        """
        with self._changed:
            if self._released:
                raise ConnectionDropped
            self._count += 1
        try:
            self._watch(connection, seconds)
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def release(self) -> None:
        """Ends all waiting and returns when no client waits; later calls of `wait` raise at once."""
        with self._changed:
            if self._released:
                return
            self._released = True
            self._wake_writer.close()  # makes the other end readable, which wakes every waiting thread
            self._changed.wait_for(lambda: self._count == 0)
            self._wake_reader.close()

    def _watch(self, connection: socket.socket, seconds: float | None) -> None:
        over = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_reader, selectors.EVENT_READ)
            selector.register(connection, selectors.EVENT_READ)
            while True:
                left = None if over is None else over - time.monotonic()
                if left is not None and left <= 0:
                    return
                for key, _ in selector.select(left):
                    if key.fileobj is self._wake_reader or _is_closed(connection):
                        raise ConnectionDropped
                    selector.unregister(connection)  # the client's next request, which is read after this answer


@frozen
class HttpWait:
    """Makes one HTTP client wait; see `ClientWait`.

    Attributes:
        clients: the waiting clients of the server.
        connection: the client's.
    """

    clients: WaitingClients
    connection: socket.socket

    def pause(self, seconds: float) -> None:
        """Delays the answer.

        Raises:
            ConnectionDropped: the client has disconnected, or the server stops.
        """
        self.clients.wait(self.connection, seconds)

    def hang(self) -> NoReturn:
        """Waits until the client disconnects or the server stops.

        Raises:
            ConnectionDropped: always.
        """
        self.clients.wait(self.connection, None)
        raise ConnectionDropped


def _is_closed(connection: socket.socket) -> bool:
    """Whether the client has closed the connection."""
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True
