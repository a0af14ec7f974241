"""The tally of a run: how its tiles ended, what it asked for, and how fast it goes."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from mmearth_core.download.endings import Ending
from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.errors import ExitCode

DISTINCT = 100
"""So many kinds of reason are told apart; a run of a million tiles must not keep a million texts."""

OTHERS = "other reasons; the journal has them all"

_PARTICULARS = re.compile(r"'[^']*'|\"[^\"]*\"|\b[0-9a-f]{8,}\b|\d+(\.\d+)?")
"""What differs from tile to tile in reasons of one kind: names in quotes, ids and numbers."""


def kind_of(reason: str) -> str:
    """What reasons of one kind have in common: the words, without names and numbers."""
    return _PARTICULARS.sub("#", reason[:500])


class Tally:
    """Counts of one run.

    Attributes:
        total: tiles of this run's share, over all groups.
        earlier: tiles that earlier runs had ended, by outcome.
        now: tiles that ended in this run, by outcome.
        waiting: tiles that cannot be begun, as the group `base` has not done them.
        reasons: why tiles were skipped or failed, `(outcome, reason)`, earlier runs included; reasons that differ only
            in numbers and names count as the first of them.
        unanswered: why tiles were left that this run has asked for, likewise.
        uncounted: why the journals could not be read to the end of a run that ended early, so that the counts are those
            of what it has come by; None when all is counted.
        notice: says in a few words what holds the run up; empty when nothing does.
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self.earlier: Counter[Outcome] = Counter()
        self.now: Counter[Outcome] = Counter()
        self.waiting = 0
        self.reasons: Counter[tuple[Outcome, str]] = Counter()
        self.unanswered: Counter[str] = Counter()
        self.uncounted: str | None = None
        self.notice: Callable[[], str] = str
        self._kinds: dict[str, str] = {}
        self._clock = clock
        self._start = clock()

    def add(self, entry: Entry, earlier: bool = False) -> None:
        """Counts a tile that ended."""
        (self.earlier if earlier else self.now)[entry.outcome] += 1
        if entry.reason is not None:
            self.reasons[entry.outcome, self._kind(entry.reason)] += 1

    def leave(self, reason: str) -> None:
        """Counts a tile that was asked for and is left for the next run."""
        self.unanswered[self._kind(reason)] += 1

    def recount(self, endings: Iterable[Ending]) -> None:
        """Counts anew all tiles that have ended, as a run that ends early has not come by all that earlier ones did.

        Args:
            endings: of all tiles of the share, this run's included.

        Raises:
            DatasetError: when a journal is damaged; then nothing is changed.
        """
        ended: Counter[Outcome] = Counter()
        reasons: Counter[tuple[Outcome, str]] = Counter()
        for ending in endings:
            ended[ending.outcome] += 1
            if ending.outcome is not Outcome.DONE and (reason := ending.reason) is not None:
                reasons[ending.outcome, self._kind(reason)] += 1
        self.earlier = Counter({outcome: ended[outcome] - self.now[outcome] for outcome in Outcome})
        self.reasons = reasons

    def _kind(self, reason: str) -> str:
        """The first reason of that kind."""
        key = kind_of(reason)
        if key not in self._kinds and len(self._kinds) >= DISTINCT:
            return OTHERS
        return self._kinds.setdefault(key, reason)

    def count(self, outcome: Outcome) -> int:
        """Tiles with that outcome, whenever they ended."""
        return self.earlier[outcome] + self.now[outcome]

    @property
    def ended(self) -> int:
        """Tiles that need no more work."""
        return self.earlier.total() + self.now.total()

    @property
    def left(self) -> int:
        """Tiles that have not ended, or that this run has not come by."""
        return self.total - self.ended

    @property
    def known_left(self) -> int | None:
        """Tiles that have not ended; None when that could not be counted."""
        return self.left if self.uncounted is None else None

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return self._clock() - self._start

    @property
    def rate(self) -> float:
        """Tiles a second, of this run."""
        return self.now.total() / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds until the end at this rate; None when it cannot be said."""
        return (self.left - self.waiting) / self.rate if self.rate > 0 else None

    @property
    def exit_code(self) -> ExitCode:
        """OK only if every tile is done or skipped for a reason recorded."""
        return ExitCode.TILES_FAILED if self.count(Outcome.FAILED) or self.left else ExitCode.OK

    def summary(self) -> dict[str, Any]:
        """The counts as JSON."""
        unanswered = [(("left", reason), tiles) for reason, tiles in self.unanswered.most_common()]
        return {
            "tiles": self.total,
            **{str(outcome): self.count(outcome) for outcome in Outcome},
            "left": self.known_left,
            "uncounted": self.uncounted,
            "waiting": self.waiting,
            "ended_in_this_run": self.now.total(),
            "seconds": round(self.seconds, 3),
            "tiles_per_second": round(self.rate, 3),
            "reasons": [
                {"outcome": str(outcome), "reason": reason, "tiles": tiles}
                for (outcome, reason), tiles in [*self.reasons.most_common(), *unanswered]
            ],
        }
