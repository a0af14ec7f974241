"""Collections, lazy sequences of elements, and their filters; an asset gets the region and interval of filters."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import shapely
from attrs import evolve, field, frozen
from shapely.geometry.base import BaseGeometry

from localearth.errors import EarthEngineError
from localearth.values.feature import Feature, index_of, with_property
from localearth.values.geometry import UNBOUNDED, Geometry
from localearth.values.image import Image

Interval = tuple[float, float]
Load = Callable[[BaseGeometry | None, Interval | None], Iterable[Any]]


@frozen(eq=False)
class Filter:
    """A condition on elements.

    Attributes:
        test: whether an element passes.
        region: elements whose footprint does not intersect it never pass, EPSG:4326; None if unknown.
        interval: elements whose `system:time_start` is not in [start, end) never pass, ms; None if unknown.
        text: the filter in messages.
        match: whether a pair of elements (left, right) passes, for a filter on two fields; None for other filters.
        measure: the difference or distance of a pair, of the filters that have one.
        index: elements with another `system:index` never pass; None if unknown.
        same: the field in which a pair must be equal, for a filter that compares a field with itself; else None.
        equal: properties that passing elements have, with their values, as far as known.
    """

    test: Callable[[Any], bool]
    region: BaseGeometry | None = None
    interval: tuple[float, float] | None = None
    text: str = "Filter"
    match: Callable[[Any, Any], bool] | None = None
    measure: Callable[[Any, Any], Any] | None = None
    index: str | None = None
    same: str | None = None
    equal: Mapping[str, Any] = field(factory=dict)

    def info(self) -> dict[str, Any]:
        """As `getInfo` shows it, in part."""
        return {"type": self.text}


@frozen(eq=False)
class Collection:
    """A collection of images or of features.

    Attributes:
        load: returns the elements; may omit those outside the region or the interval, or ignore both.
        of_images: whether it is an ImageCollection.
        id: the asset's id, also after a filter or a limit; None for a computed collection.
        properties: the properties of the collection itself.
        filters: filters of the elements that `load` returns.
        base: the collection without the last filter; its computed elements are reused.
        walk: the asset's elements one after another, of those whose list would be too long; None for the others.
        find: the element of a `system:index`, or None, before the filters; None if elements must be listed for it.
        locate: a region that all elements with some properties meet, or None; None if properties tell no place.
        origin: of a computed collection that has a `walk`: the collections that it is computed from, and how; its own
            filters come afterwards. None for the others.
    """

    load: Load
    of_images: bool
    id: str | None = None
    properties: Mapping[str, Any] = field(factory=dict)
    filters: tuple[Filter, ...] = ()
    base: "Collection | None" = None
    find: Callable[[str], Any] | None = None
    walk: Callable[[Interval | None], Iterable[Any]] | None = None
    locate: Callable[[Mapping[str, Any]], BaseGeometry | None] | None = None
    origin: "tuple[Sequence[Collection], Callable[..., Collection]] | None" = None
    _cache: list[tuple[Any, ...]] = field(factory=list, init=False)

    @property
    def geometry(self) -> None:
        """None: a collection has no geometry, but every element has this property."""
        return None

    @property
    def elements(self) -> tuple[Any, ...]:
        """The elements, in order."""
        if not self._cache:
            self._cache.append(tuple(self._filtered()))
        return self._cache[0]

    def _filtered(self) -> Iterable[Any]:
        if self.base is not None and self.base._cache:
            last = self.filters[-1].test
            return [element for element in self.base.elements if last(element)]
        index = next((each.index for each in self.filters if each.index is not None), None)
        if index is not None and self.find is not None:
            element = self.matching("system:index", index)
            return [] if element is None else [element]
        region = self._region()
        if self.origin is not None and region is not None:
            found: Iterable[Any] = evolve(self, filters=()).near(region).elements
        else:
            found = self.load(region, self._interval())
        if not self.filters:
            return found
        tests = [each.test for each in self.filters]
        return (element for element in found if all(test(element) for test in tests))

    def _region(self) -> BaseGeometry | None:
        found = next((each.region for each in self.filters if each.region is not None), None)
        if found is None and self.locate is not None:
            return self.locate({name: value for each in self.filters for name, value in each.equal.items()})
        return found

    def _interval(self) -> Interval | None:
        interval: Interval | None = None
        for each in self.filters:
            if each.interval:
                start, end = interval or each.interval
                interval = max(start, each.interval[0]), min(end, each.interval[1])
        return interval

    @property
    def is_walked(self) -> bool:
        """Whether its list would be too long, so that the first elements are found one after another."""
        return self.walk is not None and self._region() is None and all(each.index is None for each in self.filters)

    def head(self, count: int) -> tuple[Any, ...]:
        """The first elements."""
        walked = self.is_walked and not self._cache
        return tuple(islice(self.walked(), count)) if walked else self.elements[:count]

    def walked(self) -> Iterable[Any]:
        """The elements one after another, of a collection that has a `walk`."""
        assert self.walk is not None
        tests = [each.test for each in self.filters]
        return (element for element in self.walk(self._interval()) if all(test(element) for test in tests))

    def near(self, region: BaseGeometry) -> "Collection":
        """Its elements that meet a region, of a collection whose list would be too long."""
        if self.origin is None:
            return evolve(self, filters=(Filter(lambda _element: True, region), *self.filters), base=None)
        sources, compute = self.origin
        return evolve(compute(*(each.near(region) for each in sources)), filters=self.filters)

    def sample(self, change: Callable[[Any], Any] | None = None) -> tuple[Any, ...]:
        """One or a few of its elements, whether or not they pass the filters.

        Args:
            change: applied to the elements of assets whose list would be too long, from which its own are computed;
                then those of other collections are left out.
        """
        if self.origin is not None:
            sources, compute = self.origin
            found: Collection = compute(*(of_elements(each.sample(change), each.of_images) for each in sources))
            return found.elements
        if self.walk is None:
            return () if change else self.head(1)
        first = islice(self.walk(self._interval()), 1)
        return tuple(map(change, first) if change else first)

    def filtered(self, condition: Filter) -> "Collection":
        """Its elements that pass a filter."""
        return evolve(self, filters=(*self.filters, condition), base=self)

    def matching(self, name: str, value: Any) -> Any:
        """The first element with a value of a property, or None.

        An element of an asset is found by its index without listing the others.
        """
        if name == "system:index" and self.find is not None:
            found = self.find(value) if isinstance(value, str) else None
            return found if found is not None and all(each.test(found) for each in self.filters) else None
        return next((each for each in self.elements if each.properties.get(name) == value), None)

    def derived(self, make: Callable[[], Iterable[Any]], of_images: bool | None = None) -> "Collection":
        """A collection that is computed from this one on first use, with the same properties."""
        kind = self.of_images if of_images is None else of_images
        return Collection(lambda _region, _interval: make(), kind, properties=self.properties)

    def with_properties(self, properties: Mapping[str, Any]) -> "Collection":
        """The same elements with other properties of the collection."""
        return evolve(self, properties=properties)

    @property
    def images(self) -> tuple[Image, ...]:
        """Its elements as images.

        Raises:
            EarthEngineError: when an element is not an image.
        """
        for element in self.elements:
            if not isinstance(element, Image):
                raise EarthEngineError(
                    "Expected a homogeneous image collection, but an element is a "
                    f"{'Feature' if isinstance(element, Feature) else type(element).__name__}."
                )
        return self.elements


def of_elements(elements: Sequence[Any], of_images: bool | None = None) -> Collection:
    """A collection of given elements; those without a `system:index` get their position as index."""
    named = tuple(
        each if index_of(each) is not None else with_property(each, "system:index", str(position))
        for position, each in enumerate(elements)
    )
    kind = bool(named) and all(isinstance(each, Image) for each in named) if of_images is None else of_images
    return Collection(lambda _region, _interval: named, kind)


def lazy(make: Callable[[], Sequence[Any]]) -> Collection:
    """A collection of features that are made when they are needed."""
    return Collection(lambda _region, _interval: of_elements(make(), False).elements, False)


def union(collection: Collection) -> Geometry:
    """The union of the geometries of its elements; unbounded if an image is."""
    if any(isinstance(each, Image) and each.geometry is None for each in collection.elements):
        return UNBOUNDED
    found = [each.geometry for each in collection.elements if each.geometry is not None]
    return Geometry(shapely.union_all([each.globe for each in found]), geodesic=any(each.geodesic for each in found))
