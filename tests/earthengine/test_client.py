"""The client: what is tried again, what is not, and what is counted. No request leaves the process."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import ee
import google.auth.exceptions
import httplib2
import numpy as np
import pytest
from mmearth_devkit.testing.ee_offline import COMPUTE, PIXELS, HttpRefusal, ScriptedEngine, evaluate, open_client

from mmearth_core.budget import LocalBudget
from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.earthengine.retry import REPEATS, RESTRICTED_FOR, SPLIT_AFTER
from mmearth_core.errors import (
    EngineError,
    NoAnswerError,
    PixelError,
    RequestError,
    RunStoppedError,
    TooLargeError,
)

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
    return EarthClient(
        ScriptedEngine(script), RunOptions(retry_seconds=3600, requests_per_second=1e6), sleep=waits
    ), waits


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


TOO_LARGE = ["User memory limit exceeded.", "Computation timed out."]


@pytest.mark.parametrize("message", [*TOO_LARGE, "Image.select: no band named 'x'."])
def test_a_refusal_is_not_repeated(message):
    client, waits = patient(Script(HttpRefusal(400, message)))
    with pytest.raises(RequestError) as caught:
        client.compute(ee.Number(3).add(4), "test")
    assert str(caught.value) == message
    assert isinstance(caught.value, TooLargeError) == (message in TOO_LARGE)
    assert len(client.engine.asked) == 1
    assert waits == []


@pytest.mark.parametrize(("status", "message"), [(401, "invalid credentials"), (403, "no access to project")])
def test_lost_access_stops_the_run(status, message):
    client, waits = patient(Script(HttpRefusal(status, message)))
    with pytest.raises(RunStoppedError, match=f"no longer answers this run: {message}\\..* run the same command again"):
        client.compute(ee.Number(3).add(4), "test")
    assert len(client.engine.asked) == 1
    assert waits == []


class Time:
    """A clock that only sleeping moves on."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def timed(script, retry_seconds):
    time = Time()
    run = RunOptions(retry_seconds=retry_seconds, requests_per_second=1e6)
    return EarthClient(ScriptedEngine(script), run, sleep=time.sleep, clock=time), time


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_when_nothing_is_answered_any_more_the_run_stops_and_no_tile_is_blamed(fault):
    def silent(kind, graph):
        raise fault

    client, time = timed(silent, 600)
    with pytest.raises(RunStoppedError, match=r"does not answer \(tried for 600 s\): .* run the same command again"):
        client.compute(ee.Number(3).add(4), "test")
    assert 600 <= time.now <= 600 + 60
    asked = len(client.engine.asked)
    with pytest.raises(RunStoppedError):
        client.compute(ee.Number(3).add(4), "test")
    assert len(client.engine.asked) == asked, "nothing more is sent"


def bad_sum(fault):
    """Answers every question but sums."""

    def script(kind, graph):
        if graph != 1:
            raise fault
        return 1

    return script


@pytest.mark.parametrize("fault", [PASSING[0], PASSING[2], *PASSING[4:]], ids=str)
def test_one_request_that_is_not_answered_while_others_are_leaves_its_tiles(fault):
    client, _ = timed(bad_sum(fault), 600)
    with pytest.raises(NoAnswerError, match=r"\(tried for 600 s\)$"):
        client.compute(ee.Number(3).add(4), "test")
    assert client.compute(ee.Number(1), "test") == 1


def test_an_internal_error_that_only_one_request_meets_is_that_requests_own():
    client, _ = timed(bad_sum(PASSING[1]), 600)
    with pytest.raises(RequestError, match=r"An internal error has occurred \(tried for 600 s\)$"):
        client.compute(ee.Number(3).add(4), "test")


def test_the_server_says_how_long_to_wait():
    class Asking(ScriptedEngine):
        def request(self, uri, *args, **options):
            answer, content = super().request(uri, *args, **options)
            if answer.status == 429:
                answer["retry-after"] = "90"
            return answer, content

    waits = Waits()
    client = EarthClient(Asking(Script(PASSING[0])), RunOptions(), sleep=waits)
    assert client.compute(ee.Number(3).add(4), "test") == 7
    assert waits == [90]


def test_429_halves_the_requests_under_way_and_answers_bring_them_back():
    client, _ = patient(Script(PASSING[0], PASSING[0]))
    seen = []
    answer = client.engine.answer
    client.engine.answer = lambda kind, graph: seen.append(client.sender.limit.current) or answer(kind, graph)
    client.compute(ee.Number(3).add(4), "test")
    assert seen == [40, 20, 10]
    assert client.sender.retries == {"429": 2}
    assert client.sender.notice() == "10 of 40 slots, 2 retries"
    for _ in range(2000):
        client.compute(ee.Number(1), "test")
        if client.sender.limit.current == 40:
            break
    assert client.sender.notice() == "2 retries"
    assert len(seen) > 3 + 30 * 10, "slower than one a round trip"


