"""The live processes that share a folder, and this process's equal share of the request budget.

Every process writes a small file every few seconds and then reads the files of the others. Its file holds a claim: the
most requests that it may have in flight, and send per second, until it writes again. A process

1. uses no more than it claimed in its file *before* it read the others' files, and
2. no more than those claims leave of the limits.

If two processes raise their claims at the same time, at least one of them reads the other's new claim. So the claims in
use never exceed the limits, however the processes' steps interleave, and even if they disagree on who is live. Equal
shares only decide who gets how much.

A process that hangs stops sending `LEASE` beats after its last complete step, by its own clock, and others forget it
after `FORGET` beats without a change of its file, by theirs. No clocks of two machines are compared. When it goes on,
it takes a new file name, so that others can remove its old file at any time.
"""

import functools
import json
import math
import os
import re
import secrets
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import asdict, evolve, field, frozen

from mmearth_core.budget.gate import Clock, Gate

BEAT = 5.0
"""Seconds between two steps of a process."""

HASTE = 5
"""Factor by which the next step comes sooner while shares change."""

START, LEASE, FORGET = 1, 6, 12
"""Beats: before a process starts beside others, of validity after a step, and after which a silent one is forgotten."""

_NAME = re.compile(r"\d{20}-.+-\d+-[0-9a-f]{8}-\d+\.json")
"""Time, host, process id, a random token and a count of restarts. Anything else in the folder is ignored."""


class Folder:
    """The shared folder. Any failure of the file system is an OSError."""

    def __init__(self, path: Path) -> None:
        """Creates the folder if it is missing."""
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def names(self) -> list[str]:
        """Returns the names of all files."""
        return os.listdir(self.path)  # noqa: PTH208 - names are wanted, not a Path for each

    def read(self, name: str) -> str:
        """Returns a file's text; empty if there is no such file."""
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def write(self, name: str, text: str) -> None:
        """Creates or replaces a file. It need not survive a power failure, so it is not synced."""
        aside = self.path / f".{name}.part"
        aside.write_text(text, encoding="utf-8")
        # A new directory entry also makes an NFS client read the folder again, and not from its cache.
        aside.replace(self.path / name)

    def remove(self, name: str) -> None:
        """Removes a file, and what a killed process left while it wrote it."""
        (self.path / f".{name}.part").unlink(missing_ok=True)
        (self.path / name).unlink(missing_ok=True)


@frozen
class Member:
    """What a process's file says.

    Attributes:
        host: its machine.
        pid: its process id there.
        machine: where the process id counts; empty if unknown.
        birth: start time of the process in clock ticks of the kernel; empty if unknown.
        began: when it joined, UTC, ISO 8601.
        max_concurrent: requests in flight of all processes together, by its configuration.
        requests_per_second: requests per second of all processes together.
        slots: the claim: requests that it may have in flight until it writes again.
        rate: the claim: requests that it may send per second until then.
        beats: steps so far, so that the content changes with every step.
        report: what `mmearth-core status` shows of it.
    """

    host: str
    pid: int
    machine: str
    birth: str
    began: str
    max_concurrent: int
    requests_per_second: float
    slots: int = 0
    rate: float = 0.0
    beats: int = 0
    report: dict[str, int | float | str] = field(factory=dict)

    @classmethod
    def this_process(cls, max_concurrent: int, requests_per_second: float) -> "Member":
        """Describes this process."""
        host, pid, began = socket.gethostname(), os.getpid(), datetime.now(UTC).isoformat(timespec="seconds")
        return cls(host, pid, _machine(), _birth(pid), began, max_concurrent, requests_per_second)

    @classmethod
    def parse(cls, text: str) -> "Member | None":
        """Reads a file's text; None if there is no such file, or another program wrote it."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None

    @property
    def is_dead(self) -> bool:
        """Whether the process ran on this machine and has ended; False unless that is certain."""
        # The kernel may have given the id to another process since.
        return self.machine != "" and self.machine == _machine() and self.birth != _birth(self.pid)


class Members:
    """Takes this process's part: one step every beat, through files alone."""

    def __init__(
        self, folder: Folder, own: Member, gate: Gate, clock: Clock, beat: float = BEAT, token: str = ""
    ) -> None:
        """Prepares; the first step joins.

        Args:
            folder: the shared folder.
            own: describes this process.
            gate: the gate to set.
            clock: this process's clock.
            beat: seconds between two steps; the same for all in the folder.
            token: makes the file's name unique; random by default.
        """
        self.report: dict[str, int | float | str] = {}
        self.max_concurrent = own.max_concurrent
        self._own, self._folder, self._gate, self._clock, self._beat = own, folder, gate, clock, beat
        self._stem = f"{datetime.now(UTC):%Y%m%d%H%M%S%f}-{own.host}-{own.pid}-{token or secrets.token_hex(4)}"
        self._restarts = 0
        self._written = ""  # the file that exists; another than `name` while a new one cannot be written
        self._seen: dict[tuple[str, str], float] = {}  # since when a file, by name, has had this text
        self._joined = self._until = -math.inf
        self._has_started = False
        self._slots, self._rate = 0, 0.0

    @property
    def name(self) -> str:
        """The name of this process's file."""
        return f"{self._stem}-{self._restarts}.json"

    def step(self) -> float:
        """Writes the own file, reads the others', and sets the gate accordingly.

        Returns:
            Seconds until the next step is useful: a short time while shares change, but at least a second with the
            usual beat, so that no second of the rate is spent both by the process that had it and by the next one.

        Raises:
            OSError: the folder cannot be used. The gate stays as it is until the lease ends.
        """
        began = self._clock()
        if began >= self._until:
            # For the first time, or after a pause in which others may have forgotten this process.
            self._restarts += 1
            self._joined, self._has_started = began, False
            self._slots, self._rate = 0, 0.0
        # Requests that were sent under a larger share count until they end.
        slots = max(self._slots, self._gate.in_flight)
        claim = evolve(self._own, max_concurrent=self.max_concurrent, slots=slots, rate=self._rate)
        self._own = evolve(claim, beats=claim.beats + 1, report=self.report)
        self._folder.write(self.name, json.dumps(asdict(self._own)))
        if self._written not in ("", self.name):
            # Only now: until the new file is written, the former one holds the claim for requests still in flight.
            self._folder.remove(self._written)
        self._written = self.name
        members = {**self._live(), self.name: self._own}
        self._slots, self._rate = equal_part(members, self.name)
        self._has_started |= len(members) == 1 or began - self._joined >= START * self._beat
        # Rule 1 (no more than was claimed before reading) and rule 2 (what the others' claims leave), see above.
        slots = min(self._own.slots, self._slots) if self._has_started else 0
        self._until = began + LEASE * self._beat
        self._gate.set(slots, min(self._own.rate, self._rate), self._until)
        return self._beat / (1 if self._rate == self._own.rate else HASTE)

    def leave(self) -> None:
        """Removes the own file, unless requests are still in flight: then others forget it by themselves."""
        if self._written and not self._gate.in_flight:
            self._folder.remove(self._written)

    def _live(self) -> dict[str, Member]:
        """Reads the files of the other live processes, and removes those of dead ones."""
        texts = {name: self._folder.read(name) for name in self._folder.names() if _NAME.fullmatch(name)}
        now = self._clock()
        self._seen = {file: self._seen.get(file, now) for file in texts.items()}
        live = {}
        for (name, text), since in self._seen.items():
            member = Member.parse(text)
            if now - since >= FORGET * self._beat or (member is not None and member.is_dead):
                self._folder.remove(name)
            elif member is not None:
                live[name] = member
        return live


