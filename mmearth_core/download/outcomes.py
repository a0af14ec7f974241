"""Counts of outcomes and of the reasons for them."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from attrs import define, field, frozen

from mmearth_core.download.journal import Ending, Entry, Outcome
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


EXAMPLES = 3
"""Tiles that are named for each kind."""


@define
class Kind:
    """Reasons that differ in names and numbers only.

    Attributes:
        outcome: skipped or failed.
        reason: the first of them.
        tiles: how many ended so.
        examples: the ids of the first of these.
    """

    outcome: Outcome
    reason: str
    tiles: int = 0
    examples: list[str] = field(factory=list)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"outcome": str(self.outcome), "reason": self.reason, "tiles": self.tiles, "examples": self.examples}


class Reasons:
    """Kinds of reason, at most a hundred told apart, as a run's summary has them."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[Outcome, str], Kind] = {}

    def add(self, outcome: Outcome, reason: str, tile_id: str) -> None:
        """Counts one tile."""
        self._count(Kind(outcome, reason, 1, [tile_id]))

    def update(self, others: "Reasons") -> None:
        """Counts what others have counted."""
        for kind in others._kinds.values():
            self._count(kind)

    def _count(self, more: Kind) -> None:
        key = (more.outcome, kind_of(more.reason))
        if key not in self._kinds and len(self._kinds) >= DISTINCT:
            key = (more.outcome, OTHERS)
        mine = self._kinds.setdefault(key, Kind(more.outcome, OTHERS if key[1] == OTHERS else more.reason))
        mine.tiles += more.tiles
        mine.examples = [*mine.examples, *more.examples][:EXAMPLES]

    def listed(self, outcomes: Iterable[Outcome] = tuple(Outcome)) -> list[Kind]:
        """The kinds, those with most tiles first."""
        wanted = set(outcomes)
        return sorted((kind for kind in self._kinds.values() if kind.outcome in wanted), key=lambda kind: -kind.tiles)


@frozen
class Counts:
    """So many tiles.

    Attributes:
        tiles: in all.
        done: with all their pixels and values.
        skipped: for a reason that is recorded.
        failed: likewise.
        sent_back: of the failed, those that were done until their stack was found wanting.
    """

    tiles: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    sent_back: int = 0

    @property
    def left(self) -> int:
        """Tiles that have not ended."""
        return self.tiles - self.done - self.skipped - self.failed

    @property
    def is_finished(self) -> bool:
        """Whether every tile is done or skipped."""
        return self.left == 0 and self.failed == 0

    @property
    def is_begun(self) -> bool:
        """Whether some tile has ended."""
        return self.left < self.tiles

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.tiles + other.tiles,
            self.done + other.done,
            self.skipped + other.skipped,
            self.failed + other.failed,
            self.sent_back + other.sent_back,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "tiles": self.tiles,
            "done": self.done,
            "skipped": self.skipped,
            "failed": self.failed,
            "left": self.left,
            "sent_back": self.sent_back,
        }


def count(tiles: int, endings: Iterable[Ending]) -> tuple[Counts, Reasons]:
    """Counts the tiles of a partition.

    Args:
        tiles: how many it has.
        endings: of those that have ended.
    """
    numbers, sent_back, reasons = dict.fromkeys(Outcome, 0), 0, Reasons()
    for ending in endings:
        numbers[ending.outcome] += 1
        if ending.outcome is not Outcome.DONE and (reason := ending.reason) is not None:
            sent_back += ending.is_sent_back
            reasons.add(ending.outcome, reason, ending.tile_id)
    done, skipped, failed = (numbers[outcome] for outcome in (Outcome.DONE, Outcome.SKIPPED, Outcome.FAILED))
    return Counts(tiles, done, skipped, failed, sent_back), reasons


class ProgressListener(Protocol):
    """Gets the counts whenever a tile is done, skipped or failed."""

    def changed(self, tally: Tally) -> None:
        """The counts have changed."""
        ...
