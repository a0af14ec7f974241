"""Processes that share a budget, each stepped by hand, in a time that only passes when it is told to."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mmearth_core.budget.files import FolderFiles
from mmearth_core.budget.gate import Gate
from mmearth_core.budget.member import Member

BEAT = 5.0


class CountingFiles(FolderFiles):
    """A real folder that counts what is done to it, and fails if it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.operations: Counter[str] = Counter()
        self.fault: OSError | None = None

    def __getattribute__(self, name):
        if name in ("names", "create", "read", "rename", "put", "remove"):
            self.operations[name] += 1
            if self.fault is not None:
                raise self.fault
        return super().__getattribute__(name)


class Process:
    """A process that may send requests."""

    def __init__(self, world: "World", want: int, slots: int, per_second: float) -> None:
        self.files = CountingFiles(world.folder)
        self.gate = Gate(lambda: world.now)
        self.member = Member(self.files, self.gate, lambda: world.now, slots, per_second, want)
        self.frozen = False

    @property
    def slots(self) -> int:
        return self.gate.slots


class World:
    """All processes of one folder; `pass_time` steps those at work, and looks that no slot is held twice."""

    def __init__(self, folder: Path, slots: int = 40, per_second: float = 100.0) -> None:
        self.folder, self.slots, self.per_second = folder, slots, per_second
        self.now = 1000.0
        self.processes: list[Process] = []

    def start(self, number: int = 1, want: int = 40, **told: float) -> list[Process]:
        told = {"slots": self.slots, "per_second": self.per_second, **told}
        new = [Process(self, want, **told) for _ in range(number)]
        self.processes += new
        return new

    def pass_time(self, beats: int = 1) -> None:
        for _ in range(beats):
            for process in self.processes:
                if not process.frozen:
                    process.member.step()
                    self.check()
            self.now += BEAT
            self.check()

    def check(self) -> None:
        assert sum(self.held()) <= self.slots

    def held(self) -> list[int]:
        return [process.slots for process in self.processes]


@pytest.fixture
def new_world(tmp_path: Path) -> Callable[..., World]:
    """Makes a world with an empty folder of its own."""
    return lambda **told: World(tmp_path / "budget", **told)


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """A world of 40 slots and 100 requests a second."""
    return new_world()