def equal_part(members: Mapping[str, Member], name: str) -> tuple[int, float]:
    """Returns the slots and the rate that a process may use: an equal share, as far as the others' claims leave it.

    If limits differ, the smallest ones apply.

    Args:
        members: the live processes by file name, this one included.
        name: this process's.
    """
    position = sorted(members).index(name)
    ordered = [members[each] for each in sorted(members)]
    per_second = min(member.requests_per_second for member in ordered)
    # All slots may be used within the same second.
    slots = min(*[member.max_concurrent for member in ordered], max(1, math.floor(per_second)))
    senders = min(len(ordered), slots)
    rates = [*equal_shares(per_second, senders), *[0.0] * (len(ordered) - senders)]
    own_slots = _room(slots, equal_shares(slots, len(ordered)), [member.slots for member in ordered], position)
    return int(own_slots), _room(per_second, rates, [member.rate for member in ordered], position)


def equal_shares(total: float, number: int) -> list[float]:
    """Splits a total into whole numbers that differ by at most one, the larger ones first.

    Whole numbers, as only whole requests can be sent in a second. A total below one goes to the first entirely.
    """
    whole = math.floor(total)
    if not whole:
        return [total, *[0.0] * (number - 1)]
    return [whole // number + (position < whole % number) for position in range(number)]


def _room(total: float, shares: Sequence[float], claims: Sequence[float], position: int) -> float:
    """Returns what the others leave of a share.

    Room for their full share is kept for those before, but only for the claims of those after. So while one process
    has more than its share, as its requests have not ended, the last ones have less; not all of them.
    """
    before = sum(map(max, shares[:position], claims[:position]))
    after = sum(claims[position + 1 :])
    return max(0.0, min(shares[position], total - before - after))


def live_members(folder: Path) -> list[tuple[Member, float]]:
    """Reads the processes that share a folder, the first to come first, and changes nothing.

    Returns:
        Each process with the seconds since it wrote its file, by the clocks of the file system and of this machine.

    Raises:
        OSError: the folder cannot be read.
    """
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            age = datetime.now(UTC).timestamp() - path.stat().st_mtime
            member = Member.parse(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        if member is not None and age < FORGET * BEAT and not member.is_dead:
            found.append((member, age))
    return found


def _birth(pid: int) -> str:
    """Start time of a process in clock ticks of the kernel; "" for one that has ended, and where there is no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # The second field, the command in brackets, may contain anything.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


@functools.cache
def _machine() -> str:
    """Identifies this boot of this machine, and what process ids are visible: the namespace and the user's own ones."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').stat().st_ino} {os.getuid()}"
    except OSError:
        return ""
