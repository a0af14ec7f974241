"""Tiles counted by how they ended: of a partition, of a group, of all."""

from collections.abc import Iterable
from typing import Any

from attrs import frozen

from mmearth_core.download.endings import Ending
from mmearth_core.download.journal import Outcome
from mmearth_core.status.reasons import Reasons


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
