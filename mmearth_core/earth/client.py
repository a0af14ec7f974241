"""The client: opens an engine and sends requests, each with its timeout, retries and meaning.

The only module that calls the `ee` library's network functions.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from google.auth.exceptions import TransportError
from numpy.typing import NDArray
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
    wait_random_exponential,
)

from mmearth_core.config.schema import RunOptions
from mmearth_core.contract.engine import Connection, Engine, Limits
from mmearth_core.earth.faults import Fault, Remedy, classify
from mmearth_core.earth.transport import Checked, Meter
from mmearth_core.errors import EngineError, RequestError, RunStoppedError

T = TypeVar("T")

_LONGEST_WAIT = 60.0
"""Cap of the wait between two tries, seconds (EARTHENGINE.md: 60-120 s, full jitter)."""

_log = logging.getLogger(__name__)


class EarthClient:
    """Requests to one engine, from any number of threads.

    Attributes:
        engine: who answers.
        meter: what was asked and received so far.
        purposes: requests by what they were for, retries not counted.
    """

    def __init__(self, engine: Engine, run: RunOptions, sleep: Callable[[float], None] | None = None) -> None:
        """Opens the engine.

        Args:
            engine: who answers.
            run: concurrency, timeout and retries.
            sleep: how to wait between two tries; by default until the time is over or the run is ending.

        Raises:
            EngineError: when it cannot be used; says what to do.
        """
        import ee

        self.engine = engine
        self.purposes: Counter[str] = Counter()
        self._run = run
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._sleep = sleep_using_event(self._ending) if sleep is None else sleep
        connection = engine.connect(Limits(timeout=run.timeout, connections=run.max_concurrent))
        self.meter = Meter(Checked(connection.transport))
        ee.Reset()
        # Every retry is ours: the client's own are blind to what the fault means.
        ee.data.setMaxRetries(0)
        try:
            self._tries(_is_passing_answer)(
                ee.Initialize,
                connection.credentials,
                url=connection.url,
                project=connection.project,
                http_transport=self.meter,
            )
        except Exception as error:
            fault = classify(error)
            if fault is None:
                raise
            raise EngineError(_unusable(engine, connection, fault)) from error

    def end(self) -> None:
        """No failed request is tried again from now on, and no wait goes on: the run is ending."""
        self._ending.set()

    def compute(self, value: Any, purpose: str) -> Any:
        """Evaluates one Earth Engine object.

        Args:
            value: the object.
            purpose: what for, to count requests by.

        Returns:
            Its plain value.

        Raises:
            RequestError: refused for good.
            RunStoppedError: no request can succeed any more.
        """
        import ee

        return self._send(lambda: ee.data.computeValue(value), purpose)

    def pixels(self, image: Any, grid: dict[str, Any]) -> NDArray[np.void]:
        """Downloads an image on a grid.

        Args:
            image: an `ee.Image`.
            grid: the request's `grid`: dimensions, affineTransform, crsCode.

        Returns:
            A structured array, (rows, columns), one field a band.

        Raises:
            RequestError: refused for good.
            RunStoppedError: no request can succeed any more.
        """
        import ee

        params = {"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": grid}
        answer: NDArray[np.void] = self._send(lambda: ee.data.computePixels(params), "pixels")
        return answer

    def _send(self, request: Callable[[], T], purpose: str) -> T:
        with self._lock:
            self.purposes[purpose] += 1
        try:
            return self._tries(_is_passing)(request)
        except Exception as error:
            fault = classify(error)
            if fault is None:
                raise
            if fault.remedy is Remedy.RETRY and self._ending.is_set():
                # Not the tile's fault: it is to be asked for again by the next run.
                raise RunStoppedError("The run is ending, so a failed request is not tried again.") from error
            if fault.remedy is Remedy.STOP:
                raise RunStoppedError(
                    f"Earth Engine no longer answers this run: {fault.message.rstrip('. ')}. Mend that (credentials, "
                    "project, quota) and run the same command again; what is done is kept."
                ) from error
            given_up = f" (tried for {self._run.retry_seconds:g} s)" if fault.remedy is Remedy.RETRY else ""
            raise RequestError(f"{fault.message}{given_up}") from error

    def _tries(self, retry: Callable[[BaseException], bool]) -> Retrying:
        return Retrying(
            retry=retry_if_exception(retry),
            wait=wait_random_exponential(multiplier=1, max=_LONGEST_WAIT),
            stop=stop_any(stop_after_delay(self._run.retry_seconds), stop_when_event_set(self._ending)),
            before_sleep=_report,
            sleep=self._sleep,
            reraise=True,
        )


def _unusable(engine: Engine, connection: Connection, fault: Fault) -> str:
    said = fault.message.rstrip(". ")
    if fault.remedy is Remedy.RETRY:
        return (
            f"Engine {engine.name!r} does not answer: {said}. Check the network (and a proxy's settings), "
            "then run the same command again."
        )
    return (
        f"Engine {engine.name!r} refuses project {connection.project!r}: {said}. Check that the project "
        "exists, is registered for Earth Engine, and that your account may use it."
    )


def _is_passing_answer(error: BaseException) -> bool:
    """Whether the server itself asks for patience; without a network there is nothing to wait for."""
    return _is_passing(error) and not isinstance(error, TransportError | TimeoutError | ConnectionError)


def _is_passing(error: BaseException) -> bool:
    fault = classify(error) if isinstance(error, Exception) else None
    return fault is not None and fault.remedy is Remedy.RETRY


def _report(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0.0
    _log.info("request failed (%s); trying again in %.1f s", error, wait)
