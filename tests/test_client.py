"""The client: what is tried again, what is not, and what is counted. No request leaves the process."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import ee
import httplib2
import numpy as np
import pytest

from mmearth_core.config.schema import RunOptions
from mmearth_core.earth.client import EarthClient
from mmearth_core.errors import EngineError, RequestError, RunStoppedError
from tests.ee_offline import COMPUTE, PIXELS, HttpRefusal, ScriptedEngine, evaluate, open_client

GRID = {
    "dimensions": {"width": 2, "height": 3},
    "affineTransform": {"scaleX": 10, "shearX": 0, "translateX": 0, "shearY": 0, "scaleY": -10, "translateY": 0},
    "crsCode": "EPSG:32618",
}
PASSING = [
    HttpRefusal(429, "Too many requests"),
    HttpRefusal(500, "An internal error has occurred"),
    HttpRefusal(503, "The service is currently unavailable."),
    HttpRefusal(400, "Too many concurrent aggregations."),
    ConnectionResetError(104, "Connection reset by peer"),
    TimeoutError("no answer within 330 s"),
]


class Script:
    """Raises the faults given, one a request, and then answers."""

    def __init__(self, *faults):
        self.faults = list(faults)

    def __call__(self, kind, graph):
        if self.faults:
            raise self.faults.pop(0)
        return evaluate(graph)


class Waits(list):
    """A `sleep` that does not, and remembers."""

    def __call__(self, seconds):
        self.append(seconds)


def patient(script):
    """A client that keeps trying; it never waits."""
    waits = Waits()
    return EarthClient(ScriptedEngine(script), RunOptions(retry_seconds=3600), sleep=waits), waits


def test_a_value_is_computed():
    client = open_client(Script())
    assert client.compute(ee.List([ee.Number(3).add(4), "x", {"a": None}]), "test") == [7, "x", {"a": None}]


def test_pixels_arrive_as_a_structured_array():
    sent = np.zeros((3, 2), dtype=[("l__a", "<u2"), ("l__b", "<f4")])
    sent["l__a"] = np.arange(6).reshape(3, 2)
    client = open_client(lambda kind, graph: sent)
    received = client.pixels(ee.Image("asset").rename("x"), GRID)
    np.testing.assert_array_equal(received, sent)
    assert received.dtype == sent.dtype
    assert client.engine.asked[0][0] == PIXELS
    assert client.engine.bodies[0]["grid"] == GRID
    assert client.engine.bodies[0]["fileFormat"] == "NPY"


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_a_passing_fault_is_tried_again(fault):
    client, waits = patient(Script(fault, fault, fault))
    assert client.compute(ee.Number(3).add(4), "test") == 7
    assert len(client.engine.asked) == 4
    assert len(waits) == 3
    assert all(0 <= seconds <= 60 for seconds in waits)


def test_many_passing_faults_in_a_row_and_no_wait_beyond_a_minute():
    client, waits = patient(Script(*PASSING * 4))
    assert client.compute(ee.Number(1).add(1), "test") == 2
    assert len(waits) == 24
    assert 0 <= max(waits) <= 60


@pytest.mark.parametrize(
    "message", ["User memory limit exceeded.", "Computation timed out.", "Image.select: no band named 'x'."]
)
def test_a_refusal_is_not_repeated(message):
    client, waits = patient(Script(HttpRefusal(400, message)))
    with pytest.raises(RequestError) as caught:
        client.compute(ee.Number(3).add(4), "test")
    assert str(caught.value) == message
    assert len(client.engine.asked) == 1
    assert waits == []


@pytest.mark.parametrize(("status", "message"), [(401, "invalid credentials"), (403, "no access to project")])
def test_lost_access_stops_the_run(status, message):
    client, waits = patient(Script(HttpRefusal(status, message)))
    with pytest.raises(RunStoppedError, match=f"no longer answers this run: {message}\\..* run the same command again"):
        client.compute(ee.Number(3).add(4), "test")
    assert len(client.engine.asked) == 1
    assert waits == []


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_after_retry_seconds_it_gives_up(fault):
    client = open_client(Script(fault), retry_seconds=0)
    with pytest.raises(RequestError, match=r"\(tried for 0 s\)$"):
        client.compute(ee.Number(3).add(4), "test")
    assert len(client.engine.asked) == 1


def test_a_defect_is_seen_as_one():
    client, waits = patient(Script(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError, match="ours"):
        client.compute(ee.Number(3).add(4), "test")
    assert waits == []


def test_an_interrupt_is_not_tried_again():
    client, waits = patient(Script(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        client.compute(ee.Number(3).add(4), "test")
    assert waits == []


def test_requests_and_bytes_are_counted_and_purposes_without_retries():
    client, _ = patient(Script(PASSING[0], PASSING[4]))
    assert client.meter.requests == {}
    assert client.meter.received == 0
    client.compute(ee.Number(3).add(4), "locate")
    assert client.meter.requests == {COMPUTE: 3}
    assert client.purposes == {"locate": 1}
    answered = client.meter.received
    assert answered >= len('{"result": 7}')
    sent = np.zeros((64, 64), dtype=[("a", "<f4")])
    client.engine.answer = lambda kind, graph: sent
    client.pixels(ee.Image("asset"), GRID)
    assert client.meter.requests == {COMPUTE: 3, PIXELS: 1}
    assert client.purposes == {"locate": 1, "pixels": 1}
    assert client.meter.received >= answered + sent.nbytes


def test_opening_counts_nothing():
    client = open_client(Script())
    assert client.meter.requests == {}
    assert client.engine.asked == []


class ClosedEngine(ScriptedEngine):
    """An engine that refuses already the list of functions."""

    def request(self, uri, *args, **options):
        if "/algorithms" in uri:
            content = b'{"error": {"code": 403, "message": "Caller may not use project offline."}}'
            return httplib2.Response({"status": "403", "content-type": "application/json"}), content
        return super().request(uri, *args, **options)


def test_a_project_that_may_not_be_used():
    with pytest.raises(EngineError) as caught:
        EarthClient(ClosedEngine(Script()), RunOptions(), sleep=Waits())
    assert "Engine 'scripted' refuses project 'offline': Caller may not use project offline." in str(caught.value)
    assert "registered for Earth Engine" in str(caught.value)


def test_a_new_client_takes_the_place_of_the_old_one():
    first, second = open_client(Script()), open_client(lambda kind, graph: "second")
    assert second.compute(ee.Number(1).add(1), "test") == "second"
    assert first.engine.asked == []


def test_the_concurrency_and_timeout_are_the_engine_s_limits():
    asked = []

    class Curious(ScriptedEngine):
        def connect(self, limits):
            asked.append(limits)
            return super().connect(limits)

    EarthClient(Curious(Script()), RunOptions(max_concurrent=7, timeout=12.0))
    assert [(limits.connections, limits.timeout) for limits in asked] == [(7, 12.0)]


PAGE = httplib2.Response({"status": "200", "content-type": "text/html"}), b"<html>Please log in</html>"
BUSY = httplib2.Response({"status": "503", "content-type": "text/html"}), b"<html>busy</html>"


class Interfered(ScriptedEngine):
    """An engine whose first answers to one kind of request are somebody else's, or do not come."""

    def __init__(self, kind, *answers):
        super().__init__(lambda kind, graph: np.zeros((2, 2), dtype=[("a", "<u2")]) if kind == PIXELS else 7)
        self.kind, self.answers = kind, list(answers)

    def request(self, uri, *args, **options):
        if self.kind not in uri or not self.answers:
            return super().request(uri, *args, **options)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def cut_short():
    whole = io.BytesIO()
    np.save(whole, np.zeros((2, 2), dtype=[("a", "<u2")]))
    return httplib2.Response({"status": "200"}), whole.getvalue()[:-3]


