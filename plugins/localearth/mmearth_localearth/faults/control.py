"""Faults, limits and latency around whatever answers, and the counters of what was given; knows no transport."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

from google.auth.exceptions import RefreshError

from mmearth_localearth.faults.answers import CANNED, Answer
from mmearth_localearth.faults.asked import Asked
from mmearth_localearth.faults.decide import Decider
from mmearth_localearth.faults.kinds import Kind
from mmearth_localearth.faults.limits import Traffic
from mmearth_localearth.faults.mangle import MANGLED, mangle
from mmearth_localearth.faults.rules import FaultRule

NO_ANSWER = "no answer"
"""Stands in the counters where other requests have their status."""


class Dropped(ConnectionError):  # noqa: N818 - it is meant to happen
    """The connection ends.

    Attributes:
        within: the answer in whose body it ends; None when nothing was sent.
    """

    def __init__(self, within: Answer | None = None) -> None:
        super().__init__("the connection is dropped")
        self.within = within


class Patience(Protocol):
    """How time passes for a client that waits."""

    def pause(self, seconds: float) -> None:
        """Keeps the client waiting.

        Raises:
            TimeoutError: it no longer waits.
            ConnectionError: as above.
        """
        ...

    def hang(self) -> NoReturn:
        """Keeps the client waiting until it gives up.

        Raises:
            TimeoutError: it has given up.
            ConnectionError: as above.
        """
        ...


class Faults:
    """What can go wrong between a client and its answers. Safe to call from many threads.

    Attributes:
        traffic: what is under way, and the limits.
        requests: how many ended so, by (phase, status); the status of those without an answer is `NO_ANSWER`.
        given: how many faults each rule has given, by its text.
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
        """Takes what is to go wrong; by default nothing does, and all is counted.

        Args:
            rules: of two that strike one request, the first wins.
            seed: seed of all random faults.
            latency: seconds added to each answer.
            max_concurrent: maximum concurrent requests; the rest gets a 429.
            max_per_second: maximum requests per second; None for no limit.
            now: the clock, in seconds.

        Raises:
            ConfigError: when a rule names a tile that is not in its file.
            TilesError: when a tiles file cannot be read.
        """
        self._decider = Decider(rules, seed)
        self._latency = latency
        self._lock = threading.Lock()
        self.traffic = Traffic(max_concurrent, max_per_second, now)
        self.requests: Counter[tuple[str, str]] = Counter()
        self.given: Counter[str] = Counter({str(rule): 0 for rule in rules})

    def handle(self, path: str, body: bytes | None, respond: Callable[[], Answer], patience: Patience) -> Answer:
        """Answers a request, if it comes to that.

        Args:
            path: of the URL, without host and query.
            body: JSON, or nothing.
            respond: gives the right answer; is not called where none is needed.
            patience: of the client.

        Returns:
            The answer that arrives.

        Raises:
            Dropped: the connection ends.
            RefreshError: the client's token cannot be renewed.
            TimeoutError: as `patience`.
            ConnectionError: as above.
        """
        asked = Asked(path, body)
        if asked.phase is None:
            return respond()
        with self._counted(asked):
            refusal = None if body is None else self.traffic.enter()
            try:
                answer = self._refused(refusal) if refusal else self._struck(asked, respond, patience)
            finally:
                if body is not None:
                    self.traffic.leave(refusal)
            with self._lock:
                self.requests[asked.phase, str(answer[0])] += 1
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

    @contextmanager
    def _counted(self, asked: Asked) -> Iterator[None]:
        """Counts a request that ends without an answer."""
        try:
            yield
        except Exception:
            assert asked.phase is not None
            with self._lock:
                self.requests[asked.phase, NO_ANSWER] += 1
            raise

    def _refused(self, kind: Kind) -> Answer:
        return CANNED[kind].answer()

    def _struck(self, asked: Asked, respond: Callable[[], Answer], patience: Patience) -> Answer:
        rule = self._decider.decide(asked)
        late = self._latency + (0.0 if rule is None or rule.seconds is None else rule.seconds)
        if late:
            patience.pause(late)
        if rule is None:
            return respond()
        with self._lock:
            self.given[str(rule)] += 1
        if rule.kind is Kind.HANG:
            patience.hang()
        if rule.kind is Kind.DROP:
            raise Dropped
        if rule.kind is Kind.REFRESH:
            said = "invalid_grant: Token has been expired or revoked."
            raise RefreshError(said, {"error": "invalid_grant"})  # type: ignore[no-untyped-call]
        if rule.kind in CANNED:
            return CANNED[rule.kind].answer()
        answer = respond()
        if rule.kind is Kind.DROP_BODY:
            raise Dropped(within=answer)
        return mangle(rule.kind, answer) if rule.kind in MANGLED else answer
