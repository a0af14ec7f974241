"""Retries of requests: which faults are retried, how long, and how fast requests are sent."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from attrs import frozen
from google.auth.exceptions import TransportError
from tenacity import RetryCallState, Retrying, retry_if_exception, sleep_using_event, wait_random_exponential

from mmearth_core.budget import LocalBudget, RequestBudget
from mmearth_core.config.schema import RunOptions
from mmearth_core.earthengine.faults import AGAIN, KEPT, RESTRICTED, Action, Fault, classify, stopped_by
from mmearth_core.errors import (
    AccessLostError,
    NoAnswerError,
    RefusedError,
    RequestError,
    RunStoppedError,
    TooLargeError,
)

LONGEST_WAIT = 60.0
"""Cap of the wait between two tries, seconds (Google advises exponential backoff with a cap and jitter)."""


LONGEST_ASKED_WAIT = 120.0
"""Cap of the wait that the server asks for, seconds."""


LONGEST_BEFORE_REPEAT = 1.0
"""Cap of the wait after an answer that cannot be used, seconds."""


REPEATS = 4
"""How often a request is repeated whose answers cannot be used."""


_jitter = wait_random_exponential(multiplier=1, max=LONGEST_WAIT)


class RetryPolicy:
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
        if fault_of(state).remedy is Action.REPEAT:
            self._unusable += 1
            return self._unusable > REPEATS
        return now - self.since >= self._seconds

    def wait(self, state: RetryCallState) -> float:
        """Seconds until the next try: full jitter, and no less than the server asks for.

        An answer that cannot be used is no sign of a busy server, and is asked for again soon.
        """
        fault = fault_of(state)
        if fault.remedy is Action.REPEAT:
            return min(_jitter(state), LONGEST_BEFORE_REPEAT)
        return max(_jitter(state), min(fault.wait, LONGEST_ASKED_WAIT))


def fault_of(state: RetryCallState) -> Fault:
    """The fault that a try has just failed with."""
    error = state.outcome.exception() if state.outcome else None
    fault = classify(error) if error else None
    if fault is None:
        raise ValueError(f"{error!r} is no fault of a request")
    return fault


@frozen
class RequestTicket:
    """One request under way.

    Attributes:
        number: of its beginning, counted over all requests.
    """

    number: int


class AdaptiveLimit:
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

    def begin(self) -> RequestTicket:
        """Counts a request that is sent now."""
        with self._lock:
            self._begun += 1
            return RequestTicket(self._begun)

    def rise(self) -> None:
        """Raises the limit by a request's share of one a round trip, as it was answered."""
        with self._lock:
            self._set(min(float(self.most), self._limit + 1 / self._limit))

    def cut(self, trip: RequestTicket) -> bool:
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


T = TypeVar("T")


ENDING = "The run is ending, so no further request is sent; run the same command again to go on."


_log = logging.getLogger(__name__)


