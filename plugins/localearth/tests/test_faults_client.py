"""Each kind of fault through the real `ee` client, inside the process and over HTTP: what arrives is the same."""

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from urllib.parse import urlsplit

import ee
import google.auth.exceptions
import httplib2
import numpy as np
import pytest
from localearth.faults.control import Faults
from localearth.faults.http_server import FaultyServer
from localearth.faults.kinds import Kind, Phase
from localearth.faults.rules import parse_rule
from localearth.faults.transport import FaultyTransport
from localearth.rest import Service
from localearth.transport import LocalTransport

from mmearth_core import Limits
from mmearth_core.earthengine.transport import CountingTransport, HttpTransport

SCENE = "TEST/SCENES/20170101T000000_S"
TIMEOUT = 30.0
STATUSES = {
    "429": (429, "Too Many Requests"),
    "429-aggregations": (429, "Too many concurrent aggregations"),
    "429-minute": (429, "Quota exceeded for quota metric .* per minute"),
    "429-quota": (429, "Your usage exceeded the custom quota for .*daily_eecu_usage_time"),
    "403-rate": (403, "Rate Limit Exceeded"),
    "403-user-rate": (403, "User Rate Limit Exceeded"),
    "403-quota": (403, "Your usage exceeded the custom quota for .*daily_eecu_usage_time"),
    "403-access": (403, "Caller does not have required permission to use project"),
    "401": (401, "Request had invalid authentication credentials"),
    "409": (409, "aborted"),
    "499": (499, "cancelled"),
    "500": (500, "An internal error has occurred"),
    "502": (502, "Ok"),  # the client's own word: a page without Google's JSON: the client does not show what it says
    "503": (503, "currently unavailable"),
    "503-capacity": (503, "Earth Engine capacity exceeded"),
    "503-memory": (503, "Earth Engine memory capacity exceeded"),
    "504": (504, "Deadline expired"),
    "400-internal": (400, "An internal server error has occurred"),
    "400-memory": (400, "User memory limit exceeded"),
    "400-timeout": (400, "Computation timed out"),
}
BROKEN = ("drop", "drop-body", "truncated", "garbled", "proxy")
PIXELS_CHANGED = ("shape", "band", "dtype")
ELSE = ("refresh", "metadata", "slow", "hang", "restricted")


NO_LIMITS = SimpleNamespace(permit=nullcontext, note_mode=lambda is_restricted: None)
"""In place of the sender whose permits each request needs."""


