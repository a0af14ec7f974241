"""Collections of any elements: filtering, sorting, mapping and merging."""

from collections.abc import Iterable
from typing import Any

from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.geometry import planar
from localearth.functions.lists import arranged
from localearth.functions.support import mapped
from localearth.promote import promote
from localearth.registry import function
from localearth.values.array import Array
from localearth.values.collection import Collection, of_elements, union
from localearth.values.compare import field_of
from localearth.values.feature import Feature, index_of, with_property
from localearth.values.function import Function
from localearth.values.geometry import Geometry, around
from localearth.values.image import Image
from localearth.values.projection import WGS84, Projection, whole


@function("Collection", note="Elements may be features, geometries or images.")
def make_collection(elements: list[Any]) -> Collection:
    """A feature collection of elements."""
    return of_elements(elements, of_images=False)


@function("Collection.filter", note="The asset's id is kept (assumed).")
def filter_collection(collection: Collection, condition: Any) -> Collection:
    """The elements that pass a filter; the asset gets the filter's region and dates."""
    return collection.filtered(promote("Collection.filter", "filter", "Filter", condition))


@function("Collection.size")
def size(collection: Collection) -> int:
    """The number of elements."""
    return len(collection.elements)


@function("Collection.first")
def first(collection: Collection) -> Any:
    """The first element; null when there is none."""
    return next(iter(collection.head(1)), None)


@function("Collection.toList")
def to_list(collection: Collection, count: int, offset: int) -> list[Any]:
    """Up to `count` elements after the first `offset`."""
    if count < 1:
        raise EarthEngineError(f"count must be positive. Got: {count}.")  # the servers' message
    if offset < 0:
        raise EarthEngineError(f"offset must not be negative, not {offset}.")
    return list(collection.head(offset + count)[offset:])


def ordered(elements: list[Any], key: str, ascending: bool) -> list[Any]:
    """Elements in the order of a property; those without it come last in both orders (assumed)."""
    have = [each for each in elements if field_of(each, key) is not None]
    rest = [each for each in elements if field_of(each, key) is None]
    return arranged(have, (field_of(each, key) for each in have), reverse=not ascending) + rest


@function("Collection.limit", note="The asset's id is kept (assumed).")
def limit(collection: Collection, count: int | None, key: str | None, ascending: bool) -> Collection:
    """At most `count` elements, ordered by a property if one is named."""
    if count is not None and count < 0:
        raise EarthEngineError(f"limit must not be negative, but is {count}.")

    def make() -> Iterable[Any]:
        if key is None and count is not None:
            return collection.head(count)
        found = list(collection.elements) if key is None else ordered(list(collection.elements), key, ascending)
        return found if count is None else found[:count]

    return evolve(collection.derived(make), id=collection.id)


@function("Collection.map", note="The asset's id is kept (as eemont needs it).")
def map_collection(collection: Collection, run: Function, drop_nulls: bool) -> Collection:
    """A function applied to every element; its results keep `system:index`."""

    def make() -> Iterable[Any]:
        results = mapped(_indexed(run), collection.elements, drop_nulls)
        for each in results:
            if not isinstance(each, Image | Feature | Collection):
                raise EarthEngineError(
                    "Collection.map: A mapped algorithm must return a Feature or Image.", placed=True
                )
        return results

    def walk(_interval: Any) -> Iterable[Any]:
        for each in collection.walked():
            yield from mapped(_indexed(run), [each], drop_nulls)

    found = evolve(collection.derived(make), id=collection.id)
    if not collection.is_walked:
        return found
    return evolve(found, walk=walk, origin=([collection], lambda source: map_collection(source, run, drop_nulls)))


def _indexed(run: Function) -> Function:
    def call(element: Any) -> Any:
        result = run.call(element)
        if isinstance(result, Geometry):
            result = Feature(result)
        index = element.properties.get("system:index")
        made = isinstance(result, Image | Feature | Collection)
        if made and index is not None and "system:index" not in result.properties:
            return with_property(result, "system:index", index)
        return result

    return Function(run.arity, call)


@function("Collection.iterate")
def iterate(collection: Collection, run: Function, start: Any) -> Any:
    """A function of (element, result so far), applied to one element after another."""
    result = start
    for element in collection.elements:
        result = run.call(element, result)
    return result


@function("Collection.merge", "ImageCollection.merge")
def merge(left: Collection, right: Collection) -> Collection:
    """The elements of both; their ids get the prefixes `1_` and `2_`."""

    def make(_interval: Any = None) -> Iterable[Any]:
        for number, side in ((1, left), (2, right)):
            for each in side.walked() if side.is_walked else side.elements:
                index = each.properties.get("system:index")
                yield with_property(each, "system:index", f"{number}_{index}")

    found = left.derived(make, left.of_images and right.of_images)
    return evolve(found, walk=make, origin=([left, right], merge)) if left.is_walked or right.is_walked else found


@function("Collection.flatten", note="Ids are those of the collection and the element, as `0_1` (assumed).")
def flatten(collection: Collection) -> Collection:
    """The elements of all collections in a collection."""

    def make() -> Iterable[Any]:
        for outer in collection.elements:
            if not isinstance(outer, Collection):
                raise EarthEngineError("Collection.flatten: the elements must be collections.", placed=True)
            for each in outer.elements:
                yield with_property(each, "system:index", f"{index_of(outer)}_{index_of(each)}")

    return collection.derived(make, False)


def _serialized(value: Any) -> Any:
    """A value as in JSON, whose numbers have one type (assumed)."""
    if isinstance(value, list):
        return [_serialized(each) for each in value]
    return whole(value) if isinstance(value, float) else value


@function("Collection.distinct")
def distinct(collection: Collection, properties: Any) -> Collection:
    """The first of each group of elements that are equal in some properties."""
    names = [properties] if isinstance(properties, str) else properties
    if not names or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise EarthEngineError("argument 'properties': a property name or a list of names is needed.")

    def key(element: Any) -> str:
        found = (field_of(element, name) for name in names)
        plain = (each.info() if isinstance(each, Array) else each for each in found)
        return repr([each.shape.wkb if isinstance(each, Geometry) else _serialized(each) for each in plain])

    def make() -> Iterable[Any]:
        seen: set[str] = set()
        for element in collection.elements:
            if key(element) not in seen:
                seen.add(key(element))
                yield element

    return collection.derived(make)


@function("Collection.geometry", note="Overlaps are united (assumed).")
def geometry_of(collection: Collection, _margin: Any) -> Any:
    """The union of all geometries."""
    return union(collection)


@function("Collection.union")
def union_of(collection: Collection, _margin: Any) -> Collection:
    """A collection of one feature, the union of all geometries, with the documented id."""
    return of_elements([Feature(union(collection), {"system:index": "union_result"})], of_images=False)


@function("Collection.bounds")
def bounds_of(collection: Collection, _margin: Any, projection: Projection | None) -> Geometry:
    """The box around all geometries."""
    found = union(collection)
    return planar(around(found.lonlat if projection is None else found.in_pixels(projection)), projection or WGS84)
