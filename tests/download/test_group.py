"""Groups: the first run makes `base`, later modalities a group of their own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmearth_core import Modality
from mmearth_core.download.stored_config import BASE, Group, plan_groups

NAMES = st.lists(st.sampled_from("abcdefg"), min_size=1, unique=True)


def test_the_first_run_makes_base_with_the_anchor_first():
    assert plan_groups({}, ["b", "a", "c"], "a") == {"base": ("a", "b", "c")}


def test_the_anchor_is_in_base_also_when_it_was_not_asked_for():
    assert plan_groups({}, ["b"], "a") == {"base": ("a", "b")}


def test_running_again_works_the_same_groups():
    recorded = {"base": ["a", "b"], "c+d": ["c", "d"]}
    assert plan_groups(recorded, ["a", "b", "c", "d"], "a") == {"base": ("a", "b"), "c+d": ("c", "d")}


def test_a_new_modality_gets_a_group_of_its_own_and_comes_last():
    recorded = {"base": ["a", "b"]}
    assert plan_groups(recorded, ["d", "a", "b", "c"], "a") == {"base": ("a", "b"), "d+c": ("d", "c")}


def test_groups_of_which_nothing_is_wanted_are_left_alone():
    recorded = {"base": ["a", "b"], "c": ["c"], "d": ["d"]}
    assert plan_groups(recorded, ["d", "e"], "a") == {"d": ("d",), "e": ("e",)}


@settings(deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=6))
def test_no_modality_is_ever_in_two_groups_and_a_group_never_changes(runs):
    recorded = {}
    for wanted in runs:
        work = plan_groups(recorded, wanted, "a")
        assert set(wanted) <= {member for group in work.values() for member in group}
        for name in work.keys() & recorded.keys():
            assert list(work[name]) == recorded[name]
        recorded = {**recorded, **{name: list(members) for name, members in work.items()}}
        members = [member for group in recorded.values() for member in group]
        assert len(members) == len(set(members))
        assert "a" in recorded[BASE]


@pytest.mark.parametrize(("name", "is_base"), [("base", True), ("c", False)])
def test_only_base_locates_the_anchors(name, is_base):
    anchor = Modality()
    assert Group(name, (anchor,), anchor).is_base is is_base
