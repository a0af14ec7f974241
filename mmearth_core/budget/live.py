"""Which processes share a budget just now, and what they say about themselves."""

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mmearth_core.budget.member import LEASE
from mmearth_core.budget.names import HELD, Listing, about
from mmearth_core.budget.process import host_and_pid, is_dead


@frozen
class LiveTask:
    """A process at work.

    Attributes:
        host: the machine it runs on.
        pid: its number there.
        began: when it joined, by its own clock, in UTC (ISO 8601); empty if it has not said so yet.
        want: slots that it could use.
        slots: slots that it holds.
        age: seconds since its last heartbeat, by the clocks of the file system and of this machine; for the eye.
        counters: what it was told to `report`.
    """

    host: str
    pid: int
    began: str
    want: int
    slots: int
    age: float
    counters: dict[str, Any] = field(factory=dict)


def live_tasks(folder: Path, within: float = 2 * LEASE) -> list[LiveTask]:
    """The processes that share the budget in a folder, first come first; it is only read.

    Args:
        folder: the budget's folder.
        within: those without a heartbeat for so many seconds are left out.

    Returns:
        A process each; none when the folder is missing.

    Raises:
        OSError: when the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    listing = Listing.of(os.listdir(folder))  # noqa: PTH208 - names are wanted, not a Path for each
    held = Counter(_text(folder / top.name) for top in listing.tops.values() if top.state == HELD)
    found = []
    for task in sorted(listing.tasks.values(), key=lambda task: (task.ticket, task.who)):
        age = time.time() - max(_changed(folder / task.name), _changed(folder / about(task.who)))
        if age > within or is_dead(task.who):
            continue
        host, pid = host_and_pid(task.who)
        said = json.loads(_text(folder / about(task.who)) or "{}")
        found.append(
            LiveTask(host, pid, said.get("began", ""), task.want, held[task.who], age, said.get("counters", {}))
        )
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _changed(path: Path) -> float:
    """When a file was last changed or renamed; since 1970 for one that is gone, as names change with every beat."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0.0
    return max(status.st_mtime, status.st_ctime)
