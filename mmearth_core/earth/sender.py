"""The sender: brings one request to its end, under a permit, at the pace, with retries and their meaning."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from google.auth.exceptions import TransportError
from tenacity import RetryCallState, Retrying, retry_if_exception, sleep_using_event

from mmearth_core.budget import LocalBudget, RequestBudget
from mmearth_core.config.schema import RunOptions
from mmearth_core.earth.faults import AGAIN, KEPT, RESTRICTED, Fault, Remedy, classify, stopped_by
from mmearth_core.earth.pace import Pace, Trip
from mmearth_core.earth.patience import Patience, fault_of
from mmearth_core.errors import (
    AccessLostError,
    NoAnswerError,
    RefusedError,
    RequestError,
    RunStoppedError,
    TooLargeError,
)

T = TypeVar("T")

ENDING = "The run is ending, so no further request is sent; run the same command again to go on."

_log = logging.getLogger(__name__)


class Sender:
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
        self.pace = Pace(run.max_concurrent, self._pace_changed)

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
        patience = Patience(self._seconds, self._clock, self._ending)
        answer: T = self._tries(patience, _is_passing_answer)(request)
        return answer

    def send(self, request: Callable[[], T]) -> T:
        """Sends a request until it is answered, or for as long as its fault deserves.

        Raises:
            RequestError: refused for good; a `TooLargeError` when its parts may succeed.
            NoAnswerError: not answered in all the time allowed, while other requests were.
            RunStoppedError: no request can succeed any more, or the run is ending.
        """
        patience = Patience(self._seconds, self._clock, self._ending)
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
            trip: Trip | None = self._trips.latest
            if trip is not None and fault is not None and fault.remedy is Remedy.SLOW_DOWN:
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

    def _given_up(self, fault: Fault, patience: Patience) -> Exception:
        """What a fault means that did not pass."""
        if fault.remedy is Remedy.STOP:
            self._fatal = self._fatal or partial(AccessLostError, stopped_by(fault))
            return self._fatal()
        if fault.remedy is Remedy.SPLIT:
            return TooLargeError(fault.message)
        if fault.remedy not in AGAIN:
            return RefusedError(fault.message)
        if self._ending.is_set():
            # Not the tile's fault: it is to be asked for again by the next run.
            return RunStoppedError(ENDING)
        if fault.remedy is Remedy.REPEAT:
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

    def _answers_others(self, patience: Patience) -> bool:
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
            return fault.remedy in (Remedy.REFUSE, Remedy.SPLIT)
        return True

    def _tries(self, patience: Patience, tries_again: Callable[[BaseException], bool]) -> Retrying:
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
