"""Time, processor time and memory of a command with all its processes; Linux only."""

import ctypes
import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SUBREAPER = 36
"""Of prctl(2): processes whose parent has ended become ours, so that their processor time counts."""

_LOOK_EVERY = 0.05
"""Seconds between two looks at the memory, whose peaks Linux keeps."""


@dataclass
class Measured:
    """What a command took.

    Attributes:
        seconds: from its start to its end.
        cpu: seconds of all processors, of all its processes.
        peaks: `{process: megabytes at most}`, the command's own first.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    peaks: dict[int, float] = field(default_factory=dict)

    @property
    def own_peak(self) -> float:
        """Megabytes of the command itself, at most."""
        return next(iter(self.peaks.values()))

    @property
    def worker_peak(self) -> float:
        """Megabytes of the largest of the processes that it started; 0 without any."""
        return max(list(self.peaks.values())[1:], default=0.0)


def measured(command: Sequence[str | Path]) -> Measured:
    """Runs a command to its end, with nothing of earlier ones left to be written to the disk.

    Raises:
        subprocess.CalledProcessError: when it fails.
    """
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    os.sync()
    result, over, others = Measured(), threading.Event(), set(_children(os.getpid()))
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    watcher = threading.Thread(target=_watch, args=(process.pid, result.peaks, over))
    watcher.start()
    _, errors = process.communicate()
    result.seconds = time.perf_counter() - start
    over.set()
    watcher.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, stderr=errors)
    while left := set(_children(os.getpid())) - others:
        for orphan in left:
            os.waitpid(orphan, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result


def _watch(root: int, peaks: dict[int, float], over: threading.Event) -> None:
    while not over.wait(_LOOK_EVERY):
        for process in _tree(root):
            try:
                status = Path(f"/proc/{process}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # VmHWM, not ru_maxrss: that one keeps what the process had before it became this command.
            for line in status.splitlines():
                if line.startswith("VmHWM"):
                    peaks[process] = max(peaks.get(process, 0.0), int(line.split()[1]) / 1024)


def _tree(process: int) -> Iterator[int]:
    yield process
    for child in _children(process):
        yield from _tree(child)


def _children(process: int) -> Iterator[int]:
    for thread in Path(f"/proc/{process}/task").glob("*"):
        try:
            yield from map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
