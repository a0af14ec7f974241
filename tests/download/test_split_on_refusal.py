"""Halving: what is refused is requested again in halves, and only single items are blamed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmearth_core.download.locate import split_on_refusal
from mmearth_core.errors import NoAnswerError, OverloadedError, RequestError, TooLargeError


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
def test_parts_are_halved_until_they_are_answered(size, capacity):
    server = Server(capacity)
    assert dict(split_on_refusal(range(size), server)) == {item: item * 2 for item in range(size)}
    assert (server.refused > 0) == (size > capacity)


@pytest.mark.parametrize("error", [TooLargeError, RequestError, OverloadedError])
def test_one_heavy_item_is_blamed_alone(error):
    answers = dict(split_on_refusal(range(25), Server(100, heavy=[12], error=error)))
    assert isinstance(answers.pop(12), error)
    assert answers == {item: item * 2 for item in range(25) if item != 12}


def test_what_is_not_answered_is_neither_halved_nor_blamed():
    asked = []

    def request(part):
        asked.append(list(part))
        raise NoAnswerError("busy")

    answers = dict(split_on_refusal(range(20), request))
    assert len(asked) == 1
    assert set(answers) == set(range(20))
    assert all(isinstance(answer, NoAnswerError) for answer in answers.values())


@pytest.mark.parametrize("size", [0, 1])
def test_nothing_and_one_thing(size):
    server = Server(1)
    assert len(list(split_on_refusal(range(size), server))) == size
    assert len(server.asked) == size
