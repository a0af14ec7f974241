"""The scheduler: every tile ends once, bounded work is under way, and nothing that finished is lost."""

import datetime as dt
import threading
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from mmearth_core import Anchor
from mmearth_core.download.journal import JOURNALED, Outcome, TileOutcome
from mmearth_core.download.locate import LocatedTile
from mmearth_core.download.scheduler import Scheduler
from mmearth_core.download.stop import StopRequest
from mmearth_core.tiles.index import Tile

ANCHOR = Anchor(dt.date(2018, 7, 1), "EPSG:32618")
LONGEST_WAIT = 30
"""Seconds after which a barrier breaks, so that a fault of the scheduler ends the test; never waited for."""


def tile(number):
    return Tile(number, 0, f"t{number}", box(0, 0, 0.01, 0.01), 0.0, 0.0, {})


class Stage:
    """Counts running calls of locating and fetching together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.at_work = 0
        self.peak = 0

    def __enter__(self):
        with self.lock:
            self.at_work += 1
            self.peak = max(self.peak, self.at_work)

    def __exit__(self, *error):
        with self.lock:
            self.at_work -= 1


class Locator:
    def __init__(self, stage, outcomes=None, check=None):
        self.stage, self.outcomes, self.check = stage, outcomes or {}, check
        self.batches = []
        self.anchors = {}

    def locate(self, tiles, anchors):
        with self.stage:
            self.batches.append([one.tile_id for one in tiles])
            self.anchors.update(anchors)
            if self.check:
                self.check(tiles)
            results = []
            for one in tiles:
                outcome = self.outcomes.get(one.ordinal, Outcome.DONE)
                done = outcome is Outcome.DONE
                ended = TileOutcome(one.tile_id, one.ordinal, outcome, "why")
                results.append(LocatedTile(one, ANCHOR, {}) if done else ended)
            return results


class Fetcher:
    def __init__(self, stage, check=None):
        self.stage, self.check = stage, check
        self.begun = []

    def fetch(self, ready):
        with self.stage:
            self.begun.append(ready.tile.tile_id)
            if self.check:
                self.check(ready.tile)
            return TileOutcome(ready.tile.tile_id, ready.tile.ordinal, Outcome.DONE)


class Bench:
    """A scheduler with fakes around it; `on_locate`, `on_fetch` and `on_end` may wait or raise."""

    def __init__(self, batch_size=3, max_concurrent=4, outcomes=None, on_locate=None, on_fetch=None, on_end=None):
        self.stage = Stage()
        self.locator = Locator(self.stage, outcomes, on_locate)
        self.fetcher = Fetcher(self.stage, on_fetch)
        self.ended = []
        self.threads = set()
        self.drawn = 0
        self.most_open = 0
        self.on_end = on_end
        self.told = threading.Event()
        self.scheduler = Scheduler(
            self.locator, self.fetcher, batch_size, max_concurrent, self._end, on_early_end=self.told.set
        )

    def _end(self, entry):
        self.threads.add(threading.current_thread())
        self.ended.append(entry)
        if self.on_end:
            self.on_end(entry)

    def work(self, count):
        for number in range(count):
            self.drawn += 1
            self.most_open = max(self.most_open, self.drawn - len(self.ended))
            yield tile(number), None

    def run(self, count):
        self.scheduler.run(self.work(count))

    def counts(self):
        return Counter(entry.tile_id for entry in self.ended)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(JOURNALED), max_size=40),
    st.integers(1, 10),
    st.integers(1, 5),
)
def test_every_tile_ends_exactly_once(outcomes, batch_size, max_concurrent):
    bench = Bench(batch_size, max_concurrent, dict(enumerate(outcomes)))
    bench.run(len(outcomes))
    assert bench.counts() == Counter(f"t{number}" for number in range(len(outcomes)))
    assert {entry.ordinal: entry.outcome for entry in bench.ended} == dict(enumerate(outcomes))
    assert {entry.reason for entry in bench.ended if entry.outcome is not Outcome.DONE} <= {"why"}
    assert bench.stage.peak <= max_concurrent
    assert bench.most_open <= 2 * batch_size + 3 * max_concurrent
    assert bench.threads <= {threading.current_thread()}
    assert not bench.told.is_set()


def test_nothing_to_do():
    bench = Bench()
    bench.run(0)
    assert bench.ended == []
    assert bench.locator.batches == []


def test_batches_are_located_in_order_and_none_is_larger_than_asked_for():
    bench = Bench(batch_size=3, max_concurrent=1)
    bench.run(8)
    assert bench.locator.batches == [["t0", "t1", "t2"], ["t3", "t4", "t5"], ["t6", "t7"]]


def test_anchors_of_an_earlier_run_are_handed_on():
    bench = Bench(batch_size=2)
    bench.scheduler.run([(tile(0), ANCHOR), (tile(1), None), (tile(2), ANCHOR)])
    assert bench.locator.anchors == {"t0": ANCHOR, "t2": ANCHOR}


def test_as_much_as_allowed_is_under_way_and_no_more():
    together = threading.Barrier(4)
    bench = Bench(batch_size=20, max_concurrent=4, on_fetch=lambda _: together.wait(LONGEST_WAIT))
    bench.run(20)
    assert bench.stage.peak == 4
    assert len(bench.counts()) == 20


def test_locating_goes_on_while_tiles_are_fetched():
    second_batch = threading.Event()

    def on_locate(tiles):
        if tiles[0].ordinal:
            second_batch.set()

    bench = Bench(1, 2, on_locate=on_locate, on_fetch=lambda _: second_batch.wait(LONGEST_WAIT) or pytest.fail("alone"))
    bench.run(2)
    assert len(bench.counts()) == 2


def test_the_work_is_not_drawn_ahead_of_what_is_needed():
    release = threading.Event()
    drawn_while_waiting = []

    def work(bench):
        for number in range(1_000):
            bench.drawn += 1
            yield tile(number), None

    def on_fetch(one):
        if one.ordinal == 0:
            release.wait(LONGEST_WAIT)
        elif len(bench.fetcher.begun) >= 50 and not release.is_set():
            # The first tile still waits, and others have come and gone.
            drawn_while_waiting.append(bench.drawn)
            release.set()

    bench = Bench(batch_size=5, max_concurrent=3, on_fetch=on_fetch)
    bench.scheduler.run(work(bench))
    assert drawn_while_waiting[0] <= 53 + 2 * 5 + 3 * 3
    assert len(bench.counts()) == 1_000


def test_few_batches_are_located_ahead_when_batches_are_large():
    bench = Bench(batch_size=25, max_concurrent=8)
    bench.run(1_000)
    # 25 + 2 * 8 tiles are enough not to idle; beside them a whole batch and what is being fetched.
    assert bench.most_open <= 25 + 2 * 8 + 25 + 8
    assert len(bench.counts()) == 1_000


def test_a_raising_fetch_stops_the_run_and_what_is_under_way_is_kept():
    together = threading.Barrier(4)

    def on_fetch(one):
        if one.ordinal < 4:
            together.wait(LONGEST_WAIT)
        if one.ordinal == 1:
            raise OSError(28, "No space left on device")

    bench = Bench(batch_size=500, max_concurrent=4, on_fetch=on_fetch)
    with pytest.raises(OSError, match="No space left"):
        bench.run(500)
    assert set(bench.counts()) == set(bench.fetcher.begun) - {"t1"}
    assert {"t0", "t2", "t3"} <= set(bench.counts())
    assert max(bench.counts().values()) == 1
    assert len(bench.fetcher.begun) < 500
    assert bench.stage.at_work == 0


def test_a_raising_locate_stops_the_run_and_what_is_under_way_is_kept():
    fetching = threading.Event()

    def on_locate(tiles):
        if tiles[0].ordinal == 2:
            assert fetching.wait(LONGEST_WAIT)
            raise RuntimeError("no access")

    bench = Bench(batch_size=2, max_concurrent=3, on_locate=on_locate, on_fetch=lambda _: fetching.set())
    with pytest.raises(RuntimeError, match="no access"):
        bench.run(500)
    assert set(bench.counts()) == set(bench.fetcher.begun)
    assert bench.counts()
    assert "t2" not in bench.counts()
    assert len(bench.fetcher.begun) < 500


def test_tiles_skipped_by_a_batch_under_way_are_kept_when_another_raises():
    located = threading.Event()

    def on_locate(tiles):
        if tiles[0].ordinal == 2:
            assert located.wait(LONGEST_WAIT)
            raise RuntimeError("no access")
        if tiles[0].ordinal == 4:
            located.set()

    outcomes = dict.fromkeys(range(100), Outcome.SKIPPED)
    bench = Bench(batch_size=2, max_concurrent=2, outcomes=outcomes, on_locate=on_locate)
    with pytest.raises(RuntimeError, match="no access"):
        bench.run(6)
    assert bench.counts() == {"t0": 1, "t1": 1, "t4": 1, "t5": 1}


def test_the_first_batch_is_located_alone():
    at_work = []

    def on_locate(tiles):
        if tiles[0].ordinal == 0:
            threading.Event().wait(0.2)  # long enough for another call to begin, were it allowed
            at_work.append(bench.stage.at_work)

    bench = Bench(batch_size=2, max_concurrent=4, on_locate=on_locate)
    bench.run(40)
    assert at_work == [1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupt_while_a_tile_is_journaled(error):
    def on_end(one):
        if len(bench.ended) == 5:
            raise error

    bench = Bench(batch_size=500, max_concurrent=4, on_end=on_end)
    with pytest.raises(error):
        bench.run(500)
    # Also what was under way when the interrupt came is journaled.
    assert set(bench.counts()) == set(bench.fetcher.begun)
    assert max(bench.counts().values()) == 1
    assert 5 <= len(bench.ended) < 500
    assert bench.stage.at_work == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupt_while_the_tiles_are_read(error):
    def work():
        for number in range(500):
            if number == 40:
                raise error
            yield tile(number), None

    bench = Bench(batch_size=10, max_concurrent=4)
    with pytest.raises(error):
        bench.scheduler.run(work())
    assert set(bench.counts()) == set(bench.fetcher.begun)
    assert all(count == 1 for count in bench.counts().values())
    assert bench.stage.at_work == 0


def test_no_thread_is_left_behind():
    before = threading.active_count()
    Bench().run(10)
    assert threading.active_count() == before


def test_what_is_under_way_is_told_that_the_run_ends_early():
    def on_fetch(one):
        if one.ordinal == 0:
            raise OSError(28, "No space left on device")
        assert bench.told.wait(LONGEST_WAIT)

    bench = Bench(batch_size=4, max_concurrent=4, on_fetch=on_fetch)
    with pytest.raises(OSError, match="No space left"):
        bench.run(8)
    assert set(bench.counts()) == set(bench.fetcher.begun) - {"t0"}


def test_tiles_that_are_left_are_handed_over_as_left():
    bench = Bench(batch_size=2, max_concurrent=2)
    fetch, locate = bench.fetcher.fetch, bench.locator.locate

    def left(one, reason):
        return TileOutcome(one.tile_id, one.ordinal, Outcome.LEFT, reason)

    bench.fetcher.fetch = lambda ready: left(ready.tile, "busy") if ready.tile.ordinal == 1 else fetch(ready)
    bench.locator.locate = lambda tiles, anchors: [
        left(one.tile, "slow") if one.tile.ordinal == 2 else one for one in locate(tiles, anchors)
    ]
    bench.run(5)
    assert {entry.tile_id: entry.reason for entry in bench.ended if entry.outcome is Outcome.LEFT} == {
        "t1": "busy",
        "t2": "slow",
    }
    assert bench.counts() == {f"t{number}": 1 for number in range(5)}


def test_when_the_run_is_to_stop_what_is_under_way_is_finished_and_nothing_new_begun():
    stop, together = StopRequest(grace=LONGEST_WAIT), threading.Barrier(4)

    def on_fetch(one):
        together.wait(LONGEST_WAIT)
        stop.request("SIGTERM")

    bench = Bench(batch_size=20, max_concurrent=4, on_fetch=on_fetch)
    scheduler = Scheduler(bench.locator, bench.fetcher, 20, 4, bench._end, on_early_end=bench.told.set, stop=stop)
    scheduler.run(bench.work(20))
    assert len(bench.fetcher.begun) == 4
    assert set(bench.counts()) == set(bench.fetcher.begun)
    assert bench.told.is_set()
    assert (stop.reason, stop.abandoned) == ("SIGTERM", False)


def test_what_does_not_end_within_the_grace_is_abandoned():
    stop, release = StopRequest(grace=0.0), threading.Event()

    def on_fetch(one):
        if one.ordinal == 1:
            stop.request("SIGTERM")
            release.wait(LONGEST_WAIT)

    bench = Bench(batch_size=2, max_concurrent=1, on_fetch=on_fetch)
    scheduler = Scheduler(bench.locator, bench.fetcher, 2, 1, bench._end, stop=stop)
    scheduler.run(bench.work(4))
    release.set()
    assert stop.abandoned
    assert bench.counts() == {"t0": 1}


def test_a_stop_asked_for_before_the_run_begins_nothing():
    stop = StopRequest()
    stop.request("SIGINT")
    stop.request("SIGTERM")
    bench = Bench()
    Scheduler(bench.locator, bench.fetcher, 3, 4, bench._end, stop=stop).run(bench.work(5))
    assert (bench.locator.batches, bench.ended, stop.reason) == ([], [], "SIGINT")
