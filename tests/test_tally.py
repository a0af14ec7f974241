"""The tally: counts, rate and exit code of a run."""

import json

import pytest

from mmearth_core.download.journal import Entry, Outcome
from mmearth_core.download.outcomes import DISTINCT, OTHERS, Tally
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
        "uncounted": None,
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


def test_reasons_of_one_kind_count_as_the_first_of_them():
    tally = Tally(10)
    for number in range(4):
        reason = f"locate: asset 'a/{number}' has {number} images (request 0123abcd{number}f)"
        tally.add(Entry(f"t{number}", number, Outcome.FAILED, reason))
    tally.add(Entry("x", 5, Outcome.SKIPPED, "no image"))
    assert tally.reasons == {
        (Outcome.FAILED, "locate: asset 'a/0' has 0 images (request 0123abcd0f)"): 4,
        (Outcome.SKIPPED, "no image"): 1,
    }


def test_a_million_kinds_of_reason_are_not_kept():
    tally = Tally(1000)
    for number in range(300):
        kind = "".join(chr(ord("g") + int(digit)) for digit in str(number))
        tally.add(Entry(f"t{number}", number, Outcome.FAILED, f"reason {kind}"))
    assert len(tally.reasons) == DISTINCT + 1
    assert tally.reasons[Outcome.FAILED, OTHERS] == 300 - DISTINCT
    assert sum(row["tiles"] for row in tally.summary()["reasons"]) == 300


def test_tiles_that_were_not_answered_for_are_left_with_their_reason():
    tally = Tally(5)
    tally.add(DONE)
    tally.leave("pixels: busy (tried for 600 s)")
    tally.leave("pixels: busy (tried for 600 s)")
    summary = tally.summary()
    assert (summary["left"], tally.exit_code) == (4, ExitCode.TILES_FAILED)
    assert summary["reasons"] == [{"outcome": "left", "reason": "pixels: busy (tried for 600 s)", "tiles": 2}]
