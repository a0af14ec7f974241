"""Live processes have equal shares, which come back from the dead, and together never use more than the budget."""

from bisect import bisect_left
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.budget.members import BEAT, FORGET, HASTE, LEASE, Member, equal_part, equal_shares

SOON = 5
"""Beats after which shares are equal again."""


@given(st.one_of(st.integers(0, 500), st.floats(0.01, 500.0)), st.integers(1, 60))
def test_equal_shares(total, number):
    shares = equal_shares(total, number)
    assert len(shares) == number
    if total < 1:
        assert shares == [total, *[0] * (number - 1)]
        return
    assert sum(shares) == int(total)
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


def test_examples_of_equal_shares():
    assert equal_shares(40, 3) == [14, 13, 13]
    assert equal_shares(2, 3) == [1, 1, 0]
    assert equal_shares(100, 40) == [3] * 20 + [2] * 20


LIMITS = st.tuples(st.integers(1, 50), st.one_of(st.integers(1, 120), st.floats(0.1, 120.0)))
CLAIMS = st.tuples(st.integers(0, 50), st.integers(0, 100))


@given(st.lists(st.tuples(LIMITS, CLAIMS), min_size=1, max_size=60), st.data())
def test_a_process_uses_what_others_leave_and_never_more_than_its_share(facts, data):
    members = {
        f"{number:02d}": Member("host", 1, "", "", "", *limits, *claim) for number, (limits, claim) in enumerate(facts)
    }
    name = data.draw(st.sampled_from(sorted(members)))
    slots, rate = equal_part(members, name)
    most = min(member.max_concurrent for member in members.values())
    per_second = min(member.requests_per_second for member in members.values())
    others = [member for other, member in members.items() if other != name]
    assert 0 <= slots <= max(0, most - sum(member.slots for member in others))
    assert 0 <= rate <= max(0, per_second - sum(member.rate for member in others))
    assert slots <= max(1, per_second) and slots <= -(-most // len(facts))


@given(st.integers(1, 60), LIMITS)
def test_equal_parts_use_all_there_is(number, limits):
    members = {f"{each:02d}": Member("host", 1, "", "", "", *limits) for each in range(number)}
    parts = [equal_part(members, name) for name in members]
    assert sum(slots for slots, _ in parts) == min(limits[0], max(1, int(limits[1])))
    assert sum(rate for _, rate in parts) == (int(limits[1]) or limits[1])


@pytest.mark.parametrize(
    ("tasks", "shares"),
    [(1, {40: 1}), (3, {14: 1, 13: 2}), (40, {1: 40}), (80, {1: 40, 0: 40})],
)
def test_tasks_share_all_slots_equally(world, tasks, shares):
    world.start(tasks)
    world.pass_time(SOON)
    assert Counter(world.held()) == shares


def test_a_process_alone_starts_at_once_and_one_beside_others_when_they_have_made_room(world):
    world.start()
    world.pass_time()
    assert world.held() == [40]
    world.start()
    seen = []
    for _ in range(4):
        world.pass_time()
        seen.append(world.held())
    # The first makes room, says so, is read, and the second claims the room before it uses it.
    assert seen == [[20, 0], [20, 0], [20, 20], [20, 20]]


def test_steps_come_sooner_while_shares_change(world):
    first, second = world.start(2)
    pauses = []
    for _ in range(5):
        pauses.append((first.members.step(), second.members.step()))
        world.now += 1
    assert pauses[0] == (BEAT / HASTE, BEAT / HASTE)
    assert pauses[-1] == (BEAT, BEAT)


def test_a_process_beside_others_waits_for_a_beat_even_if_there_is_room(world):
    (leaving, _) = world.start(2)
    world.pass_time(SOON)
    world.end(leaving)
    (new,) = world.start()
    new.members.step()
    assert new.slots == 0


def test_who_comes_later_gets_an_equal_share(world):
    world.start()
    world.pass_time(SOON)
    for number in range(2, 12):
        world.start()
        world.pass_time(SOON)
        assert max(world.held()) - min(world.held()) <= 1
        assert sum(world.held()) == 40, number


@pytest.mark.slow
def test_the_last_three_of_eighty_have_all_slots(world):
    everybody = world.start(80)
    world.pass_time(SOON)
    world.end(*everybody[:-3])
    world.pass_time(SOON)
    assert world.held() == [14, 13, 13]


def test_with_more_processes_than_slots_the_first_have_one_each_and_the_next_follows_when_one_ends(world):
    everybody = world.start(50)
    world.pass_time(SOON)
    assert world.held() == [1] * 40 + [0] * 10
    world.end(everybody[7])
    world.pass_time(SOON)
    assert world.held() == [1] * 40 + [0] * 9


def test_the_share_of_a_killed_process_comes_back_when_it_is_forgotten(world):
    killed, _, _ = world.start(3)
    world.pass_time(SOON)
    assert killed.slots == 14
    world.processes.remove(killed)
    world.pass_time(FORGET - 1)
    assert world.held() == [13, 13]
    world.pass_time(SOON)
    assert world.held() == [20, 20]
    assert killed.members.name not in [path.name for path in world.folder.iterdir()]


def test_all_killed_and_others_started(world):
    world.start(40)
    world.pass_time(SOON)
    world.processes.clear()
    world.start(7)
    world.pass_time(FORGET - 1)
    assert world.held() == [0] * 7
    world.pass_time(SOON)
    assert world.held() == [6, 6, 6, 6, 6, 5, 5]
    assert len(list(world.folder.iterdir())) == 7


def test_a_hanging_process_sends_nothing_until_it_has_joined_again(world):
    hanging, _ = world.start(2)
    world.pass_time(SOON)
    hanging.hangs = True
    world.pass_time(LEASE - 2)
    assert world.held() == [20, 20]
    world.pass_time(2)
    assert world.held() == [0, 20]
    assert hanging.gate.try_enter() == float("inf")
    world.pass_time(FORGET - LEASE + SOON)
    assert world.held() == [0, 40]
    hanging.hangs = False
    hanging.members.step()
    assert hanging.slots == 0
    world.pass_time(SOON)
    assert world.held() == [20, 20]


def test_a_short_pause_costs_nothing(world):
    paused, _ = world.start(2)
    world.pass_time(SOON)
    paused.hangs = True
    world.pass_time(LEASE - 2)
    paused.hangs = False
    world.pass_time()
    assert world.held() == [20, 20]


def test_requests_of_a_larger_share_count_until_they_have_ended(world):
    (busy,) = world.start()
    world.pass_time()
    while busy.gate.in_flight < 30:
        busy.send(1)
        world.now += 0.02
    world.start()
    world.pass_time(SOON)
    assert (busy.gate.in_flight, world.held()) == (30, [20, 10])
    assert busy.gate.try_enter() == float("inf")
    busy.answer(10)
    world.pass_time(SOON)
    assert world.held() == [20, 20]


def test_requests_of_a_larger_share_hold_up_the_last_processes_only(world):
    (busy,) = world.start()
    world.pass_time()
    while busy.gate.in_flight < 5:
        world.now += 0.02
        busy.send(1)
    world.start(39)
    world.pass_time(SOON)
    assert world.held() == [1] * 36 + [0] * 4
    busy.answer(5)
    world.pass_time(SOON)
    assert world.held() == [1] * 40


def test_the_smaller_of_two_budgets_applies_to_both(world):
    world.start()
    world.pass_time(SOON)
    (small,) = world.start(slots=10, per_second=30.0)
    world.pass_time(SOON)
    assert world.held() == [5, 5]
    for process in world.processes:
        sent = 0
        for _ in range(1000):
            if process.gate.try_enter() == 0:
                process.gate.leave()
                sent += 1
            world.now += 0.001
        # Half of 30 per second.
        assert 14 <= sent <= 15
    world.end(small)
    world.pass_time(SOON)
    assert world.held() == [40]


@pytest.mark.slow
def test_a_step_of_one_process_among_many_writes_once_and_reads_every_file(world):
    world.start(40)
    world.pass_time(SOON)
    for process in world.processes:
        process.folder.operations.clear()
    world.pass_time(12)
    total = sum((process.folder.operations for process in world.processes), Counter())
    assert total == {"write": 12 * 40, "names": 12 * 40, "read": 12 * 40 * 40}


@pytest.mark.slow
def test_the_folder_stays_small(new_world):
    world = new_world(slots=4)
    world.start(3)
    for _ in range(40):
        world.start()
        world.pass_time(SOON)
        world.end(world.processes[0])
    assert len(list(world.folder.iterdir())) == 3
    world.end(*world.processes[:])
    assert not list(world.folder.iterdir())


def test_a_process_that_ends_while_requests_are_in_flight_is_counted_until_it_is_forgotten(world):
    first, _ = world.start(2)
    world.pass_time(SOON)
    first.send(1)
    world.end(first)
    world.pass_time(FORGET - 1)
    assert world.held() == [20]
    world.pass_time(SOON)
    assert world.held() == [40]


def test_other_files_in_the_folder_are_left_alone(world):
    world.folder.mkdir()
    old = ("task_000001_node-17-1-0-ab_3_40_40_100", "slot_000_00000001_held", "about_node-17-1-0-ab.json")
    names = (*old, "README", ".nfs0001", "20260101000000000000-host-1-0123abcd-1.json.part")
    for name in names:
        (world.folder / name).write_text("mine")
    world.start(2)
    world.pass_time(FORGET + SOON)
    assert world.held() == [20, 20]
    assert {(world.folder / name).read_text() for name in names} == {"mine"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": "another format"}', "null"])
def test_a_damaged_file_counts_as_no_process_and_is_removed_when_it_has_not_changed_for_long(world, text):
    damaged: Path = world.folder / "20260101000000000000-host-1-0123abcd-1.json"
    world.folder.mkdir()
    damaged.write_text(text)
    world.start(2)
    world.pass_time(SOON)
    assert world.held() == [20, 20]
    assert damaged.exists()
    world.pass_time(FORGET)
    assert not damaged.exists()


def test_a_folder_that_fails_for_a_while_closes_the_gate_and_opens_it_again(world):
    (process,) = world.start()
    world.pass_time()
    process.folder.fault = OSError(28, "No space left on device")
    for _ in range(LEASE):
        with pytest.raises(OSError, match="No space"):
            process.members.step()
        world.now += 5
    assert process.slots == 0
    process.folder.fault = None
    world.pass_time(2)
    assert process.slots == 40


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "least", "slots"), [(100.0, 95, 40), (39.5, 37, 39), (10.0, 9, 10)])
def test_no_second_sees_more_requests_than_the_rate_whoever_comes_and_goes(world, rate, least, slots):
    sent: list[float] = []

    def send_for(seconds: int) -> None:
        for _ in range(seconds * 50):
            for process in world.processes:
                if world.now >= process.next_step:
                    process.next_step = world.now + process.members.step()
                while process.gate.try_enter() == 0:
                    process.gate.leave()
                    sent.append(world.now)
            world.now += 0.02

    world.start(per_second=rate)
    send_for(12)
    for _ in range(39):
        world.start(per_second=rate)
        world.now += 0.14
    send_for(36)
    together = bisect_left(sent, world.now) - bisect_left(sent, world.now - 10)
    world.end(*world.processes[3:])
    send_for(24)
    most = max(bisect_left(sent, moment + 1 - 1e-9) - first for first, moment in enumerate(sent))
    # Nearly all of the rate is used, by one, by three and by forty: what jitter may add to a second is left out.
    assert least <= most <= rate
    assert together >= 10 * 0.9 * int(rate)
    assert sum(world.held()) == slots
