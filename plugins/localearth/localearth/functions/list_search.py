"""Lists: finding, removing and replacing elements."""

from typing import Any

from localearth.registry import function
from localearth.values.compare import contains as within
from localearth.values.compare import same

List = list[Any]


@function("List.contains")
def contains(items: List, item: Any) -> bool:
    """Whether the list contains an element."""
    return within(items, item)


@function("List.containsAll")
def contains_all(items: List, other: List) -> bool:
    """Whether the list contains all elements of another list."""
    return all(within(items, item) for item in other)


@function("List.equals")
def equals(items: List, other: List) -> bool:
    """Whether both lists are equal."""
    return same(items, other)


@function("List.indexOf")
def index_of(items: List, item: Any) -> int:
    """The first position of an element, or -1."""
    return next((at for at, each in enumerate(items) if same(each, item)), -1)


@function("List.indexOfSublist")
def index_of_sublist(items: List, target: List) -> int:
    """The first position of a sublist, or -1."""
    found = (i for i in range(len(items) - len(target) + 1) if same(items[i : i + len(target)], target))
    return next(found, -1)


@function("List.frequency")
def frequency(items: List, item: Any) -> int:
    """The number of occurrences of an element."""
    return sum(same(each, item) for each in items)


@function("List.distinct")
def distinct(items: List) -> List:
    """The list without duplicates, in the order of first occurrence."""
    result: List = []
    for item in items:
        if not within(result, item):
            result.append(item)
    return result


@function("List.remove")
def remove(items: List, item: Any) -> List:
    """The list without the first occurrence of an element."""
    at = index_of(items, item)
    return list(items) if at < 0 else [*items[:at], *items[at + 1 :]]


@function("List.removeAll")
def remove_all(items: List, other: List) -> List:
    """The list without the elements of another list."""
    return [item for item in items if not within(other, item)]


@function("List.replace")
def replace(items: List, old: Any, new: Any) -> List:
    """The list with the first occurrence of an element replaced."""
    at = index_of(items, old)
    return list(items) if at < 0 else [*items[:at], new, *items[at + 1 :]]


@function("List.replaceAll")
def replace_all(items: List, old: Any, new: Any) -> List:
    """The list with all occurrences of an element replaced."""
    return [new if same(item, old) else item for item in items]
