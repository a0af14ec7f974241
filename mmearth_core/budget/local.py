"""A budget that one process has to itself."""

import time
from contextlib import AbstractContextManager

from mmearth_core.budget.gate import Clock, Gate

GRACE = 10.0
"""Seconds for which `close` waits for requests that are still under way."""

ENDED = "The run is ending, so no further request is sent; run the same command again to continue."
"""What a `permit` says after the end."""


class LocalBudget:
    """So many requests at once and so many a second, for this process alone; see `RequestBudget`."""

    def __init__(self, slots: int, per_second: float, clock: Clock = time.monotonic) -> None:
        """Opens it.

        Args:
            slots: requests under way at once.
            per_second: requests sent a second.
            clock: what it reads the time from.
        """
        self._gate = Gate(clock)
        self._gate.set(slots, per_second)

    @property
    def slots(self) -> int:
        """Requests that may be under way at once."""
        return self._gate.slots

    def permit(self) -> AbstractContextManager[None]:
        """Waits until one request may be sent, and counts it as under way until the block is left.

        Raises:
            RunStoppedError: when the budget was ended.
        """
        return self._gate.permit()

    def limit(self, concurrent: int | None, give_back: bool = False) -> None:
        """Has fewer requests under way at once; None lifts it. There is nobody to give anything back to."""
        self._gate.limit(concurrent)

    def report(self, **counters: int | float | str) -> None:
        """Does nothing: there is no folder to write to."""

    def end(self) -> None:
        """Has every waiting and every later `permit` raise; what is under way goes on."""
        self._gate.end(ENDED)

    def close(self) -> None:
        """Ends, and waits a little for what is under way."""
        self.end()
        self._gate.drain(GRACE)
