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

from attrs import frozen

from mmearth_core import __version__
from mmearth_core.download.journal import JOURNALED
from mmearth_core.download.outcomes import RunProgress
from mmearth_core.download.prepare import PreparedRun
from mmearth_core.download.selection import Shard
from mmearth_core.earthengine.client import EarthClient
from mmearth_core.errors import ExitCode
from mmearth_core.files import FOLDER_FAULTS

_log = logging.getLogger(__name__)


@frozen(eq=False)
class RunResult:
    """What a run did.

    Attributes:
        run: the prepared run.
        shard: the share of the tiles.
        progress: the final counts.
        client: knows the requests, the retries and the bytes received.
        exit: the exit status.
        why: why it stopped early and what to do; None if it did not.
        abandoned: whether requests were still in flight at the end of the grace period; only the end of the process
            ends them.
    """

    run: PreparedRun
    shard: Shard
    progress: RunProgress
    client: EarthClient
    exit: ExitCode
    why: str | None
    abandoned: bool

    def to_json(self) -> dict[str, Any]:
        """Returns the line in runs.jsonl of a run that ends now.

        Times are in UTC, ISO 8601; `ended` are the tiles that this run finished, by outcome; `left` is None if that
        could not be counted; `requests` include the retries; `restricted` says whether Earth Engine was in restricted
        mode for the project.
        """
        end, seconds = dt.datetime.now(dt.UTC), self.progress.seconds
        return {
            "start": (end - dt.timedelta(seconds=seconds)).isoformat(timespec="seconds"),
            "end": end.isoformat(timespec="seconds"),
            "shard": str(self.shard),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "job": _slurm_job(),
            "engine": self.run.engine.source,
            "versions": {"mmearth-core": __version__, **self.run.stored.plugins},
            "groups": [group.name for group in self.run.groups],
            "ended": {str(outcome): self.progress.now[outcome] for outcome in JOURNALED},
            "left": self.progress.left,
            "requests": self.client.meter.requests,
            "retries": dict(self.client.sender.retries.most_common()),
            "received": self.client.meter.received,
            "restricted": self.client.sender.was_restricted,
            "seconds": round(seconds, 3),
            "exit": self.exit,
            "why": self.why,
        }

    def summary(self) -> dict[str, Any]:
        """Returns the summary that `run --json` prints."""
        return {
            **self.progress.to_json(),
            "requests": self.client.meter.requests,
            "purposes": self.client.purposes,
            "retries": dict(self.client.sender.retries.most_common()),
            "slow_downs": self.client.sender.limit.decreases,
            "restricted": self.client.sender.was_restricted,
            "bytes_received": self.client.meter.received,
            "stopped": self.why,
        }


def append_run(path: Path, run: Mapping[str, Any]) -> None:
    """Appends a run as a line and returns when it is on disk; several processes may do so at once.

    If the disk is full or the folder cannot be written to, this is only logged: the run itself reports it.
    """
    line = json.dumps(run, ensure_ascii=False).encode() + b"\n"
    try:
        # Unbuffered, so that the line is one write: without a lock, other lines must not come in between.
        with path.open("ab+", buffering=0) as file:
            with suppress(OSError):  # over NFS, appending is not atomic; where there are no locks, it is
                fcntl.lockf(file.fileno(), fcntl.LOCK_EX)
            end = file.seek(0, os.SEEK_END)
            if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
                line = b"\n" + line  # a crash cut the last line
            file.write(line)
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in FOLDER_FAULTS:
            raise
        _log.warning("%s cannot be written: %s", path, error.strerror)


def read_runs(path: Path) -> list[dict[str, Any]]:
    """Returns all runs, in the order in which they ended; a line that a crash cut is skipped."""
    runs = []
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        with suppress(ValueError):
            run = json.loads(line)
            if isinstance(run, dict) and run.keys() >= {"end", "host", "exit", "why"}:
                runs.append(run)
    return runs


def _slurm_job() -> str | None:
    """The Slurm job, with the task of an array; None outside Slurm."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")
