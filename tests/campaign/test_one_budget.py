"""One budget, by the server's own counters: one process with forty threads, and forty processes, ask alike."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from localearth.faults.control import Faults
from localearth.faults.http_server import FaultyServer
from localearth.rest import Service
from localearth.worlds.shipped import open_world

SLOTS = 40
LATENCY = 0.2
"""Seconds of each answer after the gate, in which one request too many would be seen."""


class Gated(Service):
    """Keeps the first requests of pixels waiting until there are as many as the budget allows."""

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self._gate = threading.Barrier(SLOTS)
        self._opened = False

    def handle(self, method: str, path: str, *arguments: Any) -> Any:
        if path.endswith("computePixels") and not self._opened:
            self._gate.wait(timeout=380)
            self._opened = True
        return super().handle(method, path, *arguments)


@pytest.fixture
def server(sea: Path) -> Iterator[FaultyServer]:
    """Google's limit as its own: the request above the budget would be refused."""
    world = open_world(str(sea / "sea.toml"))
    with FaultyServer(Gated(world), "local:sea", faults=Faults(latency=LATENCY, max_concurrent=SLOTS)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 40])
def test_requests_under_way_are_as_many_as_the_budget_allows_and_no_more(
    kit: Any, make: Any, faultless: Any, server: FaultyServer, tmp_path: Path, jobs: int
) -> None:
    dataset = make(tmp_path)
    options = {"batch_size": 5, "max_concurrent": SLOTS, "requests_per_second": 1000, "timeout": 400}
    config = dataset.write(engine=f'url = "{server.url}"', **options)
    config.write_text(config.read_text().replace("partition_size = 50", "partition_size = 5"))
    shares = [("--shard", f"{number}/{jobs}") for number in range(jobs)] if jobs > 1 else [()]
    running = [kit.start("run", config, "--json", *share) for share in shares]
    ends = [(process.communicate(), process.returncode) for process in running]
    assert {status for _, status in ends} == {0}, ends[0]
    assert sum(json.loads(out)["done"] for (out, _), _ in ends) == kit.tiles - kit.skipped
    counters = server.faults.snapshot()
    assert counters["peak_under_way"] == SLOTS
    assert not any(counters["refused"].values())
    assert sorted(dataset.stacks().values()) == sorted(faultless.stacks().values())
