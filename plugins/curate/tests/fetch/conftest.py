"""A web server in this process with a small version of a published dataset, and with faults on demand."""

import hashlib
import io
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

STEM = "data_100k_v001"
DATE = "Wed, 17 Jul 2024 10:00:00 GMT"


class Shelf(ThreadingHTTPServer):
    """The files, how they are served, and what was asked.

    Attributes:
        files: their bytes, by name.
        ranges: whether parts are served.
        tags: "strong", "weak", "date" or "": what tells versions apart.
        drops: for the next bodies, after how many bytes the connection breaks; None sends all.
        answers: for the next requests for a body, a status and headers instead.
        lie: added to the length that is told.
        lengths: whether the length is told at all.
        asked: what was asked: name, Range and If-Range.
        sent: bytes of bodies that left.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.ranges, self.tags, self.lengths, self.lie = True, "strong", True, 0
        self.drops: list[int | None] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/share"

    def bodies(self, name: str) -> list[tuple[str | None, str | None]]:
        """Range and If-Range of each request for a body of this file, the questions for its size left out."""
        return [(rng, cond) for asked, rng, cond in self.asked if asked == name and rng != "bytes=0-0"]


class Handler(BaseHTTPRequestHandler):
    server: Shelf

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def version(self, content: bytes) -> dict[str, str]:
        tag = f'"{hashlib.sha256(content).hexdigest()[:12]}"'
        kinds = {"strong": {"ETag": tag}, "weak": {"ETag": f"W/{tag}"}, "date": {"Last-Modified": DATE}, "": {}}
        return kinds[self.server.tags]

    def do_GET(self) -> None:
        shelf, name = self.server, self.path.removeprefix("/share/")
        wanted, condition = self.headers["Range"], self.headers["If-Range"]
        shelf.asked.append((name, wanted, condition))
        assert self.headers["Accept-Encoding"] == "identity"
        if name not in shelf.files:
            self.send_error(404)
            return
        if wanted != "bytes=0-0" and shelf.answers:
            status, headers = shelf.answers.pop(0)
            self.say(status, {**headers, "Content-Length": "0"})
            return
        content = shelf.files[name]
        version = self.version(content)
        known = condition is None or condition in version.values()
        given = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
        if given and shelf.ranges and known:
            start, end = int(given[1]), int(given[2] or len(content) - 1)
            if start >= len(content):
                self.say(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
                return
            body = content[start : end + 1]
            told = {"Content-Range": f"bytes {start}-{end}/{len(content) + shelf.lie}"}
            self.say(206, {**told, **version, "Content-Length": str(len(body) + shelf.lie)})
        else:
            body = content
            length = {"Content-Length": str(len(body) + shelf.lie)} if shelf.lengths else {}
            self.say(200, {**length, **version})
        probe = wanted == "bytes=0-0"
        stop = shelf.drops.pop(0) if shelf.drops and not probe else None
        self.send(io.BytesIO(body if stop is None else body[:stop]), counted=not probe)

    def say(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def send(self, body: io.BytesIO, counted: bool) -> None:
        while piece := body.read(4096):
            # Counted before it is sent, because a test may compare the count as soon as its client has the last piece.
            self.server.sent += len(piece) if counted else 0
            try:
                self.wfile.write(piece)
            except (BrokenPipeError, ConnectionResetError):  # whoever asked for the size does not read the body
                return


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a published dataset, in small."""
    path = tmp_path_factory.mktemp("published") / "small.h5"
    noise = np.random.default_rng(5).integers(0, 10_000, (6, 13, 32, 32), np.uint16)
    with h5py.File(path, "w") as file:
        file.create_dataset("sentinel2", data=noise, chunks=(1, 13, 32, 32), compression="gzip")
    return {
        "LICENSE-data": b"CC BY 4.0\n" * 300,
        f"{STEM}_band_stats.json": b'{"sentinel2_l2a": {"mean": [1.0]}}',
        f"{STEM}_splits.json": b'{"train": [0, 1, 2], "val": [3], "test": [4, 5]}',
        f"{STEM}_tile_info.json": b'{"a": {"S2_type": "l2a"}}' + b" " * 5000,
        f"{STEM}.h5": path.read_bytes(),
    }


@pytest.fixture
def shelf(published: dict[str, bytes]) -> Iterator[Shelf]:
    """The running server."""
    with Shelf() as server:
        server.files = dict(published)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is on this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"
