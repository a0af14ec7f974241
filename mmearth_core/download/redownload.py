"""Which tiles a redownload takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mmearth_core.config.schema import Config
from mmearth_core.download.folder import begun_config
from mmearth_core.download.journal import Outcome, read_outcomes
from mmearth_core.download.outcomes import OutcomeCounts, RunProgress
from mmearth_core.download.selection import RetrySelection, Shard
from mmearth_core.errors import ConfigError
from mmearth_core.paths import DatasetPaths
from mmearth_core.text import counted
from mmearth_core.tiles.index import TileIndex

SHOWN = 5
"""Kinds of reason that are printed."""

NOTHING_SENT = {"requests": {}, "purposes": {}, "retries": {}, "slow_downs": 0, "bytes_received": 0, "stopped": None}
"""What the summary of a run without requests says of them."""


def read_ids(path: Path) -> frozenset[str]:
    """Reads tile ids from a text file, one per line.

    Raises:
        ConfigError: if the file cannot be read or is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}). Give a text file with one tile id per line.") from error
    ids = frozenset(line.strip() for line in lines if line.strip())
    if not ids:
        raise ConfigError(f"{path}: has no tile ids. Give one tile id per line.")
    return ids


@frozen(eq=False)
class RedownloadPlan:
    """The tiles that are downloaded again.

    Attributes:
        modalities: those that were downloaded before and are still configured.
        before: the progress of a run that has only seen the journals.
        taken: the tiles that are downloaded again.
        tiles: their `(group, tile id)`.
    """

    modalities: list[str]
    before: RunProgress
    taken: OutcomeCounts = field(factory=OutcomeCounts)
    tiles: list[tuple[str, str]] = field(factory=list)

    def to_json(self) -> dict[str, Any]:
        """Returns the plan with every tile."""
        return {
            "taken": len(self.tiles),
            "failed": self.taken[Outcome.FAILED],
            "sent_back": self.taken.returned,
            "skipped": self.taken[Outcome.SKIPPED],
            "reasons": self.taken.reasons_to_json(),
            "tiles": [{"group": group, "tile_id": tile_id} for group, tile_id in self.tiles],
        }

    def lines(self) -> Iterator[str]:
        """Yields the plan as text."""
        if not self.tiles:
            yield "No tile is to be downloaded again."
            return
        failed, skipped, returned = self.taken[Outcome.FAILED], self.taken[Outcome.SKIPPED], self.taken.returned
        back = f" ({returned} of them returned by post or verify)" if returned else ""
        yield f"Downloads {counted(len(self.tiles), 'tile')} again: {failed} failed{back}, {skipped} skipped."
        yield from self.taken.reason_lines(SHOWN)


def plan_redownload(
    config: Config, retry: RetrySelection, shard: Shard, limit: int | None = None, only: list[str] | None = None
) -> RedownloadPlan:
    """Reads from the journals which tiles a run with the same arguments takes; takes no lock and writes nothing.

    Args:
        config: the dataset's configuration.
        retry: which tiles are wanted.
        shard: the share of the tiles.
        limit: only the first so many tiles of the shard.
        only: modalities, instead of all that were downloaded before.

    Raises:
        DatasetError: if nothing was downloaded yet, or a file of the dataset is damaged.
        ConfigError: if none of the named tiles is in the journals.
    """
    folder = DatasetPaths(config.root)
    stored = begun_config(folder, config.source)
    modalities = [name for name in config.modalities if name in stored.modalities]
    wanted = _wanted(modalities, only)
    groups = [name for name, members in stored.groups.items() if set(members) & wanted]
    share = shard.tiles(TileIndex(folder.tiles).sizes(), limit)
    plan = RedownloadPlan(modalities, RunProgress(len(groups) * sum(share.values())))
    named = 0
    for group, entry in read_outcomes(folder, groups, share, stored.tiles["partition_size"]):
        plan.before.add(entry, earlier=True)
        named += entry.tile_id in (retry.tiles or ())
        if retry.takes(entry):
            plan.tiles.append((group, entry.tile_id))
            plan.taken.add(entry)
    if retry.tiles is not None and not named and shard == Shard():
        raise ConfigError(
            f"None of the {len(retry.tiles)} named tiles is in the journals of {folder.root}: they are not tiles of "
            "this dataset, or are still left, and then `mmearth-core run` downloads them. Check the ids."
        )
    return plan


def _wanted(modalities: list[str], only: list[str] | None) -> set[str]:
    """The modalities to take; refuses those that were not downloaded before."""
    if only is not None and not only:
        raise ConfigError(f"--modalities names none. Downloaded were {', '.join(modalities)}.")
    for name in only or ():
        if name not in modalities:
            raise ConfigError(
                f"--modalities: {name!r} was not downloaded before. Downloaded were {', '.join(modalities)}; "
                "`mmearth-core run` adds others."
            )
    return set(modalities if only is None else only)
