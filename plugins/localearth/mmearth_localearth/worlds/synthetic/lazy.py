"""Attributes made when they are first used, without the lock that all instances of `cached_property` share."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - a decorator, like `property`
    """As `functools.cached_property`, which in Python 3.11 makes threads wait for one another.

    Two threads may make a value twice; here they make the same one.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __get__(self, instance: Any, owner: type) -> T:
        """Makes the value and leaves it in the instance, where it is found first from then on."""
        found = self._make(instance)
        instance.__dict__[self._make.__name__] = found
        return found
