"""The engine `earthengine` without Google: its login, from a server of tokens on this machine, and its endpoints."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import google.auth.exceptions
import pytest
from mmearth_devkit.testing.command_line import cli

from mmearth_core import Limits
from mmearth_core.builtin.earthengine import EarthEngine, EarthEngineOptions
from mmearth_core.earthengine.faults import Action, classify
from mmearth_core.errors import EngineError

BUSY = 503, {"error": "internal_failure"}
REVOKED = 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
TOKEN = 200, {"access_token": "secret", "expires_in": 3600}
LIMITS = Limits(timeout=5.0, connections=1)
NO_GCE_CHECK = "google.auth.compute_engine._metadata._NO_GCE_CHECK"
"""Of the variable of the environment, which is read once per process."""


class Tokens(HTTPServer):
    """Gives the same answer again and again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answer: tuple[int, object] = TOKEN


class Answer(BaseHTTPRequestHandler):
    server: Tokens

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def do_GET(self) -> None:
        """Of the metadata server of a cloud machine, which says that it is one."""
        status, content = (200, {}) if self.path == "/" else self.server.answer
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("metadata-flavor", "Google")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tokens]:
    """A server of tokens, and a home folder with a login that it renews."""
    stored = tmp_path / ".config" / "earthengine" / "credentials"
    stored.parent.mkdir(parents=True)
    stored.write_text(json.dumps({"refresh_token": "x", "client_id": "x", "client_secret": "x", "project": "mine"}))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda seconds: None)
    with Tokens() as server:
        monkeypatch.setattr("ee.oauth.TOKEN_URI", f"http://127.0.0.1:{server.server_port}/token")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("standard", "https://earthengine.googleapis.com"),
        ("high-volume", "https://earthengine-highvolume.googleapis.com"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
    ],
)
def test_the_endpoint_has_a_name_or_an_address(url: str, address: str, tokens: Tokens) -> None:
    connection = EarthEngine(EarthEngineOptions(url=url)).connect(LIMITS)
    assert (connection.url, connection.project) == (address, "mine")


def test_by_default_the_endpoint_is_the_one_for_many_small_requests() -> None:
    assert EarthEngineOptions().url == "high-volume"


@pytest.mark.parametrize("url", ["standrd", "", "earthengine.googleapis.com", "https://earthengine.googleapis.com/v1"])
def test_another_endpoint_is_refused(url: str, tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text(
        f'[dataset]\nname = "mine"\ntiles = "tiles.geojson"\n[engines.earthengine]\nurl = "{url}"\n'
        "[modalities.sentinel2]\n"
    )
    done = cli("run", config)
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert f'[engines.earthengine] url: found \'{url}\'; allowed are "standard", "high-volume" and an address' in said


def test_a_busy_server_of_tokens_is_no_missing_login(tokens: Tokens) -> None:
    tokens.answer = BUSY
    with pytest.raises(google.auth.exceptions.RefreshError) as caught:
        EarthEngine().connect(LIMITS)
    fault = classify(caught.value)
    assert fault is not None and fault.action is Action.RETRY
    tokens.answer = TOKEN
    assert EarthEngine().connect(LIMITS).project == "mine"


def test_a_busy_metadata_server_is_no_missing_login(
    tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a cloud machine, which has no stored login."""
    (tmp_path / ".config" / "earthengine" / "credentials").unlink()
    host = f"127.0.0.1:{tokens.server_port}"
    monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", host)
    monkeypatch.setenv("GCE_METADATA_IP", host)
    monkeypatch.setattr(NO_GCE_CHECK, False)
    tokens.answer = BUSY
    with pytest.raises(google.auth.exceptions.RefreshError, match="metadata service") as caught:
        EarthEngine().connect(LIMITS)
    fault = classify(caught.value)
    assert fault is not None and fault.action is Action.RETRY


def test_no_network_is_no_missing_login(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ee.oauth.TOKEN_URI", "http://127.0.0.1:9/none")
    with pytest.raises(google.auth.exceptions.TransportError):
        EarthEngine().connect(LIMITS)


def test_a_revoked_login_is_to_be_renewed(tokens: Tokens) -> None:
    tokens.answer = REVOKED
    with pytest.raises(google.auth.exceptions.RefreshError) as caught:
        EarthEngine().connect(LIMITS)
    fault = classify(caught.value)
    assert fault is not None and fault.action is Action.STOP
    assert fault.message == "invalid_grant: Token has been expired or revoked."
    assert "earthengine authenticate" in fault.remedy


def test_no_login(tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NO_GCE_CHECK, True)
    (tmp_path / ".config" / "earthengine" / "credentials").unlink()
    with pytest.raises(EngineError, match="No Earth Engine credentials are found"):
        EarthEngine().connect(LIMITS)
