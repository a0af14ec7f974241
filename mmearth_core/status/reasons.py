"""Why tiles were skipped or failed, counted by kind, with a few tiles as examples."""

from collections.abc import Iterable
from typing import Any

from attrs import define, field

from mmearth_core.download.journal import Outcome
from mmearth_core.download.tally import DISTINCT, OTHERS, kind_of

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
