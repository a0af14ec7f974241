"""Processes that are killed: at moments until one comes to its end, or after some time."""

import signal
import subprocess
from collections.abc import Callable

Process = subprocess.Popen  # of text


def ends(process: "Process[str]", *codes: int) -> str:
    """Waits for a process's end; returns what it said on standard output."""
    out, err = process.communicate(timeout=120)
    assert process.returncode in codes, err
    return out


def killed(start: Callable[[], "Process[str]"], check: Callable[[], None]) -> int:
    """Starts processes that are killed, until one comes to its end, with a check after each; returns how many were."""
    kills = 0
    while True:
        process = start()
        ends(process, -signal.SIGKILL, 0)
        check()
        if process.returncode == 0:
            return kills
        kills += 1


def kill_after(process: "Process[str]", seconds: float) -> None:
    """Kills it, unless it has come to its end by then."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    ends(process, -signal.SIGKILL, 0)
