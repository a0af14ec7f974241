"""The progress: plain lines now and then in a log, a bar on a terminal."""

import io

import pytest
from rich.console import Console

from mmearth_core.cli.run import run_progress
from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.download.outcomes import RunProgress
from mmearth_core.text import duration


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def console():
    return Console(file=io.StringIO(), force_terminal=False, width=40)


def lines(console):
    return console.file.getvalue().splitlines()


def test_a_log_gets_a_line_every_ten_seconds(console, clock):
    progress = RunProgress(100, clock)
    with run_progress(console, clock) as on_progress:
        for _ in range(30):
            clock.now += 1.0
            progress.add(TileOutcome("a", 0, Outcome.DONE))
            on_progress(progress)
    assert lines(console) == [
        "10/100 tiles, 10 done, 0 skipped, 0 failed; 1.0 tiles/s, 1:30 left",
        "20/100 tiles, 20 done, 0 skipped, 0 failed; 1.0 tiles/s, 1:20 left",
        "30/100 tiles, 30 done, 0 skipped, 0 failed; 1.0 tiles/s, 1:10 left",
    ]


def test_a_short_run_leaves_the_log_alone(console, clock):
    with run_progress(console, clock) as on_progress:
        clock.now += 9.9
        on_progress(RunProgress(10, clock))
    assert lines(console) == []


def test_all_outcomes_and_earlier_runs_are_in_the_line(console, clock):
    progress = RunProgress(10, clock)
    for outcome in (Outcome.DONE, Outcome.DONE, Outcome.SKIPPED):
        progress.add(TileOutcome("a", 0, outcome, None), earlier=True)
    progress.add(TileOutcome("b", 1, Outcome.FAILED, "why"))
    with run_progress(console, clock) as on_progress:
        clock.now += 10.0
        on_progress(progress)
    assert lines(console) == ["4/10 tiles, 2 done, 1 skipped, 1 failed; 0.1 tiles/s, 1:00 left"]


def test_while_nothing_has_ended_the_rest_is_unknown(console, clock):
    with run_progress(console, clock) as on_progress:
        clock.now += 10.0
        on_progress(RunProgress(10, clock))
    assert lines(console) == ["0/10 tiles, 0 done, 0 skipped, 0 failed; 0.0 tiles/s, ? left"]


def test_a_terminal_gets_a_bar(clock, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    progress = RunProgress(10, clock)
    progress.add(TileOutcome("a", 0, Outcome.DONE))
    progress.add(TileOutcome("b", 1, Outcome.SKIPPED, "why"))
    clock.now += 1.0
    with run_progress(console, clock) as on_progress:
        on_progress(progress)
    shown = console.file.getvalue()
    assert "━" in shown
    assert "2/10" in shown
    assert "1 done, 1 skipped, 0 failed; 2.0 tiles/s, 0:04 left" in shown


def test_an_error_ends_the_bar_and_goes_on(clock):
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with pytest.raises(KeyboardInterrupt), run_progress(console, clock):
        raise KeyboardInterrupt
    # The cursor, which the bar hides, is shown again.
    assert console.file.getvalue().rindex("\x1b[?25h") > console.file.getvalue().rindex("\x1b[?25l")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "?"),
        (0, "0:00"),
        (41.6, "0:42"),
        (59.6, "1:00"),
        (600, "10:00"),
        (3599.7, "1:00:00"),
        (11_232, "3:07:12"),
        (86_400, "1 d 0:00:00"),
        (86_400 + 300, "1 d 0:05:00"),
        (2 * 86_400 + 4 * 3600, "2 d 4:00:00"),
    ],
)
def test_seconds_as_people_say_them(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_run_that_is_stopped_says_how_far_it_came(console, clock, error):
    progress = RunProgress(10, clock)
    with pytest.raises(error), run_progress(console, clock) as on_progress:
        progress.add(TileOutcome("a", 0, Outcome.DONE))
        on_progress(progress)
        progress.add(TileOutcome("b", 1, Outcome.SKIPPED, "no image"))
        raise error
    assert lines(console) == [
        "Stopped; in this run 1 done, 1 skipped, 0 failed. What is done is kept; "
        "the same command continues with the others."
    ]


def test_a_run_that_is_stopped_before_its_first_tile_says_nothing_more(console, clock):
    with pytest.raises(KeyboardInterrupt), run_progress(console, clock):
        raise KeyboardInterrupt
    assert lines(console) == []


def test_what_holds_the_run_up_is_in_the_line(console, clock):
    progress = RunProgress(10, clock)
    progress.notice = lambda: "waiting: 429, 12 of 40 slots, 3 retries"
    with run_progress(console, clock) as on_progress:
        clock.now += 10.0
        on_progress(progress)
    (line,) = lines(console)
    assert line.endswith("? left; waiting: 429, 12 of 40 slots, 3 retries")
