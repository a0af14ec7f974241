"""How long something has not changed, by one's own clock: no clock of another machine is ever trusted."""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from mmearth_core.budget.gate import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Watch(Generic[K, V]):
    """Remembers since when each thing has looked as it does."""

    def __init__(self, clock: Clock) -> None:
        """Begins with nothing.

        Args:
            clock: the observer's own.
        """
        self._clock = clock
        self._seen: dict[K, tuple[V, float]] = {}
        self._moved: set[K] = set()

    def update(self, values: Mapping[K, V]) -> None:
        """Takes in how everything looks; to be called when it has been looked at, not before."""
        now = self._clock()
        before = self._seen
        self._moved = {key for key, value in values.items() if key in before and before[key][0] != value}
        self._seen = {
            key: before[key] if key in before and key not in self._moved else (value, now)
            for key, value in values.items()
        }

    def moved(self, key: K) -> bool:
        """Whether this has changed between the last two looks."""
        return key in self._moved

    def age(self, key: K) -> float:
        """Seconds since this was first seen as it is now; the change itself is at least as old."""
        return self._clock() - self._seen[key][1]
