"""The progress of a dataset: one reading of its journals and live processes."""

import datetime as dt
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen

from mmearth_core.budget import Member, live_members
from mmearth_core.config.schema import Config
from mmearth_core.download.journal import Outcome, read_endings
from mmearth_core.download.outcomes import Counts, Reasons, count
from mmearth_core.download.run_log import RunRecord, read_runs
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
        rate: tiles per second since it began; None if unknown yet.
        slots: requests that it may have in flight.
        sign: seconds since its last sign of life.
        notice: what it is waiting for, in a few words.
    """

    host: str
    pid: int
    shard: str
    began: str
    ended: int
    left: int | None
    rate: float | None
    slots: int
    sign: float
    notice: str

    @classmethod
    def of(cls, member: Member, age: float, now: dt.datetime) -> "LiveProcess":
        """Reads what a process reports.

        Args:
            member: its file in the budget's folder.
            age: seconds since it wrote the file.
            now: the time.
        """
        facts = member.report
        ended = sum(int(facts.get(str(outcome), 0)) for outcome in Outcome)
        seconds = (now - dt.datetime.fromisoformat(member.began)).total_seconds() - age
        return cls(
            host=member.host,
            pid=member.pid,
            shard=str(facts.get("shard", "")),
            began=member.began,
            ended=ended,
            left=int(facts["left"]) if "left" in facts else None,
            rate=ended / seconds if ended and seconds >= 1 else None,
            slots=member.slots,
            sign=age,
            notice=str(facts.get("notice", "")),
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the attributes as JSON."""
        return {
            "host": self.host,
            "pid": self.pid,
            "shard": self.shard,
            "began": self.began,
            "ended": self.ended,
            "left": self.left,
            "tiles_per_second": None if self.rate is None else round(self.rate, 3),
            "slots": self.slots,
            "seconds_since_sign_of_life": round(self.sign, 1),
            "notice": self.notice,
        }


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
        dataset = str(member.report.get("dataset", unreported))
        if dataset and Path(dataset).resolve() == config.root.resolve():
            own.append(LiveProcess.of(member, age, now))
        else:
            others += 1
    return own, others


Place = tuple[str, int]
"""A group's name and a partition's number."""


