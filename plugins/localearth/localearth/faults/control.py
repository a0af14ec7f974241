"""Adds faults, limits and latency to any function that answers requests, and counts them; independent of transports."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

from google.auth.exceptions import RefreshError, TransportError

from localearth.answer import Answer
from localearth.faults.answers import CANNED
from localearth.faults.decide import Decider
from localearth.faults.kinds import Kind
from localearth.faults.limits import Traffic
from localearth.faults.mangle import MANGLED, mangle
from localearth.faults.request import Request
from localearth.faults.rules import FaultRule

NO_ANSWER = "no answer"
"""Used in the counters in place of the status."""


class ConnectionDropped(ConnectionError):  # noqa: N818 - it is meant to happen
    """The simulated connection is closed.

    Attributes:
        within: the answer whose body is cut off; None when nothing was sent.
    """

    def __init__(self, within: Answer | None = None) -> None:
        super().__init__("the connection is dropped")
        self.within = within


class ClientWait(Protocol):
    """Makes a client wait."""

    def pause(self, seconds: float) -> None:
        """Delays the answer.

        Raises:
            TimeoutError: the client's timeout is over.
            ConnectionError: the client has disconnected.
        """
        ...

    def hang(self) -> NoReturn:
        """Waits until the client gives up.

        Raises:
            TimeoutError: the client's timeout is over.
            ConnectionError: the client has disconnected.
        """
        ...


class Faults:
    """Answers requests with faults, limits and latency. Safe to call from many threads.

    Attributes:
        traffic: the requests in flight and the limits.
        requests: number of requests by (phase, status); the status of those without an answer is `NO_ANSWER`.
        given: number of faults by rule (the rule's text).
    """

    def __init__(
        self,
        rules: Sequence[FaultRule] = (),
        seed: int = 0,
        latency: float = 0.0,
        max_concurrent: int | None = None,
        max_per_second: int | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """By default there are no faults, and requests are only counted.

        Args:
            rules: the first one that applies to a request is used.
            seed: seed of all random faults.
            latency: seconds added to each answer.
            max_concurrent: maximum concurrent requests; further requests get a 429.
            max_per_second: maximum requests per second; None for no limit.
            now: the clock, in seconds.

        Raises:
            InputError: when a tiles file cannot be read, or a rule names a tile that is not in its file.
        """
        self._decider = Decider(rules, seed)
        self._latency = latency
        self._lock = threading.Lock()
        self.traffic = Traffic(max_concurrent, max_per_second, now)
        self.requests: Counter[tuple[str, str]] = Counter()
        self.given: Counter[str] = Counter({str(rule): 0 for rule in rules})

    def handle(self, path: str, body: bytes | None, respond: Callable[[], Answer], wait: ClientWait) -> Answer:
        """Answers a request, unless a fault prevents it.

        Args:
            path: the URL's path, without host and query.
            body: JSON, or None.
            respond: returns the correct answer; not called if a fault replaces it.
            wait: makes the client wait.

        Returns:
            The answer that the client receives.

        Raises:
            ConnectionDropped: a fault closes the connection.
            RefreshError: a fault refuses to renew the client's token.
            TimeoutError: from `wait`.
            ConnectionError: from `wait`.
        """
        request = Request(path, body)
        if request.phase is None:
            return respond()
        refusal = None if body is None else self.traffic.enter()
        status = NO_ANSWER
        try:
            answer = CANNED[refusal].answer() if refusal else self._answer_with_faults(request, respond, wait)
            status = str(answer[0])
        finally:
            if body is not None:
                self.traffic.leave(refusal)
            with self._lock:
                self.requests[request.phase, status] += 1
        return answer

    def snapshot(self) -> dict[str, Any]:
        """All counters, as JSON."""
        with self._lock:
            by_phase: dict[str, dict[str, int]] = {}
            for (phase, status), count in sorted(self.requests.items()):
                by_phase.setdefault(phase, {})[status] = count
            given = dict(self.given)
        traffic = self.traffic
        return {
            "requests": by_phase,
            "under_way": traffic.under_way,
            "peak_under_way": traffic.peak,
            "per_second": traffic.per_second,
            "peak_per_second": traffic.peak_per_second,
            "refused": dict(traffic.refused),
            "faults": given,
        }

    def _answer_with_faults(self, request: Request, respond: Callable[[], Answer], wait: ClientWait) -> Answer:
        rule = self._decider.decide(request)
        late = self._latency + (0.0 if rule is None or rule.seconds is None else rule.seconds)
        if late:
            wait.pause(late)
        if rule is None:
            return respond()
        with self._lock:
            self.given[str(rule)] += 1
        if rule.kind is Kind.HANG:
            wait.hang()
        if rule.kind is Kind.DROP:
            raise ConnectionDropped
        if rule.kind is Kind.REFRESH:
            message = "invalid_grant: Token has been expired or revoked."
            raise RefreshError(message, {"error": "invalid_grant"})  # type: ignore[no-untyped-call]
        if rule.kind is Kind.METADATA:
            # As `google.auth.compute_engine` raises it.
            cause = TransportError("Failed to retrieve a token from the Google Compute Engine metadata service.")  # type: ignore[no-untyped-call]
            raise RefreshError(cause) from cause  # type: ignore[no-untyped-call]
        if rule.kind in CANNED:
            return CANNED[rule.kind].answer()
        answer = respond()
        if rule.kind is Kind.DROP_BODY:
            raise ConnectionDropped(within=answer)
        return mangle(rule.kind, answer) if rule.kind in MANGLED else answer
