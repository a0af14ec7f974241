"""What a run did: its result, and the line about it in runs.jsonl."""

import datetime as dt
import fcntl
import json
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from mmearth_core import __version__
from mmearth_core.download.journal import Outcome
from mmearth_core.download.outcomes import Tally
from mmearth_core.download.prepare import PreparedRun
from mmearth_core.download.selection import Shard
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import ExitCode
from mmearth_core.files import FOLDER_FAULTS

_log = logging.getLogger(__name__)


@frozen
class RunRecord:
    """What one run did.

    Attributes:
        start: when it began, UTC, ISO 8601.
        end: when it ended.
        shard: `I/N`.
        host: the machine.
        pid: the process.
        job: the Slurm job and task, `None` outside Slurm.
        engine: where the pixels came from.
        versions: of the core and the plugins.
        groups: what was worked on.
        ended: tiles that ended in this run, by outcome.
        left: tiles of the share that have not ended; None when they could not be counted.
        requests: sent, by kind, retries included.
        retries: by kind of fault.
        received: bytes.
        seconds: its length.
        exit: the exit status.
        why: why it stopped early; None when it did not.
    """

    start: str
    end: str
    shard: str
    host: str
    pid: int
    job: str | None
    engine: str
    versions: Mapping[str, str]
    groups: list[str]
    ended: Mapping[str, int]
    left: int | None
    requests: Mapping[str, int]
    retries: Mapping[str, int]
    received: int
    seconds: float
    exit: int
    why: str | None = None


_FIELDS = tuple(RunRecord.__annotations__)


def append_run(path: Path, record: RunRecord) -> None:
    """Appends a line and returns when it is on disk; several processes may do so at once.

    Where the disk is full or the folder cannot be written, this goes to the program's log: the run itself has more
    to say about that.
    """
    line = json.dumps(asdict(record), ensure_ascii=False).encode() + b"\n"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            _lock(handle)
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":
                line = b"\n" + line  # a crash has cut the last line
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in FOLDER_FAULTS:
            raise
        _log.warning("%s cannot be written: %s", path, error.strerror)


def read_runs(path: Path) -> list[RunRecord]:
    """All runs, in the order in which they ended; a line that was cut by a crash is passed over."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [record for line in lines if (record := _record(line)) is not None]


def _record(line: bytes) -> RunRecord | None:
    try:
        fields = json.loads(line)
        return RunRecord(**{name: fields[name] for name in _FIELDS})
    except (ValueError, KeyError, TypeError):
        return None


def _lock(handle: int) -> None:
    """So that lines do not mix over NFS, which knows no appending; elsewhere appending itself is enough."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX)
    except OSError as error:
        _log.debug("no locks here: %s", error)


@frozen
class Result:
    """What a run did.

    Attributes:
        tally: how the tiles ended.
        requests: requests sent, by kind, retries included.
        purposes: requests by what they were for, retries not counted.
        retries: requests tried again, by the kind of fault.
        slow_downs: how often the number of requests under way was halved.
        received: bytes received.
        stopped: why the run ended early and what to do; None when it went to its end.
        refused: whether it ended as nothing can be done until somebody acts, so that it must not be begun again by
            itself.
        abandoned: whether requests were still under way at the end of the grace; only the process's end ends them.
    """

    tally: Tally
    requests: Mapping[str, int]
    purposes: Mapping[str, int]
    retries: Mapping[str, int]
    slow_downs: int
    received: int
    stopped: str | None = None
    refused: bool = False
    abandoned: bool = False

    @classmethod
    def of(cls, tally: Tally, client: EarthClient, stopped: str | None, refused: bool, abandoned: bool) -> "Result":
        """The result of a run that has ended."""
        return cls(
            tally=tally,
            requests=dict(client.meter.requests),
            purposes=dict(client.purposes),
            retries=dict(client.sender.retries.most_common()),
            slow_downs=client.sender.limit.decreases,
            received=client.meter.received,
            stopped=stopped,
            refused=refused,
            abandoned=abandoned,
        )

    @property
    def exit_code(self) -> ExitCode:
        """That of the command."""
        if self.refused:
            return ExitCode.BAD_INPUT
        return ExitCode.STOPPED if self.stopped else self.tally.exit_code

    def summary(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            **self.tally.summary(),
            "requests": dict(self.requests),
            "purposes": dict(self.purposes),
            "retries": dict(self.retries),
            "slow_downs": self.slow_downs,
            "bytes_received": self.received,
            "stopped": self.stopped,
        }

    def record(self, job: PreparedRun, shard: Shard) -> RunRecord:
        """The run's line of the run log; it ends now."""
        end = dt.datetime.now(dt.UTC)
        return RunRecord(
            start=_text(end - dt.timedelta(seconds=self.tally.seconds)),
            end=_text(end),
            shard=str(shard),
            host=socket.gethostname(),
            pid=os.getpid(),
            job=_slurm_job(os.environ),
            engine=job.engine.source,
            versions={"mmearth-core": __version__, **job.effective.plugins},
            groups=[group.name for group in job.groups],
            ended={str(outcome): self.tally.now[outcome] for outcome in Outcome},
            left=self.tally.known_left,
            requests=dict(self.requests),
            retries=dict(self.retries),
            received=self.received,
            seconds=round(self.tally.seconds, 3),
            exit=int(self.exit_code),
            why=self.stopped,
        )


def _text(time: dt.datetime) -> str:
    return time.isoformat(timespec="seconds")


def _slurm_job(environment: Mapping[str, str]) -> str | None:
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else environment.get("SLURM_JOB_ID")
