"""What there is before a run is not searched for garbage during it; what it makes is."""

import gc
import weakref

import pytest

from mmearth_core.download.run import without_old_garbage


@pytest.fixture(autouse=True)
def as_in_a_program():
    """Undoes the gc.freeze of the root conftest, which a program does not call."""
    gc.unfreeze()
    yield
    gc.freeze()


class Node:
    """Refers to itself, so that only the collector can remove it."""

    def __init__(self):
        self.itself = self


def test_only_garbage_made_within_is_collected_within():
    before, within = Node(), None
    old = weakref.ref(before)
    with without_old_garbage():
        assert gc.get_freeze_count()
        within = Node()
        new = weakref.ref(within)
        del before, within
        gc.collect()
        assert old() is not None
        assert new() is None
    assert not gc.get_freeze_count()
    gc.collect()
    assert old() is None


def test_the_collector_is_as_before_after_an_error():
    with pytest.raises(KeyError), without_old_garbage():
        raise KeyError
    assert not gc.get_freeze_count()


def test_what_others_keep_from_the_collector_stays_kept():
    gc.freeze()
    try:
        with without_old_garbage():
            pass
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
