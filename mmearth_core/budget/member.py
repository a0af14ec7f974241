"""One process's part in a shared budget: a step every few seconds, through files alone.

Safety rests on three things. The top turn of a slot only ever moves forward, and each turn can be taken by one
process only, as making a file is atomic. Who holds a turn believes in it for one lease after it last saw the turn
on top, counted from before it looked. And a turn ended by others is not followed by a next one until a whole lease
has passed since the end was seen. So whatever is delayed, by however much, whoever was ended by others has ceased to
believe before a successor begins; to take a living process for dead costs it its slots, and is never wrong.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from attrs import evolve

from mmearth_core.budget.files import Files
from mmearth_core.budget.gate import Clock, Gate
from mmearth_core.budget.names import FREE, HELD, REAPED, STATES, Listing, Task, Turn, about
from mmearth_core.budget.process import host_and_pid, identity, is_dead
from mmearth_core.budget.shares import fair_shares, slot_rates
from mmearth_core.budget.watch import Watch

LEASE = 30.0
"""Seconds without a heartbeat after which a process sends nothing more; after two of them others have its slots."""

REST = 1.0
"""Seconds between two holders of a slot, so that no second of the rate is spent by both."""

TURN = 600.0
"""Seconds after which a process lets another have its slot, when there are more of them than slots."""

ABOUT_BEATS = 3
"""Heartbeats between two writings of what `report` was told."""


class Member:
    """Holds this process's slots, and opens its gate accordingly."""

    def __init__(
        self,
        files: Files,
        gate: Gate,
        clock: Clock,
        slots: int,
        per_second: float,
        want: int,
        lease: float = LEASE,
        turn: float = TURN,
    ) -> None:
        """Joins.

        Args:
            files: the shared folder.
            gate: this process's gate; it opens with the first step that finds a slot.
            clock: this process's clock.
            slots: slots that there are for all.
            per_second: requests a second that there are for all.
            want: slots that this process could use.
            lease: see `LEASE`; the same for all.
            turn: see `TURN`.
        """
        self.who = identity()
        self.counters: dict[str, int | float | str] = {}
        self._files, self._gate, self._clock = files, gate, clock
        self._lease, self._turn, self._want = lease, turn, max(1, want)
        ticket = 1 + max((task.ticket for task in Listing.of(files.names()).tasks.values()), default=0)
        self._task = Task(ticket, self.who, 0, self._want, slots, per_second)
        self._name = self._task.name
        self._began = datetime.now(UTC).isoformat(timespec="seconds")
        self._slots_seen: Watch[int, tuple[Turn, int | None]] = Watch(clock)
        self._tasks_seen: Watch[str, int] = Watch(clock)
        self._owners: dict[Turn, str] = {}
        self._since: dict[Turn, float] = {}
        self._served_since: float | None = None
        self._alone = False
        self._until = clock()
        files.create(self._name)

    def want(self, slots: int) -> None:
        """Announces with the next heartbeat how many slots this process could use, at least 1."""
        self._want = max(1, slots)

    def step(self) -> bool:
        """One heartbeat, one look at the folder, and what follows from it: slots given back, or taken.

        Returns:
            Whether everything is as it should be; if not, another step soon is worth while.

        Raises:
            OSError: when the folder cannot be used. Nothing is lost: the slots are believed in until the lease ends.
        """
        began = self._clock()
        # First the heartbeat, then the look: on NFS a change of one's own makes the next listing a fresh one.
        self._beat()
        listing = self._look()
        self._until = began + self._lease
        alive = [task for task in listing.tasks.values() if not self._is_dead(task)]
        alive.sort(key=lambda task: (task.ticket, task.who))
        # Whoever was told less binds all.
        per_second = min(task.per_second for task in alive)
        # More slots than requests a second could all be used within one second.
        slots = min(min(task.slots for task in alive), max(1, math.floor(per_second)))
        rates = slot_rates(per_second, slots)
        due = fair_shares([task.want for task in alive], slots)
        held = Counter(self._owner(top) for top in listing.tops.values() if top.state == HELD and top.slot < slots)
        needs = [max(0, share - held[task.who]) for task, share in zip(alive, due, strict=True)]
        place = [task.who for task in alive].index(self.who)
        self._alone = self._task.beats == 1 and len(alive) == 1

        mine = self._mine(listing)
        ceiling = due[place] if any(needs) else max(due[place], len(mine))
        changed = self._give_back(mine, min(ceiling, sum(turn.slot < slots for turn in mine)), rates)
        changed |= self._take(listing, needs[place], slots, sum(needs[:place]))
        if changed:
            listing = self._look()
            mine = self._mine(listing)
        usable = self._open(mine, ceiling, rates)
        self._tidy(listing, alive)
        self._queue_again(due[place], len(alive) > slots, 1 + alive[-1].ticket)
        return due[place] <= usable and len(mine) <= ceiling

    def leave(self) -> None:
        """Gives back all slots but those still in use, which come back to the others when the leases end.

        Raises:
            OSError: when the folder cannot be used.
        """
        mine = self._mine(self._look())
        self._give_back(mine, 0, ())
        self._files.remove(self._name)
        self._files.remove(about(self.who))

    def _beat(self) -> None:
        self._task = evolve(self._task, beats=self._task.beats + 1, want=self._want)
        if self._task.beats % ABOUT_BEATS == 1:
            self._files.put(about(self.who), self._about())
        # Others remove the file of a process that they take for dead.
        if not self._files.rename(self._name, self._task.name):
            self._files.create(self._task.name)
        self._name = self._task.name

    def _about(self) -> str:
        host, pid = host_and_pid(self.who)
        return json.dumps({"host": host, "pid": pid, "began": self._began, "counters": dict(self.counters)})

    def _look(self) -> Listing:
        listing = Listing.of(self._files.names())
        # A listing may miss a file that is being renamed.
        listing.tasks[self.who] = self._task
        self._owners = {
            turn: self._owners.get(turn) or self._files.read(turn.name)
            for turn in listing.tops.values()
            if turn.state == HELD
        }
        beats = {who: task.beats for who, task in listing.tasks.items()}
        self._slots_seen.update({slot: (top, beats.get(self._owner(top))) for slot, top in listing.tops.items()})
        self._tasks_seen.update(beats)
        return listing

    def _owner(self, turn: Turn) -> str:
        """Who holds a turn; empty when that is not written yet."""
        return self._owners.get(turn, "")

    def _mine(self, listing: Listing) -> list[Turn]:
        """This process's turns, low slots first."""
        mine = sorted(top for top in listing.tops.values() if self._owner(top) == self.who)
        now = self._clock()
        # Nobody has sent anything just now in a slot's first turn, nor if nobody was at work when this one came.
        rested = now - REST if self._alone else now
        self._since = {turn: self._since.get(turn, rested if turn.turn > 1 else now - REST) for turn in mine}
        return mine

    def _is_dead(self, task: Task) -> bool:
        if task.who == self.who or self._tasks_seen.moved(task.who):
            return False
        return self._tasks_seen.age(task.who) >= self._lease or is_dead(task.who)

    def _open(self, mine: list[Turn], ceiling: int, rates: Sequence[float]) -> int:
        """Opens the gate for those slots that have rested; returns how many."""
        now = self._clock()
        usable = [turn.slot for turn in mine if now - self._since[turn] >= REST][:ceiling]
        # A slot beyond those there are has no rate: it is in use, and given back as soon as it is not.
        self._gate.set(len(usable), sum(rates[slot] for slot in usable if slot < len(rates)), self._until)
        return len(usable)

    def _give_back(self, mine: list[Turn], keep: int, rates: Sequence[float]) -> bool:
        """Ends turns beyond those to keep, as far as they are not in use; the highest slots first."""
        if len(mine) <= keep:
            return False
        # First the gate: what is not under way now cannot begin any more.
        self._open(mine, keep, rates)
        kept = max(keep, self._gate.under_way)
        for turn in mine[kept:]:
            self._files.create(turn.ended(FREE).name)
        return len(mine) > kept

    def _take(self, listing: Listing, need: int, slots: int, before: int) -> bool:
        """Takes slots that are free, and ends turns of processes that give no sign of life.

        Args:
            listing: the latest look.
            need: slots to take.
            slots: slots that there are.
            before: slots that those ahead in the queue will take.

        Returns:
            Whether anything was changed.
        """
        if not need:
            return False
        free, changed = [], False
        for slot in range(slots):
            top = listing.tops.get(slot, Turn(slot, 0, STATES.index(FREE)))
            silent = top.state != FREE and self._slots_seen.age(slot) >= self._lease
            if top.state == HELD and not self._slots_seen.moved(slot) and is_dead(self._owner(top)):
                # Nobody is left who could believe in it.
                changed |= self._files.create(top.ended(FREE).name)
                free.append(top)
            elif top.state == HELD and silent and self._owner(top) != self.who:
                changed |= self._files.create(top.ended(REAPED).name)
            elif top.state == FREE or (top.state == REAPED and silent):
                free.append(top)
        # Everybody begins elsewhere, so that no two try for the same slot.
        begin = before % len(free) if free else 0
        for top in free[begin:] + free[:begin]:
            if need and self._files.create(top.next().name, self.who):
                need -= 1
                changed = True
        return changed

    def _tidy(self, listing: Listing, alive: list[Task]) -> None:
        """Removes what no longer counts; never the top turn of a slot, nor the one before it."""
        my_slots = {turn.slot for turn in self._since}
        for turn in listing.turns:
            if turn.slot in my_slots and turn.turn < listing.tops[turn.slot].turn - 1:
                self._files.remove(turn.name)
        if alive[0].who != self.who:
            return
        living, holding = {task.who for task in alive}, set(self._owners.values())
        for who, task in listing.tasks.items():
            if who not in living and who not in holding:
                self._files.remove(task.name)
                self._files.remove(about(who))

    def _queue_again(self, share: int, crowded: bool, ticket: int) -> None:
        """After its turn a process goes to the end of the queue, if there are more of them than slots."""
        now = self._clock()
        if not share or not crowded:
            self._served_since = None
        elif self._served_since is None:
            self._served_since = now
        elif now - self._served_since >= self._turn:
            self._task = evolve(self._task, ticket=ticket)
            self._served_since = None
