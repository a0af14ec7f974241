"""The pace: how many requests are under way at once, cut by half when the server asks for less, and slowly regained.

Additive increase, multiplicative decrease, as TCP has it (RFC 5681): one cut a round trip, however many of the
requests under way are turned away.
"""

import threading
from collections.abc import Callable

from attrs import frozen


@frozen
class Trip:
    """One request under way.

    Attributes:
        number: of its beginning, counted over all requests.
    """

    number: int


class Pace:
    """A limit to the requests under way, for any number of threads.

    Attributes:
        most: where the limit begins, and what it never exceeds.
        cuts: how often it was cut.
    """

    def __init__(self, most: int, apply: Callable[[int], None] = lambda limit: None) -> None:
        """Begins at the most.

        Args:
            most: requests at once.
            apply: is told the limit whenever it changes.
        """
        self.most = most
        self.cuts = 0
        self._apply = apply
        self._lock = threading.Lock()
        self._limit = float(most)
        self._begun = 0
        self._last_cut = 0

    @property
    def limit(self) -> int:
        """Requests that may be under way now; at least 1."""
        return int(self._limit)

    def begin(self) -> Trip:
        """Counts a request that is sent now."""
        with self._lock:
            self._begun += 1
            return Trip(self._begun)

    def rise(self) -> None:
        """Raises the limit by a request's share of one a round trip, as it was answered."""
        with self._lock:
            self._set(min(float(self.most), self._limit + 1 / self._limit))

    def cut(self, trip: Trip) -> bool:
        """Halves the limit, unless it was cut since that request was begun.

        Returns:
            Whether it was cut.
        """
        with self._lock:
            if trip.number <= self._last_cut:
                return False
            self._last_cut = self._begun
            self.cuts += 1
            self._set(max(1.0, self._limit / 2))
        return True

    def _set(self, limit: float) -> None:
        before, self._limit = self.limit, limit
        if self.limit != before:
            self._apply(self.limit)
