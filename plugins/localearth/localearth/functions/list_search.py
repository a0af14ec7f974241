"""Lists: finding, removing and replacing elements."""

from typing import Any

from localearth.registry import function

List = list[Any]


@function("List.contains")
def contains(items: List, item: Any) -> bool:
    """Whether the list contains an element."""
    return item in items


@function("List.containsAll")
def contains_all(items: List, other: List) -> bool:
    """Whether the list contains all elements of another list."""
    return all(item in items for item in other)


@function("List.equals")
def equals(items: List, other: List) -> bool:
    """Whether both lists are equal."""
    return items == other


@function("List.indexOf")
def index_of(items: List, item: Any) -> int:
    """The first position of an element, or -1."""
    return items.index(item) if item in items else -1


@function("List.indexOfSublist")
def index_of_sublist(items: List, target: List) -> int:
    """The first position of a sublist, or -1."""
    found = (i for i in range(len(items) - len(target) + 1) if items[i : i + len(target)] == target)
    return next(found, -1)


@function("List.frequency")
def frequency(items: List, item: Any) -> int:
    """The number of occurrences of an element."""
    return items.count(item)


@function("List.distinct")
def distinct(items: List) -> List:
    """The list without duplicates, in the order of first occurrence."""
    result: List = []
    for item in items:
        if item not in result:
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
    return [item for item in items if item not in other]


@function("List.replace")
def replace(items: List, old: Any, new: Any) -> List:
    """The list with the first occurrence of an element replaced."""
    at = index_of(items, old)
    return list(items) if at < 0 else [*items[:at], new, *items[at + 1 :]]


@function("List.replaceAll")
def replace_all(items: List, old: Any, new: Any) -> List:
    """The list with all occurrences of an element replaced."""
    return [new if item == old else item for item in items]
