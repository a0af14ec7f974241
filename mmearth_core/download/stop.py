"""Stopping a run early: the first SIGTERM or control-C finishes what is in flight, the second one exits at once."""

import contextlib
import os
import queue
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, InvalidStateError
from types import FrameType

from mmearth_core.errors import ExitCode

SIGNALS = (signal.SIGTERM, signal.SIGINT)

# Seconds after the grace period when a process that still runs is ended, because of a hanging file system for instance.
# Until then the budget waits for hanging requests (10 s) and the journals are counted (8 s for a million tiles).
LATE = 30.0

_SHOW_CURSOR = "\x1b[?25h"


class StopRequest:
    """A request to end a run early; made and seen from any thread.

    Attributes:
        grace: seconds that requests in flight have to finish.
        future: done when the stop is requested, for waiting together with other futures; its result is the reason.
        ending: set when the stop is requested; interrupts the waits between retries.
        abandoned: whether requests were still in flight at the end of the grace period. Their threads are alive, and
            only the end of the process ends them.
    """

    def __init__(self, grace: float = 60.0) -> None:
        """Nothing is requested yet."""
        self.grace = grace
        self.future: Future[str] = Future()
        self.ending = threading.Event()
        self.abandoned = False

    @property
    def requested(self) -> bool:
        """Whether the run is to end."""
        return self.future.done()

    @property
    def reason(self) -> str | None:
        """Why, such as `SIGTERM`; None if no stop is requested."""
        return self.future.result() if self.requested else None

    def request(self, reason: str) -> None:
        """Requests that the run ends."""
        self.ending.set()
        with contextlib.suppress(InvalidStateError):  # requested before: the first reason stays
            self.future.set_result(reason)

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Requests the stop at the first SIGTERM or SIGINT, and exits at the second one with status 143 or 130.

        Does nothing in a thread other than the main one, as only that one receives signals.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # A handler interrupts the main thread anywhere, perhaps while it holds the very lock that `request` needs.
        # So it only puts the signal into a queue, which takes no lock, and another thread makes the request.
        signals: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        is_first = True

        def handle(number: int, frame: FrameType | None) -> None:
            nonlocal is_first
            if not is_first:
                _exit("stopped at once", 128 + number)
            is_first = False
            signals.put(number)

        def listen() -> None:
            number = signals.get()
            if number is None:
                return
            self.request(signal.Signals(number).name)
            with contextlib.suppress(queue.Empty):
                signals.get(timeout=self.grace + LATE)
                return
            _exit(f"did not end within {self.grace + LATE:g} s of {self.reason}", ExitCode.STOPPED)

        listener = threading.Thread(target=listen, name="mmearth-signals", daemon=True)
        listener.start()
        before = {number: signal.signal(number, handle) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signals.put(None)
            listener.join()


def _exit(message: str, status: int) -> None:
    """Exits immediately, without cleanup: journals and stacks are complete at any moment."""
    text = f"{message}; what is done is kept\n"
    os.write(2, (_SHOW_CURSOR + text if os.isatty(2) else text).encode())
    os._exit(status)
