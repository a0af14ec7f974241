"""Slots are shared out fairly among those at work, come back from the dead, and are never held twice."""

from bisect import bisect_left
from collections import Counter

import pytest

LEASE_BEATS = 6
"""A lease of 30 s in heartbeats of 5 s."""

SOON = 5
"""Heartbeats in which shares are as they should be after somebody came or went."""


@pytest.mark.parametrize(
    ("tasks", "shares"),
    [(1, {40: 1}), (3, {14: 1, 13: 2}), (40, {1: 40}), (80, {1: 40, 0: 40})],
)
def test_tasks_share_all_slots_equally(world, tasks, shares):
    world.start(tasks)
    world.pass_time(SOON)
    assert Counter(world.held()) == shares


def test_what_one_does_not_want_the_others_have(world):
    world.start(want=2)
    world.start(2)
    world.pass_time(SOON)
    assert world.held() == [2, 19, 19]


def test_forty_processes_that_want_one_each(world):
    world.start(40, want=1)
    world.pass_time(2)
    assert world.held() == [1] * 40


def test_who_comes_later_gets_his_share_as_well(world):
    world.start()
    world.pass_time(SOON)
    for number in range(2, 12):
        world.start()
        world.pass_time(SOON)
        assert max(world.held()) - min(world.held()) <= 1
        assert sum(world.held()) == 40, number


def test_the_last_three_of_eighty_have_them_all(world):
    everybody = world.start(80)
    world.pass_time(SOON)
    for process in everybody[:-3]:
        process.member.leave()
    world.processes = everybody[-3:]
    world.pass_time(SOON)
    assert sorted(world.held()) == [13, 13, 14]


def test_who_waits_is_served_as_soon_as_somebody_leaves(world):
    everybody = world.start(50)
    world.pass_time(SOON)
    everybody[7].member.leave()
    world.processes.remove(everybody[7])
    world.pass_time(SOON)
    assert world.held() == [1] * 40 + [0] * 9


def test_with_more_tasks_than_slots_everybody_has_his_turn(new_world):
    world = new_world(slots=2)
    world.start(5)
    served = Counter()
    for _ in range(5 * 120):
        world.pass_time()
        served.update(index for index, slots in enumerate(world.held()) if slots)
    assert set(served) == set(range(5))
    # Two slots for five, over five turns: each has 40 % of the time, give or take one turn.
    assert all(abs(beats - 0.4 * 600) <= 130 for beats in served.values()), served


def test_the_slots_of_a_killed_task_come_back_after_two_leases(world):
    killed, _, _ = world.start(3)
    world.pass_time(SOON)
    assert killed.slots == 14
    world.processes.remove(killed)
    world.pass_time(2 * LEASE_BEATS - 1)
    assert world.held() == [13, 13]
    world.pass_time(SOON)
    assert world.held() == [20, 20]
    assert not [path for path in world.folder.iterdir() if killed.member.who in path.name]


def test_all_killed_and_started_anew(world):
    world.start(40)
    world.pass_time(SOON)
    world.processes.clear()
    world.start(7)
    world.pass_time(2 * LEASE_BEATS + SOON)
    assert sorted(world.held()) == [5, 5, 6, 6, 6, 6, 6]


def test_a_paused_process_sends_nothing_until_it_has_looked_again(world):
    paused, _ = world.start(2)
    world.pass_time(SOON)
    paused.frozen = True
    world.pass_time(LEASE_BEATS - 2)
    assert world.held() == [20, 20]
    world.pass_time(2)
    assert world.held() == [0, 20]
    assert paused.gate.try_enter() == float("inf")
    world.pass_time(LEASE_BEATS + SOON)
    assert world.held() == [0, 40]
    paused.frozen = False
    paused.member.step()
    assert paused.slots == 0
    world.pass_time(SOON)
    assert world.held() == [20, 20]


def test_a_short_pause_costs_nothing(world):
    paused, _ = world.start(2)
    world.pass_time(SOON)
    paused.frozen = True
    world.pass_time(LEASE_BEATS - 2)
    paused.frozen = False
    world.pass_time()
    assert world.held() == [20, 20]


def test_slots_in_use_are_given_back_when_their_requests_have_ended(world):
    (busy,) = world.start()
    world.pass_time()
    for _ in range(30):
        assert busy.gate.try_enter() == 0
        world.now += 0.02
    world.start()
    world.pass_time(SOON)
    assert (busy.gate.under_way, world.held()) == (30, [20, 10])
    assert busy.gate.try_enter() == float("inf")
    for _ in range(10):
        busy.gate.leave()
    world.pass_time(SOON)
    assert world.held() == [20, 20]