@frozen(eq=False)
class Status:
    """How far a dataset is.

    Attributes:
        config: its configuration.
        time: when it was looked at, UTC.
        groups: the modalities of each group.
        not_begun: configured modalities that no run has begun.
        partitions: the tiles of each partition of each group.
        reasons: why tiles were skipped or failed.
        workers: who is at work on it.
        others: how many processes share its budget for other datasets.
        last_run: the run that ended last; None when none has.
    """

    config: Config
    time: dt.datetime
    groups: dict[str, list[str]] = field(factory=dict)
    not_begun: list[str] = field(factory=list)
    partitions: dict[Place, Counts] = field(factory=dict)
    reasons: Reasons = field(factory=Reasons)
    workers: list[LiveProcess] = field(factory=list)
    others: int = 0
    last_run: RunRecord | None = None

    def group(self, name: str) -> Counts:
        """The tiles of one group."""
        return _sum(counts for (group, _), counts in self.partitions.items() if group == name)

    @property
    def total(self) -> Counts:
        """The tiles of all groups together: a tile counts once in each, as it does in a run's summary."""
        return _sum(self.partitions.values())

    @property
    def rate(self) -> float | None:
        """Tiles a second of all who are at work; None when nobody is, or nobody can say."""
        return sum(worker.rate or 0.0 for worker in self.workers) or None

    @property
    def remaining(self) -> float | None:
        """Seconds until all tiles have ended at this rate."""
        return self.total.left / self.rate if self.rate else None

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left and nobody is at work."""
        return bool(self.partitions) and not self.total.left and not self.not_begun and not self.workers

    @property
    def exit_code(self) -> ExitCode:
        """OK only if every tile of every configured modality is done or skipped."""
        finished = self.partitions and self.total.is_finished and not self.not_begun
        return ExitCode.OK if finished else ExitCode.TILES_FAILED

    def next_steps(self) -> list[str]:
        """Commands that lead on."""
        total, source = self.total, self.config.source
        steps = []
        if not self.workers and (total.left or self.not_begun or not self.partitions):
            steps.append(f"mmearth-core run {source}")
        if total.failed:
            steps.append(f"mmearth-core redownload {source}")
        if self.has_ended:
            made = (self.config.root / f"{self.config.dataset.name}.h5").exists()
            steps.append(f"mmearth-core {'verify' if made and not steps else 'post'} {source}")
        return steps

    def to_json(self, every_partition: bool = False) -> dict[str, Any]:
        """Everything; of the partitions those that are not finished, or every one."""
        rate, remaining = self.rate, self.remaining
        end = None if remaining is None else self.time + dt.timedelta(seconds=remaining)
        return {
            "dataset": str(self.config.root),
            "time": _text(self.time),
            **self.total.to_json(),
            "groups": [
                {"group": name, "modalities": members, **self.group(name).to_json()}
                for name, members in self.groups.items()
            ],
            "modalities_not_begun": self.not_begun,
            "partitions": [
                {"group": group, "partition": partition, **counts.to_json()}
                for (group, partition), counts in self.partitions.items()
                if every_partition or not counts.is_finished
            ],
            "reasons": [kind.to_json() for kind in self.reasons.listed()],
            "tasks": [worker.to_json() for worker in self.workers],
            "tasks_of_other_datasets": self.others,
            "tiles_per_second": None if rate is None else round(rate, 3),
            "remaining_seconds": None if remaining is None else round(remaining),
            "expected_end": None if end is None else _text(end),
            "last_run": None if self.last_run is None else asdict(self.last_run),
            "next": self.next_steps(),
        }


class Reader:
    """Looks at one dataset, now and again: a journal that has not changed is not read twice."""

    def __init__(self, config: Config) -> None:
        """Prepares; nothing is read yet.

        Args:
            config: the dataset's configuration.
        """
        self._config = config
        self._folder = DatasetPaths(config.root)
        self._sizes: dict[int, int] = {}
        self._known: dict[Path, tuple[tuple[int, int], Counts, Reasons]] = {}

    def look(self) -> Status:
        """Looks once; takes no lock and writes nothing.

        Raises:
            DatasetError: when a file of the dataset is damaged or cannot be read.
        """
        try:
            return self._look(dt.datetime.now(dt.UTC))
        except OSError as error:
            raise DatasetError(
                f"{error.filename or self._folder.root} cannot be read: {error.strerror}. Grant access, or check that "
                "the disk is mounted."
            ) from error

    def _look(self, now: dt.datetime) -> Status:
        effective = load_stored_config(self._folder.config)
        groups = effective.groups if effective is not None else {}
        begun = {member for members in groups.values() for member in members}
        if groups and not self._sizes:
            self._sizes = TileIndex(self._folder.tiles).sizes()
        reasons = Reasons()
        partitions = {
            (group, partition): self._partition(group, partition, reasons)
            for group in groups
            for partition in self._sizes
        }
        own, others = live_processes(self._config, now)
        return Status(
            config=self._config,
            time=now,
            groups={name: list(members) for name, members in groups.items()},
            not_begun=[name for name in self._config.modalities if name not in begun],
            partitions=partitions,
            reasons=reasons,
            workers=own,
            others=others,
            # Ends are told to the second; of two in one second, the later line is the later run's.
            last_run=max(reversed(read_runs(self._folder.runs)), key=lambda run: run.end, default=None),
        )

    def _partition(self, group: str, partition: int, reasons: Reasons) -> Counts:
        path = self._folder.journal(group, partition)
        try:
            status = path.stat()
        except FileNotFoundError:
            return Counts(self._sizes[partition])
        looks = (status.st_size, status.st_mtime_ns)
        if path not in self._known or self._known[path][0] != looks:
            self._known[path] = (looks, *count(self._sizes[partition], read_endings(path).values()))
        _, counts, why = self._known[path]
        reasons.update(why)
        return counts


def _sum(counts: Any) -> Counts:
    return reduce(add, counts, Counts())


def _text(time: dt.datetime) -> str:
    return time.isoformat(timespec="seconds")
