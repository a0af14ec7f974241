"""The gate that a process's requests pass: a number of them in flight, and a number per second."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mmearth_core.errors import RunStoppedError

ENDED = "The run is ending, so no further request is sent; run the same command again to continue."

SLACK = 0.02
"""A thread that wakes up late may catch up by this many seconds; the rate is lowered by the same share."""

JITTER = 0.03
"""One request may take this many seconds longer to arrive than another; the rate is lowered by this share too."""

Clock = Callable[[], float]
"""Returns seconds of a monotonic clock."""


class Gate:
    """Limits the requests in flight and their rate.

    In any second, no more requests pass than the whole number below the rate, and no more arrive if their delays
    differ by at most `JITTER`. So several processes that split a rate never exceed it together, whenever the server's
    seconds begin. For rates below one per second, only the distance between two requests is kept.

    Attributes:
        in_flight: requests that have passed and have not ended.
    """

    def __init__(self, clock: Clock) -> None:
        """Makes a closed gate: it has no slots."""
        self._clock = clock
        self._changed = threading.Condition()
        # Only the first thread in the queue waits for changes; the others wait for this lock.
        self._queue = threading.Lock()
        self._slots = 0
        self._limit: int | None = None
        self._interval = math.inf
        self._next = self._until = -math.inf
        self.in_flight = 0
        self._reason: str | None = None

    @property
    def slots(self) -> int:
        """Requests that may be in flight at present; 0 while the process waits for a slot."""
        is_open = self._reason is None and self._clock() < self._until
        return self._slots if is_open else 0

    def set(self, slots: int, per_second: float, until: float = math.inf) -> None:
        """Sets how many requests may pass.

        Args:
            slots: requests in flight.
            per_second: their rate.
            until: time on the clock at which the gate closes unless it is set again.
        """
        with self._changed:
            self._slots, self._until = slots, until
            self._interval = _interval(per_second)
            # A request sent at a slower rate must not delay those at a faster one.
            self._next = min(self._next, self._clock() + self._interval)
            self._changed.notify_all()

    def limit(self, concurrent: int | None) -> None:
        """Lets fewer requests be in flight than there are slots, at least 1; None removes the limit."""
        with self._changed:
            self._limit = concurrent
            self._changed.notify_all()

    def end(self, reason: str = ENDED) -> None:
        """Makes every waiting and every later request raise, with the first reason given. Those in flight may end."""
        with self._changed:
            self._reason = self._reason or reason
            self._changed.notify_all()

    def try_enter(self) -> float:
        """Passes if that is possible now.

        Returns:
            0 if the request has passed, otherwise the seconds until it may: infinity if something else must change.

        Raises:
            RunStoppedError: the gate was ended.
        """
        with self._changed:
            if self._reason is not None:
                raise RunStoppedError(self._reason)
            now = self._clock()
            slots = self._slots if self._limit is None else min(self._slots, self._limit)
            if self.in_flight >= slots or now >= self._until:
                return math.inf
            if now < self._next:
                return self._next - now
            self._next = max(self._next, now - SLACK) + self._interval
            self.in_flight += 1
            return 0.0

    def leave(self) -> None:
        """Notes that a request has ended."""
        with self._changed:
            self.in_flight -= 1
            self._changed.notify_all()

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Waits until a request may pass, and counts it as in flight until the block ends.

        Each attempt of a request needs a permit of its own; the pause between two attempts needs none.

        Raises:
            RunStoppedError: the gate was ended.
        """
        with self._queue, self._changed:
            while wait := self.try_enter():
                self._changed.wait(None if math.isinf(wait) else wait)
        try:
            yield
        finally:
            self.leave()


def _interval(per_second: float) -> float:
    """Seconds between two requests, so that any second holds no more than the whole number below the rate."""
    if per_second <= 0:
        return math.inf
    # Rounding must not turn a rate such as 3 * 100 / 30 into 9.
    whole = math.floor(per_second * (1 + 1e-9))
    return (1 + SLACK + JITTER) / (whole or per_second)
