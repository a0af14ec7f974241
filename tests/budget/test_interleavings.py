"""However the file operations of several processes interleave, and however long each takes, the budget is kept.

Every operation on the folder is one move: a schedule says which process makes the next, and how much time passes before
it. Requests are never answered unless a schedule says so, so that what was in flight once stays in flight.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmearth_core.budget.gate import Gate
from mmearth_core.budget.members import BEAT, FORGET, LEASE, START, Member, Members
from mmearth_core.errors import RunStoppedError


@pytest.fixture(autouse=True, scope="module")
def start_without_waiting() -> Iterator[None]:
    """The wait before a process starts beside others would hide faults of the protocol itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmearth_core.budget.members.START", 0)
        yield


LEASE_SECONDS, FORGET_SECONDS = LEASE * BEAT, FORGET * BEAT
PAUSES = st.sampled_from([0.0] * 4 + [0.1, 1.0, BEAT, 3 * BEAT, LEASE_SECONDS, LEASE_SECONDS + 1, FORGET_SECONDS + 1])
CHANCE = st.sampled_from([*["step"] * 5, "send", "answer", "leave"])


class Scene:
    """A folder in memory, a clock, and processes that make one file operation at a time."""

    def __init__(self, processes: int, slots: int) -> None:
        self.now = 1000.0
        self.slots = slots
        self.files: dict[str, str] = {}
        self.lives: list[Life] = []
        self.actors = [Actor(self) for _ in range(processes)]

    def check(self) -> None:
        """Counts what is in flight, or may be. Requests of a process that hangs end before it is forgotten."""
        for life in self.lives:
            while life.gate.in_flight and self.now >= life.until + FORGET_SECONDS - LEASE_SECONDS:
                life.gate.leave()
        used = [max(life.gate.slots, life.gate.in_flight) for life in self.lives]
        assert sum(used) <= self.slots, (used, sorted(self.files))

    def send_all(self) -> None:
        """Every process sends as many requests as may pass."""
        for actor in self.actors:
            while actor.send():
                pass
        self.check()

    def finish(self) -> None:
        """Lets every thread end."""
        for actor in self.actors:
            while actor.move():
                pass


class Life:
    """One process from start to end, and how long its lease lasts."""

    def __init__(self, scene: Scene, actor: "Actor") -> None:
        self.gate = Gate(lambda: scene.now)
        own = Member.this_process(scene.slots, 1e6)
        self.members = Members(actor, own, self.gate, lambda: scene.now, token=f"{len(scene.lives):08x}")
        self.until = 0.0
        self.scene = scene
        scene.lives.append(self)

    def step(self) -> None:
        began = self.scene.now
        self.members.step()
        self.until = began + LEASE_SECONDS

    def leave(self) -> None:
        self.gate.end("the end")
        self.members.leave()