def test_who_wants_less_gives_back_to_those_who_want_more(world):
    modest, _ = world.start(2)
    world.pass_time(SOON)
    modest.member.want(4)
    world.pass_time(SOON)
    assert world.held() == [4, 36]
    modest.member.want(40)
    world.pass_time(SOON)
    assert world.held() == [20, 20]


def test_the_smaller_of_two_budgets_binds_both(world):
    world.start()
    world.pass_time(SOON)
    world.start(slots=10, per_second=30.0)
    world.pass_time(SOON)
    assert world.held() == [5, 5]
    for process in world.processes:
        sent = 0
        for _ in range(1000):
            if process.gate.try_enter() == 0:
                process.gate.leave()
                sent += 1
            world.now += 0.001
        # Five tenths of 30 a second.
        assert 14 <= sent <= 15


def test_a_heartbeat_of_many_costs_two_operations(world):
    world.start(40)
    world.pass_time(SOON)
    for process in world.processes:
        process.files.operations.clear()
    world.pass_time(12)
    total = sum((process.files.operations for process in world.processes), Counter())
    # Each time a new name and a look; each third time its own counters. Nobody reads what others wrote.
    assert total == {"rename": 12 * 40, "names": 12 * 40, "put": 4 * 40}


def test_the_folder_stays_small(new_world):
    world = new_world(slots=4)
    world.start(3)
    for _ in range(40):
        world.start()
        world.pass_time(SOON)
        world.processes.pop(0).member.leave()
    world.pass_time(SOON)
    for process in world.processes:
        process.member.leave()
    # Of each slot the turn that was last and the one before.
    assert len(list(world.folder.iterdir())) <= 4 * 4


def test_files_of_others_in_the_folder_are_left_alone(world):
    world.folder.mkdir()
    for name in ("README", "slot_x_00000001_held", "task_1", ".nfs0001", "task_000001_a_b_c_d_e"):
        (world.folder / name).write_text("mine")
    world.start(2)
    world.pass_time(SOON)
    assert world.held() == [20, 20]
    assert (world.folder / "README").read_text() == "mine"


def test_a_folder_that_fails_for_a_while_shuts_the_gate_and_opens_it_again(world):
    (process,) = world.start()
    world.pass_time()
    process.files.fault = OSError(28, "No space left on device")
    for _ in range(LEASE_BEATS):
        with pytest.raises(OSError, match="No space"):
            process.member.step()
        world.now += 5
    assert process.slots == 0
    process.files.fault = None
    world.pass_time()
    assert process.slots == 40


def test_a_holder_whose_name_was_never_written_is_taken_for_dead(world):
    world.folder.mkdir()
    (world.folder / "slot_000_00000001_held").write_text("")
    world.start()
    world.pass_time(2 * LEASE_BEATS)
    assert world.held() == [39]
    world.pass_time(SOON)
    assert world.held() == [40]


@pytest.mark.parametrize(("rate", "least", "slots"), [(100.0, 95, 40), (39.5, 37, 39), (10.0, 9, 10)])
def test_no_second_sees_more_requests_than_the_rate_whoever_comes_and_goes(world, rate, least, slots):
    sent: list[float] = []

    def send_for(seconds: int) -> None:
        for tick in range(seconds * 50):
            for index, process in enumerate(world.processes):
                # Everybody has a heartbeat each five seconds, at a time of his own.
                if (tick + 7 * index) % 250 == 0:
                    process.member.step()
                while process.gate.try_enter() == 0:
                    process.gate.leave()
                    sent.append(world.now)
            world.now += 0.02

    world.start(per_second=rate)
    send_for(12)
    world.start(39, per_second=rate)
    send_for(24)
    together = bisect_left(sent, world.now) - bisect_left(sent, world.now - 10)
    for process in world.processes[3:]:
        process.member.leave()
    del world.processes[3:]
    send_for(24)
    most = max(bisect_left(sent, moment + 1 - 1e-9) - first for first, moment in enumerate(sent))
    # Nearly all of it is used, by one, by three and by forty: what jitter may add to a second is left out.
    assert least <= most <= rate
    assert together >= 10 * 0.9 * int(rate)
    assert sum(world.held()) == slots
