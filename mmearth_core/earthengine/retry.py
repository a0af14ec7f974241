"""Retries: how long one request is retried, how many requests may be in flight, and the sender that uses both."""

import logging
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from attrs import define, field

from mmearth_core.budget import ENDED, LocalBudget, RequestBudget
from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.faults import KEPT, RESTRICTED, Action, Fault, access_lost, classify, restricted
from mmearth_core.errors import (
    NoAnswerError,
    OverloadedError,
    RefusedError,
    RequestError,
    RunStoppedError,
    TooLargeError,
)

# Longest waits before a retry, seconds. "maximum_backoff is typically 32 or 64 seconds":
# https://cloud.google.com/storage/docs/exponential-backoff. An answer that cannot be used does not mean that the
# server is busy, so it is requested again soon.
LONGEST_WAIT = 60.0
LONGEST_REQUESTED_WAIT = 120.0
LONGEST_WAIT_FOR_REPEAT = 1.0

REPEATS = 4

# Seconds for which a request is sent again before it is split, if the server says that it has no memory left.
SPLIT_AFTER = 60.0

# In restricted mode, the number of requests in flight is divided by this. Google does not name a number: its page says
# that fewer requests run at once (https://developers.google.com/earth-engine/guides/noncommercial_tiers). If these are
# still too many, 429s reduce them further.
RESTRICTED_SHARE = 4

# Seconds without an answer in restricted mode after which it is over: the quota starts again every month.
RESTRICTED_FOR = 3600.0

T = TypeVar("T")
_log = logging.getLogger(__name__)


@define
class RetryPolicy:
    """How often and how long one request is retried.

    Attributes:
        seconds: how long a passing fault is retried.
        clock: monotonic clock, seconds.
        since: when the first attempt failed; None before that.
    """

    seconds: float
    clock: Callable[[], float]
    since: float | None = None
    _failures: int = field(default=0, init=False)
    _repeats: int = field(default=0, init=False)

    def wait(self, fault: Fault) -> float | None:
        """Counts a failed attempt, and returns the seconds to wait before the next one, or None to give up.

        The wait is exponential with full jitter, and not shorter than the server asks for.
        """
        now = self.clock()
        self.since = now if self.since is None else self.since
        jitter = random.uniform(0.0, min(LONGEST_WAIT, 2.0 ** min(self._failures, 10)))
        self._failures += 1
        if fault.action is Action.REPEAT:
            self._repeats += 1
            return min(jitter, LONGEST_WAIT_FOR_REPEAT) if self._repeats <= REPEATS else None
        if not fault.is_passing or now - self.since >= self.patience(fault):
            return None
        return max(jitter, min(fault.wait, LONGEST_REQUESTED_WAIT))

    def patience(self, fault: Fault) -> float:
        """Seconds for which a fault is retried."""
        return min(self.seconds, SPLIT_AFTER) if fault.splits else self.seconds


class AdaptiveLimit:
    """How many requests may be in flight: halved when the server asks to slow down, raised slowly by answers.

    This is additive increase, multiplicative decrease, as in TCP. Safe to use from any number of threads.

    Attributes:
        maximum: the initial limit, which it never exceeds.
        decreases: how often it was halved.
    """

    def __init__(self, maximum: int, on_change: Callable[[int], None] = lambda limit: None) -> None:
        """Starts at the maximum.

        Args:
            maximum: requests at once.
            on_change: called with the limit whenever it changes, in the order of the changes.
        """
        self.maximum = maximum
        self.decreases = 0
        self._on_change = on_change
        self._lock = threading.Lock()
        self._limit = float(maximum)
        self._started = 0
        self._started_at_decrease = 0

    @property
    def current(self) -> int:
        """Requests that may be in flight now; at least 1."""
        return int(self._limit)

    def start_request(self) -> int:
        """Counts a request that is sent now; the ticket says before or after which decrease."""
        with self._lock:
            self._started += 1
            return self._started

    def increase(self) -> None:
        """Raises the limit after an answer: by one, once all requests in flight are answered."""
        with self._lock:
            self._set(min(float(self.maximum), self._limit + 1 / self._limit))

    def decrease(self, ticket: int) -> None:
        """Halves the limit after a 429, unless that was already done since the request was sent.

        The requests that are in flight together are often refused together, which is one sign and not many.
        """
        with self._lock:
            if ticket > self._started_at_decrease:
                self._started_at_decrease = self._started
                self.decreases += 1
                self._set(max(1.0, self._limit / 2))

    def _set(self, limit: float) -> None:
        before, self._limit = self.current, limit
        if self.current != before:
            self._on_change(self.current)


