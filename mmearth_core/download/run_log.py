"""The run log: one line of JSON a run, for status, plans and reports. Nothing that a dataset is made of stands here."""

import fcntl
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from attrs import asdict, frozen

from mmearth_core.folder import FOLDER_FAULTS

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
