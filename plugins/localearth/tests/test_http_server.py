"""The local Earth Engine over HTTP: the unmodified client, plain programs, and what goes wrong."""

import http.client
import io
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import ee
import numpy as np
import pytest
from google.auth.credentials import AnonymousCredentials
from localearth.http_server import MAX_BODY, Handler, Server
from localearth.rest import Service
from mmearth_localearth.engine import LocalEngine, LocalOptions

from mmearth_core import Limits
from mmearth_core.errors import EngineError

LIMITS = Limits(timeout=60, connections=8)


@pytest.fixture
def server(world) -> Iterator[Server]:
    running = Server(Service(world), "local:memory")
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()
    ee.Reset()


@pytest.fixture
def connection(server) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection(*server.server_address[:2], timeout=60)
    yield opened
    opened.close()


def initialize(server: Server, credentials: AnonymousCredentials | None = None) -> None:
    """As any program on Earth Engine would, with the engine's transport so that connections are closed in time."""
    transport = LocalEngine(LocalOptions(url=server.url)).connect(LIMITS).transport
    ee.Reset()
    ee.Initialize(credentials=credentials, url=server.url, project="local", http_transport=transport)


def test_profiles_are_sent_over_http(server):
    initialize(server)
    table = io.StringIO()
    with ee.profilePrinting(table):
        ee.Number(1).getInfo()
    assert table.getvalue().splitlines()[1].split() == ["0.001", "-", "1", "compute"]


@pytest.mark.parametrize("credentials", [None, AnonymousCredentials()])
def test_the_unmodified_client_works(server, credentials):
    initialize(server, credentials)
    assert ee.Number(1).add(2).getInfo() == 3
    assert ee.ImageCollection("TEST/SCENES").size().getInfo() == 4
    with pytest.raises(ee.EEException, match=r"Image asset 'NO/SUCH' not found"):
        ee.Image("NO/SUCH").getInfo()


def test_pixels_are_those_of_the_world(server, pixels, kit, world):
    initialize(server)
    array = pixels(ee.Image("TEST/SCENES/20170101T000000_S").select("B2"), *kit.origin, 5, 3)
    (band,) = [band for band in world.assets["TEST/SCENES/20170101T000000_S"].bands if band.name == "B2"]
    np.testing.assert_array_equal(array["B2"], band.pixels[:3, :5])


def test_a_download_url_is_for_any_program(server, kit):
    initialize(server)
    x, y = kit.origin
    url = ee.Image("TEST/SCENES/20170101T000000_S").getDownloadURL(
        {
            "region": ee.Geometry.Rectangle([x, y - 50, x + 70, y], kit.utm, False),
            "scale": 10,
            "crs": kit.utm,
            "bands": ["B2", "B3"],
            "format": "NPY",
        }
    )
    assert url.startswith(f"{server.url}/v1/projects/local/thumbnails/")
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.headers["content-type"] == "application/octet-stream"
        array = np.load(io.BytesIO(answer.read()))
    assert array.shape == (5, 7)
    assert array.dtype.names == ("B2", "B3")


def test_many_clients_at_once(server):
    initialize(server)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: ee.Number(n).multiply(n).getInfo(), range(40))) == [n * n for n in range(40)]


def test_a_connection_stays_open_between_requests(connection):
    connection.request("GET", "/world")
    assert json.loads(connection.getresponse().read()) == {"source": "local:memory"}
    opened = connection.sock
    body = json.dumps({"expression": ee.serializer.encode(7, for_cloud_api=True)})
    connection.request("POST", "/v1/projects/local/value:compute", body)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (200, {"result": 7})
    assert opened is not None
    assert connection.sock is opened


def test_unknown_paths_and_methods_are_reported_in_googles_form(connection):
    connection.request("GET", "/v1/nothing")
    answer = connection.getresponse()
    assert answer.status == 501
    assert "does not implement the method at /v1/nothing" in json.loads(answer.read())["error"]["message"]
    connection.request("PUT", "/v1/nothing")
    assert connection.getresponse().status == 501


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Content-Length": "many"}, 411),
        ({"Content-Length": str(MAX_BODY + 1)}, 413),
    ],
)
def test_a_body_of_unknown_or_too_large_length_is_refused(connection, headers, status):
    connection.putrequest("POST", "/v1/projects/local/value:compute")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert json.loads(answer.read())["error"]["code"] == status


def test_a_client_that_disconnects_does_not_disturb_others(server, connection):
    with socket.create_connection(server.server_address[:2], timeout=60) as rude:
        rude.sendall(b"POST /v1/projects/local/value:compute HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    connection.request("GET", "/world")
    assert connection.getresponse().status == 200


def test_the_engine_uses_a_server_and_has_its_source(server):
    engine = LocalEngine(LocalOptions(url=server.url + "/", world="not looked at"))
    assert engine.source == "local:memory"
    connection = engine.connect(LIMITS)
    assert (connection.project, connection.credentials, connection.url) == ("local", None, server.url)
    server.source = "local:another"
    assert engine.source == "local:memory", "asked once"
    assert LocalEngine(LocalOptions(url=server.url)).source == "local:another"
    assert engine.configured(LocalOptions()).source == "local:virginia"


def test_a_missing_server_is_reported_with_the_remedy():
    # A socket that does not listen refuses connections, and no other process can take its port.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EngineError, match=r"no local Earth Engine answers at http.*mmearth-core localearth serve"):
            LocalEngine(LocalOptions(url=url)).connect(LIMITS)


def test_an_invalid_address_is_reported():
    with pytest.raises(EngineError, match=r"url = '127\.0\.0\.1:80' is not an address"):
        _ = LocalEngine(LocalOptions(url="127.0.0.1:80")).source


@pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"source": 3}'])
def test_another_kind_of_server_is_reported(server, monkeypatch, content):
    monkeypatch.setattr(Handler, "do_GET", lambda self: self.send(200, {}, content))
    with pytest.raises(EngineError, match=r"is not a local Earth Engine \(HTTP status 200"):
        _ = LocalEngine(LocalOptions(url=server.url)).source


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: ee.data.createAsset({"type": "Folder"}, "projects/p/assets/f"), "projects.assets.create"),
        (lambda: ee.data.deleteAsset("projects/p/assets/f/g"), "projects.assets.delete"),
        (lambda: ee.data.updateAsset("projects/p/assets/f/g", {}, []), "projects.assets.patch"),
        (ee.data.getProjectConfig, "projects.getConfig"),
        (lambda: ee.data.getAssetRootQuota("projects/local-project/assets"), "projects.assets.get"),
        (lambda: ee.data.getFeatureViewTilesKey({"assetId": "a/b"}), "projects.featureView.create"),
        (lambda: ee.ImageCollection([1]).getVideoThumbURL({"dimensions": 9}), "projects.videoThumbnails.create"),
        (
            lambda: ee.ImageCollection([1]).getFilmstripThumbURL({"dimensions": 9}),
            "projects.filmstripThumbnails.create",
        ),
    ],
)
def test_methods_of_the_api_that_are_not_implemented_are_named_at_once(server, monkeypatch, call, name):
    handle, asked = Service.handle, []
    monkeypatch.setattr(Service, "handle", lambda *request: asked.append(request) or handle(*request))
    initialize(server)
    asked.clear()
    with pytest.raises(ee.EEException, match=f"^{name}: the local .* not implement this method"):
        call()
    # The client repeats a request that is answered with 501, for half a minute.
    assert len(asked) == 1