class RetryingSender:
    """Sends requests and retries them, from any number of threads.

    Attributes:
        retries: retried requests, by the label of the fault.
        limit: how many requests may be in flight.
        was_restricted: whether an answer said that the project is in restricted mode.
        ending: once it is set, nothing is sent or retried, and no wait continues.
    """

    def __init__(
        self, run: RunOptions, ending: threading.Event, sleep: Callable[[float], object], clock: Callable[[], float]
    ) -> None:
        """Prepares it.

        Args:
            run: concurrency, rate and duration of retries.
            ending: see the attribute.
            sleep: waits before a retry, seconds.
            clock: monotonic clock, seconds.
        """
        self.retries: Counter[str] = Counter()
        self.limit = AdaptiveLimit(run.max_concurrent, self._limit_budget)
        self.ending = ending
        self.was_restricted = False
        self._run, self._seconds = run, run.retry_seconds
        self._sleep, self._clock = sleep, clock
        self._budget: RequestBudget = LocalBudget(run.max_concurrent, run.requests_per_second)
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()
        self._last_answer = -math.inf
        self._restricted_at: float | None = None
        # Makes the error that every further request is answered with; a new one each time, as each has its traceback.
        self._stopped: Callable[[], RunStoppedError] | None = None
        # A thread has one request at a time; the ticket is taken deep inside `ee`, which does not hand it back.
        self._thread = threading.local()

    def use_budget(self, budget: RequestBudget) -> None:
        """Sends requests under this budget from now on."""
        self._budget = budget
        self._limit_budget(self.limit.current)
        self._lower_budget()

    def end(self) -> None:
        """Sends no further request and interrupts all waits; requests in flight continue."""
        self.ending.set()
        self._budget.end()

    def notice(self) -> str:
        """Says what slows the run down, such as `waiting: 429, 12 of 40 slots, 57 retries`; empty if nothing does."""
        with self._lock:
            waiting, retries = +self._waiting, self.retries.total()
        parts = [f"waiting: {waiting.most_common(1)[0][0]}"] if waiting else []
        if self._restricted_at is not None:
            parts.append("restricted mode")
        if self.limit.current < self.limit.maximum:
            parts.append(f"{self.limit.current} of {self.limit.maximum} slots")
        if retries:
            parts.append(f"{retries} {'retry' if retries == 1 else 'retries'}")
        return ", ".join(parts)

    def send(self, request: Callable[[], T]) -> T:
        """Sends a request until it is answered, or as long as its fault is retried.

        Raises:
            RequestError: refused; a `TooLargeError` if smaller requests may succeed.
            NoAnswerError: not answered in the allowed time, while other requests were.
            RunStoppedError: no request can succeed any more, or the run is ending.
        """
        policy = RetryPolicy(self._seconds, self._clock)
        try:
            return self._retry(partial(self._attempt, request), policy)
        except Exception as error:
            fault = classify(error)
            if fault is None:
                raise
            raise self._failure(fault, policy) from error

    def open(self, step: Callable[[], T], needs_answer: bool) -> T:
        """Makes a step of opening an engine, which needs no permit.

        Args:
            step: makes it.
            needs_answer: whether a failure of the network is not retried.

        Raises:
            Exception: as `step` raises it.
        """
        return self._retry(step, RetryPolicy(self._seconds, self._clock), needs_answer)

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Holds one of the requests that may be in flight; used by the transport.

        Raises:
            RunStoppedError: no request can succeed any more, or the run is ending.
        """
        with self._budget.permit():
            self._check()
            self._thread.ticket = self.limit.start_request()
            yield

    def note_mode(self, is_restricted: bool) -> None:
        """Notes whether an answer says that the project is in restricted mode, in which the run slows down or stops.

        The mode counts as over when no answer has said so for an hour.
        """
        with self._lock:
            now, before = self._clock(), self._restricted_at
            if is_restricted:
                self._restricted_at, self.was_restricted = now, True
            elif before is not None and now - before >= RESTRICTED_FOR:
                self._restricted_at = None
            has_changed = (before is None) != (self._restricted_at is None)
        if is_restricted and self._run.when_restricted == "stop":
            self._stop(restricted)
        elif has_changed:
            self._lower_budget()
            if is_restricted:
                _log.warning("%s The run continues with fewer requests at once.", RESTRICTED)

    def _stop(self, error: Callable[[], RunStoppedError]) -> RunStoppedError:
        """Sends no further request; returns the error that says why."""
        self._stopped = self._stopped or error  # the first reason stays
        return self._stopped()

    def _check(self) -> None:
        if self._stopped is not None:
            raise self._stopped()
        if self.ending.is_set():
            raise RunStoppedError(ENDED)

    def _retry(self, attempt: Callable[[], T], policy: RetryPolicy, needs_answer: bool = False) -> T:
        while True:
            try:
                return attempt()
            except Exception as error:
                fault = classify(error)
                if fault is None or (needs_answer and not fault.has_answer):
                    raise
                wait = policy.wait(fault)
                if wait is None or self.ending.is_set():
                    raise
            self._wait(fault, wait)

    def _wait(self, fault: Fault, seconds: float) -> None:
        with self._lock:
            self.retries[fault.label] += 1
            self._waiting[fault.label] += 1
        # Until there is an answer, no progress is shown, and somebody may wait for it.
        level = logging.INFO if self._last_answer > -math.inf else logging.WARNING
        _log.log(level, "request failed (%s); retrying in %.1f s", fault.message, seconds)
        self._sleep(seconds)
        with self._lock:
            self._waiting[fault.label] -= 1

    def _attempt(self, request: Callable[[], T]) -> T:
        self._check()
        self._thread.ticket = None
        try:
            answer = request()
        except Exception as error:
            fault, ticket = classify(error), self._thread.ticket
            if fault is not None and fault.action is Action.SLOW_DOWN and ticket is not None:
                self.limit.decrease(ticket)
            raise
        self.limit.increase()
        self._last_answer = self._clock()
        return answer

    def _failure(self, fault: Fault, policy: RetryPolicy) -> Exception:
        """The error for a fault that is not retried any more."""
        if fault.action is Action.STOP:
            return self._stop(partial(access_lost, fault))
        if fault.action is Action.SPLIT:
            return TooLargeError(fault.message)
        if fault.action is Action.REFUSE:
            return RefusedError(fault.message)
        if self.ending.is_set():
            return RunStoppedError(ENDED)  # not the fault of the tile: the next run requests it again
        if fault.action is Action.REPEAT:
            return RequestError(f"{fault.message} (retried several times)")
        if not self._is_answering(policy):
            return self._stop(partial(self.unanswered, fault))
        kind = OverloadedError if fault.splits else RequestError if fault.suspect else NoAnswerError
        return kind(f"{fault.message} (tried for {policy.patience(fault):g} s)")

    def unanswered(self, fault: Fault) -> RunStoppedError:
        """The error for a fault that was retried in vain."""
        problem = f"Earth Engine does not answer (tried for {self._seconds:g} s): {fault.message.rstrip('. ')}."
        return RunStoppedError(f"{problem} Check the network, and run the same command again later; {KEPT}")

    def _is_answering(self, policy: RetryPolicy) -> bool:
        """Whether Earth Engine answers other requests: it did since the first failure, or answers a trivial one now."""
        import ee

        if policy.since is not None and self._last_answer > policy.since:
            return True
        try:
            self._attempt(lambda: ee.data.computeValue(ee.Number(1)))
        except RunStoppedError:
            return False
        except Exception as error:
            fault = classify(error)
            if fault is None:
                raise
            return fault.action in (Action.REFUSE, Action.SPLIT)
        return True

    def _limit_budget(self, limit: int) -> None:
        self._budget.limit(limit if limit < self.limit.maximum else None)

    def _lower_budget(self) -> None:
        divisor = 1 if self._restricted_at is None else RESTRICTED_SHARE
        self._budget.share(max(1, self._run.max_concurrent // divisor))
