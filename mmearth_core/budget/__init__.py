"""The request budget: requests in flight and per second, of one process or of all tasks of a Slurm array."""

import logging
import sys
import threading
import time
from pathlib import Path

from mmearth_core.budget.gate import ENDED, Clock, Gate
from mmearth_core.budget.members import BEAT, Folder, Member, Members, live_members
from mmearth_core.errors import start_error

__all__ = ["ENDED", "LocalBudget", "Member", "RequestBudget", "SharedBudget", "live_members"]

GRACE = 10.0
"""Seconds for which `close` waits for requests in flight."""

FOLDER_PATIENCE = 300.0
"""Seconds for which an unusable folder is tolerated before the run stops: network file systems come back."""

SLOT_PATIENCE = 1800.0
"""Seconds for which a process waits for a slot, so that a cluster does not charge for idle tasks."""

_log = logging.getLogger(__name__)


def uptime() -> float:
    """A monotonic clock that includes suspend time where the system has one: others go on meanwhile."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class RequestBudget(Gate):
    """Limits the requests in flight and their rate, for any number of threads.

    Example:
        with closing(SharedBudget(folder, slots=40, per_second=100)) as budget:
            with budget.permit():
                answer = send(request)
    """

    def report(self, **facts: int | float | str) -> None:
        """Sets facts about this process that `mmearth-core status` shows, such as `done=17`, `shard="3/40"`."""

    def share(self, slots: int) -> None:
        """Sets how many requests may be in flight, of all processes that share the budget together."""

    def close(self) -> None:
        """Ends the budget, and waits a little for requests in flight. May be called again."""
        self.end()
        with self._changed:
            self._changed.wait_for(lambda: not self.in_flight, GRACE)


class LocalBudget(RequestBudget):
    """The budget of a single process."""

    def __init__(self, slots: int, per_second: float, clock: Clock = time.monotonic) -> None:
        """Opens the budget.

        Args:
            slots: requests in flight.
            per_second: requests sent per second.
            clock: a monotonic clock.
        """
        super().__init__(clock)
        self._per_second = per_second
        self.share(slots)

    def share(self, slots: int) -> None:
        """Sets how many requests may be in flight."""
        self.set(slots, self._per_second)


class SharedBudget(RequestBudget):
    """One budget for all processes that name the same folder: equal shares of the live ones.

    A thread updates this process's share; see `mmearth_core.budget.members`.
    """

    def __init__(self, folder: Path, slots: int, per_second: float, beat: float = BEAT, clock: Clock = uptime) -> None:
        """Joins the processes that share the folder.

        Args:
            folder: where all of them see the same files; created if missing.
            slots: requests in flight, of all processes together. If others were given less, that applies to all.
            per_second: requests sent per second, of all processes together; the smallest applies too.
            beat: seconds between two updates; the same for all in the folder.
            clock: a monotonic clock.

        Raises:
            DatasetError: it is not permitted to write to the folder.
            RunStoppedError: the folder cannot be written to, for a reason that may pass, such as a full disk.
        """
        super().__init__(clock)
        self._path = folder
        self._leaving = threading.Event()
        try:
            own = Member.this_process(slots, per_second)
            self._members = Members(Folder(folder), own, self, clock, beat)
            # A claim is used one step after it was made, so a process alone in the folder starts with the second.
            self._members.step()
            self._pause = self._members.step()
        except OSError as error:
            raise start_error(error, self._unusable(error)) from error
        self._thread = threading.Thread(target=self._update, name="mmearth-budget", daemon=True)
        self._thread.start()

    def report(self, **facts: int | float | str) -> None:
        """Sets facts that `mmearth-core status` shows; they are written with the next update."""
        self._members.report = {**self._members.report, **facts}

    def share(self, slots: int) -> None:
        """Sets how many requests may be in flight, of all processes together; it applies to them after two updates."""
        self._members.max_concurrent = slots

    def close(self) -> None:
        """Ends the budget, waits a little for requests in flight, and leaves the others. May be called again."""
        super().close()
        self._leaving.set()
        self._thread.join()
        try:
            self._members.leave()
        except OSError as error:
            _log.warning("%s; the other processes get its share after a minute", self._unusable(error))

    def _update(self) -> None:
        """Makes a step every beat, for as long as the process runs."""
        try:
            stepped = served = self._clock()
            while not self._leaving.wait(self._pause):
                now = self._clock()
                try:
                    self._pause = self._members.step()
                    stepped = now
                except OSError as error:
                    _log.warning("%s", self._unusable(error))
                    if now - stepped > FOLDER_PATIENCE:
                        self.end(self._unusable(error))
                if self.slots:
                    served = now
                elif now - served > SLOT_PATIENCE:
                    self.end(self._no_slot())
        finally:
            # If this thread fails, no other one may wait for it forever.
            self.end(f"The budget in {self._path} is no longer updated; run the same command again.")

    def _no_slot(self) -> str:
        found = "more processes share the request budget than it has slots, and this one has waited"
        remedy = "Run fewer at once (`slurm submit --parallel`), or run the same command again later"
        return f"{self._path}: {found} {SLOT_PATIENCE / 60:g} minutes for one. {remedy}. What is done is kept."

    def _unusable(self, error: OSError) -> str:
        found = f"the folder of the request budget cannot be used: {error.strerror}"
        remedy = "Free disk space, fix the permissions, or name another folder that all tasks can write to"
        path = error.filename or self._path
        return f"{path}: {found}. {remedy}; then run the same command again. What is done is kept."
