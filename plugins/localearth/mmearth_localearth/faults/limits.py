"""Google's two limits, of concurrent requests and of requests per second; and what was counted of both."""

import threading
import time
from collections import deque
from collections.abc import Callable

from mmearth_localearth.faults.kinds import Kind

WINDOW = 1.0
"""Seconds that a rate is counted over."""


class Traffic:
    """Requests under way, and their rate. Safe to call from many threads.

    Only requests that cost quota are counted here. Refused requests count for the peaks, not for the limits.

    Attributes:
        under_way: requests now.
        peak: most at once.
        peak_per_second: most that came within any second.
        refused: how many each limit has turned away.
    """

    def __init__(
        self, max_concurrent: int | None, max_per_second: int | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Sets the limits; None is no limit."""
        self._max_concurrent = max_concurrent
        self._max_per_second = max_per_second
        self._now = now
        self._lock = threading.Lock()
        self._admitted = 0
        self._admissions: deque[float] = deque()
        self._arrivals: deque[float] = deque()
        self.under_way = 0
        self.peak = 0
        self.peak_per_second = 0
        self.refused = {"max_concurrent": 0, "max_per_second": 0}

    def enter(self) -> Kind | None:
        """Takes in a request; `leave` must follow.

        Returns:
            With which answer it is refused; None when it may go on.
        """
        with self._lock:
            now = self._now()
            self.under_way += 1
            self.peak = max(self.peak, self.under_way)
            self._arrivals.append(now)
            self.peak_per_second = max(self.peak_per_second, _recent(self._arrivals, now))
            if self._max_concurrent is not None and self._admitted >= self._max_concurrent:
                self.refused["max_concurrent"] += 1
                return Kind.TOO_MANY_REQUESTS
            if self._max_per_second is not None and _recent(self._admissions, now) >= self._max_per_second:
                self.refused["max_per_second"] += 1
                return Kind.PER_MINUTE
            self._admitted += 1
            self._admissions.append(now)
            return None

    def leave(self, refusal: Kind | None) -> None:
        """A request has ended.

        Args:
            refusal: what `enter` returned for it.
        """
        with self._lock:
            self.under_way -= 1
            if refusal is None:
                self._admitted -= 1

    @property
    def per_second(self) -> int:
        """Requests of the last second."""
        with self._lock:
            return _recent(self._arrivals, self._now())


def _recent(times: deque[float], now: float) -> int:
    """How many of the times lie in the last second; forgets the others."""
    while times and times[0] <= now - WINDOW:
        times.popleft()
    return len(times)
