"""`kill -9` at any moment, many times over: what is made in the end is what an undisturbed run makes.

Moments are those at which a process is about to change something in the folder (each name made, written, renamed or
removed), those at which a server has seen so many requests, and some after a random time.
"""

import json
import os
import random
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from localearth.faults.control import Faults
from localearth.faults.http_server import FaultyServer
from localearth.faults.request import Request
from localearth.rest import Service
from localearth.worlds.shipped import open_world, world_label

from tests.campaign.killed import ends, kill_after, killed

pytestmark = pytest.mark.slow


@pytest.fixture
def dataset(make: Callable[[Path], Any], tmp_path: Path) -> Any:
    return make(tmp_path / "own")


def is_sound(dataset: Any, faultless: Any) -> None:
    """At any moment: every stack is whole, and what is journaled as done is there."""
    right, there = faultless.stacks(), dataset.stacks()
    for path, content in there.items():
        assert Path(path).name.startswith(".") or content == right[path], path
    stems = {Path(path).stem for path in there}
    assert {name for name, entry in dataset.entries().items() if entry["outcome"] == "done"} <= stems


def is_the_same(dataset: Any, faultless: Any) -> None:
    """At the end: stacks, journals by tile, and no line or file beside them."""
    assert dataset.stacks() == faultless.stacks()
    assert dataset.entries() == faultless.entries()
    assert len(dataset.journal()) == len(dataset.entries())
    assert not [path for path in dataset.root.rglob(".*") if path.is_file()]


def test_a_run_killed_at_any_of_its_first_moments(kit: Any, dataset: Any, faultless: Any) -> None:
    """Taking the tiles in, writing the configuration, locking, joining the budget, the first stack."""
    dataset.write()
    for moment in (1, 2, 3, 5, 8, 13, 17, 21, 26, 34, 55):
        ends(kit.start_until(dataset.root, moment, "kill", "run", dataset.config), -signal.SIGKILL, 0)
        is_sound(dataset, faultless)
        if moment % 2:  # from nothing again; the other times on what the kill has left
            shutil.rmtree(dataset.root, ignore_errors=True)
    ends(kit.start("run", dataset.config), 0)
    is_the_same(dataset, faultless)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_killed_again_and_again_while_it_works(seed: int, kit: Any, dataset: Any, faultless: Any) -> None:
    dataset.write()
    chance = random.Random(seed)
    kills = killed(
        lambda: kit.start_until(dataset.root, chance.randint(30, 260), "kill", "run", dataset.config),
        lambda: is_sound(dataset, faultless),
    )
    assert kills >= 4
    is_the_same(dataset, faultless)


class Killing(Faults):
    """A server's counters, which do something at one request of a phase."""

    def __init__(self) -> None:
        super().__init__()
        self._phase, self._left, self._act = "", 0, lambda: None
        self._guard = threading.Lock()

    def at(self, phase: str, count: int, act: Callable[[], object]) -> None:
        """Does it when so many requests of that phase have come from now on."""
        with self._guard:
            self._phase, self._left, self._act = phase, count, act

    def handle(self, path: str, body: bytes | None, *others: Any) -> Any:
        with self._guard:
            if Request(path, body).phase == self._phase:
                self._left -= 1
                if self._left == 0:
                    self._act()
        return super().handle(path, body, *others)


@pytest.fixture
def server(sea: Path) -> Iterator[FaultyServer]:
    world = str(sea / "sea.toml")
    server = FaultyServer(Service(open_world(world)), f"local:{world_label(world)}", faults=Killing())
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_killed_while_requests_are_under_way(kit: Any, dataset: Any, faultless: Any, server: FaultyServer) -> None:
    dataset.write(engine=f'url = "{server.url}"')
    chance, phases = random.Random(4), ["connect", "locate", "pixels"]
    for turn in range(9):
        reached = threading.Event()
        server.faults.at(phases[turn % 3], chance.randint(1, (2, 12, 30)[turn % 3]), reached.set)
        process = kit.start("run", dataset.config)
        assert reached.wait(60), "the run ended before its kill"
        process.kill()
        ends(process, -signal.SIGKILL)
        is_sound(dataset, faultless)
    ends(kit.start("run", dataset.config), 0)
    is_the_same(dataset, faultless)


def test_killed_after_any_time(kit: Any, dataset: Any, faultless: Any) -> None:
    dataset.write()
    chance = random.Random(6)
    for _ in range(8):
        kill_after(kit.start("run", dataset.config), chance.uniform(0.3, 3.5))
        is_sound(dataset, faultless)
    ends(kit.start("run", dataset.config), 0)
    is_the_same(dataset, faultless)


def test_tasks_of_an_array_killed_and_taken_over_by_fewer(
    kit: Any, dataset: Any, faultless: Any, server: FaultyServer
) -> None:
    """Three tasks share one budget; one is killed, the others end; a smaller array goes on where it was."""
    dataset.write(engine=f'url = "{server.url}"', budget="shared")
    ends(kit.start("run", dataset.config, "--limit", "1", "--shard", "0/4"), 0)
    reached, is_killed = threading.Event(), threading.Event()
    # Nothing is answered until the kill, so that the task cannot end before it.
    server.faults.at("pixels", 25, lambda: (reached.set(), is_killed.wait(60)))
    tasks = [kit.start("run", dataset.config, "--shard", f"{index}/4") for index in range(3)]
    assert reached.wait(60)
    tasks[1].kill()
    is_killed.set()
    ends(tasks[1], -signal.SIGKILL)
    ends(tasks[0], 0)
    ends(tasks[2], 0)
    is_sound(dataset, faultless)
    rest = [kit.start("run", dataset.config, "--shard", f"{index}/2", "--json") for index in range(2)]
    for task in rest:
        assert json.loads(ends(task, 0))["left"] == 0
    is_the_same(dataset, faultless)


def test_two_tasks_on_one_partition_one_of_them_paused(
    kit: Any, dataset: Any, faultless: Any, server: FaultyServer
) -> None:
    """The second is refused, however long the first one sleeps; when the first is dead, the next begins at once."""
    dataset.write(engine=f'url = "{server.url}"', budget="shared")
    paused = None
    for fate in (signal.SIGCONT, signal.SIGKILL):
        reached = threading.Event()
        server.faults.at("pixels", 20, reached.set)
        paused = kit.start("run", dataset.config, "--limit", "100")
        assert reached.wait(60)
        paused.send_signal(signal.SIGSTOP)
        os.waitpid(paused.pid, os.WUNTRACED)
        before = dataset.journal()
        second = kit.start("run", dataset.config, "--shard", "0/4")
        _, err = second.communicate(timeout=60)
        assert second.returncode == 2, err
        assert "Another process is running on partition 0" in " ".join(err.split())
        assert dataset.journal() == before
        paused.send_signal(fate)
        if fate is signal.SIGCONT:
            ends(paused, 0)
            is_sound(dataset, faultless)
            shutil.rmtree(dataset.root)
    assert paused is not None
    ends(paused, -signal.SIGKILL)
    ends(kit.start("run", dataset.config), 0)
    is_the_same(dataset, faultless)
