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
from types import TracebackType
from typing import Any, Self, TypeVar

from rich.console import Console

from mmearth_core.errors import RunStoppedError
from mmearth_core.progress import Progress, progress_bar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Consecutive items, `size` at a time."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


Q = TypeVar("Q")


A = TypeVar("A")


_AHEAD = 2
"""Questions under way for each worker: one at work, one waiting."""


_SERIAL = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""One thread a worker: with one a core in every worker they would only fight for the cores."""


_PRELOADED = ["mmearth_core.cli", "mmearth_core.post.stack_reader", "mmearth_core.post.encode"]
"""What the workers' common parent imports, once for all of them."""


def available_cores() -> int:
    """The cores that this process may use; in a Slurm job, those that it was given."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """A context with workers; with one worker, the work is done in this process."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self.workers > 1:
            # Not forked from here: this process has threads and an open HDF5 file, which a fork would tear apart.
            forkserver.set_forkserver_preload(_PRELOADED)
            with _environment(_SERIAL), _deaf():
                forkserver.ensure_running()  # it imports while this process reads what is to be done
            context = get_context("forkserver")
            self._executor = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_end_with_parent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def map(self, function: Callable[[Q], A], questions: Iterable[Q]) -> Iterator[A]:
        """Yields the answers in order.

        Raises:
            RunStoppedError: when a worker was killed.
        """
        if self._executor is None:
            yield from map(function, questions)
            return
        waiting: deque[Future[Any]] = deque()
        try:
            for question in questions:
                waiting.append(self._executor.submit(function, question))
                if len(waiting) > _AHEAD * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise RunStoppedError(
                "A worker process was killed, most likely as the memory was used up. Nothing was changed. Run the same "
                "command again with fewer --workers."
            ) from error


def _end_with_parent() -> None:
    """A worker whose command was killed would wait for its next question for ever."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that begin within it never see control-C, which a terminal sends to all: this one ends them.

    SIGTERM they do see: by it the pool ends those that are left when one was killed.
    """
    resource_tracker.ensure_running()  # otherwise it begins within, and clears the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def at_work(workers: int | None) -> Iterator[tuple[Pool, Progress]]:
    """A pool, by default of a worker a core, and a bar on standard error."""
    with progress_bar(Console(stderr=True)) as progress, Pool(workers or available_cores()) as pool:
        yield pool, progress
