"""Worker processes for long work over a dataset."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import forkserver, get_context, parent_process, resource_tracker
from threading import Thread
from typing import Any, Self, TypeVar

from rich.console import Console

from mmearth_core.errors import RunStoppedError
from mmearth_core.progress import Progress, progress_bar

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 2
"""Tasks submitted per worker: one that is running, and one that waits."""

_SERIAL = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""One thread per worker: with one worker per core, more threads would only compete for the cores."""

_PRELOADED = ["mmearth_core.cli", "mmearth_core.post.stack_reader", "mmearth_core.post.encode"]
"""What the workers' common parent imports, once for all of them."""


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Consecutive items, `size` at a time."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def available_cores() -> int:
    """The cores that this process may use; in a Slurm job, those of the job."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """A context with worker processes; with one worker, the work is done in this process."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self.workers > 1:
            _start_forkserver()
            context = get_context("forkserver")
            self._executor = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_end_with_parent)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def map(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """Yields the results of a function in the order of its arguments.

        Raises:
            RunStoppedError: when a worker was killed.
        """
        if self._executor is None:
            yield from map(function, tasks)
            return
        waiting: deque[Future[Any]] = deque()
        try:
            for task in tasks:
                waiting.append(self._executor.submit(function, task))
                if len(waiting) > _AHEAD * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            what = "A worker process was killed, most likely because the memory was full. No incomplete file is left."
            raise RunStoppedError(f"{what} Run the same command again with fewer --workers.") from error


def _start_forkserver() -> None:
    """Starts the process from which workers are forked; it imports while this process prepares the work.

    Workers are not forked from this process: its threads and its open HDF5 file would be broken in the copy.

    Control-C, which a terminal sends to all processes, is blocked in the new ones: this process ends them. SIGTERM is
    not blocked, as the pool ends the other workers by it when one was killed.
    """
    forkserver.set_forkserver_preload(_PRELOADED)
    resource_tracker.ensure_running()  # otherwise it would start below, and unblock the signal
    environment = {name: os.environ[name] for name in _SERIAL if name in os.environ}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(_SERIAL)
    try:
        forkserver.ensure_running()
    finally:
        for name in _SERIAL:
            del os.environ[name]
        os.environ.update(environment)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _end_with_parent() -> None:
    """Ends a worker whose command was killed; it would wait for its next task forever."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def at_work(workers: int | None) -> Iterator[tuple[Pool, Progress]]:
    """A pool, by default with one worker per core, and a progress bar on standard error."""
    with progress_bar(Console(stderr=True)) as progress, Pool(workers or available_cores()) as pool:
        yield pool, progress
