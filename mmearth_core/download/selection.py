"""Which tiles a run takes: its shard, and which tiles it retries."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from attrs import field, frozen

from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.errors import ConfigError

T = TypeVar("T")


@frozen
class Shard:
    """A share of the work.

    Attributes:
        index: its number, from 0.
        count: how many shards there are.
    """

    index: int = 0
    count: int = 1

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ConfigError(f"Shard {self.index}/{self.count}: write I/N with I from 0 to N-1, e.g. 0/4 to 3/4.")

    def share(self, partitions: Sequence[T]) -> Sequence[T]:
        """Returns this shard's part of the partitions."""
        return partitions[self.index :: self.count]

    def tiles(self, sizes: Mapping[int, int], limit: int | None = None) -> dict[int, int]:
        """Returns how many tiles of each of its partitions this shard takes, always the first ones.

        Args:
            sizes: `{partition: tiles}` of the dataset.
            limit: take only the first so many tiles of the shard.
        """
        rest, taken = sum(sizes.values()) if limit is None else limit, {}
        for partition, size in self.share(list(sizes.items())):
            taken[partition] = min(size, rest)
            rest -= taken[partition]
        return taken

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def parse_shard(text: str) -> Shard:
    """Reads `I/N`.

    Raises:
        ConfigError: if the text does not have that form.
    """
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text, re.ASCII)
    if match is None:
        raise ConfigError(f"--shard {text!r}: write I/N with I from 0 to N-1, e.g. 0/4.")
    return Shard(int(match[1]), int(match[2]))


def shard_from_slurm(environment: Mapping[str, str] = os.environ) -> Shard | None:
    """Returns the shard of a Slurm array task (https://slurm.schedmd.com/job_array.html), None outside an array.

    Raises:
        ConfigError: if the array has gaps, so that no task would take some of the partitions.
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
            f"The Slurm array {first}-{last} has {count} tasks: it has gaps, so no task would take some of the tiles. "
            f"Submit a range without gaps, e.g. --array=0-{max(count, 1) - 1}, or give --shard I/N."
        )
    return Shard(task - first, count)


def _pattern(reason: str | None) -> re.Pattern[str] | None:
    try:
        return None if reason is None else re.compile(reason, re.IGNORECASE)
    except re.error as error:
        raise ConfigError(
            f"Reason {reason!r} is not a valid regular expression: {error}. Give a few words of the reason as it is "
            "in the journal, such as 'memory limit'."
        ) from error


@frozen
class RetrySelection:
    """Which journaled tiles are downloaded again; none by default.

    Attributes:
        failed: those that failed.
        skipped: those that were skipped.
        reason: of these, only those whose reason contains a match of this regular expression; case does not matter.
        tiles: of these, only those with these ids.
        only: nothing else: unfinished tiles are left alone, as in a redownload.

    Raises:
        ConfigError: if `reason` is not a valid regular expression.
    """

    failed: bool = False
    skipped: bool = False
    reason: re.Pattern[str] | None = field(default=None, converter=_pattern)
    tiles: frozenset[str] | None = None
    only: bool = False

    def takes(self, entry: TileOutcome | None) -> bool:
        """Whether a tile is downloaded.

        Args:
            entry: its journal entry; None if it has none.
        """
        if entry is None:
            return not self.only
        wanted = {Outcome.FAILED: self.failed, Outcome.SKIPPED: self.skipped}.get(entry.outcome, False)
        named = self.tiles is None or entry.tile_id in self.tiles
        return wanted and named and (self.reason is None or self.reason.search(entry.reason or "") is not None)
