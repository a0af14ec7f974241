"""Halving: what it learns of the size of batches, and from which refusals it learns nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.download.locate import LargestBatch, split_on_refusal
from mmearth_core.errors import NoAnswerError, RequestError, TooLargeError


class Server:
    """Refuses parts that weigh too much; every item weighs 1, but for heavy ones."""

    def __init__(self, capacity, heavy=(), error=TooLargeError):
        self.capacity, self.heavy, self.error = capacity, set(heavy), error
        self.asked = []
        self.refused = 0

    def __call__(self, part):
        self.asked.append(list(part))
        if sum(self.capacity + 1 if item in self.heavy else 1 for item in part) > self.capacity:
            self.refused += 1
            raise self.error("too much")
        return [item * 2 for item in part]


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_size_that_was_too_large_is_asked_for_once(size, capacity):
    largest, server = LargestBatch(), Server(capacity)
    assert dict(split_on_refusal(range(size), server, largest)) == {item: item * 2 for item in range(size)}
    server.refused = 0
    assert dict(split_on_refusal(range(size), server, largest)) == {item: item * 2 for item in range(size)}
    assert server.refused == 0
    if size <= capacity:
        assert largest.most is None
    else:
        assert largest.most <= capacity


def test_one_heavy_item_does_not_make_later_batches_small():
    largest, server = LargestBatch(), Server(100, heavy=[12])
    answers = dict(split_on_refusal(range(25), server, largest))
    assert isinstance(answers.pop(12), TooLargeError)
    assert answers == {item: item * 2 for item in range(25) if item != 12}
    assert largest.most is None
    list(split_on_refusal(range(25, 50), server, largest))
    assert server.asked[-1] == list(range(25, 50))


def test_a_request_refused_for_another_reason_says_nothing_of_the_size():
    largest = LargestBatch()
    list(split_on_refusal(range(20), Server(4, error=RequestError), largest))
    assert largest.most is None


def test_what_is_not_answered_is_neither_halved_nor_blamed():
    asked = []

    def request(part):
        asked.append(list(part))
        raise NoAnswerError("busy")

    answers = dict(split_on_refusal(range(20), request))
    assert len(asked) == 1
    assert set(answers) == set(range(20))
    assert all(isinstance(answer, NoAnswerError) for answer in answers.values())


@given(st.integers(0, 100), st.integers(1, 30))
def test_parts_are_whole_and_about_equal(size, most):
    parts = LargestBatch(most).parts(range(size))
    assert [item for part in parts for item in part] == list(range(size))
    lengths = {len(part) for part in parts}
    assert all(0 < length <= most for length in lengths)
    assert max(lengths, default=0) - min(lengths, default=0) <= 1


def test_the_smallest_size_learnt_stays():
    largest = LargestBatch()
    for most in (13, 6, 9):
        largest.learn(most)
    assert largest.most == 6


@pytest.mark.parametrize("size", [0, 1])
def test_nothing_and_one_thing(size):
    server = Server(1)
    assert len(list(split_on_refusal(range(size), server))) == size
    assert len(server.asked) == size
