"""Processes that share a budget, each stepped by hand, in a time that only passes when a test says so."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mmearth_core.budget.gate import Gate
from mmearth_core.budget.members import BEAT, Folder, Member, Members


class CountingFolder(Folder):
    """A real folder that counts its operations, and fails if a test says so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.operations: Counter[str] = Counter()
        self.fault: OSError | None = None

    def __getattribute__(self, name):
        if name in ("names", "read", "write", "remove"):
            self.operations[name] += 1
            if self.fault is not None:
                raise self.fault
        return super().__getattribute__(name)


class Process:
    """A process that may send requests."""

    def __init__(self, world: "World", slots: int, per_second: float) -> None:
        self.folder = CountingFolder(world.folder)
        self.gate = Gate(lambda: world.now)
        own = Member.this_process(slots, per_second)
        token = f"{len(world.started):08x}"
        self.members = Members(self.folder, own, self.gate, lambda: world.now, token=token)
        self.next_step = world.now + self.members.step()
        self.hangs = False

    @property
    def slots(self) -> int:
        return self.gate.slots

    def send(self, number: int = 10**9) -> int:
        """Sends as many requests as may pass, at most so many; returns how many."""
        sent = 0
        while sent < number and self.gate.try_enter() == 0:
            sent += 1
        return sent

    def answer(self, number: int) -> None:
        for _ in range(number):
            self.gate.leave()


class World:
    """All processes of one folder; `pass_time` steps them, and checks that they keep within the budget."""

    def __init__(self, folder: Path, slots: int = 40, per_second: float = 100.0) -> None:
        self.folder, self.slots, self.per_second = folder, slots, per_second
        self.now = 1000.0
        self.processes: list[Process] = []
        self.started: list[Process] = []

    def start(self, number: int = 1, **limits: float) -> list[Process]:
        limits = {"slots": self.slots, "per_second": self.per_second, **limits}
        new = []
        for _ in range(number):
            new.append(Process(self, **limits))
            self.started.append(new[-1])
        self.processes += new
        return new

    def end(self, *processes: Process) -> None:
        """Ends processes cleanly."""
        for process in processes:
            process.gate.end("the end")
            process.members.leave()
            self.processes.remove(process)

    def pass_time(self, beats: int = 1) -> None:
        for _ in range(beats):
            for process in self.processes:
                if not process.hangs:
                    process.members.step()
                    self.check()
            self.now += BEAT
            self.check()

    def check(self) -> None:
        assert sum(max(process.slots, process.gate.in_flight) for process in self.processes) <= self.slots

    def held(self) -> list[int]:
        return [process.slots for process in self.processes]


@pytest.fixture
def new_world(tmp_path: Path) -> Callable[..., World]:
    """Makes a world with an empty folder of its own."""
    return lambda **limits: World(tmp_path / "budget", **limits)


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """A world of 40 slots and 100 requests per second."""
    return new_world()
