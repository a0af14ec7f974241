"""The local Earth Engine over HTTP, with faults and counters."""

from collections.abc import Callable
from typing import Any, ClassVar

from google.auth.exceptions import RefreshError

from localearth.answer import Answer
from localearth.faults.answers import CANNED
from localearth.faults.control import ConnectionDropped, Faults
from localearth.faults.kinds import Kind
from localearth.faults.mangle import half
from localearth.faults.waiting import HttpWait, WaitingClients
from localearth.http_server import Handler, Server
from localearth.rest import Service

COUNTERS_PATH = "/counters"
"""Path of the counters of requests and faults, see `Faults.snapshot`; not part of Google's API."""


class FaultyHandler(Handler):
    """Handles one connection."""

    server: "FaultyServer"

    def respond(self, path: str, body: bytes | None, compute: Callable[[], Answer]) -> None:
        """Sends the answer to one request, or its fault."""
        server = self.server
        try:
            answer = server.faults.handle(path, body, compute, HttpWait(server.waiting_clients, self.connection))
        except RefreshError as error:  # over HTTP, a token that cannot be renewed shows as a 401
            self.send(*CANNED[Kind.METADATA if error.__cause__ else Kind.REFRESH].answer())
        except ConnectionDropped as drop:
            self.close_connection = True
            if drop.within is not None:
                status, headers, content = drop.within
                self.send(status, headers, half(content), len(content))
        else:
            self.send(*answer)


class FaultyServer(Server):
    """Serves one world with faults, limits and latency, and counts the requests; see `Server`.

    Attributes:
        faults: the faults, with their counters.
        waiting_clients: the clients that a fault makes wait.
    """

    handler: ClassVar[type[Handler]] = FaultyHandler

    def __init__(
        self, service: Service, source: str, host: str = "127.0.0.1", port: int = 0, faults: Faults | None = None
    ) -> None:
        """Binds the address; `serve_forever` then answers requests. By default there are no faults.

        Raises:
            OSError: when the address cannot be bound.
        """
        self.faults = Faults() if faults is None else faults
        self.waiting_clients = WaitingClients()
        super().__init__(service, source, host, port)

    def page(self, path: str) -> dict[str, Any] | None:
        """The counters, or a page of `Server`."""
        return self.faults.snapshot() if path == COUNTERS_PATH else super().page(path)

    def server_close(self) -> None:
        """Releases the address and every waiting client."""
        super().server_close()
        self.waiting_clients.release()
