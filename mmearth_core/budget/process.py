"""Who a process is, and whether one of this very machine is certainly dead."""

import functools
import hashlib
import os
import re
import secrets
import socket
from pathlib import Path

_ELSEWHERE = "0"
"""Stands for the machine where it cannot tell its processes apart for sure."""


def identity() -> str:
    """A name for this process that no other has, now or later: host, pid, birth, machine and chance."""
    host = re.sub(r"[^A-Za-z0-9.]", "-", socket.gethostname())[:40]
    return f"{host}-{os.getpid()}-{_birth(os.getpid())}-{_machine()}-{secrets.token_hex(4)}"


def host_and_pid(who: str) -> tuple[str, int]:
    """Where a process runs, and its number there."""
    host, pid, *_ = who.rsplit("-", 4)
    return host, int(pid)


def is_dead(who: str) -> bool:
    """Whether a process ran on this machine and has ended; False whenever that is not certain.

    Args:
        who: what `identity` said in that process.
    """
    parts = who.rsplit("-", 4)
    if len(parts) != 5 or parts[3] in ("", _ELSEWHERE) or parts[3] != _machine():
        return False
    pid, birth = int(parts[1]), parts[2]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        # It is there, but another user's.
        return False
    now = _birth(pid)
    # The number may have gone to another process since; a zombie's birth is not told.
    return now not in ("", birth)


def _birth(pid: int) -> str:
    """When a process began, in the kernel's ticks; "dead" for one that only waits to be buried, "" if unknown."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field, the command in brackets, may hold anything.
    fields = text.rpartition(")")[2].split()
    return "dead" if fields[0] in "ZX" else fields[19]


@functools.cache
def _machine() -> str:
    """This boot of this machine, and the space in which process numbers count."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return _ELSEWHERE
    return hashlib.sha256(f"{boot.strip()} {space}".encode()).hexdigest()[:8]
