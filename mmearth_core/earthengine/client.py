"""The client of Earth Engine: computes values and pixels through one engine."""

import functools
import inspect
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmearth_core.budget import ENDED
from mmearth_core.config.schema import RunOptions
from mmearth_core.contract.engine import Engine, Limits
from mmearth_core.earthengine.faults import Fault, classify
from mmearth_core.earthengine.retry import RetryingSender
from mmearth_core.earthengine.transport import CountingTransport, HttpTransport
from mmearth_core.errors import EngineError, RunStoppedError

__all__ = ["EarthClient", "HttpTransport"]

T = TypeVar("T")


class EarthClient:
    """Requests to one engine, from any number of threads.

    Attributes:
        engine: the engine that answers.
        meter: what was sent and received so far.
        purposes: requests by purpose, retries not counted.
        sender: sends and retries the requests; knows the retries, the limit of requests in flight and the budget.
    """

    def __init__(
        self,
        engine: Engine,
        run: RunOptions,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        ending: threading.Event | None = None,
        workload_tag: str = "",
    ) -> None:
        """Opens the engine.

        Args:
            engine: the engine that answers.
            run: concurrency, rate, timeout and retries.
            sleep: waits before a retry; by default until the time has passed or the run is ending.
            clock: monotonic clock in seconds, for the duration of retries.
            ending: once it is set, nothing is sent or retried, as after `sender.end`.
            workload_tag: label of every request in the Cloud project's metrics; empty for no label.

        Raises:
            RunStoppedError: the engine did not answer while this was retried, or `ending` was set before it was open.
            EngineError: the engine cannot be used; says what to do. At a terminal, also if there is no network.
        """
        import ee

        self.engine = engine
        self.purposes: Counter[str] = Counter()
        self._lock = threading.Lock()
        ending = ending or threading.Event()
        self.sender = RetryingSender(run, ending, ending.wait if sleep is None else sleep, clock)
        limits = Limits(timeout=run.timeout, connections=run.max_concurrent)
        connection = self._open(lambda: engine.connect(limits))
        self.meter = CountingTransport(connection.transport, self.sender)
        patch_ee()
        ee.Reset()
        # The client's own retries ignore what the fault means, so they are switched off.
        ee.data.setMaxRetries(0)
        ee.data.setDefaultWorkloadTag(workload_tag)
        ee.data.resetWorkloadTag()
        self._open(
            lambda: ee.Initialize(
                connection.credentials, url=connection.url, project=connection.project, http_transport=self.meter
            ),
            project=connection.project,
        )

    def _open(self, step: Callable[[], T], project: str = "") -> T:
        """Makes one step of opening the engine.

        Its faults are retried as those of later requests are, so that nobody has to start a batch job again. Only at a
        terminal, where somebody can read it, an error about the network comes at once.
        """
        is_hasty = sys.stderr.isatty()
        try:
            return self.sender.open(step, needs_answer=is_hasty)
        except Exception as error:
            fault = classify(error)
            if fault is None:
                raise
            if self.sender.ending.is_set():
                raise RunStoppedError(ENDED) from error
            if fault.is_passing and (fault.has_answer or not is_hasty):
                raise self.sender.unanswered(fault) from error
            raise EngineError(_unusable(self.engine, project, fault)) from error

    def compute(self, value: Any, purpose: str) -> Any:
        """Evaluates one Earth Engine object.

        Args:
            value: the object.
            purpose: the purpose under which the request is counted.

        Returns:
            Its plain value.

        Raises:
            RequestError: refused; a `TooLargeError` if smaller requests may succeed.
            NoAnswerError: not answered in the allowed time, while other requests were.
            RunStoppedError: no request can succeed any more, or the run is ending.
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
            check: raises `PixelError` if the pixels are not those requested; the request is then repeated a few times.

        Returns:
            A structured array, (rows, columns), with one field per band.

        Raises:
            RequestError: refused, or never answered as requested; a `TooLargeError` if smaller requests may succeed.
            NoAnswerError: not answered in the allowed time, while other requests were.
            RunStoppedError: no request can succeed any more, or the run is ending.
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
        return self.sender.send(request)


def _unusable(engine: Engine, project: str, fault: Fault) -> str:
    problem, advice = f"refuses project {project!r}" if project else "refuses this account", fault.remedy
    if fault.is_passing:
        problem, advice = "does not answer", "Check the network and the proxy settings,"
    return f"Engine {engine.name!r} {problem}: {fault.message.rstrip('. ')}. {advice} and run the same command again."


def patch_ee() -> None:
    """Speeds up building and writing graphs in the `ee` library; calling it again does nothing.

    The library inspects the signature of a function at each call, and hashes each node of a graph by its JSON text.
    Here it inspects each signature once, and hashes nodes by their `repr`: together a third of the time of a tile
    (docs/performance.md). A version of the library that does not do these things is left as it is.
    """
    import ee.deprecation
    import ee.serializer

    if vars(ee.deprecation).get("inspect") is inspect:
        vars(ee.deprecation)["inspect"] = SimpleNamespace(getfullargspec=_signature)
    if vars(ee.serializer).get("json") is json:
        vars(ee.serializer)["json"] = SimpleNamespace(dumps=_dumps)


# As many as the library has functions; those of plugins are not called through it.
_signature = functools.lru_cache(maxsize=4096)(inspect.getfullargspec)


def _dumps(value: Any, **options: Any) -> str:
    """Like `json.dumps` if options ask for JSON to print; without options, a text that only identifies a node.

    Nodes consist of strings, numbers, lists and dictionaries: those with the same `repr` have the same JSON text.
    """
    return json.dumps(value, **options) if options else repr(value)
