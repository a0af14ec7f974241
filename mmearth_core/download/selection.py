"""Which tiles a run takes: its shard, and which tiles are retried."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from attrs import field, frozen

from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.errors import ConfigError

T = TypeVar("T")


@frozen
class Shard:
    """A share of the work.

    Attributes:
        index: from 0.
        count: how many shards there are.
    """

    index: int = 0
    count: int = 1

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ConfigError(f"Shard {self.index}/{self.count}: write I/N with I from 0 to N-1, e.g. 0/4 to 3/4.")

    def share(self, partitions: Sequence[T]) -> Sequence[T]:
        """This shard's part of the partitions."""
        return partitions[self.index :: self.count]

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def parse_shard(text: str) -> Shard:
    """Reads `I/N`.

    Raises:
        ConfigError: when it is not of that form.
    """
    index, slash, count = text.partition("/")
    if not (slash and index.strip().isdecimal() and count.strip().isdecimal()):
        raise ConfigError(f"--shard {text!r}: write I/N with I from 0 to N-1, e.g. 0/4.")
    return Shard(int(index), int(count))


def shard_from_slurm(environment: Mapping[str, str] = os.environ) -> Shard | None:
    """The shard of a Slurm array task (https://slurm.schedmd.com/job_array.html), or None outside an array.

    Raises:
        ConfigError: when the array has gaps, so that some partitions would be nobody's.
    """
    if "SLURM_ARRAY_TASK_ID" not in environment:
        return None
    try:
        task, first, count = (int(environment[f"SLURM_ARRAY_TASK_{name}"]) for name in ("ID", "MIN", "COUNT"))
        last = int(environment.get("SLURM_ARRAY_TASK_MAX", first + count - 1))
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"SLURM_ARRAY_TASK_ID is set, but the array cannot be read from the environment ({error}). "
            "Give --shard I/N, or unset SLURM_ARRAY_TASK_ID."
        ) from error
    if last - first + 1 != count or not first <= task <= last:
        raise ConfigError(
            f"The Slurm array {first}-{last} has {count} tasks: it has gaps, so some tiles would be nobody's. "
            f"Submit a whole range, e.g. --array=0-{max(count, 1) - 1}, or give --shard I/N."
        )
    return Shard(task - first, count)


def _pattern(reason: str | None) -> re.Pattern[str] | None:
    try:
        return None if reason is None else re.compile(reason, re.IGNORECASE)
    except re.error as error:
        raise ConfigError(
            f"Reason {reason!r} is no regular expression: {error}. Give a few words of the reason as it stands in the "
            "journal, such as 'memory limit'."
        ) from error


@frozen
class RetrySelection:
    """The tiles that are taken again; none, unless something is said.

    Attributes:
        failed: those that have failed.
        skipped: those that were skipped.
        reason: of these, only those in whose reason this regular expression is found; case does not matter.
        tiles: of these, only those with these ids.
        only: nothing else: tiles that have not ended are left, so that a redownload does just that.

    Raises:
        ConfigError: when `reason` is no regular expression.
    """

    failed: bool = False
    skipped: bool = False
    reason: str | None = None
    tiles: frozenset[str] | None = None
    only: bool = False
    _regex: re.Pattern[str] | None = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_regex", _pattern(self.reason))

    def takes(self, tile_id: str, entry: Entry | None) -> bool:
        """Whether a tile is taken.

        Args:
            tile_id: which tile.
            entry: how it has ended; None when it has not.
        """
        if entry is None:
            return not self.only
        wanted = {Outcome.FAILED: self.failed, Outcome.SKIPPED: self.skipped}.get(entry.outcome, False)
        named = self.tiles is None or tile_id in self.tiles
        return wanted and named and (self._regex is None or self._regex.search(entry.reason or "") is not None)
