"""Locating: one request for the anchors and one for the rest, and only the bad tile is blamed."""

import datetime as dt
from math import ceil, log2

import ee
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmearth_devkit.testing.ee_offline import HttpRefusal, evaluate, no_answer, open_client
from shapely.geometry import box

from mmearth_core import Anchor, Modality, Skip
from mmearth_core.download.journal import Outcome, TileOutcome
from mmearth_core.download.locate import LocatedTile, Locator, split_on_refusal
from mmearth_core.download.stored_config import Group
from mmearth_core.errors import RequestError, RunStoppedError
from mmearth_core.tiles.index import Tile

POISON = 1000


class Day(Modality):
    """Anchor: the server says which day of January 2018 it is; a tile of day 0 has no image."""

    name = "day"
    api_version = 1
    layers = ()

    def locate(self, scene):
        assert scene.anchor is None
        return ee.Dictionary({"day": ee.Number(scene.attributes.get("day", 1)).add(0)})

    def anchor(self, scene, located):
        if located["day"] == 0:
            return Skip("no image")
        return Anchor(dt.date(2018, 1, located["day"]), "EPSG:32618")


class Sum(Modality):
    """Asks the server for a sum."""

    name = "sum"
    api_version = 1
    layers = ()

    def locate(self, scene):
        return ee.Number(scene.date.day).add(scene.attributes.get("sum", 0))


class Plain(Modality):
    """Knows its answer."""

    name = "plain"
    api_version = 1
    layers = ()

    def locate(self, scene):
        return {"id": scene.tile_id}


class Silent(Modality):
    """Has nothing to ask."""

    name = "silent"
    api_version = 1
    layers = ()


class Twice(Modality):
    """Has a second question wherever the first answer is odd."""

    name = "twice"
    api_version = 1
    layers = ()

    def locate(self, scene):
        return ee.Number(scene.attributes.get("twice", 0)).add(0)

    def relocate(self, scene, located):
        return ee.Number(located).add(100 + scene.attributes.get("again", 0)) if located % 2 else None


def tiles(*attributes):
    return [Tile(i, 0, f"t{i}", box(0, 0, 0.01, 0.01), 0.0, 0.0, dict(one)) for i, one in enumerate(attributes)]


def answer(kind, graph):
    """The server: adds numbers, and refuses a request that holds the poisonous one."""
    if str(POISON) in repr(graph):
        raise HttpRefusal(400, "User memory limit exceeded.")
    return evaluate(graph)


def locator(*modalities, script=answer, name="base"):
    anchor = Day()
    return Locator(open_client(script), Group(name, (anchor, *modalities), anchor))


def located(results):
    return {one.tile.tile_id: one.located for one in results if isinstance(one, LocatedTile)}


def ended(results):
    return {one.tile_id: (one.outcome, one.reason) for one in results if isinstance(one, TileOutcome)}


def test_one_request_for_the_anchors_and_one_for_all_the_rest():
    work = locator(Sum(), Plain(), Silent())
    results = work.locate(tiles({"day": 1, "sum": 10}, {"day": 2, "sum": 20}, {"day": 3}), {})
    assert located(results) == {
        "t0": {"day": {"day": 1}, "sum": 11, "plain": {"id": "t0"}, "silent": None},
        "t1": {"day": {"day": 2}, "sum": 22, "plain": {"id": "t1"}, "silent": None},
        "t2": {"day": {"day": 3}, "sum": 3, "plain": {"id": "t2"}, "silent": None},
    }
    assert [one.anchor.date.day for one in results] == [1, 2, 3]
    assert work.client.purposes == {"locate anchor": 1, "locate": 1}


def test_plain_values_cost_no_request():
    work = locator(Plain(), Silent())
    work.locate(tiles({}, {}), {})
    assert work.client.purposes == {"locate anchor": 1}


def test_no_tiles_no_request():
    assert locator(Sum(), script=no_answer).locate([], {}) == []


def test_a_tile_without_image_is_skipped_and_not_asked_further():
    work = locator(Sum())
    results = work.locate(tiles({"day": 1}, {"day": 0, "sum": POISON}, {"day": 2}), {})
    assert ended(results) == {"t1": (Outcome.SKIPPED, "no image")}
    assert set(located(results)) == {"t0", "t2"}
    assert sum(work.client.purposes.values()) == 2


def test_when_all_are_skipped_there_is_nothing_left_to_ask():
    work = locator(Sum())
    assert len(ended(work.locate(tiles({"day": 0}, {"day": 0}), {}))) == 2
    assert work.client.purposes == {"locate anchor": 1}


@pytest.mark.parametrize("key", ["day", "sum"])
def test_only_the_bad_tile_of_a_batch_is_blamed(key):
    batch = tiles(*({} for _ in range(12)), {key: POISON}, *({} for _ in range(12)))
    work = locator(Sum())
    results = work.locate(batch, {})
    assert ended(results) == {"t12": (Outcome.FAILED, "locate: User memory limit exceeded.")}
    assert len(located(results)) == 24
    # 25 halve to one in five steps, each of which asks two halves.
    assert sum(work.client.purposes.values()) <= 2 + 2 * 5


def test_a_later_group_uses_the_anchors_that_are_there():
    anchors = {f"t{i}": Anchor(dt.date(2018, 1, 10 + i), "EPSG:32618") for i in range(3)}
    anchor, added = Day(), Sum()
    work = Locator(open_client(answer), Group("sum", (added,), anchor))
    results = work.locate(tiles({"sum": 5}, {"sum": POISON}, {}), anchors)
    assert located(results) == {"t0": {"sum": 15}, "t2": {"sum": 12}}
    assert {one.tile.tile_id: one.anchor for one in results if isinstance(one, LocatedTile)}["t2"] == anchors["t2"]
    assert set(ended(results)) == {"t1"}
    assert "locate anchor" not in work.client.purposes


