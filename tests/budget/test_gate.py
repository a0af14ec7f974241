"""The gate keeps its limits in every second, and releases waiting threads at the end."""

import math
import random
import threading
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.budget import LocalBudget
from mmearth_core.budget.gate import JITTER, SLACK, Gate
from mmearth_core.errors import RunStoppedError

RATES = st.one_of(st.integers(1, 120), st.floats(1.0, 120.0))
PAUSES = st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.015, 0.4, 2.0]), min_size=1, max_size=400)


class Time:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def busiest_second(moments: list[float]) -> int:
    return max(sum(1 for moment in moments[first:] if moment < start + 1 - 1e-9) for first, start in enumerate(moments))


@given(rate=RATES, pauses=PAUSES, seed=st.integers(0, 99))
def test_no_second_sees_more_than_the_rate_leave_or_arrive(rate, pauses, seed):
    time = Time()
    gate = Gate(time)
    gate.set(1000, rate)
    sent = []
    for pause in pauses:
        time.now += pause
        while wait := gate.try_enter():
            time.now += wait
        sent.append(time.now)
    assert busiest_second(sent) <= rate
    on_the_way = random.Random(seed)
    assert busiest_second(sorted(moment + on_the_way.choice([0, JITTER]) for moment in sent)) <= rate


@given(rates=st.lists(st.tuples(RATES, st.floats(0.0, 1.5)), min_size=2, max_size=6))
def test_nor_does_it_while_the_rate_rises_and_falls(rates):
    time = Time()
    gate = Gate(time)
    sent = []
    for rate, seconds in rates:
        gate.set(1000, rate)
        until = time.now + seconds
        while (wait := gate.try_enter()) == 0 or time.now + wait < until:
            if wait:
                time.now += wait
            else:
                sent.append(time.now)
    if sent:
        # One that was due at the faster pace may still go after it has slowed down.
        assert busiest_second(sent) <= max(rate for rate, _ in rates) + 1


@pytest.mark.parametrize(("rate", "seconds", "expected"), [(100, 10, 952), (2.5, 100, 190), (0.5, 100, 48)])
def test_the_rate_is_used(rate, seconds, expected):
    time = Time()
    gate = Gate(time)
    gate.set(1000, rate)
    end, sent = time.now + seconds, 0
    while time.now < end:
        wait = gate.try_enter()
        sent += not wait
        time.now += wait
    assert sent == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("late", [SLACK, 100.0])
def test_who_comes_late_makes_up_for_a_little_and_no_more(late):
    time = Time()
    gate = Gate(time)
    gate.set(1000, 100.0)
    gate.try_enter()
    time.now += 1 / 100 + late
    assert [gate.try_enter() for _ in range(3)] == [0, 0, pytest.approx(2 * (1 + SLACK + JITTER) / 100 - SLACK)]


@given(st.lists(st.one_of(st.sampled_from(["enter", "leave"]), st.integers(0, 5)), max_size=60))
def test_never_more_in_flight_than_slots(actions):
    time = Time()
    gate = Gate(time)
    slots = 0
    for action in actions:
        time.now += 10
        if action == "enter":
            could = gate.in_flight < slots
            assert (gate.try_enter() == 0) == could
        elif action == "leave":
            if gate.in_flight:
                gate.leave()
        else:
            slots = action
            gate.set(slots, 50.0)


def test_a_limit_lowers_the_slots_until_it_is_lifted():
    time = Time()
    gate = Gate(time)
    gate.set(3, 1e6)
    gate.limit(1)
    assert [gate.try_enter(), gate.try_enter()] == [0, math.inf]
    gate.limit(None)
    time.now += 1
    assert gate.try_enter() == 0


def test_nothing_passes_once_its_time_is_over():
    time = Time()
    gate = Gate(time)
    gate.set(3, 1e6, until=time.now + 30)
    assert (gate.slots, gate.try_enter()) == (3, 0)
    time.now += 30
    assert (gate.slots, gate.try_enter()) == (0, math.inf)


def test_threads_share_the_slots_of_a_local_budget():
    at_once, most = 0, 0
    lock, full, done = threading.Lock(), threading.Barrier(3, timeout=60), []

    def send() -> None:
        nonlocal at_once, most
        with budget.permit():
            with lock:
                at_once += 1
                most = max(most, at_once)
            # Three must meet here, so three at once do pass.
            full.wait()
            with lock:
                at_once -= 1
            full.wait()
        done.append(True)

    with closing(LocalBudget(slots=3, per_second=1e6)) as budget:
        threads = [threading.Thread(target=send) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert (most, len(done)) == (3, 12)


@pytest.mark.parametrize("how", ["end", "close"])
def test_whoever_waits_is_told_that_the_run_is_ending(how):
    budget = LocalBudget(slots=1, per_second=1e6)
    told = []

    def wait() -> None:
        with pytest.raises(RunStoppedError, match="run the same command again"), budget.permit():
            pass
        told.append(True)

    permit = budget.permit()
    permit.__enter__()
    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    closing = threading.Thread(target=getattr(budget, how))
    closing.start()
    for thread in threads:
        thread.join(60)
    assert len(told) == 3
    # What is under way may end in peace; closing waits for it.
    permit.__exit__(None, None, None)
    closing.join(60)
    assert not closing.is_alive()
