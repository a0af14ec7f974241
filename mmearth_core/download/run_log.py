"""What a run did: its result, and the line about it in runs.jsonl."""

import datetime as dt
import fcntl
import json
import logging
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen

from mmearth_core import __version__
from mmearth_core.download.journal import JOURNALED
from mmearth_core.download.outcomes import RunProgress
from mmearth_core.download.prepare import PreparedRun
from mmearth_core.download.selection import Shard
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import ExitCode
from mmearth_core.files import FOLDER_FAULTS

_log = logging.getLogger(__name__)


@frozen
class RunResult:
    """What a run did. All but the last four attributes are one line of runs.jsonl.

    Attributes:
        start: when it started, UTC, ISO 8601.
        end: when it ended.
        shard: `I/N`.
        host: the machine.
        pid: the process.
        job: the Slurm job and task, None outside Slurm.
        engine: where the pixels came from.
        versions: of the core and the plugins.
        groups: the groups that were worked on.
        ended: tiles finished in this run, by outcome.
        left: tiles of the shard that are not finished; None if they could not be counted.
        requests: requests sent, by kind, including retries.
        retries: retries, by kind of fault.
        received: bytes received.
        seconds: duration.
        exit: the exit status.
        why: why it stopped early and what to do; None if it did not.
        progress: the final counts.
        purposes: requests by purpose, without retries.
        slow_downs: how often the number of concurrent requests was halved.
        abandoned: whether requests were still in flight at the end of the grace period; only the end of the process
            ends them.
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
    why: str | None
    progress: RunProgress = field(factory=lambda: RunProgress(0), eq=False)
    purposes: Mapping[str, int] = field(factory=dict, eq=False)
    slow_downs: int = field(default=0, eq=False)
    abandoned: bool = field(default=False, eq=False)

    @classmethod
    def of(
        cls,
        run: PreparedRun,
        shard: Shard,
        progress: RunProgress,
        client: EarthClient,
        exit: ExitCode,
        why: str | None,
        abandoned: bool,
    ) -> "RunResult":
        """Returns the result of a run that ends now; the arguments are as the attributes."""
        end = dt.datetime.now(dt.UTC)
        return cls(
            start=_text(end - dt.timedelta(seconds=progress.seconds)),
            end=_text(end),
            shard=str(shard),
            host=socket.gethostname(),
            pid=os.getpid(),
            job=_slurm_job(os.environ),
            engine=run.engine.source,
            versions={"mmearth-core": __version__, **run.effective.plugins},
            groups=[group.name for group in run.groups],
            ended={str(outcome): progress.now[outcome] for outcome in JOURNALED},
            left=progress.left,
            requests=dict(client.meter.requests),
            retries=dict(client.sender.retries.most_common()),
            received=client.meter.received,
            seconds=round(progress.seconds, 3),
            exit=int(exit),
            why=why,
            progress=progress,
            purposes=dict(client.purposes),
            slow_downs=client.sender.limit.decreases,
            abandoned=abandoned,
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the line in runs.jsonl."""
        return asdict(self, filter=lambda attribute, _: attribute.name in _LOGGED)

    def summary(self) -> dict[str, Any]:
        """Returns the summary that `run --json` prints."""
        return {
            **self.progress.to_json(),
            "requests": self.requests,
            "purposes": self.purposes,
            "retries": self.retries,
            "slow_downs": self.slow_downs,
            "bytes_received": self.received,
            "stopped": self.why,
        }


_LOGGED = tuple(RunResult.__annotations__)[:-4]


def append_run(path: Path, result: RunResult) -> None:
    """Appends a line and returns when it is on disk; several processes may do so at once.

    If the disk is full or the folder cannot be written to, this is only logged: the run itself reports it.
    """
    line = json.dumps(result.to_json(), ensure_ascii=False).encode() + b"\n"
    try:
        # Unbuffered, so that the line is one write: without a lock, other lines must not come in between.
        with path.open("ab+", buffering=0) as file:
            _lock(file.fileno())
            end = file.seek(0, os.SEEK_END)
            if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                line = b"\n" + line  # a crash cut the last line
            file.write(line)
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in FOLDER_FAULTS:
            raise
        _log.warning("%s cannot be written: %s", path, error.strerror)


def read_runs(path: Path) -> list[RunResult]:
    """Returns all runs, in the order in which they ended; a line that a crash cut is skipped."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    runs = []
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            fields = json.loads(line)
            runs.append(RunResult(**{name: fields[name] for name in _LOGGED}))
    return runs


def _lock(handle: int) -> None:
    """Keeps lines apart over NFS, which has no atomic append; elsewhere appending itself is enough."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX)
    except OSError as error:
        _log.debug("no locks here: %s", error)


def _text(time: dt.datetime) -> str:
    return time.isoformat(timespec="seconds")


def _slurm_job(environment: Mapping[str, str]) -> str | None:
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else environment.get("SLURM_JOB_ID")
