"""The tally: counts, rate and exit code of a run."""

import json

import pytest

from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.download.tally import Tally
from mmearth_core.errors import ExitCode

DONE = Entry("a", 0, Outcome.DONE)
SKIPPED = Entry("b", 1, Outcome.SKIPPED, "no image")
FAILED = Entry("c", 2, Outcome.FAILED, "pixels: no answer")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_earlier_and_now_are_counted_apart(clock):
    tally = Tally(10, clock)
    for entry, earlier in [(DONE, True), (DONE, True), (DONE, False), (SKIPPED, True), (FAILED, False)]:
        tally.add(entry, earlier)
    assert [tally.count(outcome) for outcome in Outcome] == [3, 1, 1]
    assert (tally.ended, tally.left) == (5, 5)
    assert tally.now.total() == 2
    assert tally.reasons == {(Outcome.SKIPPED, "no image"): 1, (Outcome.FAILED, "pixels: no answer"): 1}


def test_the_rate_is_that_of_this_run(clock):
    tally = Tally(20, clock)
    for _ in range(8):
        tally.add(DONE, earlier=True)
    assert (tally.rate, tally.remaining) == (0.0, None)
    clock.now += 4.0
    assert (tally.rate, tally.remaining) == (0.0, None)
    tally.add(DONE)
    tally.add(SKIPPED)
    assert tally.seconds == 4.0
    assert tally.rate == 0.5
    assert tally.remaining == 20.0


def test_tiles_that_wait_for_another_group_take_no_time(clock):
    tally = Tally(10, clock)
    tally.waiting = 4
    tally.add(DONE)
    clock.now += 1.0
    assert tally.remaining == 5.0


@pytest.mark.parametrize(
    ("entries", "total", "code"),
    [
        ([], 0, ExitCode.OK),
        ([DONE, SKIPPED], 2, ExitCode.OK),
        ([DONE, SKIPPED], 3, ExitCode.TILES_FAILED),
        ([DONE, FAILED], 2, ExitCode.TILES_FAILED),
    ],
)
@pytest.mark.parametrize("earlier", [True, False])
def test_the_exit_code_is_zero_only_if_all_is_done_or_skipped(entries, total, code, earlier):
    tally = Tally(total)
    for entry in entries:
        tally.add(entry, earlier)
    assert tally.exit_code is code


def test_the_summary_is_json_and_adds_up(clock):
    tally = Tally(7, clock)
    tally.add(DONE, earlier=True)
    for entry in (FAILED, SKIPPED, SKIPPED):
        tally.add(entry)
    tally.waiting = 1
    clock.now += 3.0
    summary = tally.summary()
    assert json.loads(json.dumps(summary)) == summary
    assert summary == {
        "tiles": 7,
        "done": 1,
        "skipped": 2,
        "failed": 1,
        "left": 3,
        "waiting": 1,
        "ended_in_this_run": 3,
        "seconds": 3.0,
        "tiles_per_second": 1.0,
        "reasons": [
            {"outcome": "skipped", "reason": "no image", "tiles": 2},
            {"outcome": "failed", "reason": "pixels: no answer", "tiles": 1},
        ],
    }
    assert summary["done"] + summary["skipped"] + summary["failed"] + summary["left"] == summary["tiles"]