class Actor:
    """A process, and at the same time its view of the folder: each operation waits for its turn."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._ended, self._failed = False, None
        self.life = Life(scene, self)
        self.gone = False

    @property
    def is_busy(self) -> bool:
        return self._thread is not None

    @property
    def slots(self) -> int:
        return self.life.gate.slots

    def send(self) -> bool:
        try:
            return self.life.gate.try_enter() == 0
        except RunStoppedError:
            return False

    def answer(self) -> None:
        if self.life.gate.in_flight:
            self.life.gate.leave()

    def begin(self, what: str) -> None:
        """Begins a step, or leaves; a process that has left comes back as another."""
        if self.gone:
            self.life, self.gone = Life(self.scene, self), False
        self.gone = what == "leave"
        self._thread = threading.Thread(target=self._work, args=[getattr(self.life, what)], daemon=True)
        self._thread.start()
        self._wait()

    def move(self) -> bool:
        """Makes one file operation; False when none is under way."""
        if self._thread is None:
            return False
        self._go.release()
        self._wait()
        return True

    def _wait(self) -> None:
        """Until the thread is about to make its next file operation, or has ended."""
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
    def _turn(self) -> Iterator[dict[str, str]]:
        self._stopped.release()
        self._go.acquire()
        yield self.scene.files

    def names(self) -> list[str]:
        with self._turn() as files:
            return list(files)

    def read(self, name: str) -> str:
        with self._turn() as files:
            return files.get(name, "")

    def write(self, name: str, text: str) -> None:
        with self._turn() as files:
            files[name] = text

    def remove(self, name: str) -> None:
        with self._turn() as files:
            files.pop(name, None)


def play(bursts: list[tuple[int, float, int, str]], processes: int, slots: int, greedy: bool) -> None:
    scene = Scene(processes, slots)
    try:
        for who, pause, moves, what in bursts:
            scene.now += pause
            scene.check()
            actor = scene.actors[who % processes]
            for _ in range(moves):
                if what == "send":
                    actor.send()
                elif what == "answer":
                    actor.answer()
                elif not actor.move():
                    actor.begin(what)
                scene.send_all() if greedy else scene.check()
    finally:
        scene.finish()


MOVES = st.one_of(st.integers(1, 12), st.just(30))
BURSTS = st.lists(st.tuples(st.integers(0, 3), PAUSES, MOVES, CHANCE), max_size=60)
"""Which process, after how long, makes how many moves in a row: while one makes many, the others are held up."""


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(bursts=BURSTS, processes=st.integers(2, 4), slots=st.integers(1, 5), greedy=st.booleans())
def test_never_more_in_flight_than_slots(bursts, processes, slots, greedy):
    play(bursts, processes, slots, greedy)


def full_step(scene: Scene, actor: Actor, what: str = "step") -> None:
    while actor.move():
        scene.send_all()
    actor.begin(what)
    while actor.move():
        scene.send_all()


def nobody(scene: Scene) -> None:
    """All start at the same moment."""


def holder(scene: Scene) -> None:
    """The first has all slots in use."""
    full_step(scene, scene.actors[0])
    full_step(scene, scene.actors[0])


def newcomer(scene: Scene) -> None:
    """The first has all slots in use, and the second has just waited long enough to start."""
    holder(scene)
    full_step(scene, scene.actors[1])
    scene.now += START * BEAT
    for _ in range(scene.slots):
        scene.actors[0].answer()


def silent_holder(scene: Scene) -> None:
    """The first had all slots and is about to be forgotten by the second; both make their next step."""
    newcomer(scene)
    scene.now += FORGET_SECONDS - START * BEAT


def forgotten_holder(scene: Scene) -> None:
    """The second has forgotten the first, and is about to use its slots."""
    silent_holder(scene)
    full_step(scene, scene.actors[1])


def leaving_holder(scene: Scene) -> None:
    """The first had all slots, and has left."""
    holder(scene)
    for _ in range(scene.slots):
        scene.actors[0].answer()
    full_step(scene, scene.actors[0], "leave")
    scene.now += BEAT


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
        (nobody, [1, 1]),
        (newcomer, [1, 1]),
        pytest.param(silent_holder, [1, 1], marks=pytest.mark.slow),
        (forgotten_holder, [1, 1]),
        (leaving_holder, [1, 1]),
        pytest.param(nobody, [2, 1], marks=pytest.mark.slow),
        pytest.param(newcomer, [2, 1], marks=pytest.mark.slow),
        pytest.param(silent_holder, [2, 1], marks=pytest.mark.slow),
        pytest.param(forgotten_holder, [2, 1], marks=pytest.mark.slow),
    ],
)
def test_every_interleaving_of_two(begin, steps):
    def run(prefix: list[int]) -> list[tuple[int, int]]:
        scene = Scene(2, 2)
        begin(scene)
        left, taken = list(steps), []
        while able := [actor for actor, more in zip(scene.actors, left, strict=True) if more or actor.is_busy]:
            choice = prefix[len(taken)] if len(taken) < len(prefix) else 0
            taken.append((choice, len(able)))
            actor = able[choice]
            if not actor.move():
                left[scene.actors.index(actor)] -= 1
                actor.begin("step")
                actor.move()
            scene.now += 0.1
            scene.send_all()
        for actor in [*reversed(scene.actors), *scene.actors] * 2:
            scene.now += 1
            full_step(scene, actor)
        return taken

    assert schedules(run) > 10


@pytest.mark.parametrize("begin", [nobody, holder, newcomer, silent_holder, forgotten_holder, leaving_holder])
@pytest.mark.parametrize("turns", range(4))
def test_who_is_held_up_anywhere_while_others_come_and_go(begin, turns):
    for moves in range(14):
        scene = Scene(3, 1)
        begin(scene)
        late, *others = scene.actors
        late.begin("step")
        for _ in range(moves):
            late.move()
        for turn in range(turns):
            # Long enough for others to forget the late one.
            for _ in range(4):
                scene.now += LEASE_SECONDS + 1
                full_step(scene, others[turn % 2])
            others[turn % 2].answer()
            full_step(scene, others[turn % 2], "leave")
        next_one = others[turns % 2]
        for actor in (next_one, next_one, late, next_one, late):
            scene.now += 1
            full_step(scene, actor)
        scene.finish()
