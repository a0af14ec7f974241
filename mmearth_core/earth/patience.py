"""Patience: how long one request is tried again, and how long is waited in between."""

import threading
from collections.abc import Callable

from tenacity import RetryCallState, wait_random_exponential

from mmearth_core.earth.faults import Fault, Remedy, classify

LONGEST_WAIT = 60.0
"""Cap of the wait between two tries, seconds (EARTHENGINE.md: 60-120 s, full jitter)."""

LONGEST_ASKED_WAIT = 120.0
"""Cap of the wait that the server asks for, seconds."""

LONGEST_BEFORE_REPEAT = 1.0
"""Cap of the wait after an answer that cannot be used, seconds."""

REPEATS = 4
"""How often a request is repeated whose answers cannot be used."""

_jitter = wait_random_exponential(multiplier=1, max=LONGEST_WAIT)


class Patience:
    """That of one request: what `tenacity.Retrying` asks.

    Attributes:
        since: when its first try failed, None before.
    """

    def __init__(self, seconds: float, clock: Callable[[], float], ending: threading.Event) -> None:
        """Prepares it.

        Args:
            seconds: for which a passing fault is tried again.
            clock: seconds that only grow.
            ending: when it is set, nothing is tried again.
        """
        self._seconds = seconds
        self._clock = clock
        self._ending = ending
        self._unusable = 0
        self.since: float | None = None

    def is_over(self, state: RetryCallState) -> bool:
        """Whether to give up after the failure just seen."""
        now = self._clock()
        if self.since is None:
            self.since = now
        if self._ending.is_set():
            return True
        if fault_of(state).remedy is Remedy.REPEAT:
            self._unusable += 1
            return self._unusable > REPEATS
        return now - self.since >= self._seconds

    def wait(self, state: RetryCallState) -> float:
        """Seconds until the next try: full jitter, and no less than the server asks for.

        An answer that cannot be used is no sign of a busy server, and is asked for again soon.
        """
        fault = fault_of(state)
        if fault.remedy is Remedy.REPEAT:
            return min(_jitter(state), LONGEST_BEFORE_REPEAT)
        return max(_jitter(state), min(fault.wait, LONGEST_ASKED_WAIT))


def fault_of(state: RetryCallState) -> Fault:
    """The fault that a try has just failed with."""
    error = state.outcome.exception() if state.outcome else None
    fault = classify(error) if error else None
    if fault is None:
        raise ValueError(f"{error!r} is no fault of a request")
    return fault
