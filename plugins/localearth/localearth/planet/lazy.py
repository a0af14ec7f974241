"""Attributes that are computed on first use, without the lock that all instances of `cached_property` share."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - a decorator, like `property`
    """Like `functools.cached_property`, which in Python 3.11 makes threads wait for each other.

    Two threads may compute a value twice; both get the same result.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __get__(self, instance: Any, owner: type) -> T:
        """Computes the value and stores it in the instance, where later reads find it first."""
        found = self._make(instance)
        instance.__dict__[self._make.__name__] = found
        return found