def test_what_is_waited_for_is_told():
    said = []
    script = Script(PASSING[2])
    client = EarthClient(ScriptedEngine(script), RunOptions(), sleep=lambda _: said.append(client.sender.notice()))
    client.compute(ee.Number(3).add(4), "test")
    assert said == ["waiting: 503, 1 retry"]
    assert client.sender.notice() == "1 retry"


class Counting(LocalBudget):
    """A budget that counts its permits."""

    taken = held = 0

    @contextmanager
    def permit(self):
        self.taken, self.held = self.taken + 1, self.held + 1
        try:
            yield
        finally:
            self.held -= 1


def test_every_try_has_a_permit_of_its_own_and_waiting_has_none():
    budget = Counting(1, 1e6)
    while_waiting = []
    run = RunOptions(retry_seconds=3600)
    client = EarthClient(ScriptedEngine(Script(PASSING[1])), run, sleep=lambda _: while_waiting.append(budget.held))
    client.sender.use_budget(budget)
    assert client.compute(ee.Number(3).add(4), "test") == 7
    assert (budget.taken, budget.held, while_waiting) == (2, 0, [0])


RESTRICTED = "parallelism_restricted=true"


class Restricted(ScriptedEngine):
    """An engine whose answers say, while `mode` is set, that the project is in restricted mode."""

    mode = True

    def request(self, uri, *args, **options):
        answer, content = super().request(uri, *args, **options)
        if COMPUTE in uri and self.mode:
            answer["x-earth-engine-quota-status"] = RESTRICTED
        return answer, content


def test_a_run_may_stop_in_restricted_mode_and_keeps_the_answer():
    client = EarthClient(Restricted(Script()), RunOptions(when_restricted="stop"), sleep=Waits())
    assert client.compute(ee.Number(3).add(4), "test") == 7
    with pytest.raises(RunStoppedError, match=r'answers in restricted mode.*when_restricted` in \[run\] is "stop"'):
        client.compute(ee.Number(3).add(4), "test")
    assert len(client.engine.asked) == 1


class Shares(LocalBudget):
    """A budget that remembers how many requests all processes may have in flight."""

    def __init__(self):
        self.shares = []
        super().__init__(40, 1e6)

    def share(self, slots):
        self.shares.append(slots)
        super().share(slots)


def test_restricted_mode_is_reported_once_and_lowers_the_requests_in_flight_until_it_ends(caplog):
    time = Time()
    client = EarthClient(Restricted(Script()), RunOptions(max_concurrent=40), sleep=time.sleep, clock=time)
    budget = Shares()
    client.sender.use_budget(budget)
    budget.shares.clear()

    def answer(mode):
        client.engine.mode = mode
        assert client.compute(ee.Number(3).add(4), "test") == 7

    assert not client.sender.was_restricted
    for _ in range(3):
        answer(True)
    assert (budget.shares, budget.slots) == ([10], 10)
    assert client.sender.notice() == "restricted mode"
    (warning,) = caplog.records
    assert "Earth Engine answers in restricted mode, which is slower" in warning.getMessage()
    # An answer without the header may come from a cache: only when there was none for long, the mode is over.
    time.now += RESTRICTED_FOR - 1
    answer(False)
    assert budget.shares == [10]
    time.now += 1
    answer(False)
    assert (budget.shares, budget.slots) == ([10, 40], 40)
    assert client.sender.notice() == ""
    assert client.sender.was_restricted


def test_a_budget_that_is_joined_in_restricted_mode_is_lowered_too():
    client = EarthClient(Restricted(Script()), RunOptions(max_concurrent=3), sleep=Waits())
    client.compute(ee.Number(1), "test")
    budget = Shares()
    client.sender.use_budget(budget)
    assert budget.slots == 1, "a quarter, but at least one"


NO_MEMORY = HttpRefusal(503, "Earth Engine memory capacity exceeded.")


def test_a_lack_of_memory_slows_down_and_is_a_reason_to_split_only_if_it_lasts():
    client, time = timed(bad_sum(NO_MEMORY), 600)
    with pytest.raises(TooLargeError, match=r"memory capacity exceeded\. \(tried for 60 s\)$") as caught:
        client.compute(ee.Number(3).add(4), "test")
    assert SPLIT_AFTER <= time.now <= SPLIT_AFTER + 60
    assert client.sender.limit.decreases == client.sender.retries["capacity"] + 1
    assert isinstance(caught.value, NoAnswerError), "what cannot be split is left for the next run"
    client, time = timed(Script(*[NO_MEMORY] * 3), 600)
    assert client.compute(ee.Number(3).add(4), "test") == 7
    assert client.sender.limit.decreases == 3


def test_wrong_pixels_are_asked_for_again_and_then_refused():
    client, _ = patient(lambda kind, graph: np.zeros((2, 2), dtype=[("a", "<u2")]))
    seen = []

    def check(array):
        seen.append(array.shape)
        if len(seen) < 3:
            raise PixelError("another size")

    client.pixels(ee.Image("asset"), GRID, check)
    assert seen == [(2, 2)] * 3
    with pytest.raises(RequestError, match="another size"):
        client.pixels(ee.Image("asset"), GRID, lambda array: seen.clear() or check(array))
    assert client.sender.retries == {"wrong pixels": 2 + REPEATS}


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


