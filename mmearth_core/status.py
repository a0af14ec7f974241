"""The progress of a dataset: one reading of its journals and live processes."""

import datetime as dt
from collections.abc import Iterable
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from mmearth_core.budget import live_members
from mmearth_core.config.schema import Config
from mmearth_core.download.journal import JOURNALED, Journal, Outcome
from mmearth_core.download.outcomes import OutcomeCounts
from mmearth_core.download.run_log import read_runs
from mmearth_core.download.stored_config import load_stored_config
from mmearth_core.errors import DatasetError, ExitCode
from mmearth_core.paths import DatasetPaths
from mmearth_core.tiles.index import TileIndex


@frozen
class LiveProcess:
    """A process that works on the dataset.

    Attributes:
        host: its machine.
        pid: its process id there.
        shard: its shard; empty until it has reported it.
        began: when it began, UTC, ISO 8601.
        ended: tiles that it has finished.
        left: tiles of its shard that are not finished; None until it has reported it.
        tiles_per_second: since it began; None if unknown yet.
        slots: requests that it may have in flight.
        seconds_since_sign_of_life: how long ago its last heartbeat was.
        notice: what it is waiting for, in a few words.
    """

    host: str
    pid: int
    shard: str
    began: str
    ended: int
    left: int | None
    tiles_per_second: float | None
    slots: int
    seconds_since_sign_of_life: float
    notice: str

    def to_json(self) -> dict[str, Any]:
        """Returns the attributes as JSON."""
        rate = None if self.tiles_per_second is None else round(self.tiles_per_second, 3)
        return {**asdict(self), "tiles_per_second": rate}


def live_processes(config: Config, now: dt.datetime) -> tuple[list[LiveProcess], int]:
    """Reads the processes that work on a dataset, and counts those that share its budget for other datasets.

    Args:
        config: the dataset's configuration.
        now: the time.

    Raises:
        OSError: the budget's folder cannot be read.
    """
    # A process reports its dataset a few seconds after it has joined. A folder within the dataset is used by it alone.
    unreported = str(config.root) if config.run.budget is None else ""
    own, others = list[LiveProcess](), 0
    for member, age in live_members(config.budget):
        facts = member.report
        dataset = str(facts.get("dataset", unreported))
        if not dataset or Path(dataset).resolve() != config.root.resolve():
            others += 1
            continue
        ended = sum(int(facts.get(str(outcome), 0)) for outcome in JOURNALED)
        # The counts are as old as the file.
        seconds = (now - dt.datetime.fromisoformat(member.began)).total_seconds() - age
        live = LiveProcess(
            host=member.host,
            pid=member.pid,
            shard=str(facts.get("shard", "")),
            began=member.began,
            ended=ended,
            left=int(facts["left"]) if "left" in facts else None,
            tiles_per_second=ended / seconds if ended and seconds >= 1 else None,
            slots=member.slots,
            seconds_since_sign_of_life=round(age, 1),
            notice=str(facts.get("notice", "")),
        )
        own.append(live)
    return own, others


