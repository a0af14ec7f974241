"""Counts of outcomes, and the progress of a run: numbers, rate and exit code."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.download.journal import JOURNALED, Outcome, TileOutcome
from mmearth_core.download.outcomes import DISTINCT, EXAMPLES, OTHERS, OutcomeCounts, RunProgress
from mmearth_core.errors import ExitCode

DONE = TileOutcome("a", 0, Outcome.DONE)
SKIPPED = TileOutcome("b", 1, Outcome.SKIPPED, "no image")
FAILED = TileOutcome("c", 2, Outcome.FAILED, "pixels: no answer")
LEFT = TileOutcome("d", 3, Outcome.LEFT, "pixels: busy (tried for 600 s)")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def reasons(counts):
    return {(kind.outcome, kind.reason): kind.tiles for kind in counts.reasons}


def test_earlier_and_now_are_counted_apart(clock):
    progress = RunProgress(10, clock)
    for entry, earlier in [(DONE, True), (DONE, True), (DONE, False), (SKIPPED, True), (FAILED, False)]:
        progress.add(entry, earlier)
    assert [progress.counts[outcome] for outcome in Outcome] == [3, 1, 1, 5]
    assert (progress.counts.finished, progress.counts.left) == (5, 5)
    assert progress.now.total() == 2
    assert reasons(progress.counts) == {(Outcome.SKIPPED, "no image"): 1, (Outcome.FAILED, "pixels: no answer"): 1}


def test_the_rate_is_that_of_this_run(clock):
    progress = RunProgress(20, clock)
    for _ in range(8):
        progress.add(DONE, earlier=True)
    assert (progress.rate, progress.remaining) == (0.0, None)
    clock.now += 4.0
    assert (progress.rate, progress.remaining) == (0.0, None)
    progress.add(DONE)
    progress.add(SKIPPED)
    assert progress.seconds == 4.0
    assert progress.rate == 0.5
    assert progress.remaining == 20.0


def test_tiles_that_wait_for_another_group_take_no_time(clock):
    progress = RunProgress(10, clock)
    progress.waiting = 4
    progress.add(DONE)
    clock.now += 1.0
    assert progress.remaining == 5.0


@pytest.mark.parametrize(
    ("entries", "total", "code"),
    [
        ([], 0, ExitCode.OK),
        ([DONE, SKIPPED], 2, ExitCode.OK),
        ([DONE, SKIPPED], 3, ExitCode.TILES_FAILED),
        ([DONE, FAILED], 2, ExitCode.TILES_FAILED),
        ([DONE, LEFT], 2, ExitCode.TILES_FAILED),
    ],
)
def test_the_exit_code_is_zero_only_if_all_is_done_or_skipped(entries, total, code):
    assert OutcomeCounts.of(total, entries).exit_code is code


def test_the_summary_is_json_and_adds_up(clock):
    progress = RunProgress(7, clock)
    progress.add(DONE, earlier=True)
    for entry in (FAILED, SKIPPED, SKIPPED):
        progress.add(entry)
    progress.waiting = 1
    clock.now += 3.0
    summary = progress.to_json()
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
    counts = OutcomeCounts(10)
    for number in range(4):
        reason = f"locate: asset 'a/{number}' has {number} images (request 0123abcd{number}f)"
        counts.add(TileOutcome(f"t{number}", number, Outcome.FAILED, reason))
    counts.add(TileOutcome("x", 5, Outcome.SKIPPED, "no image"))
    assert reasons(counts) == {
        (Outcome.FAILED, "locate: asset 'a/0' has 0 images (request 0123abcd0f)"): 4,
        (Outcome.SKIPPED, "no image"): 1,
    }
    assert counts.reasons[0].examples == ["t0", "t1", "t2"]


def test_a_million_kinds_of_reason_are_not_kept():
    counts = OutcomeCounts(1000)
    for number in range(300):
        kind = "".join(chr(ord("g") + int(digit)) for digit in str(number))
        counts.add(TileOutcome(f"t{number}", number, Outcome.FAILED, f"reason {kind}"))
    assert len(counts.reasons) == DISTINCT + 1
    assert reasons(counts)[Outcome.FAILED, OTHERS] == 300 - DISTINCT
    assert sum(row["tiles"] for row in counts.reasons_to_json()) == 300


@pytest.mark.parametrize("recounted", [False, True])
def test_tiles_that_were_not_answered_for_are_left_with_their_reason(recounted):
    progress = RunProgress(5)
    for entry in (LEFT, LEFT, DONE, FAILED):
        progress.add(entry)
    if recounted:
        progress.recount([DONE, FAILED])
    summary = progress.to_json()
    assert (summary["left"], progress.counts.exit_code) == (3, ExitCode.TILES_FAILED)
    assert summary["reasons"] == [
        {"outcome": "failed", "reason": "pixels: no answer", "tiles": 1},
        {"outcome": "left", "reason": "pixels: busy (tried for 600 s)", "tiles": 2},
    ]


entries = st.lists(
    st.builds(
        TileOutcome,
        st.sampled_from("abcdefgh"),
        st.just(0),
        st.sampled_from(JOURNALED),
        st.sampled_from([None, "no image", "post: the stack is short", "verify: bad", "pixels: 17 refused"]),
    ),
    max_size=12,
)


@given(entries, entries, st.integers(0, 20), st.integers(0, 20))
def test_merged_counts_are_those_of_all_tiles_together(first, second, one, other):
    merged, together = OutcomeCounts.of(one, first), OutcomeCounts.of(one + other, first + second)
    merged.merge(OutcomeCounts.of(other, second))
    assert merged.to_json() == together.to_json()
    assert merged.reasons_to_json() == together.reasons_to_json()
    assert all(len(kind.examples) == min(EXAMPLES, kind.tiles) for kind in merged.reasons)
