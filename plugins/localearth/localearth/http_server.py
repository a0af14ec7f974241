"""The local Earth Engine over HTTP, for clients in other processes and other languages."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from localearth.answer import Answer, json_answer
from localearth.errors import EarthEngineError
from localearth.profile import with_profile
from localearth.rest import Service

WORLD_PATH = "/world"
"""Path that returns the world, `{"source": "local:virginia"}`; not part of Google's API."""

MAX_BODY = 64 * 2**20
"""Maximum size of a request, bytes; an expression of a few megabytes is already unusual."""

_log = logging.getLogger(__name__)


class Handler(BaseHTTPRequestHandler):
    """Handles one connection."""

    server: "Server"
    protocol_version = "HTTP/1.1"
    server_version = "localearth"
    sys_version = ""
    # Headers and body are sent together and at once; otherwise each answer waits for the client's acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout: ClassVar[float] = 300.0

    def do_GET(self) -> None:
        """Answers a GET."""
        page = self.server.page(urlsplit(self.path).path)
        if page is None:
            self._answer(None)
        else:
            self.send(*json_answer(page))

    def do_POST(self) -> None:
        """Answers a POST."""
        length = self.headers.get("content-length", "")
        if not length.isdigit():
            self._refuse(411, "A request with a body needs its Content-Length.")
        elif int(length) > MAX_BODY:
            self._refuse(413, f"Request payload size exceeds the limit: {MAX_BODY} bytes.")
        else:
            self._answer(self.rfile.read(int(length)))

    def do_PATCH(self) -> None:
        """Answers a PATCH."""
        self.do_POST()

    def do_DELETE(self) -> None:
        """Answers a DELETE."""
        self.close_connection = True  # a body, which is not read, would be taken for the next request
        self._answer(None)

    def _answer(self, body: bytes | None) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        # A client may set another method in a header when its URL would be too long for a GET.
        method = self.headers.get("x-http-method-override", self.command)
        path = unquote(parts.path)

        def compute() -> Answer:
            return with_profile(dict(self.headers), path, self.server.service.handle(method, path, query, body))

        self.respond(path, body, compute)

    def respond(self, path: str, body: bytes | None, compute: Callable[[], Answer]) -> None:
        """Sends the answer to one request.

        Args:
            path: the URL's path, without host and query.
            body: JSON, or None.
            compute: returns the correct answer.
        """
        self.send(*compute())

    def _refuse(self, status: int, message: str) -> None:
        """Refuses a request and closes the connection, because the unread body would be taken for the next request."""
        self.close_connection = True
        self.send(*EarthEngineError(message, status).answer())

    def send(self, status: int, headers: dict[str, str], content: bytes, length: int | None = None) -> None:
        """Sends an answer; `length` is the announced length if the content is shorter."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content) if length is None else length))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Writes to the log instead of standard error."""
        _log.debug("%s %s", self.address_string(), format % args)


class Server(ThreadingHTTPServer):
    """Serves one world with one thread per connection; connections stay open between requests.

    Attributes:
        handler: the class that handles a connection.
        service: answers the requests.
        source: the world's label, as a dataset records it.
    """

    handler: ClassVar[type[Handler]] = Handler
    daemon_threads = True
    request_queue_size = 128
    # Otherwise two servers on one port would silently share the requests.
    allow_reuse_port = False

    def __init__(self, service: Service, source: str, host: str = "127.0.0.1", port: int = 0) -> None:
        """Binds the address; `serve_forever` then answers requests.

        Args:
            service: answers the requests.
            source: the world's label, as a dataset records it.
            host: the address to listen on.
            port: the port; 0 for any free one.

        Raises:
            OSError: when the address cannot be bound.
        """
        self.service = service
        self.source = source
        super().__init__((host, port), self.handler)

    @property
    def url(self) -> str:
        """The URL for `ee.Initialize(url=)`."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Answers requests until the block ends; then the port is free again."""
        worker = threading.Thread(target=self.serve_forever, daemon=True)
        worker.start()
        try:
            yield
        finally:
            self.shutdown()
            self.server_close()
            worker.join()

    def page(self, path: str) -> dict[str, Any] | None:
        """The JSON of a page that is not part of Google's API; None for any other path."""
        return {"source": self.source} if path == WORLD_PATH else None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that disconnect."""
        _log.info("connection of %s ended early", client_address, exc_info=True)