def test_every_request_carries_the_workload_tag():
    engine = ScriptedEngine(lambda kind, graph: np.zeros((2, 2), [("b", "u1")]) if kind == PIXELS else 1)
    client = EarthClient(engine, RunOptions(), workload_tag="my-data")
    client.compute(ee.Number(1), "test")
    client.pixels(ee.Image(1), GRID)
    assert [body["workloadTag"] for body in engine.bodies] == ["my-data", "my-data"]
    engine.bodies.clear()
    EarthClient(engine, RunOptions()).compute(ee.Number(1), "test")
    assert "workloadTag" not in engine.bodies[0]


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


CONNECTING = ["/$discovery/rest", "/algorithms"]
NO_NETWORK = [PAGE, TimeoutError("no answer within 330 s"), ConnectionError("no route to host")]


@pytest.fixture
def terminal(monkeypatch):
    """Somebody sits before the run."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)


@pytest.mark.parametrize("kind", CONNECTING)
@pytest.mark.parametrize("fault", NO_NETWORK)
def test_at_a_terminal_the_engine_is_refused_at_once_without_a_network(kind, fault, terminal):
    waits = Waits()
    with pytest.raises(EngineError, match=r"does not answer: .*[^.]\. Check the network") as caught:
        EarthClient(Interfered(kind, fault), RunOptions(retry_seconds=3600), sleep=waits)
    assert waits == []
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("kind", CONNECTING)
@pytest.mark.parametrize("fault", NO_NETWORK)
def test_in_a_batch_job_the_network_is_waited_for_when_the_engine_is_opened(kind, fault, caplog):
    waits = Waits()
    client = EarthClient(Interfered(kind, *[fault] * 3), RunOptions(retry_seconds=3600), sleep=waits)
    assert len(waits) == 3
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    assert client.compute(ee.Number(3), "test") == 7


@pytest.mark.parametrize("kind", CONNECTING)
@pytest.mark.parametrize("fault", [*NO_NETWORK[1:], BUSY])
def test_in_a_batch_job_an_engine_that_never_answers_stops_the_run(kind, fault):
    time, run = Time(), RunOptions(retry_seconds=600)
    with pytest.raises(
        RunStoppedError, match=r"does not answer \(tried for 600 s\).* run the same command again"
    ) as caught:
        EarthClient(Interfered(kind, *[fault] * 1000), run, sleep=time.sleep, clock=time)
    assert 600 <= time.now <= 660
    assert caught.value.exit_code == 3


class Unreachable(ScriptedEngine):
    """An engine that has to renew credentials before it can connect."""

    def __init__(self, *faults):
        super().__init__(lambda kind, graph: 7)
        self.faults = list(faults)

    def connect(self, limits):
        if self.faults:
            raise self.faults.pop(0)
        return super().connect(limits)


BUSY_LOGIN = [
    google.auth.exceptions.TransportError("no connection to the server of tokens"),
    google.auth.exceptions.RefreshError("internal_failure", retryable=True),
]


@pytest.mark.parametrize("fault", BUSY_LOGIN)
def test_credentials_that_cannot_be_renewed_just_now_are_waited_for(fault):
    waits = Waits()
    client = EarthClient(Unreachable(fault, fault), RunOptions(retry_seconds=3600), sleep=waits)
    assert (len(waits), client.compute(ee.Number(3), "test")) == (2, 7)


def test_credentials_that_are_refused_are_not_waited_for():
    waits, fault = Waits(), google.auth.exceptions.RefreshError("invalid_grant: Token has been revoked.")
    with pytest.raises(EngineError, match=r"refuses this account: invalid_grant.* Log in again with `earthengine auth"):
        EarthClient(Unreachable(fault), RunOptions(retry_seconds=3600), sleep=waits)
    assert waits == []


@pytest.mark.parametrize("kind", ["/$discovery/rest", "/algorithms"])
def test_access_refused_when_the_engine_is_opened(kind):
    content = b'{"error": {"code": 403, "message": "Caller may not."}}'
    closed = httplib2.Response({"status": "403", "content-type": "application/json"}), content
    with pytest.raises(EngineError, match=r"refuses project 'offline': Caller may not\. Check that"):
        EarthClient(Interfered(kind, closed), RunOptions(retry_seconds=3600), sleep=Waits())


def test_when_the_run_is_ending_nothing_is_tried_again_and_no_tile_is_blamed():
    client, waits = patient(Script(*PASSING))
    client.sender.end()
    with pytest.raises(RunStoppedError, match=r"run is ending.*same command again"):
        client.compute(ee.Number(3), "test")
    assert client.engine.asked == []
    assert waits == []


def test_a_wait_ends_with_the_run():
    asked = threading.Event()

    def busy(kind, graph):
        asked.set()
        raise HttpRefusal(503, "busy")

    client = EarthClient(ScriptedEngine(busy), RunOptions(retry_seconds=3600))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.compute, ee.Number(3), "test")
        assert asked.wait(30)
        client.sender.end()
        with pytest.raises(RunStoppedError):
            waiting.result(timeout=30)
