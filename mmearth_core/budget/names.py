"""What the names of a budget's files say, so that one listing of the folder tells nearly everything.

    task_000007_<who>_123_40_40_100     the 7th to come, its 123rd heartbeat, could use 40 slots, was told that
                                        there are 40 slots and 100 requests a second
    about_<who>.json                    what `report` was told
    slot_003_00000012_held              slot 3, its 12th turn; the text inside says who holds it
    slot_003_00000012_reaped            ... ended by others, as the holder gave no sign of life
    slot_003_00000012_free              ... ended by the holder itself

Of a slot's files only the top one counts: the highest turn, and of its states the latest.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from attrs import field, frozen

HELD, REAPED, FREE = "held", "reaped", "free"
STATES = (HELD, REAPED, FREE)
"""The states of a turn, in the order in which they may follow each other."""

_TASK = re.compile(r"task_(\d+)_([^_]+)_(\d+)_(\d+)_(\d+)_([0-9.e+-]+)")
_SLOT = re.compile(r"slot_(\d+)_(\d+)_(held|reaped|free)")


@frozen
class Task:
    """One process at work, as its heartbeat names it.

    Attributes:
        ticket: its place in the queue; lower is served first.
        who: who it is; no other process, now or later, is called so.
        beats: heartbeats so far.
        want: slots that it could use.
        slots: slots that it was told there are.
        per_second: requests a second that it was told there are, for all.
    """

    ticket: int
    who: str
    beats: int
    want: int
    slots: int
    per_second: float

    @property
    def name(self) -> str:
        """The file's name."""
        return f"task_{self.ticket:06d}_{self.who}_{self.beats}_{self.want}_{self.slots}_{self.per_second:g}"


class Turn(NamedTuple):
    """One turn of a slot; turns of one slot are ordered, and so are the states of one turn.

    Attributes:
        slot: the slot's number.
        turn: how often it was taken, this time included.
        rank: its state's place among `STATES`.
    """

    slot: int
    turn: int
    rank: int

    @property
    def state(self) -> str:
        """One of `STATES`."""
        return STATES[self.rank]

    @property
    def name(self) -> str:
        """The file's name."""
        return f"slot_{self.slot:03d}_{self.turn:08d}_{self.state}"

    def ended(self, state: str) -> "Turn":
        """The same turn, ended."""
        return Turn(self.slot, self.turn, STATES.index(state))

    def next(self) -> "Turn":
        """The next turn, held."""
        return Turn(self.slot, self.turn + 1, 0)


@frozen
class Listing:
    """One look at the folder.

    Attributes:
        tasks: the processes at work, by who they are.
        tops: the top turn of every slot that was ever taken.
        turns: all files of slots.
    """

    tasks: dict[str, Task] = field(factory=dict)
    tops: dict[int, Turn] = field(factory=dict)
    turns: list[Turn] = field(factory=list)

    @classmethod
    def of(cls, names: Iterable[str]) -> "Listing":
        """Reads the names of a folder's files; others than a budget's are left alone."""
        listing = cls()
        for name in names:
            if match := _TASK.fullmatch(name):
                ticket, who, beats, want, slots, per_second = match.groups()
                task = Task(int(ticket), who, int(beats), int(want), int(slots), float(per_second))
                # A listing may show a file under its old name and its new.
                if who not in listing.tasks or listing.tasks[who].beats < task.beats:
                    listing.tasks[who] = task
            elif match := _SLOT.fullmatch(name):
                turn = Turn(int(match[1]), int(match[2]), STATES.index(match[3]))
                listing.turns.append(turn)
                listing.tops[turn.slot] = max(turn, listing.tops.get(turn.slot, turn))
        return listing


def about(who: str) -> str:
    """The name of the file with what a process says about itself."""
    return f"about_{who}.json"
