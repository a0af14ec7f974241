"""Simulated time: a queue of events, and processes as generators that say what they wait for."""

import heapq
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

Wait = Callable[[Callable[[], None]], None]
"""Something to wait for: is given what to call when it has come about."""
Process = Generator[Wait, None, Any]

QUANTUM = 0.01
"""Seconds after which a processor turns to the next thread."""


class Time:
    """The only clock of a simulation."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def clock(self) -> float:
        """Seconds since the beginning."""
        return self.now

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Calls something later; what is for the same moment is called in order."""
        self._number += 1
        heapq.heappush(self._events, (self.now + seconds, self._number, call))

    def passing(self, seconds: float) -> Wait:
        """Waits for some seconds."""
        return lambda call: self.after(seconds, call)

    def start(self, process: Process, ended: Callable[[Any], None]) -> None:
        """Begins a process; `ended` gets what it returns."""

        def go_on() -> None:
            try:
                wait = next(process)
            except StopIteration as end:
                ended(end.value)
                return
            wait(go_on)

        go_on()

    def run(self, until: Callable[[], bool]) -> None:
        """Lets time pass, from event to event."""
        while self._events and not until():
            self.now, _, call = heapq.heappop(self._events)
            call()


class Processor:
    """One processor core that threads share in turn, as those of a Python process do.

    Attributes:
        busy: seconds that it has worked.
    """

    def __init__(self, time: Time) -> None:
        self._time = time
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()
        self._working = False
        self.busy = 0.0

    def work(self, seconds: float) -> Wait:
        """Waits until so much work is done."""

        def begin(call: Callable[[], None]) -> None:
            self._queue.append((seconds, call))
            if not self._working:
                self._next()

        return begin

    def _next(self) -> None:
        if not self._queue:
            self._working = False
            return
        self._working = True
        seconds, call = self._queue.popleft()
        part = min(seconds, QUANTUM)
        self.busy += part

        def turn() -> None:
            if seconds > part:
                self._queue.append((seconds - part, call))
                self._next()
            else:
                self._next()
                call()

        self._time.after(part, turn)
