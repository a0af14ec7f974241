"""One budget for all processes that name the same folder, such as the tasks of a Slurm array."""

import logging
import sys
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

from mmearth_core.budget.files import FolderFiles
from mmearth_core.budget.gate import Clock, Gate
from mmearth_core.budget.local import ENDED, GRACE
from mmearth_core.budget.member import LEASE, Member
from mmearth_core.errors import RunStoppedError

BEAT = 5.0
"""Seconds between two heartbeats."""

HASTE = 4
"""So many times faster they come while slots change hands ..."""

HURRIED = 20
"""... but at most so many in a row, as a slot in use may be minutes in coming."""

PATIENCE = 10
"""Leases for which an unusable folder is borne before the run stops: network file systems come back."""

_log = logging.getLogger(__name__)


def uptime() -> float:
    """Seconds that go on while the machine is asleep, where it can tell: others go on too."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class SharedBudget:
    """So many requests at once and so many a second, for all who name the same folder; see `RequestBudget`.

    Slots are shared out fairly among the processes at work, each as many as it wants: 40 tasks have one each, the
    last 3 of them have them all. A thread looks after that; all communication is by files in the folder, with
    neither locks nor any trust in clocks of other machines.

    A process that was killed leaves its slots to the others after two leases, at once if they run on the same
    machine. One that was paused sends nothing more until it has looked which slots are still its own.
    """

    def __init__(
        self,
        folder: Path,
        slots: int,
        per_second: float,
        want: int | None = None,
        beat: float = BEAT,
        lease: float = LEASE,
        clock: Clock = uptime,
    ) -> None:
        """Joins those at work in the folder.

        Args:
            folder: where all of them see the same files; it is made if it is missing.
            slots: requests under way at once, for all together. If others were told less, that holds for all.
            per_second: requests sent a second, for all together; likewise.
            want: slots that this process could use; by default all.
            beat: seconds between two heartbeats.
            lease: seconds after the last heartbeat for which slots are used; the same for all in the folder.
            clock: what it reads the time from.

        Raises:
            RunStoppedError: when the folder cannot be written to.
        """
        self._folder, self._beat, self._lease, self._clock = folder, beat, lease, clock
        self._want = slots if want is None else want
        self._gate = Gate(clock)
        self._leaving = threading.Event()
        self._closing = threading.Lock()
        try:
            self._member = Member(FolderFiles(folder), self._gate, clock, slots, per_second, self._want, lease)
            self._settled = self._member.step()
        except OSError as error:
            raise RunStoppedError(self._unusable(error)) from error
        self._thread = threading.Thread(target=self._look_after, name="mmearth-budget", daemon=True)
        self._thread.start()

    @property
    def slots(self) -> int:
        """Requests that this process may have under way just now; 0 while it waits for its turn."""
        return self._gate.slots

    def permit(self) -> AbstractContextManager[None]:
        """Waits until one request may be sent, and counts it as under way until the block is left.

        Raises:
            RunStoppedError: when the budget was ended, or its folder can no longer be used.
        """
        return self._gate.permit()

    def limit(self, concurrent: int | None, give_back: bool = False) -> None:
        """Has this process use fewer slots than it holds; None lifts it.

        Args:
            concurrent: requests under way at once, at least 1.
            give_back: others may have the slots that are then not used, until the limit is raised again.
        """
        self._gate.limit(concurrent)
        self._member.want(min(self._want, concurrent) if give_back and concurrent is not None else self._want)

    def report(self, **counters: int | float | str) -> None:
        """Says something about this process, for `live_tasks` to show; written with a later heartbeat."""
        self._member.counters = {**self._member.counters, **counters}

    def end(self) -> None:
        """Has every waiting and every later `permit` raise; what is under way goes on, and so do the heartbeats."""
        self._gate.end(ENDED)

    def close(self) -> None:
        """Ends, waits a little for what is under way, and gives back the slots."""
        self.end()
        with self._closing:
            if self._leaving.is_set():
                return
            self._gate.drain(GRACE)
            self._leaving.set()
            self._thread.join()
            try:
                self._member.leave()
            except OSError as error:
                _log.warning("%s; its slots come back to the others by themselves", self._unusable(error))

    def _look_after(self) -> None:
        """The thread: a step every beat, for as long as the process lives."""
        try:
            hurried, well = 1 - self._settled, self._clock()
            while not self._leaving.wait(self._beat / HASTE if 0 < hurried <= HURRIED else self._beat):
                try:
                    hurried = 0 if self._member.step() else hurried + 1
                    well = self._clock()
                except OSError as error:
                    hurried = 0
                    _log.warning("%s", self._unusable(error))
                    if self._clock() - well > PATIENCE * self._lease:
                        self._gate.end(self._unusable(error))
        finally:
            # Should the thread itself fail, nobody is to wait for it for ever.
            self._gate.end(f"The budget in {self._folder} is no longer looked after; run the same command again.")

    def _unusable(self, error: OSError) -> str:
        return (
            f"{error.filename or self._folder}: the folder of the request budget cannot be used: {error.strerror}. "
            "Make room, grant access, or name another folder that all tasks can write to; then run the same command "
            "again. What is done is kept."
        )
