"""Google's limits of concurrent requests and of requests per second, with counters."""

import threading
import time
from collections import deque
from collections.abc import Callable

from localearth.faults.kinds import Kind

WINDOW = 1.0
"""Interval over which a rate is counted, seconds."""


class Traffic:
    """Requests in flight and their rate. Safe to call from many threads.

    Only requests that use quota are counted here. Refused requests count towards the peaks, not towards the limits.

    Attributes:
        under_way: requests in flight.
        peak: maximum of requests in flight.
        peak_per_second: maximum number of requests in one second.
        refused: number of requests refused by each limit.
    """

    def __init__(
        self, max_concurrent: int | None, max_per_second: int | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Sets the limits; None means no limit."""
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
        """Counts a request that begins; `leave` must follow.

        Returns:
            The kind of the refusal; None when the request is allowed.
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
        """Counts a request that ends.

        Args:
            refusal: what `enter` returned for it.
        """
        with self._lock:
            self.under_way -= 1
            if refusal is None:
                self._admitted -= 1

    @property
    def per_second(self) -> int:
        """The number of requests in the last second."""
        with self._lock:
            return _recent(self._arrivals, self._now())


def _recent(times: deque[float], now: float) -> int:
    """The number of times within the last second; removes the others."""
    while times and times[0] <= now - WINDOW:
        times.popleft()
    return len(times)
