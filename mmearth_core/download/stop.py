"""Stopping: SIGTERM and control-C let a run end in good order, and once more end it at once."""

import contextlib
import os
import queue
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from types import FrameType

from mmearth_core.errors import ExitCode

SIGNALS = (signal.SIGTERM, signal.SIGINT)


LATE = 30.0
"""Seconds beyond the grace after which a process that does not end by itself is ended: a hanging file system, say.

Within them what hangs is waited for by the budget, 10 s, and the journals are counted, 4 s for a million tiles."""


_SHOW_CURSOR = "\x1b[?25h"


class StopRequest:
    """Asks a run to end early; from any thread.

    Attributes:
        grace: seconds that what is under way is given to end.
        future: is done when the run is to end; to be waited for together with others.
        ending: is set when the run is to end; interrupts waits.
        abandoned: whether requests were still under way when the grace was over; their threads are then still alive,
            and only the end of the process ends them.
    """

    def __init__(self, grace: float = 60.0) -> None:
        """Nothing is asked yet."""
        self.grace = grace
        self.future: Future[str] = Future()
        self.ending = threading.Event()
        self.abandoned = False
        self._lock = threading.Lock()

    @property
    def asked(self) -> bool:
        """Whether the run is to end."""
        return self.future.done()

    @property
    def reason(self) -> str | None:
        """Who asked, such as `SIGTERM`; None when nobody has."""
        return self.future.result() if self.future.done() else None

    def ask(self, reason: str) -> None:
        """Asks the run to end; the first reason stays."""
        with self._lock:
            if not self.future.done():
                self.ending.set()
                self.future.set_result(reason)

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Asks at the first SIGTERM or SIGINT, and ends the process at the second, with 143 or 130.

        Signals come to a process's main thread; in another one this does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # A handler runs in the middle of anything, so it may take no lock: a thread of its own asks.
        arrived: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        asked = False

        def handle(number: int, frame: FrameType | None) -> None:
            nonlocal asked
            if asked:
                _end_at_once("stopped at once", 128 + number)
            asked = True
            arrived.put(number)

        def listen() -> None:
            number = arrived.get()
            if number is None:
                return
            self.ask(signal.Signals(number).name)
            with contextlib.suppress(queue.Empty):
                arrived.get(timeout=self.grace + LATE)
                return
            _end_at_once(f"did not end within {self.grace + LATE:g} s of {self.reason}", int(ExitCode.STOPPED))

        listener = threading.Thread(target=listen, name="mmearth-signals", daemon=True)
        listener.start()
        before = {number: signal.signal(number, handle) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            arrived.put(None)
            listener.join()


def _end_at_once(said: str, status: int) -> None:
    """Ends the process without a further word; journals and stacks are safe at any moment."""
    text = f"{said}; what is done is kept\n"
    os.write(2, (_SHOW_CURSOR + text if os.isatty(2) else text).encode())
    os._exit(status)
