"""Columns of collections: random numbers, remapping, arrays, and tables from lists."""

import hashlib
from collections.abc import Iterable
from statistics import NormalDist
from typing import Any

import numpy as np
from attrs import evolve

from localearth.errors import EarthEngineError
from localearth.functions.image_bands import add_bands
from localearth.functions.lists import position
from localearth.functions.support import refuse
from localearth.promote import is_number
from localearth.registry import function
from localearth.values import array as arrays
from localearth.values import feature as features
from localearth.values.array import Array
from localearth.values.collection import Collection, of_elements
from localearth.values.compare import field_of, same
from localearth.values.feature import Feature, index_of, with_property

_RANDOM = "Not the same numbers as Google's for a seed."


def _share(*keys: Any) -> float:
    """A number in [0, 1) that depends on keys only."""
    digest = hashlib.blake2b(repr(keys).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2.0**53


@function("Collection.randomColumn", note=_RANDOM)
def random_column(collection: Collection, name: str, seed: int, distribution: str, keys: list[str]) -> Collection:
    """A property with random numbers that depend on the seed and on some properties of each element."""
    if distribution not in ("uniform", "normal"):
        raise EarthEngineError(f"argument 'distribution': must be 'uniform' or 'normal', not '{distribution}'.")

    def make() -> Iterable[Any]:
        for each in collection.elements:
            value = _share(seed, *(field_of(each, key) for key in keys))
            if distribution == "normal":
                value = NormalDist().inv_cdf(value or 2.0**-54)
            yield with_property(each, name, value)

    return collection.derived(make)


@function("List.shuffle", note=_RANDOM.replace("numbers", "order"))
def shuffle(items: list[Any], seed: Any) -> list[Any]:
    """The list in a random order that depends on the seed only."""
    if seed is False:
        return [items[i] for i in np.random.default_rng().permutation(len(items))]
    order = sorted(range(len(items)), key=lambda i: _share("shuffle", seed, i))
    return [items[i] for i in order]


@function("List.lastIndexOfSubList")
def last_index(items: list[Any], target: list[Any]) -> int:
    """The last position of a sublist, or -1."""
    starts = range(len(items) - len(target), -1, -1)
    return next((i for i in starts if same(items[i : i + len(target)], target)), -1)


@function("Collection.remap")
def remap(collection: Collection, old: list[Any], new: list[int], name: str) -> Collection:
    """A property with other values; elements with a value that is not listed are dropped."""
    if len(old) != len(new):
        raise EarthEngineError(f"lookupIn has {len(old)} values, but lookupOut {len(new)}.")
    if not all(isinstance(value, str) or (is_number(value) and value % 1 == 0) for value in old):
        raise EarthEngineError("argument 'lookupIn': strings and integers are allowed.")
    table = dict(zip(old, new, strict=True))
    if len(table) < len(old):
        raise EarthEngineError(
            "argument 'lookupIn': the local Earth Engine does not know which of equal values counts; give each once."
        )

    def make() -> Iterable[Any]:
        for each in collection.elements:
            value = field_of(each, name)
            if (isinstance(value, str) or is_number(value)) and value in table:
                yield with_property(each, name, table[value])

    return collection.derived(make)


@function("Collection.fromColumns", note="`propertyTypes` is refused.")
def from_columns(columns: list[list[Any]], names: list[str], types: Any) -> Collection:
    """Features without geometry, from a list of values for each property."""
    if types is not None:
        raise refuse("propertyTypes", types, "leave it out")
    if len(columns) != len(names) or len({len(column) for column in columns}) > 1:
        raise EarthEngineError("As many columns as property names are needed, all of the same length.")
    rows = zip(*columns, strict=True)
    found = [
        Feature(None, {name: value for name, value in zip(names, row, strict=True) if value is not None})
        for row in rows
    ]
    return of_elements(found, of_images=False)


@function("ImageCollection.combine")
def combine(primary: Collection, secondary: Collection, overwrite: bool) -> Collection:
    """The images of the first collection with the bands of those of the second that have the same id."""

    def make() -> Iterable[Any]:
        others = {index_of(each): each for each in reversed(secondary.images)}
        for each in primary.images:
            if index_of(each) in others:
                yield add_bands(each, others[index_of(each)], None, overwrite)

    return primary.derived(make)


def _array(value: Any, name: str) -> Array:
    if not isinstance(value, Array):
        raise EarthEngineError(f"'{name}' is not an array.")
    return value


@function("Element.getArray")
def element_array(element: Any, name: str) -> Any:
    """A property that is an array."""
    value = features.get(element, name)
    return None if value is None else _array(value, name)


@function("Dictionary.getArray")
def dictionary_array(dictionary: Any, key: str) -> Array:
    """The value of a key, which must be an array."""
    if key not in dictionary:
        raise EarthEngineError(f"Dictionary does not contain key: '{key}'.")
    return _array(dictionary[key], key)


@function("List.getArray")
def list_array(items: list[Any], index: int) -> Array:
    """The element at a position, which must be an array."""
    return _array(items[position(items, index)], f"element {index}")


def _numbers(element: Any, names: list[str]) -> list[Any] | None:
    found = [field_of(element, name) for name in names]
    return found if all(is_number(value) for value in found) else None


@function("Feature.toArray")
def feature_to_array(feature: Any, names: list[str]) -> Array:
    """An array of some properties."""
    found = _numbers(feature, names)
    if found is None:
        raise EarthEngineError(f"Properties {', '.join(names)} must all be numbers.")
    return arrays.make(found)


@function("FeatureCollection.makeArray")
def make_array(collection: Collection, names: list[str], name: str) -> Collection:
    """A property with an array of others; features where one of them is not a number are dropped."""

    def make() -> Iterable[Any]:
        for each in collection.elements:
            found = _numbers(each, names)
            if found is not None:
                yield evolve(each, properties={**each.properties, name: arrays.make(found)})

    return collection.derived(make)
