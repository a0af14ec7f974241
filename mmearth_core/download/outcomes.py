"""Counts of outcomes and of their reasons, and the progress of a run."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from attrs import asdict, define, field
from attrs.filters import exclude

from mmearth_core.download.journal import JOURNALED, RETURNED, Outcome, TileOutcome
from mmearth_core.errors import ExitCode
from mmearth_core.text import printable

DISTINCT = 100
"""Kinds of reason that are counted separately: a run of a million tiles must not keep a million texts."""

OTHERS = "other reasons; the journal has them all"
"""The text under which all further kinds are counted."""

EXAMPLES = 3
"""Tile ids kept for each kind of reason."""

_PARTICULARS = re.compile(r"'[^']*'|\"[^\"]*\"|\b[0-9a-f]{8,}\b|\d+(\.\d+)?")
"""What differs between reasons of one kind: quoted names, hexadecimal ids and numbers."""


@define
class ReasonCount:
    """Tiles with reasons of one kind: reasons that differ only in names and numbers.

    Attributes:
        outcome: skipped, failed or left.
        reason: the first of the reasons.
        tiles: number of tiles.
        examples: ids of the first tiles.
    """

    outcome: Outcome
    reason: str
    tiles: int = 0
    examples: list[str] = field(factory=list)


@define(eq=False)
class OutcomeCounts:
    """Numbers of tiles by outcome, and why tiles are not done.

    A tile that is in several groups counts once in each.

    Attributes:
        tiles: all tiles, also those without an outcome.
        returned: of the failed tiles, those that were done until `post` or `verify` found their stack bad.
    """

    tiles: int = 0
    returned: int = 0
    _numbers: Counter[str] = field(factory=Counter)
    _reasons: dict[tuple[Outcome, str], ReasonCount] = field(factory=dict)

    @classmethod
    def of(cls, tiles: int, entries: Iterable[TileOutcome]) -> "OutcomeCounts":
        """Counts entries of a journal.

        Args:
            tiles: all tiles, also those without an entry.
            entries: at most one of each tile.
        """
        counts = cls(tiles)
        for entry in entries:
            counts.add(entry)
        return counts

    def add(self, entry: TileOutcome) -> None:
        """Counts one tile. A tile that is left only adds its reason: `left` is what the other outcomes do not cover."""
        if entry.outcome in JOURNALED:
            self._numbers[entry.outcome] += 1
        self.returned += entry.outcome is Outcome.FAILED and (entry.reason or "").startswith(RETURNED)
        if entry.reason is not None:
            self._add_reason(ReasonCount(entry.outcome, entry.reason, 1, [entry.tile_id]))

    def merge(self, other: "OutcomeCounts") -> None:
        """Adds the tiles that other counts have."""
        self.tiles += other.tiles
        self.returned += other.returned
        self._numbers.update(other._numbers)
        for more in other._reasons.values():
            self._add_reason(more)

    def _add_reason(self, more: ReasonCount) -> None:
        key = more.outcome, _PARTICULARS.sub("#", more.reason[:500])
        if key not in self._reasons and len(self._reasons) >= DISTINCT:
            key = more.outcome, OTHERS
        known = self._reasons.setdefault(key, ReasonCount(more.outcome, OTHERS if key[1] == OTHERS else more.reason))
        known.tiles += more.tiles
        known.examples = [*known.examples, *more.examples][:EXAMPLES]

    def __getitem__(self, outcome: str) -> int:
        """The number of tiles with an outcome."""
        return self.left if outcome == Outcome.LEFT else self._numbers[outcome]

    def __str__(self) -> str:
        return ", ".join(f"{self[outcome]} {outcome}" for outcome in JOURNALED)

    @property
    def finished(self) -> int:
        """Tiles that are done, skipped or failed."""
        return self._numbers.total()

    @property
    def left(self) -> int:
        """Tiles that are not finished."""
        return self.tiles - self.finished

    @property
    def exit_code(self) -> ExitCode:
        """OK only if every tile is done, or skipped for a recorded reason."""
        return ExitCode.TILES_FAILED if self[Outcome.FAILED] or self.left else ExitCode.OK

    @property
    def reasons(self) -> list[ReasonCount]:
        """The kinds of reason, the most frequent first; those of tiles that are left come last."""
        return sorted(self._reasons.values(), key=lambda kind: (kind.outcome is Outcome.LEFT, -kind.tiles))

    def to_json(self) -> dict[str, Any]:
        """The numbers as JSON."""
        return {"tiles": self.tiles, **{str(outcome): self[outcome] for outcome in Outcome}, "sent_back": self.returned}

    def reason_lines(self, limit: int) -> list[str]:
        """The most frequent kinds of reason as text."""
        lines = [
            printable(f"  {kind.outcome} {kind.tiles}: {kind.reason} (e.g. {', '.join(kind.examples)})")
            for kind in self.reasons[:limit]
        ]
        if len(self.reasons) > limit:
            lines.append(f"  and {len(self.reasons) - limit} more reasons; --json lists them all")
        return lines

    def reasons_to_json(self) -> list[dict[str, Any]]:
        """The kinds of reason as JSON."""
        return [asdict(kind) for kind in self.reasons]


class RunProgress:
    """How far a run is.

    Attributes:
        counts: the tiles of this run's shard, including those that earlier runs finished.
        now: tiles finished in this run, by outcome.
        waiting: tiles that cannot be started because the group `base` is not done there.
        uncounted: why the journals could not be read to the end after an early stop, so that the counts cover only the
            tiles seen so far; None if everything is counted.
        notice: returns in a few words what delays the run; empty if nothing does.
    """

    def __init__(
        self, tiles: int, clock: Callable[[], float] = time.monotonic, notice: Callable[[], str] = str
    ) -> None:
        self.counts = OutcomeCounts(tiles)
        self.now: Counter[str] = Counter()
        self.waiting = 0
        self.uncounted: str | None = None
        self.notice = notice
        self._clock = clock
        self._start = clock()

    def add(self, entry: TileOutcome, earlier: bool = False) -> None:
        """Counts a tile that an earlier run finished, or that this run finished or leaves."""
        self.counts.add(entry)
        if not earlier and entry.outcome in JOURNALED:
            self.now[entry.outcome] += 1

    def recount(self, entries: Iterable[TileOutcome]) -> None:
        """Counts all tiles again from the journals: a run that stops early has not seen everything earlier runs did.

        Args:
            entries: the journaled tiles of the shard, including those of this run.

        Raises:
            DatasetError: if a journal is damaged; then nothing is changed.
        """
        counts = OutcomeCounts.of(self.counts.tiles, entries)
        for kind in self.counts.reasons:
            if kind.outcome is Outcome.LEFT:
                counts._add_reason(kind)
        self.counts = counts

    @property
    def left(self) -> int | None:
        """Tiles that are not finished; None if that could not be counted."""
        return self.counts.left if self.uncounted is None else None

    @property
    def seconds(self) -> float:
        """Seconds since the run started."""
        return self._clock() - self._start

    @property
    def rate(self) -> float:
        """Tiles per second in this run."""
        return self.now.total() / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds until the end at this rate; None if unknown."""
        return (self.counts.left - self.waiting) / self.rate if self.rate > 0 else None

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            "tiles": self.counts.tiles,
            **{str(outcome): self.counts[outcome] for outcome in JOURNALED},
            "left": self.left,
            "uncounted": self.uncounted,
            "waiting": self.waiting,
            "ended_in_this_run": self.now.total(),
            "seconds": round(self.seconds, 3),
            "tiles_per_second": round(self.rate, 3),
            "reasons": [asdict(kind, filter=exclude("examples")) for kind in self.counts.reasons],
        }


ProgressListener = Callable[[RunProgress], None]
"""Called after tiles were finished or left, and every two seconds while none is."""
