"""A service in several processes, so that worlds with computed pixels use every core.

A worker is this module run as a program. It reads requests from its standard input and exits when the input ends,
so that it never outlives the process that started it.
"""

import atexit
import gc
import logging
import pickle
import queue
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

from localearth.answer import Answer
from localearth.rest import Service


class _Worker:
    """A worker process; answers one request at a time."""

    def __init__(self, world: str) -> None:
        command = [sys.executable, "-m", "localearth.workers", world]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *request: Any) -> Answer:
        """Sends a request and returns the answer.

        Raises:
            ConnectionError: the process has died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            _put(self._process.stdin, request)
            answer: Answer = pickle.load(self._process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            code = self._process.wait()
            raise ConnectionError(f"a process of the local Earth Engine has died, with status {code}") from error
        return answer

    def close(self) -> None:
        """Ends the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # a dead process has not read all of its input
                    pipe.close()
        self._process.terminate()
        self._process.wait()


class ServicePool:
    """Answers as `Service` does, each request in one of several processes that all open the same world."""

    def __init__(self, world: str, processes: int) -> None:
        """Starts the processes.

        Args:
            world: the world's name, or its manifest's path.
            processes: the number of processes.
        """
        self._world = world
        self._idle: queue.Queue[_Worker] = queue.Queue()
        self._workers = [_Worker(world) for _ in range(processes)]
        for worker in self._workers:
            self._idle.put(worker)
        atexit.register(self.close)

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes | None) -> Answer:
        """Answers one request; see `Service.handle`.

        Raises:
            ConnectionError: the process has died; a new one replaces it for later requests.
        """
        worker = self._idle.get()
        try:
            return worker.ask(method, path, dict(query), body)
        except ConnectionError:
            worker.close()
            self._workers.remove(worker)
            worker = _Worker(self._world)
            self._workers.append(worker)
            raise
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """Ends the processes."""
        atexit.unregister(self.close)
        for worker in self._workers:
            worker.close()


def _put(pipe: IO[bytes], value: Any) -> None:
    pipe.write(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
    pipe.flush()


def main(world: str) -> None:
    """Answers requests from standard input until it ends."""
    from localearth.worlds.shipped import open_world

    # Control-C is handled by the parent process, which finishes the requests in flight.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.WARNING)  # the parent has opened the same world, and warned
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    service = Service(open_world(world))
    # Requests create many small objects and few reference cycles; frequent collection would take a tenth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    while True:
        try:
            request = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        _put(answers, service.handle(*request))


if __name__ == "__main__":
    main(sys.argv[1])