@pytest.mark.parametrize("garbled", [PAGE, (PAGE[0], b""), (PAGE[0], b"[1]"), cut_short()], ids=range(4))
@pytest.mark.parametrize("kind", [COMPUTE, PIXELS])
def test_an_answer_that_is_not_earth_engine_s_is_asked_for_again(kind, garbled):
    client = EarthClient(Interfered(kind, garbled, garbled), RunOptions(retry_seconds=3600), sleep=Waits())
    if kind == PIXELS:
        assert client.pixels(ee.Image("asset"), GRID)["a"].shape == (2, 2)
    else:
        assert client.compute(ee.Number(3), "test") == 7
    assert client.meter.requests == {kind: 3}


@pytest.mark.parametrize("kind", ["/$discovery/rest", "/algorithms"])
def test_a_busy_server_is_waited_for_also_when_the_engine_is_opened(kind):
    waits = Waits()
    client = EarthClient(Interfered(kind, BUSY, BUSY), RunOptions(retry_seconds=3600), sleep=waits)
    assert len(waits) == 2
    assert client.compute(ee.Number(3), "test") == 7


@pytest.mark.parametrize("kind", ["/$discovery/rest", "/algorithms"])
@pytest.mark.parametrize("fault", [PAGE, TimeoutError("no answer within 330 s"), ConnectionError("no route to host")])
def test_without_a_network_the_engine_is_refused_at_once(kind, fault):
    waits = Waits()
    with pytest.raises(EngineError, match=r"does not answer: .*[^.]\. Check the network"):
        EarthClient(Interfered(kind, fault), RunOptions(retry_seconds=3600), sleep=waits)
    assert waits == []


@pytest.mark.parametrize("kind", ["/$discovery/rest", "/algorithms"])
def test_access_refused_when_the_engine_is_opened(kind):
    content = b'{"error": {"code": 403, "message": "Caller may not."}}'
    closed = httplib2.Response({"status": "403", "content-type": "application/json"}), content
    with pytest.raises(EngineError, match=r"refuses project 'offline': Caller may not\. Check that"):
        EarthClient(Interfered(kind, closed), RunOptions(retry_seconds=3600), sleep=Waits())


def test_when_the_run_is_ending_nothing_is_tried_again_and_no_tile_is_blamed():
    client, waits = patient(Script(*PASSING))
    client.end()
    with pytest.raises(RunStoppedError, match="run is ending"):
        client.compute(ee.Number(3), "test")
    assert len(client.engine.asked) == 1
    assert waits == []
    client.engine.answer = lambda kind, graph: 7
    assert client.compute(ee.Number(3), "test") == 7


def test_a_wait_ends_with_the_run():
    asked = threading.Event()

    def busy(kind, graph):
        asked.set()
        raise HttpRefusal(503, "busy")

    client = EarthClient(ScriptedEngine(busy), RunOptions(retry_seconds=3600))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.compute, ee.Number(3), "test")
        assert asked.wait(30)
        client.end()
        with pytest.raises(RunStoppedError):
            waiting.result(timeout=30)
