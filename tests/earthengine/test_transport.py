"""The transport over HTTP: a request ends in time, also where a server sends its answer drop by drop."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count

import pytest

from mmearth_core.contract.engine import Limits
from mmearth_core.earthengine import transport
from mmearth_core.earthengine.transport import HttpTransport

BODY = b"x" * 2**20


class Handler(BaseHTTPRequestHandler):
    """Answers with a megabyte; cuts it short when asked for `/short`."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:1000] if self.path == "/short" else BODY)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_answer_arrives_whole(url: str) -> None:
    answer, body = HttpTransport(Limits(timeout=30, connections=1)).request(f"{url}/")
    assert (answer.status, body) == (200, BODY)


def test_the_time_is_that_of_the_whole_answer(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(0, 20)
    monkeypatch.setattr(transport, "monotonic", lambda: float(next(ticks)))
    with pytest.raises(TimeoutError, match="no answer within 30 s"):
        HttpTransport(Limits(timeout=30, connections=1)).request(f"{url}/")


def test_a_body_that_breaks_off_is_a_broken_connection(url: str) -> None:
    with pytest.raises(ConnectionError, match=r"connection to 127\.0\.0\.1 failed"):
        HttpTransport(Limits(timeout=30, connections=1)).request(f"{url}/short")
