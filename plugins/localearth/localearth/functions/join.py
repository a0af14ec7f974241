"""Joins of two collections."""

from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.collection import ordered
from localearth.registry import function
from localearth.values.collection import Collection, Filter
from localearth.values.compare import Match
from localearth.values.feature import Feature, index_of, with_property
from localearth.values.join import Join


@function("Join.simple")
def simple() -> Join:
    """Keeps the primary elements with a match."""
    return Join("simple")


@function("Join.inverted")
def inverted() -> Join:
    """Keeps the primary elements without a match."""
    return Join("inverted")


@function("Join.saveFirst", note="Without an ordering, the first in the order of the secondary collection (assumed).")
def save_first(key: str, ordering: str | None, ascending: bool, measure: str | None, outer: bool) -> Join:
    """Adds the first match."""
    return Join("saveFirst", key, "", ordering, ascending, measure, outer)


@function("Join.saveBest", note="The smallest measure is the best; the first of equal ones (assumed).")
def save_best(key: str, measure: str, outer: bool) -> Join:
    """Adds the match with the smallest measure."""
    return Join("saveBest", key, measure_key=measure, outer=outer)


@function("Join.saveAll")
def save_all(key: str, ordering: str | None, ascending: bool, measure: str | None, outer: bool) -> Join:
    """Adds the list of all matches."""
    return Join("saveAll", key, "", ordering, ascending, measure, outer)


@function("Join.inner", note="Ids are those of both elements, as `0_1` (assumed).")
def inner(primary: str, secondary: str, measure: str | None) -> Join:
    """Makes one feature of every pair, with the measure of the pair."""
    return Join("inner", primary, secondary, measure_key=measure)


@function(
    "Join.apply",
    note="Conditions on two fields only (leftField and rightField), and their combinations. The id of the primary "
    "collection is kept (as eemont needs it).",
)
def apply(join: Join, primary: Collection, secondary: Collection, condition: Filter) -> Collection:
    """The primary elements with their matches in the secondary collection."""
    if condition.match is None:
        raise EarthEngineError(
            f"argument 'condition': the local Earth Engine joins by filters with 'leftField' and 'rightField', and "
            f"their combinations; {condition.text} is none. Filter the collections first."
        )
    if join.measure_key is not None and condition.measure is None:
        raise EarthEngineError("argument 'condition': a measure needs one maxDifference or withinDistance filter.")
    return evolve(primary.derived(lambda: _joined(join, primary, secondary, condition)), id=primary.id)


def _candidates(left: Any, secondary: Collection, condition: Filter) -> Iterable[Any]:
    """The elements that may match; those of an asset are found by their index without listing the others."""
    if condition.same != "system:index" or secondary.find is None:
        return secondary.elements
    found = secondary.matching("system:index", index_of(left))
    return [] if found is None else [found]


def _joined(join: Join, primary: Collection, secondary: Collection, condition: Filter) -> Iterable[Any]:
    match: Match = condition.match  # type: ignore[assignment]
    for left in primary.elements:
        found = [right for right in _candidates(left, secondary, condition) if match(left, right)]
        if join.kind in ("simple", "inverted"):
            if bool(found) == (join.kind == "simple"):
                yield left
        elif join.kind == "inner":
            for right in found:
                pair: dict[str, Any] = {"system:index": f"{index_of(left)}_{index_of(right)}"}
                pair |= {join.match_key: left, join.second_key: right}
                if join.measure_key is not None and condition.measure is not None:
                    pair[join.measure_key] = condition.measure(left, right)
                yield Feature(None, pair)
        elif found or join.outer:
            yield _saved(join, left, found, condition.measure)


def _saved(join: Join, left: Any, found: list[Any], measure: Callable[[Any, Any], Any] | None) -> Any:
    if join.ordering is not None:
        found = ordered(found, join.ordering, join.ascending)
    if join.measure_key is not None and measure is not None:
        measures = [measure(left, right) for right in found]
        found = [with_property(right, join.measure_key, value) for right, value in zip(found, measures, strict=True)]
        if join.kind == "saveBest" and found:
            found = [found[measures.index(min(measures))]]
    if join.kind == "saveAll":
        return with_property(left, join.match_key, found)
    return with_property(left, join.match_key, found[0]) if found else left