class Way:
    """A way to an engine with faults: inside the process, or over HTTP."""

    def __init__(self, name, world, client):
        self.name = name
        self.slept = []
        self.server = None
        self._world = world
        self._client = client

    def use(self, *rules, timeout=TIMEOUT, checked=False, **options):
        """Turns the client to an engine with these faults; returns them, with their counters."""
        faults = Faults([parse_rule(rule) for rule in rules], **options)
        if self.name == "process":
            transport = FaultyTransport(LocalTransport(self._world), faults, timeout, self.slept.append)
        else:
            self.server = FaultyServer(Service(self._world), "local:memory", faults=faults)
            self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
            self._thread.start()
            transport = Redirected(HttpTransport(Limits(timeout, 8)), self.server.url)
        self._client.local = CountingTransport(transport, NO_LIMITS) if checked else transport
        return faults

    def be_patient(self):
        """Gives the client its usual timeout again."""
        if self.server is not None:
            self._client.local.close()
            self._client.local = Redirected(HttpTransport(Limits(TIMEOUT, 8)), self.server.url)

    def close(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self._thread.join()
            transport = self._client.local
            getattr(transport, "_transport", transport).close()


class Redirected:
    """Sends to a server what the client, set up once for all tests, would send elsewhere."""

    def __init__(self, transport, url):
        self._inner, self._url = transport, url

    def request(self, uri, *arguments, **options):
        parts = urlsplit(uri)
        return self._inner.request(f"{self._url}{parts.path}?{parts.query}", *arguments, **options)

    def close(self):
        self._inner._session.close()


def until(seen):
    """Waits for another thread."""
    for _ in range(6000):
        if seen():
            return
        threading.Event().wait(0.01)
    raise AssertionError("waited in vain")


@pytest.fixture(params=["process", "http"])
def way(request, world, client) -> Iterator[Way]:
    made = Way(request.param, world, client)
    yield made
    made.close()


@pytest.fixture
def one(pixels, kit):
    """Asks for one thing in a phase."""

    def ask(phase: Phase):
        if phase is Phase.LOCATE:
            return ee.Number(1).add(2).getInfo()
        return pixels(ee.Image(SCENE).select(["B2", "B3"]), *kit.origin, 5, 4)

    return ask


def test_every_kind_is_tested_here():
    assert set(Kind) == {*STATUSES, *BROKEN, *PIXELS_CHANGED, *ELSE}


@pytest.mark.parametrize("phase", [Phase.LOCATE, Phase.PIXELS])
@pytest.mark.parametrize("kind", STATUSES)
def test_what_google_says_arrives_with_its_status(way, one, kind, phase):
    status, words = STATUSES[kind]
    faults = way.use(f"{kind}:first=1")
    with pytest.raises(ee.EEException, match=words) as caught:
        one(phase)
    assert int(caught.value.__context__.resp.status) == status
    one(phase)  # the second one is answered
    assert faults.snapshot()["requests"] == {phase: {"200": 1, str(status): 1}}
    assert faults.snapshot()["faults"] == {f"{kind}:first=1": 1}


@pytest.mark.parametrize("phase", [Phase.LOCATE, Phase.PIXELS])
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_answers_are_errors_of_the_connection(way, one, kind, phase):
    faults = way.use(f"{kind}:first=1", checked=True)
    with pytest.raises(ConnectionError):
        one(phase)
    one(phase)
    assert faults.given[f"{kind}:first=1"] == 1


@pytest.mark.parametrize("kind", ["truncated", "garbled", "proxy"])
def test_a_damaged_body_has_status_200(way, client, one, kind):
    way.use(f"{kind}:after=1")
    seen = []

    class Spy:
        def __init__(self, inner):
            self.inner = inner

        def request(self, *arguments, **options):
            seen.append(self.inner.request(*arguments, **options))
            return seen[-1]

    client.local, transport = Spy(client.local), client.local
    one(Phase.PIXELS)
    with pytest.raises((ValueError, EOFError)):
        one(Phase.PIXELS)
    client.local = transport
    (right_head, right), (head, body) = seen
    assert (right_head.status, head.status) == (200, 200)
    assert int(head["content-length"]) == len(body)
    if kind == "proxy":
        assert body.startswith(b"<!DOCTYPE html>")
    else:
        assert len(body) == (len(right) // 2 if kind == "truncated" else len(right))
        assert body != right[: len(body)] or kind == "truncated"


def test_faults_that_change_the_pixels(way, one):
    way.use("shape:first=1", "band:first=2", "dtype:first=3")
    smaller, fewer, other, right = (one(Phase.PIXELS) for _ in range(4))
    assert (smaller.shape, right.shape) == ((3, 5), (4, 5))
    np.testing.assert_array_equal(smaller, right[:3])
    assert (fewer.shape, fewer.dtype.names) == ((4, 5), ("B2",))
    np.testing.assert_array_equal(fewer["B2"], right["B2"])
    assert (other.dtype["B2"], other.dtype["B3"]) == (np.dtype("uint16"), np.dtype("float64"))
    np.testing.assert_array_equal(other["B3"], right["B3"])
    assert right.dtype == np.dtype([("B2", "uint16"), ("B3", "uint16")])


def test_a_single_band_is_missing_under_its_name(way, pixels, kit):
    way.use("band")
    assert pixels(ee.Image(SCENE).select("B2"), *kit.origin, 2, 2).dtype.names == ("B2_1",)


def test_faults_of_pixels_do_not_touch_anything_else(way, one):
    faults = way.use("shape", "dtype")
    assert one(Phase.LOCATE) == 3
    assert faults.given.total() == 0


def test_a_token_that_cannot_be_renewed(way, one):
    way.use("refresh:after=1")
    assert one(Phase.LOCATE) == 3
    if way.name == "process":
        with pytest.raises(google.auth.exceptions.RefreshError, match="invalid_grant"):
            one(Phase.LOCATE)
    else:  # a server has no part in it, and refuses the old token
        with pytest.raises(ee.EEException) as caught:
            one(Phase.LOCATE)
        assert int(caught.value.__context__.resp.status) == 401


def test_a_metadata_server_without_a_token(way, one):
    way.use("metadata:first=1")
    expected = google.auth.exceptions.RefreshError if way.name == "process" else ee.EEException
    with pytest.raises(expected, match="metadata service" if way.name == "process" else "unavailable") as caught:
        one(Phase.LOCATE)
    if way.name == "process":
        assert isinstance(caught.value.__cause__, google.auth.exceptions.TransportError)
    assert one(Phase.LOCATE) == 3


def test_slow_answers_are_right(way, one):
    way.use("slow:seconds=0.01:first=1", latency=0.02)
    assert [one(Phase.LOCATE), one(Phase.LOCATE)] == [3, 3]
    assert way.slept == (pytest.approx([0.03, 0.02]) if way.name == "process" else [])


@pytest.mark.parametrize("rule", ["hang", "slow:seconds=1000"])
def test_a_client_that_waits_too_long_gives_up(way, one, rule):
    faults = way.use(f"{rule}:first=1", timeout=0.3)
    with pytest.raises(TimeoutError, match=r"no answer within 0\.3 s"):
        one(Phase.LOCATE)
    way.be_patient()
    # The server sees the client leave, perhaps late; until then, the fault could be that of the next request.
    until(lambda: faults.snapshot()["requests"])
    assert one(Phase.LOCATE) == 3
    assert way.slept == ([0.3] if way.name == "process" else [])
    assert faults.snapshot()["requests"] == {"locate": {"200": 1, "no answer": 1}}
    assert faults.snapshot()["under_way"] == 0


def test_chance_is_the_same_inside_the_process_and_over_http(world, client):
    def failed(name):
        way = Way(name, world, client)
        way.use("503:rate=0.3", seed=11)
        lost = set()
        for number in range(40):
            try:
                assert ee.Number(number).add(1).getInfo() == number + 1
            except ee.EEException:
                lost.add(number)
        way.close()
        return lost

    assert 0 < len(failed("process")) < 40
    assert failed("process") == failed("http")


def test_restricted_mode_is_reported_in_a_header(way, one):
    way.use("restricted:after=1")
    assert one(Phase.LOCATE) == 3
    with pytest.warns(UserWarning, match="exceeded its noncommercial compute quota and is now in restricted mode"):
        assert one(Phase.LOCATE) == 3


def test_a_server_that_stops_releases_waiting_clients(world, client):
    way = Way("http", world, client)
    before = set(threading.enumerate())
    faults = way.use("hang")
    ended = []

    def ask():
        try:
            ee.Number(1).getInfo()
        except ConnectionError as error:
            ended.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    until(lambda: way.server.waiting_clients.count)
    assert faults.snapshot()["under_way"] == 1
    way.close()
    waiting.join(60)
    assert len(ended) == 1
    until(lambda: before.issuperset(threading.enumerate()))


def test_faults_apply_to_connecting_too(world):
    faults = Faults([parse_rule("503:phase=connect:first=1")])
    transport = FaultyTransport(LocalTransport(world), faults, TIMEOUT)
    uri = "https://earthengine.googleapis.com/$discovery/rest?version=v1"
    answers = [transport.request(uri)[0] for _ in range(2)]
    assert all(isinstance(answer, httplib2.Response) for answer in answers)
    assert [answer.status for answer in answers] == [503, 200]
    assert faults.snapshot()["requests"] == {"connect": {"200": 1, "503": 1}}
    assert faults.snapshot()["peak_under_way"] == 0, "it costs no quota"
