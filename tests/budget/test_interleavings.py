"""However the file operations of several processes interleave, and however long each is held up, no slot is held twice.

Every operation on the folder is one move: a schedule says who makes the next, and how much time passes before it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmearth_core.budget.gate import Gate
from mmearth_core.budget.member import LEASE, Member

PAUSES = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.1, 1.0, 5.0, LEASE / 2, LEASE, LEASE + 1, 2 * LEASE + 1])
CHANCE = st.sampled_from(["step", "step", "step", "step", "step", "send", "answer", "leave"])


class Scene:
    """A folder in memory, a clock, and processes that move one file operation at a time."""

    def __init__(self, processes: int, slots: int) -> None:
        self.now = 1000.0
        self.slots = slots
        # The text of a file is a list, so that it outlives its name as an open file does.
        self.files: dict[str, list[str]] = {}
        self.actors = [Actor(self) for _ in range(processes)]

    def held(self) -> list[int]:
        return [actor.gate.slots for actor in self.actors]

    def check(self) -> None:
        assert sum(self.held()) <= self.slots, sorted(self.files)

    def finish(self) -> None:
        """Lets every thread come to its end."""
        for actor in self.actors:
            while actor.move():
                pass


class Actor:
    """A process, and at the same time its view of the folder: each operation waits until it is its turn."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._ended, self._failed = False, None
        self.gate = Gate(lambda: scene.now)
        self.member = self._new()
        self.gone = False

    def _new(self) -> Member:
        return Member(self, self.gate, lambda: self.scene.now, self.scene.slots, 1e6, self.scene.slots)

    @property
    def is_at_work(self) -> bool:
        return self._thread is not None

    def begin(self, what: str) -> None:
        """Begins a step, or leaves; a process that has left comes back as another."""
        if self.gone:
            self.gate = Gate(lambda: self.scene.now)
            self.member, self.gone = self._new(), False
        self.gone = what == "leave"
        self._thread = threading.Thread(target=self._work, args=[getattr(self.member, what)], daemon=True)
        self._thread.start()
        self._wait()

    def move(self) -> bool:
        """Makes one file operation; False when there is none under way."""
        if self._thread is None:
            return False
        self._go.release()
        self._wait()
        return True

    def _wait(self) -> None:
        """Until the thread stands before its next file operation, or has ended."""
        self._stopped.acquire()
        if self._ended:
            self._thread.join()
            self._thread, self._ended = None, False
        if self._failed is not None:
            raise self._failed

    def _work(self, what: Callable[[], object]) -> None:
        try:
            what()
        except BaseException as error:  # noqa: BLE001 - it is raised where the test can see it
            self._failed = error
        self._ended = True
        self._stopped.release()

    @contextmanager
    def _turn(self) -> Iterator[dict[str, list[str]]]:
        if threading.current_thread() is self._thread:
            self._stopped.release()
            self._go.acquire()
        yield self.scene.files

    def names(self) -> list[str]:
        with self._turn() as files:
            found = list(files)
        # What it says may be old when it is looked at.
        with self._turn():
            return found

    def create(self, name: str, text: str = "") -> bool:
        with self._turn() as files:
            if name in files:
                return False
            file = files[name] = [""]
        # A file exists before its text does.
        if text:
            with self._turn():
                file[0] = text
        return True

    def read(self, name: str) -> str:
        with self._turn() as files:
            return files.get(name, [""])[0]

    def rename(self, old: str, new: str) -> bool:
        with self._turn() as files:
            if old not in files:
                return False
            files[new] = files.pop(old)
            return True

    def put(self, name: str, text: str) -> None:
        with self._turn() as files:
            files[name] = [text]

    def remove(self, name: str) -> None:
        with self._turn() as files:
            files.pop(name, None)


def play(bursts: list[tuple[int, float, int, str]], processes: int, slots: int) -> None:
    scene = Scene(processes, slots)
    try:
        for who, pause, moves, what in bursts:
            scene.now += pause
            scene.check()
            actor = scene.actors[who % processes]
            for _ in range(moves):
                if what == "send":
                    actor.gate.try_enter()
                elif what == "answer":
                    if actor.gate.under_way:
                        actor.gate.leave()
                elif not actor.move():
                    actor.begin(what)
                scene.check()
    finally:
        scene.finish()


