"""A service in several processes, so that a world whose pixels are computed uses every core."""

import multiprocessing
import signal
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor

from mmearth_localearth.rest import Answer, Service

_service: Service | None = None
"""In a worker: the service of its world."""


class ServicePool:
    """Answers as `Service` does, each request in one of several processes that all open the same world."""

    def __init__(self, world: str, processes: int) -> None:
        """Starts the processes.

        Args:
            world: the world's name, or its manifest's path.
            processes: how many.
        """
        # Spawned, not forked: the client's threads may hold locks at any moment.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes, context, _open, (world,))

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes | None) -> Answer:
        """Answers one request; see `Service.handle`."""
        return self._pool.submit(_handle, method, path, dict(query), body).result()

    def close(self) -> None:
        """Ends the processes."""
        self._pool.shutdown(cancel_futures=True)


def _open(world: str) -> None:
    global _service
    from mmearth_localearth.worlds.shipped import open_world

    # Control-C is the client's affair: it finishes what is under way.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _service = Service(open_world(world))


def _handle(method: str, path: str, query: dict[str, str], body: bytes | None) -> Answer:
    assert _service is not None
    return _service.handle(method, path, query, body)
