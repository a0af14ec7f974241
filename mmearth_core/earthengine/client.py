"""The client of Earth Engine: computes values and pixels through one engine."""

import functools
import inspect
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmearth_core.budget import RequestBudget
from mmearth_core.config.schema import RunOptions
from mmearth_core.contract.engine import Connection, Engine, Limits
from mmearth_core.earthengine.faults import AGAIN, Fault, classify
from mmearth_core.earthengine.retry import ENDING, AdaptiveLimit, RetryingSender
from mmearth_core.earthengine.transport import Checked, Meter, Permitted
from mmearth_core.errors import EngineError, RunStoppedError


def patch_ee() -> None:
    """Has the library inspect each signature once, and hash nodes by their `repr`; harmless when called again.

    Where another version of the library does not do these things, nothing happens.
    """
    import ee.deprecation
    import ee.serializer

    for module, name, own, quicker in (
        (ee.deprecation, "inspect", inspect, SimpleNamespace(getfullargspec=_signature)),
        (ee.serializer, "json", json, SimpleNamespace(dumps=_dumps)),
    ):
        if vars(module).get(name) is own:
            vars(module)[name] = quicker


# As many as the library has functions; those of a plugin do not pass here.
_signature = functools.lru_cache(maxsize=4096)(inspect.getfullargspec)


def _dumps(value: Any, **options: Any) -> str:
    """As `json.dumps` where options ask for text; without them, a text that only tells nodes apart.

    Nodes are of strings, numbers, lists and dictionaries: those with one `repr` have one JSON text.
    """
    return json.dumps(value, **options) if options else repr(value)


T = TypeVar("T")


class EarthClient:
    """Requests to one engine, from any number of threads.

    Attributes:
        engine: who answers.
        meter: what was asked and received so far.
        purposes: requests by what they were for, retries not counted.
    """

    def __init__(
        self,
        engine: Engine,
        run: RunOptions,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        ending: threading.Event | None = None,
        workload_tag: str = "",
    ) -> None:
        """Opens the engine.

        Args:
            engine: who answers.
            run: concurrency, rate, timeout and retries.
            sleep: how to wait between two tries; by default until the time is over or the run is ending.
            clock: seconds that only grow, for the time that a request is tried again.
            ending: is set, by whomever, when nothing is to be tried again, as after `end`.
            workload_tag: labels every request in the Cloud project's metrics; empty for no label.

        Raises:
            RunStoppedError: it was set before the engine could be opened.
            EngineError: when it cannot be used; says what to do.
        """
        import ee

        self.engine = engine
        self.purposes: Counter[str] = Counter()
        self._lock = threading.Lock()
        connection = engine.connect(Limits(timeout=run.timeout, connections=run.max_concurrent))
        self._sender = RetryingSender(run, sleep, clock, ending, lambda: checked.restricted)
        # Counted is what is sent, and that is what has got its permit.
        self.meter = Meter(connection.transport)
        checked = Checked(Permitted(self.meter, self._sender.permit))
        patch_ee()
        ee.Reset()
        # Every retry is ours: the client's own are blind to what the fault means.
        ee.data.setMaxRetries(0)
        ee.data.setDefaultWorkloadTag(workload_tag)
        ee.data.resetWorkloadTag()
        try:
            self._sender.begin(
                lambda: ee.Initialize(
                    connection.credentials,
                    url=connection.url,
                    project=connection.project,
                    http_transport=checked,
                )
            )
        except Exception as error:
            fault = classify(error)
            if fault is None:
                raise
            if self._sender.is_ending:
                raise RunStoppedError(ENDING) from error
            raise EngineError(_unusable(engine, connection, fault)) from error

    @property
    def retries(self) -> Counter[str]:
        """Requests tried again, by the kind of fault."""
        return self._sender.retries

    @property
    def pace(self) -> AdaptiveLimit:
        """How many requests may be under way."""
        return self._sender.pace

    def under(self, budget: RequestBudget) -> AbstractContextManager[None]:
        """Sends requests under another budget than the process's own."""
        return self._sender.under(budget)

    def end(self) -> None:
        """No request is sent from now on, and no wait goes on; what is under way is finished: the run is ending."""
        self._sender.end()

    def notice(self) -> str:
        """What holds the run up, in a few words: `waiting: 429, 12 of 40 slots, 57 retries`; empty when nothing."""
        return self._sender.notice()

    def compute(self, value: Any, purpose: str) -> Any:
        """Evaluates one Earth Engine object.

        Args:
            value: the object.
            purpose: what for, to count requests by.

        Returns:
            Its plain value.

        Raises:
            RequestError: refused for good; a `TooLargeError` when its parts may succeed.
            NoAnswerError: not answered in all the time allowed, while other requests were.
            RunStoppedError: no request can succeed any more.
        """
        import ee

        return self._send(lambda: ee.data.computeValue(value), purpose)

    def pixels(
        self, image: Any, grid: dict[str, Any], check: Callable[[NDArray[np.void]], None] = lambda array: None
    ) -> NDArray[np.void]:
        """Downloads an image on a grid.

        Args:
            image: an `ee.Image`.
            grid: the request's `grid`: dimensions, affineTransform, crsCode.
            check: raises `PixelError` for pixels that are not those asked for; they are then asked for again, a few
                times.

        Returns:
            A structured array, (rows, columns), one field a band.

        Raises:
            RequestError: refused for good, or never answered as asked; a `TooLargeError` when its parts may succeed.
            NoAnswerError: not answered in all the time allowed, while other requests were.
            RunStoppedError: no request can succeed any more.
        """
        import ee

        params = {"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": grid}

        def request() -> NDArray[np.void]:
            array: NDArray[np.void] = ee.data.computePixels(params)
            check(array)
            return array

        return self._send(request, "pixels")

    def _send(self, request: Callable[[], T], purpose: str) -> T:
        with self._lock:
            self.purposes[purpose] += 1
        return self._sender.send(request)


def _unusable(engine: Engine, connection: Connection, fault: Fault) -> str:
    said = fault.message.rstrip(". ")
    if fault.remedy in AGAIN:
        return (
            f"Engine {engine.name!r} does not answer: {said}. Check the network (and a proxy's settings), "
            "then run the same command again."
        )
    return (
        f"Engine {engine.name!r} refuses project {connection.project!r}: {said}. Check that the project "
        "exists, is registered for Earth Engine, and that your account may use it."
    )
