"""Which partitions a process works: shard I of N takes I, I + N, I + 2N ..."""

import os
from collections.abc import Mapping, Sequence
from typing import TypeVar

from attrs import frozen

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