@frozen(eq=False)
class Status:
    """How far a dataset is.

    Attributes:
        config: its configuration.
        time: when it was read, UTC.
        groups: the modalities of each group.
        not_started: configured modalities that no run has started.
        partitions: the tiles of each partition, by `(group, partition)`.
        workers: the processes that work on it.
        others: how many processes share its budget for other datasets.
        last_run: the run that ended last, as in runs.jsonl; None if there is none.
    """

    config: Config
    time: dt.datetime
    groups: dict[str, list[str]]
    not_started: list[str]
    partitions: dict[tuple[str, int], OutcomeCounts]
    workers: list[LiveProcess]
    others: int
    last_run: dict[str, Any] | None

    @cached_property
    def total(self) -> OutcomeCounts:
        """The tiles of all groups; a tile counts once in each, as in a run's summary."""
        return _sum(self.partitions.values())

    def group(self, name: str) -> OutcomeCounts:
        """The tiles of one group."""
        return _sum(counts for (group, _), counts in self.partitions.items() if group == name)

    @property
    def rate(self) -> float | None:
        """Tiles per second of all running processes; None if there is none, or it is not known yet."""
        return sum(worker.tiles_per_second or 0.0 for worker in self.workers) or None

    @property
    def remaining(self) -> float | None:
        """Seconds until nothing is left at this rate."""
        return self.total.left / self.rate if self.rate else None

    @property
    def exit_code(self) -> ExitCode:
        """OK only if every tile of every configured modality is done or skipped."""
        return self.total.exit_code if self.partitions and not self.not_started else ExitCode.TILES_FAILED

    def next_steps(self) -> list[str]:
        """Returns the commands to run next."""
        source, steps = self.config.source, []
        is_complete = bool(self.partitions) and not self.total.left and not self.not_started
        if not self.workers and not is_complete:
            steps.append(f"mmearth-core run {source}")
        if self.total[Outcome.FAILED]:
            steps.append(f"mmearth-core redownload {source}")
        if not self.workers and is_complete:
            made = (self.config.root / f"{self.config.dataset.name}.h5").exists()
            steps.append(f"mmearth-core {'verify' if made and not steps else 'post'} {source}")
        return steps

    def to_json(self, every_partition: bool = False) -> dict[str, Any]:
        """Returns everything; of the partitions those that are not finished, or every one."""
        rate, remaining = self.rate, self.remaining
        end = None if remaining is None else self.time + dt.timedelta(seconds=remaining)
        return {
            "dataset": str(self.config.root),
            "time": self.time.isoformat(timespec="seconds"),
            **self.total.to_json(),
            "groups": [
                {"group": name, "modalities": members, **self.group(name).to_json()}
                for name, members in self.groups.items()
            ],
            "modalities_not_begun": self.not_started,
            "partitions": [
                {"group": group, "partition": partition, **counts.to_json()}
                for (group, partition), counts in self.partitions.items()
                if every_partition or counts.exit_code
            ],
            "reasons": self.total.reasons_to_json(),
            "tasks": [worker.to_json() for worker in self.workers],
            "tasks_of_other_datasets": self.others,
            "tiles_per_second": None if rate is None else round(rate, 3),
            "remaining_seconds": None if remaining is None else round(remaining),
            "expected_end": None if end is None else end.isoformat(timespec="seconds"),
            "last_run": self.last_run,
            "next": self.next_steps(),
        }


def read_status(config: Config) -> Status:
    """Reads the progress of a dataset; takes no lock and writes nothing.

    Raises:
        DatasetError: if a file of the dataset is missing or damaged, or cannot be read.
    """
    folder, now = DatasetPaths(config.root), dt.datetime.now(dt.UTC)
    try:
        stored = load_stored_config(folder.config)
        groups = {} if stored is None else stored.groups
        sizes = TileIndex(folder.tiles).sizes() if groups else {}
        journals = {(group, each): Journal(folder.journal(group, each)) for group in groups for each in sizes}
        entries = (entry for journal in journals.values() for entry in journal.entries())
        if not folder.has_stacks and any(entry.record.get("sha256") for entry in entries):
            raise DatasetError(
                f"{folder.root}: tiles are done, and the folder stacks/ with their pixels is missing. Check that its "
                "disk is mounted, or restore it; or delete journal/ too, and `mmearth-core run` downloads all again."
            )
        workers, others = live_processes(config, now)
        return Status(
            config=config,
            time=now,
            groups=groups,
            not_started=[name for name in config.modalities if stored is None or name not in stored.modalities],
            partitions={
                (group, each): OutcomeCounts.of(sizes[each], journal.read(heads_only=True).values())
                for (group, each), journal in journals.items()
            },
            workers=workers,
            others=others,
            # Ends are recorded to the second; of two in one second, the later line is the later run's.
            last_run=max(reversed(read_runs(folder.runs)), key=itemgetter("end"), default=None),
        )
    except OSError as error:
        raise DatasetError(
            f"{error.filename or folder.root} cannot be read: {error.strerror}. Fix the permissions, or check that "
            "the disk is mounted."
        ) from error


def _sum(parts: Iterable[OutcomeCounts]) -> OutcomeCounts:
    total = OutcomeCounts()
    for part in parts:
        total.merge(part)
    return total
