"""The simulated server: how long it takes, whom it turns away, and what it saw."""

import random
from collections import deque

import httplib2
from attrs import frozen
from googleapiclient.errors import HttpError

from simulation.events import Process, Time

TURNED_AWAY = 0.05
"""Seconds of an answer with an error."""

ROUNDING = 1e-9
"""Seconds by which sums of times may be off: what comes a second later is not within the second."""


@frozen
class Service:
    """What the server is like.

    Attributes:
        median: of the time that it takes, seconds.
        spread: standard deviation of the logarithm of that time; 0 for always the same.
        unavailable: share of the requests answered with 503.
        at_once: requests under way at once, above which it answers with 429.
        per_second: maximum requests per second.
    """

    median: float = 0.3
    spread: float = 0.5
    unavailable: float = 0.01
    at_once: int = 40
    per_second: int = 100


class Server:
    """Answers requests, of all tasks together.

    Attributes:
        requests: how many came.
        refused: how many were answered with 429.
        failed: how many with 503.
        peak: most under way at once.
        peak_rate: most that came within one second, whichever.
    """

    def __init__(self, time: Time, service: Service, chance: random.Random) -> None:
        self._time, self._service, self._chance = time, service, chance
        self._under_way = 0
        self._recent: deque[float] = deque()
        self.requests = self.refused = self.failed = self.peak = self.peak_rate = 0

    def answer(self) -> Process:
        """One request; returns the error that the client sees, or None."""
        service, now = self._service, self._time.now
        self.requests += 1
        while self._recent and self._recent[0] <= now - 1 + ROUNDING:
            self._recent.popleft()
        self._recent.append(now)
        self._under_way += 1
        self.peak, self.peak_rate = max(self.peak, self._under_way), max(self.peak_rate, len(self._recent))
        refused = self._under_way > service.at_once or len(self._recent) > service.per_second
        failed = not refused and self._chance.random() < service.unavailable
        # Drawn in any case, so that a seed gives the same times with and without faults.
        taken = service.median * self._chance.lognormvariate(0.0, service.spread)
        yield self._time.passing(TURNED_AWAY if refused or failed else taken)
        self._under_way -= 1
        self.refused += refused
        self.failed += failed
        if refused:
            return _error(429, "Too many requests")
        return _error(503, "The service is currently unavailable.") if failed else None


def _error(status: int, message: str) -> HttpError:
    response = httplib2.Response({"status": str(status)})
    response.reason = message
    return HttpError(response, b"")
