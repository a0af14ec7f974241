"""Halving: a batch that is refused is asked for in halves, until the bad tile stands alone; and what was too much.

One heavy tile makes every batch too large that holds it, and must not make all later batches small. So a size is
learnt to be too large only from a batch that was refused while each of its halves was not.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from attrs import define, field, frozen

from mmearth_core.errors import NoAnswerError, RequestError, TooLargeError

T = TypeVar("T")


@define(eq=False)
class LargestBatch:
    """The most that is asked for at once; shared by the threads of a run.

    Attributes:
        most: items of a batch; None as long as no batch was too large.
    """

    most: int | None = None
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def learn(self, most: int) -> None:
        """Takes note that more than so many are too many."""
        with self._lock:
            self.most = most if self.most is None else min(self.most, most)

    def parts(self, items: Sequence[int]) -> list[Sequence[int]]:
        """The items in parts as equal as can be, each of a size that is not known to be too large."""
        count = 1 if self.most is None else -(-len(items) // self.most)
        edges = [len(items) * number // count for number in range(count + 1)] if count else [0]
        return [items[begin:end] for begin, end in pairwise(edges) if end > begin]


@define(eq=False)
class _Refused:
    """A part that was too large: how its halves fare."""

    larger: int
    answered: int = 0


@frozen(eq=False)
class _Part:
    items: Sequence[int]
    whole: _Refused | None = None


def halving(
    items: Sequence[int], request: Callable[[Sequence[int]], Sequence[T]], largest: LargestBatch | None = None
) -> Iterator[tuple[int, T | RequestError | NoAnswerError]]:
    """Asks for many items at once, halves what is refused, and blames only single items.

    Args:
        items: what to ask for.
        request: asks for some of them in one request; returns an answer for each.
        largest: what was learnt by earlier calls, and learns from this one.

    Yields:
        Each item with its answer, or with the error of the request that held it alone. A request that was not
        answered is not halved: its items are yielded with that error.
    """
    largest = LargestBatch() if largest is None else largest
    parts = [_Part(part) for part in reversed(largest.parts(items))]
    while parts:
        part = parts.pop()
        try:
            answers = request(part.items)
        except NoAnswerError as error:
            yield from ((item, error) for item in part.items)
        except RequestError as error:
            if len(part.items) == 1:
                yield part.items[0], error
                continue
            middle = len(part.items) // 2
            halves = part.items[:middle], part.items[middle:]
            whole = _Refused(len(halves[1])) if isinstance(error, TooLargeError) else None
            parts += [_Part(half, whole) for half in reversed(halves)]
        else:
            if part.whole is not None:
                part.whole.answered += 1
                if part.whole.answered == 2:
                    largest.learn(part.whole.larger)
            yield from zip(part.items, answers, strict=True)