def spoilt(base, function):
    """A modality whose function raises for the tile t1."""

    def broken(self, scene, *rest):
        if scene.tile_id == "t1":
            raise KeyError("B99")
        return getattr(base, function)(self, scene, *rest)

    return type(base.__name__, (base,), {function: broken})()


@pytest.mark.parametrize(
    ("base", "function"),
    [(Day, "locate"), (Day, "anchor"), (Day, "relocate"), (Sum, "locate"), (Twice, "relocate")],
)
def test_a_plugin_that_raises_fails_that_tile_with_its_name(base, function):
    broken = spoilt(base, function)
    modalities = (broken, Sum()) if base is Day else (Day(), broken)
    work = Locator(open_client(answer), Group("base", modalities, modalities[0]))
    results = work.locate(tiles({}, {}, {}), {})
    assert set(located(results)) == {"t0", "t2"}
    outcome, reason = ended(results)["t1"]
    assert outcome is Outcome.FAILED
    assert reason.startswith(f"locate: {base.name}.")
    assert reason.endswith(" raised KeyError: 'B99'")


def test_the_second_question_is_asked_only_where_the_first_leaves_one_open():
    work = locator(Twice())
    results = work.locate(tiles({"twice": 2}, {"twice": 3}, {"twice": 4}), {})
    assert {name: one["twice"] for name, one in located(results).items()} == {"t0": 2, "t1": 103, "t2": 4}
    assert work.client.purposes == {"locate anchor": 1, "locate": 1, "locate again": 1}


def test_a_refused_second_question_fails_only_its_tile():
    results = locator(Twice()).locate(tiles({"twice": 1}, {"twice": 1, "again": POISON - 100}, {}), {})
    assert set(located(results)) == {"t0", "t2"}
    assert ended(results) == {"t1": (Outcome.FAILED, "locate: User memory limit exceeded.")}


def test_lost_access_stops_and_blames_no_tile():
    def closed(kind, graph):
        raise HttpRefusal(401, "invalid credentials")

    with pytest.raises(RunStoppedError):
        locator(Sum(), script=closed).locate(tiles({}, {}), {})


@st.composite
def items_and_bad_ones(draw):
    items = draw(st.lists(st.integers(), unique=True, max_size=60))
    return items, draw(st.sets(st.sampled_from(items), max_size=5)) if items else set()


@settings(deadline=None)
@given(items_and_bad_ones())
def test_halving_blames_only_bad_items_and_asks_little(drawn):
    items, bad = drawn
    requests = []

    def request(part):
        requests.append(list(part))
        if bad & set(part):
            raise RequestError(f"refused {list(part)}")
        return [item * 2 for item in part]

    answers = list(split_on_refusal(items, request))
    assert sorted(item for item, _ in answers) == sorted(items)
    for item, answer in answers:
        if item in bad:
            assert isinstance(answer, RequestError)
            assert str(answer) == f"refused [{item}]"
        else:
            assert answer == item * 2
    # Every refused request but the last for a bad item asks its two halves.
    steps = ceil(log2(len(items))) if items else 0
    assert len(requests) <= bool(items) + 2 * len(bad) * steps


def test_without_a_bad_item_there_is_one_request():
    requests = []
    assert dict(split_on_refusal(range(25), lambda part: requests.append(part) or [0] * 25)) == dict.fromkeys(
        range(25), 0
    )
    assert len(requests) == 1


def test_too_few_answers_are_never_taken_for_all():
    with pytest.raises(ValueError, match="shorter"):
        list(split_on_refusal([1, 2, 3], lambda part: [0, 0]))


def test_other_errors_than_refusals_go_through():
    def request(part):
        raise RunStoppedError("no access")

    with pytest.raises(RunStoppedError, match="no access"):
        list(split_on_refusal([1, 2], request))


@pytest.mark.parametrize(
    "wrong", [None, dt.date(2018, 1, 1), {"date": dt.date(2018, 1, 1)}], ids=["none", "a date", "a table"]
)
def test_an_anchor_of_another_kind_fails_its_tile_only(wrong):
    class Odd(Day):
        def anchor(self, scene, located):
            return wrong if scene.tile_id == "t1" else super().anchor(scene, located)

    odd = Odd()
    results = Locator(open_client(answer), Group("base", (odd,), odd)).locate(tiles({}, {}, {}), {})
    assert set(located(results)) == {"t0", "t2"}
    outcome, reason = ended(results)["t1"]
    assert outcome is Outcome.FAILED
    assert reason.startswith("locate: day.anchor raised TypeError: anchor() returned ")


@pytest.mark.parametrize("value", [{"date": dt.date(2018, 1, 1)}, [float("nan")], {1, 2}], ids=["date", "nan", "set"])
def test_what_the_journal_cannot_hold_fails_its_tile_only(value):
    class Odd(Plain):
        def locate(self, scene):
            return value if scene.tile_id == "t1" else super().locate(scene)

    results = locator(Odd()).locate(tiles({}, {}, {}), {})
    assert set(located(results)) == {"t0", "t2"}
    outcome, reason = ended(results)["t1"]
    assert outcome is Outcome.FAILED
    assert reason.startswith("locate: plain.locate raised ValueError: what is located must be JSON, but ")


def test_a_batch_that_is_not_answered_is_left():
    def script(kind, graph):
        if graph == 1:
            return 1
        raise HttpRefusal(503, "busy")

    work = locator(Sum(), script=script)
    results = work.locate(tiles({}, {}, {}), {})
    assert ended(results) == {f"t{number}": (Outcome.LEFT, "locate: busy (tried for 0 s)") for number in range(3)}
    assert work.client.purposes == {"locate anchor": 1}
