"""Measures requests: how long they take, and what they cost in Earth Engine's compute units (EECU)."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from mmearth_core import Connection, Engine, Transport, WrappedEngine
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import MMEarthError

_ASK = "X-Earth-Engine-Computation-Profiling"
_PROFILE = "x-earth-engine-computation-profile"
"""Headers with which the client asks for a profile and is sent its id (`ee/data.py`, `ee.data.profiling`)."""

_IDS_PER_REQUEST = 50


class MeasuredEngine(WrappedEngine):
    """Measures what another engine's answers take and cost.

    Attributes:
        requests: number of requests that were answered or failed.
        seconds: their total duration.
        profiles: ids of the computation profiles, by the kind of request: `pixels` or `locate`.
    """

    name = "measured"

    def __init__(self, engine: Engine) -> None:
        """Wraps an engine.

        Args:
            engine: the engine to measure.
        """
        super().__init__(engine)
        self.requests = 0
        self.seconds = 0.0
        self.profiles: dict[str, list[str]] = {"locate": [], "pixels": []}
        self._lock = threading.Lock()

    def around(self, connection: Connection) -> Transport:
        """Wraps the connection's transport."""
        return _MeasuringTransport(self, connection.transport)

    def add(self, uri: str, seconds: float, profile: str | None) -> None:
        """Counts one request.

        Args:
            uri: its address.
            seconds: its duration.
            profile: the id of its profile, if the answer has one.
        """
        with self._lock:
            self.requests += 1
            self.seconds += seconds
            if profile:
                self.profiles["pixels" if ":computePixels" in uri else "locate"].append(profile)

    @property
    def latency(self) -> float:
        """Mean seconds until a request was answered."""
        return self.seconds / max(self.requests, 1)

    def eecu_seconds(self, client: EarthClient) -> dict[str, float]:
        """EECU-seconds by kind of request; empty if the engine sends no profiles, or they cannot be read.

        Args:
            client: asks for the profiles. This costs a few requests.
        """
        costs: dict[str, float] = {}
        # Without a cost, the plan falls back to the figure that the user gives.
        with suppress(MMEarthError, ValueError):
            for kind, ids in self.profiles.items():
                if ids:
                    costs[kind] = sum(map(_total, _tables(client, ids)))
            return costs
        return {}


def _tables(client: EarthClient, ids: Sequence[str]) -> Iterator[str]:
    """The profiles as text, as `ee.profilePrinting` reads them; the algorithm is hidden, so it is called by name."""
    import ee

    get_profiles = ee.ApiFunction.lookup("Profile.getProfiles").call
    for start in range(0, len(ids), _IDS_PER_REQUEST):
        yield client.compute(get_profiles(ids=ids[start : start + _IDS_PER_REQUEST]), "profiles")


def _total(table: str) -> float:
    """The sum of a profile's column with EECU-seconds.

    Its head is ` EECU·s PeakMem Count  Description`; a row may have a dash in place of a number.

    Raises:
        ValueError: there is no such column.
    """
    head, *rows = table.splitlines() or [""]
    columns = [index for index, name in enumerate(head.split()) if name.startswith("EECU")]
    if not columns:
        raise ValueError(f"a profile without EECU: {head!r}")
    cells = [row.split()[columns[0]] for row in rows if len(row.split()) > columns[0]]
    return sum(float(cell) for cell in cells if cell.replace(".", "", 1).isdecimal())


class _MeasuringTransport:
    """The transport of `MeasuredEngine`."""

    def __init__(self, engine: MeasuredEngine, transport: Transport) -> None:
        self._engine = engine
        self._transport = transport

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *args: Any, **options: Any
    ) -> tuple[Any, bytes]:
        """Passes a request on; the client's first ones, which are GET requests, are not counted."""
        if method != "POST":
            return self._transport.request(uri, method, body, headers, *args, **options)
        begin, profile = time.perf_counter(), None
        try:
            answer, content = self._transport.request(
                uri, method, body, {**(headers or {}), _ASK: "1"}, *args, **options
            )
            profile = answer.get(_PROFILE)
        finally:
            self._engine.add(uri, time.perf_counter() - begin, profile)
        return answer, content