class RetryingSender:
    """Sends requests, from any number of threads.

    Attributes:
        retries: requests tried again, by the kind of fault.
        pace: how many requests may be under way.
    """

    def __init__(
        self,
        run: RunOptions,
        sleep: Callable[[float], None] | None,
        clock: Callable[[], float],
        ending: threading.Event | None,
        restricted: Callable[[], bool],
    ) -> None:
        """Prepares it.

        Args:
            run: concurrency, rate and retries.
            sleep: how to wait between two tries; None for until the time is over or the run is ending.
            clock: seconds that only grow.
            ending: is set, by whomever, when nothing is to be tried again.
            restricted: whether the project was found to be in restricted mode.
        """
        self.retries: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()
        # A thread sends one request at a time.
        self._trips = threading.local()
        self._ending = threading.Event() if ending is None else ending
        self._restricted = restricted
        self._fatal: Callable[[], RunStoppedError] | None = None
        self._seconds = run.retry_seconds
        self._clock = clock
        self._answered = clock()
        self._sleep = sleep_using_event(self._ending) if sleep is None else sleep
        self._budget: RequestBudget = LocalBudget(run.max_concurrent, run.requests_per_second)
        self.pace = AdaptiveLimit(run.max_concurrent, self._pace_changed)

    @property
    def is_ending(self) -> bool:
        """Whether nothing is sent any more."""
        return self._ending.is_set()

    @contextmanager
    def under(self, budget: RequestBudget) -> Iterator[None]:
        """Sends requests under another budget than the process's own, which is given back to afterwards."""
        own, self._budget = self._budget, budget
        self._pace_changed(self.pace.limit)
        try:
            yield
        finally:
            self._budget = own

    def end(self) -> None:
        """No request is sent from now on, and no wait goes on; what is under way is finished: the run is ending."""
        self._ending.set()
        self._budget.end()

    def notice(self) -> str:
        """What holds the run up, in a few words: `waiting: 429, 12 of 40 slots, 57 retries`; empty when nothing."""
        with self._lock:
            waiting, retries = +self._waiting, self.retries.total()
        said = [f"waiting: {waiting.most_common(1)[0][0]}"] if waiting else []
        if self.pace.limit < self.pace.most:
            said.append(f"{self.pace.limit} of {self.pace.most} slots")
        if retries:
            said.append(f"{retries} {'retry' if retries == 1 else 'retries'}")
        return ", ".join(said)

    def begin(self, request: Callable[[], T]) -> T:
        """Sends what opens an engine, which costs no quota: no permit, and no patience without a network.

        Raises:
            Exception: as the request raises it.
        """
        patience = RetryPolicy(self._seconds, self._clock, self._ending)
        answer: T = self._tries(patience, _is_passing_answer)(request)
        return answer

    def send(self, request: Callable[[], T]) -> T:
        """Sends a request until it is answered, or for as long as its fault deserves.

        Raises:
            RequestError: refused for good; a `TooLargeError` when its parts may succeed.
            NoAnswerError: not answered in all the time allowed, while other requests were.
            RunStoppedError: no request can succeed any more, or the run is ending.
        """
        patience = RetryPolicy(self._seconds, self._clock, self._ending)
        try:
            answer: T = self._tries(patience, is_passing)(self._once, request)
            return answer
        except Exception as error:
            fault = classify(error)
            if fault is None:
                raise
            raise self._given_up(fault, patience) from error

    @contextmanager
    def permit(self) -> Iterator[None]:
        """Holds one of the requests that may be under way, for the transport that sends it.

        Raises:
            RunStoppedError: no request can succeed any more, or the run is ending.
        """
        with self._budget.permit():
            self._refuse_when_over()
            self._trips.latest = self.pace.begin()
            yield

    def _once(self, request: Callable[[], T]) -> T:
        """Sends a request once; what carries it asks for its permit."""
        self._refuse_when_over()
        self._trips.latest = None
        try:
            answer = request()
        except Exception as error:
            fault = classify(error)
            trip: RequestTicket | None = self._trips.latest
            if trip is not None and fault is not None and fault.remedy is Action.SLOW_DOWN:
                self.pace.cut(trip)
            raise
        finally:
            if self._restricted():
                self._fatal = self._fatal or partial(AccessLostError, stopped_by(RESTRICTED))
        self.pace.rise()
        self._answered = self._clock()
        return answer

    def _refuse_when_over(self) -> None:
        if self._fatal is not None:
            raise self._fatal()
        if self._ending.is_set():
            raise RunStoppedError(ENDING)

    def _given_up(self, fault: Fault, patience: RetryPolicy) -> Exception:
        """What a fault means that did not pass."""
        if fault.remedy is Action.STOP:
            self._fatal = self._fatal or partial(AccessLostError, stopped_by(fault))
            return self._fatal()
        if fault.remedy is Action.SPLIT:
            return TooLargeError(fault.message)
        if fault.remedy not in AGAIN:
            return RefusedError(fault.message)
        if self._ending.is_set():
            # Not the tile's fault: it is to be asked for again by the next run.
            return RunStoppedError(ENDING)
        if fault.remedy is Action.REPEAT:
            return RequestError(f"{fault.message} (asked again several times)")
        tried = f"(tried for {self._seconds:g} s)"
        if not self._answers_others(patience):
            said = fault.message.rstrip(". ")
            self._fatal = self._fatal or partial(
                RunStoppedError,
                f"Earth Engine does not answer {tried}: {said}. Check the network, and run the same command again "
                f"later; {KEPT}",
            )
            return self._fatal()
        if fault.suspect:
            return RequestError(f"{fault.message} {tried}")
        return NoAnswerError(f"{fault.message} {tried}")

    def _answers_others(self, patience: RetryPolicy) -> bool:
        """Whether Earth Engine answers, if not this request: it has meanwhile, or answers the simplest question."""
        import ee

        if patience.since is not None and self._answered > patience.since:
            return True
        try:
            self._once(lambda: ee.data.computeValue(ee.Number(1)))
        except RunStoppedError:
            return False
        except Exception as error:
            fault = classify(error)
            if fault is None:
                raise
            return fault.remedy in (Action.REFUSE, Action.SPLIT)
        return True

    def _tries(self, patience: RetryPolicy, tries_again: Callable[[BaseException], bool]) -> Retrying:
        waiting: list[str] = []

        def begin_wait(state: RetryCallState) -> None:
            fault = fault_of(state)
            waiting.append(fault.label)
            with self._lock:
                self.retries[fault.label] += 1
                self._waiting[fault.label] += 1
            wait = state.next_action.sleep if state.next_action else 0.0
            _log.info("request failed (%s); trying again in %.1f s", fault.message, wait)

        def end_wait(state: RetryCallState) -> None:
            if waiting:
                with self._lock:
                    self._waiting[waiting.pop()] -= 1

        return Retrying(
            retry=retry_if_exception(tries_again),
            wait=patience.wait,
            stop=patience.is_over,
            before=end_wait,
            before_sleep=begin_wait,
            sleep=self._sleep,
            reraise=True,
        )

    def _pace_changed(self, limit: int) -> None:
        self._budget.limit(limit if limit < self.pace.most else None)


def is_passing(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    fault = classify(error)
    return fault is not None and fault.remedy in AGAIN


def _is_passing_answer(error: BaseException) -> bool:
    """Whether the server itself asks for patience; without a network there is nothing to wait for."""
    return is_passing(error) and not isinstance(error, TransportError | TimeoutError | ConnectionError)