MOVES = st.one_of(st.integers(1, 12), st.just(60))
BURSTS = st.lists(st.tuples(st.integers(0, 2), PAUSES, MOVES, CHANCE), max_size=60)
"""Who, after how long, makes how many moves in a row: while one makes many, the others are held up."""


@settings(max_examples=100, deadline=None)
@given(bursts=BURSTS, processes=st.integers(2, 3), slots=st.integers(1, 3))
def test_no_slot_is_held_twice(bursts, processes, slots):
    play(bursts, processes, slots)


def whole_step(scene: Scene, actor: Actor, what: str = "step") -> None:
    while actor.move():
        scene.check()
    actor.begin(what)
    while actor.move():
        scene.check()


def silent_holder(scene: Scene) -> None:
    """The first holds the slot, has been silent for a lease, and the second has watched it."""
    whole_step(scene, scene.actors[0])
    whole_step(scene, scene.actors[1])
    scene.now += LEASE + 1


def ended_holder(scene: Scene) -> None:
    """Likewise, and the second has ended the turn of the first, and waited for a lease."""
    silent_holder(scene)
    whole_step(scene, scene.actors[1])
    scene.now += LEASE + 1


def leaving_holder(scene: Scene) -> None:
    """The slot had a holder, who has given it back."""
    whole_step(scene, scene.actors[0])
    whole_step(scene, scene.actors[0], "leave")
    scene.now += 5


def schedules(run: Callable[[list[int]], list[tuple[int, int]]]) -> int:
    """Runs with every schedule there is; `run` follows a prefix, and says of each move which of how many it took."""
    prefix: list[int] = []
    number = 0
    while True:
        number += 1
        taken = run(prefix)
        while taken and taken[-1][0] + 1 == taken[-1][1]:
            taken.pop()
        if not taken:
            return number
        prefix = [choice for choice, _ in taken[:-1]] + [taken[-1][0] + 1]


@pytest.mark.parametrize(
    ("begin", "steps"),
    [
        (silent_holder, [1, 2]),
        pytest.param(leaving_holder, [1, 1], marks=pytest.mark.slow),
        pytest.param(silent_holder, [2, 2], marks=pytest.mark.slow),
        pytest.param(ended_holder, [1, 1], marks=pytest.mark.slow),
    ],
)
def test_every_interleaving_of_two(begin, steps):
    def run(prefix: list[int]) -> list[tuple[int, int]]:
        scene = Scene(2, 1)
        begin(scene)
        left, taken = list(steps), []
        while able := [actor for actor, more in zip(scene.actors, left, strict=True) if more or actor.is_at_work]:
            choice = prefix[len(taken)] if len(taken) < len(prefix) else 0
            taken.append((choice, len(able)))
            actor = able[choice]
            if not actor.move():
                left[scene.actors.index(actor)] -= 1
                actor.begin("step")
                actor.move()
            scene.now += 0.1
            scene.check()
        for actor in [*reversed(scene.actors), *scene.actors]:
            scene.now += 1
            whole_step(scene, actor)
        return taken

    assert schedules(run) > 30


@pytest.mark.parametrize("begin", [lambda _: None, silent_holder, ended_holder, leaving_holder])
@pytest.mark.parametrize("turns", range(4))
def test_who_is_held_up_anywhere_while_the_slot_changes_hands(begin, turns):
    for moves in range(14):
        scene = Scene(3, 1)
        begin(scene)
        late, *others = scene.actors
        late.begin("step")
        for _ in range(moves):
            late.move()
        for turn in range(turns):
            # Long enough for whatever the late one holds to be taken from it.
            for _ in range(4):
                scene.now += LEASE + 1
                whole_step(scene, others[turn % 2])
            whole_step(scene, others[turn % 2], "leave")
        next_one = others[turns % 2]
        for actor in (next_one, next_one, late, next_one, late):
            scene.now += 1
            whole_step(scene, actor)
        scene.finish()
