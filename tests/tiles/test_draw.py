"""Drawing: as many as asked for, again where some lack, and from others only if that is wished."""

from collections import Counter

import numpy as np
import pytest

from mmearth_core.tiles.draw import ATTEMPTS, sample
from mmearth_core.tiles.regions import Allocation, Region
from mmearth_core.tiles.spacing import Rules
from mmearth_core.tiles.squares import squares

REGIONS = [Region(name, "x", "Realm", 1.0) for name in "abcd"]


class Scripted:
    """A source whose region `b` fails a given number of times, `c` is only 5 km wide, and `d` has no points."""

    regions = REGIONS

    def __init__(self, failures=0, empty=(), seed=0):
        self.failures, self.empty, self.seed, self.asked = failures, empty, seed, []

    def draw(self, wants, attempt):
        self.asked.append(dict(wants))
        for place, count in wants.items():
            name = REGIONS[place].name
            if name in self.empty or (name == "b" and attempt < self.failures):
                yield place, "the server said no."
                continue
            random = np.random.default_rng([place, attempt])
            spread = 0.05 if name == "c" else 20.0
            yield place, squares(spread * random.random(count) + 40 * place, spread * random.random(count), 1300.0)


def made(drawn):
    return {count.region.name: count.made for count in drawn.counts}


NONE = Rules(1300.0)


def test_as_many_as_asked_for():
    drawn = sample(Scripted(), 102, Allocation.ECOREGION, NONE)
    assert len(drawn.places) == 102
    assert made(drawn) == {"a": 26, "b": 26, "c": 25, "d": 25}
    assert all(count.asked == count.made and not count.reason for count in drawn.counts)


def test_the_tiles_are_mixed_and_each_has_its_region():
    drawn = sample(Scripted(), 100, Allocation.ECOREGION, NONE)
    assert (drawn.region == np.floor(drawn.places.lon / 40)).all()
    assert len(set(drawn.region[:20].tolist())) == 4
    columns = drawn.columns()
    assert columns["tile_id"].tolist() == [str(number) for number in range(100)]
    assert Counter(columns["eco_region"]) == dict.fromkeys("abcd", 25)
    assert set(columns["biome"]) == {"x"}
    assert set(columns["realm"]) == {"Realm"}
    again = sample(Scripted(), 100, Allocation.ECOREGION, NONE)
    assert np.array_equal(again.places.lon, drawn.places.lon)
    assert not np.array_equal(sample(Scripted(seed=1), 100, Allocation.ECOREGION, NONE).region, drawn.region)


def test_a_region_that_fails_is_asked_again_and_only_it():
    source = Scripted(failures=2)
    assert made(sample(source, 40, Allocation.ECOREGION, NONE)) == dict.fromkeys("abcd", 10)
    assert source.asked == [dict.fromkeys(range(4), 10), {1: 10}, {1: 10}]


def test_a_region_that_goes_on_failing_is_reported_and_not_made_up_for():
    source = Scripted(empty="b")
    drawn = sample(source, 40, Allocation.ECOREGION, NONE)
    assert made(drawn) == {"a": 10, "b": 0, "c": 10, "d": 10}
    assert [count.reason for count in drawn.counts] == ["", "the server said no.", "", ""]
    assert len(source.asked) == ATTEMPTS
    assert len(drawn.places) == 30


def test_the_others_make_up_for_it_if_that_is_wished():
    drawn = sample(Scripted(empty="b"), 40, Allocation.ECOREGION, NONE, redistribute=True)
    assert made(drawn) == {"a": 14, "b": 0, "c": 13, "d": 13}
    assert [count.asked for count in drawn.counts] == [10] * 4


def test_redistribution_ends_when_nobody_has_any():
    drawn = sample(Scripted(empty="abcd"), 40, Allocation.ECOREGION, NONE, redistribute=True)
    assert len(drawn.places) == 0
    assert all(count.reason for count in drawn.counts)


def test_where_nothing_works_nothing_is_asked_again():
    source = Scripted(empty="abcd")
    assert len(sample(source, 40, Allocation.ECOREGION, NONE).places) == 0
    assert len(source.asked) == 1


def test_places_refused_by_the_rules_are_replaced_while_there_is_room():
    drawn = sample(Scripted(), 40, Allocation.ECOREGION, Rules(1300.0, no_overlap=True))
    counts = made(drawn)
    assert (counts["a"], counts["b"], counts["d"]) == (10, 10, 10)
    assert 5 <= counts["c"] <= 10
    drawn = sample(Scripted(), 400, Allocation.ECOREGION, Rules(1300.0, no_overlap=True), redistribute=True)
    counts = made(drawn)
    assert sum(counts.values()) == 400
    assert counts["c"] < 25
    (reason,) = [count.reason for count in drawn.counts if count.reason]
    assert "comply with the rules" in reason


@pytest.mark.parametrize("number", [1, 7, 1000])
def test_progress_ends_at_the_number(number):
    calls = []
    sample(Scripted(), number, Allocation.ECOREGION, NONE, on_progress=lambda *counts: calls.append(counts))
    assert calls[-1] == (number, number)
