"""The gate through which a process's requests pass: so many at once, and so many in any second."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mmearth_core.errors import RunStoppedError

SLACK = 0.02
"""A thread that wakes late by up to this many seconds makes up for it; the pace is slower by as much."""

JITTER = 0.03
"""A request may be this many seconds longer on its way than another; likewise."""

Clock = Callable[[], float]
"""Seconds that only ever grow, at the same pace for everybody."""


class Gate:
    """Lets requests pass while there are slots, in time and at the pace.

    In any second no more requests pass, and with that jitter none more arrive, than the whole number below the rate.
    So the sum over the processes that share a rate never exceeds it, whatever second the server counts in. Below one
    a second, only the distance between two requests is kept.
    """

    def __init__(self, clock: Clock) -> None:
        """Makes a gate that is shut: it has no slots.

        Args:
            clock: what it reads the time from.
        """
        self._clock = clock
        self._changed = threading.Condition()
        # Only the one at the head of the queue waits for changes; the others wait for it.
        self._queue = threading.Lock()
        self._slots = 0
        self._interval = math.inf
        self._until = -math.inf
        self._next = -math.inf
        self._limit: int | None = None
        self._under_way = 0
        self._ended: str | None = None

    @property
    def under_way(self) -> int:
        """Requests that have passed and not left yet."""
        return self._under_way

    @property
    def slots(self) -> int:
        """Requests that may be under way just now."""
        with self._changed:
            return self._slots if self._clock() < self._until else 0

    def set(self, slots: int, per_second: float, until: float = math.inf) -> None:
        """Sets how much may pass.

        Args:
            slots: requests under way at once.
            per_second: their rate.
            until: when, on the clock, this ceases to hold; then nothing passes until it is set again.
        """
        with self._changed:
            self._slots, self._until = slots, until
            self._interval = _interval(per_second)
            # What was sent at a slower pace does not hold up what may be sent at a faster one.
            self._next = min(self._next, self._clock() + self._interval)
            self._changed.notify_all()

    def limit(self, concurrent: int | None) -> None:
        """Lets fewer pass at once than there are slots; None lifts it."""
        with self._changed:
            self._limit = concurrent
            self._changed.notify_all()

    def end(self, reason: str) -> None:
        """Lets nothing pass any more.

        Args:
            reason: what those who wait are told; the first reason stays.
        """
        with self._changed:
            self._ended = self._ended or reason
            self._changed.notify_all()

    def try_enter(self) -> float:
        """Passes if that is possible now.

        Returns:
            0 when the request has passed, otherwise the seconds after which it may: infinity when something
            else must change first.

        Raises:
            RunStoppedError: when the gate was ended.
        """
        with self._changed:
            return self._try_enter()

    def leave(self) -> None:
        """Counts one request less as under way."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Waits until a request may pass, and counts it as under way until the block is left.

        Raises:
            RunStoppedError: when the gate was ended.
        """
        with self._queue, self._changed:
            while wait := self._try_enter():
                self._changed.wait(None if math.isinf(wait) else wait)
        try:
            yield
        finally:
            self.leave()

    def drain(self, seconds: float) -> bool:
        """Waits until nothing is under way.

        Args:
            seconds: at most so long.

        Returns:
            Whether nothing is.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, seconds)

    def _try_enter(self) -> float:
        if self._ended is not None:
            raise RunStoppedError(self._ended)
        now = self._clock()
        slots = self._slots if self._limit is None else min(self._slots, self._limit)
        if self._under_way >= slots or now >= self._until:
            return math.inf
        if now < self._next:
            return self._next - now
        self._next = max(self._next, now - SLACK) + self._interval
        self._under_way += 1
        return 0.0


def _interval(per_second: float) -> float:
    """Seconds between two requests, so that any second holds no more than the whole number below the rate."""
    if per_second <= 0:
        return math.inf
    # A rate such as 3 * 100 / 30 must not fall below 10 by rounding.
    whole = math.floor(per_second * (1 + 1e-9))
    return (1 + SLACK + JITTER) / (whole if whole else per_second)
